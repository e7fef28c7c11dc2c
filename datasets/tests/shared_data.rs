//! The committed manifests on the real data, where it is.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use renalflow_datasets::{
    CaseSource, Manifest, Split, Value, load_case,
    phantom::{Domain, PhantomSpec},
};

/// The shared data, or `None` with a printed reason.
fn shared() -> Option<PathBuf> {
    let given =
        std::env::var_os("RENALFLOW_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    // Relative to the workspace.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(given);
    if root.join("data").is_dir() {
        return Some(root);
    }
    println!("skipped: no data in {}", root.display());
    None
}

fn committed(name: &str, shared: Option<&Path>) -> Manifest {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let lookup = |variable: &str| {
        (variable == "RENALFLOW_SHARED").then_some(())?;
        shared.map(|path| path.to_string_lossy().into_owned())
    };
    Manifest::read(path, &lookup).unwrap()
}

#[test]
fn phantom_cohorts_are_as_their_manifests_say() {
    for (name, count, malignant) in [
        ("phantom-primary.yml", 20, 12),
        ("phantom-auxiliary.yml", 60, 36),
        ("phantom-external.yml", 40, 24),
        ("phantom-300.yml", 300, 180),
    ] {
        let manifest = committed(name, None);
        let cases = manifest.cases().unwrap();
        assert_eq!(cases.len(), count);
        assert_eq!(
            cases
                .iter()
                .filter(|case| case.target == Some(true))
                .count(),
            malignant
        );
        assert_eq!(
            manifest.split(&cases).unwrap().is_some(),
            name == "phantom-primary.yml"
        );
    }
}

/// The cohorts that may meet in one study.
const COHORTS: [&str; 5] = [
    "phantom-primary.yml",
    "phantom-auxiliary.yml",
    "phantom-external.yml",
    "phantom-external-kits19.yml",
    "phantom-300.yml",
];

#[test]
fn no_patient_is_in_two_cohorts() {
    let shared = shared();
    let mut case_ids = BTreeSet::new();
    let mut tumours = Vec::new();
    let mut masks = BTreeSet::new();
    for name in COHORTS {
        if name.ends_with("kits19.yml") && shared.is_none() {
            continue;
        }
        for case in committed(name, shared.as_deref()).cases().unwrap() {
            let CaseSource::Phantom(spec) = &case.source else {
                panic!("{name} is no phantom");
            };
            assert!(case_ids.insert(case.case_id.clone()), "{}", case.case_id);
            if let Some(mask) = &spec.anatomy {
                assert!(masks.insert(mask.clone()), "{}", mask.display());
            }
            // Drawn from the patient's own seed: equal designs would be one patient twice.
            let design = spec.design();
            assert!(!tumours.contains(&design), "{}", case.case_id);
            tumours.push(design);
        }
    }
    assert_eq!(tumours.len(), if shared.is_some() { 460 } else { 420 });
}

#[test]
fn frozen_splits_are_what_their_seeds_make_of_the_cohorts() {
    let shared = shared();
    for (name, patients) in [
        ("phantom-primary.yml", 20),
        ("kits19-masks.yml", 150),
        ("sts.yml", 18),
    ] {
        if !name.starts_with("phantom") && shared.is_none() {
            continue;
        }
        let manifest = committed(name, shared.as_deref());
        let cases = manifest.cases().unwrap();
        if cases.len() < patients {
            println!("skipped: {} of {patients} cases of {name}", cases.len());
            continue;
        }
        let frozen = manifest.split(&cases).unwrap().unwrap();
        assert_eq!(frozen.folds, 5);
        let made = Split::stratified(
            cases
                .iter()
                .map(|case| (case.patient_id.as_str(), case.target)),
            frozen.folds,
            frozen.seed,
        );
        assert_eq!(made, Some(frozen), "{name}");
    }
}

#[test]
fn kits19_masks_carry_their_clinical_data() {
    let Some(shared) = shared() else { return };
    let manifest = committed("kits19-masks.yml", Some(&shared));
    let cases = manifest.cases().unwrap();
    let present = cases.iter().filter(
        |case| matches!(&case.source, CaseSource::Files { mask: Some(mask), .. } if mask.exists()),
    );
    if present.count() == 150 {
        assert_eq!(cases.len(), 150);
        assert_eq!(
            cases
                .iter()
                .filter(|case| case.target == Some(false))
                .count(),
            12
        );
        manifest.split(&cases).unwrap().unwrap();
    }
    let first = &cases[0];
    assert_eq!(first.case_id, "case_00000");
    let value = |name: &str| first.record.get(name).unwrap().clone();
    assert_eq!(value("malignant"), Value::Bool(true));
    assert_eq!(
        value("tumor_histologic_subtype"),
        Value::from("clear_cell_rcc")
    );
    assert_eq!(value("age_at_nephrectomy"), Value::Int(49));
    assert_eq!(value("pack_years"), Value::Float(0.0));
    assert_eq!(value("comorbidities.copd"), Value::Bool(false));
    assert_eq!(value("known_issue"), Value::Missing);
    let listed = |number: &str| cases.iter().find(|case| case.case_id.ends_with(number));
    for number in ["00015", "00023", "00037", "00125"] {
        if let Some(case) = listed(number) {
            assert!(case.known_issue.is_some(), "{number}");
        }
    }
    let loaded = load_case(first).unwrap();
    assert!(loaded.image.is_none());
    let mask = loaded.mask.unwrap();
    assert_eq!(mask.names[&2], "tumour");
    assert!(mask.counts()[&2] > 0);
}

#[test]
fn sarcomas_load_on_one_grid_each() {
    let Some(shared) = shared() else { return };
    let cases = committed("sts.yml", Some(&shared)).cases().unwrap();
    for case in &cases {
        let loaded = load_case(case).unwrap();
        assert!(loaded.image.is_some());
        assert!(loaded.mask.unwrap().counts()[&1] > 0, "{}", case.case_id);
        assert_eq!(case.target, None);
    }
}

#[test]
fn the_dicom_phantom_equals_its_nifti_twin() {
    let Some(shared) = shared() else { return };
    let load = |name| {
        let cases = committed(name, Some(&shared)).cases().unwrap();
        assert_eq!(cases[0].case_id, "ibsi_ct_phantom");
        load_case(&cases[0]).unwrap()
    };
    let (dicom, nifti) = (load("ibsi-ct-dicom.yml"), load("ibsi-ct-nifti.yml"));
    let (a, b) = (dicom.image.unwrap().to_f64(), nifti.image.unwrap().to_f64());
    assert_eq!(a.geometry().shape_zyx, b.geometry().shape_zyx);
    assert!(a.geometry().distance(b.geometry()).unwrap().voxels < 0.01);
    assert_eq!(a.voxels(), b.voxels());
    let (a, b) = (dicom.mask.unwrap(), nifti.mask.unwrap());
    assert_eq!(a.names, b.names);
    let pairs = || a.volume.voxels().iter().zip(b.volume.voxels());
    let both = pairs().filter(|(a, b)| **a == 1 && **b == 1).count();
    let sum = pairs()
        .map(|(a, b)| usize::from(*a == 1) + usize::from(*b == 1))
        .sum::<usize>();
    let dice = 2.0 * both as f64 / sum as f64;
    assert!(dice > 0.99, "{dice}");
}

#[test]
fn real_anatomy_keeps_its_shape_and_place() {
    let Some(shared) = shared() else { return };
    for number in [0, 15, 133] {
        let mask = shared.join(format!("data/kits19/case_{number:05}/segmentation.nii.gz"));
        if !mask.exists() {
            println!("skipped: no {}", mask.display());
            continue;
        }
        let real = renalflow_imaging::io::read_label_map(&mask, Default::default()).unwrap();
        let ml = |labels: &renalflow_imaging::Volume<u16>, wanted: u16| {
            let n = labels.voxels().iter().filter(|l| **l == wanted).count();
            n as f64 * labels.geometry().voxel_volume_mm3() / 1000.0
        };
        let center = |labels: &renalflow_imaging::Volume<u16>| {
            let mut sum = [0.0f64; 3];
            let mut n = 0.0;
            for ((z, y, x), label) in labels.view().indexed_iter() {
                if *label > 0 {
                    let world = labels
                        .geometry()
                        .world_from_voxel([z as f64, y as f64, x as f64]);
                    for i in 0..3 {
                        sum[i] += world[i];
                    }
                    n += 1.0;
                }
            }
            sum.map(|s| s / n)
        };
        let phantom = PhantomSpec {
            domain: Domain::Primary,
            index: 0,
            seed: 3,
            malignant: true,
            shape_zyx: Some([90, 150, 190]),
            spacing_zyx_mm: Some([3.0, 2.0, 2.0]),
            phase: None,
            anatomy: Some(mask),
        }
        .generate()
        .unwrap();
        for label in [1, 2] {
            let (wanted, got) = (ml(&real.volume, label), ml(&phantom.labels, label));
            // Small tumours lose a little at the surface to the smoothing of the voxels' steps.
            assert!(
                (got - wanted).abs() < 0.06 * wanted + 0.5,
                "{number} {label}: {wanted} {got}"
            );
        }
        let (a, b) = (center(&real.volume), center(&phantom.labels));
        for i in 0..3 {
            assert!((a[i] - b[i]).abs() < 2.0, "{number}: {a:?} {b:?}");
        }
        assert!(phantom.truth.exophytic_fraction.is_none());
    }
}
