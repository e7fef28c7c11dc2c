//! Orientation, boxes, crops, intensities and grid rules.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use renalflow_imaging::{
    Geometry, Image, LabelMap, Volume,
    boxes::{BoundingBox, BoxError},
    crop::{crop, paste_back},
    geometry::IDENTITY,
    intensity::{
        IntensityError, Range, clip, clip_to_unit, moments, percentile_clip, percentiles, z_score,
    },
    orientation::{Reorientation, orientation_code, reorient_image},
    resample::{
        GridRule, Interpolation, Output, Precision, ResampleError, Resampling,
        pyradiomics_grid_around, resample_image, resample_labels,
    },
    same_grid::{GridMismatch, check_same_grid},
};

/// `tests/golden/make_operations.py`.
const GOLDEN: &str = include_str!("golden/operations.txt");

fn golden(key: &str) -> Vec<Vec<f64>> {
    let lines: Vec<Vec<f64>> = GOLDEN
        .lines()
        .filter_map(|line| line.strip_prefix(key))
        .map(|rest| {
            rest.split_whitespace()
                .map(|w| w.parse().unwrap())
                .collect()
        })
        .collect();
    assert!(!lines.is_empty(), "no golden line {key}");
    lines
}

fn upright(shape_zyx: [usize; 3], spacing_zyx_mm: [f64; 3]) -> Geometry {
    Geometry::upright(shape_zyx, spacing_zyx_mm).unwrap()
}

fn labels(shape_zyx: [usize; 3], voxels: Vec<u16>) -> LabelMap {
    LabelMap {
        volume: Volume::new(upright(shape_zyx, [1.0; 3]), voxels).unwrap(),
        names: [(1, "kidney".to_owned()), (2, "tumour".to_owned())].into(),
    }
}

#[test]
fn orientation_follows_the_affine() {
    let mut geometry = upright([2, 3, 4], [3.0, 1.0, 2.0]);
    assert_eq!(orientation_code(&geometry), "LPS");
    // As KiTS19 stores its masks: x downwards, y backwards, z to the left.
    geometry.direction = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]];
    assert_eq!(orientation_code(&geometry), "IPL");
    let voxels: Vec<i16> = (0..24).collect();
    let image = Image::I16(Volume::new(geometry.clone(), voxels).unwrap());
    let turned = reorient_image(&image, "LPS").unwrap();
    assert_eq!(orientation_code(turned.geometry()), "LPS");
    assert_eq!(turned.geometry().direction, IDENTITY);
    assert_eq!(turned.geometry().shape_zyx, [4, 3, 2]);
    assert_eq!(turned.geometry().spacing_zyx_mm, [2.0, 1.0, 3.0]);
    for code in ["LP", "LPX", "LLS", "LRS", ""] {
        assert!(reorient_image(&image, code).is_err(), "{code}");
    }
}

#[test]
fn grid_rules_follow_their_formulas() {
    let mut source = upright([10, 512, 7], [5.0, 0.8, 3.0]);
    source.origin_xyz_mm = [1.0, 2.0, 3.0];
    let new = [2.0, 1.25, 2.0];
    let pyradiomics = GridRule::PyRadiomics.grid(&source, new).unwrap();
    assert_eq!(pyradiomics.shape_zyx, [25, 328, 11]);
    // The outer corner of the first voxel stays: centres move by half the difference.
    assert_close(pyradiomics.origin_xyz_mm, [0.5, 2.225, 1.5]);
    let itk = GridRule::Itk.grid(&source, new).unwrap();
    assert_eq!(itk.shape_zyx, [25, 328, 11]);
    assert_close(itk.origin_xyz_mm, source.origin_xyz_mm);
    let ibsi = GridRule::Ibsi.grid(&source, new).unwrap();
    assert_eq!(ibsi.shape_zyx, [25, 328, 11]);
    let centre = |g: &Geometry| g.world_from_voxel(g.shape_zyx.map(|n| (n as f64 - 1.0) / 2.0));
    assert_close(centre(&ibsi), centre(&source));
    let exact = GridRule::Ibsi
        .grid(&upright([3, 6, 9], [0.1; 3]), [0.3; 3])
        .unwrap();
    assert_eq!(exact.shape_zyx, [1, 2, 3]);
    // One voxel stays one voxel, even where it is much smaller than the new spacing.
    let one = upright([1, 1, 1], [0.1; 3]);
    for rule in [GridRule::PyRadiomics, GridRule::Itk, GridRule::Ibsi] {
        assert_eq!(rule.grid(&one, [5.0; 3]).unwrap().shape_zyx, [1, 1, 1]);
    }
}

