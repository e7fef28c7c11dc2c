//! What is refused, and how that is said.

use insta::assert_snapshot;

use crate::refusal;

#[test]
fn an_unknown_setting() {
    assert_snapshot!(refusal("setting:\n  label: 1\n  binWdith: 25\n"), @r"
    error: `setting` has no key `binWdith`
     --> params.yaml:3:3
      |
    3 |   binWdith: 25
      |   ^^^^^^^^
      fix: did you mean `binWidth`?
    ");
}

#[test]
fn a_setting_of_another_section() {
    assert_snapshot!(refusal("setting:\n  kernelRadius: 2\n"), @r"
    error: `setting` has no key `kernelRadius`
     --> params.yaml:2:3
      |
    2 |   kernelRadius: 2
      |   ^^^^^^^^^^^^
      fix: `kernelRadius` belongs under `voxelSetting`
    ");
    assert_snapshot!(refusal("binWidth: 25\n"), @r"
    error: there is no section `binWidth`
     --> params.yaml:1:1
      |
    1 | binWidth: 25
      | ^^^^^^^^
      fix: `binWidth` belongs under `setting`
    ");
    assert_snapshot!(refusal("setting: {LoG: {sigma: [1]}}\n"), @r"
    error: `setting` has no key `LoG`
     --> params.yaml:1:11
      |
    1 | setting: {LoG: {sigma: [1]}}
      |           ^^^
      fix: `LoG` belongs under `imageType`
    ");
}

#[test]
fn an_old_name() {
    assert_snapshot!(refusal("inputImage: {Original: {}}\n"), @r"
    error: there is no section `inputImage`
     --> params.yaml:1:1
      |
    1 | inputImage: {Original: {}}
      | ^^^^^^^^^^
      fix: it is called `imageType`
    ");
    assert_snapshot!(refusal("imageType: {LocalBinaryPattern2D: {}}\n"), @r"
    error: there is no image type `LocalBinaryPattern2D`
     --> params.yaml:1:13
      |
    1 | imageType: {LocalBinaryPattern2D: {}}
      |             ^^^^^^^^^^^^^^^^^^^^
      fix: it is called `LBP2D`
    ");
}

#[test]
fn an_unknown_image_type() {
    assert_snapshot!(refusal("imageType:\n  Original: {}\n  Wavlet: {}\n"), @r"
    error: there is no image type `Wavlet`
     --> params.yaml:3:3
      |
    3 |   Wavlet: {}
      |   ^^^^^^
      fix: did you mean `Wavelet`?
    ");
    assert_snapshot!(refusal("imageType:\n  log: {}\n"), @r"
    error: there is no image type `log`
     --> params.yaml:2:3
      |
    2 |   log: {}
      |   ^^^
      fix: did you mean `LoG`?
    ");
}

#[test]
fn an_unknown_class_or_feature() {
    assert_snapshot!(refusal("featureClass:\n  GLCM:\n"), @r"
    error: there is no feature class `GLCM`
     --> params.yaml:2:3
      |
    2 |   GLCM:
      |   ^^^^
      fix: did you mean `glcm`?
    ");
    assert_snapshot!(refusal("featureClass:\n  shape:\n    - Volume\n"), @r"
    error: `shape` has no feature `Volume`
     --> params.yaml:3:7
      |
    3 |     - Volume
      |       ^^^^^^
      fix: did you mean `MeshVolume`?
    ");
    assert_snapshot!(refusal("featureClass: {glcm: [Idm, 3, null, [x]]}"), @r"
    error: a feature must be text, this is `3`
     --> params.yaml:1:28
      |
    1 | featureClass: {glcm: [Idm, 3, null, [x]]}
      |                            ^
      fix: write its name, such as `Mean`

    error: a feature must be text, this is nothing
     --> params.yaml:1:31
      |
    1 | featureClass: {glcm: [Idm, 3, null, [x]]}
      |                               ^^^^
      fix: write its name, such as `Mean`

    error: a feature must be text, this is a list
     --> params.yaml:1:37
      |
    1 | featureClass: {glcm: [Idm, 3, null, [x]]}
      |                                     ^
      fix: write its name, such as `Mean`
    ");
    assert_snapshot!(refusal("featureClass: {firstorder: Mean}"), @r"
    error: `firstorder` must be a list of features, this is the text `Mean`
     --> params.yaml:1:28
      |
    1 | featureClass: {firstorder: Mean}
      |                            ^^^^
      fix: write a list such as `[Mean, Median]`, or `[]` for all features
    ");
}

#[test]
fn a_wrong_type() {
    assert_snapshot!(refusal("setting:\n  binWidth: wide\n"), @r"
    error: `binWidth` must be a number above 0, this is the text `wide`
     --> params.yaml:2:13
      |
    2 |   binWidth: wide
      |             ^^^^
      fix: the default is `25`
    ");
    assert_snapshot!(refusal("setting:\n  binWidth: \"25\"\n"), @r#"
    error: `binWidth` must be a number above 0, this is the text `25`
     --> params.yaml:2:13
      |
    2 |   binWidth: "25"
      |             ^^^^
      fix: take the quotes away
    "#);
    assert_snapshot!(refusal("setting:\n  label: 1.0\n"), @r"
    error: `label` must be a whole number from 1 to 65535, this is `1.0`
     --> params.yaml:2:10
      |
    2 |   label: 1.0
      |          ^^^
      fix: the default is `1`
    ");
    assert_snapshot!(refusal("setting:\n  normalize: yes\n"), @r"
    error: `normalize` must be true or false, this is the text `yes`
     --> params.yaml:2:14
      |
    2 |   normalize: yes
      |              ^^^
      fix: write `true`
    ");
    assert_snapshot!(refusal("setting:\n  normalize: 1\n"), @r"
    error: `normalize` must be true or false, this is `1`
     --> params.yaml:2:14
      |
    2 |   normalize: 1
      |              ^
      fix: the default is `false`
    ");
    assert_snapshot!(refusal("imageType:\n  LoG:\n    sigma: 3\n"), @r"
    error: `sigma` must be a list of at most 1000 numbers above 0, this is `3`
     --> params.yaml:3:12
      |
    3 |     sigma: 3
      |            ^
      fix: write a list: `[3]`
    ");
    assert_snapshot!(refusal("imageType: [Original]\n"), @r"
    error: `imageType` must be a map of `key: value`, this is a list
     --> params.yaml:1:12
      |
    1 | imageType: [Original]
      |            ^
      fix: write `key: value`, one a line
    ");
    assert_snapshot!(refusal("setting: {distances: [1, two]}\n"), @r"
    error: each value of `distances` must be a whole number from 1 to 50, this is the text `two`
     --> params.yaml:1:26
      |
    1 | setting: {distances: [1, two]}
      |                          ^^^
      fix: the default is `[1]`
    ");
    assert_snapshot!(refusal("- Original\n"), @r"
    error: a parameter file must be a map of `key: value`, this is a list
     --> params.yaml:1:1
      |
    1 | - Original
      | ^
      fix: write `key: value`, one a line
    ");
}

#[test]
fn a_value_out_of_range() {
    assert_snapshot!(refusal("setting:\n  binWidth: -1\n"), @r"
    error: `binWidth` must be a number above 0, this is `-1`
     --> params.yaml:2:13
      |
    2 |   binWidth: -1
      |             ^^
      fix: the default is `25`
    ");
    assert_snapshot!(refusal("setting:\n  binWidth: .nan\n"), @r"
    error: `binWidth` must be a number above 0, this is `.nan`
     --> params.yaml:2:13
      |
    2 |   binWidth: .nan
      |             ^^^^
      fix: the default is `25`
    ");
    assert_snapshot!(refusal("setting:\n  label: 70000\n"), @r"
    error: `label` must be a whole number from 1 to 65535, this is `70000`
     --> params.yaml:2:10
      |
    2 |   label: 70000
      |          ^^^^^
      fix: the default is `1`
    ");
    assert_snapshot!(refusal("setting:\n  force2Ddimension: 3\n"), @r"
    error: `force2Ddimension` must be a whole number from 0 to 2, this is `3`
     --> params.yaml:2:21
      |
    2 |   force2Ddimension: 3
      |                     ^
      fix: the default is `0`
    ");
    assert_snapshot!(refusal("setting:\n  resampledPixelSpacing: [1, 1]\n"), @r"
    error: `resampledPixelSpacing` must be a list of three numbers, 0 or more, this has 2
     --> params.yaml:2:26
      |
    2 |   resampledPixelSpacing: [1, 1]
      |                          ^
      fix: leave it out where it is not wanted
    ");
    assert_snapshot!(refusal("setting:\n  resegmentRange: []\n"), @r"
    error: `resegmentRange` must be a list of one or two numbers, this has 0
     --> params.yaml:2:19
      |
    2 |   resegmentRange: []
      |                   ^
      fix: leave it out where it is not wanted
    ");
    assert_snapshot!(refusal("imageType:\n  LoG:\n    sigma: [1.0, 0, 2.0]\n"), @r"
    error: each value of `sigma` must be a number above 0, this is `0`
     --> params.yaml:3:18
      |
    3 |     sigma: [1.0, 0, 2.0]
      |                  ^
      fix: leave it out where it is not wanted
    ");
}

#[test]
fn an_unknown_choice() {
    assert_snapshot!(refusal("setting:\n  resegmentMode: Absolute\n"), @r"
    error: `resegmentMode` must be one of `absolute`, `relative`, `sigma`, this is the text `Absolute`
     --> params.yaml:2:18
      |
    2 |   resegmentMode: Absolute
      |                  ^^^^^^^^
      fix: did you mean `absolute`?
    ");
    assert_snapshot!(refusal("setting:\n  weightingNorm: euclid\n"), @r"
    error: `weightingNorm` must be one of `manhattan`, `euclidean`, `infinity`, `no_weighting`, this is the text `euclid`
     --> params.yaml:2:18
      |
    2 |   weightingNorm: euclid
      |                  ^^^^^^
      fix: did you mean `euclidean`?
    ");
    assert_snapshot!(refusal("setting:\n  interpolator: sitkBspline\n"), @r"
    error: `interpolator` must be one of `sitkNearestNeighbor`, `sitkLinear`, `sitkBSpline`, this is the text `sitkBspline`
     --> params.yaml:2:17
      |
    2 |   interpolator: sitkBspline
      |                 ^^^^^^^^^^^
      fix: did you mean `sitkBSpline`?
    ");
    assert_snapshot!(refusal("setting:\n  interpolator: sitkLanczosWindowedSinc\n"), @r"
    error: `sitkLanczosWindowedSinc` is an interpolator of SimpleITK that is not there
     --> params.yaml:2:17
      |
    2 |   interpolator: sitkLanczosWindowedSinc
      |                 ^^^^^^^^^^^^^^^^^^^^^^^
      fix: use one of `sitkNearestNeighbor`, `sitkLinear`, `sitkBSpline`
    ");
    assert_snapshot!(refusal("setting:\n  interpolator: 11\n"), @r"
    error: `interpolator` must be one of `sitkNearestNeighbor`, `sitkLinear`, `sitkBSpline`, this is `11`
     --> params.yaml:2:17
      |
    2 |   interpolator: 11
      |                 ^^
      fix: the default is `sitkBSpline`
    ");
    assert_snapshot!(refusal("setting:\n  wavelet: coif\n"), @r"
    error: `wavelet` must be the name of a discrete wavelet, such as `coif1`, this is the text `coif`
     --> params.yaml:2:12
      |
    2 |   wavelet: coif
      |            ^^^^
      fix: did you mean `coif1`?
    ");
    assert_snapshot!(refusal("setting:\n  wavelet: mexh\n"), @r"
    error: `wavelet` must be the name of a discrete wavelet, such as `coif1`, this is the text `mexh`
     --> params.yaml:2:12
      |
    2 |   wavelet: mexh
      |            ^^^^
      fix: that is a continuous wavelet; the transform needs a discrete one
    ");
    assert_snapshot!(refusal("compat: pyradiomix\n"), @r"
    error: `compat` must be `pyradiomics` or `ibsi`, this is the text `pyradiomix`
     --> params.yaml:1:9
      |
    1 | compat: pyradiomix
      |         ^^^^^^^^^^
      fix: did you mean `pyradiomics`?
    ");
}

#[test]
fn a_key_that_is_there_twice() {
    assert_snapshot!(refusal("setting:\n  binWidth: 25\n  label: 1\n  binWidth: 30\n"), @r"
    error: `binWidth` is here a second time
     --> params.yaml:4:3
      |
    4 |   binWidth: 30
      |   ^^^^^^^^
      fix: keep this one or that of line 2
    ");
}

#[test]
fn what_contradicts_itself() {
    assert_snapshot!(refusal("setting: {force2D: true, aggregation: 3D_avg}\n"), @r"
    error: `aggregation` in 3D contradicts `force2D`
     --> params.yaml:1:26
      |
    1 | setting: {force2D: true, aggregation: 3D_avg}
      |                          ^^^^^^^^^^^
      fix: leave `force2D` out, or choose an aggregation that begins with `2D` or `2.5D`
    ");
    assert_snapshot!(refusal("imageType: {Original: {label: 2}}\n"), @r"
    error: an image type cannot have a `label` of its own
     --> params.yaml:1:24
      |
    1 | imageType: {Original: {label: 2}}
      |                        ^^^^^
      fix: give `label` under `setting`, and each label an extraction of its own
    ");
    assert_snapshot!(
        refusal("imageType: {LBP2D: {lbp2DSamples: 40, lbp2DMethod: ror, force2D: true}}\n"),
        @r"
    error: `lbp2DSamples` must be at most 31 with this `lbp2DMethod`, this is 40
     --> params.yaml:1:21
      |
    1 | imageType: {LBP2D: {lbp2DSamples: 40, lbp2DMethod: ror, force2D: true}}
      |                     ^^^^^^^^^^^^
      fix: use fewer samples, or the method `uniform`
    "
    );
}

#[test]
fn what_is_no_yaml() {
    assert_snapshot!(refusal("setting:\n\tbinWidth: 25\n"), @r"
    error: this is not YAML: tabs disallowed within this context (block indentation)
     --> params.yaml:2:2
      |
    2 | 	binWidth: 25
      | 	^
      fix: YAML is indented with spaces: put them instead of the tab
    ");
    assert_snapshot!(refusal("setting: {binWidth: 25\n"), @r"
    error: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
     --> params.yaml:2:1
      fix: look for a missing colon, quote or bracket, or for an indent unlike its neighbours'
    ");
    assert_snapshot!(refusal("setting:\n  binWidth: 25\n label: 1\n"), @r"
    error: this is not YAML: while parsing a block mapping, did not find expected key
     --> params.yaml:3:2
      |
    3 |  label: 1
      |  ^
      fix: look for a missing colon, quote or bracket, or for an indent unlike its neighbours'
    ");
    assert_snapshot!(refusal("setting: {binWidth: 25}\n---\nsetting: {}\n"), @r"
    error: a second document starts here
     --> params.yaml:2:1
      |
    2 | ---
      | ^^^
      fix: keep one set of parameters a file, without `---` below the first
    ");
    assert_snapshot!(refusal("setting: {resampledPixelSpacing: !!python/tuple [1, 1, 1]}\n"), @r"
    error: this has a tag, which no parameter needs
     --> params.yaml:1:34
      |
    1 | setting: {resampledPixelSpacing: !!python/tuple [1, 1, 1]}
      |                                  ^^^^^^^^^^^^^^^^
      fix: remove the word that begins with `!`
    ");
    assert_snapshot!(refusal("setting: &a {binWidth: *a}\n"), @r"
    error: this refers to a piece that it is part of
     --> params.yaml:1:24
      |
    1 | setting: &a {binWidth: *a}
      |                        ^^
      fix: write the value instead of `*`
    ");
    assert_snapshot!(refusal("setting: {<<: 3}\n"), @r"
    error: `<<` must name a map, this is `3`
     --> params.yaml:1:15
      |
    1 | setting: {<<: 3}
      |               ^
      fix: write `<<: *name` with the anchor of a map
    ");
    assert_snapshot!(refusal("? [a, b]\n: 3\n"), @r"
    error: a key must be text, this is a list
     --> params.yaml:1:3
      |
    1 | ? [a, b]
      |   ^
      fix: write `key: value`
    ");
    assert_snapshot!(refusal("setting:\n  a\0\n").lines().take(2).collect::<Vec<_>>().join("\n"), @r"
    error: the text has a NUL character
     --> params.yaml:2:4
    ");
    assert_snapshot!(refusal(""), @r"
    error: params.yaml has no parameters in it
      fix: write `imageType: {Original: {}}` for the defaults
    ");
    assert_snapshot!(refusal("# nothing\n"), @r"
    error: params.yaml has no parameters in it
      fix: write `imageType: {Original: {}}` for the defaults
    ");
}

#[test]
fn all_errors_are_reported_in_the_order_of_the_lines() {
    assert_snapshot!(
        refusal(
            "featureClass:\n  glcm: [Constrast]\nsetting:\n  binWidth: 0\n  lable: 2\n\
             imageType:\n  Origin: {}\n"
        ),
        @r"
    error: `glcm` has no feature `Constrast`
     --> params.yaml:2:10
      |
    2 |   glcm: [Constrast]
      |          ^^^^^^^^^
      fix: did you mean `Contrast`?

    error: `binWidth` must be a number above 0, this is `0`
     --> params.yaml:4:13
      |
    4 |   binWidth: 0
      |             ^
      fix: the default is `25`

    error: `setting` has no key `lable`
     --> params.yaml:5:3
      |
    5 |   lable: 2
      |   ^^^^^
      fix: did you mean `label`?

    error: there is no image type `Origin`
     --> params.yaml:7:3
      |
    7 |   Origin: {}
      |   ^^^^^^
      fix: did you mean `Original`?
    "
    );
}

#[test]
fn nesting_size_and_number_are_bounded() {
    assert_snapshot!(refusal(&"[".repeat(1000)).lines().next().unwrap(), @"error: this nests deeper than 32 levels");
    assert_snapshot!(refusal(&" ".repeat(2 << 20)), @r"
    error: params.yaml has 2097152 bytes, and parameters take 1048576 at most
      fix: give the parameter file, not an image or a table
    ");
    let many: String = (0..50_000).map(|i| format!("key{i}: 1\n")).collect();
    let text = refusal(&many);
    assert!(text.ends_with("more"), "{text}");
    assert!(text.lines().count() < 250);
    // Billion laughs: each list ten times the one before.
    let mut laughs = String::from("a0: &a0 [1]\n");
    for i in 1..30 {
        let names = vec![format!("*a{}", i - 1); 10].join(", ");
        laughs.push_str(&format!("a{i}: &a{i} [{names}]\n"));
    }
    assert!(refusal(&laughs).contains("no section `a0`"));
    // Merging of merging.
    let mut merging = String::from("a0: &a0 {x: 1}\n");
    for i in 1..1000 {
        merging.push_str(&format!("a{i}: &a{i} {{<<: *a{}, k{i}: 1}}\n", i - 1));
    }
    assert!(refusal(&merging).contains("`<<` brings in more than 10000 entries"));
}
