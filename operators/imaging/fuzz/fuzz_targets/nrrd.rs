//! Any bytes as an NRRD file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use renalflow_imaging::{LabelNames, nrrd};
use renalflow_imaging_fuzz::file;

fuzz_target!(|bytes: &[u8]| {
    let path = file("a.nrrd", bytes);
    let geometry = nrrd::read_geometry(&path);
    if let Ok(image) = nrrd::read_image(&path) {
        assert_eq!(Ok(image.geometry()), geometry.as_ref().map_err(|_| ()));
    }
    let labels = nrrd::read_label_map(&path, LabelNames::new());
    let channel = nrrd::read_label_channel(&path, LabelNames::new(), 1);
    let results = [geometry.map(drop), labels.map(drop), channel.map(drop)];
    for error in results.into_iter().filter_map(Result::err) {
        assert!(!error.to_string().is_empty());
    }
});
