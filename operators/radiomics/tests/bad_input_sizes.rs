//! What run lengths, zones and dependence counts do where there is little to count, or very
//! much.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use common::{assert_equal, grid, image, mask};
use renalflow_radiomics::{
    Aggregation, CLASSES, ClassSelection, Compute, Discretisation, Features, RadiomicsError,
    Region, Roi, Settings, Standard, extract, level_size::MAX_VOXELS,
};

const CLASS_NAMES: [&str; 5] = ["glrlm", "glszm", "gldm", "gldzm", "ngldm"];

const AGGREGATIONS: [Option<Aggregation>; 7] = [
    None,
    Some(Aggregation::Averaged2D),
    Some(Aggregation::SliceMerged2D),
    Some(Aggregation::DirectionMerged25D),
    Some(Aggregation::Merged25D),
    Some(Aggregation::Averaged3D),
    Some(Aggregation::Merged3D),
];

fn settings() -> Settings {
    Settings {
        minimum_roi_dimensions: 0,
        discretisation: Discretisation::BinWidth(1.0),
        classes: CLASS_NAMES
            .iter()
            .map(|name| {
                let class = CLASSES.iter().find(|class| class.name == *name).unwrap();
                ClassSelection {
                    class: class.name.to_owned(),
                    features: (class.docs)()
                        .iter()
                        .map(|doc| doc.name.to_owned())
                        .collect(),
                }
            })
            .collect(),
        ..Settings::default()
    }
}

fn run(shape: [usize; 3], voxels: Vec<f64>, labels: Vec<u16>, settings: &Settings) -> Features {
    let geometry = grid(shape, [2.0, 1.0, 0.5]);
    extract(
        &image(&geometry, voxels),
        &mask(&geometry, labels),
        1,
        settings,
    )
    .unwrap()
}

/// All values under each standard and aggregation, across each axis.
fn every_way(shape: [usize; 3], voxels: &[f64], labels: &[u16]) -> Vec<(Settings, Features)> {
    let mut all = Vec::new();
    for standard in [Standard::PyRadiomics, Standard::Ibsi] {
        for aggregation in AGGREGATIONS {
            for force_2d_across_axis in [None, Some(0), Some(1), Some(2)] {
                let settings = Settings {
                    standard,
                    aggregation,
                    force_2d_across_axis,
                    ..settings()
                };
                let features = run(shape, voxels.to_vec(), labels.to_vec(), &settings);
                all.push((settings, features));
            }
        }
    }
    all
}

fn get(features: &Features, column: &str) -> f64 {
    features.get(&format!("original_{column}")).unwrap()
}

#[test]
fn one_voxel_has_no_runs_for_pyradiomics_and_counts_as_one_elsewhere() {
    for (settings, features) in every_way([3, 3, 3], &[7.0; 27], &one_of_27()) {
        for feature in &features.values {
            let run_length = feature.column.contains("glrlm");
            let zero = ["Variance", "Entropy"]
                .iter()
                .any(|end| feature.column.ends_with(end));
            if run_length && settings.standard == Standard::PyRadiomics {
                assert!(feature.value.is_nan(), "{}", feature.column);
            } else {
                let summed = run_length && feature.column.ends_with("NonUniformity");
                let expected = match () {
                    () if zero => 0.0,
                    // One run a direction that is merged.
                    () if summed && settings.aggregation().merges_directions() => {
                        settings.slice_axis().map_or(13.0, |_| 4.0)
                    }
                    () => 1.0,
                };
                assert_equal(feature.value, expected, &feature.column);
            }
        }
    }
}

fn one_of_27() -> Vec<u16> {
    let mut labels = vec![0; 27];
    labels[13] = 1;
    labels
}

#[test]
fn a_flat_region_is_one_zone_and_its_runs_are_its_chords() {
    // A box of 3 x 4 x 5 voxels that fills the image, so touches every border.
    for (settings, features) in every_way([3, 4, 5], &[-3.0; 60], &[1; 60]) {
        for feature in &features.values {
            assert!(feature.value.is_finite(), "{} {settings:?}", feature.column);
            for one in ["LowGray", "HighGray"] {
                let shares = ["Small", "Large", "Short", "Long", "Low", "High"];
                let (_, name) = feature.column.rsplit_once('_').unwrap();
                let alone = name.starts_with(one) && !name.contains("Dependence");
                if alone && shares.iter().any(|s| name.starts_with(s)) {
                    assert_equal(feature.value, 1.0, &feature.column);
                }
            }
        }
        let in_plane = settings.slice_axis();
        let slices = in_plane.map_or(1, |axis| [3, 4, 5][axis]);
        let size = 60.0 / slices as f64;
        assert_equal(
            get(&features, "glszm_LargeAreaEmphasis"),
            size * size,
            "zones",
        );
        assert_equal(get(&features, "glszm_ZonePercentage"), 1.0 / size, "zones");
        assert_equal(get(&features, "glszm_ZoneVariance"), 0.0, "zones");
        assert_equal(
            get(&features, "gldzm_LargeDistanceEmphasis"),
            1.0,
            "distances",
        );
        assert_equal(
            get(&features, "gldm_DependencePercentage"),
            1.0,
            "dependence",
        );
        assert_equal(
            get(&features, "gldm_GrayLevelNonUniformityNormalized"),
            1.0,
            "levels",
        );
        assert_equal(
            get(&features, "glrlm_GrayLevelNonUniformityNormalized"),
            1.0,
            "levels",
        );
    }
    let features = run([3, 4, 5], vec![-3.0; 60], vec![1; 60], &settings());
    let chords = mean_chords([3, 4, 5]);
    assert_equal(
        get(&features, "glrlm_GrayLevelNonUniformity"),
        chords,
        "chords",
    );
}

