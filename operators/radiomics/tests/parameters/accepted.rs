//! What a file of PyRadiomics means.

use renalflow_radiomics::{
    ClassSelection, Discretisation, ImageType, Interpolator, Parameters, ThresholdMode,
    WeightingNorm, filters::Lbp2dMethod,
};

use crate::{read, read_with_warnings};

fn classes(parameters: &Parameters) -> Vec<&str> {
    let selections = parameters.settings.classes.iter();
    selections
        .map(|selection| selection.class.as_str())
        .collect()
}

fn names(parameters: &Parameters) -> Vec<String> {
    parameters
        .images
        .iter()
        .flat_map(|image| image.names())
        .collect()
}

#[test]
fn an_empty_map_is_pyradiomics_with_every_default() {
    for text in [
        "{}",
        "setting:",
        "imageType:\nfeatureClass: {}\n",
        "compat: pyradiomics",
    ] {
        let parameters = read(text);
        let default = Parameters::default();
        assert_eq!(parameters.preprocessing, default.preprocessing, "{text}");
        assert_eq!(parameters.voxel, default.voxel);
        assert_eq!((parameters.label, parameters.label_channel), (1, 0));
        assert!(parameters.additional_info);
        assert_eq!(names(&parameters), ["original"]);
        assert_eq!(parameters.images[0].settings, parameters.settings);
        let mut settings = parameters.settings.clone();
        settings.classes.clone_from(&default.settings.classes);
        assert_eq!(settings, default.settings);
        // PyRadiomics takes its classes by name.
        let mut sorted = classes(&parameters);
        sorted.sort_unstable();
        assert_eq!(classes(&parameters), sorted);
        assert!(sorted.contains(&"firstorder") && sorted.contains(&"shape"));
        assert!(
            !sorted.contains(&"ngldm"),
            "IBSI's classes are not PyRadiomics'"
        );
    }
}

#[test]
fn classes_and_images_keep_the_order_of_the_file() {
    let parameters = read(
        "imageType: {Wavelet: {}, Original: {}, Gradient: {}}\n\
         featureClass:\n  glcm: [Id, Contrast]\n  shape:\n  firstorder: []\n",
    );
    assert_eq!(classes(&parameters), ["glcm", "shape", "firstorder"]);
    assert_eq!(parameters.settings.classes[0].features, ["Id", "Contrast"]);
    assert_eq!(
        parameters.settings.classes[1..],
        ["shape", "firstorder"].map(ClassSelection::defaults_of)
    );
    let names = names(&parameters);
    assert_eq!(
        (&*names[0], &*names[8], &*names[9]),
        ("wavelet-LLH", "original", "gradient")
    );
}

#[test]
fn a_feature_named_twice_is_computed_once() {
    let parameters = read("featureClass: {glcm: [Id, Contrast, Id]}");
    assert_eq!(parameters.settings.classes[0].features, ["Id", "Contrast"]);
}

#[test]
fn every_setting_reaches_its_place() {
    let parameters = read(
        "setting:
  label: 3
  label_channel: 2
  additionalInfo: false
  geometryTolerance: 1e-4
  correctMask: True
  minimumROIDimensions: 3
  minimumROISize: 50
  normalize: true
  normalizeScale: 100
  removeOutliers: 3
  resampledPixelSpacing: [1, 2.5, 0]
  interpolator: sitkLinear
  padDistance: 10
  preCrop: true
  resegmentRange: [400, -150.5]
  resegmentMode: sigma
  resegmentShape: true
  binCount: 32
  force2D: true
  force2Ddimension: 2
  distances: [3, 1, 3]
  weightingNorm: no_weighting
  symmetricalGLCM: false
  gldm_a: 2
  voxelArrayShift: -300
voxelSetting:
  kernelRadius: 2
  maskedKernel: false
  initValue: -1.5
  voxelBatch: 1000
",
    );
    assert_eq!((parameters.label, parameters.label_channel), (3, 2));
    assert!(!parameters.additional_info);
    let how = &parameters.preprocessing;
    assert_eq!(how.geometry_tolerance_voxels, Some(1e-4));
    assert!(how.correct_mask && how.pre_crop && how.resegment_shape);
    let normalisation = how.normalisation.unwrap();
    assert_eq!(normalisation.scale, 100.0);
    assert_eq!(normalisation.outliers_deviations, Some(3.0));
    let resampling = how.resampling.unwrap();
    assert_eq!(resampling.spacing_zyx_mm, [0.0, 2.5, 1.0]);
    assert_eq!(resampling.interpolator, Interpolator::Linear);
    assert_eq!(how.pad_distance_voxels, 10);
    let resegmentation = how.resegmentation.as_ref().unwrap();
    assert_eq!(resegmentation.thresholds, [-150.5, 400.0]);
    assert_eq!(resegmentation.mode, ThresholdMode::Sigma);
    let settings = &parameters.settings;
    assert_eq!(settings.minimum_roi_dimensions, 3);
    // PyRadiomics refuses a region of exactly `minimumROISize` voxels.
    assert_eq!(settings.minimum_roi_voxels, 51);
    assert_eq!(settings.discretisation, Discretisation::BinCount(32));
    assert_eq!(settings.force_2d_across_axis, Some(2));
    assert_eq!(settings.distances_voxels, [1, 3]);
    assert_eq!(settings.weighting_norm, Some(WeightingNorm::NoWeighting));
    assert!(!settings.symmetric_glcm);
    assert_eq!(
        (settings.gldm_alpha, settings.voxel_array_shift),
        (2.0, -300.0)
    );
    let voxel = &parameters.voxel;
    assert_eq!(
        (voxel.kernel_radius_voxels, voxel.masked_kernel),
        (2, false)
    );
    assert_eq!(
        (voxel.initial_value, voxel.batch_voxels),
        (-1.5, Some(1000))
    );
}

