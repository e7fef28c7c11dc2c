//! What holds for every filter, whatever the image.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use common::grid;
use renalflow_imaging::{Image, Volume};
use renalflow_radiomics::{
    BoundingBox, ImageType, LogSigma, RadiomicsError,
    filters::{IntensityScale, Lbp2dMethod, Skipped, Source, derive},
};

/// Every filter of PyRadiomics.
fn image_types() -> Vec<ImageType> {
    let lbp2d = |method| ImageType::Lbp2d {
        slice_axis: None,
        radius_voxels: 2.0,
        samples: 8,
        method,
    };
    let wavelet = |name: &str, levels| ImageType::Wavelet {
        wavelet: name.to_owned(),
        start_level: 0,
        levels,
    };
    vec![
        ImageType::Original,
        ImageType::LoG {
            sigmas: [1.0, 2.0].map(LogSigma::from_mm).to_vec(),
        },
        wavelet("coif1", 1),
        wavelet("dmey", 1),
        wavelet("sym2", 3),
        ImageType::Square,
        ImageType::SquareRoot,
        ImageType::Logarithm,
        ImageType::Exponential,
        ImageType::Gradient { use_spacing: true },
        lbp2d(Lbp2dMethod::Uniform),
        lbp2d(Lbp2dMethod::Default),
        lbp2d(Lbp2dMethod::Ror),
        lbp2d(Lbp2dMethod::NriUniform),
        lbp2d(Lbp2dMethod::Var),
        ImageType::Lbp3d {
            levels: 2,
            radius_voxels: 1.0,
            subdivisions: 1,
        },
    ]
}

fn noise(shape_zyx: [usize; 3]) -> Vec<f64> {
    let mut state = 11u64;
    (0..shape_zyx.iter().product())
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            ((state >> 33) % 4001) as f64 - 2000.0
        })
        .collect()
}

/// The same voxels in each of the types an image can have.
fn images(shape_zyx: [usize; 3]) -> [Image; 3] {
    let geometry = grid(shape_zyx, [2.0, 1.0, 0.5]);
    let volume = Volume::new(geometry, noise(shape_zyx)).unwrap();
    [
        Image::I16(volume.map(|&v| v as i16)),
        Image::F32(volume.map(|&v| v as f32)),
        Image::F64(volume),
    ]
}

fn whole(shape_zyx: [usize; 3]) -> BoundingBox {
    BoundingBox {
        start_zyx: [0; 3],
        shape_zyx,
    }
}

