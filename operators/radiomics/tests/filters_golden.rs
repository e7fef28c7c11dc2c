//! Derived images equal PyRadiomics' on small images; see `golden/make_filters.py`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;

use renalflow_imaging::{Geometry, Image, Volume};
use renalflow_radiomics::{
    BoundingBox, ImageType, LogSigma,
    filters::{FilterBank, Lbp2dMethod, Source, derive},
};

const FILTERS: &str = include_str!("golden/filters.csv");
const WAVELETS: &str = include_str!("golden/wavelets.csv");

/// The filters of the table, by the keys there, and the axis that slices lie across.
fn filters() -> Vec<(&'static str, ImageType, Option<usize>)> {
    let wavelet = |name: &str, start_level, levels| ImageType::Wavelet {
        wavelet: name.to_owned(),
        start_level,
        levels,
    };
    let lbp2d = |radius_voxels, samples, method| ImageType::Lbp2d {
        radius_voxels,
        samples,
        method,
        slice_axis: None,
    };
    let lbp3d = |levels, radius_voxels, subdivisions| ImageType::Lbp3d {
        levels,
        radius_voxels,
        subdivisions,
    };
    let uniform = Lbp2dMethod::Uniform;
    vec![
        (
            "log",
            ImageType::LoG {
                sigmas: [1.0, 2.5].map(LogSigma::from_mm).to_vec(),
            },
            None,
        ),
        ("wavelet", wavelet("coif1", 0, 1), None),
        ("wavelet_levels", wavelet("db4", 1, 2), None),
        ("wavelet_across_z", wavelet("haar", 0, 2), Some(0)),
        ("wavelet_across_y", wavelet("bior1.3", 0, 1), Some(1)),
        ("wavelet_across_x", wavelet("sym4", 0, 1), Some(2)),
        ("square", ImageType::Square, None),
        ("squareroot", ImageType::SquareRoot, None),
        ("logarithm", ImageType::Logarithm, None),
        ("exponential", ImageType::Exponential, None),
        ("gradient", ImageType::Gradient { use_spacing: true }, None),
        (
            "gradient_by_voxel",
            ImageType::Gradient { use_spacing: false },
            None,
        ),
        ("lbp2d", lbp2d(1.0, 8, uniform), None),
        ("lbp2d_default", lbp2d(1.1, 8, Lbp2dMethod::Default), None),
        ("lbp2d_ror", lbp2d(1.0, 7, Lbp2dMethod::Ror), None),
        (
            "lbp2d_nri_uniform",
            lbp2d(2.0, 8, Lbp2dMethod::NriUniform),
            None,
        ),
        ("lbp2d_var", lbp2d(1.0, 8, Lbp2dMethod::Var), None),
        ("lbp2d_many", lbp2d(2.5, 16, uniform), None),
        ("lbp2d_across_y", lbp2d(1.0, 8, uniform), Some(1)),
        (
            "lbp2d_across_x",
            lbp2d(1.0, 8, Lbp2dMethod::Default),
            Some(2),
        ),
        ("lbp3d", lbp3d(2, 1.0, 1), None),
        ("lbp3d_fine", lbp3d(3, 1.5, 2), None),
    ]
}

/// Whether an image comes in single precision, whose shortest digits the table has.
fn is_single(case: &str, key: &str) -> bool {
    let keeps_type = key.starts_with("wavelet") || key.starts_with("lbp2d");
    matches!(key, "log" | "gradient" | "gradient_by_voxel") || case == "float32" && keeps_type
}

/// How far values may be apart, by the largest of the image: 0 where the bits are the same.
fn tolerance(key: &str) -> f64 {
    match key {
        // numpy's logarithm and exponential are its own, and sums over the sphere have another
        // order.
        "logarithm" | "exponential" | "lbp3d" | "lbp3d_fine" => 1e-14,
        _ => 0.0,
    }
}

fn numbers(text: &str) -> Vec<f64> {
    text.split(',').map(|n| n.parse().unwrap()).collect()
}

fn image(case: &str, geometry: Geometry, voxels: Vec<f64>) -> Image {
    match case {
        "int16" => {
            let voxels: Vec<i16> = voxels.into_iter().map(|v| v as i16).collect();
            Image::I16(Volume::new(geometry, voxels).unwrap())
        }
        "float32" => {
            let voxels: Vec<f32> = voxels.into_iter().map(|v| v as f32).collect();
            Image::F32(Volume::new(geometry, voxels).unwrap())
        }
        _ => Image::F64(Volume::new(geometry, voxels).unwrap()),
    }
}

/// An image of the table, the part that was written, and the mask on it.
struct Input {
    case: &'static str,
    image: Image,
    window: BoundingBox,
    inside: Vec<u8>,
}