#[test]
fn null_is_the_default() {
    let keys = [
        "label",
        "binWidth",
        "binCount",
        "normalize",
        "resampledPixelSpacing",
        "padDistance",
        "resegmentRange",
        "weightingNorm",
        "distances",
        "minimumROISize",
        "removeOutliers",
    ];
    for key in keys {
        for null in ["", "null", "~", "Null"] {
            assert_eq!(
                read(&format!("setting:\n  {key}: {null}\n")),
                read("{}"),
                "{key}"
            );
        }
    }
}

#[test]
fn no_interpolator_means_no_resampling() {
    let parameters = read("setting: {resampledPixelSpacing: [1, 1, 1], interpolator: null}");
    assert_eq!(parameters.preprocessing.resampling, None);
    let parameters = read("setting: {resampledPixelSpacing: [1, 1, 1]}");
    let resampling = parameters.preprocessing.resampling.unwrap();
    assert_eq!(resampling.interpolator, Interpolator::BSpline);
    for (name, interpolator) in [("1", Interpolator::Nearest), ("3", Interpolator::BSpline)] {
        let text = format!("setting: {{resampledPixelSpacing: [1, 1, 1], interpolator: {name}}}");
        let resampling = read(&text).preprocessing.resampling.unwrap();
        assert_eq!(resampling.interpolator, interpolator);
    }
}

#[test]
fn an_image_overrides_settings_for_itself() {
    let parameters = read(
        "imageType:
  Original: {}
  Wavelet: {force2D: true, wavelet: db2, level: 2, start_level: 1}
  Square: {binCount: null}
setting: {binCount: 16}
",
    );
    let [original, wavelet, square] = &parameters.images[..] else {
        panic!("{:?}", parameters.images);
    };
    assert_eq!(original.settings, parameters.settings);
    assert_eq!(
        original.settings.discretisation,
        Discretisation::BinCount(16)
    );
    // The bin count still decides.
    assert_eq!(
        wavelet.settings.discretisation,
        Discretisation::BinCount(16)
    );
    assert_eq!(wavelet.settings.force_2d_across_axis, Some(0));
    assert_eq!(
        wavelet.image_type,
        ImageType::Wavelet {
            wavelet: "db2".to_owned(),
            start_level: 1,
            levels: 2
        }
    );
    // `null` hides it.
    assert_eq!(
        square.settings.discretisation,
        Discretisation::BinWidth(25.0)
    );
}

#[test]
fn keys_of_filters_may_stand_under_setting() {
    let parameters = read(
        "imageType: {LoG: {}, Gradient: {}, LBP2D: {lbp2DSamples: 12}, LBP3D: {force2D: false}}
setting:
  sigma: [2]
  gradientUseSpacing: false
  lbp2DRadius: 1.5
  lbp2DSamples: 9
  lbp2DMethod: var
  lbp3DLevels: 1
  lbp3DIcosphereRadius: 2
  lbp3DIcosphereSubdivision: 0
  force2D: true
",
    );
    let types: Vec<_> = parameters
        .images
        .iter()
        .map(|image| &image.image_type)
        .collect();
    assert_eq!(*types[1], ImageType::Gradient { use_spacing: false });
    assert_eq!(
        *types[2],
        ImageType::Lbp2d {
            radius_voxels: 1.5,
            samples: 12,
            method: Lbp2dMethod::Var,
            slice_axis: None
        }
    );
    assert_eq!(
        *types[3],
        ImageType::Lbp3d {
            levels: 1,
            radius_voxels: 2.0,
            subdivisions: 0
        }
    );
}

