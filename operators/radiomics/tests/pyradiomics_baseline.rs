//! The tables that PyRadiomics tests itself against, with the settings they carry.
//!
//! Each column is a case under one set of settings, written as a Python dictionary, which is
//! YAML but for `None`. Planar shape has a test of its own, since its masks are single slices.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod common;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use common::assert_near;
use renalflow_imaging::{Image, LabelMap, LabelNames, io};
use renalflow_radiomics::Parameters;

const CLASSES: [&str; 7] = [
    "firstorder",
    "shape",
    "glcm",
    "glrlm",
    "glszm",
    "gldm",
    "ngtdm",
];

/// A table: names of rows, then a column a case and settings.
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(path: &Path) -> Self {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let owned = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        Self {
            header: owned(reader.headers().unwrap()),
            rows: reader.records().map(|row| owned(&row.unwrap())).collect(),
        }
    }

    fn cell(&self, row: &str, column: usize) -> &str {
        &self.rows.iter().find(|cells| cells[0] == row).unwrap()[column]
    }

    /// Names and values of the features in a column.
    fn features(&self, column: usize) -> impl Iterator<Item = (&str, f64)> {
        self.rows
            .iter()
            .filter(|cells| cells[0].starts_with("original_"))
            .map(move |cells| (cells[0].as_str(), cells[column].parse().unwrap()))
    }
}

/// A parameter file for the class, from the settings of the table.
fn parameters(class: &str, settings: &str) -> Parameters {
    let settings = settings.replace("None", "null");
    let text = format!(
        "imageType: {{Original: {{}}}}\nfeatureClass: {{{class}: }}\nsetting: {settings}\n"
    );
    Parameters::from_text(&text, "baseline").unwrap().0
}

fn case(folder: &Path, name: &str) -> Option<(Image, LabelMap)> {
    let [image, mask] = ["image", "label"].map(|part| folder.join(format!("{name}_{part}.nrrd")));
    (image.exists() && mask.exists()).then(|| {
        (
            io::read_image(&image).unwrap(),
            io::read_label_map(&mask, LabelNames::new()).unwrap(),
        )
    })
}

/// Brain 1's mesh in the table was made by a PyRadiomics before 2.0.1. Later versions, whose values
/// conformance compares, place the vertices of ambiguous cells otherwise.
fn old_mesh(class: &str, feature: &str) -> bool {
    class == "shape"
        && [
            "MeshVolume",
            "SurfaceArea",
            "SurfaceVolumeRatio",
            "Sphericity",
        ]
        .iter()
        .any(|name| feature.ends_with(name))
}

#[test]
fn every_value_of_pyradiomics_own_baselines_is_equal() {
    let shared = std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data/pyradiomics");
    if !folder.join("baseline").is_dir() {
        println!("skipped: {} has no baseline", folder.display());
        return;
    }
    let (mut compared, mut absent) = (0, BTreeSet::new());
    for class in CLASSES {
        let table = Table::read(&folder.join(format!("baseline/baseline_{class}.csv")));
        for column in 1..table.header.len() {
            let name = table.cell("diagnostics_Configuration_TestCase", column);
            let Some((image, mask)) = case(&folder, name) else {
                absent.insert(name.to_owned());
                continue;
            };
            let configuration = &table.header[column];
            let settings = table.cell("diagnostics_Configuration_Settings", column);
            let parameters = parameters(class, settings);
            let extraction = parameters.extract(&image, &mask, parameters.label).unwrap();
            // Every feature that is on by default has a reference.
            let known: BTreeSet<&str> = table.features(column).map(|(name, _)| name).collect();
            for column in parameters.columns().unwrap() {
                assert!(known.contains(column.as_str()), "{class} has no {column}");
            }
            for (feature, reference) in table.features(column) {
                if old_mesh(class, feature) && configuration == "brain1" {
                    continue;
                }
                let value = extraction.get(feature).unwrap_or(f64::NAN);
                assert_near(
                    value,
                    reference,
                    1e-6,
                    &format!("{configuration} {feature}"),
                );
                compared += 1;
            }
        }
    }
    println!("{compared} values compared; not there: {absent:?}");
    assert!(compared > 0);
}
