//! Labels on the original grid equal those of the whole-volume computation.
#![allow(clippy::unwrap_used, clippy::panic)]

use renalflow_imaging::{
    Geometry, Image, Volume,
    orientation::Reorientation,
    resample::{Interpolation, Resampling, resample_image},
};
use renalflow_segmentation::inference::{Decision, InferenceError, OriginalGrid, SliceSink};

const CLASSES: usize = 3;

/// Smooth probabilities, `[class]` volumes on a grid.
fn probabilities(working: &Geometry) -> [Vec<f32>; CLASSES] {
    let [_, rows, columns] = working.shape_zyx;
    let scores = |i: usize| {
        let (z, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
        let (z, y, x) = (z as f32, y as f32, x as f32);
        [
            1.0f32,
            (0.9 * z).sin() + (0.7 * x - 0.2 * y).cos() + 0.5,
            (0.8 * y + 0.3 * z).sin() + (1.1 * x).cos() + 0.6,
        ]
        .map(f32::exp)
    };
    std::array::from_fn(|class| {
        (0..working.len())
            .map(|i| scores(i)[class] / scores(i).iter().sum::<f32>())
            .collect()
    })
}

fn push(grid: &mut OriginalGrid, classes: &[Vec<f32>; CLASSES], shape: [usize; 3]) {
    let slice = shape[1] * shape[2];
    for z in 0..shape[0] {
        let probabilities: Vec<f32> = classes
            .iter()
            .flat_map(|class| class[z * slice..(z + 1) * slice].iter().copied())
            .collect();
        grid.take(z, &probabilities).unwrap();
    }
}

fn by_slices(working: &Geometry, original: &Geometry, decision: &Decision) -> Volume<u16> {
    let mut grid = OriginalGrid::new(working, original, CLASSES, decision.clone()).unwrap();
    push(&mut grid, &probabilities(working), working.shape_zyx);
    grid.finish().unwrap()
}

/// Every class resampled as a whole volume, then decided; and how clear the decision was.
fn as_a_whole(working: &Geometry, original: &Geometry, decision: &Decision) -> Vec<(u16, f64)> {
    let how = Resampling {
        // Outside of the working grid the labels stay background.
        outside: -1.0,
        ..Resampling::new(Interpolation::Linear)
    };
    let classes = probabilities(working).map(|class| {
        let image = Image::F32(Volume::new(working.clone(), class).unwrap());
        resample_image(&image, original, &how).unwrap().to_f64()
    });
    (0..original.len())
        .map(|i| {
            let values = [0, 1, 2].map(|class: usize| classes[class].voxels()[i]);
            if values[0] < 0.0 {
                return (0, 1.0);
            }
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            let gap = match decision {
                Decision::MostProbable { .. } => sorted[2] - sorted[1],
                Decision::Nested { .. } => {
                    values.iter().map(|p| (p - 0.5).abs()).fold(1.0, f64::min)
                }
            };
            (decision.label(values.map(|v| v as f32)), gap)
        })
        .collect()
}

fn grids() -> Vec<(&'static str, Geometry, Geometry)> {
    let working = Geometry {
        shape_zyx: [17, 20, 23],
        spacing_zyx_mm: [2.0, 1.5, 1.5],
        origin_xyz_mm: [-12.0, 30.5, 7.25],
        direction: renalflow_imaging::geometry::IDENTITY,
    };
    let finer = Geometry {
        shape_zyx: [40, 44, 50],
        spacing_zyx_mm: [0.93, 0.7, 0.81],
        origin_xyz_mm: [-14.0, 29.0, 6.0],
        ..working.clone()
    };
    let thick = Geometry {
        shape_zyx: [7, 31, 40],
        spacing_zyx_mm: [5.0, 0.9, 0.9],
        ..working.clone()
    };
    let turned = |code: &str| {
        Reorientation::towards(&finer, code)
            .unwrap()
            .geometry(&finer)
    };
    let (sin, cos) = 0.3f64.sin_cos();
    let oblique = Geometry {
        direction: [
            [cos, -sin * cos, sin * sin],
            [sin, cos * cos, -sin * cos],
            [0.0, sin, cos],
        ],
        ..finer.clone()
    };
    vec![
        ("the same grid", working.clone(), working.clone()),
        ("finer", working.clone(), finer.clone()),
        ("thick slices", working.clone(), thick),
        ("slice first, against z", working.clone(), turned("IPL")),
        ("reversed", working.clone(), turned("RAS")),
        ("x slowest", working.clone(), turned("SAL")),
        ("oblique", working.clone(), oblique.clone()),
        ("from oblique", oblique, working.clone()),
        (
            "one slice",
            Geometry {
                shape_zyx: [1, 20, 23],
                ..working.clone()
            },
            finer.clone(),
        ),
        (
            "elsewhere",
            Geometry {
                origin_xyz_mm: [500.0; 3],
                ..working
            },
            finer,
        ),
    ]
}

#[test]
fn labels_equal_those_of_the_whole_volume() {
    for decision in [Decision::classes(CLASSES), Decision::nested(CLASSES)] {
        for (name, working, original) in grids() {
            let got = by_slices(&working, &original, &decision);
            let expected = as_a_whole(&working, &original, &decision);
            let mut labelled = [0; 4];
            for (&label, (expected, gap)) in got.voxels().iter().zip(expected) {
                labelled[usize::from(label)] += 1;
                // Rounding may decide what is equal to 1e-6.
                assert!(
                    label == expected || gap < 1e-6,
                    "{name}: {label} for {expected}, which is clear by {gap}"
                );
            }
            if name == "elsewhere" {
                assert_eq!(labelled[0], original.len());
            } else {
                assert!(
                    labelled[..3].iter().filter(|&&n| n > 100).count() >= 2,
                    "{name}: {labelled:?}"
                );
            }
        }
    }
}

#[test]
fn labels_do_not_depend_on_threads() {
    let (_, working, original) = grids().swap_remove(6);
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| by_slices(&working, &original, &Decision::classes(CLASSES)))
    };
    assert_eq!(run(1), run(4));
}

