//! What the tests share.

#![allow(dead_code, clippy::unwrap_used, missing_docs)]

pub mod ibsi;

use renalflow_imaging::{Geometry, Image, LabelMap, LabelNames, Volume};

/// To 1e-6 of the reference, or 1e-9 where it is near zero; NaN equals NaN.
#[track_caller]
pub fn assert_equal(value: f64, reference: f64, what: &str) {
    assert_near(value, reference, 1e-6, what);
}

/// To a part of the reference, or 1e-9 where it is near zero; NaN equals NaN.
#[track_caller]
pub fn assert_near(value: f64, reference: f64, relative: f64, what: &str) {
    let tolerance = (relative * reference.abs()).max(1e-9);
    assert!(
        (value - reference).abs() <= tolerance || (value.is_nan() && reference.is_nan()),
        "{what}: {value} here, {reference} there, off by {:.1e}",
        (value - reference).abs()
    );
}

pub fn grid(shape_zyx: [usize; 3], spacing_zyx_mm: [f64; 3]) -> Geometry {
    Geometry::upright(shape_zyx, spacing_zyx_mm).unwrap()
}

pub fn image(geometry: &Geometry, voxels: Vec<f64>) -> Image {
    Image::F64(Volume::new(geometry.clone(), voxels).unwrap())
}

pub fn mask(geometry: &Geometry, voxels: Vec<u16>) -> LabelMap {
    LabelMap {
        volume: Volume::new(geometry.clone(), voxels).unwrap(),
        names: LabelNames::new(),
    }
}
