//! What the filters of IBSI 2 do on any image.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod assortment;
#[path = "../common/mod.rs"]
mod common;
mod kernels;
mod refusals;

use std::f64::consts::PI;

use assortment::{
    BOUNDARIES, assert_close, assortment, gabor, laws, log, mean, noise, noisy, on_window,
    response, simoncelli, turned, wavelet, whole,
};
use common::{grid, image};
use renalflow_radiomics::{
    BoundingBox, ImageType,
    filters::{Boundary, Dimensions, Gabor, NonseparableFamily, NonseparableWavelet, Pooling},
};

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
