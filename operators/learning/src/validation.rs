//! Cross-validation: fit on the patients of all folds but one, ask about those of that one.

use std::{borrow::Cow, collections::BTreeMap};

use rayon::prelude::*;
use serde::Serialize;

use crate::{
    baseline::Baselines,
    bootstrap::{Estimate, Replicates},
    error::LearningError,
    folds::{fold_count, split},
    matrix::{FeatureMatrix, RowId},
    metrics::Metrics,
    options::Options,
    pipeline::Pipeline,
    preparation::{Dropped, Selected},
    random::{self, Purpose},
};

/// Out-of-fold probabilities and what they are worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Probability of the positive class, `[repeats][cases]`, by pipelines that did not see the
    /// case's patient.
    pub probabilities: Vec<Vec<f64>>,
    /// Their mean over the repeats, `[cases]`.
    pub pooled_probabilities: Vec<f64>,
    /// Measures of each repeat.
    pub repeats: Vec<Metrics>,
    /// Measures of the mean probabilities.
    pub pooled: Metrics,
    /// AUC of the mean probabilities with its interval; `None` unless both classes are present.
    pub auc: Option<Estimate>,
}

/// What happened in one fold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fold {
    /// The repeat, from 0.
    pub repeat: usize,
    /// The fold held out, from 0.
    pub fold: usize,
    /// Cases trained on.
    pub train_cases: usize,
    /// Cases held out.
    pub test_cases: usize,
    /// Features used, the most important first.
    pub selected: Vec<Selected>,
    /// How many features fell at each step.
    pub dropped: Dropped,
}

/// How often a feature was selected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stability {
    /// Its name.
    pub feature: String,
    /// Folds (of all repeats) that selected it.
    pub folds: usize,
    /// The same as a fraction of all folds.
    pub frequency: f64,
    /// Mean importance in those folds; `None` where nothing was ranked.
    pub mean_importance: Option<f64>,
}

/// All that a cross-validation finds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validation {
    /// The cases, in the table's order, which every list of cases here keeps.
    pub cases: Vec<RowId>,
    /// Their labels; `true` is the positive class.
    pub labels: Vec<bool>,
    /// The fold of each case, `[repeats][cases]`.
    pub fold_of_case: Vec<Vec<usize>>,
    /// The classifier's result.
    pub classifier: Outcome,
    /// What it must beat.
    pub baselines: Baselines,
    /// Each fold's selection, repeat by repeat.
    pub folds: Vec<Fold>,
    /// Features by how often they were selected; the never selected are left out.
    pub stability: Vec<Stability>,
    /// Features without a value in any case: they took no part.
    pub all_missing: Vec<String>,
}

/// Validate a classifier, its selection of features included, on patients it has not seen.
///
/// The result is the same whatever the number of threads.
///
/// # Errors
/// A setting out of range, a volume column that is absent, one class only, fewer patients of a
/// class than folds, a patient without a fold in a supplied split, a training set with one
/// class or without a usable feature, a solver that gives up.
pub fn cross_validate(
    matrix: &FeatureMatrix,
    options: &Options,
) -> Result<Validation, LearningError> {
    options.validate()?;
    let features = candidates(matrix, options)?;
    let fold_of_case = options.scheme.assign(matrix, options.seed)?;
    let (probabilities, folds) = out_of_fold(&fold_of_case, |task| {
        let pipeline = Pipeline::fit_rows(
            &features,
            &task.train,
            &options.selection,
            &options.classifier,
            random::seed(options.seed, Purpose::Pipeline, task.index),
        )?;
        let probabilities = pipeline.predict_rows(&features, &task.test)?;
        let fold = Fold {
            repeat: task.repeat,
            fold: task.fold,
            train_cases: task.train.len(),
            test_cases: task.test.len(),
            selected: pipeline.selected().to_vec(),
            dropped: pipeline.dropped(),
        };
        Ok((probabilities, fold))
    })?;
    let replicates = Replicates::new(matrix, options);
    let labels = matrix.labels();
    let classifier = Outcome::new(probabilities, labels, options.threshold, &replicates);
    let baselines = Baselines::new(matrix, options, &fold_of_case, &replicates, &classifier)?;
    Ok(Validation {
        cases: matrix.rows().to_vec(),
        labels: labels.to_vec(),
        fold_of_case,
        classifier,
        baselines,
        stability: stability(&folds),
        folds,
        all_missing: matrix.all_missing(),
    })
}

