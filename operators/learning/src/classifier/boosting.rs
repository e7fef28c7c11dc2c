//! Boosting for the log loss on smartcore's weighted regression trees.
//!
//! smartcore's own boosting has squared error as its only objective, which gives no
//! probabilities.

use smartcore::{
    linalg::basic::matrix::DenseMatrix,
    tree::decision_tree_regressor::{DecisionTreeRegressor, DecisionTreeRegressorParameters},
};

use super::{GradientBoosting, Training, dense, sigmoid, solver};
use crate::error::LearningError;

type Tree = DecisionTreeRegressor<f64, f64, DenseMatrix<f64>, Vec<f64>>;

const NAME: &str = "gradient-boosting";

/// Largest working response; the authors of the method advise 2 to 4.
const LARGEST_RESPONSE: f64 = 4.0;

/// Smallest case weight, where a probability has come to 0 or 1.
const SMALLEST_WEIGHT: f64 = 1e-9;

#[derive(Debug)]
pub(crate) struct Boosted {
    /// Log odds of the training set.
    start: f64,
    learning_rate: f64,
    trees: Vec<Tree>,
}

pub(crate) fn fit(
    train: &Training<'_>,
    options: &GradientBoosting,
) -> Result<Boosted, LearningError> {
    let x = dense(train.columns)?;
    let y = train.targets();
    let prior = y.iter().sum::<f64>() / y.len() as f64;
    let start = libm::log(prior / (1.0 - prior));
    let mut scores = vec![start; y.len()];
    let mut trees = Vec::with_capacity(options.stages);
    for _ in 0..options.stages {
        let p: Vec<f64> = scores.iter().map(|&s| sigmoid(s)).collect();
        let weights: Vec<f64> = p
            .iter()
            .map(|p| (p * (1.0 - p)).max(SMALLEST_WEIGHT))
            .collect();
        let response: Vec<f64> = (0..y.len())
            .map(|i| ((y[i] - p[i]) / weights[i]).clamp(-LARGEST_RESPONSE, LARGEST_RESPONSE))
            .collect();
        let parameters = DecisionTreeRegressorParameters::default()
            // smartcore counts the levels of nodes, of which there is one more than of splits.
            .with_max_depth(options.max_depth.saturating_add(1))
            .with_min_samples_leaf(options.min_samples_leaf);
        let tree =
            Tree::fit_with_weights(&x, &response, &weights, parameters).map_err(solver(NAME))?;
        let steps = tree.predict(&x).map_err(solver(NAME))?;
        for (score, step) in scores.iter_mut().zip(steps) {
            *score += options.learning_rate * step;
        }
        trees.push(tree);
    }
    Ok(Boosted {
        start,
        learning_rate: options.learning_rate,
        trees,
    })
}

impl Boosted {
    pub(crate) fn predict(&self, columns: &[Vec<f64>]) -> Result<Vec<f64>, LearningError> {
        let x = dense(columns)?;
        let mut scores = vec![self.start; columns[0].len()];
        for tree in &self.trees {
            let steps = tree.predict(&x).map_err(solver(NAME))?;
            for (score, step) in scores.iter_mut().zip(steps) {
                *score += self.learning_rate * step;
            }
        }
        Ok(scores.into_iter().map(sigmoid).collect())
    }
}
