//! Clean-up of predicted kidneys, rule by rule.
#![allow(clippy::unwrap_used, clippy::panic)]

use renalflow_imaging::{Geometry, LabelMap, Volume};
use renalflow_segmentation::inference::postprocess::{
    CleanUp, PostprocessError, Reason, clean_up, clean_up_regions,
};

const SHAPE: [usize; 3] = [30, 30, 80];

/// Boxes of labels on voxels of 2 x 2 x 2.5 mm, which are 0.01 mL.
fn map(boxes: &[([usize; 3], [usize; 3], u16)]) -> LabelMap {
    let geometry = Geometry::upright(SHAPE, [2.5, 2.0, 2.0]).unwrap();
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

/// Two kidneys of 20 and 10 mL, one with a tumour of 0.27 mL.
const SOUND: [([usize; 3], [usize; 3], u16); 3] = [
    ([5, 5, 5], [25, 15, 15], 1),
    ([8, 8, 8], [11, 11, 11], 2),
    ([5, 5, 50], [15, 15, 60], 1),
];

fn with(more: &[([usize; 3], [usize; 3], u16)]) -> LabelMap {
    map(&[&SOUND[..], more].concat())
}

#[test]
fn what_keeps_the_rules_stays_as_it_is() {
    let sound = map(&SOUND);
    let (cleaned, changes) = clean_up(&sound, &CleanUp::new(1, &[2])).unwrap();
    assert_eq!(cleaned, sound);
    assert!(changes.is_empty());
    let empty = map(&[]);
    let (cleaned, changes) = clean_up(&empty, &CleanUp::new(1, &[2])).unwrap();
    assert_eq!((cleaned, changes.len()), (empty, 0));
}

#[test]
fn each_rule_removes_its_own_and_says_so() {
    for (what, more, expected, reason, voxels, first) in [
        (
            "a tumour away from kidneys",
            vec![([20, 20, 30], [28, 28, 40], 2)],
            map(&SOUND),
            Reason::TouchesNoKidney,
            640,
            [20, 20, 30],
        ),
        (
            "a crumb of kidney, and its tumour with it",
            vec![
                ([20, 20, 30], [28, 28, 40], 2),
                ([20, 20, 40], [28, 28, 41], 1),
            ],
            map(&SOUND),
            Reason::KidneyTooSmall,
            704,
            [20, 20, 30],
        ),
        (
            "a speck of tumour in a kidney",
            vec![([20, 10, 10], [21, 13, 13], 2)],
            map(&SOUND),
            Reason::MassTooSmall,
            9,
            [20, 10, 10],
        ),
        (
            "a cavity in a kidney",
            vec![([20, 10, 10], [22, 12, 12], 0)],
            map(&SOUND),
            Reason::Hole,
            8,
            [20, 10, 10],
        ),
        (
            "a cavity in a tumour",
            vec![([9, 9, 9], [10, 10, 10], 0)],
            map(&SOUND),
            Reason::Hole,
            1,
            [9, 9, 9],
        ),
        (
            "kidney within a tumour",
            vec![([9, 9, 9], [10, 10, 10], 1)],
            map(&SOUND),
            Reason::Hole,
            1,
            [9, 9, 9],
        ),
    ] {
        let (cleaned, changes) = clean_up(&with(&more), &CleanUp::new(1, &[2])).unwrap();
        assert_eq!(cleaned, expected, "{what}");
        assert_eq!(changes.len(), 1, "{what}: {changes:?}");
        assert_eq!(changes[0].reason, reason, "{what}");
        assert_eq!(changes[0].voxels, voxels, "{what}");
        assert_eq!(changes[0].first_voxel_zyx, first, "{what}");
        let ml = voxels as f64 * 0.01;
        assert!((changes[0].volume_ml - ml).abs() < 1e-12, "{what}");
        assert!(changes[0].to_string().contains(&format!("{ml:.3} mL")));
    }
}

#[test]
fn thresholds_are_of_organs_and_inclusive() {
    // Kidney of 4 mL with a tumour of 6.4 mL: together 10.4. A mass of exactly 0.1 mL.
    let mixed = with(&[
        ([20, 20, 30], [28, 28, 40], 2),
        ([20, 20, 40], [28, 30, 45], 1),
        ([20, 10, 10], [21, 12, 15], 2),
    ]);
    let (cleaned, changes) = clean_up(&mixed, &CleanUp::new(1, &[2])).unwrap();
    assert_eq!((cleaned, changes.len()), (mixed, 0));
    // A tumour that cuts a kidney in two parts of 8 mL, each too small alone.
    let cut = map(&[([5, 5, 5], [25, 15, 15], 1), ([13, 5, 5], [17, 15, 15], 2)]);
    assert_eq!(clean_up(&cut, &CleanUp::new(1, &[2])).unwrap().0, cut);
}

#[test]
fn other_labels_stay_and_rules_can_be_left_out() {
    // A lone tumour, a speck of cyst in a kidney, something else altogether.
    let mixed = with(&[
        ([20, 20, 30], [28, 28, 40], 2),
        ([20, 10, 10], [21, 13, 13], 3),
        ([0, 0, 70], [2, 2, 72], 7),
        ([20, 20, 34], [22, 22, 36], 7),
    ]);
    let lenient = CleanUp {
        masses_touch_kidney: false,
        smallest_mass_ml: 0.0,
        fill_holes: false,
        ..CleanUp::new(1, &[2, 3])
    };
    let (cleaned, changes) = clean_up(&mixed, &lenient).unwrap();
    assert_eq!((cleaned, changes.len()), (mixed.clone(), 0));
    let (cleaned, changes) = clean_up(&mixed, &CleanUp::new(1, &[2, 3])).unwrap();
    let others = |map: &LabelMap| map.volume.voxels().iter().filter(|&&l| l == 7).count();
    assert_eq!(others(&cleaned), others(&mixed));
    let reasons: Vec<Reason> = changes.iter().map(|change| change.reason).collect();
    assert_eq!(reasons, [Reason::TouchesNoKidney, Reason::MassTooSmall]);
}

#[test]
fn nested_regions_are_cleaned_alike() {
    let mixed = with(&[
        ([20, 20, 30], [28, 28, 40], 2),
        ([20, 10, 10], [22, 12, 12], 0),
    ]);
    let mut organ = mixed.volume.map(|&label| label > 0);
    let masses = mixed.volume.map(|&label| label == 2);
    let rules = CleanUp::new(1, &[2]);
    let ([cleaned, tumour], changes) = clean_up_regions(&organ, &masses, &rules).unwrap();
    let sound = map(&SOUND);
    assert_eq!(cleaned, sound.volume.map(|&label| label > 0));
    assert_eq!(tumour, sound.volume.map(|&label| label == 2));
    assert_eq!(changes.len(), 2);
    // Masses that the outer region misses are in it afterwards.
    organ = mixed.volume.map(|&label| label == 1);
    assert_eq!(
        clean_up_regions(&organ, &masses, &rules).unwrap().0[0],
        cleaned
    );
}

#[test]
fn senseless_rules_are_errors() {
    let sound = map(&SOUND);
    for (kidney, masses) in [(0, vec![2]), (1, vec![0]), (1, vec![1, 2])] {
        let refused = clean_up(&sound, &CleanUp::new(kidney, &masses));
        assert!(matches!(refused, Err(PostprocessError::Labels { .. })));
    }
    for smallest_kidney_ml in [-1.0, f64::NAN, f64::INFINITY] {
        let rules = CleanUp {
            smallest_kidney_ml,
            ..CleanUp::new(1, &[2])
        };
        assert!(clean_up(&sound, &rules).is_err());
    }
    let mask = sound.volume.map(|&label| label > 0);
    assert!(clean_up_regions(&mask, &mask, &CleanUp::new(1, &[2, 3])).is_err());
}
