use std::fs;

use renalflow_imaging::{
    LabelNames,
    io::{read_geometry, read_image, read_label_map},
};

use crate::build::{Folder, Nifti, gzip, ramp_i16};

#[test]
fn the_path_tells_the_format() {
    let folder = Folder::new();
    let nifti = Nifti::new(4, ramp_i16()).bytes();
    let nrrd = [
        &b"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nspacings: 1 2 3\nendian: little\nencoding: raw\n\n"[..],
        &ramp_i16(),
    ]
    .concat();
    for (name, bytes) in [
        ("a.nii", &nifti),
        ("A.NII.GZ", &gzip(&nifti)),
        ("a.nrrd", &nrrd),
    ] {
        let path = folder.file(name, bytes);
        let image = read_image(&path).unwrap();
        assert_eq!(image.geometry(), &read_geometry(&path).unwrap());
        let labels = read_label_map(&path, LabelNames::new()).unwrap();
        assert_eq!(labels.geometry(), image.geometry());
        assert_eq!(labels.counts().len(), 23);
    }
}

#[test]
fn what_is_not_supported_is_told_what_is() {
    let folder = Folder::new();
    let path = folder.file("a.mha", b"ObjectType = Image");
    for text in [
        read_image(&path).unwrap_err().to_string(),
        read_label_map(&path, LabelNames::new())
            .unwrap_err()
            .to_string(),
        read_geometry(&path).unwrap_err().to_string(),
    ] {
        assert!(
            text.contains("a.mha") && text.contains(".nii.gz") && text.contains("DICOM"),
            "{text}"
        );
    }
    let text = read_image(folder.path("absent.mha"))
        .unwrap_err()
        .to_string();
    assert!(text.contains("check the path"), "{text}");
    fs::create_dir(folder.path("empty")).unwrap();
    let text = read_image(folder.path("empty")).unwrap_err().to_string();
    assert!(
        text.contains("no DICOM image slices") && text.contains("none"),
        "{text}"
    );
    let text = read_label_map(folder.path("empty"), LabelNames::new())
        .unwrap_err()
        .to_string();
    assert!(text.contains("RTSTRUCT"), "{text}");
}
