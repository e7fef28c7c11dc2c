//! Random forests of smartcore's regression trees on labels 0 and 1.

use smartcore::{
    ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters},
    linalg::basic::matrix::DenseMatrix,
};

use super::{RandomForest, Training, dense, solver, targets};
use crate::error::LearningError;

pub(crate) type Forest = RandomForestRegressor<f64, f64, DenseMatrix<f64>, Vec<f64>>;

const NAME: &str = "random-forest";

pub(crate) fn fit(
    train: &Training<'_>,
    options: &RandomForest,
    seed: u64,
) -> Result<Forest, LearningError> {
    let parameters = RandomForestRegressorParameters {
        // smartcore counts the levels of nodes, of which there is one more than of splits.
        max_depth: options.max_depth.map(|splits| splits.saturating_add(1)),
        min_samples_leaf: options.min_samples_leaf,
        min_samples_split: 2,
        n_trees: options.trees,
        m: None,
        keep_samples: false,
        seed,
    };
    RandomForestRegressor::fit(&dense(train.columns)?, &train.targets(), parameters)
        .map_err(solver(NAME))
}

/// Share of each feature in the forest's decrease of Gini impurity; the shares sum to 1 unless
/// no tree found a split.
///
/// # Shapes
/// `columns`: `[features][rows]`; returns `[features]`.
pub(crate) fn importance(
    columns: &[Vec<f64>],
    labels: &[bool],
    trees: usize,
    seed: u64,
) -> Result<Vec<f64>, LearningError> {
    let parameters = RandomForestRegressorParameters::default()
        .with_n_trees(trees)
        .with_seed(seed);
    RandomForestRegressor::fit(&dense(columns)?, &targets(labels), parameters)
        .and_then(|forest: Forest| forest.compute_feature_importances())
        .map_err(solver(NAME))
}

pub(crate) fn predict(forest: &Forest, columns: &[Vec<f64>]) -> Result<Vec<f64>, LearningError> {
    forest.predict(&dense(columns)?).map_err(solver(NAME))
}