/// Names and values of derived images, by case and key.
type Expected = BTreeMap<(&'static str, &'static str), Vec<(&'static str, Vec<f64>)>>;

fn read_table() -> (Vec<Input>, Expected) {
    let (mut inputs, mut expected) = (Vec::new(), Expected::new());
    for line in FILTERS.lines().filter(|line| !line.starts_with('#')) {
        let [case, key, rest] = line.splitn(3, ',').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        if key == "image" {
            let values = numbers(rest);
            let (header, voxels) = values.split_at(12);
            let index = |i: usize| [i, i + 1, i + 2].map(|i| header[i] as usize);
            let spacing_zyx_mm = [header[3], header[4], header[5]];
            let geometry = Geometry::upright(index(0), spacing_zyx_mm).unwrap();
            inputs.push(Input {
                case,
                image: image(case, geometry, voxels.to_vec()),
                window: BoundingBox {
                    start_zyx: index(6),
                    shape_zyx: index(9),
                },
                inside: Vec::new(),
            });
        } else if key == "mask" {
            inputs.last_mut().unwrap().inside =
                numbers(rest).into_iter().map(|v| v as u8).collect();
        } else {
            let (name, values) = rest.split_once(',').unwrap();
            let images = expected.entry((case, key)).or_default();
            images.push((name, numbers(values)));
        }
    }
    (inputs, expected)
}

#[test]
fn every_filter_gives_the_images_of_pyradiomics() {
    let (inputs, expected) = read_table();
    let mut wrong = Vec::new();
    for input in &inputs {
        let (case, inside) = (input.case, &input.inside);
        for (key, image_type, force_2d_across_axis) in filters() {
            let source = Source {
                image: &input.image,
                window: &input.window,
                inside,
                force_2d_across_axis,
            };
            let outcome = derive(&image_type, &source).unwrap();
            assert!(outcome.skipped.is_empty());
            let expected = &expected[&(case, key)];
            let names: Vec<_> = outcome.derived.iter().map(|d| d.name.as_str()).collect();
            let expected_names: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, expected_names, "{case} {key}");
            for (derived, (name, reference)) in outcome.derived.iter().zip(expected) {
                let largest = reference.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
                let tolerance = tolerance(key) * largest;
                let (mut apart, mut different) = (0f64, 0);
                for ((&value, &reference), &inside) in
                    derived.values.iter().zip(reference).zip(inside)
                {
                    let reference = if is_single(case, key) {
                        f64::from(reference as f32)
                    } else {
                        reference
                    };
                    if inside == 0 || value == reference || value.is_nan() && reference.is_nan() {
                        continue;
                    }
                    different += 1;
                    apart = apart.max((value - reference).abs());
                    if value.is_nan() || reference.is_nan() {
                        apart = f64::INFINITY;
                    }
                }
                if different > 0 {
                    println!(
                        "{case} {key} {name}: {different} differ by up to {apart:e} of {largest}"
                    );
                }
                if apart > tolerance {
                    wrong.push(format!("{case} {key} {name}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_discrete_wavelet_gives_the_sub_bands_of_pywavelets() {
    let mut lines = WAVELETS.lines().filter(|line| !line.starts_with('#'));
    let signal = numbers(lines.next().unwrap().split_once(',').unwrap().1);
    let geometry = Geometry::upright([2, 2, signal.len()], [1.0; 3]).unwrap();
    let shape_zyx = geometry.shape_zyx;
    let mut count = 0;
    while let (Some(low), Some(high)) = (lines.next(), lines.next()) {
        let [name, "low", low] = low.splitn(3, ',').collect::<Vec<_>>()[..] else {
            panic!("{low}");
        };
        let [_, "high", high] = high.splitn(3, ',').collect::<Vec<_>>()[..] else {
            panic!("{high}");
        };
        // Slices across y: the transform runs along x, then z. With the signal in both
        // planes, the sum of the low-pass along z comes in as a factor.
        let voxels: Vec<f64> = signal
            .iter()
            .copied()
            .cycle()
            .take(4 * signal.len())
            .collect();
        let image = Image::F64(Volume::new(geometry.clone(), voxels).unwrap());
        let window = BoundingBox {
            start_zyx: [0; 3],
            shape_zyx,
        };
        let source = Source {
            image: &image,
            window: &window,
            inside: &vec![1; 4 * signal.len()],
            force_2d_across_axis: Some(1),
        };
        let image_type = ImageType::Wavelet {
            wavelet: name.to_owned(),
            start_level: 0,
            levels: 1,
        };
        let derived = derive(&image_type, &source).unwrap().derived;
        let factor: f64 = FilterBank::of(name).unwrap().low.iter().sum();
        for (band, reference) in [("wavelet-LL", low), ("wavelet-HL", high)] {
            let values = &derived.iter().find(|d| d.name == band).unwrap().values;
            for (&value, reference) in values.iter().zip(numbers(reference)) {
                let apart = (value - factor * reference).abs();
                assert!(apart < 1e-13, "{name} {band}: {value} {reference}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 106);
}
