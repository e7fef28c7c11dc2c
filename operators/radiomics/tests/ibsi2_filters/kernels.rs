//! Filters answer with their kernels.

use std::f64::consts::TAU;

use renalflow_radiomics::{
    ImageType,
    filters::{Boundary, Dimensions, FilterBank, Pooling, SampledLog},
};

use crate::assortment::{
    assert_close, constant, gabor, impulse, laws, log, mean, response, simoncelli, wavelet,
};

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

    let FilterBank { low, high, .. } = FilterBank::of("db2").unwrap();
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
fn wavelets_are_orthonormal() {
    for name in ["haar", "db2", "db3", "coif1"] {
        let FilterBank { low, high, .. } = FilterBank::of(name).unwrap();
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
    assert!(FilterBank::of("db99").is_err());
}
