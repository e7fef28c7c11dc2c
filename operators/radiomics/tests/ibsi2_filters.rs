//! What the filters of IBSI 2 do on any image.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use std::f64::consts::{PI, TAU};

use common::{grid, image};
use renalflow_imaging::Image;
use renalflow_radiomics::{
    BoundingBox, ImageType, RadiomicsError,
    filters::{
        Boundary, Dimensions, Gabor, Laws, Mean, NonseparableFamily, NonseparableWavelet, Pooling,
        SampledLog, SeparableWavelet, Source,
        ibsi2::{coefficients, derive},
    },
};

const BOUNDARIES: [Boundary; 4] = [
    Boundary::Zero,
    Boundary::Nearest,
    Boundary::Periodic,
    Boundary::Mirror,
];

/// Numbers between -100 and 100 without order.
fn noise(count: usize) -> Vec<f64> {
    let mut state = 42u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as f64 / f64::from(1u32 << 31) * 200.0 - 100.0
    };
    (0..count).map(|_| next()).collect()
}

fn noisy(shape_zyx: [usize; 3]) -> Image {
    image(
        &grid(shape_zyx, [1.0; 3]),
        noise(shape_zyx.iter().product()),
    )
}

fn constant(shape_zyx: [usize; 3], value: f64) -> Image {
    let voxels = vec![value; shape_zyx.iter().product()];
    image(&grid(shape_zyx, [1.0; 3]), voxels)
}

fn impulse(shape_zyx: [usize; 3], at_zyx: [usize; 3], spacing_zyx_mm: [f64; 3]) -> Image {
    let mut voxels = vec![0.0; shape_zyx.iter().product()];
    voxels[(at_zyx[0] * shape_zyx[1] + at_zyx[1]) * shape_zyx[2] + at_zyx[2]] = 1.0;
    image(&grid(shape_zyx, spacing_zyx_mm), voxels)
}

fn whole(image: &Image) -> BoundingBox {
    BoundingBox {
        start_zyx: [0; 3],
        shape_zyx: image.geometry().shape_zyx,
    }
}

