//! A data set in a YAML file.
//!
//! ```yaml
//! name: kits19-masks
//! licence: CC BY-NC-SA 4.0
//! labels: {1: kidney, 2: tumour}
//! target: malignant
//! known_issues: kits19-known-issues.yml
//! split: splits/kits19-masks.yml
//! source:
//!   kits19:
//!     root: ${RENALFLOW_SHARED:-../../shared}/data/kits19
//!     images: none
//! ```
//!
//! Paths are relative to the manifest's folder and may use `${NAME}` and `${NAME:-default}`.
//! A key that is not known is an error. `datasets/README.md` lists every key.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use renalflow_imaging::LabelNames;
use serde::Deserialize;

use crate::{
    case::CaseSpec,
    error::{DatasetError, Location},
    files::{self, DicomSource, Kits19Source, PairsSource},
    known_issues::{Action, KnownIssue},
    phantom_cohort::{self, PhantomSource},
    record::{self, Value},
    split::Split,
    variables::{self, Lookup},
    yaml,
};

/// A data set.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file it was read from.
    pub file: PathBuf,
    /// Name of the data set.
    pub name: String,
    /// What it is, in a sentence.
    pub description: Option<String>,
    /// Licence of the data.
    pub licence: Option<String>,
    /// Names of the mask's labels.
    pub labels: LabelNames,
    /// Column of the class to predict.
    pub target: Option<String>,
    /// Cases that are left out.
    pub exclude: BTreeSet<String>,
    /// The frozen split.
    pub split: Option<PathBuf>,
    /// The list of cases with known problems.
    pub known_issues: Option<PathBuf>,
    source: Source,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestYaml {
    name: String,
    description: Option<String>,
    licence: Option<String>,
    #[serde(default)]
    labels: LabelNames,
    target: Option<String>,
    #[serde(default)]
    exclude: BTreeSet<String>,
    split: Option<String>,
    known_issues: Option<String>,
    #[serde(with = "serde_yaml::with::singleton_map")]
    source: Source,
}

/// The kinds of data sets.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Kits19(Kits19Source),
    Pairs(PairsSource),
    Dicom(DicomSource),
    Phantom(PhantomSource),
}