fn assert_close(a: [f64; 3], b: [f64; 3]) {
    for i in 0..3 {
        assert!((a[i] - b[i]).abs() < 1e-9, "{a:?} {b:?}");
    }
}

#[test]
fn pyradiomics_grid_around_a_region() {
    // numpy, the lines of resampleImage: bb start (z, y, x) = (2, 10, 4), size (3, 20, 1).
    let source = upright([8, 64, 9], [5.0, 0.8, 3.0]);
    let region = BoundingBox {
        start_zyx: [2, 10, 4],
        shape_zyx: [3, 20, 1],
    };
    let grid = pyradiomics_grid_around(&source, [2.0; 3], &region, 5).unwrap();
    // z: floor(1.5 * 2.5 - 5) = -2 -> 0, ceil(4.5 * 2.5 + 5) = 17; y: floor(9.5 * 0.4 - 5) = -2
    // -> 0, ceil(29.5 * 0.4 + 5) = 17; x keeps 3 mm: floor(3.5 - 5) -> 0, min(ceil(9.5), 8) = 8.
    assert_eq!(grid.shape_zyx, [18, 18, 9]);
    assert_eq!(grid.spacing_zyx_mm, [2.0, 2.0, 3.0]);
    assert_close(grid.origin_xyz_mm, [0.0, 0.6, -1.5]);
}

#[test]
fn impossible_targets_are_refused() {
    let source = upright([160, 512, 512], [2.5, 0.8, 0.8]);
    for rule in [GridRule::PyRadiomics, GridRule::Itk, GridRule::Ibsi] {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = rule.grid(&source, [1.0, bad, 1.0]).unwrap_err();
            assert!(matches!(error, ResampleError::Spacing(_)), "{error}");
        }
        for fine in [0.01, 1e-200] {
            let error = rule.grid(&source, [fine; 3]).unwrap_err();
            assert!(matches!(error, ResampleError::TooLarge { .. }), "{error}");
        }
    }
    let image = Image::I16(Volume::new(upright([1, 1, 2], [1.0; 3]), vec![1, 2]).unwrap());
    let mut target = source;
    target.shape_zyx = [usize::MAX, 2, 2];
    let how = Resampling::new(Interpolation::Linear);
    let error = resample_image(&image, &target, &how).unwrap_err();
    assert!(matches!(error, ResampleError::TooLarge { .. }), "{error}");
    target.shape_zyx = [0, 2, 2];
    let error = resample_image(&image, &target, &how).unwrap_err();
    assert!(matches!(error, ResampleError::Target(_)), "{error}");
}

#[test]
fn not_a_number_is_refused_by_the_spline_and_local_elsewhere() {
    let geometry = upright([3, 4, 5], [1.0; 3]);
    let mut voxels = vec![1.0f32; 60];
    voxels[27] = f32::NAN;
    let image = Image::F32(Volume::new(geometry.clone(), voxels).unwrap());
    let target = GridRule::Itk.grid(&geometry, [0.7; 3]).unwrap();
    let error = resample_image(
        &image,
        &target,
        &Resampling::new(Interpolation::CubicBSpline),
    );
    match error.unwrap_err() {
        ResampleError::NotFinite { count, first_zyx } => {
            assert_eq!((count, first_zyx), (1, [1, 1, 2]));
        }
        other => panic!("{other}"),
    }
    let linear = resample_image(&image, &target, &Resampling::new(Interpolation::Linear)).unwrap();
    let Image::F32(linear) = linear else { panic!() };
    let spoilt = linear.voxels().iter().filter(|v| v.is_nan()).count();
    assert!(spoilt > 0 && spoilt < 30, "{spoilt}");
}

