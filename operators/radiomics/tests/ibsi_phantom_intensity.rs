//! The IBSI 1 digital phantom: every reference value of the features that are no texture
//! matrices, within its tolerance.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{assert_equal, grid, image, mask};
use proptest::prelude::*;
use renalflow_imaging::{Image, LabelMap, LabelNames, io};
use renalflow_radiomics::{
    BoundingBox, CLASSES, Compute, Discretisation, FeatureDoc, Ibsi, Region, Roi, Settings,
    Standard, Surroundings,
    local_intensity::margin_voxels,
    morphology::MorphologyTerms,
    spatial::{PairSums, pairs::MAX_SPECTRUM_BYTES},
};

/// Tag of the reference table, class and feature.
const FEATURES: [(&str, &str, &str); 79] = [
    ("morph_volume", "shape", "MeshVolume"),
    ("morph_vol_approx", "shape", "VoxelVolume"),
    ("morph_area_mesh", "shape", "SurfaceArea"),
    ("morph_av", "shape", "SurfaceVolumeRatio"),
    ("morph_comp_1", "shape", "Compactness1"),
    ("morph_comp_2", "shape", "Compactness2"),
    ("morph_sph_dispr", "shape", "SphericalDisproportion"),
    ("morph_sphericity", "shape", "Sphericity"),
    ("morph_asphericity", "morphology", "Asphericity"),
    ("morph_com", "spatial", "CentreOfMassShift"),
    ("morph_diam", "shape", "Maximum3DDiameter"),
    ("morph_pca_maj_axis", "shape", "MajorAxisLength"),
    ("morph_pca_min_axis", "shape", "MinorAxisLength"),
    ("morph_pca_least_axis", "shape", "LeastAxisLength"),
    ("morph_pca_elongation", "shape", "Elongation"),
    ("morph_pca_flatness", "shape", "Flatness"),
    ("morph_vol_dens_aabb", "morphology", "VolumeDensityAABB"),
    ("morph_area_dens_aabb", "morphology", "AreaDensityAABB"),
    ("morph_vol_dens_ombb", "morphology", "VolumeDensityOMBB"),
    ("morph_area_dens_ombb", "morphology", "AreaDensityOMBB"),
    ("morph_vol_dens_aee", "morphology", "VolumeDensityAEE"),
    ("morph_area_dens_aee", "morphology", "AreaDensityAEE"),
    ("morph_vol_dens_mvee", "morphology", "VolumeDensityMVEE"),
    ("morph_area_dens_mvee", "morphology", "AreaDensityMVEE"),
    (
        "morph_vol_dens_conv_hull",
        "morphology",
        "VolumeDensityConvexHull",
    ),
    (
        "morph_area_dens_conv_hull",
        "morphology",
        "AreaDensityConvexHull",
    ),
    ("morph_integ_int", "spatial", "IntegratedIntensity"),
    ("morph_moran_i", "spatial", "MoransI"),
    ("morph_geary_c", "spatial", "GearysC"),
    ("loc_peak_loc", "localintensity", "LocalPeak"),
    ("loc_peak_glob", "localintensity", "GlobalPeak"),
    ("stat_mean", "firstorder", "Mean"),
    ("stat_var", "firstorder", "Variance"),
    ("stat_skew", "firstorder", "Skewness"),
    ("stat_kurt", "firstorder", "Kurtosis"),
    ("stat_median", "firstorder", "Median"),
    ("stat_min", "firstorder", "Minimum"),
    ("stat_p10", "firstorder", "10Percentile"),
    ("stat_p90", "firstorder", "90Percentile"),
    ("stat_max", "firstorder", "Maximum"),
    ("stat_iqr", "firstorder", "InterquartileRange"),
    ("stat_range", "firstorder", "Range"),
    ("stat_mad", "firstorder", "MeanAbsoluteDeviation"),
    ("stat_rmad", "firstorder", "RobustMeanAbsoluteDeviation"),
    ("stat_medad", "firstorder", "MedianAbsoluteDeviation"),
    ("stat_cov", "firstorder", "CoefficientOfVariation"),
    ("stat_qcod", "firstorder", "QuartileCoefficientOfDispersion"),
    ("stat_energy", "firstorder", "Energy"),
    ("stat_rms", "firstorder", "RootMeanSquared"),
    ("ih_mean", "ih", "Mean"),
    ("ih_var", "ih", "Variance"),
    ("ih_skew", "ih", "Skewness"),
    ("ih_kurt", "ih", "Kurtosis"),
    ("ih_median", "ih", "Median"),
    ("ih_min", "ih", "Minimum"),
    ("ih_p10", "ih", "10Percentile"),
    ("ih_p90", "ih", "90Percentile"),
    ("ih_max", "ih", "Maximum"),
    ("ih_mode", "ih", "Mode"),
    ("ih_iqr", "ih", "InterquartileRange"),
    ("ih_range", "ih", "Range"),
    ("ih_mad", "ih", "MeanAbsoluteDeviation"),
    ("ih_rmad", "ih", "RobustMeanAbsoluteDeviation"),
    ("ih_medad", "ih", "MedianAbsoluteDeviation"),
    ("ih_cov", "ih", "CoefficientOfVariation"),
    ("ih_qcod", "ih", "QuartileCoefficientOfDispersion"),
    ("ih_entropy", "ih", "Entropy"),
    ("ih_uniformity", "ih", "Uniformity"),
    ("ih_max_grad", "ih", "MaximumHistogramGradient"),
    ("ih_max_grad_g", "ih", "MaximumHistogramGradientGreyLevel"),
    ("ih_min_grad", "ih", "MinimumHistogramGradient"),
    ("ih_min_grad_g", "ih", "MinimumHistogramGradientGreyLevel"),
    ("ivh_v10", "ivh", "V10"),
    ("ivh_v90", "ivh", "V90"),
    ("ivh_i10", "ivh", "I10"),
    ("ivh_i90", "ivh", "I90"),
    ("ivh_diff_v10_v90", "ivh", "V10MinusV90"),
    ("ivh_diff_i10_i90", "ivh", "I10MinusI90"),
    ("ivh_auc", "ivh", "AreaUnderCurve"),
];

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

