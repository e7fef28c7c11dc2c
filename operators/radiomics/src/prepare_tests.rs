//! Resampling a part is resampling the whole.

#![allow(clippy::unwrap_used)]

use super::*;

/// A line of voxels long enough for a part of it to be cut out, each its own index.
fn line(spacing_mm: f64, origin_mm: f64) -> Image {
    let mut geometry = Geometry::upright([2, 2, 200], [1.0, 1.0, spacing_mm]).unwrap();
    geometry.origin_xyz_mm[0] = origin_mm;
    let voxels: Vec<f64> = (0..geometry.len()).map(|i| i as f64).collect();
    Image::F64(Volume::new(geometry, voxels).unwrap())
}

#[test]
fn halves_fall_where_they_fall_on_the_whole_image() {
    let how = Resampling {
        interpolation: Interpolation::Nearest,
        precision: Precision::Double,
        output: Output::AsInput,
        outside: 0.0,
    };
    for spacing_mm in [0.3, 0.6, 0.7, 0.8, 0.9, 1.1] {
        for origin_mm in [0.0, -12.3, -101.7, 55.5] {
            let image = line(spacing_mm, origin_mm);
            // Every position is a half but for rounding.
            let mut target = Geometry::upright([2, 2, 9], [1.0, 1.0, 2.0 * spacing_mm]).unwrap();
            target.origin_xyz_mm[0] = origin_mm + 100.5 * spacing_mm;
            let part = resample_part(&image, &target, &how).unwrap();
            let whole = resample_image(&image, &target, &how).unwrap();
            assert_eq!(part, whole, "{spacing_mm} mm from {origin_mm} mm");
        }
    }
}
