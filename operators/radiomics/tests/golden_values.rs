//! Equal to PyRadiomics on synthetic regions, for settings and features that its defaults leave
//! out (`golden/make_pyradiomics.py` made the values).

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;
#[path = "common/synthetic.rs"]
mod synthetic;

use std::collections::BTreeMap;

use common::assert_equal;
use renalflow_radiomics::{CLASSES, PyRadiomics, extract};
use synthetic::{settings, synthetic};

const GOLDEN: &str = include_str!("golden/pyradiomics.csv");

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    GOLDEN.lines().skip(2).map(|line| line.split(',').collect())
}

#[test]
fn every_setting_gives_pyradiomics_values() {
    let mut variants: BTreeMap<(&str, &str), Vec<(String, f64)>> = BTreeMap::new();
    for row in rows().filter(|row| row[0] != "names") {
        let column = format!("original_{}_{}", row[2], row[3]);
        let value = row[4].parse().unwrap();
        variants
            .entry((row[0], row[1]))
            .or_default()
            .push((column, value));
    }
    assert_eq!(variants.len(), 4 * 11);
    for ((region, variant), expected) in variants {
        let (image, mask) = synthetic(region);
        let features = extract(&image, &mask, 1, &settings(variant)).unwrap();
        for (column, reference) in expected {
            let value = features.get(&column).unwrap();
            assert_equal(value, reference, &format!("{region} {variant} {column}"));
        }
    }
}

#[test]
fn the_features_and_which_are_off_by_default_are_pyradiomics() {
    let theirs: Vec<_> = rows()
        .filter(|row| row[0] == "names")
        .map(|row| (row[2], row[3], row[1] == "on"))
        .collect();
    let ours: Vec<_> = CLASSES
        .iter()
        .filter(|class| theirs.iter().any(|(name, ..)| *name == class.name))
        .flat_map(|class| {
            let docs = (class.docs)().into_iter();
            docs.filter(|doc| doc.pyradiomics != PyRadiomics::Absent)
                .map(|doc| {
                    (
                        class.name,
                        doc.name,
                        doc.pyradiomics == PyRadiomics::Default,
                    )
                })
        })
        .collect();
    for feature in &theirs {
        assert!(ours.contains(feature), "{feature:?} is missing here");
    }
    assert_eq!(ours.len(), theirs.len(), "features that PyRadiomics lacks");
}

#[test]
fn the_features_that_pyradiomics_only_renamed_equal_their_new_names() {
    let (image, mask) = synthetic("ellipsoid");
    let features = extract(&image, &mask, 1, &settings("default")).unwrap();
    for (old, new) in [
        ("Dissimilarity", "DifferenceAverage"),
        ("Homogeneity1", "Id"),
        ("Homogeneity2", "Idm"),
        ("SumVariance", "ClusterTendency"),
    ] {
        let value = |name| features.get(&format!("original_glcm_{name}")).unwrap();
        assert_eq!(value(old), value(new), "{old}");
    }
}