#[test]
fn integer_output_is_cut_as_itk_casts() {
    let image = Image::I16(Volume::new(upright([1, 1, 3], [1.0; 3]), vec![-7, -4, 3]).unwrap());
    let mut target = upright([1, 1, 2], [1.0; 3]);
    target.origin_xyz_mm[0] = 0.5;
    let how = Resampling {
        output: Output::AsInput,
        precision: Precision::Double,
        ..Resampling::new(Interpolation::Linear)
    };
    let Image::I16(result) = resample_image(&image, &target, &how).unwrap() else {
        panic!()
    };
    assert_eq!(result.voxels(), [-5, 0]);
}

#[test]
fn a_target_elsewhere_is_all_outside() {
    let image = Image::I16(Volume::new(upright([2, 2, 2], [1.0; 3]), vec![5; 8]).unwrap());
    let mut target = upright([2, 3, 2], [1.0; 3]);
    target.origin_xyz_mm = [100.0, 0.0, 0.0];
    for interpolation in [
        Interpolation::Nearest,
        Interpolation::Linear,
        Interpolation::CubicBSpline,
    ] {
        let how = Resampling {
            outside: -1000.0,
            ..Resampling::new(interpolation)
        };
        let result = resample_image(&image, &target, &how).unwrap();
        assert!(result.to_f64().voxels().iter().all(|&v| v == -1000.0));
    }
}

#[test]
fn labels_stay_labels() {
    let map = labels([1, 1, 4], vec![0, 1, 2, 7]);
    let target = GridRule::Itk.grid(map.geometry(), [1.0, 1.0, 0.4]).unwrap();
    let result = resample_labels(&map, &target).unwrap();
    assert_eq!(result.volume.voxels(), [0, 0, 1, 1, 2, 2, 2, 7, 7, 0]);
    assert_eq!(result.names, map.names);
}

#[test]
fn boxes_grow_by_whole_voxels_and_stay_on_the_grid() {
    let geometry = upright([20, 20, 20], [0.1, 2.0, 3.0]);
    let mut voxels = vec![false; 8000];
    voxels[(10 * 20 + 5) * 20 + 1] = true;
    let mask = Volume::new(geometry.clone(), voxels).unwrap();
    let found = BoundingBox::of_mask(&mask).unwrap();
    assert_eq!((found.start_zyx, found.shape_zyx), ([10, 5, 1], [1, 1, 1]));
    let grown = found.with_margin_mm([0.3, 3.0, 50.0], &geometry).unwrap();
    assert_eq!((grown.start_zyx, grown.shape_zyx), ([7, 3, 0], [7, 5, 19]));
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let error = found
            .with_margin_mm([bad, 0.0, 0.0], &geometry)
            .unwrap_err();
        assert!(matches!(error, BoxError::Margin(_)));
    }
    let huge = found.with_margin_mm([1e300; 3], &geometry).unwrap();
    assert_eq!(huge, BoundingBox::whole(&geometry));
    let outside = BoundingBox {
        start_zyx: [19, 0, 0],
        shape_zyx: [2, 1, usize::MAX],
    };
    assert!(matches!(
        crop(&mask, &outside),
        Err(BoxError::Outside { .. })
    ));
}

#[test]
fn absent_labels_are_named() {
    let map = labels([1, 2, 3], vec![0, 1, 1, 0, 5, 0]);
    assert_eq!(
        BoundingBox::of_labels(&map, &[1, 2]).unwrap().shape_zyx,
        [1, 1, 2]
    );
    let error = BoundingBox::of_labels(&map, &[2]).unwrap_err().to_string();
    assert!(
        error.contains("1 (kidney, 2 voxels), 5 (1 voxels)"),
        "{error}"
    );
    let empty = labels([1, 1, 2], vec![0, 0]);
    assert_eq!(
        BoundingBox::of_labels(&empty, &[1]),
        Err(BoxError::EmptyMask)
    );
    let mask = empty.volume.map(|_| false);
    assert_eq!(BoundingBox::of_mask(&mask), Err(BoxError::EmptyMask));
}

