//! Feature selection, classifiers and validation for two-class studies of few patients.
//!
//! [`cross_validate`] is the whole of it: a [`FeatureMatrix`] and [`Options`] in, a
//! [`Validation`] out, from which [`Report`] is written. Everything that learns from the data
//! (imputation, pruning, selection, scaling, the classifier, the calibration of its
//! probabilities) is a [`Pipeline`], and a pipeline is fitted on the training rows of one fold
//! only. Folds never separate two rows of one patient.
//!
//! Two baselines stand beside every result: the majority class, and the tumour's volume alone.
//!
//! Nothing here depends on the number of threads: work is spread over folds and over bootstrap
//! replicates, each with a random stream of its own (ChaCha8, see `random.rs`) and each summed
//! in a fixed order.

mod baseline;
mod bootstrap;
mod classifier;
mod error;
mod folds;
#[cfg(test)]
mod golden;
mod matrix;
mod metrics;
mod options;
mod pipeline;
mod preparation;
mod random;
mod report;
mod selection;
mod validation;

pub use baseline::Baselines;
pub use bootstrap::{Difference, Estimate, Interval, Replicates};
pub use classifier::{
    Classifier, GradientBoosting, Kernel, LogisticRegression, NearestNeighbours, RandomForest,
    SupportVectors,
};
pub use error::LearningError;
pub use folds::Scheme;
pub use matrix::{FeatureMatrix, RowId};
pub use metrics::{Confusion, Metrics, auc};
pub use options::Options;
pub use pipeline::Pipeline;
pub use preparation::{Dropped, Selected};
pub use report::{Counts, Report, Score};
pub use selection::{Correlation, Selection};
pub use validation::{Fold, Outcome, Stability, Validation, cross_validate};
