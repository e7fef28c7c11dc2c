//! Boxes of kidneys from coarse labels.
#![allow(clippy::unwrap_used, clippy::panic)]

use renalflow_imaging::{
    Geometry, LabelMap, Volume, boxes::BoundingBox, orientation::Reorientation,
};
use renalflow_segmentation::inference::coarse::{
    CoarseBoxes, CoarseError, Kidneys, Side, box_on, find_kidneys, fixed_crop,
};

const SHAPE: [usize; 3] = [40, 40, 80];

/// Boxes of labels on voxels of 5 mm (0.125 mL).
fn map(boxes: &[([usize; 3], [usize; 3], u16)]) -> LabelMap {
    let geometry = Geometry::upright(SHAPE, [5.0; 3]).unwrap();
    let mut voxels = vec![0u16; geometry.len()];
    for (start, end, label) in boxes {
        for z in start[0]..end[0] {
            for y in start[1]..end[1] {
                for x in start[2]..end[2] {
                    voxels[(z * SHAPE[1] + y) * SHAPE[2] + x] = *label;
                }
            }
        }
    }
    LabelMap {
        volume: Volume::new(geometry, voxels).unwrap(),
        names: Default::default(),
    }
}

fn find(map: &LabelMap) -> Kidneys {
    find_kidneys(map, &CoarseBoxes::new(&[1, 2])).unwrap()
}

/// Right and left, 64 and 75 mL.
const RIGHT: ([usize; 3], [usize; 3], u16) = ([10, 10, 12], [18, 18, 20], 1);
const LEFT: ([usize; 3], [usize; 3], u16) = ([10, 10, 55], [20, 16, 65], 1);

#[test]
fn two_kidneys_have_sides_and_margins_and_a_tumour_is_part_of_one() {
    let found = find(&map(&[LEFT, RIGHT, ([18, 12, 14], [22, 16, 18], 2)]));
    assert_eq!(found.kidneys.len(), 2);
    let [right, left] = &found.kidneys[..] else {
        panic!("two kidneys");
    };
    assert_eq!((right.side, left.side), (Side::Right, Side::Left));
    assert_eq!(right.tight.start_zyx, [10, 10, 12]);
    assert_eq!(right.tight.shape_zyx, [12, 8, 8]);
    // 20 mm are four voxels.
    assert_eq!(right.with_margin.start_zyx, [6, 6, 8]);
    assert_eq!(right.with_margin.shape_zyx, [20, 16, 16]);
    assert_eq!(right.volume_ml, 72.0);
    assert_eq!(left.volume_ml, 75.0);
    assert!(found.left_out.is_empty());
    let both = found.one_box().unwrap();
    assert_eq!(both, right.with_margin.union(&left.with_margin));
}

#[test]
fn sides_are_the_patients_however_the_map_is_stored() {
    let upright = map(&[LEFT, RIGHT]);
    let turn = Reorientation::towards(upright.geometry(), "IPR").unwrap();
    let turned = LabelMap {
        volume: turn.volume(&upright.volume),
        names: Default::default(),
    };
    let found = find(&turned);
    let sides: Vec<(Side, f64)> = found
        .kidneys
        .iter()
        .map(|k| (k.side, k.volume_ml))
        .collect();
    assert_eq!(sides, [(Side::Right, 64.0), (Side::Left, 75.0)]);
    for (kidney, straight) in found.kidneys.iter().zip(find(&upright).kidneys) {
        let there = box_on(&kidney.tight, turned.geometry(), upright.geometry()).unwrap();
        assert_eq!(there, straight.tight);
    }
}

