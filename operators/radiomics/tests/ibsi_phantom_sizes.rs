//! Run lengths, zone sizes, zone distances and dependence counts equal IBSI's consensus values
//! on its digital phantom, within their tolerances.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::path::{Path, PathBuf};

use renalflow_imaging::{LabelNames, io};
use renalflow_radiomics::{
    Aggregation, CLASSES, ClassSelection, Discretisation, Features, Ibsi, Settings, Standard,
    extract,
};

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

/// The middle of a tag, the feature here and its code.
type Tag = (&'static str, &'static str, &'static str);

/// The beginning of IBSI's tags, the class here and its features.
const TAGS: [(&str, &str, &[Tag]); 4] = [
    (
        "rlm_",
        "glrlm",
        &[
            ("sre", "ShortRunEmphasis", "22OV"),
            ("lre", "LongRunEmphasis", "W4KF"),
            ("lgre", "LowGrayLevelRunEmphasis", "V3SW"),
            ("hgre", "HighGrayLevelRunEmphasis", "G3QZ"),
            ("srlge", "ShortRunLowGrayLevelEmphasis", "HTZT"),
            ("srhge", "ShortRunHighGrayLevelEmphasis", "GD3A"),
            ("lrlge", "LongRunLowGrayLevelEmphasis", "IVPO"),
            ("lrhge", "LongRunHighGrayLevelEmphasis", "3KUM"),
            ("glnu", "GrayLevelNonUniformity", "R5YN"),
            ("glnu_norm", "GrayLevelNonUniformityNormalized", "OVBL"),
            ("rlnu", "RunLengthNonUniformity", "W92Y"),
            ("rlnu_norm", "RunLengthNonUniformityNormalized", "IC23"),
            ("r_perc", "RunPercentage", "9ZK5"),
            ("gl_var", "GrayLevelVariance", "8CE5"),
            ("rl_var", "RunVariance", "SXLW"),
            ("rl_entr", "RunEntropy", "HJ9O"),
        ],
    ),
    (
        "szm_",
        "glszm",
        &[
            ("sze", "SmallAreaEmphasis", "5QRC"),
            ("lze", "LargeAreaEmphasis", "48P8"),
            ("lgze", "LowGrayLevelZoneEmphasis", "XMSY"),
            ("hgze", "HighGrayLevelZoneEmphasis", "5GN9"),
            ("szlge", "SmallAreaLowGrayLevelEmphasis", "5RAI"),
            ("szhge", "SmallAreaHighGrayLevelEmphasis", "HW1V"),
            ("lzlge", "LargeAreaLowGrayLevelEmphasis", "YH51"),
            ("lzhge", "LargeAreaHighGrayLevelEmphasis", "J17V"),
            ("glnu", "GrayLevelNonUniformity", "JNSA"),
            ("glnu_norm", "GrayLevelNonUniformityNormalized", "Y1RO"),
            ("zsnu", "SizeZoneNonUniformity", "4JP3"),
            ("zsnu_norm", "SizeZoneNonUniformityNormalized", "VB3A"),
            ("z_perc", "ZonePercentage", "P30P"),
            ("gl_var", "GrayLevelVariance", "BYLV"),
            ("zs_var", "ZoneVariance", "3NSA"),
            ("zs_entr", "ZoneEntropy", "GU8N"),
        ],
    ),
    (
        "dzm_",
        "gldzm",
        &[
            ("sde", "SmallDistanceEmphasis", "0GBI"),
            ("lde", "LargeDistanceEmphasis", "MB4I"),
            ("lgze", "LowGrayLevelZoneEmphasis", "S1RA"),
            ("hgze", "HighGrayLevelZoneEmphasis", "K26C"),
            ("sdlge", "SmallDistanceLowGrayLevelEmphasis", "RUVG"),
            ("sdhge", "SmallDistanceHighGrayLevelEmphasis", "DKNJ"),
            ("ldlge", "LargeDistanceLowGrayLevelEmphasis", "A7WM"),
            ("ldhge", "LargeDistanceHighGrayLevelEmphasis", "KLTH"),
            ("glnu", "GrayLevelNonUniformity", "VFT7"),
            ("glnu_norm", "GrayLevelNonUniformityNormalized", "7HP3"),
            ("zdnu", "ZoneDistanceNonUniformity", "V294"),
            ("zdnu_norm", "ZoneDistanceNonUniformityNormalized", "IATH"),
            ("z_perc", "ZonePercentage", "VIWW"),
            ("gl_var", "GrayLevelVariance", "QK93"),
            ("zd_var", "ZoneDistanceVariance", "7WT1"),
            ("zd_entr", "ZoneDistanceEntropy", "GBDU"),
        ],
    ),
    (
        "ngl_",
        "ngldm",
        &[
            ("lde", "LowDependenceEmphasis", "SODN"),
            ("hde", "HighDependenceEmphasis", "IMOQ"),
            ("lgce", "LowGrayLevelCountEmphasis", "TL9H"),
            ("hgce", "HighGrayLevelCountEmphasis", "OAE7"),
            ("ldlge", "LowDependenceLowGrayLevelEmphasis", "EQ3F"),
            ("ldhge", "LowDependenceHighGrayLevelEmphasis", "JA6D"),
            ("hdlge", "HighDependenceLowGrayLevelEmphasis", "NBZI"),
            ("hdhge", "HighDependenceHighGrayLevelEmphasis", "9QMG"),
            ("glnu", "GrayLevelNonUniformity", "FP8K"),
            ("glnu_norm", "GrayLevelNonUniformityNormalized", "5SPA"),
            ("dcnu", "DependenceCountNonUniformity", "Z87G"),
            (
                "dcnu_norm",
                "DependenceCountNonUniformityNormalized",
                "OKJI",
            ),
            ("dc_perc", "DependenceCountPercentage", "6XV8"),
            ("gl_var", "GrayLevelVariance", "1PFV"),
            ("dc_var", "DependenceCountVariance", "DNX2"),
            ("dc_entr", "DependenceCountEntropy", "FCBV"),
            ("dc_energy", "DependenceCountEnergy", "CAS9"),
        ],
    ),
];

/// The ends of tags, the longer before those that they end in.
const AGGREGATIONS: [(&str, Aggregation); 9] = [
    ("_2_5D_avg", Aggregation::DirectionMerged25D),
    ("_2_5D_comb", Aggregation::Merged25D),
    ("_2D_avg", Aggregation::Averaged2D),
    ("_2D_comb", Aggregation::SliceMerged2D),
    ("_3D_avg", Aggregation::Averaged3D),
    ("_3D_comb", Aggregation::Merged3D),
    ("_2_5D", Aggregation::Merged25D),
    ("_2D", Aggregation::Averaged2D),
    ("_3D", Aggregation::Merged3D),
];

#[test]
fn every_value_of_the_digital_phantom_is_within_its_tolerance() {
    let table = shared().join("reference/ibsi1/ibsi_1_dig_phantom.csv");
    let folder = shared().join("data/ibsi/ibsi_1_digital_phantom/nifti");
    let (Ok(text), true) = (std::fs::read_to_string(&table), folder.exists()) else {
        println!("skipped: {} or the phantom is not there", table.display());
        return;
    };
    let image = io::read_image(folder.join("image/phantom.nii.gz")).unwrap();
    let mask = io::read_label_map(folder.join("mask/mask.nii.gz"), LabelNames::new()).unwrap();
    let by_aggregation: Vec<(Aggregation, Features)> = AGGREGATIONS[..6]
        .iter()
        .map(|&(_, aggregation)| {
            let settings = Settings {
                standard: Standard::Ibsi,
                discretisation: Discretisation::BinWidthFrom {
                    width: 1.0,
                    start: None,
                },
                aggregation: Some(aggregation),
                classes: TAGS
                    .iter()
                    .map(|(_, class, _)| ClassSelection::defaults_of(class))
                    .collect(),
                ..Settings::default()
            };
            (aggregation, extract(&image, &mask, 1, &settings).unwrap())
        })
        .collect();
    let mut compared = 0;
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(';').collect();
        let [value, tolerance, tag] = fields[..] else {
            panic!("{line}");
        };
        let Some((prefix, class, features)) =
            TAGS.iter().find(|(prefix, ..)| tag.starts_with(prefix))
        else {
            continue;
        };
        let (end, aggregation) = AGGREGATIONS
            .iter()
            .find(|(end, _)| tag.ends_with(end))
            .unwrap();
        let short = &tag[prefix.len()..tag.len() - end.len()];
        let (_, name, _) = features.iter().find(|(tag, ..)| *tag == short).unwrap();
        let (_, computed) = by_aggregation
            .iter()
            .find(|(computed, _)| computed == aggregation)
            .unwrap();
        let found = computed.get(&format!("original_{class}_{name}")).unwrap();
        let reference: f64 = value.parse().unwrap();
        let tolerance: f64 = tolerance.parse().unwrap();
        // Printed with three digits, so half of the last one is theirs.
        let rounding = 0.5 * 10f64.powf(reference.abs().max(1e-9).log10().floor() - 2.0);
        assert!(
            (found - reference).abs() <= tolerance + rounding * (1.0 + 1e-9),
            "{tag} is {found}, not {value}"
        );
        compared += 1;
    }
    assert_eq!(compared, 6 * 16 + 3 * (16 + 16 + 17));
}