#[test]
fn lbp2d_takes_slices_across_the_axis_that_is_given_though_features_be_in_3d() {
    let axis = |text: &str| match read_with_warnings(text).0.images[0].image_type {
        ImageType::Lbp2d { slice_axis, .. } => slice_axis,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(axis("imageType: {LBP2D: {}}"), None);
    assert_eq!(axis("imageType: {LBP2D: {force2Ddimension: 2}}"), Some(2));
    assert_eq!(
        axis("imageType: {LBP2D: }\nsetting: {force2Ddimension: 1}"),
        Some(1)
    );
    assert_eq!(
        axis("imageType: {LBP2D: {force2D: true, force2Ddimension: 2}}"),
        None
    );
}

#[test]
fn a_width_shows_in_column_names_as_python_prints_it() {
    let parameters = read("imageType: {LoG: {sigma: [1, 1.0, 2.50, 1e1, 0x10, 1e-5, .5, 1_000]}}");
    let names = names(&parameters);
    let texts: Vec<_> = names
        .iter()
        .map(|name| {
            name.strip_prefix("log-sigma-")
                .unwrap()
                .strip_suffix("-mm-3D")
                .unwrap()
        })
        .collect();
    assert_eq!(
        texts,
        ["1", "1-0", "2-5", "10-0", "16", "1e-05", "0-5", "1000"]
    );
}

#[test]
fn scalars_are_those_of_yaml_1_2_as_pyradiomics_reads_it() {
    let width = |text: &str| match read(&format!("setting: {{binWidth: {text}}}"))
        .settings
        .discretisation
    {
        Discretisation::BinWidth(width) => width,
        other => panic!("{other:?}"),
    };
    let cases = [
        ("25", 25.0),
        ("+5", 5.0),
        ("017", 17.0),
        ("0o17", 15.0),
        ("0x1F", 31.0),
        ("1_000", 1000.0),
        ("1e3", 1000.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("2.5E-1", 0.25),
    ];
    for (text, value) in cases {
        assert_eq!(width(text), value, "{text}");
    }
    for text in ["true", "True", "TRUE"] {
        let parameters = read(&format!("setting: {{normalize: {text}}}"));
        assert!(parameters.preprocessing.normalisation.is_some());
    }
}

#[test]
fn a_map_may_hold_nan() {
    for text in ["nan", "NaN", "'nan'", ".nan"] {
        let parameters = read(&format!("voxelSetting: {{initValue: {text}}}"));
        assert!(parameters.voxel.initial_value.is_nan(), "{text}");
    }
}

#[test]
fn json_is_read_too() {
    let json = "{\n\t\"setting\": {\"binWidth\": 10, \"label\": 2,\n\t\t\"resampledPixelSpacing\": null},\n\
                \t\"imageType\": {\"LoG\": {\"sigma\": [1.0, 3]}},\n\
                \t\"featureClass\": {\"glcm\": null, \"firstorder\": [\"Mean\"]},\n\
                \t\"voxelSetting\": {\"initValue\": NaN}\n}\n";
    let parameters = read(json);
    assert_eq!(parameters.label, 2);
    assert_eq!(
        parameters.settings.discretisation,
        Discretisation::BinWidth(10.0)
    );
    assert_eq!(classes(&parameters), ["glcm", "firstorder"]);
    assert_eq!(
        names(&parameters),
        ["log-sigma-1-0-mm-3D", "log-sigma-3-mm-3D"]
    );
}

#[test]
fn anchors_and_merging_work() {
    let parameters = read(
        "setting: &all {binWidth: 3}
imageType:
  Original: *all
  Square: {<<: *all, force2D: true}
  Exponential: {<<: [*all, {binWidth: 4, gldm_a: 1}], gldm_a: 2}
featureClass: {firstorder: &some [Mean], glcm: [], gldm: []}
",
    );
    let settings: Vec<_> = parameters
        .images
        .iter()
        .map(|image| &image.settings)
        .collect();
    assert!(
        settings
            .iter()
            .all(|s| s.discretisation == Discretisation::BinWidth(3.0))
    );
    assert_eq!(settings[1].force_2d_across_axis, Some(0));
    assert_eq!(settings[2].gldm_alpha, 2.0);
}

#[test]
fn line_ends_and_marks_do_not_matter() {
    let text = "setting:\r\n  binWidth: 3 # narrow\r\n\r\n  label: 2\r\n";
    assert_eq!(read(text), read(&text.replace('\r', "")));
    assert_eq!(read(text), read(&format!("\u{feff}{text}")));
    assert_eq!(read(text), read(&format!("%YAML 1.2\n---\n{text}...\n")));
}

#[test]
fn a_file_on_disk_is_read() {
    let folder = std::env::temp_dir().join(format!("parameters-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("mine.yml");
    std::fs::write(&path, "setting: {label: 7, binWidth: 5, binCount: 8}").unwrap();
    let (parameters, warnings) = Parameters::read(&path).unwrap();
    assert_eq!((parameters.label, warnings.len()), (7, 1));
    assert_eq!(warnings[0].place.file, path.display().to_string());
    for (name, bytes) in [
        ("image.nii", vec![0x1f, 0x8b, 0xff]),
        ("big", vec![b' '; 2 << 20]),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = Parameters::read(&path).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("fix: "), "{error}");
    }
    for path in [folder.clone(), folder.join("none.yaml")] {
        let error = Parameters::read(&path).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(error.contains("fix: "), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_deprecated_feature_is_computed_where_it_is_named() {
    let (parameters, warnings) = read_with_warnings("featureClass: {glcm: [Dissimilarity]}");
    assert_eq!(parameters.settings.classes[0].features, ["Dissimilarity"]);
    assert_eq!(warnings.len(), 1);
}
