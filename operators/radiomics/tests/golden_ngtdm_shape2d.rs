//! Neighbourhood differences and planar shape equal PyRadiomics', on synthetic regions
//! (`golden/make_pyradiomics.py` made the values) and on slices of its own cases.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod common;
#[path = "common/synthetic.rs"]
mod synthetic;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::assert_equal;
use renalflow_imaging::{LabelNames, io};
use renalflow_radiomics::{
    CLASSES, ClassSelection, PyRadiomics, RadiomicsError, Region, Settings, extract,
    extract_from_mask, shape2d::plane_axis,
};

const GOLDEN: &str = include_str!("golden/pyradiomics_ngtdm_shape2d.csv");

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    GOLDEN.lines().skip(2).map(|line| line.split(',').collect())
}

/// Every feature of a class.
fn all_of(name: &str) -> ClassSelection {
    let class = CLASSES.iter().find(|class| class.name == name).unwrap();
    ClassSelection {
        class: name.to_owned(),
        features: (class.docs)()
            .iter()
            .map(|doc| doc.name.to_owned())
            .collect(),
    }
}

#[test]
fn every_setting_gives_pyradiomics_values() {
    let mut groups: BTreeMap<[&str; 3], Vec<(String, f64)>> = BTreeMap::new();
    for row in rows().filter(|row| row[0] != "names") {
        let column = format!("original_{}_{}", row[2], row[3]);
        groups
            .entry([row[0], row[1], row[2]])
            .or_default()
            .push((column, row[4].parse().unwrap()));
    }
    assert_eq!(groups.len(), 9 * 10 + 4);
    for ([region, variant, class], expected) in groups {
        let (image, mask) = synthetic::synthetic(region);
        let settings = Settings {
            classes: vec![all_of(class)],
            ..synthetic::settings(variant)
        };
        let features = extract(&image, &mask, 1, &settings).unwrap();
        assert_eq!(features.values.len(), expected.len());
        for (column, reference) in expected {
            let value = features.get(&column).unwrap();
            assert_equal(value, reference, &format!("{region} {variant} {column}"));
        }
    }
}

#[test]
fn the_features_and_which_are_off_by_default_are_pyradiomics() {
    let mut theirs: Vec<_> = rows()
        .filter(|row| row[0] == "names")
        .map(|row| (row[2], row[3], row[1] == "on"))
        .collect();
    let mut ours = Vec::new();
    for name in ["ngtdm", "shape2D"] {
        let class = CLASSES.iter().find(|class| class.name == name).unwrap();
        for doc in (class.docs)() {
            ours.push((name, doc.name, doc.pyradiomics == PyRadiomics::Default));
        }
    }
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours, theirs);
}

#[test]
fn planar_shape_says_why_it_is_not_defined() {
    let planar = |across, region: &str| {
        let settings = Settings {
            force_2d_across_axis: across,
            classes: vec![ClassSelection::defaults_of("shape2D")],
            ..Settings::default()
        };
        let (_, mask) = synthetic::synthetic(region);
        let asked = plane_axis(&Region::new(&mask, 1, &settings).unwrap(), &settings);
        let extracted = extract_from_mask(&mask, 1, &settings);
        assert_eq!(asked.is_ok(), extracted.is_ok());
        if let (Err(asked), Err(extracted)) = (&asked, &extracted) {
            assert_eq!(asked, extracted);
        }
        asked
    };
    assert_eq!(planar(Some(0), "slice"), Ok(0));
    assert_eq!(planar(Some(1), "slice_y"), Ok(1));
    assert_eq!(planar(None, "slice"), Err(RadiomicsError::NoPlane));
    let thick = planar(Some(2), "slice").unwrap_err();
    assert_eq!(
        thick,
        RadiomicsError::NotPlanar {
            axis: 2,
            slices: 11
        }
    );
    assert!(thick.to_string().contains("11 voxels thick"), "{thick}");
    assert!(planar(Some(0), "ellipsoid").is_err());
}

/// PyRadiomics' own table, made from one slice of each of its cases.
#[test]
fn slices_of_real_cases_have_the_values_of_the_baseline() {
    let shared = std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data/pyradiomics");
    let Ok(table) = std::fs::read_to_string(folder.join("baseline/baseline_shape2D.csv")) else {
        println!("skipped: {} has no baseline", folder.display());
        return;
    };
    let header: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let mut compared = 0;
    for (case, z) in [("brain1", 16), ("breast1", 9)] {
        let labels = folder.join(format!("{case}_label.nrrd"));
        if !labels.exists() {
            println!("skipped {case}: {} is not there", labels.display());
            continue;
        }
        let whole = io::read_label_map(&labels, LabelNames::new()).unwrap();
        let geometry = whole.geometry().clone();
        let [_, ny, nx] = geometry.shape_zyx;
        let mut voxels = whole.volume.voxels().to_vec();
        for (i, voxel) in voxels.iter_mut().enumerate() {
            if i / (ny * nx) != z {
                *voxel = 0;
            }
        }
        let settings = Settings {
            force_2d_across_axis: Some(0),
            classes: vec![ClassSelection::defaults_of("shape2D")],
            ..Settings::default()
        };
        let mask = common::mask(&geometry, voxels);
        let features = extract_from_mask(&mask, 1, &settings).unwrap();
        let column = format!("{case}_shape2D");
        let place = header.iter().position(|name| *name == column).unwrap();
        for line in table.lines().filter(|l| l.starts_with("original_shape2D")) {
            let row: Vec<&str> = line.split(',').collect();
            let value = features.get(row[0]).unwrap();
            let reference = row[place].parse().unwrap();
            assert_equal(value, reference, &format!("{case} {}", row[0]));
            compared += 1;
        }
    }
    println!("{compared} values compared");
}
