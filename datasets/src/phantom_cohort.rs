//! A cohort of synthetic patients: from a manifest, and on disk in KiTS19's layout.

use std::{
    fs,
    path::{Path, PathBuf},
};

use renalflow_imaging::{Image, LabelMap, nifti};
use serde::Deserialize;

use crate::{
    case::{CaseSource, CaseSpec},
    error::{DatasetError, ExportError},
    load::phantom_labels,
    manifest::Manifest,
    phantom::{Domain, Phantom, PhantomSpec, Phase, random::Stream},
    record::{Record, Value},
};

/// A cohort in a manifest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PhantomSource {
    domain: Domain,
    /// Number of patients.
    count: u32,
    /// How many of them have a malignant tumour.
    malignant: u32,
    seed: u64,
    /// Number of the first patient, so that cohorts of one domain have no case id in common.
    #[serde(default)]
    first: u32,
    /// Folder of real masks in KiTS19's layout.
    pub anatomy: Option<PathBuf>,
    shape_zyx: Option<[usize; 3]>,
    spacing_zyx_mm: Option<[f64; 3]>,
    phase: Option<Phase>,
}

/// The cohort's cases.
pub(crate) fn cases(
    manifest: &Manifest,
    source: &PhantomSource,
) -> Result<Vec<CaseSpec>, DatasetError> {
    let refuse = |cause: String, fix: &str| {
        Err(DatasetError::Manifest {
            manifest: manifest.file.clone(),
            cause,
            fix: fix.to_owned(),
        })
    };
    if source.count == 0 {
        return refuse("`count` is 0".to_owned(), "ask for at least one patient");
    }
    if source.malignant > source.count {
        return refuse(
            format!(
                "{} malignant of {} patients",
                source.malignant, source.count
            ),
            "`malignant` is at most `count`",
        );
    }
    if source.first.checked_add(source.count).is_none() {
        return refuse(
            format!("{} patients from number {}", source.count, source.first),
            "lower `first`: numbers are 32-bit",
        );
    }
    let masks = match &source.anatomy {
        Some(folder) => masks_in(folder)?,
        None => Vec::new(),
    };
    if source.anatomy.is_some() && masks.len() < source.count as usize {
        return refuse(
            format!(
                "{} patients, and real anatomy for {}",
                source.count,
                masks.len()
            ),
            "lower `count`, or point `anatomy` to more case_*/segmentation.nii.gz",
        );
    }
    let mut classes: Vec<bool> = (0..source.count).map(|i| i < source.malignant).collect();
    Stream::new(source.seed, &format!("classes {}", source.domain.name())).shuffle(&mut classes);
    let cases = (0..source.count).zip(classes).map(|(index, malignant)| {
        let spec = PhantomSpec {
            domain: source.domain,
            index: source.first + index,
            seed: source.seed,
            malignant,
            shape_zyx: source.shape_zyx,
            spacing_zyx_mm: source.spacing_zyx_mm,
            phase: source.phase,
            anatomy: masks.get(index as usize).cloned(),
        };
        CaseSpec {
            case_id: spec.case_id(),
            patient_id: spec.case_id(),
            record: designed(&spec),
            target: Some(malignant),
            source: CaseSource::Phantom(spec),
            labels: Default::default(),
            known_issue: None,
        }
    });
    Ok(cases.collect())
}

/// The masks of a folder in KiTS19's layout, in order of the cases.
fn masks_in(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let io = |source| DatasetError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut masks = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let mask = entry.map_err(io)?.path().join("segmentation.nii.gz");
        if mask.exists() {
            masks.push(mask);
        }
    }
    masks.sort();
    Ok(masks)
}

/// What is known before the patient is made; what is not is missing until then.
fn designed(spec: &PhantomSpec) -> Record {
    let design = spec.design();
    let mut record = Record::new();
    record.insert("malignant", Value::Bool(spec.malignant));
    record.insert("tumor_histologic_subtype", design.subtype.name().into());
    record.insert("domain", spec.domain.name().into());
    record.insert("phase", spec.effective_phase().name().into());
    for name in MEASURED {
        record.insert(name, Value::Missing);
    }
    record.insert("phantom_seed", Value::Int(spec.seed as i64));
    record
}

/// What is known once the patient is made.
const MEASURED: [&str; 4] = [
    "tumour_side",
    "tumour_pole",
    "exophytic_fraction",
    "true_tumour_volume_ml",
];

/// Complete the record of a case with what came of it.
pub(crate) fn complete(record: &mut Record, phantom: &Phantom) {
    let truth = &phantom.truth;
    let values = [
        truth.side.name().into(),
        truth.pole.name().into(),
        truth
            .exophytic_fraction
            .map_or(Value::Missing, Value::Float),
        Value::Float(truth.tumour_volume_ml),
    ];
    for (name, value) in MEASURED.into_iter().zip(values) {
        record.insert(name, value);
    }
}

/// Lay out a cohort as KiTS19 does: `case_XXXXX/imaging.nii.gz` and `segmentation.nii.gz`
/// by the patient's number, and `kits.json` with what is known of each. The result reads as
/// a `kits19` data set. Axes are the phantom's own (not slice-first).
///
/// # Errors
/// A patient that cannot be made, a folder or file that cannot be written.
pub fn write_kits19(folder: &Path, specs: &[PhantomSpec]) -> Result<(), ExportError> {
    let mut clinical = Vec::new();
    for spec in specs {
        let case_id = format!("case_{:05}", spec.index);
        let case_folder = folder.join(&case_id);
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| ExportError::Io { path, source }
        };
        fs::create_dir_all(&case_folder).map_err(io(&case_folder))?;
        let phantom = spec.generate()?;
        let mut record = Record::new();
        record.insert("case_id", Value::Text(case_id));
        for (name, value) in designed(spec).iter() {
            record.insert(name, value.clone());
        }
        complete(&mut record, &phantom);
        nifti::write_image(
            case_folder.join("imaging.nii.gz"),
            &Image::I16(phantom.image),
        )?;
        let labels = LabelMap {
            volume: phantom.labels,
            names: phantom_labels(),
        };
        nifti::write_label_map(case_folder.join("segmentation.nii.gz"), &labels)?;
        clinical.push(record);
    }
    let path = folder.join("kits.json");
    let failed = |source: std::io::Error| ExportError::Io {
        path: path.clone(),
        source,
    };
    let text = serde_json::to_string_pretty(&clinical).map_err(|e| failed(e.into()))?;
    fs::write(&path, text + "\n").map_err(failed)
}
