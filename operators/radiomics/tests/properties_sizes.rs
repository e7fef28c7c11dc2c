//! Matrices of level and size are those that the definitions give, counted voxel by voxel, for
//! any region, whatever the aggregation.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::{grid, image, mask};
use proptest::prelude::*;
use renalflow_radiomics::{
    Aggregation, Discretisation, Region, Roi, Settings, Standard, WeightingNorm, gldm, gldzm,
    glrlm, glszm,
    level_size::{LevelSizeMatrix, LevelSizeTerms},
    ngldm,
};

const SHAPE_ZYX: [usize; 3] = [4, 5, 6];
const VOXELS: usize = 4 * 5 * 6;
const SPACING_ZYX_MM: [f64; 3] = [2.5, 1.1, 0.7];

const AGGREGATIONS: [Aggregation; 6] = [
    Aggregation::Averaged2D,
    Aggregation::SliceMerged2D,
    Aggregation::DirectionMerged25D,
    Aggregation::Merged25D,
    Aggregation::Averaged3D,
    Aggregation::Merged3D,
];

/// Level and size of each thing that occurs, with how often.
type Counts = BTreeMap<(u32, u32), f64>;
type Index = [i64; 3];

/// A region as a map from voxels to levels, in the plainest way.
struct Plain {
    levels: BTreeMap<Index, u32>,
    morphological: BTreeSet<Index>,
    /// Across which axis slices are taken, `None` in 3D.
    axis: Option<usize>,
}

impl Plain {
    /// The voxels of each slice, or all.
    fn groups(&self, by_slice: bool) -> Vec<Vec<Index>> {
        let mut groups: BTreeMap<i64, Vec<Index>> = BTreeMap::new();
        for &index in self.levels.keys() {
            let slice = self.axis.filter(|_| by_slice).map_or(0, |axis| index[axis]);
            groups.entry(slice).or_default().push(index);
        }
        groups.into_values().collect()
    }

    fn in_plane(&self, step: &Index) -> bool {
        self.axis.is_none_or(|axis| step[axis] == 0)
    }

    fn steps(&self, reach: i64) -> Vec<Index> {
        let mut steps = Vec::new();
        for z in -reach..=reach {
            for y in -reach..=reach {
                for x in -reach..=reach {
                    steps.push([z, y, x]);
                }
            }
        }
        steps.retain(|step| *step != [0; 3] && self.in_plane(step));
        steps
    }

    fn equal(&self, a: Index, b: Index) -> bool {
        self.levels
            .get(&b)
            .is_some_and(|level| *level == self.levels[&a])
    }

    fn runs(&self, group: &[Index], step: Index) -> Counts {
        let mut counts = Counts::new();
        for &start in group {
            if self.equal(start, minus(start, step)) {
                continue;
            }
            let (mut length, mut at) = (1, start);
            while self.equal(start, plus(at, step)) {
                at = plus(at, step);
                length += 1;
            }
            *counts.entry((self.levels[&start], length)).or_default() += 1.0;
        }
        counts
    }

    /// Whether two voxels are any number of steps apart.
    fn share_a_line(&self, group: &[Index], step: Index) -> bool {
        let far = |n: i64| step.map(|d| n * d);
        group
            .iter()
            .any(|&a| (1..6).any(|n| group.contains(&plus(a, far(n)))))
    }

    fn zones(&self, group: &[Index]) -> Vec<Vec<Index>> {
        let mut rest: BTreeSet<Index> = group.iter().copied().collect();
        let mut zones = Vec::new();
        while let Some(first) = rest.pop_first() {
            let (mut zone, mut next) = (vec![first], 0);
            while next < zone.len() {
                for step in self.steps(1) {
                    let other = plus(zone[next], step);
                    if self.equal(first, other) && rest.remove(&other) {
                        zone.push(other);
                    }
                }
                next += 1;
            }
            zones.push(zone);
        }
        zones
    }

    fn distance(&self, from: Index) -> u32 {
        (1..)
            .find(|&distance| {
                self.steps(distance).iter().any(|step| {
                    let length: i64 = step.iter().map(|d| d.abs()).sum();
                    length == distance && !self.morphological.contains(&plus(from, *step))
                })
            })
            .unwrap() as u32
    }

