//! Run lengths, zone sizes and dependence counts equal PyRadiomics' on the real cases of the
//! shared reference table of extractions within slices, at distances 1 and 2, with levels one
//! apart depending on each other, and of a resegmented mask.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::assert_equal;
use renalflow_imaging::{LabelNames, io, with_image};
use renalflow_radiomics::{ClassSelection, Discretisation, Settings, extract};

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

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

fn stays(intensity: impl Into<f64>) -> bool {
    (-150.0..=250.0).contains(&intensity.into())
}

#[test]
fn slices_of_every_case_equal_pyradiomics() {
    let table = shared().join("reference/pyradiomics/slicewise.csv");
    let Ok(text) = std::fs::read_to_string(&table) else {
        println!("skipped: {} is not there", table.display());
        return;
    };
    let settings = Settings {
        discretisation: Discretisation::BinWidth(10.0),
        force_2d_across_axis: Some(0),
        distances_voxels: vec![1, 2],
        gldm_alpha: 1.0,
        classes: ["glrlm", "glszm", "gldm"]
            .map(ClassSelection::defaults_of)
            .into(),
        ..Settings::default()
    };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
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
        let mut mask = io::read_label_map(&mask, LabelNames::new()).unwrap();
        let stays: Vec<bool> = with_image!(&image, volume => {
            let voxels = volume.voxels().iter();
            voxels.map(|&x| stays(x)).collect()
        });
        let labels: Vec<u16> = mask
            .volume
            .voxels()
            .iter()
            .zip(stays)
            .map(|(&label, stays)| label * u16::from(stays))
            .collect();
        mask.volume = renalflow_imaging::Volume::new(mask.geometry().clone(), labels).unwrap();
        let features = extract(&image, &mask, 1, &settings).unwrap();
        assert_eq!(features.values.len(), 16 + 16 + 14);
        for feature in &features.values {
            let reference: f64 = row[feature.column.as_str()].parse().unwrap();
            let what = format!("{case} {}", feature.column);
            assert_equal(feature.value, reference, &what);
            compared += 1;
        }
    }
    println!("{compared} values compared");
}
