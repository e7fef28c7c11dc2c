//! Gaussian naive Bayes: smartcore's moments, turned into probabilities.

use smartcore::{
    linalg::basic::matrix::DenseMatrix,
    naive_bayes::gaussian::{GaussianNB, GaussianNBParameters},
};

use super::{Training, dense, sigmoid, solver};
use crate::error::LearningError;

/// Added to each variance: scikit-learn's share of the largest one, which is 1 for scaled
/// features.
const SMOOTHING: f64 = 1e-9;

#[derive(Debug)]
pub(crate) struct NaiveBayes {
    /// log(P(positive) / P(negative)) before any feature is seen.
    log_odds: f64,
    /// Mean and variance of each feature, in the negative and in the positive class.
    normals: Vec<[(f64, f64); 2]>,
}

pub(crate) fn fit(train: &Training<'_>) -> Result<NaiveBayes, LearningError> {
    let model: GaussianNB<f64, u32, DenseMatrix<f64>, Vec<u32>> = GaussianNB::fit(
        &dense(train.columns)?,
        &train.classes(),
        GaussianNBParameters::default(),
    )
    .map_err(solver("naive-bayes"))?;
    let prior = model.class_priors();
    Ok(NaiveBayes {
        log_odds: libm::log(prior[1] / prior[0]),
        normals: (0..train.columns.len())
            .map(|j| {
                [0, 1].map(|class| (model.theta()[class][j], model.var()[class][j] + SMOOTHING))
            })
            .collect(),
    })
}

impl NaiveBayes {
    pub(crate) fn predict(&self, columns: &[Vec<f64>]) -> Vec<f64> {
        let mut log_odds = vec![self.log_odds; columns[0].len()];
        for (column, normals) in columns.iter().zip(&self.normals) {
            for (score, &value) in log_odds.iter_mut().zip(column) {
                let [negative, positive] = normals.map(|(mean, variance)| {
                    -0.5 * (libm::log(variance) + (value - mean).powi(2) / variance)
                });
                *score += positive - negative;
            }
        }
        log_odds.into_iter().map(sigmoid).collect()
    }
}
