//! Data sets in files: KiTS19's layout, pairs by pattern, DICOM trees.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    case::{CaseSource, CaseSpec, DicomMask, DicomMaskKind},
    error::{DatasetError, Location},
    manifest::Manifest,
    table::{self, Rows},
    yaml::nearest,
};

/// What to do with a case that has no row in the table, or no class in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unlabelled {
    /// Refuse the data set before the run.
    #[default]
    Error,
    /// Keep the case without a class.
    Keep,
}

/// Whether a data set has images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Images {
    /// Each case needs one.
    #[default]
    Required,
    /// Masks only.
    None,
}

/// KiTS19's layout: `case_XXXXX/{imaging,segmentation}.nii.gz` and `kits.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kits19Source {
    pub root: PathBuf,
    #[serde(default)]
    images: Images,
    /// Clinical data, relative to the root.
    #[serde(default = "kits_json")]
    clinical: PathBuf,
    #[serde(default)]
    unlabelled: Unlabelled,
}

fn kits_json() -> PathBuf {
    "kits.json".into()
}

/// A CSV of labels and clinical data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableSource {
    pub file: PathBuf,
    /// Column of the case's id.
    #[serde(default = "case_id")]
    case: String,
    /// Column of the patient's id; without it every case is a patient.
    patient: Option<String>,
    #[serde(default)]
    unlabelled: Unlabelled,
}

fn case_id() -> String {
    "case_id".to_owned()
}

/// Pairs of an image and a mask.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PairsSource {
    pub root: PathBuf,
    /// Where the image of `{case}` lies, relative to the root.
    image: Option<String>,
    /// Where the mask lies.
    mask: Option<String>,
    /// The cases one by one, in place of the patterns.
    #[serde(default)]
    cases: Vec<PairSource>,
    pub table: Option<TableSource>,
}

/// One pair, written out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PairSource {
    case: String,
    patient: Option<String>,
    image: Option<PathBuf>,
    mask: Option<PathBuf>,
}

/// DICOM series with RTSTRUCT or SEG masks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DicomSource {
    pub root: PathBuf,
    /// Folder of `{case}`'s series, relative to the root.
    image: Option<String>,
    rtstruct: Option<String>,
    segmentation: Option<String>,
    /// Label of each region by its name.
    #[serde(default)]
    rois: BTreeMap<String, u16>,
    /// The cases one by one, in place of the patterns.
    #[serde(default)]
    cases: Vec<DicomCaseSource>,
    pub table: Option<TableSource>,
}

/// One DICOM case, written out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DicomCaseSource {
    case: String,
    patient: Option<String>,
    image: PathBuf,
    rtstruct: Option<PathBuf>,
    segmentation: Option<PathBuf>,
    /// Regions of this case, where they are named otherwise than in the rest.
    rois: Option<BTreeMap<String, u16>>,
}

/// A case of which no more than the files is known.
fn bare(case_id: &str, patient: Option<&String>, source: CaseSource) -> CaseSpec {
    CaseSpec {
        case_id: case_id.to_owned(),
        patient_id: patient.cloned().unwrap_or_else(|| case_id.to_owned()),
        source,
        record: Default::default(),
        target: None,
        labels: Default::default(),
        known_issue: None,
    }
}

/// The cases of KiTS19's layout: the folders there are and the rows of `kits.json`.
pub(crate) fn kits19(
    manifest: &Manifest,
    source: &Kits19Source,
) -> Result<Vec<CaseSpec>, DatasetError> {
    let clinical = source.root.join(&source.clinical);
    let rows = table::read_kits_json(&clinical)?;
    let files = |case: &str| {
        let folder = source.root.join(case);
        CaseSource::Files {
            image: (source.images == Images::Required).then(|| folder.join("imaging.nii.gz")),
            mask: Some(folder.join("segmentation.nii.gz")),
        }
    };
    let ids = Pattern::parse("case_{case}")
        .and_then(|pattern| pattern.ids(&source.root).ok())
        .unwrap_or_default()
        .into_iter()
        .map(|number| format!("case_{number}"))
        .chain(rows.keys().cloned())
        .collect::<BTreeSet<_>>();
    let cases = ids.iter().map(|id| bare(id, None, files(id))).collect();
    join(manifest, cases, rows, &clinical, source.unlabelled)
}

/// The cases of a folder of pairs.
pub(crate) fn pairs(
    manifest: &Manifest,
    source: &PairsSource,
) -> Result<Vec<CaseSpec>, DatasetError> {
    let rows = read_table(source.table.as_ref())?;
    let at = |path: &Path| source.root.join(path);
    let written: Vec<CaseSpec> = source
        .cases
        .iter()
        .map(|pair| {
            let files = CaseSource::Files {
                image: pair.image.as_deref().map(at),
                mask: pair.mask.as_deref().map(at),
            };
            bare(&pair.case, pair.patient.as_ref(), files)
        })
        .collect();
    let patterns = [source.image.as_deref(), source.mask.as_deref()];
    let ids = found(
        manifest,
        &source.root,
        &patterns,
        &rows,
        !written.is_empty(),
    )?;
    let matched = ids.iter().map(|id| {
        let [image, mask] = patterns.map(|p| p.map(|p| at(Path::new(&p.replace("{case}", id)))));
        bare(id, None, CaseSource::Files { image, mask })
    });
    finish(
        manifest,
        written,
        matched.collect(),
        rows,
        source.table.as_ref(),
    )
}