#[test]
fn pieces_join_and_strangers_are_left_out() {
    // Right kidney in two pieces 10 mm apart; 27 mL of spleen on the left, 50 mm from the
    // left kidney; a crumb.
    let found = find(&map(&[
        RIGHT,
        LEFT,
        ([20, 10, 12], [25, 15, 20], 1),
        ([32, 30, 60], [38, 36, 66], 1),
        ([0, 0, 0], [2, 2, 2], 1),
    ]));
    assert_eq!(found.kidneys.len(), 2);
    assert_eq!(found.kidneys[0].components.len(), 2);
    assert_eq!(found.kidneys[0].volume_ml, 64.0 + 25.0);
    assert_eq!(found.kidneys[0].tight.shape_zyx, [15, 8, 8]);
    assert_eq!(found.left_out, [(1, 1.0), (5, 27.0)]);

    // The stranger is larger than the right kidney, but on the left kidney's side.
    let found = find(&map(&[RIGHT, LEFT, ([28, 28, 50], [36, 37, 58], 1)]));
    let volumes: Vec<f64> = found.kidneys.iter().map(|k| k.volume_ml).collect();
    assert_eq!(volumes, [64.0, 75.0]);
    assert_eq!(found.left_out, [(3, 72.0)]);

    // Both kidneys on one side of an off-centre scan.
    let found = find(&map(&[LEFT, ([10, 10, 70], [18, 18, 78], 1)]));
    let sides: Vec<(Side, f64)> = found
        .kidneys
        .iter()
        .map(|k| (k.side, k.volume_ml))
        .collect();
    assert_eq!(sides, [(Side::Right, 75.0), (Side::Left, 64.0)]);

    let one = find(&map(&[LEFT]));
    assert_eq!((one.kidneys.len(), one.kidneys[0].side), (1, Side::Left));
}

#[test]
fn no_kidney_is_an_error_in_words() {
    for (boxes, largest) in [(vec![], "0.00 mL"), (vec![([0; 3], [4; 3], 1)], "8.00 mL")] {
        let refused = find_kidneys(&map(&boxes), &CoarseBoxes::new(&[1, 2])).unwrap_err();
        assert!(matches!(refused, CoarseError::NoKidney { .. }));
        let words = refused.to_string();
        assert!(
            words.starts_with("no kidney was found") && words.contains(largest),
            "{words}"
        );
    }
    for (smallest_ml, joined_within_mm, margin) in
        [(f64::NAN, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, f64::NAN)]
    {
        let how = CoarseBoxes {
            smallest_ml,
            joined_within_mm,
            margin_zyx_mm: [margin; 3],
            ..CoarseBoxes::new(&[1])
        };
        assert!(find_kidneys(&map(&[LEFT]), &how).is_err());
    }
}

#[test]
fn fixed_crops_lie_around_the_kidney_and_say_what_they_miss() {
    let coarse = map(&[LEFT]);
    let kidney = &find(&coarse).kidneys[0];
    let crop = fixed_crop(&kidney.tight, coarse.geometry(), [160.0; 3], [1.25; 3]).unwrap();
    assert_eq!(crop.geometry.shape_zyx, [128; 3]);
    assert_eq!(crop.beyond_zyx_mm, [0.0; 3]);
    // The middles coincide: voxels 10..20, 10..16 and 55..65 of 5 mm.
    let middle = crop.geometry.world_from_voxel([63.5; 3]);
    for (got, expected) in middle.iter().zip([59.5 * 5.0, 12.5 * 5.0, 14.5 * 5.0]) {
        assert!((got - expected).abs() < 1e-9);
    }
    // 50, 30 and 50 mm in 40 mm.
    let crop = fixed_crop(&kidney.tight, coarse.geometry(), [40.0; 3], [1.25; 3]).unwrap();
    for (got, expected) in crop.beyond_zyx_mm.iter().zip([5.0, 0.0, 5.0]) {
        assert!((got - expected).abs() < 1e-9);
    }
    for (size, spacing) in [
        (160.0, 0.0),
        (0.0, 1.0),
        (f64::NAN, 1.0),
        (1e9, 1.0),
        (160.0, -1.0),
    ] {
        let refused = fixed_crop(&kidney.tight, coarse.geometry(), [size; 3], [spacing; 3]);
        assert!(matches!(refused, Err(CoarseError::Crop { .. })));
    }
}

#[test]
fn boxes_move_between_grids() {
    let coarse = Geometry::upright([10; 3], [4.0; 3]).unwrap();
    // The same field of view in voxels of 1 mm: centres of 4 mm voxels are at 1.5, 5.5, ...
    let fine = Geometry {
        origin_xyz_mm: [-1.5; 3],
        ..Geometry::upright([40; 3], [1.0; 3]).unwrap()
    };
    let region = BoundingBox {
        start_zyx: [2, 0, 7],
        shape_zyx: [3, 1, 3],
    };
    let there = box_on(&region, &coarse, &fine).unwrap();
    assert_eq!(there.start_zyx, [8, 0, 28]);
    assert_eq!(there.shape_zyx, [12, 4, 12]);
    assert_eq!(box_on(&there, &fine, &coarse), Some(region));
    let elsewhere = Geometry {
        origin_xyz_mm: [900.0; 3],
        ..fine
    };
    assert_eq!(box_on(&region, &coarse, &elsewhere), None);
}