#[test]
fn the_declarations_have_the_codes_of_the_table() {
    for (_, class, features) in TAGS {
        let declared = CLASSES.iter().find(|c| c.name == class).unwrap();
        let docs = (declared.docs)();
        assert_eq!(docs.len(), features.len(), "{class}");
        for (_, name, code) in features {
            let doc = docs.iter().find(|doc| doc.name == *name).unwrap();
            assert_eq!(doc.ibsi, Ibsi::Same(code), "{class} {name}");
        }
    }
}

#[test]
fn what_gldm_and_ngldm_share_is_computed_once() {
    let settings = |standard| Settings {
        standard,
        classes: CLASSES
            .iter()
            .map(|class| ClassSelection::defaults_of(class.name))
            .collect(),
        ..Settings::default()
    };
    let has = |standard, class: &str| {
        let columns = renalflow_radiomics::columns(&settings(standard)).unwrap();
        columns
            .iter()
            .any(|column| column.starts_with(&format!("original_{class}_")))
    };
    assert!(has(Standard::Ibsi, "ngldm") && !has(Standard::Ibsi, "gldm"));
    assert!(has(Standard::PyRadiomics, "gldm") && !has(Standard::PyRadiomics, "ngldm"));
    let docs_of = |class: &str| {
        let declared = CLASSES.iter().find(|c| c.name == class).unwrap();
        (declared.docs)()
    };
    for doc in docs_of("gldm") {
        let Ibsi::Duplicate(code, name) = doc.ibsi else {
            panic!("{} has no equal", doc.name);
        };
        let name = name.strip_prefix("ngldm ").unwrap();
        let equal = docs_of("ngldm").into_iter().find(|d| d.name == name);
        assert_eq!(equal.unwrap().ibsi, Ibsi::Same(code), "{}", doc.name);
    }
}
