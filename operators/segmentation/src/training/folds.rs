//! Which cases train and which validate: by patient, from the folds of a split file.
//!
//! The file itself is read and checked by whoever owns it; here its `patient -> fold` table meets
//! the cases.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    case::{Domain, TrainingCase},
    error::TrainingError,
};

/// Indices of the cases of one fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldCases {
    /// To train on: the primary cases of the other folds, and every auxiliary case.
    pub train: Vec<usize>,
    /// Held out: the primary cases of the fold.
    pub validation: Vec<usize>,
}

/// The cases of a fold. Only primary cases are held out; an auxiliary case trains in every fold.
///
/// # Errors
/// A primary patient without a fold; a patient with both primary and auxiliary cases (its
/// auxiliary case would train while the primary one is held out); a case twice; a fold that
/// holds out no case, or all of them. Each by name.
pub fn fold_cases(
    cases: &[TrainingCase],
    fold_of_patient: &BTreeMap<String, u32>,
    fold: u32,
) -> Result<FoldCases, TrainingError> {
    let refuse = |cause: String, fix| Err(TrainingError::Folds { cause, fix });
    let mut ids = BTreeSet::new();
    if let Some(twice) = cases
        .iter()
        .find(|case| !ids.insert((case.domain(), case.case_id())))
    {
        return refuse(
            format!(
                "{} case {} is there twice",
                twice.domain().name(),
                twice.case_id()
            ),
            "give each case once",
        );
    }
    let patients = |domain| -> BTreeSet<&str> {
        cases
            .iter()
            .filter(|case| case.domain() == domain)
            .map(TrainingCase::patient_id)
            .collect()
    };
    let (primary, auxiliary) = (patients(Domain::Primary), patients(Domain::Auxiliary));
    let both: Vec<&str> = primary.intersection(&auxiliary).copied().collect();
    if !both.is_empty() {
        return refuse(
            format!(
                "patient(s) {} have primary and auxiliary cases",
                both.join(", ")
            ),
            "leave their auxiliary cases out: they would train while the primary ones are held out",
        );
    }
    let without: Vec<&str> = primary
        .iter()
        .copied()
        .filter(|patient| !fold_of_patient.contains_key(*patient))
        .collect();
    if !without.is_empty() {
        return refuse(
            format!("no fold for patient(s) {}", without.join(", ")),
            "use the split of this data set, or make a new one",
        );
    }
    let held_out = |case: &TrainingCase| {
        case.domain() == Domain::Primary && fold_of_patient.get(case.patient_id()) == Some(&fold)
    };
    let (validation, train): (Vec<usize>, Vec<usize>) =
        (0..cases.len()).partition(|&index| held_out(&cases[index]));
    if validation.is_empty() || validation.len() == cases.len() {
        return refuse(
            format!(
                "fold {fold} holds out {} of {} cases",
                validation.len(),
                cases.len()
            ),
            "take a fold of the split file that has some of these patients and not all",
        );
    }
    Ok(FoldCases { train, validation })
}
