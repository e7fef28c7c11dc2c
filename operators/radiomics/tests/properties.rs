//! What holds for every region.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use common::{grid, image, mask};
use proptest::prelude::*;
use renalflow_radiomics::{
    CLASSES, ClassSelection, Discretisation, Region, Roi, Settings, extract, glcm::Cooccurrences,
    shape::Diameters,
};

const SHAPE_ZYX: [usize; 3] = [4, 5, 6];
const VOXELS: usize = 4 * 5 * 6;
const SPACING_ZYX_MM: [f64; 3] = [2.5, 1.1, 0.7];

fn any_size() -> Settings {
    Settings {
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

/// Vertices of the mesh in mm, by the definition.
fn vertices_mm(labels: &[u16]) -> Vec<[f64; 3]> {
    let inside = |index: [i64; 3]| {
        let [z, y, x] = index;
        let [nz, ny, nx] = SHAPE_ZYX.map(|n| n as i64);
        (0..nz).contains(&z)
            && (0..ny).contains(&y)
            && (0..nx).contains(&x)
            && labels[((z * ny + y) * nx + x) as usize] == 1
    };
    let mut vertices = Vec::new();
    for z in -1..=SHAPE_ZYX[0] as i64 {
        for y in -1..=SHAPE_ZYX[1] as i64 {
            for x in -1..=SHAPE_ZYX[2] as i64 {
                for axis in 0..3 {
                    let mut next = [z, y, x];
                    next[axis] += 1;
                    if inside([z, y, x]) != inside(next) {
                        let mut vertex = [z, y, x].map(|i| i as f64);
                        vertex[axis] += 0.5;
                        vertices.push(vertex);
                    }
                }
            }
        }
    }
    vertices
}

proptest! {
    #[test]
    fn diameters_are_those_of_all_pairs(labels in labels()) {
        let vertices = vertices_mm(&labels);
        let (mut in_3d, mut in_2d) = (0.0f64, [0.0f64; 3]);
        for a in &vertices {
            for b in &vertices {
                let apart: f64 = (0..3)
                    .map(|i| ((a[i] - b[i]) * SPACING_ZYX_MM[i]).powi(2))
                    .sum::<f64>()
                    .sqrt();
                in_3d = in_3d.max(apart);
                for (axis, largest) in in_2d.iter_mut().enumerate() {
                    if a[axis] == b[axis] {
                        *largest = largest.max(apart);
                    }
                }
            }
        }
        let mask = mask(&grid(SHAPE_ZYX, SPACING_ZYX_MM), labels);
        let found = Diameters::of(&Region::new(&mask, 1, &any_size()).unwrap());
        prop_assert!((found.maximum_3d_mm - in_3d).abs() < 1e-12);
        for (found, expected) in found.maximum_2d_across_zyx_mm.iter().zip(in_2d) {
            prop_assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn pairs_are_those_counted_one_by_one(
        labels in labels(),
        voxels in intensities(),
        distances in prop::sample::subsequence(vec![1usize, 2, 3], 1..=3),
    ) {
        let geometry = grid(SHAPE_ZYX, SPACING_ZYX_MM);
        let mask = mask(&geometry, labels.clone());
        let settings = Settings {
            distances_voxels: distances.clone(),
            symmetric_glcm: true,
            weighting_norm: Some(renalflow_radiomics::WeightingNorm::NoWeighting),
            ..any_size()
        };
        let region = Region::new(&mask, 1, &settings).unwrap();
        let roi = Roi::new(&image(&geometry, voxels.clone()), &mask, region.into(), settings.discretisation).unwrap();
        let cooccurrences = Cooccurrences::count(&roi, &settings).unwrap();
        let pooled = cooccurrences.matrices(&settings, SPACING_ZYX_MM);

        let low = (0..VOXELS).filter(|&i| labels[i] == 1).map(|i| voxels[i]).fold(f64::INFINITY, f64::min);
        let place = |i: usize| {
            let level = ((voxels[i] / 25.0).floor() - (low / 25.0).floor()) as u32 + 1;
            roi.grey_levels.values.iter().position(|&v| v == level).unwrap()
        };
        let index = |i: usize| [i / 30, i / 6 % 5, i % 6];
        let n = roi.grey_levels.values.len();
        let mut expected = vec![0.0; n * n];
        let inside: Vec<usize> = (0..VOXELS).filter(|&i| labels[i] == 1).collect();
        for &i in &inside {
            for &j in &inside {
                let (a, b) = (index(i), index(j));
                let apart = (0..3).map(|axis| a[axis].abs_diff(b[axis])).max().unwrap();
                if distances.contains(&apart) {
                    expected[place(i) * n + place(j)] += 1.0;
                }
            }
        }
        let pairs: f64 = expected.iter().sum();
        if pairs == 0.0 {
            prop_assert!(pooled.is_empty());
        } else {
            for (found, count) in pooled[0].iter().zip(&expected) {
                prop_assert!((found - count / pairs).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn moving_a_region_changes_nothing(voxels in intensities(), labels in labels()) {
        let settings = any_size();
        let at_origin = extract(
            &image(&grid(SHAPE_ZYX, SPACING_ZYX_MM), voxels.clone()),
            &mask(&grid(SHAPE_ZYX, SPACING_ZYX_MM), labels.clone()),
            1,
            &settings,
        ).unwrap();
        let larger = grid([7, 9, 8], SPACING_ZYX_MM);
        let mut moved_voxels = vec![f64::NAN; larger.len()];
        let mut moved_labels = vec![0; larger.len()];
        for i in 0..VOXELS {
            let [z, y, x] = [i / 30 + 2, i / 6 % 5 + 3, i % 6 + 1];
            let to = (z * 9 + y) * 8 + x;
            moved_voxels[to] = voxels[i];
            moved_labels[to] = labels[i];
        }
        let moved = extract(
            &image(&larger, moved_voxels),
            &mask(&larger, moved_labels),
            1,
            &settings,
        ).unwrap();
        for (a, b) in at_origin.values.iter().zip(&moved.values) {
            prop_assert_eq!(a.value.to_bits(), b.value.to_bits(), "{}", &a.column);
        }
    }

    #[test]
    fn values_keep_within_their_bounds(voxels in intensities(), labels in labels()) {
        let settings = Settings {
            discretisation: Discretisation::BinCount(8),
            classes: CLASSES
                .iter()
                .filter(|class| class.is_default())
                .map(|class| ClassSelection {
                    class: class.name.to_owned(),
                    features: (class.docs)().iter().map(|doc| doc.name.to_owned()).collect(),
                })
                .collect(),
            ..any_size()
        };
        let geometry = grid(SHAPE_ZYX, SPACING_ZYX_MM);
        let features = extract(&image(&geometry, voxels), &mask(&geometry, labels), 1, &settings).unwrap();
        for (column, low, high) in [
            ("firstorder_Uniformity", 0.0, 1.0),
            ("firstorder_Variance", 0.0, f64::INFINITY),
            ("shape_SurfaceArea", 0.0, f64::INFINITY),
            ("shape_Elongation", 0.0, 1.0),
            ("shape_Flatness", 0.0, 1.0),
            ("glcm_Correlation", -1.0, 1.0),
            ("glcm_MCC", 0.0, 1.0),
            ("glcm_Imc1", -1.0, 0.0),
            ("glcm_Imc2", 0.0, 1.0),
            ("glcm_JointEnergy", 0.0, 1.0),
            ("glcm_Id", 0.0, 1.0),
        ] {
            let value = features.get(&format!("original_{column}")).unwrap();
            let slack = 1e-9;
            prop_assert!(
                value.is_nan() || (low - slack..=high + slack).contains(&value),
                "{} is {}", column, value
            );
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let shape_zyx = [24, 30, 36];
    let geometry = grid(shape_zyx, SPACING_ZYX_MM);
    let mut state = 1u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    let voxels: Vec<f64> = (0..geometry.len())
        .map(|_| 900.0 * noise() - 300.0)
        .collect();
    let labels: Vec<u16> = (0..geometry.len())
        .map(|_| u16::from(noise() < 0.7))
        .collect();
    let (image, mask) = (image(&geometry, voxels), mask(&geometry, labels));
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| extract(&image, &mask, 1, &Settings::default()).unwrap())
    };
    let one = with_threads(1);
    for threads in [2, 3, 8] {
        for (a, b) in one.values.iter().zip(&with_threads(threads).values) {
            assert_eq!(
                a.value.to_bits(),
                b.value.to_bits(),
                "{} on {threads} threads",
                a.column
            );
        }
    }
}
