//! Who is held out when, and the crops on either side.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use renalflow_datasets::Split;
use renalflow_sdk::Problem;
use renalflow_segmentation::{
    network::Domain,
    training::{case::TrainingCase, folds::fold_cases},
    weights::{Checkpoint, TrainedOn},
};

use crate::{
    options::Options,
    study::{Set, Study},
};

/// Check that `--only-folds` names folds that there are.
///
/// # Errors
/// The first that is not there.
pub fn check_only(only: &[u32], folds: u32) -> Result<(), Problem> {
    match only.iter().find(|fold| **fold >= folds) {
        None => Ok(()),
        Some(_) if folds == 0 => {
            Err(Problem::new("--only-folds, and there are no folds").fix("give --folds or --split"))
        }
        Some(fold) => Err(
            Problem::new(format!("--only-folds names fold {fold} of {folds}"))
                .fix("folds count from 0"),
        ),
    }
}

/// Who is held out when.
pub struct Folds {
    pub folds: u32,
    only: Vec<u32>,
    pub fold_of: BTreeMap<String, u32>,
}

impl Folds {
    pub fn of(options: &Options, studies: &[Study], folder: &Path) -> Result<Self, Problem> {
        let mut folds = Self {
            folds: 0,
            only: options.only_folds.clone(),
            fold_of: BTreeMap::new(),
        };
        if !options.has_folds() {
            check_only(&folds.only, 0)?;
            return Ok(folds);
        }
        let patients = || {
            let primary = studies.iter().filter(|study| study.set == Set::Primary);
            primary.map(Study::patient)
        };
        let split = match &options.split {
            Some(path) => Split::read(path)?,
            None => {
                let wanted = options.folds.unwrap_or_default();
                let drawn = patients().map(|patient| (patient, None));
                let split = Split::stratified(drawn, wanted, options.seed).ok_or_else(|| {
                    let patients: BTreeSet<&str> = patients().collect();
                    Problem::new(format!(
                        "{} patient(s) make no {wanted} folds",
                        patients.len()
                    ))
                    .fix("give fewer --folds, at least 2, or more cases")
                })?;
                split.write(folder.join("split.yml"))?;
                split
            }
        };
        check_only(&folds.only, split.folds)?;
        folds.folds = split.folds;
        folds.fold_of = split.fold_of;
        Ok(folds)
    }

    /// The folds to train, `None` for all cases at once.
    pub fn turns(&self) -> Vec<Option<u32>> {
        match (self.folds, self.only.as_slice()) {
            (0, _) => vec![None],
            (folds, []) => (0..folds).map(Some).collect(),
            (_, only) => only.iter().copied().map(Some).collect(),
        }
    }

    pub fn count(&self) -> usize {
        self.turns().len()
    }
}

/// The cases of which these crops are, with those that the network started from has seen; `None`
/// where that does not say.
pub fn trained_on<'a>(
    studies: &[Study],
    crops: impl Iterator<Item = &'a TrainingCase>,
    start: Option<&Checkpoint>,
) -> Option<TrainedOn> {
    let mut seen = match start {
        None => TrainedOn::default(),
        Some(checkpoint) => checkpoint.card.trained_on.clone()?,
    };
    let patients: BTreeSet<(Domain, &str)> = crops
        .map(|crop| (crop.domain(), crop.patient_id()))
        .collect();
    for study in studies {
        if study.set != Set::Test && patients.contains(&(study.set.domain(), study.patient())) {
            seen.add(study.patient(), &study.case_id);
        }
    }
    Some(seen)
}

type Apart = (Vec<TrainingCase>, Vec<TrainingCase>, Vec<usize>);

/// The crops that train and those that are held out, without a copy; and where each was.
pub fn apart(
    crops: Vec<TrainingCase>,
    fold_of: &BTreeMap<String, u32>,
    fold: u32,
) -> Result<Apart, Problem> {
    let cases = fold_cases(&crops, fold_of, fold)?;
    let mut slots: Vec<Option<TrainingCase>> = crops.into_iter().map(Some).collect();
    let mut take = |places: &[usize]| -> Vec<TrainingCase> {
        places
            .iter()
            .filter_map(|&place| slots[place].take())
            .collect()
    };
    let (train, held_out) = (take(&cases.train), take(&cases.validation));
    let back = cases.train.into_iter().chain(cases.validation).collect();
    Ok((train, held_out, back))
}

/// The crops in their old order.
pub fn together(
    train: Vec<TrainingCase>,
    held_out: Vec<TrainingCase>,
    back: Vec<usize>,
) -> Vec<TrainingCase> {
    if back.is_empty() {
        return train;
    }
    let mut placed: Vec<(usize, TrainingCase)> = back
        .into_iter()
        .zip(train.into_iter().chain(held_out))
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, crop)| crop).collect()
}
