//! Regions of KiTS, lesions and cavities.
#![allow(clippy::unwrap_used)]

use renalflow_imaging::{
    Geometry, LabelMap, LabelNames, Volume,
    components::{Connectivity, connected_components, holes},
    metrics::{
        lesions::{FOUND_AT_IOU, LesionDetection, LesionsError},
        regions::{EvaluationError, Region, evaluate_regions, kits_regions, label_regions},
    },
};

/// Boxes `[start, end)` of labels, later ones over earlier ones, on 1 mm voxels.
fn map(shape: [usize; 3], boxes: &[([usize; 3], [usize; 3], u16)]) -> LabelMap {
    let geometry = Geometry::upright(shape, [1.0; 3]).unwrap();
    let mut voxels = vec![0u16; geometry.len()];
    for (start, end, label) in boxes {
        for z in start[0]..end[0] {
            for y in start[1]..end[1] {
                for x in start[2]..end[2] {
                    voxels[(z * shape[1] + y) * shape[2] + x] = *label;
                }
            }
        }
    }
    LabelMap {
        volume: Volume::new(geometry, voxels).unwrap(),
        names: [(1, "kidney"), (2, "tumour")]
            .map(|(label, name)| (label, name.to_owned()))
            .into_iter()
            .collect(),
    }
}

fn mask(map: &LabelMap) -> Volume<bool> {
    map.volume.map(|&label| label > 0)
}

#[test]
fn cavities_are_the_background_that_does_not_reach_the_border() {
    // Two cavities in a block, one of two voxels, and a well that is open at the border.
    let block = mask(&map(
        [7, 8, 9],
        &[
            ([0, 1, 1], [7, 7, 8], 1),
            ([2, 2, 2], [3, 3, 4], 0),
            ([4, 4, 4], [5, 5, 5], 0),
            ([0, 5, 6], [4, 6, 7], 0),
        ],
    ));
    let found = holes(&block).unwrap();
    assert_eq!(found.voxels, [2, 1]);
    assert_eq!(found.volume.voxels().iter().filter(|&&n| n > 0).count(), 3);
    assert_eq!(found.volume.voxels()[(4 * 8 + 4) * 9 + 4], 2);
    // A diagonal gap closes a cavity: background is connected by faces.
    let leak = mask(&map(
        [5, 5, 5],
        &[
            ([0; 3], [5; 3], 1),
            ([2; 3], [3; 3], 0),
            ([1, 1, 2], [2, 2, 3], 0),
        ],
    ));
    assert_eq!(holes(&leak).unwrap().voxels, [1, 1]);
    assert!(holes(&block.map(|_| false)).unwrap().is_empty());
    assert!(holes(&block.map(|_| true)).unwrap().is_empty());
}

#[test]
fn regions_of_kits_are_nested_and_plain_labels_are_not() {
    // Half the tumour is taken for kidney: the KiTS kidney does not mind, the label does.
    let reference = map(
        [12, 12, 20],
        &[([2, 2, 2], [10, 10, 14], 1), ([4, 4, 8], [8, 8, 12], 2)],
    );
    let predicted = map(
        [12, 12, 20],
        &[([2, 2, 2], [10, 10, 14], 1), ([4, 4, 8], [8, 8, 10], 2)],
    );
    let mut regions = kits_regions(1, 2, None);
    regions.extend(label_regions(&reference.names, 1.0));
    let rows = evaluate_regions(&reference, &predicted, &regions, FOUND_AT_IOU).unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.region.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "kidney and masses",
            "masses",
            "tumour",
            "label kidney",
            "label tumour"
        ]
    );
    assert_eq!(
        [rows[0].dice, rows[0].surface_dice, rows[0].hd95_mm],
        [1.0, 1.0, 0.0]
    );
    let tumour = 2.0 * 32.0 / (64.0 + 32.0);
    assert_eq!([rows[1].dice, rows[2].dice, rows[4].dice], [tumour; 3]);
    let kidney = 2.0 * 704.0 / (704.0 + 736.0);
    assert!((rows[3].dice - kidney).abs() < 1e-15);
    assert_eq!(rows[2].reference_ml, 0.064);
    assert_eq!(rows[2].volume_error_ml, -0.032);
    assert_eq!(rows[2].relative_volume_error, Some(-0.5));
    // The far face of the tumour is 2 mm off, over 5 % of its surface and over the tolerance.
    assert_eq!(rows[2].hd95_mm, 2.0);
    assert!(rows[2].surface_dice < 1.0 && rows[2].surface_dice > 0.5);
    assert_eq!(rows[2].lesions.f1(), 1.0);
    let tolerances: Vec<f64> = rows.iter().map(|row| row.region.tolerance_mm).collect();
    for (got, expected) in tolerances.iter().zip([1.0331, 1.1329, 1.1498]) {
        assert!((got - expected).abs() < 5e-5);
    }
}