#[test]
fn a_part_goes_back_only_where_it_came_from() {
    let volume = labels([2, 3, 4], (0..24).collect()).volume;
    let region = BoundingBox {
        start_zyx: [1, 0, 2],
        shape_zyx: [1, 2, 2],
    };
    let part = crop(&volume, &region).unwrap();
    let elsewhere = BoundingBox {
        start_zyx: [0, 0, 2],
        ..region
    };
    let error = paste_back(&part, &elsewhere, volume.geometry(), 0).unwrap_err();
    assert!(matches!(error, BoxError::NotItsPart { mm: Some(mm), .. } if (mm - 1.0).abs() < 1e-9));
}

#[test]
fn different_grids_are_an_error_with_both_fixes() {
    let image = upright([4, 5, 6], [2.0, 1.0, 1.0]);
    let mut moved = image.clone();
    moved.origin_xyz_mm[2] += 0.5;
    let error = check_same_grid(("image.nii", &image), ("mask.nii", &moved)).unwrap_err();
    let GridMismatch::Place { mm, voxels, .. } = error else {
        panic!()
    };
    assert!((mm - 0.5).abs() < 1e-12 && (voxels - 0.25).abs() < 1e-12);
    let message = error.to_string();
    for part in [
        "image.nii",
        "mask.nii",
        "0.500 mm",
        "0.2500 voxels",
        "Resample",
        "header",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let other = upright([4, 5, 7], [2.0, 1.0, 1.0]);
    let message = check_same_grid(("a", &image), ("b", &other))
        .unwrap_err()
        .to_string();
    assert!(message.contains("[4, 5, 7] against [4, 5, 6]"), "{message}");
    moved.origin_xyz_mm[2] -= 0.5 - 1e-4;
    assert!(check_same_grid(("a", &image), ("b", &moved)).is_ok());
}

#[test]
fn windows_and_clips() {
    let image = Image::I16(
        Volume::new(
            upright([1, 1, 5], [1.0; 3]),
            vec![-1024, -160, 40, 240, 3071],
        )
        .unwrap(),
    );
    let window = Range::window(40.0, 400.0).unwrap();
    let Image::I16(clipped) = clip(&image, window) else {
        panic!()
    };
    assert_eq!(clipped.voxels(), [-160, -160, 40, 240, 240]);
    let Image::F32(unit) = clip_to_unit(&image, window) else {
        panic!()
    };
    assert_eq!(unit.voxels(), [0.0, 0.0, 0.5, 1.0, 1.0]);
    let Image::F32(halves) = clip(&image, Range::new(-0.5, 0.5).unwrap()) else {
        panic!()
    };
    assert_eq!(halves.voxels(), [-0.5, -0.5, 0.5, 0.5, 0.5]);
    for (lower, upper) in [
        (1.0, 1.0),
        (2.0, 1.0),
        (f64::NAN, 1.0),
        (0.0, f64::INFINITY),
    ] {
        assert!(Range::new(lower, upper).is_err());
    }
    assert!(Range::window(40.0, 0.0).is_err());
    let special = Image::F32(
        Volume::new(
            upright([1, 1, 3], [1.0; 3]),
            vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY],
        )
        .unwrap(),
    );
    let Image::F32(clipped) = clip(&special, window) else {
        panic!()
    };
    assert!(clipped.voxels()[0].is_nan());
    assert_eq!(clipped.voxels()[1..], [240.0, -160.0]);
    assert!(matches!(
        moments(&special, None),
        Err(IntensityError::NoVoxels("in the image"))
    ));
}

