//! Every value of IBSI 1, IBSI 2 and PyRadiomics' tables, as `renalflow conformance` compares them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::path::{Path, PathBuf};

use renalflow_radiomics::conformance::{Check, ConformanceError, ibsi_1, ibsi_2, pyradiomics};

/// Values that are compared where all references are there. Fewer would mean that some were
/// passed over.
const IBSI_1_VALUES: usize = 1804;
const IBSI_2_VALUES: usize = 341;

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

/// The checks, `None` where this machine has no references.
fn compare(
    compare: fn(&Path) -> Result<Vec<Check>, ConformanceError>,
    references: &str,
) -> Option<Vec<Check>> {
    let folder = shared().join(references);
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    let checks = compare(&shared()).unwrap();
    let missed: Vec<_> = checks.iter().filter(|check| !check.pass).collect();
    assert!(
        missed.is_empty(),
        "{} of {} values miss, the first {:#?}",
        missed.len(),
        checks.len(),
        &missed[..missed.len().min(5)]
    );
    println!("{} values compared", checks.len());
    Some(checks)
}

#[test]
fn every_feature_value_of_ibsi_1_is_within_its_tolerance() {
    if let Some(checks) = compare(ibsi_1, "reference/ibsi1") {
        assert_eq!(checks.len(), IBSI_1_VALUES);
    }
}

#[test]
fn every_map_and_value_of_ibsi_2_is_within_its_tolerance() {
    if let Some(checks) = compare(ibsi_2, "reference/ibsi2") {
        assert_eq!(checks.len(), IBSI_2_VALUES);
    }
}

#[test]
fn every_value_of_pyradiomics_tables_is_equal_and_no_column_is_over() {
    if let Some(checks) = compare(pyradiomics, "reference/pyradiomics") {
        // Nearer than the tolerance that is stated for them, so that drifting off shows.
        let far = checks
            .iter()
            .filter(|check| check.configuration.starts_with("resampled"))
            .find(|check| {
                let ours = check.ours.unwrap_or(f64::NAN);
                (ours - check.reference).abs() > (1e-6 * check.reference.abs()).max(1e-9)
            });
        assert!(far.is_none(), "{far:?}");
    }
}
