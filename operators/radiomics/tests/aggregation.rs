//! Texture by slice and by neighbourhood: the definitions followed literally, and what happens
//! where there is little to measure.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{assert_equal, grid, image, mask};
use proptest::prelude::*;
use renalflow_radiomics::{
    Aggregation, ClassSelection, Discretisation, Features, RadiomicsError, Region, Roi, Settings,
    Standard, extract, glcm::Cooccurrences, ngtdm::differences,
};

const SHAPE_ZYX: [usize; 3] = [4, 5, 6];
const VOXELS: usize = 4 * 5 * 6;

const IN_PLANE: [Aggregation; 4] = [
    Aggregation::Averaged2D,
    Aggregation::SliceMerged2D,
    Aggregation::DirectionMerged25D,
    Aggregation::Merged25D,
];

fn texture() -> Settings {
    Settings {
        classes: ["glcm", "ngtdm"].map(ClassSelection::defaults_of).into(),
        minimum_roi_dimensions: 0,
        ..Settings::default()
    }
}

/// Labels with at least one voxel of label 1.
fn labels() -> impl Strategy<Value = Vec<u16>> {
    (prop::collection::vec(0u16..3, VOXELS), 0..VOXELS).prop_map(|(mut labels, one)| {
        labels[one] = 1;
        labels
    })
}

fn intensities() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-300.0..300.0f64, VOXELS)
}

fn index_zyx(i: usize) -> [usize; 3] {
    let [_, ny, nx] = SHAPE_ZYX;
    [i / (ny * nx), i / nx % ny, i % nx]
}

/// A volume with z and another axis exchanged.
fn turned<T: Copy>(voxels: &[T], axis: usize) -> ([usize; 3], Vec<T>) {
    let mut shape = SHAPE_ZYX;
    shape.swap(0, axis);
    let mut places: Vec<[usize; 3]> = (0..VOXELS).map(index_zyx).collect();
    let mut order: Vec<usize> = (0..VOXELS).collect();
    places.iter_mut().for_each(|index| index.swap(0, axis));
    order.sort_by_key(|&i| places[i]);
    (shape, order.into_iter().map(|i| voxels[i]).collect())
}

proptest! {
    #[test]
    fn slices_across_an_axis_are_those_across_z_of_the_turned_volume(
        labels in labels(),
        voxels in intensities(),
        axis in 1..3usize,
        standard in prop::sample::select(vec![Standard::PyRadiomics, Standard::Ibsi]),
    ) {
        let (shape, turned_voxels) = turned(&voxels, axis);
        let (_, turned_labels) = turned(&labels, axis);
        for aggregation in IN_PLANE {
            let across = |axis| Settings {
                standard,
                aggregation: Some(aggregation),
                force_2d_across_axis: Some(axis),
                ..texture()
            };
            let [geometry, other] = [SHAPE_ZYX, shape].map(|shape| grid(shape, [1.0; 3]));
            let upright = extract(
                &image(&geometry, voxels.clone()),
                &mask(&geometry, labels.clone()),
                1,
                &across(axis),
            )
            .unwrap();
            let turned = extract(
                &image(&other, turned_voxels.clone()),
                &mask(&other, turned_labels.clone()),
                1,
                &across(0),
            )
            .unwrap();
            for (a, b) in upright.values.iter().zip(&turned.values) {
                assert_equal(a.value, b.value, &a.column);
            }
        }
    }

    #[test]
    fn differences_are_those_from_the_neighbours_one_by_one(
        labels in labels(),
        voxels in intensities(),
        distances in prop::sample::subsequence(vec![1usize, 2, 3, 5], 1..=4),
        across in prop::sample::select(vec![None, Some(0), Some(1), Some(2)]),
    ) {
        let geometry = grid(SHAPE_ZYX, [1.0; 3]);
        let mask = mask(&geometry, labels.clone());
        let settings = Settings {
            distances_voxels: distances.clone(),
            force_2d_across_axis: across,
            ..texture()
        };
        let region = Region::new(&mask, 1, &settings).unwrap();
        let roi = Roi::new(
            &image(&geometry, voxels.clone()),
            &mask,
            region.into(),
            settings.discretisation,
        )
        .unwrap();
        let found = differences(&roi, &settings).unwrap();

        let inside: Vec<usize> = (0..VOXELS).filter(|&i| labels[i] == 1).collect();
        let bin = |i: usize| (voxels[i] / 25.0).floor();
        let lowest = inside.iter().map(|&i| bin(i)).fold(f64::INFINITY, f64::min);
        let level = |i: usize| bin(i) - lowest + 1.0;
        prop_assert_eq!(found.len(), inside.len());
        for (&i, found) in inside.iter().zip(found) {
            let neighbours: Vec<f64> = inside
                .iter()
                .filter(|&&j| {
                    let apart: Vec<usize> = (0..3)
                        .map(|axis| index_zyx(i)[axis].abs_diff(index_zyx(j)[axis]))
                        .collect();
                    distances.contains(apart.iter().max().unwrap())
                        && across.is_none_or(|axis| apart[axis] == 0)
                })
                .map(|&j| level(j))
                .collect();
            if neighbours.is_empty() {
                prop_assert!(found.is_nan());
            } else {
                let average = neighbours.iter().sum::<f64>() / neighbours.len() as f64;
                prop_assert_eq!(found, (level(i) - average).abs());
            }
        }
    }
}