#[test]
fn statistics_leave_out_what_is_not_finite() {
    let geometry = upright([1, 2, 3], [1.0; 3]);
    let values = vec![1.0, 2.0, f64::NAN, 3.0, f64::INFINITY, 100.0];
    let image = Image::F64(Volume::new(geometry.clone(), values).unwrap());
    let inside = vec![true, true, true, true, true, false];
    let mask = Volume::new(geometry.clone(), inside).unwrap();
    let found = moments(&image, Some(&mask)).unwrap();
    assert_eq!((found.mean, found.voxels), (2.0, 3));
    assert!((found.standard_deviation - (2.0f64 / 3.0).sqrt()).abs() < 1e-15);
    let Image::F64(scores) = z_score(&image, Some(&mask)).unwrap() else {
        panic!()
    };
    assert!(scores.voxels()[2].is_nan());
    assert_eq!(scores.voxels()[1], 0.0);
    assert_eq!(scores.voxels()[4], f64::INFINITY);
    let flat = Image::I16(Volume::new(geometry.clone(), vec![7; 6]).unwrap());
    let Image::F32(scores) = z_score(&flat, None).unwrap() else {
        panic!()
    };
    assert_eq!(scores.voxels(), [0.0; 6]);
    let other = upright([1, 3, 2], [1.0; 3]);
    let wrong = Volume::new(other, vec![true; 6]).unwrap();
    assert!(matches!(
        z_score(&flat, Some(&wrong)),
        Err(IntensityError::Grid(_))
    ));
    let none = mask.map(|_| false);
    assert!(matches!(
        z_score(&flat, Some(&none)),
        Err(IntensityError::NoVoxels("inside the mask"))
    ));
}

#[test]
fn percentiles_equal_numpy() {
    let values = vec![-3.5, 10.0, 2.0, 7.0, 7.0, 0.25, -1.0, 100.0, 42.0, 5.0];
    let image = Image::F64(Volume::new(upright([1, 2, 5], [1.0; 3]), values).unwrap());
    let asked = [0.0, 0.5, 25.0, 50.0, 77.0, 99.5, 100.0];
    let got = percentiles(&image, None, asked).unwrap();
    for (got, expected) in got.iter().zip(&golden("percentiles ")[0]) {
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }
    let Image::F64(clipped) = percentile_clip(&image, None, 25.0, 50.0).unwrap() else {
        panic!()
    };
    assert_eq!(clipped.voxels()[..3], [0.6875, 6.0, 2.0]);
    for (lower, upper) in [(50.0, 50.0), (-1.0, 50.0), (0.0, 101.0), (f64::NAN, 50.0)] {
        assert!(percentile_clip(&image, None, lower, upper).is_err());
    }
}

/// Grids with any of the 48 axis orders and signs, slightly tilted or not.
fn any_grid() -> impl Strategy<Value = Geometry> {
    (
        [1usize..6, 1usize..6, 1usize..6],
        [0.2f64..6.0, 0.2f64..6.0, 0.2f64..6.0],
        [-300.0f64..300.0, -300.0f64..300.0, -300.0f64..300.0],
        0usize..48,
        prop_oneof![Just(0.0), -0.6f64..0.6],
    )
        .prop_map(|(shape_zyx, spacing_zyx_mm, origin_xyz_mm, turn, tilt)| {
            let order = [
                [0, 1, 2],
                [0, 2, 1],
                [1, 0, 2],
                [1, 2, 0],
                [2, 0, 1],
                [2, 1, 0],
            ][turn % 6];
            let mut direction = [[0.0; 3]; 3];
            for axis in 0..3 {
                direction[order[axis]][axis] = if ((turn / 6) >> axis) & 1 == 1 {
                    -1.0
                } else {
                    1.0
                };
            }
            let (sin, cos) = f64::sin_cos(tilt);
            let [first, second, third] = direction;
            let mix = |a: f64, b: f64| std::array::from_fn(|i| a * first[i] + b * second[i]);
            Geometry {
                shape_zyx,
                spacing_zyx_mm,
                origin_xyz_mm,
                direction: [mix(cos, -sin), mix(sin, cos), third],
            }
        })
}

