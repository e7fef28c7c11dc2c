//! The regions and settings of `golden/make_pyradiomics.py`.

#![allow(dead_code, clippy::unwrap_used, clippy::panic, missing_docs)]

use renalflow_imaging::{Image, LabelMap};
use renalflow_radiomics::{CLASSES, ClassSelection, Discretisation, Settings, WeightingNorm};

use crate::common::{grid, image, mask};

const SHAPE_ZYX: [usize; 3] = [7, 9, 11];

pub fn synthetic(region: &str) -> (Image, LabelMap) {
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
        let [z, y, x] = [i / (ny * nx), i / nx % ny, i % nx];
        let [dz, dy, dx] = [z as f64 - 3.0, y as f64 - 4.0, x as f64 - 5.0];
        u16::from(match region {
            "ellipsoid" => {
                let radius = (dz / 2.5).powi(2) + (dy / 3.5).powi(2) + (dx / 4.5).powi(2);
                radius <= 1.0 && speckle[i] > 6554.0
            }
            "scattered" => speckle[i] < 22000.0,
            "slice" => z == 2 && speckle[i] > 20000.0,
            "flat" => dz * dz + dy * dy + dx * dx <= 8.0,
            "sparse" => z % 2 == 0 && y % 3 == 0 && x % 2 == 0 && speckle[i] > 30000.0,
            "pair" => z == y && x == 4 && [1, 4].contains(&z),
            "slice_y" => y == 8 && speckle[i] > 20000.0,
            "slice_x" => x == 0 && speckle[i] > 35000.0,
            "disc" => {
                let radius = (dy / 4.0).powi(2) + (dx / 5.0).powi(2);
                z == 3 && radius <= 1.0 && speckle[i] > 6554.0
            }
            other => panic!("no region {other}"),
        })
    });
    let labels = inside.collect();
    (image(&geometry, intensities), mask(&geometry, labels))
}

/// Every feature of every class, with a variant of the settings.
pub fn settings(variant: &str) -> Settings {
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
        "in_plane_x" => across(2),
        "in_plane_weighted" => Settings {
            weighting_norm: Some(WeightingNorm::Euclidean),
            ..across(0)
        },
        "alpha" => Settings {
            gldm_alpha: 2.0,
            ..default
        },
        "alpha_far" => Settings {
            gldm_alpha: 1.0,
            distances_voxels: vec![1, 2, 4],
            discretisation: Discretisation::BinWidth(3.7),
            ..default
        },
        "ring" => Settings {
            distances_voxels: vec![2],
            ..default
        },
        "wide" => Settings {
            distances_voxels: vec![1, 2, 3],
            discretisation: Discretisation::BinWidth(3.7),
            ..default
        },
        "in_plane_far" => Settings {
            distances_voxels: vec![2, 3, 7],
            ..across(1)
        },
        other => panic!("no variant {other}"),
    }
}
