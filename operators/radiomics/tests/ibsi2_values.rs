//! The feature values of IBSI 2, phase 2, within their tolerances.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use renalflow_imaging::{LabelNames, io};
use renalflow_radiomics::conformance::ibsi2::{
    Configuration, parse_reference_values, prepare, value_tests,
};

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

#[test]
fn every_value_is_within_its_tolerance() {
    let folder = shared().join("data/ibsi/ibsi_1_ct_radiomics_phantom/nifti");
    let table = shared().join("reference/ibsi2/reference_values.csv");
    let files = [
        folder.join("image/phantom.nii.gz"),
        folder.join("mask/mask.nii.gz"),
        table,
    ];
    if let Some(absent) = files.iter().find(|file| !file.exists()) {
        println!("skipped: {} is not there", absent.display());
        return;
    }
    let image = io::read_image(&files[0]).unwrap();
    let mask = io::read_label_map(&files[1], LabelNames::new()).unwrap();
    let references = parse_reference_values(&std::fs::read_to_string(&files[2]).unwrap()).unwrap();
    let [a, b] = [Configuration::A, Configuration::B]
        .map(|configuration| prepare(configuration, &image, &mask).unwrap());

    let mut failed = Vec::new();
    let mut compared = 0;
    for test in value_tests() {
        let prepared = match test.configuration {
            Configuration::A => &a,
            Configuration::B => &b,
        };
        let start = Instant::now();
        let results = test.run(prepared, &references).unwrap();
        println!("{} in {:.3} s", test.id, start.elapsed().as_secs_f64());
        for result in results {
            println!(
                "  {:<36} {:>12.5} (± {:>9.4}) {:>12.5} {:>7.3} of tolerance {}",
                result.feature,
                result.reference,
                result.tolerance,
                result.ours,
                (result.ours - result.reference).abs() / result.tolerance,
                if result.pass { "" } else { "FAIL" },
            );
            compared += 1;
            if !result.pass {
                failed.push(format!("{} {}", result.id, result.feature));
            }
        }
    }
    println!("{compared} values compared");
    assert_eq!(compared, 323, "every value that has a reference");
    assert!(failed.is_empty(), "outside their tolerance: {failed:?}");
}