/// Features of the voxels of a box, with any aggregation and standard.
fn of_box(
    shape: [usize; 3],
    intensity: impl Fn(usize) -> f64,
    mut check: impl FnMut(&Settings, &Features),
) {
    let geometry = grid(SHAPE_ZYX, [2.0, 1.0, 0.5]);
    let inside = |i: usize| (0..3).all(|axis| index_zyx(i)[axis] < shape[axis]);
    let labels = (0..VOXELS).map(|i| u16::from(inside(i))).collect();
    let image = image(&geometry, (0..VOXELS).map(intensity).collect());
    let mask = mask(&geometry, labels);
    let in_3d = [Aggregation::Averaged3D, Aggregation::Merged3D];
    for aggregation in IN_PLANE.into_iter().chain(in_3d) {
        for standard in [Standard::PyRadiomics, Standard::Ibsi] {
            for across in 0..3 {
                let settings = Settings {
                    standard,
                    aggregation: Some(aggregation),
                    force_2d_across_axis: Some(across),
                    ..texture()
                };
                let features = extract(&image, &mask, 1, &settings).unwrap();
                check(&settings, &features);
            }
        }
    }
}

#[test]
fn one_voxel_has_no_texture_but_by_convention() {
    of_box(
        [1; 3],
        |i| i as f64,
        |settings, features| {
            for feature in &features.values {
                let convention = match feature.column.as_str() {
                    "original_ngtdm_Coarseness" => 1e6,
                    column if column.starts_with("original_ngtdm") => 0.0,
                    _ => f64::NAN,
                };
                let expected = match settings.standard {
                    Standard::PyRadiomics => convention,
                    Standard::Ibsi => f64::NAN,
                };
                assert_equal(feature.value, expected, &feature.column);
            }
        },
    );
}

#[test]
fn a_flat_region_has_the_values_that_the_declarations_state() {
    of_box(
        [3, 3, 4],
        |_| 7.0,
        |settings, features| {
            let get = |name: &str| features.get(&format!("original_{name}")).unwrap();
            assert_eq!(get("ngtdm_Coarseness"), 1e6, "{settings:?}");
            for name in ["Contrast", "Busyness", "Complexity", "Strength"] {
                assert_eq!(get(&format!("ngtdm_{name}")), 0.0, "{name} {settings:?}");
            }
            assert_eq!(get("glcm_Contrast"), 0.0);
            assert_eq!(get("glcm_Id"), 1.0);
            assert_eq!(get("glcm_Correlation"), 1.0);
            assert!(features.values.iter().all(|f| f.value.is_finite()));
        },
    );
}

#[test]
fn a_slice_has_texture_where_neighbours_lie_in_it() {
    of_box(
        [1, 5, 6],
        |i| (i * 37 % 211) as f64,
        |settings, features| {
            let across = settings.force_2d_across_axis;
            // Across y or x only a row of voxels is left of each slice.
            let finite = features.values.iter().all(|f| f.value.is_finite());
            assert!(finite || across != Some(0), "{settings:?} {features:?}");
            assert!(features.get("original_glcm_Contrast").unwrap() > 0.0);
            assert!(features.get("original_ngtdm_Contrast").unwrap() > 0.0);
        },
    );
}

#[test]
fn more_levels_than_have_a_place_are_refused() {
    let shape = [1, 260, 260];
    let geometry = grid(shape, [1.0; 3]);
    let ladder: Vec<f64> = (0..260 * 260).map(f64::from).collect();
    let settings = Settings {
        discretisation: Discretisation::BinWidth(1.0),
        classes: vec![ClassSelection::defaults_of("ngtdm")],
        ..Settings::default()
    };
    let mask = mask(&geometry, vec![1; 260 * 260]);
    let error = extract(&image(&geometry, ladder), &mask, 1, &settings).unwrap_err();
    assert_eq!(
        error,
        RadiomicsError::TooManyOccurringLevels {
            levels: 67600,
            bound: 65535
        }
    );
    assert!(error.to_string().contains("wider bin"), "{error}");
}

#[test]
fn distances_that_the_region_was_not_found_for_are_refused() {
    let geometry = grid(SHAPE_ZYX, [1.0; 3]);
    let mask = mask(&geometry, vec![1; VOXELS]);
    let image = image(&geometry, (0..VOXELS).map(|i| i as f64).collect());
    let near = texture();
    let far = Settings {
        distances_voxels: vec![2],
        ..texture()
    };
    let region = Region::new(&mask, 1, &near).unwrap();
    let roi = Roi::new(&image, &mask, region.into(), near.discretisation).unwrap();
    assert!(differences(&roi, &near).is_ok());
    let of_neighbours = differences(&roi, &far).unwrap_err();
    let of_pairs = Cooccurrences::count(&roi, &far).unwrap_err();
    assert_eq!(of_neighbours, of_pairs);
    assert!(
        of_pairs.to_string().contains("distances_voxels"),
        "{of_pairs}"
    );
}
