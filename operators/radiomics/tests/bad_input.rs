//! What happens where there is little to measure, or nothing.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use common::{grid, image, mask};
use renalflow_imaging::{Geometry, Image, LabelMap};
use renalflow_radiomics::{
    ClassSelection, Discretisation, Features, RadiomicsError, Settings, columns, extract,
    extract_from_mask,
};

const SHAPE_ZYX: [usize; 3] = [5, 6, 7];

fn geometry() -> Geometry {
    grid(SHAPE_ZYX, [2.0, 1.0, 0.5])
}

fn ramp() -> Vec<f64> {
    (0..geometry().len())
        .map(|i| (i * 37 % 211) as f64)
        .collect()
}

/// Label 1 in a box.
fn boxed(start: [usize; 3], shape: [usize; 3]) -> Vec<u16> {
    let mut labels = vec![0; geometry().len()];
    for z in start[0]..start[0] + shape[0] {
        for y in start[1]..start[1] + shape[1] {
            for x in start[2]..start[2] + shape[2] {
                labels[at([z, y, x])] = 1;
            }
        }
    }
    labels
}

fn at([z, y, x]: [usize; 3]) -> usize {
    (z * SHAPE_ZYX[1] + y) * SHAPE_ZYX[2] + x
}

fn run(
    voxels: Vec<f64>,
    labels: Vec<u16>,
    settings: &Settings,
) -> Result<Features, RadiomicsError> {
    extract(
        &image(&geometry(), voxels),
        &mask(&geometry(), labels),
        1,
        settings,
    )
}

fn defaults(voxels: Vec<f64>, labels: Vec<u16>) -> Result<Features, RadiomicsError> {
    run(voxels, labels, &Settings::default())
}

fn any_size() -> Settings {
    Settings {
        minimum_roi_dimensions: 0,
        ..Settings::default()
    }
}

fn complete(features: &Features) -> bool {
    let names: Vec<_> = features.values.iter().map(|f| f.column.clone()).collect();
    names == columns(&Settings::default()).unwrap()
}

#[test]
fn a_flat_region_has_the_values_that_the_declarations_state() {
    for (intensity, width) in [(50.0, 25.0), (51.3, 25.0), (-0.1, 0.1), (0.0, 1e-9)] {
        let settings = Settings {
            discretisation: Discretisation::BinWidth(width),
            ..Settings::default()
        };
        let voxels = vec![intensity; geometry().len()];
        let features = run(voxels, boxed([1; 3], [3; 3]), &settings).unwrap();
        assert!(complete(&features));
        assert!(
            features.values.iter().all(|f| f.value.is_finite()),
            "{features:?}"
        );
        assert_eq!(features.diagnostics.grey_level_count, Some(1));
        for (column, value) in [
            ("firstorder_Kurtosis", 0.0),
            ("firstorder_Skewness", 0.0),
            ("firstorder_Variance", 0.0),
            ("firstorder_Uniformity", 1.0),
            ("firstorder_Median", intensity),
            ("glcm_Correlation", 1.0),
            ("glcm_MCC", 1.0),
            ("glcm_Imc1", 0.0),
            ("glcm_Imc2", 0.0),
            ("glcm_Contrast", 0.0),
            ("glcm_Id", 1.0),
        ] {
            let found = features.get(&format!("original_{column}")).unwrap();
            assert!(
                (found - value).abs() < 1e-9,
                "{column} of {intensity} is {found}"
            );
        }
    }
}

