//! What a network is shown of a scan.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/bright.rs"]
mod bright;

use bright::tiny_plan;
use renalflow_imaging::{
    Geometry, Image, LabelMap, Volume,
    boxes::BoundingBox,
    orientation::{orientation_code, reorient_image},
    resample::{GridRule, Interpolation, Resampling, resample_image},
};
use renalflow_segmentation::{
    network::plan::{LabelSet, Region as Nested, Window},
    prepare::{PrepareError, Region, image_bytes, image_on, labels_on, meanings, working_grid},
};

const WINDOW: Window = Window::Ends {
    low_hu: -160.0,
    high_hu: 240.0,
};

fn noise(geometry: &Geometry) -> Volume<i16> {
    let voxels: Vec<i16> = (0..geometry.len() as u64)
        .map(|i| {
            let mixed = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            (mixed % 600) as i16 - 260
        })
        .collect();
    Volume::new(geometry.clone(), voxels).unwrap()
}

fn unit(hu: f64) -> f64 {
    (hu.clamp(-160.0, 240.0) + 160.0) / 400.0
}

/// The definition, voxel by voxel in double precision: a triangle along each axis.
fn by_definition(scan: &Volume<i16>, working: &Geometry) -> Vec<f64> {
    let grid = scan.geometry();
    let radius: [f64; 3] = std::array::from_fn(|axis| {
        (working.spacing_zyx_mm[axis] / grid.spacing_zyx_mm[axis]).max(1.0)
    });
    let [depth, rows, columns] = working.shape_zyx;
    let mut values = Vec::new();
    for at in 0..depth * rows * columns {
        let index = [at / (rows * columns), at / columns % rows, at % columns];
        let place = working.world_from_voxel(index.map(|n| n as f64));
        let position = grid.voxel_from_world(place);
        let taps: [Vec<(usize, f64)>; 3] = std::array::from_fn(|axis| {
            let last = grid.shape_zyx[axis] as i64 - 1;
            let first = (position[axis] - radius[axis]).floor() as i64;
            let weights: Vec<(usize, f64)> = (first..first + 2 * radius[axis] as i64 + 4)
                .map(|j| {
                    let weight = 1.0 - (position[axis] - j as f64).abs() / radius[axis];
                    (j.clamp(0, last) as usize, weight.max(0.0))
                })
                .collect();
            let sum: f64 = weights.iter().map(|(_, w)| w).sum();
            weights.into_iter().map(|(j, w)| (j, w / sum)).collect()
        });
        let mut value = 0.0;
        for &(z, wz) in &taps[0] {
            for &(y, wy) in &taps[1] {
                for &(x, wx) in &taps[2] {
                    value += wz * wy * wx * f64::from(scan.view()[[z, y, x]]);
                }
            }
        }
        values.push(unit(value));
    }
    values
}

fn largest_difference(found: &Volume<f32>, expected: &[f64]) -> f64 {
    let pairs = found.voxels().iter().zip(expected);
    pairs
        .map(|(a, b)| (f64::from(*a) - b).abs())
        .fold(0.0, f64::max)
}

#[test]
fn finer_is_linear_and_coarser_a_triangle() {
    let grid = Geometry::upright([11, 14, 17], [3.0, 0.8, 0.8]).unwrap();
    let scan = noise(&grid);
    // Finer along z, coarser along y and x; once across the scan, once within it.
    let working = GridRule::Ibsi.grid(&grid, [1.25, 2.0, 2.5]).unwrap();
    let shown = image_on(&Image::I16(scan.clone()), &working, &WINDOW).unwrap();
    let worst = largest_difference(&shown, &by_definition(&scan, &working));
    eprintln!("largest deviation from the definition: {worst:.1e}");
    assert!(worst < 2e-6, "{worst}");

    let finer = GridRule::Ibsi.grid(&grid, [1.25, 0.7, 0.5]).unwrap();
    let shown = image_on(&Image::I16(scan.clone()), &finer, &WINDOW).unwrap();
    let how = Resampling {
        outside: -160.0,
        ..Resampling::new(Interpolation::Linear)
    };
    let linear = resample_image(&Image::I16(scan), &finer, &how)
        .unwrap()
        .to_f64();
    let linear: Vec<f64> = linear.voxels().iter().map(|&hu| unit(hu)).collect();
    assert!(largest_difference(&shown, &linear) < 2e-6);
}

