//! Any bytes as a DICOM file: the only slice of a series, contours, a segmentation.

#![no_main]

use libfuzzer_sys::fuzz_target;
use renalflow_imaging::{
    Geometry,
    dicom::{self, RtStruct, SeriesSelector},
};
use renalflow_imaging_fuzz::file;

fuzz_target!(|bytes: &[u8]| {
    let path = file("a.dcm", bytes);
    let Some(folder) = path.parent() else {
        return;
    };
    let Ok(grid) = Geometry::upright([4, 8, 8], [3.0, 1.0, 1.0]) else {
        return;
    };
    let series = dicom::read_series(folder, &SeriesSelector::Only).map(drop);
    let segmentation = dicom::read_segmentation(&path, &grid).map(drop);
    let contours = RtStruct::open(&path).and_then(|contours| {
        let names: Vec<&str> = contours.regions.iter().map(|r| r.name.as_str()).collect();
        contours.label_map(&names, &grid).map(drop)
    });
    let results = [series, segmentation, contours];
    for error in results.into_iter().filter_map(Result::err) {
        assert!(!error.to_string().is_empty());
    }
});
