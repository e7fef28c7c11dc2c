//! What holds for every region, of the features that IBSI has beyond PyRadiomics: each fast
//! algorithm against its definition, and regions at the edge of what is defined.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use std::collections::HashSet;
use std::f64::consts::PI;

use common::ibsi::{ibsi_settings, roi_in_image, values};
use common::{assert_equal, grid, image, mask};
use proptest::prelude::*;
use renalflow_radiomics::{
    BoundingBox, Discretisation, Region, Roi, Settings, Surroundings,
    local_intensity::{PeakTerms, margin_voxels},
    morphology::{Hull, MorphologyTerms},
    spatial::{PairSums, pairs::MAX_SPECTRUM_BYTES},
};

const SHAPE_ZYX: [usize; 3] = [4, 5, 6];
const VOXELS: usize = 4 * 5 * 6;
const SPACING_ZYX_MM: [f64; 3] = [2.5, 1.1, 0.7];

/// Labels with at least one voxel of label 1.
fn labels() -> impl Strategy<Value = Vec<u16>> {
    (prop::collection::vec(0u16..2, VOXELS), 0..VOXELS).prop_map(|(mut labels, one)| {
        labels[one] = 1;
        labels
    })
}

fn intensities() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-60i32..60).prop_map(f64::from), VOXELS)
}

fn region(labels: &[u16]) -> Region {
    let mask = mask(&grid(SHAPE_ZYX, SPACING_ZYX_MM), labels.to_vec());
    Region::new(&mask, 1, &ibsi_settings()).unwrap()
}

fn roi(labels: &[u16], voxels: &[f64], settings: &Settings) -> Roi {
    let geometry = grid(SHAPE_ZYX, SPACING_ZYX_MM);
    roi_in_image(
        &image(&geometry, voxels.to_vec()),
        &mask(&geometry, labels.to_vec()),
        settings,
    )
}

fn index(voxel: usize) -> [usize; 3] {
    [voxel / 30, voxel / 6 % 5, voxel % 6]
}