#[test]
fn stripes_finer_than_the_grid_become_their_mean() {
    let grid = Geometry::upright([60, 4, 4], [1.0; 3]).unwrap();
    let stripes: Vec<i16> = (0..grid.len())
        .map(|i| if i / 16 % 2 == 0 { -160 } else { 240 })
        .collect();
    let image = Image::I16(Volume::new(grid.clone(), stripes).unwrap());
    let working = GridRule::Ibsi.grid(&grid, [2.5, 1.0, 1.0]).unwrap();
    let shown = image_on(&image, &working, &WINDOW).unwrap();
    let how = Resampling::new(Interpolation::Linear);
    let linear = resample_image(&image, &working, &how).unwrap().to_f64();
    let spread = |values: Vec<f64>| values.iter().map(|v| (v - 0.5).abs()).fold(0.0, f64::max);
    // Without the border, where a stripe is cut.
    let inner = 32..shown.voxels().len() - 32;
    let ours = spread(
        shown.voxels()[inner.clone()]
            .iter()
            .map(|&v| f64::from(v))
            .collect(),
    );
    let theirs = spread(linear.voxels()[inner].iter().map(|&hu| unit(hu)).collect());
    assert!(
        ours < 0.1 && theirs > 0.2,
        "{ours} against {theirs} of linear interpolation"
    );
}

#[test]
fn any_order_of_axes_shows_the_same_and_outside_is_zero() {
    let grid = Geometry {
        origin_xyz_mm: [12.5, -40.0, 7.25],
        ..Geometry::upright([12, 15, 18], [2.0, 1.1, 1.1]).unwrap()
    };
    let image = Image::I16(noise(&grid));
    let plan = tiny_plan(&["background", "kidney"], 1.5, 8, 1);
    let whole = working_grid(&grid, Region::Whole, &plan).unwrap();
    let shown = image_on(&image, &whole, &WINDOW).unwrap();
    for code in ["IPL", "RAS", "PSR"] {
        let stored = reorient_image(&image, code).unwrap();
        let same = working_grid(stored.geometry(), Region::Whole, &plan).unwrap();
        assert_eq!(orientation_code(&same), "LPS");
        assert!(same.coincides_with(&whole));
        let again = image_on(&stored, &same, &WINDOW).unwrap();
        let expected: Vec<f64> = shown.voxels().iter().map(|&v| f64::from(v)).collect();
        assert!(largest_difference(&again, &expected) < 1e-5, "{code}");
        assert!(image_bytes(stored.geometry(), &same) > same.len() * 4);
    }
    // A crop that reaches beyond the scan at each end.
    let around = BoundingBox::whole(&grid);
    let region = Region::Fixed {
        around,
        size_zyx_mm: [60.0; 3],
    };
    let large = working_grid(&grid, region, &plan).unwrap();
    assert_eq!(large.shape_zyx, [40; 3]);
    let shown = image_on(&image, &large, &WINDOW).unwrap();
    assert_eq!(shown.view()[[0, 20, 20]], 0.0);
    assert_eq!(shown.view()[[20, 20, 39]], 0.0);
    assert!(shown.voxels().iter().any(|&v| v > 0.5));
    // A small box is grown to the patch, around its own middle.
    let small = BoundingBox {
        start_zyx: [4; 3],
        shape_zyx: [3; 3],
    };
    let grown = working_grid(&grid, Region::Box(small), &plan).unwrap();
    assert_eq!(grown.shape_zyx, [8; 3]);
    let middle = grown.world_from_voxel([3.5; 3]);
    let expected = grid.world_from_voxel([5.0; 3]);
    assert!((0..3).all(|i| (middle[i] - expected[i]).abs() < 1e-9));
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let grid = Geometry::upright([8; 3], [1.0; 3]).unwrap();
    let plan = tiny_plan(&["background", "kidney"], 1.5, 8, 1);
    let around = BoundingBox::whole(&grid);
    for size in [0.0, -5.0, f64::NAN, 1e9] {
        let region = Region::Fixed {
            around,
            size_zyx_mm: [size, 10.0, 10.0],
        };
        let error = working_grid(&grid, region, &plan).unwrap_err();
        assert!(matches!(error, PrepareError::CropSize { .. }), "{error}");
    }
    let outside = BoundingBox {
        start_zyx: [6; 3],
        shape_zyx: [3; 3],
    };
    assert!(working_grid(&grid, Region::Box(outside), &plan).is_err());
    let empty = Window::Ends {
        low_hu: 5.0,
        high_hu: 5.0,
    };
    assert!(image_on(&Image::I16(noise(&grid)), &grid, &empty).is_err());
}