    fn dependent(&self, at: Index, distances: &[usize], alpha: f64) -> u32 {
        let level = self.levels[&at];
        let depends = |step: &&Index| {
            let distance = step.iter().map(|d| d.unsigned_abs()).max().unwrap();
            distances.contains(&(distance as usize))
                && self
                    .levels
                    .get(&plus(at, **step))
                    .is_some_and(|other| f64::from(other.abs_diff(level)) <= alpha)
        };
        self.steps(3).iter().filter(depends).count() as u32
    }
}

fn plus(a: Index, b: Index) -> Index {
    std::array::from_fn(|i| a[i] + b[i])
}

fn minus(a: Index, b: Index) -> Index {
    std::array::from_fn(|i| a[i] - b[i])
}

fn count(things: impl IntoIterator<Item = (u32, u32)>) -> Counts {
    let mut counts = Counts::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1.0;
    }
    counts
}

fn counts_of(matrix: &LevelSizeMatrix) -> Counts {
    let counts: Counts = matrix
        .cells
        .iter()
        .map(|cell| ((cell.level, cell.size), cell.count))
        .collect();
    assert_eq!(counts.len(), matrix.cells.len(), "a cell occurs twice");
    counts
}

fn assert_same(found: &[LevelSizeMatrix], expected: &[Counts], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let found = counts_of(found);
        assert!(
            found.keys().eq(expected.keys())
                && found.iter().all(|(k, n)| (n - expected[k]).abs() < 1e-9),
            "{what}: {found:?}, not {expected:?}"
        );
    }
}

#[derive(Debug, Clone)]
struct Case {
    labels: Vec<u16>,
    levels: Vec<u32>,
    settings: Settings,
}

/// Label 1 is the region, label 2 belongs to the morphological mask as well.
fn cases() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(prop::sample::select(vec![0u16, 1, 1, 1, 2]), VOXELS),
        prop::sample::select(vec![1u32, 2, 3, 8, 400, 70_000]),
        prop::collection::vec(any::<u32>(), VOXELS),
        prop::sample::select(&AGGREGATIONS[..]),
        prop::option::of(0usize..3),
        prop::bool::ANY,
        0..VOXELS,
        prop::sample::subsequence(vec![1usize, 2, 3], 1..=3),
        prop::sample::select(vec![0.0, 0.5, 1.0, 2.0, 1e9]),
        prop::option::of(prop::sample::select(vec![
            WeightingNorm::Manhattan,
            WeightingNorm::Euclidean,
            WeightingNorm::Infinity,
            WeightingNorm::NoWeighting,
        ])),
    )
        .prop_map(
            |(mut labels, range, noise, aggregation, axis, ibsi, one, distances, alpha, norm)| {
                labels[one] = 1;
                Case {
                    labels,
                    levels: noise.iter().map(|n| n % range).collect(),
                    settings: Settings {
                        standard: if ibsi {
                            Standard::Ibsi
                        } else {
                            Standard::PyRadiomics
                        },
                        aggregation: Some(aggregation),
                        force_2d_across_axis: axis,
                        distances_voxels: distances,
                        gldm_alpha: alpha,
                        weighting_norm: norm,
                        minimum_roi_dimensions: 0,
                        discretisation: Discretisation::BinWidth(1.0),
                        ..Settings::default()
                    },
                }
            },
        )
}

