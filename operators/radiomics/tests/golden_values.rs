//! Equal to PyRadiomics on synthetic regions, for settings and features that its defaults leave
//! out (`golden/make_pyradiomics.py` made the values).

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeMap;

use common::{assert_equal, grid, image, mask};
use renalflow_imaging::{Image, LabelMap};
use renalflow_radiomics::{
    CLASSES, ClassSelection, Discretisation, PyRadiomics, Settings, WeightingNorm, extract,
};

const GOLDEN: &str = include_str!("golden/pyradiomics.csv");
const SHAPE_ZYX: [usize; 3] = [7, 9, 11];

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    GOLDEN.lines().skip(2).map(|line| line.split(',').collect())
}

fn synthetic(region: &str) -> (Image, LabelMap) {
    let geometry = grid(SHAPE_ZYX, [2.5, 1.1, 0.8]);
    let mut state = 12345u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 16)
    };
    let count = geometry.len();
    let mut intensities: Vec<f64> = (0..count).map(|_| noise() / 256.0 - 100.0).collect();
    let speckle: Vec<f64> = (0..count).map(|_| noise()).collect();
    if region == "flat" {
        intensities.fill(-37.5);
    }
    let inside = (0..count).map(|i| {
        let [_, ny, nx] = SHAPE_ZYX;
        let [z, y, x] = [i / (ny * nx), i / nx % ny, i % nx].map(|n| n as f64);
        let [z, y, x] = [z - 3.0, y - 4.0, x - 5.0];
        u16::from(match region {
            "ellipsoid" => {
                let radius = (z / 2.5).powi(2) + (y / 3.5).powi(2) + (x / 4.5).powi(2);
                radius <= 1.0 && speckle[i] > 6554.0
            }
            "scattered" => speckle[i] < 22000.0,
            "slice" => z == -1.0 && speckle[i] > 20000.0,
            "flat" => z * z + y * y + x * x <= 8.0,
            other => panic!("no region {other}"),
        })
    });
    let labels = inside.collect();
    (image(&geometry, intensities), mask(&geometry, labels))
}

fn settings(variant: &str) -> Settings {
    let default = Settings {
        classes: CLASSES
            .iter()
            .filter(|class| class.is_default())
            .map(|class| ClassSelection {
                class: class.name.to_owned(),
                features: (class.docs)()
                    .iter()
                    .map(|doc| doc.name.to_owned())
                    .collect(),
            })
            .collect(),
        ..Settings::default()
    };
    let weighted = |norm| Settings {
        weighting_norm: Some(norm),
        ..default.clone()
    };
    let across = |axis| Settings {
        force_2d_across_axis: Some(axis),
        ..default.clone()
    };
    match variant {
        "default" => default,
        "narrow" => Settings {
            discretisation: Discretisation::BinWidth(3.7),
            voxel_array_shift: 300.0,
            ..default
        },
        "count" => Settings {
            discretisation: Discretisation::BinCount(16),
            ..default
        },
        "ordered" => Settings {
            symmetric_glcm: false,
            ..default
        },
        "manhattan" => weighted(WeightingNorm::Manhattan),
        "euclidean" => weighted(WeightingNorm::Euclidean),
        "infinity" => weighted(WeightingNorm::Infinity),
        "no_weighting" => weighted(WeightingNorm::NoWeighting),
        "far" => Settings {
            distances_voxels: vec![1, 3],
            ..default
        },
        "in_plane" => across(0),
        "in_plane_y" => across(1),
        other => panic!("no variant {other}"),
    }
}

#[test]
fn every_setting_gives_pyradiomics_values() {
    let mut variants: BTreeMap<(&str, &str), Vec<(String, f64)>> = BTreeMap::new();
    for row in rows().filter(|row| row[0] != "names") {
        let column = format!("original_{}_{}", row[2], row[3]);
        let value = row[4].parse().unwrap();
        variants
            .entry((row[0], row[1]))
            .or_default()
            .push((column, value));
    }
    assert_eq!(variants.len(), 4 * 11);
    for ((region, variant), expected) in variants {
        let (image, mask) = synthetic(region);
        let features = extract(&image, &mask, 1, &settings(variant)).unwrap();
        for (column, reference) in expected {
            let value = features.get(&column).unwrap();
            assert_equal(value, reference, &format!("{region} {variant} {column}"));
        }
    }
}

#[test]
fn the_features_and_which_are_off_by_default_are_pyradiomics() {
    let theirs: Vec<_> = rows()
        .filter(|row| row[0] == "names")
        .map(|row| (row[2], row[3], row[1] == "on"))
        .collect();
    let ours: Vec<_> = CLASSES
        .iter()
        .filter(|class| theirs.iter().any(|(name, ..)| *name == class.name))
        .flat_map(|class| {
            let docs = (class.docs)().into_iter();
            docs.filter(|doc| doc.pyradiomics != PyRadiomics::Absent)
                .map(|doc| {
                    (
                        class.name,
                        doc.name,
                        doc.pyradiomics == PyRadiomics::Default,
                    )
                })
        })
        .collect();
    for feature in &theirs {
        assert!(ours.contains(feature), "{feature:?} is missing here");
    }
    assert_eq!(ours.len(), theirs.len(), "features that PyRadiomics lacks");
}

#[test]
fn the_features_that_pyradiomics_only_renamed_equal_their_new_names() {
    let (image, mask) = synthetic("ellipsoid");
    let features = extract(&image, &mask, 1, &settings("default")).unwrap();
    for (old, new) in [
        ("Dissimilarity", "DifferenceAverage"),
        ("Homogeneity1", "Id"),
        ("Homogeneity2", "Idm"),
        ("SumVariance", "ClusterTendency"),
    ] {
        let value = |name| features.get(&format!("original_glcm_{name}")).unwrap();
        assert_eq!(value(old), value(new), "{old}");
    }
}
