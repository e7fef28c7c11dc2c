//! Resampling a CT of usual size: `[160, 512, 512]` 16-bit voxels of 2.5 x 0.8 x 0.8 mm to
//! 1.25 mm, `f32` out. `resample_sitk.py` runs this beside SimpleITK.

use criterion::{Criterion, criterion_group, criterion_main};
use renalflow_imaging::{
    Geometry, Image, Volume,
    resample::{GridRule, Interpolation, Precision, Resampling, resample_image},
};

/// Structure at every scale, and the same values in `resample_sitk.py`.
fn ct() -> Image {
    let shape = [160, 512, 512];
    let geometry = Geometry::upright(shape, [2.5, 0.8, 0.8]).expect("a valid grid");
    let mut state = 1u32;
    let voxels: Vec<i16> = (0..geometry.len())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 20) as i16 - 1024
        })
        .collect();
    Image::I16(Volume::new(geometry, voxels).expect("one value a voxel"))
}

fn resample(c: &mut Criterion) {
    let image = ct();
    let target = GridRule::Ibsi
        .grid(image.geometry(), [1.25; 3])
        .expect("a valid grid");
    let mut group = c.benchmark_group("resample");
    group.sample_size(10);
    for (name, interpolation, precision) in [
        ("nearest", Interpolation::Nearest, Precision::Single),
        ("linear", Interpolation::Linear, Precision::Single),
        ("cubic", Interpolation::CubicBSpline, Precision::Single),
        ("linear_f64", Interpolation::Linear, Precision::Double),
        ("cubic_f64", Interpolation::CubicBSpline, Precision::Double),
    ] {
        let how = Resampling {
            precision,
            ..Resampling::new(interpolation)
        };
        group.bench_function(name, |b| {
            b.iter(|| resample_image(&image, &target, &how).expect("a valid request"));
        });
    }
    group.finish();
}

criterion_group!(benches, resample);
criterion_main!(benches);