fn labels(names: &[(u16, &str)], voxels: Vec<u16>) -> LabelMap {
    let grid = Geometry::upright([1, 1, voxels.len()], [1.0; 3]).unwrap();
    LabelMap {
        volume: Volume::new(grid, voxels).unwrap(),
        names: names
            .iter()
            .map(|(label, name)| (*label, (*name).to_owned()))
            .collect(),
    }
}

fn classes(names: &[&str]) -> LabelSet {
    LabelSet::Classes(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn labels_are_matched_by_name() {
    let map = labels(
        &[(2, "kidney"), (7, "tumour"), (9, "cyst")],
        vec![0, 2, 7, 2, 9, 0],
    );
    let on = |set: &LabelSet| labels_on(&map, map.geometry(), set).map(|v| v.voxels().to_vec());
    let all = classes(&["background", "tumour", "cyst", "kidney"]);
    assert_eq!(on(&all).unwrap(), [0, 3, 1, 3, 2, 0]);
    let joined = classes(&["background", "kidney+cyst", "tumour"]);
    assert_eq!(on(&joined).unwrap(), [0, 1, 2, 1, 1, 0]);

    let text = on(&classes(&["background", "kidney", "tumour"]))
        .unwrap_err()
        .to_string();
    assert!(text.contains("1 voxel(s) of label 9 (cyst)"), "{text}");
    let text = on(&classes(&["background", "kidney", "tumor", "cyst"]))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("\"tumor\"") && text.contains("tumour"),
        "{text}"
    );
    let text = on(&classes(&["background", "kidney+cyst", "tumour+cyst"]))
        .unwrap_err()
        .to_string();
    assert!(text.contains("label 9"), "{text}");

    // Defined but nowhere: no matter.
    let map = labels(&[(1, "kidney"), (2, "tumour"), (3, "cyst")], vec![1, 2, 0]);
    let set = classes(&["background", "kidney", "tumour"]);
    assert_eq!(
        labels_on(&map, map.geometry(), &set).unwrap().voxels(),
        [1, 2, 0]
    );
}

#[test]
fn nested_regions_number_what_each_adds() {
    let region = |name: &str, labels: &[u32]| Nested {
        name: name.to_owned(),
        labels: labels.to_vec(),
    };
    let set = LabelSet::Regions(vec![
        region("kidney+tumour", &[1, 2]),
        region("tumour", &[2]),
    ]);
    let found: Vec<_> = meanings(&set).unwrap();
    let found: Vec<_> = found.iter().map(|m| (m.label, m.name.as_str())).collect();
    assert_eq!(found, [(1, "kidney"), (2, "tumour")]);
    let map = labels(&[(4, "kidney"), (5, "tumour")], vec![0, 4, 5]);
    assert_eq!(
        labels_on(&map, map.geometry(), &set).unwrap().voxels(),
        [0, 1, 2]
    );
}
