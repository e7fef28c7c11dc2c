//! Run lengths, zone sizes and dependence counts equal PyRadiomics' on synthetic regions, for
//! settings and features that its defaults leave out (`golden/make_pyradiomics.py` made the
//! values).

#![allow(clippy::unwrap_used, missing_docs)]

mod common;
#[path = "common/synthetic.rs"]
mod synthetic;

use std::collections::BTreeMap;

use common::{assert_equal, grid, image, mask};
use renalflow_radiomics::{CLASSES, ClassSelection, PyRadiomics, Settings, extract};

const GOLDEN: &str = include_str!("golden/pyradiomics_sizes.csv");

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
    assert_eq!(variants.len(), 6 * 14);
    for ((region, variant), expected) in variants {
        let (image, mask) = synthetic::synthetic(region);
        let settings = Settings {
            classes: ["glrlm", "glszm", "gldm"].map(all_of).into(),
            ..synthetic::settings(variant)
        };
        let features = extract(&image, &mask, 1, &settings).unwrap();
        for (column, reference) in expected {
            let value = features.get(&column).unwrap();
            assert_equal(value, reference, &format!("{region} {variant} {column}"));
        }
    }
}

fn all_of(class: &str) -> ClassSelection {
    let declared = CLASSES.iter().find(|c| c.name == class).unwrap();
    ClassSelection {
        class: class.to_owned(),
        features: (declared.docs)()
            .iter()
            .map(|doc| doc.name.to_owned())
            .collect(),
    }
}

#[test]
fn the_features_and_which_are_off_by_default_are_pyradiomics() {
    for class in ["glrlm", "glszm", "gldm"] {
        let theirs: BTreeMap<_, _> = rows()
            .filter(|row| row[0] == "names" && row[2] == class)
            .map(|row| (row[3], row[1] == "on"))
            .collect();
        let declared = CLASSES.iter().find(|c| c.name == class).unwrap();
        let ours: BTreeMap<_, _> = (declared.docs)()
            .iter()
            .map(|doc| (doc.name, doc.pyradiomics == PyRadiomics::Default))
            .collect();
        assert_eq!(ours, theirs);
    }
}

#[test]
fn what_pyradiomics_left_out_of_gldm_is_what_it_says() {
    let (image, mask) = synthetic::synthetic("ellipsoid");
    let features = extract(&image, &mask, 1, &synthetic::settings("default")).unwrap();
    let get = |column: &str| features.get(column).unwrap();
    assert_equal(
        get("original_gldm_GrayLevelNonUniformityNormalized"),
        get("original_firstorder_Uniformity"),
        "uniformity",
    );
    assert_eq!(get("original_gldm_DependencePercentage"), 1.0);
}

/// The 5 x 5 image that PyRadiomics' documentation of these classes works through.
#[test]
fn the_worked_example() {
    let geometry = grid([1, 5, 5], [1.0; 3]);
    let levels = [
        [5, 2, 5, 4, 4],
        [3, 3, 3, 1, 3],
        [2, 1, 1, 1, 3],
        [4, 2, 2, 2, 3],
        [3, 5, 3, 3, 2],
    ];
    let image = image(
        &geometry,
        levels
            .as_flattened()
            .iter()
            .map(|&n| f64::from(n))
            .collect(),
    );
    let mask = mask(&geometry, vec![1; 25]);
    let settings = Settings {
        discretisation: renalflow_radiomics::Discretisation::BinWidth(1.0),
        ..Settings::default()
    };
    let region = renalflow_radiomics::Region::new(&mask, 1, &settings).unwrap();
    let roi = renalflow_radiomics::Roi::new(&image, &mask, region.into(), settings.discretisation)
        .unwrap();
    let zones = renalflow_radiomics::glszm::matrices(&roi, &settings).unwrap();
    let cells: Vec<_> = zones[0]
        .cells
        .iter()
        .map(|c| (c.level, c.size, c.count))
        .collect();
    assert_eq!(
        cells,
        [
            (1, 4, 1.0),
            (2, 1, 1.0),
            (2, 5, 1.0),
            (3, 1, 1.0),
            (3, 3, 1.0),
            (3, 5, 1.0),
            (4, 1, 1.0),
            (4, 2, 1.0),
            (5, 1, 3.0),
        ]
    );
    let dependence = renalflow_radiomics::gldm::matrices(&roi, &settings).unwrap();
    let cells: Vec<_> = dependence[0]
        .cells
        .iter()
        .map(|c| (c.level, c.size, c.count))
        .collect();
    assert_eq!(
        cells,
        [
            (1, 2, 1.0),
            (1, 3, 2.0),
            (1, 4, 1.0),
            (2, 1, 1.0),
            (2, 2, 2.0),
            (2, 3, 3.0),
            (3, 1, 1.0),
            (3, 2, 4.0),
            (3, 3, 4.0),
            (4, 1, 1.0),
            (4, 2, 2.0),
            (5, 1, 3.0),
        ]
    );
}