fn ibsi_settings() -> Settings {
    Settings {
        standard: Standard::Ibsi,
        discretisation: Discretisation::BinWidthFrom {
            width: 1.0,
            start: None,
        },
        minimum_roi_dimensions: 0,
        ..Settings::default()
    }
}

/// A region with the whole image around it.
fn roi(image: &Image, mask: &LabelMap, settings: &Settings) -> Roi {
    let region = Arc::new(Region::new(mask, 1, settings).unwrap());
    let mut roi = Roi::new(image, mask, region, settings.discretisation).unwrap();
    let whole = image.to_f64();
    roi.surroundings = Some(Surroundings {
        window: BoundingBox {
            start_zyx: [0; 3],
            shape_zyx: whole.geometry().shape_zyx,
        },
        values: whole.voxels().to_vec(),
    });
    roi
}

/// Every feature of a class that is a default one under IBSI.
fn values(class: &str, roi: &Roi, settings: &Settings) -> BTreeMap<&'static str, f64> {
    let class = CLASSES.iter().find(|c| c.name == class).unwrap();
    let docs = (class.docs)();
    let wanted: Vec<usize> = (0..docs.len()).collect();
    let values = match class.compute {
        Compute::FromMask(compute) => compute(&roi.morphological, settings, &wanted),
        Compute::FromImage(compute) => compute(roi, settings, &wanted),
    };
    let names = docs.iter().map(|doc| doc.name);
    names.zip(values.unwrap()).collect()
}

fn doc(class: &str, feature: &str) -> &'static FeatureDoc {
    let class = CLASSES.iter().find(|c| c.name == class).unwrap();
    let docs = (class.docs)();
    docs.into_iter().find(|doc| doc.name == feature).unwrap()
}

/// To the three significant digits of the reference table.
fn rounded(x: f64) -> f64 {
    if x == 0.0 {
        return x;
    }
    let unit = 10f64.powf(x.abs().log10().floor() - 2.0);
    (x / unit).round() * unit
}

#[test]
fn every_reference_value_of_the_digital_phantom() {
    let table = shared().join("reference/ibsi1/ibsi_1_dig_phantom.csv");
    let folder = shared().join("data/ibsi/ibsi_1_digital_phantom/nifti");
    let Ok(text) = std::fs::read_to_string(&table) else {
        println!("skipped: {} is not there", table.display());
        return;
    };
    let image = io::read_image(&folder.join("image/phantom.nii.gz")).unwrap();
    let mask = io::read_label_map(&folder.join("mask/mask.nii.gz"), LabelNames::new()).unwrap();
    let settings = ibsi_settings();
    let roi = roi(&image, &mask, &settings);
    let classes: BTreeSet<&str> = FEATURES.iter().map(|(_, class, _)| *class).collect();
    let values: BTreeMap<_, _> = classes
        .into_iter()
        .map(|class| (class, values(class, &roi, &settings)))
        .collect();

    let (mut tags, mut failures) = (BTreeSet::new(), Vec::new());
    for line in text.lines().skip(1) {
        let [reference, tolerance, tag] = line.split(';').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let group = tag.split('_').next().unwrap();
        if !["morph", "loc", "stat", "ih", "ivh"].contains(&group) {
            continue;
        }
        tags.insert(tag);
        let (_, class, name) = FEATURES
            .iter()
            .find(|(other, ..)| *other == tag)
            .unwrap_or_else(|| panic!("no feature for {tag}"));
        let value = values[class][name];
        println!("{tag}: {value} here, {reference} ± {tolerance} there");
        assert!(
            matches!(doc(class, name).ibsi, Ibsi::Same(_) | Ibsi::Differs(..)),
            "{class} {name} is not computed by default under IBSI"
        );
        if reference.is_empty() {
            assert!(value.is_finite(), "{tag} is {value}");
        } else {
            let [reference, tolerance]: [f64; 2] =
                [reference, tolerance].map(|number| number.parse().unwrap());
            let off = (rounded(value) - reference).abs();
            if off > tolerance + 1e-9 * reference.abs() {
                failures.push(format!(
                    "{tag}: {value} here, {reference} ± {tolerance} there"
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let known: BTreeSet<&str> = FEATURES.iter().map(|(tag, ..)| *tag).collect();
    assert_eq!(known, tags, "tags here and in the reference table");
}
