//! Pooling of layers over regions.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use renalflow_imaging::{Geometry, boxes::BoundingBox};
use renalflow_segmentation::deep_features::{
    Activation, Crop, PoolError, Region, Selection, feature_names, pool,
};

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
    let pooled = pool(&activation, &region, &Selection::all()).unwrap();
    let names = feature_names("encoder2", channels, &Selection::all());
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
fn names_carry_layer_pool_part_and_channel_in_a_stable_order() {
    let names = feature_names("encoder2", 2, &Selection::all());
    assert_eq!(names.len(), 9 * 6 * 2);
    assert_eq!(names[0], "encoder2_mean_whole_c000");
    assert_eq!(names[1], "encoder2_mean_whole_c001");
    assert_eq!(names[2], "encoder2_max_whole_c000");
    assert_eq!(names[6], "encoder2_boxmean_whole_c000");
    assert_eq!(names[12], "encoder2_mean_o000_c000");
    assert_eq!(names[107], "encoder2_boxsd_o111_c001");
}

#[test]
fn shares_are_area_fractions_worked_by_hand() {
    // Layer voxels of 2 x 2 x 2; the region is 1 x 2 x 3 voxels: it fills a half of one layer
    // voxel and a quarter of the next.
    let values: Vec<f32> = vec![1.0, 4.0, -7.0, 100.0, 2.0, 2.0, 2.0, 2.0];
    let mask = boxed([2, 4, 4], [0, 0, 0], [1, 2, 3]);
    let found = features(&values[..4], 1, [1, 2, 2], &mask, [2, 4, 4]);
    let get = |pool: &str, part: &str| found[&format!("encoder2_{pool}_{part}_c000")];
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
    let get = |pool: &str, part: &str| found[&format!("encoder2_{pool}_{part}_c000")];
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
            let name = format!("encoder2_{pool}_{part}_c000");
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
        pool(&activation, &region, &Selection::all())
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

#[test]
fn a_selection_gives_the_same_values_under_the_same_names_in_the_same_order() {
    let input = [6, 6, 6];
    let values: Vec<f32> = (0..2 * 27).map(|i| (i * 7 % 11) as f32).collect();
    let mut mask = boxed(input, [1, 0, 2], [4, 3, 5]);
    mask[7] = true;
    let activation = Activation {
        layer: "encoder2",
        values: &values,
        channels: 2,
        shape_zyx: [3; 3],
    };
    let region = Region {
        name: "tumour",
        mask: &mask,
        shape_zyx: input,
    };
    let all = features(&values, 2, [3; 3], &mask, input);
    for (pools, parts, count) in [
        (vec!["mean"], vec!["whole"], 1),
        (vec!["boxsd", "sd", "mean", "sd"], vec!["whole"], 3),
        (vec!["max", "boxmax"], vec!["octants"], 16),
        (vec!["boxmean"], vec!["o101", "whole", "octants"], 9),
    ] {
        let selection = Selection::named(&pools, &parts).unwrap();
        assert_eq!(selection.len(), count);
        let names = feature_names("encoder2", 2, &selection);
        let pooled = pool(&activation, &region, &selection).unwrap();
        assert_eq!((names.len(), pooled.len()), (2 * count, 2 * count));
        for (name, value) in names.iter().zip(&pooled) {
            assert_eq!(all[name], *value, "{name}");
        }
        let every = feature_names("encoder2", 2, &Selection::all());
        let places: Vec<_> = names
            .iter()
            .map(|name| every.iter().position(|other| other == name).unwrap())
            .collect();
        assert!(places.is_sorted());
    }
    let told =
        |pools: &[&str], parts: &[&str]| Selection::named(pools, parts).unwrap_err().to_string();
    assert!(told(&["median"], &["whole"]).contains("no pool `median`; there are: mean, max"));
    assert!(told(&["mean"], &["half"]).contains("octants"));
    assert!(told(&["mean"], &[]).contains("no part ``"));
}

#[test]
fn the_crop_is_the_patch_around_the_region_and_stays_in_the_scan() {
    let grid = Geometry::upright([40, 100, 100], [2.0, 1.0, 1.0]).unwrap();
    let around = |start_zyx, shape_zyx| {
        let region = BoundingBox {
            start_zyx,
            shape_zyx,
        };
        Crop::around(&region, &grid, 4.0, [48, 32, 32], [8, 8, 16])
    };
    // z: the scan is shorter than the patch and lies in its middle. y: moved inwards. x: the
    // region and 4 mm on either side take 38 voxels, so 48.
    let crop = around([3, 90, 40], [2, 10, 30]).unwrap();
    assert_eq!(crop.shape_zyx, [48, 32, 48]);
    assert_eq!(crop.start_zyx, [-4, 68, 55 - 24]);
    let own = crop.geometry(&grid);
    assert_eq!(own.world_from_voxel([4.0, 0.0, 0.0]), [31.0, 68.0, 0.0]);
    // The region lies in the crop, wherever it is.
    for start in [0usize, 1, 50, 98] {
        let crop = around([0, start, start], [40, 2, 2]).unwrap();
        for axis in 1..3 {
            let low = crop.start_zyx[axis] as usize;
            assert!(low <= start && start + 2 <= low + crop.shape_zyx[axis]);
            assert!(low + crop.shape_zyx[axis] <= 100);
        }
    }
    let grid = Geometry::upright([400; 3], [1.0; 3]).unwrap();
    let region = BoundingBox::whole(&grid);
    let refused = Crop::around(&region, &grid, 0.0, [32; 3], [8; 3]).unwrap_err();
    assert!(refused.to_string().contains("stray voxels"), "{refused}");
}
