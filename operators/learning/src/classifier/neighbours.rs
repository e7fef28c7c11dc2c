//! Nearest neighbours, by smartcore's exhaustive search.

use smartcore::{
    algorithm::neighbour::KNNAlgorithmName,
    linalg::basic::matrix::DenseMatrix,
    metrics::distance::euclidian::Euclidian,
    neighbors::knn_classifier::{KNNClassifier, KNNClassifierParameters},
};

use super::{Training, dense, solver};
use crate::error::LearningError;

pub(crate) type Neighbours = KNNClassifier<f64, u32, DenseMatrix<f64>, Vec<u32>, Euclidian<f64>>;

const NAME: &str = "knn";

pub(crate) fn fit(train: &Training<'_>, neighbours: usize) -> Result<Neighbours, LearningError> {
    let parameters = KNNClassifierParameters::default()
        .with_k(neighbours.min(train.labels.len()))
        .with_algorithm(KNNAlgorithmName::LinearSearch);
    KNNClassifier::fit(&dense(train.columns)?, &train.classes(), parameters).map_err(solver(NAME))
}

pub(crate) fn predict(model: &Neighbours, columns: &[Vec<f64>]) -> Result<Vec<f64>, LearningError> {
    let votes = model
        .predict_proba(&dense(columns)?)
        .map_err(solver(NAME))?;
    // Both classes were in the training set, so the second share is the positive class's.
    Ok(votes.into_iter().map(|share| share[1]).collect())
}
