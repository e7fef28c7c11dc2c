//! Any bytes as a NIfTI file, plain, and compressed where the first byte is odd.

#![no_main]

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;
use renalflow_imaging::{LabelNames, nifti};
use renalflow_imaging_fuzz::file;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else {
        return;
    };
    let path = if first % 2 == 1 {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        file("a.nii.gz", &encoder.finish().expect("memory"))
    } else {
        file("a.nii", bytes)
    };
    let geometry = nifti::read_geometry(&path);
    let image = nifti::read_image(&path);
    let labels = nifti::read_label_map(&path, LabelNames::new());
    if let Ok(image) = image {
        assert_eq!(Ok(image.geometry()), geometry.as_ref().map_err(|_| ()));
    }
    for error in [geometry.map(drop), labels.map(drop)]
        .into_iter()
        .filter_map(Result::err)
    {
        assert!(!error.to_string().is_empty());
    }
});
