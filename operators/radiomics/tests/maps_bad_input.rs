//! Maps of regions and images that leave little to measure: a value, NaN or a reason, no panic.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeMap;

use common::{grid, image, mask};
use renalflow_imaging::{Image, LabelMap};
use renalflow_radiomics::{
    CLASSES, ClassSelection, Discretisation, ImageParameters, ImageType, Parameters,
    RadiomicsError, Settings, Standard, VoxelParameters,
    maps::{DEFAULT_MEMORY_BOUND_BYTES, MapError, MapSlab},
};

const SHAPE_ZYX: [usize; 3] = [6, 7, 8];

/// Every class, and regions of any size.
fn parameters() -> Parameters {
    of_classes(CLASSES.iter().map(|class| class.name))
}

fn of_classes<'a>(classes: impl IntoIterator<Item = &'a str>) -> Parameters {
    let classes = classes.into_iter().map(ClassSelection::defaults_of);
    let settings = Settings {
        discretisation: Discretisation::BinWidth(5.0),
        minimum_roi_dimensions: 0,
        classes: classes.collect(),
        ..Settings::default()
    };
    Parameters {
        images: vec![ImageParameters {
            image_type: ImageType::Original,
            settings: settings.clone(),
        }],
        settings,
        ..Parameters::default()
    }
}

fn wavy(i: usize) -> f64 {
    (i * i % 37) as f64
}

fn case(value: impl Fn(usize) -> f64, inside: impl Fn([usize; 3]) -> bool) -> (Image, LabelMap) {
    let geometry = grid(SHAPE_ZYX, [2.0, 1.0, 1.0]);
    let [_, ny, nx] = SHAPE_ZYX;
    let voxels = 0..geometry.len();
    let labels = voxels
        .clone()
        .map(|i| u16::from(inside([i / (ny * nx), i / nx % ny, i % nx])))
        .collect();
    (
        image(&geometry, voxels.map(value).collect()),
        mask(&geometry, labels),
    )
}

fn block([z, y, x]: [usize; 3]) -> bool {
    z < 4 && (2..5).contains(&y) && (3..7).contains(&x)
}

fn compute(
    parameters: &Parameters,
    (image, mask): &(Image, LabelMap),
) -> Result<BTreeMap<String, Vec<f64>>, RadiomicsError> {
    let maps = parameters.maps(image, mask, 1, DEFAULT_MEMORY_BOUND_BYTES)?;
    let mut volumes: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    maps.compute(&mut |slab: &MapSlab<'_>| -> Result<(), RadiomicsError> {
        let volume = volumes.entry(slab.column.to_owned()).or_default();
        volume.extend_from_slice(slab.values);
        Ok(())
    })?;
    Ok(volumes)
}

#[test]
fn one_voxel_has_what_one_voxel_has() {
    let one = case(wavy, |index| index == [3, 3, 3]);
    for masked_kernel in [true, false] {
        let mut parameters = parameters();
        parameters.voxel.masked_kernel = masked_kernel;
        let maps = compute(&parameters, &one).unwrap();
        let centre = |column: &str| {
            let values: Vec<f64> = maps[column].iter().copied().filter(|v| *v != 0.0).collect();
            assert_eq!(values.len(), 1, "{column}");
            values[0]
        };
        assert!(centre("original_firstorder_Maximum") > 0.0);
        let contrast = centre("original_glcm_Contrast");
        assert_eq!(
            contrast.is_nan(),
            masked_kernel,
            "without a pair no texture"
        );
    }
    // By default such a region is refused, as PyRadiomics does.
    let mut refused = parameters();
    refused.settings.minimum_roi_dimensions = 2;
    let error = compute(&refused, &one).unwrap_err();
    assert!(matches!(error, RadiomicsError::TooFewDimensions { .. }));
}

#[test]
fn a_flat_neighbourhood_has_no_spread_at_all() {
    // A tenth is not a binary fraction: sums of it are rounded.
    let flat = case(|_| 0.1, block);
    let maps = compute(&parameters(), &flat).unwrap();
    for feature in ["Variance", "Skewness", "Kurtosis", "MeanAbsoluteDeviation"] {
        let column = format!("original_firstorder_{feature}");
        assert!(maps[&column].iter().all(|&v| v == 0.0), "{feature}");
    }
}

#[test]
fn the_classes_of_ibsi_have_maps_too() {
    let case = case(wavy, block);
    let mut parameters = parameters();
    parameters.images[0].settings.standard = Standard::Ibsi;
    parameters.settings.standard = Standard::Ibsi;
    for masked_kernel in [true, false] {
        parameters.voxel.masked_kernel = masked_kernel;
        let maps = compute(&parameters, &case).unwrap();
        for class in ["firstorder", "glcm", "gldzm", "ngldm"] {
            let prefix = format!("original_{class}_");
            assert!(maps.keys().any(|key| key.starts_with(&prefix)), "{class}");
        }
    }
}

