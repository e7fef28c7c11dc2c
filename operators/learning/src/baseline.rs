//! What a classifier must beat: the majority class, and the tumour's volume alone.

use serde::Serialize;

use crate::{
    bootstrap::{Estimate, Replicates},
    classifier::{Classifier, LogisticRegression},
    error::LearningError,
    matrix::FeatureMatrix,
    options::Options,
    pipeline::Pipeline,
    preparation::{impute, median},
    selection::Selection,
    validation::{Outcome, out_of_fold},
};

/// The two results that stand beside every classifier's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baselines {
    /// Always answering the class that more cases have (positive if both have as many), with
    /// the share of positive cases as the probability. Both are those of all cases, not of
    /// each training set: held-out folds shift the balance the wrong way, and would make this
    /// baseline weaker than it is.
    pub majority: Outcome,
    /// Logistic regression (penalty 1) on the volume alone, in the same folds.
    pub volume: Outcome,
    /// AUC of the volume as it is, larger meaning positive, nothing fitted; a missing volume
    /// counts as the median.
    pub raw_volume_auc: Option<Estimate>,
    /// AUC of the classifier (probabilities averaged over the repeats) less that of the volume
    /// as it is, on the same bootstrap replicates.
    pub auc_gain_over_raw_volume: Option<Estimate>,
}

impl Baselines {
    pub(crate) fn new(
        matrix: &FeatureMatrix,
        options: &Options,
        assigned: &[Vec<usize>],
        replicates: &Replicates,
        classifier: &Outcome,
    ) -> Result<Self, LearningError> {
        let labels = matrix.labels();
        let positives = labels.iter().filter(|&&label| label).count();
        let prevalence = positives as f64 / labels.len() as f64;
        let majority = Outcome::new(
            vec![vec![prevalence; labels.len()]; assigned.len()],
            labels,
            0.5,
            replicates,
        );

        let volume_only = matrix.with_features(&[&options.volume_feature])?;
        let (probabilities, _) = out_of_fold(assigned, |task| {
            let probabilities = volume_alone(&volume_only, &task.train, &task.test)?;
            Ok((probabilities, ()))
        })?;
        let volume = Outcome::new(probabilities, labels, options.threshold, replicates);

        let mut raw = volume_only.column(0).to_vec();
        impute(&mut raw, median(volume_only.column(0)).unwrap_or(0.0));
        Ok(Self {
            majority,
            volume,
            raw_volume_auc: replicates.auc(&raw, labels),
            auc_gain_over_raw_volume: replicates.auc_gain(
                &classifier.pooled_probabilities,
                &raw,
                labels,
            ),
        })
    }
}

/// Probabilities from the volume; where it says nothing (constant, or missing throughout), the
/// share of positive cases in training.
fn volume_alone(
    volume: &FeatureMatrix,
    train: &[usize],
    test: &[usize],
) -> Result<Vec<f64>, LearningError> {
    let classifier = Classifier::LogisticRegression(LogisticRegression::default());
    match Pipeline::fit_rows(volume, train, &Selection::none(), &classifier, 0) {
        Ok(pipeline) => pipeline.predict_rows(volume, test),
        Err(LearningError::NoFeatures { .. }) => {
            let (positives, _) = volume.class_counts(train);
            Ok(vec![positives as f64 / train.len() as f64; test.len()])
        }
        Err(other) => Err(other),
    }
}
