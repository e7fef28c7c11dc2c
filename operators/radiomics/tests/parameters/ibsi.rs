//! The preset `ibsi`, and what only we have.

use insta::assert_snapshot;
use renalflow_radiomics::{
    Aggregation, CLASSES, Discretisation, Ibsi, ImageType, Parameters, Standard,
    filters::{
        Boundary, Dimensions, Gabor, Laws, Mean, NonseparableFamily, NonseparableWavelet, Pooling,
        SampledLog, SeparableWavelet,
    },
};

use crate::{read, refusal};

#[test]
fn the_preset_takes_every_class_with_codes() {
    let parameters = read("compat: ibsi");
    assert_eq!(parameters.standard(), Standard::Ibsi);
    let with_codes: Vec<_> = CLASSES
        .iter()
        .filter(|class| {
            let docs = (class.docs)();
            docs.iter()
                .any(|doc| matches!(doc.ibsi, Ibsi::Same(_) | Ibsi::Differs(..)))
        })
        .map(|class| class.name)
        .collect();
    let selections = &parameters.settings.classes;
    let classes: Vec<_> = selections.iter().map(|s| s.class.as_str()).collect();
    assert_eq!(classes, with_codes);
    assert!(parameters.columns().unwrap().len() > 100);
}

#[test]
fn a_class_of_ibsi_alone_may_be_named_under_either_preset() {
    let ours = read("featureClass: {ngldm: []}").columns().unwrap();
    let ibsis = read("compat: ibsi\nfeatureClass: {ngldm: []}")
        .columns()
        .unwrap();
    assert!(!ours.is_empty());
    assert_eq!(ours, ibsis);
}

fn discretisations(text: &str) -> Vec<Discretisation> {
    let parameters = read(text);
    let images = parameters.images.iter();
    images.map(|image| image.settings.discretisation).collect()
}

#[test]
fn fixed_bin_size_starts_at_the_lower_threshold() {
    let from = |start| Discretisation::BinWidthFrom { width: 20.0, start };
    let with =
        |more: &str| discretisations(&format!("compat: ibsi\nsetting: {{binWidth: 20{more}}}"));
    assert_eq!(with(""), [from(None)]);
    assert_eq!(with(", resegmentRange: [400, -500]"), [from(Some(-500.0))]);
    assert_eq!(with(", resegmentRange: [-1000]"), [from(Some(-1000.0))]);
    assert_eq!(with(", resegmentRange: [-.inf, 3]"), [from(None)]);
    assert_eq!(
        with(", resegmentRange: [-3, 3], resegmentMode: sigma"),
        [from(None)]
    );
    assert_eq!(
        with(", binWidthStart: 7, resegmentRange: [-1000]"),
        [from(Some(7.0))]
    );
    assert_eq!(
        with(", binWidthStart: minimum, resegmentRange: [-1000]"),
        [from(None)]
    );
    // A threshold is no intensity of a filtered image.
    assert_eq!(
        discretisations(
            "compat: ibsi\nsetting: {binWidth: 20, resegmentRange: [-500, 400]}\n\
             imageType: {Original: {}, Square: {}, Gradient: {binWidthStart: 0}}"
        ),
        [from(Some(-500.0)), from(None), from(Some(0.0))]
    );
    assert_eq!(
        discretisations("setting: {binWidth: 20, binWidthStart: minimum}"),
        [from(None)]
    );
}

#[test]
fn the_intensity_volume_histogram_has_bins_of_its_own() {
    let settings = |text: &str| read(text).settings;
    let plain = settings("compat: ibsi");
    assert_eq!(
        (plain.ivh_discretisation, plain.ivh_range),
        (None, [None, None])
    );
    let wide = settings("compat: ibsi\nsetting: {ivhBinWidth: 2.5, resegmentRange: [-500, .inf]}");
    let width = Discretisation::BinWidthFrom {
        width: 2.5,
        start: None,
    };
    assert_eq!(wide.ivh_discretisation, Some(width));
    assert_eq!(wide.ivh_range, [Some(-500.0), None]);
    let counted = settings("compat: ibsi\nsetting: {ivhBinCount: 1000}");
    assert_eq!(
        counted.ivh_discretisation,
        Some(Discretisation::BinCount(1000))
    );
}