#[test]
fn settings_that_make_no_map_are_refused_in_words() {
    let case = case(wavy, block);
    let refused = |change: &dyn Fn(&mut VoxelParameters), parameters: &Parameters| {
        let mut parameters = parameters.clone();
        change(&mut parameters.voxel);
        let error = compute(&parameters, &case).unwrap_err();
        assert!(matches!(error, RadiomicsError::Setting { .. }), "{error}");
        error.to_string()
    };
    let error = refused(&|voxel| voxel.kernel_radius_voxels = 0, &parameters());
    assert!(error.contains("kernel_radius_voxels"), "{error}");
    let error = refused(&|voxel| voxel.batch_voxels = Some(0), &parameters());
    assert!(error.contains("batch_voxels"), "{error}");
    let error = refused(&|_| (), &of_classes(["shape"]));
    assert!(error.contains("firstorder"), "{error}");
}

#[test]
fn kernels_larger_than_the_image_are_the_whole_of_it() {
    let case = case(wavy, block);
    let mut parameters = of_classes(["firstorder", "glcm"]);
    let [nz, ny, nx] = SHAPE_ZYX;
    for masked_kernel in [true, false] {
        parameters.voxel.masked_kernel = masked_kernel;
        let mut all = Vec::new();
        for radius in [7, 1000, usize::MAX] {
            parameters.voxel.kernel_radius_voxels = radius;
            all.push(compute(&parameters, &case).unwrap());
        }
        assert_eq!(all[0], all[1]);
        assert_eq!(all[0], all[2]);
        let means = &all[0]["original_firstorder_Mean"];
        assert_eq!(means.len(), nz * ny * nx);
        let mut inside: Vec<f64> = means.iter().copied().filter(|v| *v != 0.0).collect();
        inside.dedup();
        assert_eq!(inside.len(), 1, "every window is the same");
    }
}

#[test]
fn what_is_not_finite_matters_only_where_it_is_read() {
    let [_, ny, nx] = SHAPE_ZYX;
    let with_nan = |at: [usize; 3]| {
        let nan = (at[0] * ny + at[1]) * nx + at[2];
        case(move |i| if i == nan { f64::NAN } else { wavy(i) }, block)
    };
    let mut parameters = parameters();
    let (inside, near, far) = ([1, 3, 4], [1, 1, 4], [5, 0, 0]);
    let clean = compute(&parameters, &case(wavy, block)).unwrap();
    let bits = |maps: &BTreeMap<String, Vec<f64>>| -> Vec<u64> {
        maps.values().flatten().map(|v| v.to_bits()).collect()
    };
    for outside in [near, far] {
        let maps = compute(&parameters, &with_nan(outside)).unwrap();
        assert_eq!(bits(&maps), bits(&clean), "{outside:?}");
    }
    let error = compute(&parameters, &with_nan(inside)).unwrap_err();
    assert!(matches!(error, RadiomicsError::NonFinite { .. }), "{error}");

    parameters.voxel.masked_kernel = false;
    for read in [inside, near] {
        let error = compute(&parameters, &with_nan(read)).unwrap_err();
        let RadiomicsError::NonFiniteAround { first_zyx, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(first_zyx, read);
        assert!(error.to_string().contains("maskedKernel: true"), "{error}");
    }
    compute(&parameters, &with_nan(far)).unwrap();
}

#[test]
fn maps_over_the_memory_bound_are_refused_before_they_begin() {
    let (image, mask) = case(wavy, block);
    let error = parameters().maps(&image, &mask, 1, 1000).unwrap_err();
    assert!(matches!(error, RadiomicsError::MapsTooLarge { .. }));
    assert!(error.to_string().contains("bound"), "{error}");
    // Nearly every voxel a level of its own: counts of pairs do not fit.
    let (image, mask) = case(|i| (i * 7919 % 300) as f64, |_| true);
    let mut narrow = of_classes(["glcm"]);
    narrow.images[0].settings.discretisation = Discretisation::BinWidth(0.01);
    let bound = 1 << 20;
    let error = narrow.maps(&image, &mask, 1, bound).unwrap_err();
    assert!(error.to_string().contains("wider bin"), "{error}");
}

#[test]
fn the_plan_can_be_printed() {
    let (image, mask) = case(wavy, block);
    let parameters = parameters();
    let maps = parameters.maps(&image, &mask, 1, DEFAULT_MEMORY_BOUND_BYTES);
    let plan = maps.unwrap().plan().to_string();
    let first = "maps of 48 voxels on a grid of 5 x 5 x 6 (z, y, x), from neighbourhoods of \
                 3 x 3 x 3 voxels";
    assert!(plan.contains(first), "{plan}");
    assert!(plan.contains("(bound: 2048 MiB)"), "{plan}");
    assert!(
        plan.contains("without maps: ") && plan.contains("shape"),
        "{plan}"
    );
}

#[test]
fn what_the_receiver_says_ends_the_computation() {
    let (image, mask) = case(wavy, block);
    let parameters = of_classes(["firstorder"]);
    let maps = parameters
        .maps(&image, &mask, 1, DEFAULT_MEMORY_BOUND_BYTES)
        .unwrap();
    let mut slabs = 0;
    let result = maps.compute(&mut |_| {
        slabs += 1;
        Err(RadiomicsError::EmptyMask)
    });
    assert_eq!(result, Err(RadiomicsError::EmptyMask));
    assert_eq!(slabs, 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let error = maps.write(&file).unwrap_err();
    assert!(matches!(error, MapError::Write(_)), "{error}");
}
