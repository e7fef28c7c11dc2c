//! Equal to PyRadiomics on the real cases of the shared reference table, column for column.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::assert_equal;
use renalflow_imaging::{LabelNames, io};
use renalflow_radiomics::{Settings, columns, extract};

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

/// Image and mask of a case of the reference table.
fn files(case: &str) -> [PathBuf; 2] {
    if case.starts_with("STS_") {
        let folder = shared().join("data/sts").join(case);
        [folder.join("image.nii.gz"), folder.join("mask.nii.gz")]
    } else {
        let folder = shared().join("data/pyradiomics");
        [
            folder.join(format!("{case}_image.nrrd")),
            folder.join(format!("{case}_label.nrrd")),
        ]
    }
}

#[test]
fn every_column_of_every_case_equals_pyradiomics() {
    let table = shared().join("reference/pyradiomics/original.csv");
    let Ok(text) = std::fs::read_to_string(&table) else {
        println!("skipped: {} is not there", table.display());
        return;
    };
    let settings = Settings::default();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let ours = [
        "original_firstorder_",
        "original_shape_",
        "original_glcm_",
        "original_glrlm_",
        "original_glszm_",
        "original_gldm_",
        "original_ngtdm_",
    ];
    let expected: BTreeSet<&str> = header
        .iter()
        .copied()
        .filter(|column| ours.iter().any(|prefix| column.starts_with(prefix)))
        .collect();
    let produced = columns(&settings).unwrap();
    let produced: BTreeSet<&str> = produced.iter().map(String::as_str).collect();
    assert_eq!(
        produced, expected,
        "columns here and in the reference table"
    );

    let mut compared = 0;
    for line in lines {
        let row: BTreeMap<&str, &str> = header.iter().copied().zip(line.split(',')).collect();
        let case = row["case"];
        let [image, mask] = files(case);
        if !image.exists() {
            println!("skipped {case}: {} is not there", image.display());
            continue;
        }
        let image = io::read_image(&image).unwrap();
        let mask = io::read_label_map(&mask, LabelNames::new()).unwrap();
        let features = extract(&image, &mask, 1, &settings).unwrap();
        for feature in &features.values {
            let reference: f64 = row[feature.column.as_str()].parse().unwrap();
            assert_equal(
                feature.value,
                reference,
                &format!("{case} {}", feature.column),
            );
            compared += 1;
        }
    }
    println!("{compared} values compared");
}
