//! Equal to IBSI's reference values on its digital phantom, where every aggregation is checked:
//! co-occurrences (`cm_*`) and neighbourhood differences (`ngt_*`).

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use renalflow_imaging::{LabelNames, io};
use renalflow_radiomics::{
    Aggregation, ClassSelection, Discretisation, Settings, Standard, extract,
};

/// The reference's tag and the feature's name here.
const GLCM: [(&str, &str); 25] = [
    ("cm_joint_max", "MaximumProbability"),
    ("cm_joint_avg", "JointAverage"),
    ("cm_joint_var", "SumSquares"),
    ("cm_joint_entr", "JointEntropy"),
    ("cm_diff_avg", "DifferenceAverage"),
    ("cm_diff_var", "DifferenceVariance"),
    ("cm_diff_entr", "DifferenceEntropy"),
    ("cm_sum_avg", "SumAverage"),
    ("cm_sum_var", "SumVariance"),
    ("cm_sum_entr", "SumEntropy"),
    ("cm_energy", "JointEnergy"),
    ("cm_contrast", "Contrast"),
    ("cm_dissimilarity", "Dissimilarity"),
    ("cm_inv_diff", "Id"),
    ("cm_inv_diff_norm", "Idn"),
    ("cm_inv_diff_mom", "Idm"),
    ("cm_inv_diff_mom_norm", "Idmn"),
    ("cm_inv_var", "InverseVariance"),
    ("cm_corr", "Correlation"),
    ("cm_auto_corr", "Autocorrelation"),
    ("cm_clust_tend", "ClusterTendency"),
    ("cm_clust_shade", "ClusterShade"),
    ("cm_clust_prom", "ClusterProminence"),
    ("cm_info_corr1", "Imc1"),
    ("cm_info_corr2", "Imc2"),
];

const NGTDM: [(&str, &str); 5] = [
    ("ngt_coarseness", "Coarseness"),
    ("ngt_contrast", "Contrast"),
    ("ngt_busyness", "Busyness"),
    ("ngt_complexity", "Complexity"),
    ("ngt_strength", "Strength"),
];

const GLCM_AGGREGATIONS: [(&str, Aggregation); 6] = [
    ("2D_avg", Aggregation::Averaged2D),
    ("2D_comb", Aggregation::SliceMerged2D),
    ("2_5D_avg", Aggregation::DirectionMerged25D),
    ("2_5D_comb", Aggregation::Merged25D),
    ("3D_avg", Aggregation::Averaged3D),
    ("3D_comb", Aggregation::Merged3D),
];

const NGTDM_AGGREGATIONS: [(&str, Aggregation); 3] = [
    ("2D", Aggregation::Averaged2D),
    ("2_5D", Aggregation::Merged25D),
    ("3D", Aggregation::Merged3D),
];

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

#[test]
fn every_aggregation_of_the_digital_phantom_is_within_tolerance() {
    let table = shared().join("reference/ibsi1/ibsi_1_dig_phantom.csv");
    let folder = shared().join("data/ibsi/ibsi_1_digital_phantom/nifti");
    let (Ok(table), true) = (std::fs::read_to_string(&table), folder.exists()) else {
        println!("skipped: {} or its table is not there", folder.display());
        return;
    };
    // Value and tolerance by tag. The phantom's tolerance is 0, to the three digits given.
    let reference = |tag: &str| {
        let row = table
            .lines()
            .find(|line| line.ends_with(&format!(";{tag}")));
        let row: Vec<&str> = row.unwrap().split(';').collect();
        let value: f64 = row[0].parse().unwrap();
        let tolerance: f64 = row[1].parse().unwrap();
        (value, tolerance + rounding(value))
    };
    let image = io::read_image(&folder.join("image/phantom.nii.gz")).unwrap();
    let mask = io::read_label_map(&folder.join("mask/mask.nii.gz"), LabelNames::new()).unwrap();

    let mut checked = BTreeSet::new();
    let mut check = |class: &str, aggregation, suffix: &str, features: &[(&str, &str)]| {
        let settings = Settings {
            standard: Standard::Ibsi,
            discretisation: Discretisation::BinWidthFrom {
                width: 1.0,
                start: None,
            },
            aggregation: Some(aggregation),
            classes: vec![ClassSelection::defaults_of(class)],
            ..Settings::default()
        };
        let found = extract(&image, &mask, 1, &settings).unwrap();
        assert_eq!(found.values.len(), features.len(), "defaults of {class}");
        for (tag, name) in features {
            let tag = format!("{tag}_{suffix}");
            let (expected, tolerance) = reference(&tag);
            let value = found.get(&format!("original_{class}_{name}")).unwrap();
            assert!(
                (value - expected).abs() <= tolerance,
                "{tag}: {value} here, {expected} ± {tolerance} there"
            );
            checked.insert(tag);
        }
    };
    for (suffix, aggregation) in GLCM_AGGREGATIONS {
        check("glcm", aggregation, suffix, &GLCM);
    }
    for (suffix, aggregation) in NGTDM_AGGREGATIONS {
        check("ngtdm", aggregation, suffix, &NGTDM);
    }
    let tags = table.lines().filter_map(|line| line.rsplit(';').next());
    let tags: BTreeSet<String> = tags
        .filter(|tag| tag.starts_with("cm_") || tag.starts_with("ngt_"))
        .map(str::to_owned)
        .collect();
    assert_eq!(checked, tags);
    println!("{} values compared", checked.len());
}

/// Half a unit of the third significant digit, to which the table is rounded.
fn rounding(value: f64) -> f64 {
    if value == 0.0 {
        return 1e-9;
    }
    0.5 * 10f64.powf(value.abs().log10().floor() - 2.0) * (1.0 + 1e-9)
}
