//! Pooling of layers over regions.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use renalflow_segmentation::deep_features::{Activation, PoolError, Region, feature_names, pool};

fn features(
    values: &[f32],
    channels: usize,
    layer: [usize; 3],
    mask: &[bool],
    input: [usize; 3],
) -> BTreeMap<String, Option<f64>> {
    let activation = Activation {
        layer: "encoder2",
        values,
        channels,
        shape_zyx: layer,
    };
    let region = Region {
        name: "tumour",
        mask,
        shape_zyx: input,
    };
    let pooled = pool(&activation, &region).unwrap();
    let names = feature_names("encoder2", "tumour", channels);
    assert_eq!(names.len(), pooled.len());
    names.into_iter().zip(pooled).collect()
}

fn boxed(input: [usize; 3], start: [usize; 3], end: [usize; 3]) -> Vec<bool> {
    (0..input.iter().product())
        .map(|at: usize| {
            let place = [
                at / (input[1] * input[2]),
                at / input[2] % input[1],
                at % input[2],
            ];
            (0..3).all(|axis| (start[axis]..end[axis]).contains(&place[axis]))
        })
        .collect()
}

#[test]
fn names_carry_layer_pool_region_part_and_channel_in_a_stable_order() {
    let names = feature_names("encoder2", "tumour", 2);
    assert_eq!(names.len(), 9 * 6 * 2);
    assert_eq!(names[0], "deep_encoder2_mean_tumour_whole_c000");
    assert_eq!(names[1], "deep_encoder2_mean_tumour_whole_c001");
    assert_eq!(names[2], "deep_encoder2_max_tumour_whole_c000");
    assert_eq!(names[6], "deep_encoder2_boxmean_tumour_whole_c000");
    assert_eq!(names[12], "deep_encoder2_mean_tumour_o000_c000");
    assert_eq!(names[107], "deep_encoder2_boxsd_tumour_o111_c001");
}

#[test]
fn shares_are_area_fractions_worked_by_hand() {
    // Layer voxels of 2 x 2 x 2; the region is 1 x 2 x 3 voxels: it fills a half of one layer
    // voxel and a quarter of the next.
    let values: Vec<f32> = vec![1.0, 4.0, -7.0, 100.0, 2.0, 2.0, 2.0, 2.0];
    let mask = boxed([2, 4, 4], [0, 0, 0], [1, 2, 3]);
    let found = features(&values[..4], 1, [1, 2, 2], &mask, [2, 4, 4]);
    let get = |pool: &str, part: &str| found[&format!("deep_encoder2_{pool}_tumour_{part}_c000")];
    assert_eq!(get("mean", "whole"), Some(2.0));
    // A quarter is half of a half.
    assert_eq!(get("max", "whole"), Some(4.0));
    assert!((get("sd", "whole").unwrap() - 2f64.sqrt()).abs() < 1e-15);
    // Along x the box is cut at 1.5: all in the first voxel, then 0.5 of each.
    assert_eq!(get("mean", "o000"), Some(1.0));
    assert_eq!(get("mean", "o001"), Some((0.5 + 4.0) / 1.5));
    assert_eq!(get("boxmean", "whole"), Some(2.0));
}

#[test]
fn masked_and_box_pools_differ_and_unreached_octants_have_no_masked_value() {
    // Two opposite corners of a 4 x 4 x 4 box at the layer's own resolution.
    let input = [6, 6, 6];
    let mut mask = boxed(input, [1, 1, 1], [3, 3, 3]);
    for (to, from) in mask.iter_mut().zip(boxed(input, [3, 3, 3], [5, 5, 5])) {
        *to |= from;
    }
    let values: Vec<f32> = mask
        .iter()
        .map(|&inside| if inside { 3.0 } else { 5.0 })
        .collect();
    let found = features(&values, 1, input, &mask, input);
    let get = |pool: &str, part: &str| found[&format!("deep_encoder2_{pool}_tumour_{part}_c000")];
    assert_eq!(
        (get("mean", "whole"), get("sd", "whole")),
        (Some(3.0), Some(0.0))
    );
    assert_eq!(
        (get("boxmean", "whole"), get("boxmax", "whole")),
        (Some(4.5), Some(5.0))
    );
    assert_eq!(
        (get("mean", "o111"), get("mean", "o000")),
        (Some(3.0), Some(3.0))
    );
    assert_eq!(
        (get("mean", "o010"), get("sd", "o010"), get("max", "o010")),
        (None, None, None)
    );
    assert_eq!(
        (get("boxmean", "o010"), get("boxsd", "o010")),
        (Some(5.0), Some(0.0))
    );
}

#[test]
fn one_voxel_pools_from_coarse_layers_of_any_size() {
    let input = [10, 10, 10];
    let mask = boxed(input, [7, 2, 5], [8, 3, 6]);
    // 10 voxels in 3 cells: voxel 7 lies in the last, 2 in the first, 5 in the middle one.
    let values: Vec<f32> = (0..27).map(|i| i as f32 * 0.1).collect();
    let found = features(&values, 1, [3, 3, 3], &mask, input);
    let expected = f64::from(values[2 * 9 + 1]);
    for pool in ["mean", "max", "boxmean", "boxmax"] {
        for part in ["whole", "o000", "o101"] {
            let name = format!("deep_encoder2_{pool}_tumour_{part}_c000");
            assert_eq!(found[&name], Some(expected), "{name}");
        }
    }
}

#[test]
fn empty_regions_have_no_features_and_damage_is_an_error() {
    let input = [2, 2, 2];
    let found = features(&[1.0, 2.0], 2, [1, 1, 1], &[false; 8], input);
    assert_eq!(found.len(), 108);
    assert!(found.values().all(Option::is_none));

    let try_pool = |values: &[f32], channels, shape_zyx, mask: &[bool]| {
        let activation = Activation {
            layer: "encoder2",
            values,
            channels,
            shape_zyx,
        };
        let region = Region {
            name: "tumour",
            mask,
            shape_zyx: input,
        };
        pool(&activation, &region)
    };
    assert_eq!(
        try_pool(&[1.0, f32::NAN], 2, [1, 1, 1], &[true; 8]),
        Err(PoolError::NotFinite {
            layer: "encoder2".to_owned(),
            channel: 1
        })
    );
    assert!(matches!(
        try_pool(&[1.0], 2, [1, 1, 1], &[true; 8]),
        Err(PoolError::Length { .. })
    ));
    assert!(matches!(
        try_pool(&[1.0], 1, [1, 1, 1], &[true; 7]),
        Err(PoolError::Length { .. })
    ));
    assert!(matches!(
        try_pool(&[], 0, [1, 1, 1], &[true; 8]),
        Err(PoolError::Empty { .. })
    ));
}
