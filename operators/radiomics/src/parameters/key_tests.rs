//! Every key is read, and its default is what holds without it.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::{
    Parameters,
    keys::{SETTINGS, VOXEL_SETTINGS},
    schema::{Key, Kind, Reader},
};

/// Parameters of a file with all image types of PyRadiomics, one key, and what that one needs.
fn with(key: &Key, value: &str) -> Parameters {
    let needed = match key.name {
        "normalizeScale" | "removeOutliers" => "normalize: true",
        "interpolator" | "roundIntensities" => "resampledPixelSpacing: [1, 1, 1]",
        "resegmentMode" => "resegmentRange: [0]",
        "force2Ddimension" => "force2D: true",
        _ => "additionalInfo: true",
    };
    let entry = match value {
        "" => String::new(),
        value => format!("{}: {value}", key.name),
    };
    let (setting, voxel) = match key.reader {
        Reader::Maps => ("", entry.as_str()),
        _ => (entry.as_str(), ""),
    };
    let needed = if key.name == "additionalInfo" {
        ""
    } else {
        needed
    };
    let text = format!(
        "imageType: {{Original: , LoG: , Wavelet: , Gradient: , LBP2D: , LBP3D: }}\n\
         setting:\n  {needed}\n  {setting}\nvoxelSetting:\n  {voxel}\n"
    );
    let read = Parameters::from_text(&text, "test");
    read.unwrap_or_else(|error| panic!("{error}\n{text}")).0
}

/// A value that is not the default.
fn other(key: &Key) -> String {
    match (key.name, key.kind) {
        (_, Kind::Switch) => (key.default != "true").to_string(),
        ("resampledPixelSpacing", _) => "[1, 2, 3]".to_owned(),
        ("sigma", _) => "[2.5]".to_owned(),
        ("distances", _) => "[2]".to_owned(),
        ("resegmentRange", _) => "[-100, 100]".to_owned(),
        ("aggregation", _) => "2D_avg".to_owned(),
        (_, Kind::OneOf(names)) => {
            let mut names = names.iter().filter(|name| **name != key.default);
            (*names.next().unwrap()).to_owned()
        }
        (_, Kind::Wavelet) => "db2".to_owned(),
        (_, Kind::Interpolator) => "sitkLinear".to_owned(),
        (_, Kind::Integer(_)) if key.default == "2" => "3".to_owned(),
        _ => "2".to_owned(),
    }
}

fn all_keys() -> impl Iterator<Item = &'static Key> {
    SETTINGS.iter().chain(&VOXEL_SETTINGS).copied()
}

#[test]
fn every_key_is_read() {
    for key in all_keys() {
        let value = other(key);
        assert_ne!(with(key, &value), with(key, ""), "{}: {value}", key.name);
    }
}

#[test]
fn every_default_is_what_holds_without_the_key() {
    for key in all_keys() {
        assert_eq!(with(key, key.default), with(key, ""), "{}", key.name);
    }
}

#[test]
fn no_key_is_declared_twice() {
    let mut names: Vec<_> = all_keys().map(|key| key.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn every_key_says_what_it_does() {
    for key in all_keys() {
        assert!(
            key.about.ends_with('.') && !key.default.is_empty(),
            "{}",
            key.name
        );
        assert!(!key.about.contains("  "), "{}", key.name);
    }
}