#[test]
fn crops_that_overlap_share_the_voxels_and_leave_none() {
    let whole = Geometry::upright([12, 12, 30], [1.0; 3]).unwrap();
    let crops = [0, 12].map(|x| whole.window([0, 0, x], [12, 12, 18]));
    let constant = |class: usize, n: usize| -> [Vec<f32>; CLASSES] {
        std::array::from_fn(|c| vec![if c == class { 1.0 } else { 0.0 }; n])
    };
    let decision = Decision::classes(CLASSES);
    let mut first = OriginalGrid::new(&crops[0], &whole, CLASSES, decision.clone())
        .unwrap()
        .beside(&crops[1..]);
    push(&mut first, &constant(1, crops[0].len()), crops[0].shape_zyx);
    let labels = first.finish().unwrap();
    let mut second = OriginalGrid::onto(labels, &crops[1], CLASSES, decision)
        .unwrap()
        .beside(&crops[..1]);
    push(
        &mut second,
        &constant(2, crops[1].len()),
        crops[1].shape_zyx,
    );
    let labels = second.finish().unwrap();
    // Deepest in the first crop up to x = 14 of 0..18 and 12..30.
    let rows: Vec<Vec<u16>> = labels.voxels().chunks(30).map(<[u16]>::to_vec).collect();
    let middle = &rows[6 * 12 + 6];
    assert!(middle[..15].iter().all(|&l| l == 1) && middle[15..].iter().all(|&l| l == 2));
    assert!(labels.voxels().iter().all(|&l| l != 0));
}

#[test]
fn slices_out_of_turn_and_missing_ones_are_errors() {
    let grid = Geometry::upright([3, 4, 5], [1.0; 3]).unwrap();
    let new = || OriginalGrid::new(&grid, &grid, CLASSES, Decision::classes(CLASSES)).unwrap();
    assert!(new().take(1, &[0.0; 60]).is_err());
    assert!(new().take(0, &[0.0; 59]).is_err());
    let mut short = new();
    short.take(0, &[0.0; 60]).unwrap();
    assert!(matches!(
        short.finish(),
        Err(InferenceError::Unfinished {
            got: 1,
            expected: 3
        })
    ));
    assert!(OriginalGrid::new(&grid, &grid, 2, Decision::classes(3)).is_err());
}
