//! Frozen splits: which patient belongs to which fold, in a file that is checked against the
//! data set whenever it is used.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{error::DatasetError, files::list, phantom::random::Stream, yaml};

/// How a split was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Patients of each class in random order, dealt out to the folds in turn.
    StratifiedKFold,
}

/// A partition of patients into folds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// How it was made.
    pub scheme: Scheme,
    /// Number of folds.
    pub folds: u32,
    /// Seed of the random order.
    pub seed: u64,
    /// BLAKE3 of the patients' ids, sorted, each with a line feed.
    pub patients_digest: String,
    /// Fold of each patient, from 0.
    pub fold_of: BTreeMap<String, u32>,
}

impl Split {
    /// Make a split. A patient with several cases is positive if any case is; patients of no
    /// known class are a class of their own. The folds' sizes differ by at most one, and so
    /// do their shares of each class.
    ///
    /// Returns `None` unless there are at least two folds and as many patients as folds.
    #[must_use]
    pub fn stratified<'a>(
        patients: impl IntoIterator<Item = (&'a str, Option<bool>)>,
        folds: u32,
        seed: u64,
    ) -> Option<Self> {
        let mut class_of: BTreeMap<&str, Option<bool>> = BTreeMap::new();
        for (patient, class) in patients {
            let known = class_of.entry(patient).or_insert(class);
            *known = (*known).max(class);
        }
        if folds < 2 || class_of.len() < folds as usize {
            return None;
        }
        let mut fold_of = BTreeMap::new();
        // Each class goes on where the one before stopped, which keeps the folds even.
        let mut turn = 0u32;
        for class in [Some(true), Some(false), None] {
            let mut members: Vec<&str> = class_of
                .iter()
                .filter(|(_, c)| **c == class)
                .map(|(patient, _)| *patient)
                .collect();
            Stream::new(seed, &format!("split {class:?}")).shuffle(&mut members);
            for patient in members {
                fold_of.insert(patient.to_owned(), turn % folds);
                turn += 1;
            }
        }
        Some(Self {
            scheme: Scheme::StratifiedKFold,
            folds,
            seed,
            patients_digest: digest(fold_of.keys()),
            fold_of,
        })
    }

    /// Read a split file.
    ///
    /// # Errors
    /// No such file; patients that do not fit the digest (the file was edited); a fold that is
    /// out of range or empty.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        let split: Self = yaml::read(path)?;
        let refuse = |cause: String, fix: &str| {
            Err(DatasetError::Split {
                file: path.to_owned(),
                cause,
                fix: fix.to_owned(),
            })
        };
        let remake = "restore the file, or make the split anew";
        if digest(split.fold_of.keys()) != split.patients_digest {
            return refuse(
                "the patients do not fit `patients_digest`".to_owned(),
                remake,
            );
        }
        if let Some((patient, fold)) = split.fold_of.iter().find(|(_, f)| **f >= split.folds) {
            return refuse(
                format!("patient {patient} is in fold {fold} of {}", split.folds),
                remake,
            );
        }
        if let Some(empty) =
            (0..split.folds).find(|fold| !split.fold_of.values().any(|f| f == fold))
        {
            return refuse(format!("fold {empty} has no patient"), remake);
        }
        Ok(split)
    }

    /// Check that the split is about exactly these patients.
    ///
    /// # Errors
    /// A patient without a fold, or a fold for a patient that is not there; each by name.
    pub fn verify<'a>(
        &self,
        file: &Path,
        patients: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), DatasetError> {
        let present: BTreeMap<&str, ()> = patients.into_iter().map(|p| (p, ())).collect();
        let missing: Vec<String> = present
            .keys()
            .filter(|patient| !self.fold_of.contains_key(**patient))
            .map(|patient| (*patient).to_owned())
            .collect();
        let extra: Vec<String> = self
            .fold_of
            .keys()
            .filter(|patient| !present.contains_key(patient.as_str()))
            .cloned()
            .collect();
        let cause = match (missing.is_empty(), extra.is_empty()) {
            (true, true) => return Ok(()),
            (false, true) => format!("no fold for {}", list(&missing)),
            (true, false) => format!("a fold for {}, not in the data set", list(&extra)),
            (false, false) => format!(
                "no fold for {}; a fold for {}, not in the data set",
                list(&missing),
                list(&extra)
            ),
        };
        Err(DatasetError::Split {
            file: file.to_owned(),
            cause,
            fix: "use the split of this data set, or make a new one".to_owned(),
        })
    }

    /// Write the split.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), DatasetError> {
        let path = path.as_ref();
        let failed = |source| DatasetError::Io {
            path: path.to_owned(),
            source,
        };
        let text = serde_yaml::to_string(self).map_err(|e| failed(std::io::Error::other(e)))?;
        fs::write(path, text).map_err(failed)
    }
}

fn digest<'a>(sorted_patients: impl IntoIterator<Item = &'a String>) -> String {
    let mut hasher = blake3::Hasher::new();
    for patient in sorted_patients {
        hasher.update(patient.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_string()
}