impl Manifest {
    /// Read a manifest.
    ///
    /// `lookup` gives the values of variables in paths; a relative path that it gives is
    /// taken from the manifest's folder, like any other.
    ///
    /// # Errors
    /// A file that cannot be read or is no YAML; a key that is unknown (with the nearest one
    /// and the line), missing or of the wrong type; a variable without a value.
    pub fn read(path: impl AsRef<Path>, lookup: &Lookup<'_>) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        let written: ManifestYaml = yaml::read(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let resolve = |text: &str| {
            variables::resolve(text, folder, lookup).map_err(|cause| DatasetError::Yaml {
                at: Location::new(path, None),
                cause,
                fix: Some("set it, or give it a default: ${NAME:-default}".to_owned()),
            })
        };
        let mut source = written.source;
        source.resolve(&resolve)?;
        Ok(Self {
            file: path.to_owned(),
            name: written.name,
            description: written.description,
            licence: written.licence,
            labels: written.labels,
            target: written.target.or_else(|| source.default_target()),
            exclude: written.exclude,
            split: written.split.as_deref().map(resolve).transpose()?,
            known_issues: written.known_issues.as_deref().map(resolve).transpose()?,
            source,
        })
    }

    /// The same cohort of phantoms with kidneys and tumours of real masks, from a folder in
    /// KiTS19's layout.
    ///
    /// # Errors
    /// The data set is not a phantom's.
    pub fn with_anatomy(mut self, folder: PathBuf) -> Result<Self, DatasetError> {
        let Source::Phantom(phantom) = &mut self.source else {
            return Err(DatasetError::Manifest {
                manifest: self.file,
                cause: "real anatomy is asked for, and this is no phantom data set".to_owned(),
                fix: "name a manifest with `source: phantom`, such as datasets/phantom-primary.yml"
                    .to_owned(),
            });
        };
        phantom.anatomy = Some(folder);
        Ok(self)
    }

    /// `kits19`, `pairs`, `dicom` or `phantom`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.source {
            Source::Kits19(_) => "kits19",
            Source::Pairs(_) => "pairs",
            Source::Dicom(_) => "dicom",
            Source::Phantom(_) => "phantom",
        }
    }

    /// The cases in order of their ids, without those that are excluded. Reads folders and
    /// tables but no image: a file that is not there is found by [`crate::load_case`].
    ///
    /// # Errors
    /// A table with a case twice, cases without a row or class (unless they are to be kept),
    /// an excluded case that does not exist, no case at all.
    pub fn cases(&self) -> Result<Vec<CaseSpec>, DatasetError> {
        let mut cases = match &self.source {
            Source::Kits19(source) => files::kits19(self, source)?,
            Source::Pairs(source) => files::pairs(self, source)?,
            Source::Dicom(source) => files::dicom(self, source)?,
            Source::Phantom(source) => phantom_cohort::cases(self, source)?,
        };
        self.left_out(&cases)?;
        let issues: BTreeMap<String, KnownIssue> = self
            .known_issues()?
            .into_iter()
            .map(|issue| (issue.case.clone(), issue))
            .collect();
        cases.retain(|case| {
            let excluded = issues
                .get(&case.case_id)
                .is_some_and(|issue| issue.action == Action::Exclude);
            !excluded && !self.exclude.contains(&case.case_id)
        });
        if cases.is_empty() {
            return Err(DatasetError::NoCases {
                manifest: self.file.clone(),
                cause: "every case is excluded".to_owned(),
                fix: "exclude fewer".to_owned(),
            });
        }
        for case in &mut cases {
            case.labels.clone_from(&self.labels);
            case.known_issue = issues.get(&case.case_id).map(|issue| issue.what.clone());
            if self.known_issues.is_some() {
                let text = case.known_issue.clone().map_or(Value::Missing, Value::Text);
                case.record.insert("known_issue", text);
            }
        }
        cases.sort_by(|a, b| a.case_id.cmp(&b.case_id));
        let mut records: Vec<_> = cases
            .iter_mut()
            .map(|case| std::mem::take(&mut case.record))
            .collect();
        record::settle(&mut records);
        for (case, record) in cases.iter_mut().zip(records) {
            case.record = record;
        }
        Ok(cases)
    }

    /// Refuse to exclude what is not there.
    fn left_out(&self, cases: &[CaseSpec]) -> Result<(), DatasetError> {
        let known = || cases.iter().map(|case| case.case_id.as_str());
        match self
            .exclude
            .iter()
            .find(|id| !known().any(|case| case == *id))
        {
            None => Ok(()),
            Some(unknown) => {
                let near = yaml::nearest(unknown, known())
                    .map_or_else(String::new, |near| format!(" (the nearest is {near})"));
                Err(DatasetError::Manifest {
                    manifest: self.file.clone(),
                    cause: format!("`exclude` names {unknown}, which is no case{near}"),
                    fix: "correct or remove it".to_owned(),
                })
            }
        }
    }

    /// The cases with known problems, whether present or not; empty if none are listed.
    ///
    /// # Errors
    /// A list that cannot be read.
    pub fn known_issues(&self) -> Result<Vec<KnownIssue>, DatasetError> {
        match &self.known_issues {
            Some(file) => KnownIssue::read(file),
            None => Ok(Vec::new()),
        }
    }

    /// The frozen split, verified against the cases' patients; `None` if none is named.
    ///
    /// # Errors
    /// A split that cannot be read or does not fit (naming the patient).
    pub fn split(&self, cases: &[CaseSpec]) -> Result<Option<Split>, DatasetError> {
        let Some(file) = &self.split else {
            return Ok(None);
        };
        let split = Split::read(file)?;
        split.verify(file, cases.iter().map(|case| case.patient_id.as_str()))?;
        Ok(Some(split))
    }
}

impl Source {
    /// KiTS19 and the phantom say which class they are about.
    fn default_target(&self) -> Option<String> {
        matches!(self, Self::Kits19(_) | Self::Phantom(_)).then(|| "malignant".to_owned())
    }

    /// Make the paths of the source absolute or relative to the working folder.
    fn resolve(
        &mut self,
        resolve: &dyn Fn(&str) -> Result<PathBuf, DatasetError>,
    ) -> Result<(), DatasetError> {
        let paths: Vec<&mut PathBuf> = match self {
            Self::Kits19(source) => vec![&mut source.root],
            Self::Pairs(source) => std::iter::once(&mut source.root)
                .chain(source.table.as_mut().map(|table| &mut table.file))
                .collect(),
            Self::Dicom(source) => std::iter::once(&mut source.root)
                .chain(source.table.as_mut().map(|table| &mut table.file))
                .collect(),
            Self::Phantom(source) => source.anatomy.as_mut().into_iter().collect(),
        };
        for path in paths {
            *path = resolve(&path.to_string_lossy())?;
        }
        Ok(())
    }
}
