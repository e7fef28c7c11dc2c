//! Real files. They are found through `RENALFLOW_SHARED`, default `../shared` beside the
//! checkout; a test whose files are absent says so and passes.

use std::path::PathBuf;

use renalflow_imaging::{
    LabelNames,
    dicom::{RtStruct, SeriesSelector, read_series},
    io::{read_image, read_label_map},
};

fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("passed over: {} is not there", path.display());
    None
}

/// The IBSI 1 CT phantom: DICOM series and RTSTRUCT against their NIfTI twin, voxel for voxel.
#[test]
fn the_ct_phantom_is_the_same_from_dicom_and_from_nifti() {
    let Some(root) = shared("data/ibsi/ibsi_1_ct_radiomics_phantom") else {
        return;
    };
    let (image, report) = read_series(root.join("dicom/image"), &SeriesSelector::Only).unwrap();
    assert_eq!(report.files_along_z.len(), 60);
    let twin = read_image(root.join("nifti/image/phantom.nii.gz")).unwrap();
    assert_eq!(image.dtype(), "i16");
    assert!(image.to_f64().voxels() == twin.to_f64().voxels());
    let distance = image.geometry().distance(twin.geometry()).unwrap();
    assert!(distance.mm < 1e-5, "{distance:?}");

    let contours = RtStruct::open(root.join("dicom/mask/DCM_RS_00060.dcm")).unwrap();
    let mask = contours.label_map(&["GTV-1"], image.geometry()).unwrap();
    let twin = read_label_map(root.join("nifti/mask/mask.nii.gz"), LabelNames::new()).unwrap();
    let differ = mask
        .volume
        .voxels()
        .iter()
        .zip(twin.volume.voxels())
        .filter(|(a, b)| a != b)
        .count();
    assert_eq!((differ, mask.counts()[&1]), (0, 125_256));
}

/// Every NIfTI and NRRD file reads, and masks lie on their image's grid.
#[test]
fn every_pair_of_image_and_mask_reads_and_coincides() {
    let mut pairs = Vec::new();
    if let Some(root) = shared("data/sts") {
        for entry in std::fs::read_dir(root).unwrap() {
            let case = entry.unwrap().path();
            pairs.push((case.join("image.nii.gz"), case.join("mask.nii.gz")));
        }
    }
    if let Some(root) = shared("data/pyradiomics") {
        for case in ["brain1", "breast1"] {
            pairs.push((
                root.join(format!("{case}_image.nrrd")),
                root.join(format!("{case}_label.nrrd")),
            ));
        }
    }
    for (image, mask) in pairs.into_iter().filter(|(image, _)| image.is_file()) {
        let image = read_image(&image).unwrap();
        let labels = read_label_map(&mask, LabelNames::new()).unwrap();
        assert!(
            image.geometry().coincides_with(labels.geometry()),
            "{}",
            mask.display()
        );
        assert!(!labels.counts().is_empty(), "{}", mask.display());
    }
}