fn any_volume() -> impl Strategy<Value = Volume<i16>> {
    any_grid().prop_flat_map(|geometry| {
        prop::collection::vec(-1024i16..3072, geometry.len())
            .prop_map(move |voxels| Volume::new(geometry.clone(), voxels).unwrap())
    })
}

proptest! {
    #[test]
    fn resampling_to_its_own_grid_changes_nothing(volume in any_volume()) {
        let image = Image::I16(volume);
        for interpolation in [
            Interpolation::Nearest,
            Interpolation::Linear,
            Interpolation::CubicBSpline,
        ] {
            let how = Resampling::new(interpolation);
            let result = resample_image(&image, image.geometry(), &how).unwrap();
            prop_assert_eq!(result.to_f64(), image.to_f64());
        }
    }

    #[test]
    fn resampling_to_turned_axes_is_turning_them(volume in any_volume(), letters in 0usize..8) {
        let code: String = [['L', 'R'], ['P', 'A'], ['S', 'I']]
            .iter()
            .enumerate()
            .map(|(i, sides)| sides[(letters >> i) & 1])
            .collect();
        let image = Image::I16(volume);
        let turned = reorient_image(&image, &code).unwrap();
        for interpolation in [Interpolation::Nearest, Interpolation::CubicBSpline] {
            let how = Resampling::new(interpolation);
            let result = resample_image(&image, turned.geometry(), &how).unwrap();
            prop_assert_eq!(result.to_f64(), turned.to_f64());
        }
    }

    #[test]
    fn turning_there_and_back_changes_nothing(volume in any_volume(), letters in 0usize..48) {
        let order = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]][letters % 6];
        let sides = [['L', 'R'], ['P', 'A'], ['S', 'I']];
        let code: String = order.map(|axis| sides[axis][((letters / 6) >> axis) & 1]).iter().collect();
        let turn = Reorientation::towards(volume.geometry(), &code).unwrap();
        let turned = turn.volume(&volume);
        prop_assert_eq!(orientation_code(turned.geometry()), code);
        // The voxel keeps its place in the patient.
        let corner = turned.geometry().world_from_voxel([0.0; 3]);
        let index = volume.geometry().voxel_from_world(corner).map(|i| i.round() as usize);
        prop_assert_eq!(turned.voxels()[0], volume.view()[index]);
        let back = turn.inverse().volume(&turned);
        prop_assert_eq!(back.voxels(), volume.voxels());
        prop_assert!(back.geometry().distance(volume.geometry()).unwrap().mm < 1e-9);
        prop_assert_eq!(back.geometry().direction, volume.geometry().direction);
    }

    #[test]
    fn a_crop_pasted_back_is_the_volume_inside_the_box(
        volume in any_volume(),
        cut in [(0.0f64..1.0, 0.0f64..1.0), (0.0f64..1.0, 0.0f64..1.0), (0.0f64..1.0, 0.0f64..1.0)],
    ) {
        let shape = volume.geometry().shape_zyx;
        let start_zyx: [usize; 3] = std::array::from_fn(|i| (cut[i].0 * shape[i] as f64) as usize);
        let region = BoundingBox {
            start_zyx,
            shape_zyx: std::array::from_fn(|i| {
                1 + (cut[i].1 * (shape[i] - start_zyx[i]) as f64) as usize
            }),
        };
        let part = crop(&volume, &region).unwrap();
        let back = paste_back(&part, &region, volume.geometry(), i16::MIN).unwrap();
        let end = region.end_zyx();
        for ((z, y, x), &value) in back.view().indexed_iter() {
            let at = [z, y, x];
            let inside = (0..3).all(|i| at[i] >= start_zyx[i] && at[i] < end[i]);
            prop_assert_eq!(value, if inside { volume.view()[at] } else { i16::MIN });
        }
    }
}
