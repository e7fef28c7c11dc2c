//! What is worth knowing about a file that can be used.

use renalflow_radiomics::{Parameters, WarningKind};

use crate::read_with_warnings;

fn kinds(text: &str) -> Vec<WarningKind> {
    read_with_warnings(text).1
}

fn without_effect(text: &str) -> Vec<&'static str> {
    kinds(text)
        .into_iter()
        .map(|kind| match kind {
            WarningKind::NoEffect { key, .. } => key,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_warning_shows_where_it_is() {
    let text = "setting:\n  binCount: 32\n  binWidth: 25\n";
    let (_, warnings) = Parameters::from_text(text, "params.yaml").unwrap();
    insta::assert_snapshot!(warnings[0], @r"
    `binWidth` has no effect beside `binCount`
     --> params.yaml:3:3
      |
    3 |   binWidth: 25
      |   ^^^^^^^^
      fix: keep one of them
    ");
}

#[test]
fn what_pyradiomics_warns_of() {
    use WarningKind::*;
    assert_eq!(
        kinds("setting: {binWidth: 25, binCount: 32}"),
        [BinWidthBesideBinCount]
    );
    assert_eq!(kinds("setting: {binWidth: 25, binCount: null}"), []);
    assert_eq!(
        kinds("setting: {binCount: 32}\nimageType: {Original: {binWidth: 3}}"),
        [BinWidthBesideBinCount]
    );
    for sigma in ["{}", "{sigma: []}", "{sigma: null}"] {
        assert_eq!(
            kinds(&format!("imageType: {{LoG: {sigma}}}")),
            [LogWithoutSigma]
        );
    }
    assert_eq!(kinds("imageType: {LBP2D: {}}"), [Lbp2dIn3d]);
    assert_eq!(kinds("imageType: {LBP2D: {force2D: true}}"), []);
    assert_eq!(
        kinds("setting: {force2D: true}\nimageType: {LBP3D: {}}"),
        [Lbp3dIn2d]
    );
    assert_eq!(
        kinds("setting: {force2Ddimension: 1}"),
        [SliceAxisWithoutForce2d]
    );
    assert_eq!(
        kinds("setting: {force2Ddimension: 1, force2D: false}"),
        [SliceAxisWithoutForce2d]
    );
    assert_eq!(kinds("setting: {force2Ddimension: 1, force2D: true}"), []);
    assert_eq!(
        kinds("setting: {force2Ddimension: 1}\nimageType: {Square: {force2D: true}}"),
        []
    );
    assert_eq!(
        kinds("featureClass: {firstorder: [Mean, StandardDeviation]}"),
        [DeprecatedFeature {
            class: "firstorder",
            feature: "StandardDeviation".to_owned()
        }]
    );
}

#[test]
fn keys_that_change_nothing() {
    assert_eq!(without_effect("setting: {sigma: [1.0]}"), ["sigma"]);
    assert_eq!(
        without_effect("imageType: {Wavelet: {sigma: [1.0]}}"),
        ["sigma"]
    );
    assert_eq!(
        without_effect("imageType: {Wavelet: {label: 1, padDistance: 3}}"),
        ["padDistance"]
    );
    assert_eq!(
        without_effect("setting: {wavelet: db2}\nimageType: {Original: {}}"),
        ["wavelet"]
    );
    assert_eq!(
        without_effect("setting: {gldm_a: 1, weightingNorm: null}\nfeatureClass: {glcm: }"),
        ["gldm_a"]
    );
    assert_eq!(
        without_effect("setting: {normalizeScale: 100, removeOutliers: 3}"),
        ["normalizeScale", "removeOutliers"]
    );
    assert_eq!(
        without_effect("setting: {padDistance: 3, resegmentMode: sigma, resegmentShape: true}"),
        ["padDistance", "resegmentMode", "resegmentShape"]
    );
    assert_eq!(
        without_effect("setting: {padDistance: 3, preCrop: true}"),
        [""; 0]
    );
    assert_eq!(
        without_effect("setting: {binCount: 9, binWidthStart: 3}"),
        ["binWidthStart"]
    );
    assert_eq!(
        without_effect("setting: {roundIntensities: true}"),
        ["roundIntensities"]
    );
}