#[test]
fn one_voxel_is_refused_unless_asked_for() {
    let error = defaults(ramp(), boxed([2; 3], [1; 3])).unwrap_err();
    assert!(matches!(
        error,
        RadiomicsError::TooFewDimensions {
            voxel_count: 1,
            found: 0,
            required: 2,
            ..
        }
    ));
    assert!(error.to_string().contains("minimum_roi_dimensions"));

    let features = run(ramp(), boxed([2; 3], [1; 3]), &any_size()).unwrap();
    assert!(complete(&features));
    let get = |name: &str| features.get(&format!("original_{name}")).unwrap();
    assert_eq!(get("firstorder_Mean"), ramp()[at([2; 3])]);
    assert!(
        (get("shape_MeshVolume") - 1.0 / 6.0).abs() < 1e-12,
        "voxels are 1 mm³"
    );
    assert_eq!(get("shape_VoxelVolume"), 1.0);
    assert_eq!(get("shape_Maximum3DDiameter"), 2.0);
    assert_eq!(get("shape_Maximum2DDiameterSlice"), 1.0);
    assert_eq!(get("shape_MajorAxisLength"), 0.0);
    assert!(get("shape_Elongation").is_nan());
    assert!(get("glcm_Contrast").is_nan(), "no neighbour");
    // Where voxels are cubes, as the declarations say.
    let cubes = grid(SHAPE_ZYX, [1.0; 3]);
    let settings = Settings {
        classes: vec![ClassSelection {
            class: "shape".into(),
            features: [
                "SurfaceArea",
                "Sphericity",
                "Compactness1",
                "Compactness2",
                "SurfaceVolumeRatio",
            ]
            .map(String::from)
            .into(),
        }],
        ..any_size()
    };
    let features = extract_from_mask(&mask(&cubes, boxed([2; 3], [1; 3])), 1, &settings).unwrap();
    for (name, value) in [
        ("SurfaceArea", 3f64.sqrt()),
        ("Sphericity", 0.846),
        ("Compactness1", 0.0413),
        ("Compactness2", 0.605),
        ("SurfaceVolumeRatio", 6.0 * 3f64.sqrt()),
    ] {
        let found = features.get(&format!("original_shape_{name}")).unwrap();
        assert!((found - value).abs() < 2e-3 * value, "{name} is {found}");
    }
}

#[test]
fn one_slice_has_no_thickness() {
    let features = defaults(ramp(), boxed([2, 1, 1], [1, 4, 5])).unwrap();
    assert_eq!(features.get("original_shape_LeastAxisLength"), Some(0.0));
    assert_eq!(features.get("original_shape_Flatness"), Some(0.0));
    assert!(features.values.iter().all(|f| f.value.is_finite()));
    // A row has one dimension.
    let error = defaults(ramp(), boxed([2, 1, 1], [1, 1, 5])).unwrap_err();
    assert!(matches!(
        error,
        RadiomicsError::TooFewDimensions { found: 1, .. }
    ));
}

#[test]
fn a_region_at_the_border_is_measured_like_one_inside() {
    let inner = defaults(vec![3.0; geometry().len()], boxed([1, 2, 2], [3, 3, 4])).unwrap();
    let border = defaults(vec![3.0; geometry().len()], boxed([0; 3], [3, 3, 4])).unwrap();
    let opposite = defaults(vec![3.0; geometry().len()], boxed([2, 3, 3], [3, 3, 4])).unwrap();
    assert_eq!(inner.values, border.values);
    assert_eq!(inner.values, opposite.values);
    // Everything inside.
    let whole = defaults(ramp(), boxed([0; 3], SHAPE_ZYX)).unwrap();
    assert!(whole.values.iter().all(|f| f.value.is_finite()));
    assert_eq!(whole.diagnostics.bounding_box.shape_zyx, SHAPE_ZYX);
}

#[test]
fn a_region_of_several_parts_is_one_region() {
    let mut labels = boxed([0; 3], [2, 2, 2]);
    labels[at([4, 5, 6])] = 1;
    labels[at([4, 5, 5])] = 1;
    labels[at([4, 0, 0])] = 2;
    let features = defaults(ramp(), labels).unwrap();
    assert_eq!(features.diagnostics.voxel_count, 10);
    assert_eq!(features.diagnostics.volume_mm3, 10.0);
    assert_eq!(features.diagnostics.bounding_box.shape_zyx, SHAPE_ZYX);
    // From the middle of the first part's outer corner edges to the other's.
    let diameter = features.get("original_shape_Maximum3DDiameter").unwrap();
    assert!(diameter > (8f64.powi(2) + 25.0 + 9.0).sqrt(), "{diameter}");
    assert!(features.values.iter().all(|f| f.value.is_finite()));
}

#[test]
fn parts_without_neighbours_have_no_texture() {
    let mut labels = boxed([0; 3], [1; 3]);
    labels[at([4, 4, 4])] = 1;
    let features = defaults(ramp(), labels).unwrap();
    assert!(features.get("original_glcm_Contrast").unwrap().is_nan());
    assert!(
        features
            .get("original_firstorder_Mean")
            .unwrap()
            .is_finite()
    );
}

