//! Filters and images to try them on.

use renalflow_imaging::Image;
use renalflow_radiomics::{
    BoundingBox, ImageType, RadiomicsError,
    filters::{
        Boundary, Dimensions, Gabor, Laws, Mean, NonseparableFamily, NonseparableWavelet, Pooling,
        SampledLog, SeparableWavelet, Source, ibsi2::derive,
    },
};
use std::f64::consts::PI;

use crate::common::{grid, image};

pub const BOUNDARIES: [Boundary; 4] = [
    Boundary::Zero,
    Boundary::Nearest,
    Boundary::Periodic,
    Boundary::Mirror,
];

/// Numbers between -100 and 100 without order.
pub fn noise(count: usize) -> Vec<f64> {
    let mut state = 42u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as f64 / f64::from(1u32 << 31) * 200.0 - 100.0
    };
    (0..count).map(|_| next()).collect()
}

pub fn noisy(shape_zyx: [usize; 3]) -> Image {
    image(
        &grid(shape_zyx, [1.0; 3]),
        noise(shape_zyx.iter().product()),
    )
}

pub fn constant(shape_zyx: [usize; 3], value: f64) -> Image {
    let voxels = vec![value; shape_zyx.iter().product()];
    image(&grid(shape_zyx, [1.0; 3]), voxels)
}

pub fn impulse(shape_zyx: [usize; 3], at_zyx: [usize; 3], spacing_zyx_mm: [f64; 3]) -> Image {
    let mut voxels = vec![0.0; shape_zyx.iter().product()];
    voxels[(at_zyx[0] * shape_zyx[1] + at_zyx[1]) * shape_zyx[2] + at_zyx[2]] = 1.0;
    image(&grid(shape_zyx, spacing_zyx_mm), voxels)
}

pub fn whole(image: &Image) -> BoundingBox {
    BoundingBox {
        start_zyx: [0; 3],
        shape_zyx: image.geometry().shape_zyx,
    }
}

pub fn on_window(
    filter: &ImageType,
    image: &Image,
    window: &BoundingBox,
    across: Option<usize>,
) -> Result<Vec<f64>, RadiomicsError> {
    let inside = vec![1; window.shape_zyx.iter().product()];
    let source = Source {
        image,
        window,
        inside: &inside,
        force_2d_across_axis: across,
    };
    let mut derived = derive(filter, &source)?.unwrap();
    assert_eq!(derived.len(), 1);
    Ok(derived.remove(0).values)
}

pub fn response(filter: &ImageType, image: &Image) -> Vec<f64> {
    on_window(filter, image, &whole(image), None).unwrap()
}

pub fn mean(support_voxels: usize, dimensions: Dimensions, boundary: Boundary) -> ImageType {
    ImageType::Mean(Mean {
        support_voxels,
        dimensions,
        boundary,
    })
}

pub fn log(sigma_mm: f64, riesz_order_xyz: Option<[u32; 3]>, boundary: Boundary) -> ImageType {
    ImageType::SampledLog(SampledLog {
        sigma_mm,
        truncate: 4.0,
        dimensions: Dimensions::Three,
        riesz_order_xyz,
        boundary,
    })
}

pub fn laws(
    kernels: &str,
    pooling: Option<Pooling>,
    energy: Option<usize>,
    boundary: Boundary,
) -> ImageType {
    ImageType::Laws(Laws {
        kernels: kernels.to_owned(),
        rotation_invariance: pooling,
        energy_distance_voxels: energy,
        boundary,
    })
}

pub fn wavelet(
    subband: &str,
    level: usize,
    pooling: Option<Pooling>,
    boundary: Boundary,
) -> ImageType {
    ImageType::SeparableWavelet(SeparableWavelet {
        wavelet: "db2".to_owned(),
        level,
        subband: subband.to_owned(),
        rotation_invariance: pooling,
        boundary,
    })
}

pub fn gabor(orthogonal_planes: bool, step: Option<f64>, boundary: Boundary) -> ImageType {
    ImageType::Gabor(Gabor {
        sigma_mm: 1.2,
        lambda_mm: 3.0,
        gamma: 0.7,
        theta_rad: 0.4,
        theta_step_rad: step,
        orthogonal_planes,
        pooling: Pooling::Average,
        boundary,
    })
}

pub fn simoncelli(riesz_order_xyz: Option<[u32; 3]>, boundary: Boundary) -> ImageType {
    ImageType::NonseparableWavelet(NonseparableWavelet {
        family: NonseparableFamily::Simoncelli,
        level: 1,
        dimensions: Dimensions::Three,
        riesz_order_xyz,
        boundary,
    })
}

/// One of each kind, in slices and in the volume.
pub fn assortment(boundary: Boundary) -> Vec<ImageType> {
    let in_slices = |filter: ImageType| match filter {
        ImageType::SampledLog(filter) => ImageType::SampledLog(SampledLog {
            dimensions: Dimensions::Two,
            ..filter
        }),
        ImageType::NonseparableWavelet(filter) => {
            ImageType::NonseparableWavelet(NonseparableWavelet {
                dimensions: Dimensions::Two,
                ..filter
            })
        }
        other => other,
    };
    vec![
        mean(5, Dimensions::Three, boundary),
        mean(3, Dimensions::Two, boundary),
        log(1.1, None, boundary),
        in_slices(log(1.1, None, boundary)),
        log(0.8, Some([1, 0, 1]), boundary),
        in_slices(log(0.8, Some([1, 0, 0]), boundary)),
        laws("E5L5S3", None, Some(2), boundary),
        laws("E5L5W5", Some(Pooling::Maximum), Some(3), boundary),
        laws("L5E5", Some(Pooling::Average), None, boundary),
        wavelet("LHH", 2, Some(Pooling::Average), boundary),
        wavelet("LH", 2, None, boundary),
        gabor(false, None, boundary),
        gabor(true, Some(PI / 2.0), boundary),
        simoncelli(None, boundary),
        in_slices(simoncelli(Some([0, 2, 0]), boundary)),
    ]
}

#[track_caller]
pub fn assert_close(ours: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}: {a} is not {b} at {i}");
    }
}

/// The array with its axes in another order, and reversed along some.
pub fn turned(
    values: &[f64],
    shape: [usize; 3],
    permutation: [usize; 3],
    reversed: [bool; 3],
) -> Vec<f64> {
    let new_shape = permutation.map(|axis| shape[axis]);
    let mut out = Vec::with_capacity(values.len());
    for z in 0..new_shape[0] {
        for y in 0..new_shape[1] {
            for x in 0..new_shape[2] {
                let mut old = [0; 3];
                for (new_axis, index) in [z, y, x].into_iter().enumerate() {
                    old[permutation[new_axis]] = if reversed[new_axis] {
                        new_shape[new_axis] - 1 - index
                    } else {
                        index
                    };
                }
                out.push(values[(old[0] * shape[1] + old[1]) * shape[2] + old[2]]);
            }
        }
    }
    out
}
