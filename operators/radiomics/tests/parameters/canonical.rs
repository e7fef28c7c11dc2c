//! The text for provenance.

use renalflow_radiomics::Parameters;

use crate::{read, read_with_warnings};

#[test]
fn it_says_everything() {
    let text = "imageType: {Original: {}, LoG: {sigma: [1, 2.5], binWidth: 10}}\n\
                featureClass: {shape: , glcm: [Idm, Id]}\n\
                setting: {resampledPixelSpacing: [1, 2, 0]}";
    insta::assert_snapshot!(read(text).to_yaml(), @r"
    compat: pyradiomics
    imageType:
      Original: {}
      LoG: {sigma: [1, 2.5], binWidth: 10.0}
    featureClass:
      shape: []
      glcm: [Idm, Id]
    setting:
      label: 1
      label_channel: 0
      additionalInfo: true
      geometryTolerance: null
      correctMask: false
      minimumROIDimensions: 2
      minimumROISize: null
      normalize: false
      normalizeScale: null
      removeOutliers: null
      resampledPixelSpacing: [1.0, 2.0, 0.0]
      interpolator: sitkBSpline
      roundIntensities: false
      padDistance: 5
      preCrop: false
      resegmentRange: null
      resegmentMode: null
      resegmentOutliers: null
      resegmentShape: false
      binWidth: 25.0
      binCount: null
      binWidthStart: null
      force2D: false
      force2Ddimension: null
      aggregation: null
      ivhBinWidth: null
      ivhBinCount: null
      distances: [1]
      weightingNorm: null
      symmetricalGLCM: true
      gldm_a: 0
      voxelArrayShift: 0
    voxelSetting:
      kernelRadius: 1
      maskedKernel: true
      initValue: 0.0
      voxelBatch: null
    ");
}

#[test]
fn different_files_with_one_meaning_have_one_text() {
    let texts = [
        "{}",
        "setting: {binWidth: 25.0, distances: [1]}\nimageType: {Original: {binWidth: 25}}",
        "{\"setting\": {\"label\": 1}, \"featureClass\": {}, \"compat\": \"pyradiomics\"}",
    ];
    let first = read(texts[0]);
    for text in texts {
        let parameters = read(text);
        assert_eq!(parameters.to_yaml(), first.to_yaml(), "{text}");
        assert_eq!(parameters.digest(), first.digest());
    }
    assert_ne!(read("setting: {binWidth: 24}").digest(), first.digest());
}

#[test]
fn it_is_read_back_as_the_same_parameters() {
    let texts = [
        "{}",
        "compat: ibsi\nsetting: {resegmentRange: [-500, .inf]}\n\
         imageType: {Original: {}, Square: {}, Gabor: [{sigmaMm: 3, lambdaMm: 2}, \
         {sigmaMm: 1e-5, lambdaMm: 2.0, force2D: true}]}",
        "setting: {binCount: 32, weightingNorm: infinity, voxelArrayShift: 300}\n\
         imageType: {Wavelet: {binCount: null, binWidth: 0.1}}\nvoxelSetting: {initValue: -.inf}",
        "featureClass: {ngldm: , glcm: [Contrast]}\nsetting: {aggregation: 2D_comb, gldm_a: 1}",
    ];
    for text in texts {
        let parameters = read_with_warnings(text).0;
        let canonical = parameters.to_yaml();
        let again = Parameters::from_text(&canonical, "canonical").unwrap().0;
        assert_eq!(again.to_yaml(), canonical);
        assert_eq!(again.images, parameters.images);
        assert_eq!(again.preprocessing, parameters.preprocessing);
    }
}

#[test]
fn defaults_made_in_code_have_a_text_too() {
    let canonical = Parameters::default().to_yaml();
    let again = Parameters::from_text(&canonical, "canonical").unwrap().0;
    assert_eq!(again.to_yaml(), canonical);
}