/// The cases of a DICOM tree.
pub(crate) fn dicom(
    manifest: &Manifest,
    source: &DicomSource,
) -> Result<Vec<CaseSpec>, DatasetError> {
    let rows = read_table(source.table.as_ref())?;
    let at = |path: &Path| source.root.join(path);
    let mask = |rtstruct: Option<PathBuf>, segmentation: Option<PathBuf>, rois: &BTreeMap<_, _>| {
        let (file, kind) = match (rtstruct, segmentation) {
            (Some(file), _) => (file, DicomMaskKind::RtStruct),
            (None, Some(file)) => (file, DicomMaskKind::Segmentation),
            (None, None) => return None,
        };
        Some(DicomMask {
            file,
            kind,
            rois: rois.clone(),
        })
    };
    let written: Vec<CaseSpec> = source
        .cases
        .iter()
        .map(|case| {
            let files = CaseSource::Dicom {
                image: at(&case.image),
                mask: mask(
                    case.rtstruct.as_deref().map(at),
                    case.segmentation.as_deref().map(at),
                    case.rois.as_ref().unwrap_or(&source.rois),
                ),
            };
            bare(&case.case, case.patient.as_ref(), files)
        })
        .collect();
    let patterns = [
        source.image.as_deref(),
        source.rtstruct.as_deref(),
        source.segmentation.as_deref(),
    ];
    let ids = found(
        manifest,
        &source.root,
        &patterns,
        &rows,
        !written.is_empty(),
    )?;
    let matched = ids.iter().map(|id| {
        let [image, rtstruct, segmentation] =
            patterns.map(|p| p.map(|p| at(Path::new(&p.replace("{case}", id)))));
        let files = CaseSource::Dicom {
            image: image.unwrap_or_else(|| source.root.clone()),
            mask: mask(rtstruct, segmentation, &source.rois),
        };
        bare(id, None, files)
    });
    let matched: Vec<CaseSpec> = matched.collect();
    let unnamed = written
        .iter()
        .chain(&matched)
        .find(|case| match &case.source {
            CaseSource::Dicom {
                mask: Some(mask), ..
            } => mask.kind == DicomMaskKind::RtStruct && mask.rois.is_empty(),
            _ => false,
        });
    if let Some(case) = unnamed {
        return Err(DatasetError::Manifest {
            manifest: manifest.file.clone(),
            cause: format!("case {} has an RTSTRUCT and no `rois`", case.case_id),
            fix: "say which regions to draw, and as which label: `rois: {GTV-1: 1}`".to_owned(),
        });
    }
    finish(manifest, written, matched, rows, source.table.as_ref())
}

fn read_table(table: Option<&TableSource>) -> Result<Rows, DatasetError> {
    match table {
        Some(table) => table::read_csv(&table.file, &table.case, table.patient.as_deref()),
        None => Ok(Rows::new()),
    }
}

/// The ids that any pattern finds or the table lists; none where the cases are written out.
fn found(
    manifest: &Manifest,
    root: &Path,
    patterns: &[Option<&str>],
    rows: &Rows,
    written_out: bool,
) -> Result<BTreeSet<String>, DatasetError> {
    let given: Vec<&str> = patterns.iter().copied().flatten().collect();
    let refuse = |cause: String, fix: &str| {
        Err(DatasetError::Manifest {
            manifest: manifest.file.clone(),
            cause,
            fix: fix.to_owned(),
        })
    };
    match (written_out, given.is_empty()) {
        (true, true) => return Ok(BTreeSet::new()),
        (true, false) => {
            return refuse(
                "it has both `cases` and a pattern".to_owned(),
                "write the cases out or give patterns, not both",
            );
        }
        (false, true) => {
            return refuse(
                "it has neither `cases` nor a pattern".to_owned(),
                "give `image: \"{case}/image.nii.gz\"` or the like",
            );
        }
        (false, false) => {}
    }
    let mut ids: BTreeSet<String> = rows.keys().cloned().collect();
    for text in given {
        match Pattern::parse(text) {
            Some(pattern) => ids.extend(pattern.ids(root)?),
            None => {
                return refuse(
                    format!("the pattern `{text}` has no {{case}}"),
                    "put {case} where the case's id stands in the path",
                );
            }
        }
    }
    Ok(ids)
}

/// A relative path with `{case}` in one of its parts.
struct Pattern<'a> {
    folder: &'a str,
    before: &'a str,
    after: &'a str,
    /// What follows the part with the case.
    rest: &'a str,
}

