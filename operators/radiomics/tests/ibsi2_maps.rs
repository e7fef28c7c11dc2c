//! The response maps of IBSI 2, phase 1, to 1 % of their range.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use renalflow_imaging::io;
use renalflow_radiomics::conformance::ibsi2::response_map_tests;

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

#[test]
fn every_published_map_is_reproduced() {
    let phantoms = shared().join("data/ibsi/ibsi_2_digital_phantom/nifti");
    let maps = shared().join("reference/ibsi2");
    if !phantoms.is_dir() || !maps.is_dir() {
        let absent = [&phantoms, &maps]
            .into_iter()
            .find(|p| !p.is_dir())
            .unwrap();
        println!("skipped: {} is not there", absent.display());
        return;
    }
    println!("test    max deviation, % of range   s");
    let mut failed = Vec::new();
    let mut compared = 0;
    for test in response_map_tests() {
        let reference = maps.join(test.reference_file());
        let name = test.phantom;
        let phantom = phantoms.join(name).join(format!("image/{name}.nii.gz"));
        if let Some(absent) = [&reference, &phantom].into_iter().find(|p| !p.exists()) {
            println!("{:<7} skipped: {} is not there", test.id, absent.display());
            continue;
        }
        let phantom = io::read_image(&phantom).unwrap();
        let reference = io::read_image(&reference).unwrap();
        let start = Instant::now();
        let result = test.run(&phantom, &reference).unwrap();
        println!(
            "{:<7} {:>12.6} {:>17} {:>8.3}",
            test.id,
            result.deviation_percent(),
            if result.pass { "pass" } else { "FAIL" },
            start.elapsed().as_secs_f64(),
        );
        compared += 1;
        if !result.pass {
            failed.push(test.id);
        }
    }
    println!("{compared} maps compared");
    assert!(failed.is_empty(), "maps off by more than 1 %: {failed:?}");
}