fn build(case: &Case) -> (Roi, Plain) {
    let geometry = grid(SHAPE_ZYX, SPACING_ZYX_MM);
    let intensities = case.levels.iter().map(|&level| f64::from(level)).collect();
    let label_map = mask(&geometry, case.labels.clone());
    let region = Region::new(&label_map, 1, &case.settings).unwrap();
    let mut roi = Roi::new(
        &image(&geometry, intensities),
        &label_map,
        region.into(),
        case.settings.discretisation,
    )
    .unwrap();
    let whole = case.labels.iter().map(|&label| label.min(1)).collect();
    let whole = Region::new(&mask(&geometry, whole), 1, &case.settings).unwrap();
    roi.morphological = Arc::new(whole);
    let index = |i: usize| [i / 30, i / 6 % 5, i % 6].map(|n| n as i64);
    let inside = (0..VOXELS).filter(|&i| case.labels[i] == 1);
    let lowest = inside.clone().map(|i| case.levels[i]).min().unwrap();
    let plain = Plain {
        levels: inside
            .map(|i| (index(i), case.levels[i] - lowest + 1))
            .collect(),
        morphological: (0..VOXELS)
            .filter(|&i| case.labels[i] > 0)
            .map(index)
            .collect(),
        axis: case.settings.slice_axis(),
    };
    (roi, plain)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn runs_are_those_counted_one_by_one(case in cases()) {
        let (roi, plain) = build(&case);
        let settings = &case.settings;
        let aggregation = settings.aggregation();
        let directions: Vec<Index> = plain
            .steps(1)
            .into_iter()
            .filter(|step| *step > [0; 3])
            .collect();
        let merged = aggregation.merges_directions() || settings.weighting_norm.is_some();
        let mut expected: Vec<Counts> = Vec::new();
        for group in plain.groups(aggregation.is_by_slice()) {
            let mut sum = Counts::new();
            for &step in &directions {
                if settings.standard == Standard::PyRadiomics && !plain.share_a_line(&group, step) {
                    continue;
                }
                let mm: Vec<f64> = (0..3)
                    .map(|i| step[i].abs() as f64 * SPACING_ZYX_MM[i])
                    .collect();
                let weight = match settings.weighting_norm {
                    Some(WeightingNorm::Manhattan) => mm.iter().sum(),
                    Some(WeightingNorm::Euclidean) => mm.iter().map(|d| d * d).sum::<f64>().sqrt(),
                    Some(WeightingNorm::Infinity) => mm.iter().copied().fold(0.0, f64::max),
                    Some(WeightingNorm::NoWeighting) | None => 1.0,
                };
                let counts = plain.runs(&group, step);
                if merged {
                    for (key, n) in counts {
                        *sum.entry(key).or_default() += weight * n;
                    }
                } else {
                    expected.push(counts);
                }
            }
            if !sum.is_empty() {
                expected.push(sum);
            }
        }
        // The order of directions is not promised; that of slices is lost with it.
        let sorted = |mut matrices: Vec<Counts>| {
            matrices.sort_by_key(|counts| format!("{counts:?}"));
            matrices
        };
        let found = glrlm::matrices(&roi, settings).unwrap();
        for matrix in &found {
            let of_runs: f64 = matrix.cells.iter().map(|c| c.count * f64::from(c.size)).sum();
            prop_assert!((of_runs - matrix.voxel_count).abs() < 1e-9 * of_runs);
        }
        if merged {
            assert_same(&found, &expected, "glrlm");
        } else {
            let found = found.iter().map(counts_of).collect();
            prop_assert_eq!(sorted(found), sorted(expected));
        }
    }

    #[test]
    fn zones_are_those_found_one_by_one(case in cases()) {
        let (roi, plain) = build(&case);
        let by_slice = case.settings.aggregation().is_by_slice();
        let (mut sizes, mut distances, mut voxels) = (Vec::new(), Vec::new(), Vec::new());
        for group in plain.groups(by_slice) {
            let zones = plain.zones(&group);
            let level = |zone: &[Index]| plain.levels[&zone[0]];
            sizes.push(count(zones.iter().map(|z| (level(z), z.len() as u32))));
            distances.push(count(zones.iter().map(|zone| {
                let nearest = zone.iter().map(|&voxel| plain.distance(voxel)).min().unwrap();
                (level(zone), nearest)
            })));
            voxels.push(group.len() as f64);
        }
        for (what, found, expected) in [
            ("glszm", glszm::matrices(&roi, &case.settings).unwrap(), sizes),
            ("gldzm", gldzm::matrices(&roi, &case.settings).unwrap(), distances),
        ] {
            assert_same(&found, &expected, what);
            prop_assert!(found.iter().map(|m| m.voxel_count).eq(voxels.iter().copied()));
        }
    }

    #[test]
    fn dependence_is_that_counted_one_by_one(case in cases()) {
        let (roi, plain) = build(&case);
        let settings = &case.settings;
        let expected = |distances: &[usize]| -> Vec<Counts> {
            let groups = plain.groups(settings.aggregation().is_by_slice());
            groups
                .iter()
                .map(|group| count(group.iter().map(|&at| {
                    let dependent = plain.dependent(at, distances, settings.gldm_alpha);
                    (plain.levels[&at], dependent + 1)
                })))
                .collect()
        };
        let found = gldm::matrices(&roi, settings).unwrap();
        assert_same(&found, &expected(&settings.distances_voxels), "gldm");
        for matrix in &found {
            prop_assert_eq!(LevelSizeTerms::new(matrix).count, matrix.voxel_count);
        }
        assert_same(&ngldm::matrices(&roi, settings).unwrap(), &expected(&[1]), "ngldm");
    }
}