#[test]
fn settings_that_pyradiomics_lacks() {
    let parameters = read(
        "setting: {resampledPixelSpacing: [2, 2, 2], roundIntensities: true, \
         resegmentOutliers: 3, aggregation: 2.5D_comb}",
    );
    let how = &parameters.preprocessing;
    assert!(how.resampling.unwrap().round_intensities);
    assert_eq!(how.outlier_deviations, Some(3.0));
    assert_eq!(
        parameters.settings.aggregation,
        Some(Aggregation::Merged25D)
    );
    for (name, aggregation) in [
        ("2D_avg", Aggregation::Averaged2D),
        ("2D_comb", Aggregation::SliceMerged2D),
        ("2.5D_avg", Aggregation::DirectionMerged25D),
        ("3D_avg", Aggregation::Averaged3D),
        ("3D_comb", Aggregation::Merged3D),
    ] {
        let parameters = read(&format!("setting: {{aggregation: {name}}}"));
        assert_eq!(parameters.settings.aggregation, Some(aggregation));
    }
}

fn types(text: &str) -> Vec<ImageType> {
    let parameters: Parameters = read(text);
    parameters
        .images
        .into_iter()
        .map(|image| image.image_type)
        .collect()
}

#[test]
fn filters_of_ibsi_2() {
    let text = "imageType:
  Mean: {supportVoxels: 15, boundary: zero, dimensions: 2D}
  SampledLoG: {sigmaMm: 3, rieszOrderXyz: [0, 2, 0]}
  Laws:
    - {kernels: L5E5S5, rotationInvariance: maximum, energyDistanceVoxels: 7, binCount: 16}
    - kernels: E3W5
      boundary: periodic
  Gabor:
    sigmaMm: 10
    lambdaMm: 4
    gamma: 0.5
    thetaRad: 1.0471975511965979
    thetaStepRad: 0.7853981633974483
    orthogonalPlanes: true
    pooling: maximum
  SeparableWavelet: {wavelet: db3, level: 2, subband: LLH, rotationInvariance: average}
  NonseparableWavelet: {family: simoncelli, dimensions: 3D, boundary: nearest}
";
    let expected = [
        ImageType::Mean(Mean {
            support_voxels: 15,
            dimensions: Dimensions::Two,
            boundary: Boundary::Zero,
        }),
        ImageType::SampledLog(SampledLog {
            sigma_mm: 3.0,
            truncate: 4.0,
            dimensions: Dimensions::Three,
            riesz_order_xyz: Some([0, 2, 0]),
            boundary: Boundary::Mirror,
        }),
        ImageType::Laws(Laws {
            kernels: "L5E5S5".to_owned(),
            rotation_invariance: Some(Pooling::Maximum),
            energy_distance_voxels: Some(7),
            boundary: Boundary::Mirror,
        }),
        ImageType::Laws(Laws {
            kernels: "E3W5".to_owned(),
            rotation_invariance: None,
            energy_distance_voxels: None,
            boundary: Boundary::Periodic,
        }),
        ImageType::Gabor(Gabor {
            sigma_mm: 10.0,
            lambda_mm: 4.0,
            gamma: 0.5,
            theta_rad: std::f64::consts::FRAC_PI_3,
            theta_step_rad: Some(std::f64::consts::FRAC_PI_4),
            orthogonal_planes: true,
            pooling: Pooling::Maximum,
            boundary: Boundary::Mirror,
        }),
        ImageType::SeparableWavelet(SeparableWavelet {
            wavelet: "db3".to_owned(),
            level: 2,
            subband: "LLH".to_owned(),
            rotation_invariance: Some(Pooling::Average),
            boundary: Boundary::Mirror,
        }),
        ImageType::NonseparableWavelet(NonseparableWavelet {
            family: NonseparableFamily::Simoncelli,
            level: 1,
            dimensions: Dimensions::Three,
            riesz_order_xyz: None,
            boundary: Boundary::Nearest,
        }),
    ];
    assert_eq!(types(text), expected);
    let laws = &read(text).images[2];
    assert_eq!(laws.settings.discretisation, Discretisation::BinCount(16));
}