fn distance_mm(a: usize, b: usize) -> f64 {
    let (a, b) = (index(a), index(b));
    (0..3)
        .map(|axis| (a[axis].abs_diff(b[axis]) as f64 * SPACING_ZYX_MM[axis]).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// The voxels with their array axes in another order and some of them reversed.
fn turned<T: Copy>(voxels: &[T], order: [usize; 3], reversed: [bool; 3]) -> ([usize; 3], Vec<T>) {
    let shape = order.map(|axis| SHAPE_ZYX[axis]);
    let mut result = Vec::with_capacity(VOXELS);
    for i in 0..VOXELS {
        let place = [
            i / (shape[1] * shape[2]),
            i / shape[2] % shape[1],
            i % shape[2],
        ];
        let mut from = [0; 3];
        for axis in 0..3 {
            from[order[axis]] = if reversed[axis] {
                shape[axis] - 1 - place[axis]
            } else {
                place[axis]
            };
        }
        result.push(voxels[(from[0] * 5 + from[1]) * 6 + from[2]]);
    }
    (shape, result)
}

proptest! {
    #[test]
    fn a_hull_is_closed_convex_and_holds_the_mesh(labels in labels()) {
        let region = region(&labels);
        let hull = Hull::of(&region).unwrap();
        let height = |triangle: &renalflow_radiomics::morphology::Triangle, point: [i64; 3]| {
            let corner = hull.vertices[triangle.corners[0]];
            (0..3).map(|axis| triangle.normal[axis] * (point[axis] - corner[axis])).sum::<i64>()
        };
        let mut sides = HashSet::new();
        for triangle in &hull.triangles {
            for vertex in &hull.vertices {
                prop_assert!(height(triangle, *vertex) <= 0);
            }
            let start = region.bounding_box.start_zyx;
            for voxel in (0..VOXELS).filter(|&voxel| labels[voxel] == 1) {
                let at = index(voxel);
                let centre: [i64; 3] =
                    std::array::from_fn(|axis| 2 * (at[axis] - start[axis]) as i64);
                let reach = triangle.normal.iter().map(|n| n.abs()).max().unwrap();
                prop_assert!(height(triangle, centre) + reach <= 0);
            }
            for side in 0..3 {
                sides.insert((triangle.corners[side], triangle.corners[(side + 1) % 3]));
                let beyond = &hull.triangles[triangle.neighbours[side]];
                let ends = [triangle.corners[(side + 1) % 3], triangle.corners[side]];
                let shares_it = (0..3).any(|other| {
                    [beyond.corners[other], beyond.corners[(other + 1) % 3]] == ends
                });
                prop_assert!(shares_it);
            }
        }
        prop_assert_eq!(sides.len(), 3 * hull.triangles.len());
        prop_assert_eq!(hull.vertices.len() + hull.triangles.len(), sides.len() / 2 + 2);
    }

    #[test]
    fn bodies_hold_what_they_stand_around(labels in labels()) {
        let terms = MorphologyTerms::of(&region(&labels));
        let hull = terms.hull.volume_mm3;
        let slack = 1e-9;
        prop_assert!(terms.mesh.volume_mm3 <= hull * (1.0 + slack));
        let oriented = terms.oriented_box();
        let volume: f64 = oriented.sides_mm.iter().product();
        prop_assert!(hull <= volume * (1.0 + slack));
        prop_assert!(volume <= terms.upright_box_mm.iter().product::<f64>() * (1.0 + slack));
        for (axis, side) in oriented.axes.iter().zip(oriented.sides_mm) {
            let along = terms.hull.vertices_mm.iter().map(|vertex| vertex.dot(axis));
            let high = along.clone().fold(f64::NEG_INFINITY, f64::max);
            let low = along.fold(f64::INFINITY, f64::min);
            prop_assert!((high - low - side).abs() < 1e-9, "{} against {}", high - low, side);
        }
        let [c, b, a] = terms.enclosing_ellipsoid_mm().unwrap();
        prop_assert!(hull <= 4.19 * a * b * c);
        // The box around the ellipsoid, shrunk by the theorem of John to fit in the hull.
        prop_assert!(4.18 * a * b * c / 27.0 <= hull);
    }

    #[test]
    fn bodies_do_not_depend_on_how_the_grid_lies(
        labels in labels(),
        order in prop::sample::select(vec![
            [0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0],
        ]),
        reversed in prop::array::uniform3(any::<bool>()),
    ) {
        let before = MorphologyTerms::of(&region(&labels));
        let (shape, labels) = turned(&labels, order, reversed);
        let geometry = grid(shape, order.map(|axis| SPACING_ZYX_MM[axis]));
        let region = Region::new(&mask(&geometry, labels), 1, &ibsi_settings()).unwrap();
        let after = MorphologyTerms::of(&region);
        let same = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance * a.abs();
        prop_assert!(same(before.hull.volume_mm3, after.hull.volume_mm3, 1e-12));
        prop_assert!(same(before.hull.area_mm2, after.hull.area_mm2, 1e-12));
        let [before_mvee, after_mvee] =
            [&before, &after].map(|terms| terms.enclosing_ellipsoid_mm().unwrap());
        for (before, after) in before_mvee.iter().zip(after_mvee) {
            prop_assert!(same(*before, after, 1e-4), "{:?} {:?}", before_mvee, after_mvee);
        }
        // The search for the box may end elsewhere, but not far.
        let [before, after] = [&before, &after]
            .map(|terms| terms.oriented_box().sides_mm.iter().product::<f64>());
        prop_assert!(same(before, after, 0.05), "{} {}", before, after);
    }

    #[test]
    fn pairs_by_transform_are_pairs_one_by_one(labels in labels(), voxels in intensities()) {
        let roi = roi(&labels, &voxels, &ibsi_settings());
        let inside: Vec<usize> = (0..VOXELS).filter(|&voxel| labels[voxel] == 1).collect();
        let (mut weights, mut products, mut squares) = (0.0, 0.0, 0.0);
        for &i in &inside {
            for &j in inside.iter().filter(|&&j| j != i) {
                let weight = 1.0 / distance_mm(i, j);
                weights += weight;
                products += weight * voxels[i] * voxels[j];
                squares += weight * voxels[i] * voxels[i];
            }
        }
        let expected = PairSums { weights, products, squares };
        let one_by_one = PairSums::pair_by_pair(&roi.region, &roi.intensities);
        let transformed =
            PairSums::by_transform(&roi.region, &roi.intensities, MAX_SPECTRUM_BYTES);
        for found in [one_by_one, transformed] {
            prop_assert!((found.weights - expected.weights).abs() <= 1e-10 * weights + 1e-12);
            prop_assert!((found.products - expected.products).abs() <= 1e-10 * squares + 1e-12);
            prop_assert!((found.squares - expected.squares).abs() <= 1e-10 * squares + 1e-12);
        }
        let in_passes = PairSums::by_transform(&roi.region, &roi.intensities, 1);
        prop_assert_eq!(in_passes.products.to_bits(), transformed.products.to_bits());
    }

    #[test]
    fn peaks_are_the_means_of_spheres(
        labels in labels(),
        voxels in intensities(),
        missing in 0..VOXELS,
    ) {
        let mut voxels = voxels;
        if labels[missing] == 0 {
            voxels[missing] = f64::NAN;
        }
        let roi = roi(&labels, &voxels, &ibsi_settings());
        let (mut local, mut global) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let highest = roi.intensities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let radius_mm = (750.0 / PI).cbrt();
        for i in (0..VOXELS).filter(|&i| labels[i] == 1) {
            let sphere: Vec<f64> = (0..VOXELS)
                .filter(|&j| distance_mm(i, j) <= radius_mm)
                .map(|j| voxels[j])
                .filter(|voxel| voxel.is_finite())
                .collect();
            let mean = sphere.iter().sum::<f64>() / sphere.len() as f64;
            global = global.max(mean);
            if voxels[i] == highest {
                local = local.max(mean);
            }
        }
        let peaks = PeakTerms::of(&roi);
        prop_assert!((peaks.global - global).abs() < 1e-9);
        prop_assert!((peaks.local - local).abs() < 1e-9);
    }

    #[test]
    fn the_volume_histogram_is_that_of_the_definition(
        labels in labels(),
        voxels in intensities(),
        width in prop::sample::select(vec![None, Some(2.5), Some(10.0)]),
        range in prop::sample::select(vec![None, Some([-75.0, 75.0])]),
    ) {
        let settings = Settings {
            ivh_discretisation: width.map(|width| Discretisation::BinWidthFrom { width, start: None }),
            ivh_range: range.map_or([None, None], |range| range.map(Some)),
            ..ibsi_settings()
        };
        let roi = roi(&labels, &voxels, &settings);
        let x = &roi.intensities;
        let minimum = x.iter().copied().fold(f64::INFINITY, f64::min);
        let maximum = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let [low, high] = range.unwrap_or([minimum, maximum]);
        let step = width.unwrap_or(1.0);
        let half = width.map_or(0.0, |width| 0.5 * width);
        let discretised: Vec<f64> =
            x.iter().map(|x| low + ((x - low) / step).floor() * step + half).collect();
        let share = |i: f64| {
            discretised.iter().filter(|&&x| x >= i).count() as f64 / x.len() as f64
        };
        let levels: Vec<f64> = (0..).map(|k| low + f64::from(k) * step + half)
            .take_while(|&i| i <= high.max(discretised.iter().copied().fold(low, f64::max)))
            .collect();
        let fraction = |i: f64| (i - low - half) / (high - low - 2.0 * half);
        let volume_at = |least: f64| {
            levels.iter().find(|&&i| fraction(i) >= least).map_or(0.0, |&i| share(i))
        };
        let intensity_at = |most: f64| {
            levels.iter().copied().find(|&i| share(i) <= most)
                .unwrap_or_else(|| levels.last().unwrap() + step)
        };
        let found = values("ivh", &roi, &settings);
        if high - low > 2.0 * half {
            prop_assert!((found["V10"] - volume_at(0.1)).abs() < 1e-12);
            prop_assert!((found["V90"] - volume_at(0.9)).abs() < 1e-12);
        } else {
            prop_assert!(found["V10"].is_nan());
        }
        prop_assert!((found["I10"] - intensity_at(0.1)).abs() < 1e-9);
        prop_assert!((found["I90"] - intensity_at(0.9)).abs() < 1e-9);
        if width.is_none() && high > low {
            let one_level = minimum == maximum;
            let area: f64 = levels
                .windows(2)
                .map(|pair| 0.5 * (share(pair[0]) + share(pair[1])) * (fraction(pair[1]) - fraction(pair[0])))
                .sum();
            let area = if one_level { 0.0 } else { area };
            prop_assert!((found["AreaUnderCurve"] - area).abs() < 1e-9);
        }
    }

    #[test]
    fn statistics_of_the_histogram_are_those_of_its_voxels(
        labels in labels(),
        voxels in intensities(),
    ) {
        let settings = ibsi_settings();
        let roi = roi(&labels, &voxels, &settings);
        let minimum = roi.intensities.iter().copied().fold(f64::INFINITY, f64::min);
        // Grey levels as intensities.
        let shifted: Vec<f64> = voxels.iter().map(|x| x - minimum + 1.0).collect();
        let statistics = values("firstorder", &self::roi(&labels, &shifted, &settings), &settings);
        for (name, found) in values("ih", &roi, &settings) {
            if let Some(expected) = statistics.get(name) {
                let same = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
                prop_assert!(same || found.is_nan() && expected.is_nan(), "{}: {} {}", name, found, expected);
            }
        }
    }
}

#[test]
fn a_window_of_the_margin_is_all_that_peaks_look_at() {
    let shape = [19, 31, 33];
    let spacing = [1.3, 0.9, 0.8];
    let geometry = grid(shape, spacing);
    let voxels: Vec<f64> = (0..geometry.len())
        .map(|i| f64::from((i * 7919 % 1009) as u32) / 7.0)
        .collect();
    let labels: Vec<u16> = (0..geometry.len())
        .map(|i| {
            let [z, y, x] = [i / (31 * 33), i / 33 % 31, i % 33];
            u16::from((8..11).contains(&z) && (13..17).contains(&y) && (14..19).contains(&x))
        })
        .collect();
    let settings = ibsi_settings();
    let mut roi = roi_in_image(
        &image(&geometry, voxels.clone()),
        &mask(&geometry, labels),
        &settings,
    );
    let whole = PeakTerms::of(&roi);
    let margin = margin_voxels(spacing);
    assert_eq!(margin, [4, 6, 7]);
    let inner = roi.region.bounding_box;
    let window = BoundingBox {
        start_zyx: std::array::from_fn(|axis| inner.start_zyx[axis] - margin[axis]),
        shape_zyx: std::array::from_fn(|axis| inner.shape_zyx[axis] + 2 * margin[axis]),
    };
    let mut values = Vec::new();
    for z in 0..window.shape_zyx[0] {
        for y in 0..window.shape_zyx[1] {
            let [z0, y0, x0] = window.start_zyx;
            let start = ((z0 + z) * 31 + y0 + y) * 33 + x0;
            values.extend_from_slice(&voxels[start..start + window.shape_zyx[2]]);
        }
    }
    roi.surroundings = Some(Surroundings { window, values });
    assert_eq!(PeakTerms::of(&roi), whole);

    // A window that does not hold the region, and none at all, are no reason to panic.
    roi.surroundings = Some(Surroundings {
        window: BoundingBox {
            start_zyx: [9, 0, 0],
            shape_zyx: [2, 2, 2],
        },
        values: vec![0.0; 8],
    });
    assert!(PeakTerms::of(&roi).global.is_nan());
    roi.surroundings = None;
    assert!(PeakTerms::of(&roi).local.is_nan());
}

#[test]
fn one_voxel_gives_what_the_documentation_says() {
    let geometry = grid([3; 3], [2.0; 3]);
    let mut labels = vec![0; 27];
    labels[13] = 1;
    let settings = ibsi_settings();
    let roi = roi_in_image(
        &image(&geometry, vec![7.0; 27]),
        &mask(&geometry, labels),
        &settings,
    );
    let check = |class: &str, expected: &[(&str, f64)]| {
        let found = values(class, &roi, &settings);
        for (name, value) in expected {
            assert!(
                (found[name] - value).abs() < 6e-4 || found[name].is_nan() && value.is_nan(),
                "{class} {name}: {} here, {value} documented",
                found[name]
            );
        }
    };
    check(
        "morphology",
        &[
            ("Asphericity", 0.1826),
            ("VolumeDensityAABB", 1.0 / 6.0),
            ("AreaDensityAABB", 0.2887),
            ("VolumeDensityOMBB", 0.5),
            ("AreaDensityOMBB", 0.5946),
            ("VolumeDensityAEE", f64::NAN),
            ("AreaDensityAEE", f64::NAN),
            ("VolumeDensityMVEE", 1.0 / PI),
            ("AreaDensityMVEE", 0.5513),
            ("VolumeDensityConvexHull", 1.0),
            ("AreaDensityConvexHull", 1.0),
        ],
    );
    check(
        "spatial",
        &[
            ("CentreOfMassShift", 0.0),
            ("IntegratedIntensity", 7.0 * 8.0 / 6.0),
            ("MoransI", f64::NAN),
            ("GearysC", f64::NAN),
        ],
    );
    check("localintensity", &[("LocalPeak", 7.0), ("GlobalPeak", 7.0)]);
    check(
        "ih",
        &[
            ("Mean", 1.0),
            ("Kurtosis", 0.0),
            ("Mode", 1.0),
            ("CoefficientOfVariation", 0.0),
            ("Entropy", 0.0),
            ("MaximumHistogramGradient", 0.0),
            ("MinimumHistogramGradientGreyLevel", 1.0),
        ],
    );
    check(
        "ivh",
        &[
            ("V10", f64::NAN),
            ("I10", 8.0),
            ("I90", 8.0),
            ("I10MinusI90", 0.0),
            ("AreaUnderCurve", 0.0),
        ],
    );
    check(
        "firstorder",
        &[
            ("Kurtosis", 0.0),
            ("MedianAbsoluteDeviation", 0.0),
            ("CoefficientOfVariation", 0.0),
            ("QuartileCoefficientOfDispersion", 0.0),
        ],
    );
}

#[test]
fn a_flat_region_of_one_intensity_is_defined() {
    let geometry = grid([1, 9, 9], [2.0, 1.0, 1.0]);
    let settings = ibsi_settings();
    let roi = roi_in_image(
        &image(&geometry, vec![7.0; 81]),
        &mask(&geometry, vec![1; 81]),
        &settings,
    );
    let spatial = values("spatial", &roi, &settings);
    assert_equal(spatial["MoransI"], 1.0, "Moran's I");
    assert_equal(spatial["GearysC"], 1.0, "Geary's C");
    let morphology = values("morphology", &roi, &settings);
    assert!(morphology["VolumeDensityAEE"].is_nan());
    assert!(morphology["VolumeDensityMVEE"].is_finite());
    assert!(morphology["VolumeDensityOMBB"].is_finite());
    assert_equal(
        values("localintensity", &roi, &settings)["LocalPeak"],
        7.0,
        "local peak",
    );
}

#[test]
fn settings_of_the_volume_histogram_are_checked() {
    for (settings, named) in [
        (
            Settings {
                ivh_discretisation: Some(Discretisation::BinWidth(0.0)),
                ..ibsi_settings()
            },
            "ivh_bin_width",
        ),
        (
            Settings {
                ivh_discretisation: Some(Discretisation::BinCount(0)),
                ..ibsi_settings()
            },
            "ivh_bin_count",
        ),
        (
            Settings {
                ivh_range: [Some(400.0), Some(-500.0)],
                ..ibsi_settings()
            },
            "ivh_range",
        ),
    ] {
        let error = settings.validate().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit_of_pairs() {
    let region = region(&[1; VOXELS]);
    let values: Vec<f64> = (0..VOXELS).map(|i| (i as f64).sin()).collect();
    let with_threads = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| PairSums::by_transform(&region, &values, MAX_SPECTRUM_BYTES))
    };
    assert_eq!(with_threads(1), with_threads(3));
}