#[test]
fn a_missing_label_is_answered_with_those_there_are() {
    let mut labels = boxed([1; 3], [2; 3]);
    labels[0] = 7;
    let mut with_names: LabelMap = mask(&geometry(), labels);
    with_names.names.insert(7, "cyst".into());
    let image: Image = image(&geometry(), ramp());
    let error = extract(&image, &with_names, 2, &Settings::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("label 1 (8 voxels)"), "{text}");
    assert!(text.contains("label 7 'cyst' (1 voxels)"), "{text}");
    let error = extract(&image, &with_names, 0, &Settings::default()).unwrap_err();
    assert_eq!(error, RadiomicsError::BackgroundLabel);
}

#[test]
fn an_empty_mask_is_refused() {
    let error = defaults(ramp(), vec![0; geometry().len()]).unwrap_err();
    assert_eq!(error, RadiomicsError::EmptyMask);
}

#[test]
fn voxels_that_are_not_finite_matter_only_inside() {
    let labels = boxed([1, 1, 2], [2, 3, 4]);
    let clean = defaults(ramp(), labels.clone()).unwrap();
    let mut outside = ramp();
    outside[0] = f64::NAN;
    outside[at([1, 1, 1])] = f64::INFINITY;
    assert_eq!(defaults(outside.clone(), labels.clone()).unwrap(), clean);

    let mut inside = outside;
    inside[at([2, 1, 3])] = f64::NEG_INFINITY;
    inside[at([2, 3, 5])] = f64::NAN;
    let error = defaults(inside, labels).unwrap_err();
    let RadiomicsError::NonFinite {
        count,
        voxel_count,
        first_zyx,
        first_value,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((count, voxel_count, first_zyx), (2, 24, [2, 1, 3]));
    assert_eq!(first_value, f64::NEG_INFINITY);
}

#[test]
fn image_and_mask_on_different_grids_are_refused() {
    let settings = Settings::default();
    let image = image(&geometry(), ramp());
    let other_shape = grid([5, 6, 8], [2.0, 1.0, 0.5]);
    let error = extract(&image, &mask(&other_shape, vec![1; 240]), 1, &settings).unwrap_err();
    assert!(matches!(
        error,
        RadiomicsError::ShapeMismatch {
            mask_zyx: [5, 6, 8],
            ..
        }
    ));

    let mut shifted = geometry();
    shifted.origin_xyz_mm = [0.0, 3.0, 0.0];
    let labels = boxed([1; 3], [3; 3]);
    let error = extract(&image, &mask(&shifted, labels.clone()), 1, &settings).unwrap_err();
    assert!(matches!(error, RadiomicsError::GridMismatch { mm, .. } if (mm - 3.0).abs() < 1e-9));
    assert!(error.to_string().contains("3.000 mm"), "{error}");

    let mut nearly = geometry();
    nearly.origin_xyz_mm = [1e-4, 0.0, 0.0];
    assert!(extract(&image, &mask(&nearly, labels), 1, &settings).is_ok());
}

#[test]
fn too_many_grey_levels_are_refused_with_a_width_that_works() {
    let labels = boxed([1; 3], [3; 3]);
    let with_width = |width| Settings {
        discretisation: Discretisation::BinWidth(width),
        ..Settings::default()
    };
    let error = run(ramp(), labels.clone(), &with_width(1e-4)).unwrap_err();
    let RadiomicsError::TooManyGreyLevels {
        levels, suggested, ..
    } = error
    else {
        panic!("{error}");
    };
    assert!(levels > 100_000.0, "{levels}");
    assert!(run(ramp(), labels.clone(), &with_width(suggested)).is_ok());
    let tiny = run(ramp(), labels.clone(), &with_width(f64::MIN_POSITIVE)).unwrap_err();
    assert!(
        matches!(tiny, RadiomicsError::TooManyGreyLevels { .. }),
        "{tiny}"
    );

    // Distinct levels, few enough for a histogram but not for 13 matrices.
    let shape = [20, 20, 20];
    let cube = grid(shape, [1.0; 3]);
    let ladder: Vec<f64> = (0..8000).map(f64::from).collect();
    let cube_image = image(&cube, ladder);
    let cube_mask = mask(&cube, vec![1; 8000]);
    let error = extract(&cube_image, &cube_mask, 1, &with_width(1.0)).unwrap_err();
    assert!(matches!(
        error,
        RadiomicsError::GlcmTooLarge {
            levels: 8000,
            directions: 13,
            ..
        }
    ));
    assert!(error.to_string().contains("256 MiB"), "{error}");
    let only_histogram = Settings {
        classes: vec![ClassSelection::defaults_of("firstorder")],
        ..with_width(1.0)
    };
    assert!(extract(&cube_image, &cube_mask, 1, &only_histogram).is_ok());
}

#[test]
fn bins_narrower_than_the_intensities_are_precise_are_refused() {
    let mut voxels = vec![1e300; geometry().len()];
    let labels = boxed([1; 3], [3; 3]);
    let error = defaults(voxels.clone(), labels.clone()).unwrap_err();
    assert!(
        matches!(error, RadiomicsError::BinWidthBelowPrecision { .. }),
        "{error}"
    );
    voxels[at([1; 3])] = -1e300;
    let error = defaults(voxels, labels).unwrap_err();
    assert!(
        matches!(error, RadiomicsError::TooManyGreyLevels { .. }),
        "{error}"
    );
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let default = Settings::default;
    for (name, settings) in [
        (
            "bin_width",
            Settings {
                discretisation: Discretisation::BinWidth(0.0),
                ..default()
            },
        ),
        (
            "bin_width",
            Settings {
                discretisation: Discretisation::BinWidth(-1.0),
                ..default()
            },
        ),
        (
            "bin_width",
            Settings {
                discretisation: Discretisation::BinWidth(f64::NAN),
                ..default()
            },
        ),
        (
            "bin_width",
            Settings {
                discretisation: Discretisation::BinWidth(f64::INFINITY),
                ..default()
            },
        ),
        (
            "bin_count",
            Settings {
                discretisation: Discretisation::BinCount(0),
                ..default()
            },
        ),
        (
            "bin_count",
            Settings {
                discretisation: Discretisation::BinCount(u32::MAX),
                ..default()
            },
        ),
        (
            "voxel_array_shift",
            Settings {
                voxel_array_shift: f64::NAN,
                ..default()
            },
        ),
        (
            "distances_voxels",
            Settings {
                distances_voxels: vec![],
                ..default()
            },
        ),
        (
            "distances_voxels",
            Settings {
                distances_voxels: vec![0],
                ..default()
            },
        ),
        (
            "distances_voxels",
            Settings {
                distances_voxels: vec![1, 1],
                ..default()
            },
        ),
        (
            "distances_voxels",
            Settings {
                distances_voxels: vec![usize::MAX],
                ..default()
            },
        ),
        (
            "force_2d_across_axis",
            Settings {
                force_2d_across_axis: Some(3),
                ..default()
            },
        ),
        (
            "minimum_roi_dimensions",
            Settings {
                minimum_roi_dimensions: 4,
                ..default()
            },
        ),
    ] {
        let error = run(ramp(), boxed([1; 3], [3; 3]), &settings).unwrap_err();
        assert!(
            matches!(error, RadiomicsError::Setting { name: refused, .. } if refused == name),
            "{name}: {error}"
        );
    }
    let settings = Settings {
        minimum_roi_voxels: 28,
        ..default()
    };
    let error = run(ramp(), boxed([1; 3], [3; 3]), &settings).unwrap_err();
    assert!(matches!(
        error,
        RadiomicsError::TooFewVoxels {
            voxel_count: 27,
            required: 28,
            ..
        }
    ));
}

#[test]
fn a_mask_alone_gives_shape_and_nothing_else() {
    let mask = mask(&geometry(), boxed([1; 3], [3; 3]));
    let error = extract_from_mask(&mask, 1, &Settings::default()).unwrap_err();
    assert_eq!(
        error,
        RadiomicsError::NeedsImage {
            class: "firstorder"
        }
    );
    let settings = Settings {
        classes: vec![ClassSelection::defaults_of("shape")],
        ..Settings::default()
    };
    let alone = extract_from_mask(&mask, 1, &settings).unwrap();
    let with_image = extract(&image(&geometry(), ramp()), &mask, 1, &settings).unwrap();
    assert_eq!(alone.values, with_image.values);
    assert_eq!(alone.diagnostics.grey_level_count, None);
}