#[test]
fn a_window_has_the_values_of_the_whole_image() {
    let shape_zyx = [47, 90, 121];
    let window = BoundingBox {
        start_zyx: [20, 40, 55],
        shape_zyx: [4, 5, 19],
    };
    let [_, ny, nx] = shape_zyx;
    let all = vec![1; shape_zyx.iter().product()];
    let part = vec![1; window.shape_zyx.iter().product()];
    for image in images(shape_zyx) {
        for image_type in image_types() {
            let [of_all, of_part] =
                [(&whole(shape_zyx), &all), (&window, &part)].map(|(window, inside)| {
                    let source = Source {
                        image: &image,
                        window,
                        inside,
                        force_2d_across_axis: None,
                    };
                    derive(&image_type, &source).unwrap().derived
                });
            // Recursive filters see less of the image from the window, by less than shows.
            let tolerance = if matches!(image_type, ImageType::LoG { .. }) {
                2e-4
            } else {
                0.0
            };
            assert_eq!(of_all.len(), of_part.len());
            for (of_all, of_part) in of_all.iter().zip(&of_part) {
                let mut values = of_part.values.iter();
                let [z0, y0, x0] = window.start_zyx;
                let [nz_part, ny_part, nx_part] = window.shape_zyx;
                for z in z0..z0 + nz_part {
                    for y in y0..y0 + ny_part {
                        let row = &of_all.values[(z * ny + y) * nx + x0..][..nx_part];
                        for (&a, &b) in row.iter().zip(values.by_ref()) {
                            assert!(
                                (a - b).abs() <= tolerance || a.is_nan() && b.is_nan(),
                                "{} {}: {a} {b}",
                                image.dtype(),
                                of_all.name
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn small_images_are_filtered_or_passed_over() {
    for shape_zyx in [
        [1, 1, 1],
        [1, 1, 2],
        [3, 1, 2],
        [1, 9, 1],
        [2, 3, 5],
        [5, 4, 4],
    ] {
        for image in images(shape_zyx) {
            for image_type in image_types() {
                for force_2d_across_axis in [None, Some(0), Some(1), Some(2)] {
                    let source = Source {
                        image: &image,
                        window: &whole(shape_zyx),
                        inside: &vec![1; shape_zyx.iter().product()],
                        force_2d_across_axis,
                    };
                    let outcome = derive(&image_type, &source).unwrap();
                    assert!(!outcome.derived.is_empty() || !outcome.skipped.is_empty());
                    for derived in &outcome.derived {
                        assert_eq!(derived.values.len(), source.inside.len());
                    }
                }
            }
        }
    }
}

#[test]
fn an_image_too_small_for_a_width_is_passed_over_with_the_reason() {
    let skipped = |shape_zyx, sigmas_mm: Vec<f64>| {
        let [image, ..] = images(shape_zyx);
        let source = Source {
            image: &image,
            window: &whole(shape_zyx),
            inside: &vec![1; shape_zyx.iter().product()],
            force_2d_across_axis: None,
        };
        let outcome = derive(
            &ImageType::LoG {
                sigmas: sigmas_mm.into_iter().map(LogSigma::from_mm).collect(),
            },
            &source,
        )
        .unwrap();
        let names: Vec<_> = outcome.derived.into_iter().map(|d| d.name).collect();
        (names, outcome.skipped)
    };
    let (names, reasons) = skipped([3, 9, 9], vec![1.0]);
    assert!(names.is_empty());
    assert!(matches!(
        reasons[..],
        [Skipped::ImageBelowFourVoxels { .. }]
    ));

    // 6 voxels of 0.5 mm: as many as 2.5 mm and one more.
    let (names, reasons) = skipped([9, 9, 6], vec![2.5, 2.6, -1.0, f64::NAN]);
    assert_eq!(names, ["log-sigma-2-5-mm-3D"]);
    assert!(matches!(
        reasons[..],
        [
            Skipped::ImageBelowSigma { .. },
            Skipped::SigmaNotPositive { .. },
            Skipped::SigmaNotPositive { .. }
        ]
    ));
    assert!(
        reasons[0].to_string().contains("sigma 2.6 mm"),
        "{}",
        reasons[0]
    );
}

#[test]
fn what_cannot_be_done_is_refused_with_the_rule() {
    let shape_zyx = [4, 5, 6];
    let [image, ..] = images(shape_zyx);
    let refused = |image_type: ImageType, window: BoundingBox, inside: &[u8]| -> RadiomicsError {
        let source = Source {
            image: &image,
            window: &window,
            inside,
            force_2d_across_axis: None,
        };
        derive(&image_type, &source).unwrap_err()
    };
    let all = [1; 120];
    let beyond = BoundingBox {
        start_zyx: [1, 0, 0],
        shape_zyx,
    };
    for (window, inside) in [
        (beyond, &all[..]),
        (whole([0, 5, 6]), &[][..]),
        (whole(shape_zyx), &all[1..]),
        (
            BoundingBox {
                start_zyx: [usize::MAX; 3],
                shape_zyx,
            },
            &all[..],
        ),
    ] {
        let error = refused(ImageType::Square, window, inside);
        assert!(matches!(error, RadiomicsError::Window { .. }), "{error}");
    }

    let lbp2d = |radius_voxels, samples, method| ImageType::Lbp2d {
        slice_axis: None,
        radius_voxels,
        samples,
        method,
    };
    let lbp3d = |levels, radius_voxels, subdivisions| ImageType::Lbp3d {
        levels,
        radius_voxels,
        subdivisions,
    };
    let wavelet = |name: &str, start_level| ImageType::Wavelet {
        wavelet: name.to_owned(),
        start_level,
        levels: 1,
    };
    for (image_type, what) in [
        (lbp2d(1.0, 0, Lbp2dMethod::Uniform), "lbp2DSamples is 0"),
        (lbp2d(1.0, 65, Lbp2dMethod::Uniform), "between 1 and 64"),
        (lbp2d(1.0, 32, Lbp2dMethod::Default), "between 1 and 31"),
        (lbp2d(-1.0, 8, Lbp2dMethod::Uniform), "lbp2DRadius is -1"),
        (
            lbp2d(f64::NAN, 8, Lbp2dMethod::Uniform),
            "lbp2DRadius is NaN",
        ),
        (lbp3d(0, 1.0, 1), "lbp3DLevels is 0"),
        (lbp3d(2, 0.0, 1), "lbp3DIcosphereRadius is 0"),
        (lbp3d(2, 1.0, 9), "lbp3DIcosphereSubdivision is 9"),
        (wavelet("db0", 0), "no discrete wavelet 'db0'"),
        (wavelet("haar", usize::MAX), "at most 100"),
    ] {
        let error = refused(image_type, whole(shape_zyx), &all).to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn intensity_maps_keep_the_largest_magnitude() {
    let shape_zyx = [3, 7, 31];
    for image in images(shape_zyx) {
        let voxels = image.to_f64();
        let largest = voxels.voxels().iter().fold(0.0, |a: f64, v| a.max(v.abs()));
        assert_eq!(IntensityScale::of(&image).largest_magnitude, largest);
        for image_type in [
            ImageType::Square,
            ImageType::SquareRoot,
            ImageType::Logarithm,
        ] {
            let source = Source {
                image: &image,
                window: &whole(shape_zyx),
                inside: &vec![1; voxels.voxels().len()],
                force_2d_across_axis: None,
            };
            let derived = derive(&image_type, &source).unwrap().derived;
            let mapped = derived[0]
                .values
                .iter()
                .fold(0.0, |a: f64, v| a.max(v.abs()));
            assert!((mapped - largest).abs() < 1e-9, "{}", derived[0].name);
        }
    }
    let geometry = grid([1, 1, 3], [1.0; 3]);
    let image = Image::F32(Volume::new(geometry, vec![1.0, f32::NAN, 3.0]).unwrap());
    assert!(IntensityScale::of(&image).largest_magnitude.is_nan());
}
