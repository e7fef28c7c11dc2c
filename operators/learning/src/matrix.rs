//! The table that a classifier learns from: cases by features, with labels and patients.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::LearningError;

/// Who a row belongs to. Several cases (two kidneys, two scans) may share a patient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowId {
    /// Unique in the table.
    pub case_id: String,
    /// Rows of one patient are never in training and test at once.
    pub patient_id: String,
}

/// Beyond this a value is as good as infinite: its square overflows in what follows.
const LARGEST: f64 = 1e100;

/// Cases by features, with a binary label a case. NaN stands for a missing value.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMatrix {
    names: Vec<String>,
    rows: Vec<RowId>,
    /// One vector of `rows.len()` values a feature.
    columns: Vec<Vec<f64>>,
    labels: Vec<bool>,
    /// Index of each row's patient in the sorted list of patients.
    patients: Vec<usize>,
    patient_count: usize,
}

impl FeatureMatrix {
    /// Put a table together.
    ///
    /// # Shapes
    /// `values`: row-major `[rows.len(), names.len()]`; `labels`: `[rows.len()]`, `true` for
    /// the positive class.
    ///
    /// # Errors
    /// No row or no column, lengths that disagree, a case or a feature twice, a value that is infinite
    /// or beyond 1e100.
    pub fn new(
        names: Vec<String>,
        rows: Vec<RowId>,
        values: &[f64],
        labels: Vec<bool>,
    ) -> Result<Self, LearningError> {
        let features = names.len();
        if rows.is_empty() || features == 0 {
            return Err(LearningError::Empty {
                rows: rows.len(),
                features,
            });
        }
        for (what, expected, found) in [
            ("values", rows.len() * features, values.len()),
            ("labels", rows.len(), labels.len()),
        ] {
            if expected != found {
                return Err(LearningError::Length {
                    what,
                    expected,
                    found,
                });
            }
        }
        if let Some(case) = duplicate(rows.iter().map(|row| row.case_id.as_str())) {
            return Err(LearningError::DuplicateCase(case));
        }
        if let Some(name) = duplicate(names.iter().map(String::as_str)) {
            return Err(LearningError::DuplicateFeature(name));
        }
        if let Some(at) = values.iter().position(|v| v.abs() > LARGEST) {
            return Err(LearningError::Infinite {
                case: rows[at / features].case_id.clone(),
                feature: names[at % features].clone(),
                value: values[at],
            });
        }
        let columns = (0..features)
            .map(|j| values.iter().skip(j).step_by(features).copied().collect())
            .collect();
        let mut index: BTreeMap<&str, usize> =
            rows.iter().map(|r| (r.patient_id.as_str(), 0)).collect();
        for (i, patient) in index.values_mut().enumerate() {
            *patient = i;
        }
        let patients = rows.iter().map(|r| index[r.patient_id.as_str()]).collect();
        let patient_count = index.len();
        Ok(Self {
            names,
            rows,
            columns,
            labels,
            patients,
            patient_count,
        })
    }

    /// Names of the features, in column order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Case and patient of each row.
    #[must_use]
    pub fn rows(&self) -> &[RowId] {
        &self.rows
    }

    /// Label of each row; `true` is the positive class.
    #[must_use]
    pub fn labels(&self) -> &[bool] {
        &self.labels
    }

    /// The values of one feature, one a row.
    #[must_use]
    pub fn column(&self, feature: usize) -> &[f64] {
        &self.columns[feature]
    }

    /// Index of a feature.
    ///
    /// # Errors
    /// A name that the table does not have; the error lists similar ones.
    pub fn find(&self, name: &str) -> Result<usize, LearningError> {
        self.names
            .iter()
            .position(|n| n == name)
            .ok_or_else(|| LearningError::UnknownFeature {
                name: name.to_owned(),
                near: self.similar(name),
            })
    }

    /// A table with some of the features, in the order given.
    ///
    /// # Errors
    /// A name that the table does not have, no name, or one given twice.
    pub fn with_features(&self, names: &[&str]) -> Result<Self, LearningError> {
        if names.is_empty() {
            return Err(LearningError::Empty {
                rows: self.rows.len(),
                features: 0,
            });
        }
        if let Some(name) = duplicate(names.iter().copied()) {
            return Err(LearningError::DuplicateFeature(name));
        }
        let columns = names
            .iter()
            .map(|name| Ok(self.columns[self.find(name)?].clone()))
            .collect::<Result<_, LearningError>>()?;
        Ok(Self {
            names: names.iter().map(|&n| n.to_owned()).collect(),
            columns,
            ..self.clone()
        })
    }

    /// Features without a value in any row.
    #[must_use]
    pub fn all_missing(&self) -> Vec<String> {
        self.names
            .iter()
            .zip(&self.columns)
            .filter(|(_, column)| column.iter().all(|v| v.is_nan()))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Index of each row's patient, from 0, in the order of their sorted ids.
    pub(crate) fn patients(&self) -> &[usize] {
        &self.patients
    }

    pub(crate) fn patient_count(&self) -> usize {
        self.patient_count
    }

    /// Positive and negative cases among some rows.
    pub(crate) fn class_counts(&self, rows: &[usize]) -> (usize, usize) {
        let positives = rows.iter().filter(|&&row| self.labels[row]).count();
        (positives, rows.len() - positives)
    }

    /// Up to three names that share the most three-letter pieces with `name`.
    fn similar(&self, name: &str) -> Vec<String> {
        let pieces = |text: &str| -> BTreeSet<Vec<u8>> {
            let lower = text.to_ascii_lowercase();
            lower.as_bytes().windows(3).map(<[u8]>::to_vec).collect()
        };
        let wanted = pieces(name);
        let mut ranked: Vec<_> = self
            .names
            .iter()
            .map(|n| (pieces(n).intersection(&wanted).count(), n))
            .filter(|(shared, _)| *shared > 0)
            .collect();
        ranked.sort_by_key(|&(shared, _)| std::cmp::Reverse(shared));
        ranked.into_iter().take(3).map(|(_, n)| n.clone()).collect()
    }
}

fn duplicate<'a>(mut items: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut seen = BTreeSet::new();
    items.find(|&item| !seen.insert(item)).map(str::to_owned)
}