/// The mean number of chords of a box over the 13 directions.
fn mean_chords(shape: [usize; 3]) -> f64 {
    let mut chords = 0;
    for z in 0..=1usize {
        for y in 0..=1usize {
            for x in 0..=1usize {
                let step = [z, y, x];
                let moving = step.iter().filter(|d| **d > 0).count() as u32;
                if moving == 0 {
                    continue;
                }
                // Chords start where a step back leaves the box; opposite signs count the same.
                let all: usize = shape.iter().product();
                let not_first: usize = (0..3).map(|i| shape[i] - step[i]).product();
                chords += (all - not_first) * 2usize.pow(moving - 1);
            }
        }
    }
    chords as f64 / 13.0
}

#[test]
fn one_slice_and_one_row_are_counted() {
    let ramp: Vec<f64> = (0..20).map(|i| f64::from(i % 3)).collect();
    for shape in [
        [1, 4, 5],
        [4, 1, 5],
        [4, 5, 1],
        [1, 1, 20],
        [1, 20, 1],
        [20, 1, 1],
    ] {
        for (settings, features) in every_way(shape, &ramp, &[1; 20]) {
            for feature in &features.values {
                // Slices of single voxels have no direction for PyRadiomics.
                let may_be_empty = feature.column.contains("glrlm")
                    && settings.standard == Standard::PyRadiomics
                    && settings.slice_axis().is_some_and(|axis| shape[axis] == 20);
                assert!(
                    feature.value.is_finite() || may_be_empty,
                    "{} of {shape:?} {settings:?}",
                    feature.column
                );
            }
        }
    }
}

#[test]
fn parts_far_apart_are_zones_of_their_own() {
    let shape = [9, 9, 9];
    let mut labels = vec![0; 729];
    for corner in [0, 8, 72, 720, 728] {
        labels[corner] = 1;
    }
    for (settings, features) in every_way(shape, &[2.0; 729], &labels) {
        assert_equal(get(&features, "glszm_ZonePercentage"), 1.0, "zones");
        assert_equal(get(&features, "glszm_LargeAreaEmphasis"), 1.0, "zones");
        assert_equal(
            get(&features, "ngldm_HighDependenceEmphasis"),
            1.0,
            "dependence",
        );
        assert_equal(
            get(&features, "gldzm_SmallDistanceEmphasis"),
            1.0,
            "distances",
        );
        let run = get(&features, "glrlm_LongRunEmphasis");
        assert!(run == 1.0 || settings.standard == Standard::PyRadiomics);
    }
}

#[test]
fn a_level_a_voxel_is_no_trouble() {
    let shape = [40, 40, 40];
    let ladder: Vec<f64> = (0..64_000).map(|i| f64::from(i * 7919 % 64_000)).collect();
    for aggregation in AGGREGATIONS {
        let settings = Settings {
            aggregation,
            ..settings()
        };
        let features = run(shape, ladder.clone(), vec![1; 64_000], &settings);
        assert_eq!(features.diagnostics.grey_level_count, Some(64_000));
        assert_equal(get(&features, "glrlm_RunPercentage"), 1.0, "runs");
        assert_equal(get(&features, "glszm_ZonePercentage"), 1.0, "zones");
        assert_equal(
            get(&features, "gldm_LargeDependenceEmphasis"),
            1.0,
            "dependence",
        );
    }
}

#[test]
fn a_row_longer_than_any_table_is_one_run() {
    let n = 70_000;
    let settings = settings();
    let features = run([1, 1, n], vec![1.0; n], vec![1; n], &settings);
    let squared = (n as f64).powi(2);
    assert_equal(get(&features, "glrlm_LongRunEmphasis"), squared, "runs");
    assert_equal(get(&features, "glszm_LargeAreaEmphasis"), squared, "zones");
}

#[test]
fn far_neighbours_of_a_small_region_cost_nothing() {
    let settings = Settings {
        distances_voxels: vec![1, 50],
        gldm_alpha: 1e300,
        ..settings()
    };
    let ramp: Vec<f64> = (0..27).map(f64::from).collect();
    let features = run([3, 3, 3], ramp, vec![1; 27], &settings);
    let mean: f64 = [(8, 8.0), (12, 12.0), (6, 18.0), (1, 27.0f64)]
        .iter()
        .map(|(n, size)| f64::from(*n) * size * size / 27.0)
        .sum();
    assert_equal(
        get(&features, "gldm_LargeDependenceEmphasis"),
        mean,
        "all depend",
    );
}

#[test]
fn what_32_bits_cannot_count_is_refused() {
    let geometry = grid([3, 3, 3], [1.0; 3]);
    let settings = settings();
    let mask = mask(&geometry, vec![1; 27]);
    let mut region = Region::new(&mask, 1, &settings).unwrap();
    region.voxel_count = MAX_VOXELS + 1;
    let mut roi = Roi::new(
        &image(&geometry, vec![1.0; 27]),
        &mask,
        Region::new(&mask, 1, &settings).unwrap().into(),
        settings.discretisation,
    )
    .unwrap();
    roi.region = region.into();
    for name in CLASS_NAMES {
        let class = CLASSES.iter().find(|class| class.name == name).unwrap();
        let Compute::FromImage(compute) = class.compute else {
            panic!("{name} needs an image");
        };
        let error = compute(&roi, &settings, &[0]).unwrap_err();
        assert_eq!(
            error,
            RadiomicsError::TooManyVoxels {
                voxel_count: MAX_VOXELS + 1,
                bound: MAX_VOXELS
            },
            "{name}"
        );
    }
}