#[test]
fn what_a_filter_of_ibsi_2_would_refuse() {
    assert_snapshot!(refusal("imageType:\n  Laws: {boundary: mirror}\n"), @r"
    error: `Laws` needs `kernels`
     --> params.yaml:2:3
      |
    2 |   Laws: {boundary: mirror}
      |   ^^^^
      fix: 1D kernels along x, y, z, such as `L5E5S5`, of L3, E3, S3, L5, E5, S5, W5, R5; two of them filter slices.
    ");
    // A key without a value is no key.
    assert_snapshot!(refusal("imageType:\n  Mean: {supportVoxels: }\n"), @r"
    error: `Mean` needs `supportVoxels`
     --> params.yaml:2:3
      |
    2 |   Mean: {supportVoxels: }
      |   ^^^^
      fix: Edge of the cube or square; odd.
    ");
    assert_snapshot!(refusal("imageType:\n  Laws: {kernels: L5E5X5}\n"), @r"
    error: `kernels` cannot be `L5E5X5`
     --> params.yaml:2:10
      |
    2 |   Laws: {kernels: L5E5X5}
      |          ^^^^^^^
      fix: it must name two kernels (slices) or three (volume) of L3, E3, S3, L5, E5, S5, W5 and R5, such as L5E5S5
    ");
    assert_snapshot!(refusal("imageType:\n  Mean: {supportVoxels: 4}\n"), @r"
    error: `supportVoxels` cannot be `4`
     --> params.yaml:2:10
      |
    2 |   Mean: {supportVoxels: 4}
      |          ^^^^^^^^^^^^^
      fix: it must be an odd number of voxels, at most 2049
    ");
    assert_snapshot!(refusal("imageType:\n  Gabor: {sigmaMm: 3, lambdaMm: 2, thetaStepRad: 1}\n"), @r"
    error: `thetaStepRad` cannot be `1`
     --> params.yaml:2:36
      |
    2 |   Gabor: {sigmaMm: 3, lambdaMm: 2, thetaStepRad: 1}
      |                                    ^^^^^^^^^^^^
      fix: it must divide a full turn, 2π, into whole steps of 0.1° or more
    ");
    assert_snapshot!(refusal("imageType:\n  SeparableWavelet: {wavelet: db3, subband: LX}\n"), @r"
    error: `subband` cannot be `LX`
     --> params.yaml:2:36
      |
    2 |   SeparableWavelet: {wavelet: db3, subband: LX}
      |                                    ^^^^^^^
      fix: it must be two letters (slices) or three (volume) of L and H, such as LLH
    ");
    assert_snapshot!(
        refusal("imageType:\n  SampledLoG: {sigmaMm: 3, dimensions: 2D, rieszOrderXyz: [0, 0, 1]}\n"),
        @r"
    error: `rieszOrderXyz` cannot be `[0, 0, 1]`
     --> params.yaml:2:44
      |
    2 |   SampledLoG: {sigmaMm: 3, dimensions: 2D, rieszOrderXyz: [0, 0, 1]}
      |                                            ^^^^^^^^^^^^^
      fix: its orders must sum to between 1 and 20, and the third be 0 in slices
    "
    );
    assert_snapshot!(refusal("imageType:\n  Mean: {supportVoxels: 3, padDistance: 5}\n"), @r"
    error: `Mean` has no key `padDistance`
     --> params.yaml:2:28
      |
    2 |   Mean: {supportVoxels: 3, padDistance: 5}
      |                            ^^^^^^^^^^^
      fix: `padDistance` belongs under `setting`
    ");
}
