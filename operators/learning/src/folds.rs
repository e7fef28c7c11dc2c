//! Which rows are held out together: never two rows of one patient on different sides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    error::LearningError,
    matrix::FeatureMatrix,
    options::require,
    random::{Purpose, shuffle, stream},
};

/// How cases are held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Scheme {
    /// One fold a patient.
    ///
    /// What is learnt of the class balance is learnt from a training set that lacks the case's
    /// own class, so a score that leans on the balance is ranked backwards over the folds: the
    /// pooled AUC of pure noise lies below 0.5 (Airola et al., Comput Stat Data Anal
    /// 2011;55:1828). Repeated folds suffer far less.
    LeaveOnePatientOut,
    /// Patients dealt to folds at random, each class evenly; again for each repeat.
    RepeatedStratifiedKFold {
        /// Folds of one repeat, at least 2.
        folds: usize,
        /// Times that the patients are dealt anew.
        repeats: usize,
    },
    /// Folds of a frozen split file. Patients of the split that are not in the table are
    /// passed over.
    Supplied {
        /// Fold (any number) of each patient_id.
        fold_of_patient: BTreeMap<String, usize>,
    },
}

impl Default for Scheme {
    fn default() -> Self {
        Self::RepeatedStratifiedKFold {
            folds: 5,
            repeats: 5,
        }
    }
}

impl Scheme {
    /// Check what does not depend on the patients.
    ///
    /// # Errors
    /// Fewer than two folds, or no repeat.
    pub(crate) fn validate(&self) -> Result<(), LearningError> {
        let Self::RepeatedStratifiedKFold { folds, repeats } = self else {
            return Ok(());
        };
        require(
            "scheme",
            format!("{folds} folds, {repeats} repeats"),
            *folds >= 2 && *repeats >= 1,
            "at least 2 folds and 1 repeat",
        )
    }

    /// The fold of each row, for each repeat; folds are numbered from 0.
    ///
    /// # Shapes
    /// `[repeats][rows]`
    ///
    /// # Errors
    /// Fewer patients of a class than folds, fewer than two of a class at all, a patient that
    /// the split does not mention, a fold whose training set has one class only.
    pub(crate) fn assign(
        &self,
        matrix: &FeatureMatrix,
        seed: u64,
    ) -> Result<Vec<Vec<usize>>, LearningError> {
        let all: Vec<usize> = (0..matrix.rows().len()).collect();
        let (positives, negatives) = matrix.class_counts(&all);
        if positives == 0 || negatives == 0 {
            return Err(LearningError::OneClass {
                positives,
                negatives,
            });
        }
        let assigned = match self {
            Self::LeaveOnePatientOut => {
                enough_patients(matrix, 2)?;
                vec![matrix.patients().to_vec()]
            }
            &Self::RepeatedStratifiedKFold { folds, repeats } => {
                self.validate()?;
                enough_patients(matrix, folds)?;
                (0..repeats)
                    .map(|repeat| {
                        let mut rng = stream(seed, Purpose::Folds, repeat as u64);
                        deal(matrix.patients(), matrix.labels(), folds, |patients| {
                            shuffle(patients, &mut rng);
                        })
                    })
                    .collect()
            }
            Self::Supplied { fold_of_patient } => vec![supplied(matrix, fold_of_patient)?],
        };
        for (repeat, fold_of_row) in assigned.iter().enumerate() {
            for fold in 0..fold_count(fold_of_row) {
                let (train, _) = split(fold_of_row, fold);
                let (positives, negatives) = matrix.class_counts(&train);
                if positives == 0 || negatives == 0 {
                    return Err(LearningError::OneClassWithoutFold {
                        repeat,
                        fold,
                        positives,
                        negatives,
                    });
                }
            }
        }
        Ok(assigned)
    }
}

/// Number of folds that an assignment uses.
pub(crate) fn fold_count(fold_of_row: &[usize]) -> usize {
    fold_of_row.iter().max().map_or(0, |last| last + 1)
}

/// The rows to train on and the rows held out.
pub(crate) fn split(fold_of_row: &[usize], fold: usize) -> (Vec<usize>, Vec<usize>) {
    (0..fold_of_row.len()).partition(|&row| fold_of_row[row] != fold)
}

/// Deal patients to folds, stratum by stratum (negative, positive, both), going on where the
/// last stratum ended so that the folds stay equally large.
///
/// # Shapes
/// `patients`, `labels` and the result: one a row.
pub(crate) fn deal(
    patients: &[usize],
    labels: &[bool],
    folds: usize,
    mut order: impl FnMut(&mut Vec<usize>),
) -> Vec<usize> {
    let mut fold_of_patient = BTreeMap::new();
    let mut next = 0;
    for mut stratum in strata(patients, labels) {
        order(&mut stratum);
        for patient in stratum {
            fold_of_patient.insert(patient, next % folds);
            next += 1;
        }
    }
    patients.iter().map(|p| fold_of_patient[p]).collect()
}

/// Patients with negative cases only, with positive cases only, and with both; each sorted.
pub(crate) fn strata(patients: &[usize], labels: &[bool]) -> [Vec<usize>; 3] {
    let mut has: BTreeMap<usize, [bool; 2]> = BTreeMap::new();
    for (&patient, &label) in patients.iter().zip(labels) {
        has.entry(patient).or_default()[usize::from(label)] = true;
    }
    [[true, false], [false, true], [true, true]].map(|wanted| {
        has.iter()
            .filter(|&(_, &classes)| classes == wanted)
            .map(|(&patient, _)| patient)
            .collect()
    })
}

fn enough_patients(matrix: &FeatureMatrix, folds: usize) -> Result<(), LearningError> {
    let [negative, positive, both] = strata(matrix.patients(), matrix.labels()).map(|s| s.len());
    for (class, patients) in [("negative", negative + both), ("positive", positive + both)] {
        if patients < folds {
            return Err(LearningError::TooFewPatients {
                class,
                patients,
                folds,
            });
        }
    }
    Ok(())
}

/// The folds of a split file, numbered anew from 0 in their order.
fn supplied(
    matrix: &FeatureMatrix,
    fold_of_patient: &BTreeMap<String, usize>,
) -> Result<Vec<usize>, LearningError> {
    let mut absent = Vec::new();
    let mut fold_of_row = Vec::new();
    for row in matrix.rows() {
        match fold_of_patient.get(&row.patient_id) {
            Some(&fold) => fold_of_row.push(fold),
            None => absent.push(row.patient_id.clone()),
        }
    }
    absent.dedup();
    if !absent.is_empty() {
        return Err(LearningError::NotInSplit(absent));
    }
    let mut used = fold_of_row.clone();
    used.sort_unstable();
    used.dedup();
    Ok(fold_of_row
        .iter()
        .map(|fold| used.partition_point(|f| f < fold))
        .collect())
}