/// The features that the classifier may use.
fn candidates<'a>(
    matrix: &'a FeatureMatrix,
    options: &Options,
) -> Result<Cow<'a, FeatureMatrix>, LearningError> {
    let volume = matrix.find(&options.volume_feature)?;
    if options.volume_is_feature {
        return Ok(Cow::Borrowed(matrix));
    }
    let others: Vec<&str> = (0..matrix.names().len())
        .filter(|&feature| feature != volume)
        .map(|feature| matrix.names()[feature].as_str())
        .collect();
    Ok(Cow::Owned(matrix.with_features(&others)?))
}

/// One fold to be held out.
pub(crate) struct Task {
    pub(crate) repeat: usize,
    pub(crate) fold: usize,
    /// Of all folds of all repeats.
    pub(crate) index: u64,
    pub(crate) train: Vec<usize>,
    pub(crate) test: Vec<usize>,
}

/// Do `work` for each fold of each repeat and put the probabilities back in the cases' order.
///
/// # Shapes
/// `assigned`: `[repeats][cases]`; returns probabilities `[repeats][cases]` and what `work`
/// said of each fold, in order.
pub(crate) fn out_of_fold<T: Send>(
    assigned: &[Vec<usize>],
    work: impl Fn(&Task) -> Result<(Vec<f64>, T), LearningError> + Sync,
) -> Result<(Vec<Vec<f64>>, Vec<T>), LearningError> {
    let tasks: Vec<Task> = assigned
        .iter()
        .enumerate()
        .flat_map(|(repeat, fold_of_case)| {
            (0..fold_count(fold_of_case)).map(move |fold| (repeat, fold, fold_of_case))
        })
        .zip(0..)
        .map(|((repeat, fold, fold_of_case), index)| {
            let (train, test) = split(fold_of_case, fold);
            Task {
                repeat,
                fold,
                index,
                train,
                test,
            }
        })
        .collect();
    // Collected before the errors are looked at, so that it is always the first that is told.
    let results: Vec<_> = tasks.par_iter().map(&work).collect();
    let cases = assigned.first().map_or(0, Vec::len);
    let mut probabilities = vec![vec![0.0; cases]; assigned.len()];
    let mut said = Vec::with_capacity(tasks.len());
    for (task, result) in tasks.iter().zip(results) {
        let (held_out, what) = result?;
        for (&case, probability) in task.test.iter().zip(held_out) {
            probabilities[task.repeat][case] = probability;
        }
        said.push(what);
    }
    Ok((probabilities, said))
}

impl Outcome {
    pub(crate) fn new(
        probabilities: Vec<Vec<f64>>,
        labels: &[bool],
        threshold: f64,
        replicates: &Replicates,
    ) -> Self {
        let repeats = probabilities.len() as f64;
        let pooled_probabilities: Vec<f64> = (0..labels.len())
            .map(|case| probabilities.iter().map(|p| p[case]).sum::<f64>() / repeats)
            .collect();
        Self {
            repeats: probabilities
                .iter()
                .map(|p| Metrics::new(p, labels, threshold))
                .collect(),
            pooled: Metrics::new(&pooled_probabilities, labels, threshold),
            auc: replicates.auc(&pooled_probabilities, labels),
            pooled_probabilities,
            probabilities,
        }
    }
}

fn stability(folds: &[Fold]) -> Vec<Stability> {
    let mut seen: BTreeMap<&str, (usize, Option<f64>)> = BTreeMap::new();
    for selected in folds.iter().flat_map(|fold| &fold.selected) {
        let (count, total) = seen.entry(&selected.feature).or_default();
        *count += 1;
        if let Some(importance) = selected.importance {
            *total = Some(total.unwrap_or(0.0) + importance);
        }
    }
    let mut stability: Vec<Stability> = seen
        .into_iter()
        .map(|(feature, (count, total))| Stability {
            feature: feature.to_owned(),
            folds: count,
            frequency: count as f64 / folds.len() as f64,
            mean_importance: total.map(|t| t / count as f64),
        })
        .collect();
    stability.sort_by(|a, b| {
        let importance = |s: &Stability| s.mean_importance.unwrap_or(0.0);
        (b.folds.cmp(&a.folds)).then(importance(b).total_cmp(&importance(a)))
    });
    stability
}
