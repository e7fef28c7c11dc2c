//! Whatever the text, there is an answer, and it is short.

use proptest::prelude::*;
use renalflow_radiomics::Parameters;

/// Pieces of parameter files, and of YAML.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "setting",
        "imageType",
        "featureClass",
        "voxelSetting",
        "compat",
        "ibsi",
        "Original",
        "LoG",
        "Wavelet",
        "LBP2D",
        "Laws",
        "Gabor",
        "sigma",
        "kernels",
        "L5E5S5",
        "binWidth",
        "binCount",
        "label",
        "force2D",
        "aggregation",
        "3D_avg",
        "resegmentRange",
        "distances",
        "glcm",
        "shape",
        "firstorder",
        "Mean",
        "Contrast",
        "true",
        "null",
        "25",
        "-1",
        "1e400",
        ".inf",
        ".nan",
        "[1, 2]",
        "&a",
        "*a",
        "<<",
        "!!str",
        "|",
        ">",
        "%YAML",
        "---",
        "...",
    ]);
    let marks = prop::sample::select(vec![
        ": ", ":", " ", "  ", "\n", "\n  ", "\n    ", "\t", "{", "}", "[", "]", ", ", "- ", "? ",
        "\"", "'", "#", "\r", "\u{feff}", "\u{0}", "\u{85}", "\u{2028}", "é", "𝄞",
    ]);
    prop_oneof![3 => words.prop_map(str::to_owned), 4 => marks.prop_map(str::to_owned),
                1 => any::<char>().prop_map(String::from)]
}

fn answer(text: &str) {
    match Parameters::from_text(text, "params.yaml") {
        Ok((parameters, warnings)) => {
            parameters.validate().unwrap();
            let canonical = parameters.to_yaml();
            let again = Parameters::from_text(&canonical, "canonical");
            let again = again
                .unwrap_or_else(|error| panic!("{error}\n{canonical}"))
                .0;
            assert_eq!(again.to_yaml(), canonical);
            for warning in warnings {
                assert!(warning.to_string().lines().count() <= 10);
            }
        }
        Err(error) => {
            assert!(!error.findings.is_empty());
            let findings = error.findings.iter();
            assert!(
                findings
                    .map(|f| f.to_string().lines().count())
                    .all(|count| count <= 10)
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_has_an_answer(text in any::<String>()) {
        answer(&text);
    }

    #[test]
    fn pieces_of_files_have_an_answer(pieces in prop::collection::vec(piece(), 0..60)) {
        answer(&pieces.concat());
    }

    #[test]
    fn any_value_of_any_key_has_an_answer(
        key in prop::sample::select(vec![
            "label", "binWidth", "binCount", "binWidthStart", "distances", "sigma", "level",
            "lbp2DSamples", "resampledPixelSpacing", "resegmentRange", "voxelArrayShift", "gldm_a",
            "minimumROISize", "padDistance", "geometryTolerance", "interpolator", "wavelet",
        ]),
        value in prop_oneof![
            any::<i64>().prop_map(|i| i.to_string()),
            any::<f64>().prop_map(|f| format!("{f:?}")),
            prop::collection::vec(any::<f64>(), 0..4).prop_map(|v| format!("{v:?}")),
            prop::collection::vec(any::<i16>(), 0..4).prop_map(|v| format!("{v:?}")),
            (0i64..100).prop_map(|i| i.to_string()),
            (0.0f64..100.0).prop_map(|f| format!("[{f:?}]")),
        ],
        image in prop::sample::select(vec!["LoG", "Wavelet", "LBP2D", "Original"]),
        is_outside in any::<bool>(),
        is_ibsi in any::<bool>(),
    ) {
        let compat = if is_ibsi { "ibsi" } else { "pyradiomics" };
        let text = if is_outside {
            format!("compat: {compat}\nsetting: {{{key}: {value}}}\nimageType: {{{image}: {{}}}}")
        } else {
            format!("compat: {compat}\nimageType: {{{image}: {{{key}: {value}}}}}")
        };
        answer(&text);
    }
}