#[test]
fn empty_regions_score_as_stated() {
    let kidney = map([6, 6, 6], &[([1; 3], [5; 3], 1)]);
    let with_tumour = map([6, 6, 6], &[([1; 3], [5; 3], 1), ([2; 3], [3; 3], 2)]);
    let tumour = &kits_regions(1, 2, Some(3))[2..];
    let row = |a, b| evaluate_regions(a, b, tumour, 0.1).unwrap().remove(0);

    let both = row(&kidney, &kidney);
    assert_eq!([both.dice, both.surface_dice, both.lesions.f1()], [1.0; 3]);
    assert_eq!([both.hd95_mm, both.assd_mm, both.volume_error_ml], [0.0; 3]);
    assert_eq!(both.relative_volume_error, None);
    for (a, b, relative, missed) in [
        (&with_tumour, &kidney, Some(-1.0), 1),
        (&kidney, &with_tumour, None, 0),
    ] {
        let one = row(a, b);
        assert_eq!([one.dice, one.surface_dice, one.lesions.f1()], [0.0; 3]);
        assert!(one.hd95_mm.is_infinite() && one.assd_mm.is_infinite());
        assert_eq!(one.relative_volume_error, relative);
        assert_eq!(one.lesions.missed(), missed);
        assert_eq!(one.lesions.invented(), 1 - missed);
    }
}

#[test]
fn lesions_are_matched_one_to_one() {
    // Four lesions: found, found in two fragments, missed, and one half of a bridge.
    let reference = map(
        [10, 10, 40],
        &[
            ([1, 1, 1], [4, 4, 4], 1),
            ([1, 1, 10], [4, 4, 16], 1),
            ([6, 6, 1], [9, 9, 4], 1),
            ([1, 1, 20], [4, 4, 24], 1),
            ([1, 1, 26], [4, 4, 30], 1),
        ],
    );
    let predicted = map(
        [10, 10, 40],
        &[
            ([1, 1, 2], [4, 4, 5], 1),
            ([1, 1, 10], [4, 4, 12], 1),
            ([1, 1, 13], [4, 4, 16], 1),
            ([1, 1, 20], [4, 4, 30], 1),
            ([6, 6, 35], [9, 9, 38], 1),
        ],
    );
    let found = LesionDetection::new(&mask(&reference), &mask(&predicted), 0.1).unwrap();
    assert_eq!([found.found(), found.missed(), found.invented()], [3, 2, 2]);
    let ious: Vec<f64> = found.matches.iter().map(|pair| pair.iou).collect();
    // 18 of 36 voxels; the larger fragment, 27 of 54; half of the bridge, 36 of 90.
    assert_eq!(ious, [0.5, 0.5, 0.4]);
    assert!((found.f1() - 6.0 / 10.0).abs() < 1e-15);
    let strict = LesionDetection::new(&mask(&reference), &mask(&predicted), 0.45).unwrap();
    assert_eq!(strict.found(), 2);
    for threshold in [0.0, 1.1, f64::NAN] {
        let refused = LesionDetection::new(&mask(&reference), &mask(&predicted), threshold);
        assert!(matches!(refused, Err(LesionsError::Threshold(_))));
    }
    let components = connected_components(&mask(&reference), Connectivity::Corners).unwrap();
    assert_eq!(found.reference_ml, components.volumes_ml());
}

#[test]
fn what_cannot_be_scored_is_an_error() {
    let a = map([4, 4, 4], &[]);
    let b = map([4, 4, 5], &[]);
    let regions = kits_regions(1, 2, None);
    assert!(matches!(
        evaluate_regions(&a, &b, &regions, 0.1),
        Err(EvaluationError::Grid(_))
    ));
    for (labels, tolerance_mm) in [(vec![], 1.0), (vec![0, 1], 1.0), (vec![1], f64::NAN)] {
        let region = Region {
            name: "odd".to_owned(),
            labels,
            tolerance_mm,
        };
        let refused = evaluate_regions(&a, &a, &[region], 0.1).unwrap_err();
        assert!(refused.to_string().contains("`odd`"));
    }
    assert!(label_regions(&LabelNames::new(), 1.0).is_empty());
}
