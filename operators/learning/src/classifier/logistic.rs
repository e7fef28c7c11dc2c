//! Logistic regression: smartcore's coefficients, turned into probabilities.

use smartcore::{
    linalg::basic::{arrays::Array, matrix::DenseMatrix},
    linear::logistic_regression::{LogisticRegression as Solver, LogisticRegressionParameters},
};

use super::{Training, dense, sigmoid, solver};
use crate::error::LearningError;

#[derive(Debug)]
pub(crate) struct Logistic {
    /// One weight a feature.
    weights: Vec<f64>,
    intercept: f64,
}

pub(crate) fn fit(train: &Training<'_>, penalty: f64) -> Result<Logistic, LearningError> {
    let model: Solver<f64, u32, DenseMatrix<f64>, Vec<u32>> = Solver::fit(
        &dense(train.columns)?,
        &train.classes(),
        LogisticRegressionParameters::default().with_alpha(penalty),
    )
    .map_err(solver("logistic-regression"))?;
    Ok(Logistic {
        weights: (0..train.columns.len())
            .map(|feature| *model.coefficients().get((0, feature)))
            .collect(),
        intercept: *model.intercept().get((0, 0)),
    })
}

impl Logistic {
    pub(crate) fn predict(&self, columns: &[Vec<f64>]) -> Vec<f64> {
        let mut scores = vec![self.intercept; columns[0].len()];
        for (column, weight) in columns.iter().zip(&self.weights) {
            for (score, value) in scores.iter_mut().zip(column) {
                *score += weight * value;
            }
        }
        scores.into_iter().map(sigmoid).collect()
    }
}
