//! The parameter files that made the reference tables.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use renalflow_radiomics::Parameters;

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

/// The columns of a reference table, without case and diagnostics; the table sorts them.
fn columns_of(table: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(table).unwrap();
    let header = text.lines().next().unwrap();
    let columns = header.split(',').map(str::to_owned);
    columns
        .filter(|column| column != "case" && !column.starts_with("diagnostics_"))
        .collect()
}

#[test]
fn each_file_has_the_columns_of_its_table() {
    for name in ["original", "filters", "resampled", "slicewise"] {
        let folder = shared().join("reference/pyradiomics");
        let path = folder.join(format!("params/{name}.yaml"));
        if !path.exists() {
            println!("skipped: {} is not there", path.display());
            continue;
        }
        let (parameters, _) = Parameters::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let columns = parameters.columns().unwrap().into_iter().collect();
        let mut columns: BTreeSet<String> = columns;
        let table = columns_of(&folder.join(format!("{name}.csv")));
        // scikit-image and scipy too new for PyRadiomics make it leave LBP3D out.
        if !table.iter().any(|column| column.starts_with("lbp-3D")) {
            columns.retain(|column| !column.starts_with("lbp-3D"));
        }
        assert_eq!(columns, table, "{name}");
    }
}