fn on_window(
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

fn response(filter: &ImageType, image: &Image) -> Vec<f64> {
    on_window(filter, image, &whole(image), None).unwrap()
}

fn mean(support_voxels: usize, dimensions: Dimensions, boundary: Boundary) -> ImageType {
    ImageType::Mean(Mean {
        support_voxels,
        dimensions,
        boundary,
    })
}

fn log(sigma_mm: f64, riesz_order_xyz: Option<[u32; 3]>, boundary: Boundary) -> ImageType {
    ImageType::SampledLog(SampledLog {
        sigma_mm,
        truncate: 4.0,
        dimensions: Dimensions::Three,
        riesz_order_xyz,
        boundary,
    })
}

fn laws(
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

fn wavelet(subband: &str, level: usize, pooling: Option<Pooling>, boundary: Boundary) -> ImageType {
    ImageType::SeparableWavelet(SeparableWavelet {
        wavelet: "db2".to_owned(),
        level,
        subband: subband.to_owned(),
        rotation_invariance: pooling,
        boundary,
    })
}

fn gabor(orthogonal_planes: bool, step: Option<f64>, boundary: Boundary) -> ImageType {
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

fn simoncelli(riesz_order_xyz: Option<[u32; 3]>, boundary: Boundary) -> ImageType {
    ImageType::NonseparableWavelet(NonseparableWavelet {
        family: NonseparableFamily::Simoncelli,
        level: 1,
        dimensions: Dimensions::Three,
        riesz_order_xyz,
        boundary,
    })
}

/// One of each kind, in slices and in the volume.
fn assortment(boundary: Boundary) -> Vec<ImageType> {
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
fn assert_close(ours: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}: {a} is not {b} at {i}");
    }
}

/// The array with its axes in another order, and reversed along some.
fn turned(
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

#[test]
fn a_window_holds_what_the_whole_response_holds_there() {
    let shape = [7, 9, 8];
    let image = noisy(shape);
    let windows = [
        ([0, 0, 0], [1, 1, 1]),
        ([2, 3, 1], [3, 4, 5]),
        ([5, 6, 6], [2, 3, 2]),
    ];
    for filter in BOUNDARIES.into_iter().flat_map(assortment) {
        let all = response(&filter, &image);
        for (start_zyx, shape_zyx) in windows {
            let window = BoundingBox {
                start_zyx,
                shape_zyx,
            };
            let part = on_window(&filter, &image, &window, None).unwrap();
            let mut expected = Vec::new();
            for z in 0..shape_zyx[0] {
                for y in 0..shape_zyx[1] {
                    let row = (start_zyx[0] + z) * shape[1] + start_zyx[1] + y;
                    let first = row * shape[2] + start_zyx[2];
                    expected.extend_from_slice(&all[first..first + shape_zyx[2]]);
                }
            }
            assert_close(&part, &expected, 1e-9, &format!("{filter:?} {window:?}"));
        }
    }
}

#[test]
fn slices_may_lie_across_any_axis() {
    let shape = [6, 5, 7];
    let image = noisy(shape);
    let filters = [
        mean(3, Dimensions::Two, Boundary::Mirror),
        laws("E5S3", Some(Pooling::Maximum), Some(1), Boundary::Periodic),
        wavelet("LH", 1, None, Boundary::Zero),
        gabor(false, None, Boundary::Nearest),
        ImageType::NonseparableWavelet(NonseparableWavelet {
            family: NonseparableFamily::Shannon,
            level: 1,
            dimensions: Dimensions::Two,
            riesz_order_xyz: Some([1, 0, 0]),
            boundary: Boundary::Mirror,
        }),
    ];
    for filter in &filters {
        for (across, permutation, back) in [(1, [1, 0, 2], [1, 0, 2]), (2, [2, 0, 1], [1, 2, 0])] {
            let ours = on_window(filter, &image, &whole(&image), Some(across)).unwrap();
            let new_shape = permutation.map(|axis| shape[axis]);
            let values = turned(&noise(6 * 5 * 7), shape, permutation, [false; 3]);
            let moved = common::image(&grid(new_shape, [1.0; 3]), values);
            let axial = response(filter, &moved);
            let expected = turned(&axial, new_shape, back, [false; 3]);
            assert_close(
                &ours,
                &expected,
                1e-9,
                &format!("{filter:?} across {across}"),
            );
        }
    }
}

#[test]
fn kernels_answer_a_constant_as_they_should() {
    let flat = constant([6, 7, 8], 3.0);
    let inside = [Boundary::Nearest, Boundary::Periodic, Boundary::Mirror];
    for boundary in inside {
        let all = |value: f64| vec![value; 6 * 7 * 8];
        let check = |filter: ImageType, value: f64, tolerance: f64| {
            let ours = response(&filter, &flat);
            assert_close(&ours, &all(value), tolerance, &format!("{filter:?}"));
        };
        check(mean(5, Dimensions::Three, boundary), 3.0, 1e-12);
        // A sampled kernel does not sum to 0 to the last digit; the wider, the closer.
        check(log(2.0, None, boundary), 0.0, 5e-3);
        check(laws("E5L5S5", None, None, boundary), 0.0, 1e-12);
        // L5 sums to 16 / √70.
        let level = 3.0 * (16.0 / 70f64.sqrt()).powi(3);
        check(laws("L5L5L5", None, Some(2), boundary), level, 1e-11);
        check(
            wavelet("LHL", 2, Some(Pooling::Maximum), boundary),
            0.0,
            1e-11,
        );
        // A low-pass filter sums to √2, at each of two levels, along each of three axes.
        check(wavelet("LLL", 2, None, boundary), 24.0, 1e-10);
        check(simoncelli(None, boundary), 0.0, 1e-12);
    }
}

#[test]
fn the_response_to_an_impulse_is_the_kernel() {
    let shape = [15, 17, 19];
    let at = [7, 8, 9];
    let spacing = [2.0, 2.0, 2.0];
    let point = impulse(shape, at, spacing);
    let each = |values: Vec<f64>, kernel: &dyn Fn([f64; 3]) -> f64, what: &str| {
        let mut i = 0;
        for z in 0..shape[0] {
            for y in 0..shape[1] {
                for x in 0..shape[2] {
                    let offset = [z as f64 - 7.0, y as f64 - 8.0, x as f64 - 9.0];
                    let expected = kernel(offset);
                    assert!((values[i] - expected).abs() < 1e-12, "{what} at {offset:?}");
                    i += 1;
                }
            }
        }
    };

    // σ is 1.5 voxels, the kernel ends at 6.
    let laplacian = |k: [f64; 3]| {
        let squared: f64 = k.iter().map(|k| k * k).sum();
        if k.iter().any(|k| k.abs() > 6.0) {
            return 0.0;
        }
        let height = (1.0 / (TAU.sqrt() * 1.5)).powi(3) / 2.25;
        -height * (3.0 - squared / 2.25) * (-squared / 4.5).exp()
    };
    each(
        response(&log(3.0, None, Boundary::Zero), &point),
        &laplacian,
        "log",
    );

    let edge = |k: f64| match k as i64 {
        -2 => -1.0,
        -1 => -2.0,
        1 => 2.0,
        2 => 1.0,
        _ => 0.0,
    };
    let spot = |k: f64| match k as i64 {
        0 => 2.0,
        -1 | 1 => -1.0,
        _ => 0.0,
    };
    let level = |k: f64| match k as i64 {
        0 => 2.0,
        -1 | 1 => 1.0,
        _ => 0.0,
    };
    let product = |[z, y, x]: [f64; 3]| {
        edge(x) * spot(y) * level(z) / (10f64.sqrt() * 6f64.sqrt() * 6f64.sqrt())
    };
    each(
        response(&laws("E5S3L3", None, None, Boundary::Zero), &point),
        &product,
        "laws",
    );

    let (low, high) = coefficients("db2").unwrap();
    let tap = |taps: &[f64], k: f64| {
        let place = k as i64 + 2;
        usize::try_from(place).map_or(0.0, |p| taps.get(p).copied().unwrap_or(0.0))
    };
    let bands = |[z, y, x]: [f64; 3]| tap(&high, x) * tap(&low, y) * tap(&low, z);
    each(
        response(&wavelet("HLL", 1, None, Boundary::Zero), &point),
        &bands,
        "wavelet",
    );

    let envelope = |[z, y, x]: [f64; 3]| {
        let (sin, cos) = 0.4f64.sin_cos();
        let [along, across] = [x * cos + y * sin, y * cos - x * sin].map(|k| 2.0 * k);
        let squared = along.powi(2) + (0.7 * across).powi(2);
        f64::from(u8::from(z == 0.0)) * (-squared / (2.0 * 1.44)).exp()
    };
    let values = response(&gabor(false, None, Boundary::Zero), &point);
    let mut i = 0;
    for z in 0..shape[0] {
        for y in 0..shape[1] {
            for x in 0..shape[2] {
                let offset = [z as f64 - 7.0, y as f64 - 8.0, x as f64 - 9.0];
                // The kernel ends where its envelope is down to 1.5e-8.
                assert!(
                    (values[i] - envelope(offset)).abs() < 2e-8,
                    "gabor {offset:?}"
                );
                i += 1;
            }
        }
    }
}

#[test]
fn pooled_responses_turn_with_the_image() {
    // Odd, because frequencies of an even number of samples are not the same both ways.
    let shape = [7, 7, 7];
    let values = noise(343);
    let original = image(&grid(shape, [1.0; 3]), values.clone());
    let quarter_turns = [
        ([0, 2, 1], [false, true, false]),
        ([2, 1, 0], [true, false, false]),
        ([1, 0, 2], [true, false, false]),
        ([1, 2, 0], [false; 3]),
    ];
    let symmetric_gabor = ImageType::Gabor(Gabor {
        sigma_mm: 1.2,
        lambda_mm: 3.0,
        gamma: 0.7,
        theta_rad: 0.0,
        theta_step_rad: Some(PI / 4.0),
        orthogonal_planes: true,
        pooling: Pooling::Maximum,
        boundary: Boundary::Mirror,
    });
    let filters = [
        laws("E5L5W5", Some(Pooling::Maximum), Some(1), Boundary::Mirror),
        laws("E3L5S5", Some(Pooling::Average), None, Boundary::Zero),
        wavelet("LHH", 2, Some(Pooling::Average), Boundary::Periodic),
        wavelet("LLH", 1, Some(Pooling::Maximum), Boundary::Nearest),
        // Orientations that are each other's mirror images, as planes change handedness.
        symmetric_gabor,
        simoncelli(None, Boundary::Mirror),
        log(1.0, None, Boundary::Mirror),
    ];
    for filter in &filters {
        let before = response(filter, &original);
        for (permutation, reversed) in quarter_turns {
            let moved = turned(&values, shape, permutation, reversed);
            let after = response(filter, &image(&grid(shape, [1.0; 3]), moved));
            let expected = turned(&before, shape, permutation, reversed);
            assert_close(
                &after,
                &expected,
                1e-9,
                &format!("{filter:?} {permutation:?}"),
            );
        }
    }
    // In slices: quarter turns in the slice.
    let filter = laws("E5L5", Some(Pooling::Maximum), None, Boundary::Mirror);
    let (permutation, reversed) = quarter_turns[0];
    let moved = turned(&values, shape, permutation, reversed);
    let after = response(&filter, &image(&grid(shape, [1.0; 3]), moved));
    let expected = turned(&response(&filter, &original), shape, permutation, reversed);
    assert_close(&after, &expected, 1e-9, "laws in slices");
}

#[test]
fn bands_of_a_riesz_transform_share_their_energy() {
    // The squared transforms of one order sum to the squared identity.
    let image = noisy([7, 9, 11]);
    let boundary = Boundary::Periodic;
    let energy = |filter: ImageType| {
        let values = response(&filter, &image);
        values.iter().map(|v| v * v).sum::<f64>()
    };
    let plain = energy(simoncelli(None, boundary));
    for order in 1..=2u32 {
        let mut sum = 0.0;
        for x in 0..=order {
            for y in 0..=order - x {
                sum += energy(simoncelli(Some([x, y, order - x - y]), boundary));
            }
        }
        assert!(
            (sum - plain).abs() < 1e-9 * plain,
            "order {order}: {sum} {plain}"
        );
    }
}

#[test]
fn a_gaussian_is_round_in_mm() {
    // Twice the voxels along x: the response at the same places in mm has the same shape.
    let fine = impulse([3, 21, 41], [1, 10, 20], [2.0, 1.0, 0.5]);
    let filter = ImageType::SampledLog(SampledLog {
        sigma_mm: 1.5,
        truncate: 4.0,
        dimensions: Dimensions::Two,
        riesz_order_xyz: None,
        boundary: Boundary::Zero,
    });
    let values = response(&filter, &fine);
    let at = |y: usize, x: usize| values[(21 + y) * 41 + x];
    for mm in 1..=5 {
        let (along_y, along_x) = (at(10 + mm, 20), at(10, 20 + 2 * mm));
        assert!(
            (along_y - along_x).abs() < 1e-15,
            "{mm} mm: {along_y} {along_x}"
        );
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let image = noisy([9, 12, 10]);
    let pool = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
    };
    for filter in assortment(Boundary::Mirror) {
        let [one, four] = [1, 4].map(|n| pool(n).install(|| response(&filter, &image)));
        assert!(
            one.iter()
                .zip(&four)
                .all(|(a, b)| a.to_bits() == b.to_bits()),
            "{filter:?}"
        );
    }
}

#[test]
fn what_cannot_be_used_is_refused() {
    let good = noisy([5, 5, 5]);
    let setting = |filter: ImageType| {
        let refused = on_window(&filter, &good, &whole(&good), None);
        match refused {
            Err(RadiomicsError::Setting { name, .. }) => name,
            other => panic!("{filter:?}: {other:?}"),
        }
    };
    let boundary = Boundary::Mirror;
    assert_eq!(
        setting(mean(4, Dimensions::Three, boundary)),
        "support_voxels"
    );
    assert_eq!(
        setting(mean(2051, Dimensions::Two, boundary)),
        "support_voxels"
    );
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e6] {
        assert_eq!(setting(log(sigma, None, boundary)), "sigma_mm");
    }
    for order in [[0, 0, 0], [21, 0, 0], [u32::MAX, u32::MAX, 0]] {
        assert_eq!(setting(log(1.0, Some(order), boundary)), "riesz_order_xyz");
        assert_eq!(
            setting(simoncelli(Some(order), boundary)),
            "riesz_order_xyz"
        );
    }
    for kernels in ["", "L5", "L5E", "L5E5S5L5", "X5L5E5", "lélé"] {
        assert_eq!(setting(laws(kernels, None, None, boundary)), "kernels");
    }
    let far = laws("L5E5", None, Some(1025), boundary);
    assert_eq!(setting(far), "energy_distance_voxels");
    for subband in ["", "L", "LLLL", "LX"] {
        assert_eq!(setting(wavelet(subband, 1, None, boundary)), "subband");
    }
    for level in [0, 12, usize::MAX] {
        assert_eq!(setting(wavelet("LLH", level, None, boundary)), "level");
    }
    for step in [0.0, 0.3, -1.0, 1e-9, f64::NAN] {
        assert_eq!(
            setting(gabor(false, Some(step), boundary)),
            "theta_step_rad"
        );
    }
    for window in [
        ([0, 0, 0], [6, 1, 1]),
        ([usize::MAX, 0, 0], [2, 1, 1]),
        ([0, 0, 0], [0, 1, 1]),
    ] {
        let window = BoundingBox {
            start_zyx: window.0,
            shape_zyx: window.1,
        };
        let source = Source {
            image: &good,
            window: &window,
            inside: &[],
            force_2d_across_axis: None,
        };
        for filter in assortment(boundary) {
            let error = derive(&filter, &source).unwrap_err();
            assert!(matches!(
                error,
                RadiomicsError::Setting { name: "window", .. }
            ));
        }
    }
}

#[test]
fn voxels_that_are_not_finite_are_named() {
    let mut voxels = noise(9 * 9 * 9);
    voxels[(8 * 9 + 8) * 9 + 7] = f64::NAN;
    let bad = image(&grid([9, 9, 9], [1.0; 3]), voxels);
    for filter in assortment(Boundary::Mirror) {
        match on_window(&filter, &bad, &whole(&bad), None) {
            Err(RadiomicsError::NonFiniteUnderFilter {
                first_zyx, count, ..
            }) => {
                assert_eq!((first_zyx, count), ([8, 8, 7], 1), "{filter:?}");
            }
            other => panic!("{filter:?}: {other:?}"),
        }
    }
    // A kernel that does not reach them does not mind them.
    let window = BoundingBox {
        start_zyx: [0; 3],
        shape_zyx: [4; 3],
    };
    let filter = mean(5, Dimensions::Three, Boundary::Mirror);
    assert!(on_window(&filter, &bad, &window, None).is_ok());
}

#[test]
fn images_of_one_voxel_have_responses() {
    for shape in [[1, 1, 1], [1, 4, 1], [1, 1, 5]] {
        let image = noisy(shape);
        for filter in BOUNDARIES.into_iter().flat_map(assortment) {
            let values = response(&filter, &image);
            assert!(values.iter().all(|v| v.is_finite()), "{filter:?} {shape:?}");
        }
    }
}

#[test]
fn wavelets_are_orthonormal() {
    for name in ["haar", "db2", "db3", "coif1"] {
        let (low, high) = coefficients(name).unwrap();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert!((dot(&low, &low) - 1.0).abs() < 1e-9, "{name}");
        assert!((dot(&high, &high) - 1.0).abs() < 1e-9, "{name}");
        assert!(dot(&low, &high).abs() < 1e-12, "{name}");
        assert!(
            (low.iter().sum::<f64>() - 2f64.sqrt()).abs() < 1e-9,
            "{name}"
        );
        assert!(high.iter().sum::<f64>().abs() < 1e-9, "{name}");
    }
    assert!(coefficients("db99").is_none());
}
