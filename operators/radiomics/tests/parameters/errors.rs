//! What is refused, and how that is said.

use insta::assert_snapshot;

use crate::refusal;

#[test]
fn an_unknown_setting() {
    assert_snapshot!(refusal("setting:\n  label: 1\n  binWdith: 25\n"), @"");
}

#[test]
fn a_setting_of_another_section() {
    assert_snapshot!(refusal("setting:\n  kernelRadius: 2\n"), @"");
    assert_snapshot!(refusal("binWidth: 25\n"), @"");
    assert_snapshot!(refusal("setting: {LoG: {sigma: [1]}}\n"), @"");
}

#[test]
fn an_old_name() {
    assert_snapshot!(refusal("inputImage: {Original: {}}\n"), @"");
    assert_snapshot!(refusal("imageType: {LocalBinaryPattern2D: {}}\n"), @"");
}

#[test]
fn an_unknown_image_type() {
    assert_snapshot!(refusal("imageType:\n  Original: {}\n  Wavlet: {}\n"), @"");
    assert_snapshot!(refusal("imageType:\n  log: {}\n"), @"");
}

#[test]
fn an_unknown_class_or_feature() {
    assert_snapshot!(refusal("featureClass:\n  GLCM:\n"), @"");
    assert_snapshot!(refusal("featureClass:\n  shape:\n    - Volume\n"), @"");
    assert_snapshot!(refusal("featureClass: {glcm: [Idm, 3, null, [x]]}"), @"");
    assert_snapshot!(refusal("featureClass: {firstorder: Mean}"), @"");
}

#[test]
fn a_wrong_type() {
    assert_snapshot!(refusal("setting:\n  binWidth: wide\n"), @"");
    assert_snapshot!(refusal("setting:\n  binWidth: \"25\"\n"), @"");
    assert_snapshot!(refusal("setting:\n  label: 1.0\n"), @"");
    assert_snapshot!(refusal("setting:\n  normalize: yes\n"), @"");
    assert_snapshot!(refusal("setting:\n  normalize: 1\n"), @"");
    assert_snapshot!(refusal("imageType:\n  LoG:\n    sigma: 3\n"), @"");
    assert_snapshot!(refusal("imageType: [Original]\n"), @"");
    assert_snapshot!(refusal("setting: {distances: [1, two]}\n"), @"");
    assert_snapshot!(refusal("- Original\n"), @"");
}

#[test]
fn a_value_out_of_range() {
    assert_snapshot!(refusal("setting:\n  binWidth: -1\n"), @"");
    assert_snapshot!(refusal("setting:\n  binWidth: .nan\n"), @"");
    assert_snapshot!(refusal("setting:\n  label: 70000\n"), @"");
    assert_snapshot!(refusal("setting:\n  force2Ddimension: 3\n"), @"");
    assert_snapshot!(refusal("setting:\n  resampledPixelSpacing: [1, 1]\n"), @"");
    assert_snapshot!(refusal("setting:\n  resegmentRange: []\n"), @"");
    assert_snapshot!(refusal("imageType:\n  LoG:\n    sigma: [1.0, 0, 2.0]\n"), @"");
}

#[test]
fn an_unknown_choice() {
    assert_snapshot!(refusal("setting:\n  resegmentMode: Absolute\n"), @"");
    assert_snapshot!(refusal("setting:\n  weightingNorm: euclid\n"), @"");
    assert_snapshot!(refusal("setting:\n  interpolator: sitkBspline\n"), @"");
    assert_snapshot!(refusal("setting:\n  interpolator: sitkLanczosWindowedSinc\n"), @"");
    assert_snapshot!(refusal("setting:\n  interpolator: 11\n"), @"");
    assert_snapshot!(refusal("setting:\n  wavelet: coif\n"), @"");
    assert_snapshot!(refusal("setting:\n  wavelet: mexh\n"), @"");
    assert_snapshot!(refusal("compat: pyradiomix\n"), @"");
}

#[test]
fn a_key_that_is_there_twice() {
    assert_snapshot!(refusal("setting:\n  binWidth: 25\n  label: 1\n  binWidth: 30\n"), @"");
}

#[test]
fn what_contradicts_itself() {
    assert_snapshot!(refusal("setting: {force2D: true, aggregation: 3D_avg}\n"), @"");
    assert_snapshot!(refusal("imageType: {Original: {label: 2}}\n"), @"");
    assert_snapshot!(
        refusal("imageType: {LBP2D: {lbp2DSamples: 40, lbp2DMethod: ror, force2D: true}}\n"),
        @""
    );
}

#[test]
fn what_is_no_yaml() {
    assert_snapshot!(refusal("setting:\n\tbinWidth: 25\n"), @"");
    assert_snapshot!(refusal("setting: {binWidth: 25\n"), @"");
    assert_snapshot!(refusal("setting:\n  binWidth: 25\n label: 1\n"), @"");
    assert_snapshot!(refusal("setting: {binWidth: 25}\n---\nsetting: {}\n"), @"");
    assert_snapshot!(refusal("setting: {resampledPixelSpacing: !!python/tuple [1, 1, 1]}\n"), @"");
    assert_snapshot!(refusal("setting: &a {binWidth: *a}\n"), @"");
    assert_snapshot!(refusal("setting: {<<: 3}\n"), @"");
    assert_snapshot!(refusal("? [a, b]\n: 3\n"), @"");
    assert_snapshot!(refusal("setting: {\0}\n"), @"");
    assert_snapshot!(refusal(""), @"");
    assert_snapshot!(refusal("# nothing\n"), @"");
}

#[test]
fn all_errors_are_reported_in_the_order_of_the_lines() {
    assert_snapshot!(
        refusal(
            "featureClass:\n  glcm: [Constrast]\nsetting:\n  binWidth: 0\n  lable: 2\n\
             imageType:\n  Origin: {}\n"
        ),
        @""
    );
}

#[test]
fn nesting_size_and_number_are_bounded() {
    assert_snapshot!(refusal(&"[".repeat(1000)).lines().next().unwrap(), @"");
    assert_snapshot!(refusal(&" ".repeat(2 << 20)), @"");
    let many: String = (0..100_000).map(|i| format!("key{i}: 1\n")).collect();
    let text = refusal(&many);
    assert!(text.ends_with("more"), "{text}");
    assert!(text.lines().count() < 250);
    // Billion laughs: each list ten times the one before.
    let mut laughs = String::from("a0: &a0 [1]\n");
    for i in 1..30 {
        let names = vec![format!("*a{}", i - 1); 10].join(", ");
        laughs.push_str(&format!("a{i}: &a{i} [{names}]\n"));
    }
    assert!(refusal(&laughs).contains("has no key `a0`"));
    // Merging of merging.
    let mut merging = String::from("a0: &a0 {x: 1}\n");
    for i in 1..1000 {
        merging.push_str(&format!("a{i}: &a{i} {{<<: *a{}, k{i}: 1}}\n", i - 1));
    }
    assert!(refusal(&merging).contains("`<<` brings in more than 10000 entries"));
}
