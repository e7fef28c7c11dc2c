//! Resampling gives what SimpleITK gives.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use renalflow_imaging::{
    Geometry, Image, Volume, nifti,
    resample::{GridRule, Interpolation, Precision, Resampling, resample_image},
};

/// `tests/golden/make_resample.py`.
const GOLDEN: &str = include_str!("golden/resample.txt");

const OUTSIDE: f64 = -77.0;

fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect()
}

fn grid(line: &str) -> Geometry {
    let n = numbers(line);
    Geometry {
        shape_zyx: [n[0] as usize, n[1] as usize, n[2] as usize],
        spacing_zyx_mm: [n[3], n[4], n[5]],
        origin_xyz_mm: [n[6], n[7], n[8]],
        direction: [
            [n[9], n[10], n[11]],
            [n[12], n[13], n[14]],
            [n[15], n[16], n[17]],
        ],
    }
}

fn source(geometry: Geometry) -> Image {
    let mut state = 1u32;
    let voxels: Vec<i16> = (0..geometry.len())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 20) as i16 - 1024
        })
        .collect();
    Image::I16(Volume::new(geometry, voxels).unwrap())
}

/// Calls `check(case, interpolation, source, target, expected)` for every golden line.
fn each_case(mut check: impl FnMut(&str, Interpolation, &Image, &Geometry, &[f64])) {
    let (mut case, mut image, mut target, mut seen) = ("", None, None, 0);
    for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
        let (key, rest) = line.split_once(' ').unwrap();
        let interpolation = match key {
            "case" => {
                case = rest;
                continue;
            }
            "source" => {
                image = Some(source(grid(rest)));
                continue;
            }
            "target" => {
                target = Some(grid(rest));
                continue;
            }
            "nearest" => Interpolation::Nearest,
            "linear" => Interpolation::Linear,
            "cubic" => Interpolation::CubicBSpline,
            other => panic!("unknown key {other}"),
        };
        seen += 1;
        check(
            case,
            interpolation,
            image.as_ref().unwrap(),
            target.as_ref().unwrap(),
            &numbers(rest),
        );
    }
    assert_eq!(seen, 24, "eight cases, three interpolators");
}

fn largest_difference(image: &Image, expected: &[f64]) -> f64 {
    let got = image.to_f64();
    assert_eq!(got.voxels().len(), expected.len());
    got.voxels()
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

#[test]
fn double_precision_equals_simpleitk() {
    each_case(|case, interpolation, image, target, expected| {
        let how = Resampling {
            precision: Precision::Double,
            outside: OUTSIDE,
            ..Resampling::new(interpolation)
        };
        let result = resample_image(image, target, &how).unwrap();
        let difference = largest_difference(&result, expected);
        assert!(
            difference < 1e-6,
            "{case} {interpolation:?}: {difference:e}"
        );
    });
}

#[test]
fn single_precision_is_close() {
    each_case(|case, interpolation, image, target, expected| {
        let how = Resampling {
            outside: OUTSIDE,
            ..Resampling::new(interpolation)
        };
        let result = resample_image(image, target, &how).unwrap();
        let difference = largest_difference(&result, expected);
        assert!(
            difference < 2e-3,
            "{case} {interpolation:?}: {difference:e}"
        );
    });
}

/// Where real cases are; see the project's data notes.
fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

#[test]
fn single_precision_on_real_cts() {
    let folder = shared().join("data/sts");
    let Ok(cases) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    };
    for case in cases {
        let path = case.unwrap().path().join("image.nii.gz");
        let image = nifti::read_image(&path).unwrap();
        let target = GridRule::Ibsi.grid(image.geometry(), [1.25; 3]).unwrap();
        for interpolation in [Interpolation::Linear, Interpolation::CubicBSpline] {
            let single = Resampling::new(interpolation);
            let double = Resampling {
                precision: Precision::Double,
                ..single
            };
            let single = resample_image(&image, &target, &single).unwrap();
            let double = resample_image(&image, &target, &double).unwrap();
            let difference = largest_difference(&single, double.to_f64().voxels());
            // As `Precision::Single` states.
            assert!(difference < 2e-3, "{}: {difference:e}", path.display());
        }
    }
}

#[test]
fn the_same_bits_whatever_the_number_of_threads() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let mut results = Vec::new();
        each_case(|_, interpolation, image, target, _| {
            let how = Resampling::new(interpolation);
            results.push(pool.install(|| resample_image(image, target, &how).unwrap()));
        });
        results
    };
    assert_eq!(run(1), run(5));
}