impl<'a> Pattern<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (head, tail) = text.split_once("{case}")?;
        let (folder, before) = head.rsplit_once('/').unwrap_or(("", head));
        let (after, rest) = tail.split_once('/').unwrap_or((tail, ""));
        Some(Self {
            folder,
            before,
            after,
            rest,
        })
    }

    /// The ids for which the path exists.
    fn ids(&self, root: &Path) -> Result<Vec<String>, DatasetError> {
        let folder = root.join(self.folder);
        let io = |source| DatasetError::Io {
            path: folder.clone(),
            source,
        };
        let mut ids = Vec::new();
        for entry in fs::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name();
            let id = name
                .to_str()
                .and_then(|name| name.strip_prefix(self.before))
                .and_then(|name| name.strip_suffix(self.after))
                .filter(|id| !id.is_empty());
            if let Some(id) = id {
                let full = self.rest.replace("{case}", id);
                if full.is_empty() || entry.path().join(full).exists() {
                    ids.push(id.to_owned());
                }
            }
        }
        Ok(ids)
    }
}

/// Join the cases with the table's rows.
fn finish(
    manifest: &Manifest,
    written: Vec<CaseSpec>,
    matched: Vec<CaseSpec>,
    rows: Rows,
    table: Option<&TableSource>,
) -> Result<Vec<CaseSpec>, DatasetError> {
    let cases = if written.is_empty() { matched } else { written };
    let mut seen = BTreeSet::new();
    if let Some(twice) = cases.iter().find(|case| !seen.insert(&case.case_id)) {
        return Err(DatasetError::Manifest {
            manifest: manifest.file.clone(),
            cause: format!("case {} is listed twice", twice.case_id),
            fix: "keep one entry a case".to_owned(),
        });
    }
    if cases.is_empty() {
        return Err(DatasetError::NoCases {
            manifest: manifest.file.clone(),
            cause: "no path matches the patterns".to_owned(),
            fix: "check the root and the patterns".to_owned(),
        });
    }
    match table {
        None => Ok(cases),
        Some(table) => join(manifest, cases, rows, &table.file, table.unlabelled),
    }
}

/// Give each case its row and class. Cases that the manifest excludes may lack them.
fn join(
    manifest: &Manifest,
    mut cases: Vec<CaseSpec>,
    mut rows: Rows,
    file: &Path,
    unlabelled: Unlabelled,
) -> Result<Vec<CaseSpec>, DatasetError> {
    let target = manifest.target.as_deref();
    let mut without_row = Vec::new();
    let mut without_class = Vec::new();
    for case in &mut cases {
        let excluded = manifest.exclude.contains(&case.case_id);
        let Some(row) = rows.remove(&case.case_id) else {
            if !excluded {
                without_row.push(case.case_id.clone());
            }
            continue;
        };
        if let Some(patient) = row.patient_id {
            case.patient_id = patient;
        }
        case.record = row.record;
        if let Some(target) = target {
            case.target = case.record.get(target).and_then(|value| value.as_class());
            if case.target.is_none() && !excluded {
                without_class.push((case.case_id.clone(), row.line));
            }
        }
    }
    let refuse = |line, cause, fix: &str| {
        Err(DatasetError::Table {
            at: Location::new(file, line),
            cause,
            fix: fix.to_owned(),
        })
    };
    if let Some((id, row)) = rows.iter().next() {
        // Cases written out in the manifest, and a row for none of them.
        return refuse(
            Some(row.line),
            format!("a row for {id}, which is no case of the data set"),
            "add the case to the manifest or remove the row",
        );
    }
    if let Some(name) = target {
        let known: BTreeSet<&str> = cases
            .iter()
            .flat_map(|case| case.record.iter().map(|(name, _)| name))
            .collect();
        if !known.contains(name) {
            let near = nearest(name, known.iter().copied())
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return refuse(
                Some(1),
                format!("no column `{name}`, which is the manifest's target{near}"),
                "name a column of the table as `target`",
            );
        }
    }
    if unlabelled == Unlabelled::Keep {
        return Ok(cases);
    }
    if !without_row.is_empty() {
        return refuse(
            None,
            format!("no row for {}", list(&without_row)),
            "add the rows, `exclude` the cases, or set `unlabelled: keep`",
        );
    }
    if let Some((_, line)) = without_class.first() {
        let ids: Vec<String> = without_class.iter().map(|(id, _)| id.clone()).collect();
        return refuse(
            Some(*line),
            format!(
                "no class (true or false) in `{}` for {}",
                target.unwrap_or_default(),
                list(&ids)
            ),
            "fill it in, or set `unlabelled: keep`",
        );
    }
    Ok(cases)
}

/// The first few of a list.
pub(crate) fn list(ids: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = ids
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match ids.len() {
        0..=SHOWN => shown,
        n => format!("{shown} and {} more ({n} in all)", n - SHOWN),
    }
}
