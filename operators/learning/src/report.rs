//! The summary of a validation, as it stands in `metrics.json`.

use serde::Serialize;

use crate::{
    bootstrap::Estimate,
    folds::strata,
    metrics::Metrics,
    options::Options,
    validation::{Outcome, Stability, Validation},
};

/// What was validated, on whom, how, and how well it did beside the baselines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Name of the class that probabilities are of.
    pub positive_class: String,
    /// Cases by class.
    pub cases: Counts,
    /// Patients by the classes of their cases.
    pub patients: Counts,
    /// Folds of each repeat.
    pub folds: Vec<usize>,
    /// Every option, defaults included.
    pub options: Options,
    /// The classifier.
    pub classifier: Score,
    /// Always answering the more common class.
    pub baseline_majority: Score,
    /// Logistic regression on the volume alone, in the same folds.
    pub baseline_volume: Score,
    /// AUC of the volume as it is, nothing fitted.
    pub raw_volume_auc: Option<Estimate>,
    /// AUC of the classifier less that of the volume as it is, paired.
    pub auc_gain_over_raw_volume: Option<Estimate>,
    /// Features by how often they were selected.
    pub selected_features: Vec<Stability>,
    /// Features that had no value in any case.
    pub features_without_values: Vec<String>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All together.
    pub total: usize,
    /// Of the positive class only.
    pub positive: usize,
    /// Of the negative class only.
    pub negative: usize,
    /// Of both: patients with a case of each.
    pub both: usize,
}

/// How well one set of out-of-fold probabilities does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// AUC of the probabilities averaged over the repeats, with its interval.
    pub auc: Option<Estimate>,
    /// Mean of the repeats' AUCs: what one repeat is worth.
    pub mean_repeat_auc: Option<f64>,
    /// Measures of the averaged probabilities.
    pub pooled: Metrics,
    /// Measures of each repeat.
    pub repeats: Vec<Metrics>,
}

impl Report {
    /// Summarise a validation made with these options.
    #[must_use]
    pub fn new(validation: &Validation, options: &Options, positive_class: &str) -> Self {
        let labels = &validation.labels;
        let positive = labels.iter().filter(|&&label| label).count();
        let mut ids: Vec<&str> = validation.cases.iter().map(|c| &*c.patient_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let patients: Vec<usize> = validation
            .cases
            .iter()
            .map(|c| ids.partition_point(|&id| id < c.patient_id.as_str()))
            .collect();
        let [negative_only, positive_only, both] = strata(&patients, labels).map(|s| s.len());
        let baselines = &validation.baselines;
        Self {
            positive_class: positive_class.to_owned(),
            cases: Counts {
                total: labels.len(),
                positive,
                negative: labels.len() - positive,
                both: 0,
            },
            patients: Counts {
                total: ids.len(),
                positive: positive_only,
                negative: negative_only,
                both,
            },
            folds: validation
                .fold_of_case
                .iter()
                .map(|fold_of_case| crate::folds::fold_count(fold_of_case))
                .collect(),
            options: options.clone(),
            classifier: Score::new(&validation.classifier),
            baseline_majority: Score::new(&baselines.majority),
            baseline_volume: Score::new(&baselines.volume),
            raw_volume_auc: baselines.raw_volume_auc,
            auc_gain_over_raw_volume: baselines.auc_gain_over_raw_volume,
            selected_features: validation.stability.clone(),
            features_without_values: validation.all_missing.clone(),
        }
    }
}

impl Score {
    fn new(outcome: &Outcome) -> Self {
        let aucs: Option<Vec<f64>> = outcome.repeats.iter().map(|m| m.auc).collect();
        Self {
            auc: outcome.auc,
            mean_repeat_auc: aucs
                .filter(|a| !a.is_empty())
                .map(|a| a.iter().sum::<f64>() / a.len() as f64),
            pooled: outcome.pooled.clone(),
            repeats: outcome.repeats.clone(),
        }
    }
}
