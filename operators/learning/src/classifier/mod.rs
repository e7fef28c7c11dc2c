//! The classifiers: options, and one way to fit and to ask any of them.
//!
//! The learning is smartcore's. What is added here is what it lacks: probabilities (logistic
//! regression, naive Bayes and support vectors give labels only there), a boosted classifier
//! (its gradient boosting knows squared error only), and models that outlive their data.

pub(crate) mod boosting;
pub(crate) mod forest;
mod logistic;
mod naive_bayes;
mod neighbours;
pub(crate) mod platt;
mod support_vectors;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use smartcore::linalg::basic::matrix::DenseMatrix;

use crate::{error::LearningError, options::require};

/// What is learnt from the selected features, which are scaled to mean 0 and variance 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Classifier {
    /// See [`RandomForest`].
    RandomForest(RandomForest),
    /// See [`LogisticRegression`].
    LogisticRegression(LogisticRegression),
    /// See [`SupportVectors`].
    Svm(SupportVectors),
    /// See [`NearestNeighbours`].
    Knn(NearestNeighbours),
    /// Gaussian naive Bayes: each feature normal within each class and independent of the
    /// others; 1e-9 of the largest variance is added to all, as in scikit-learn.
    NaiveBayes,
    /// See [`GradientBoosting`].
    GradientBoosting(GradientBoosting),
}

/// A random forest (Breiman, Mach Learn 2001;45:5): regression trees on labels 0 and 1, each on
/// a bootstrap sample, sqrt(features) tried at a split. The decrease of variance there is half
/// the decrease of Gini impurity, and the mean of the leaves is the mean of their class
/// fractions, so splits, importances and probabilities are those of a Gini forest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomForest {
    /// Number of trees.
    pub trees: usize,
    /// Most splits from the root to a leaf; `None` for no limit.
    pub max_depth: Option<u16>,
    /// Fewest training cases in a leaf.
    pub min_samples_leaf: usize,
}

impl Default for RandomForest {
    fn default() -> Self {
        Self {
            trees: 200,
            max_depth: None,
            min_samples_leaf: 1,
        }
    }
}

/// Logistic regression with a quadratic penalty: the sum of the log losses plus
/// `penalty / 2 · |w|²`, the intercept free. `penalty` is the inverse of scikit-learn's `C`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    /// Weight of the penalty, from 1e-6 to 1e6.
    pub penalty: f64,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self { penalty: 1.0 }
    }
}

/// Similarity of two cases for [`SupportVectors`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kernel {
    /// `⟨x, y⟩`.
    Linear,
    /// `exp(-gamma |x - y|²)` with gamma one over the number of selected features, which is
    /// scikit-learn's `scale` for scaled features.
    #[default]
    Rbf,
}

/// A support vector machine with soft margin; probabilities by Platt's sigmoid, fitted to the
/// decision values of five folds inside the training set, never to those of the machine's own
/// training cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupportVectors {
    /// Kernel.
    pub kernel: Kernel,
    /// Cost of a case inside the margin, from 1e-3 to 100 (beyond, the solver may not converge).
    pub cost: f64,
}

impl Default for SupportVectors {
    fn default() -> Self {
        Self {
            kernel: Kernel::default(),
            cost: 1.0,
        }
    }
}

/// The fraction of positive cases among the nearest, by Euclidean distance, each counting alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NearestNeighbours {
    /// How many neighbours; all training cases where there are fewer.
    pub neighbours: usize,
}

impl Default for NearestNeighbours {
    fn default() -> Self {
        Self { neighbours: 5 }
    }
}

/// Boosted regression trees for the log loss: `LogitBoost` (Friedman, Hastie and Tibshirani,
/// Ann Stat 2000;28:337) with shrinkage. Each tree is fitted to `z = (y - p) / w` with case
/// weights `w = p (1 - p)`, so a leaf's weighted mean is the Newton step of the log loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientBoosting {
    /// Number of trees.
    pub stages: usize,
    /// Share of each Newton step that is taken, above 0 and at most 1.
    pub learning_rate: f64,
    /// Most splits from the root to a leaf.
    pub max_depth: u16,
    /// Fewest training cases in a leaf.
    pub min_samples_leaf: usize,
}

impl Default for GradientBoosting {
    fn default() -> Self {
        Self {
            stages: 100,
            learning_rate: 0.1,
            max_depth: 3,
            min_samples_leaf: 5,
        }
    }
}

impl Default for Classifier {
    fn default() -> Self {
        Self::RandomForest(RandomForest::default())
    }
}

/// Names of the classifiers, as in options and reports.
const NAMES: &str =
    "random-forest, logistic-regression, svm, knn, naive-bayes or gradient-boosting";

impl fmt::Display for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RandomForest(_) => "random-forest",
            Self::LogisticRegression(_) => "logistic-regression",
            Self::Svm(_) => "svm",
            Self::Knn(_) => "knn",
            Self::NaiveBayes => "naive-bayes",
            Self::GradientBoosting(_) => "gradient-boosting",
        })
    }
}

impl FromStr for Classifier {
    type Err = LearningError;

    /// The classifier of that name with its default settings.
    fn from_str(name: &str) -> Result<Self, LearningError> {
        Ok(match name {
            "random-forest" => Self::RandomForest(RandomForest::default()),
            "logistic-regression" => Self::LogisticRegression(LogisticRegression::default()),
            "svm" => Self::Svm(SupportVectors::default()),
            "knn" => Self::Knn(NearestNeighbours::default()),
            "naive-bayes" => Self::NaiveBayes,
            "gradient-boosting" => Self::GradientBoosting(GradientBoosting::default()),
            _ => {
                return Err(LearningError::Setting {
                    option: "classifier",
                    value: name.to_owned(),
                    allowed: NAMES,
                });
            }
        })
    }
}

impl Classifier {
    pub(crate) fn validate(&self) -> Result<(), LearningError> {
        let counts = |option, count: usize| require(option, count, count > 0, "at least 1");
        match self {
            Self::RandomForest(o) => {
                counts("classifier.trees", o.trees)?;
                counts("classifier.min_samples_leaf", o.min_samples_leaf)?;
                counts(
                    "classifier.max_depth",
                    usize::from(o.max_depth.unwrap_or(1)),
                )
            }
            Self::LogisticRegression(o) => require(
                "classifier.penalty",
                o.penalty,
                (1e-6..=1e6).contains(&o.penalty),
                "from 1e-6 to 1e6",
            ),
            Self::Svm(o) => require(
                "classifier.cost",
                o.cost,
                (1e-3..=1e2).contains(&o.cost),
                "from 1e-3 to 100",
            ),
            Self::Knn(o) => counts("classifier.neighbours", o.neighbours),
            Self::NaiveBayes => Ok(()),
            Self::GradientBoosting(o) => {
                counts("classifier.stages", o.stages)?;
                counts("classifier.max_depth", usize::from(o.max_depth))?;
                counts("classifier.min_samples_leaf", o.min_samples_leaf)?;
                require(
                    "classifier.learning_rate",
                    o.learning_rate,
                    o.learning_rate > 0.0 && o.learning_rate <= 1.0,
                    "above 0 and at most 1",
                )
            }
        }
    }

    /// Learn from prepared training rows.
    pub(crate) fn fit(&self, train: &Training<'_>, seed: u64) -> Result<Model, LearningError> {
        Ok(match self {
            Self::RandomForest(options) => Model::Forest(forest::fit(train, options, seed)?),
            Self::LogisticRegression(options) => {
                Model::Logistic(logistic::fit(train, options.penalty)?)
            }
            Self::Svm(options) => {
                Model::SupportVectors(support_vectors::fit(train, options, seed)?)
            }
            Self::Knn(options) => Model::Neighbours(neighbours::fit(train, options.neighbours)?),
            Self::NaiveBayes => Model::NaiveBayes(naive_bayes::fit(train)?),
            Self::GradientBoosting(options) => Model::Boosting(boosting::fit(train, options)?),
        })
    }
}

/// Prepared rows to learn from; both classes occur.
///
/// # Shapes
/// `columns`: `[features][rows]`; `labels`, `patients`: `[rows]`.
pub(crate) struct Training<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) labels: &'a [bool],
    pub(crate) patients: &'a [usize],
}

impl Training<'_> {
    /// Labels as 0 and 1.
    pub(crate) fn targets(&self) -> Vec<f64> {
        targets(self.labels)
    }

    /// Labels as classes of smartcore.
    pub(crate) fn classes(&self) -> Vec<u32> {
        self.labels.iter().map(|&label| u32::from(label)).collect()
    }
}

/// A fitted classifier.
#[derive(Debug)]
pub(crate) enum Model {
    Forest(forest::Forest),
    Logistic(logistic::Logistic),
    SupportVectors(support_vectors::Machine),
    Neighbours(neighbours::Neighbours),
    NaiveBayes(naive_bayes::NaiveBayes),
    Boosting(boosting::Boosted),
}

impl Model {
    /// Probability of the positive class.
    ///
    /// # Shapes
    /// `columns`: `[features][rows]`, prepared as in training; returns `[rows]`.
    pub(crate) fn predict(&self, columns: &[Vec<f64>]) -> Result<Vec<f64>, LearningError> {
        if columns.first().is_none_or(Vec::is_empty) {
            return Ok(Vec::new());
        }
        match self {
            Self::Forest(model) => forest::predict(model, columns),
            Self::Logistic(model) => Ok(model.predict(columns)),
            Self::SupportVectors(model) => Ok(model.predict(columns)),
            Self::Neighbours(model) => neighbours::predict(model, columns),
            Self::NaiveBayes(model) => Ok(model.predict(columns)),
            Self::Boosting(model) => model.predict(columns),
        }
    }
}

/// Labels as 0 and 1.
pub(crate) fn targets(labels: &[bool]) -> Vec<f64> {
    labels.iter().map(|&l| f64::from(u8::from(l))).collect()
}

/// Columns as a matrix of smartcore.
pub(crate) fn dense(columns: &[Vec<f64>]) -> Result<DenseMatrix<f64>, LearningError> {
    let rows = columns.first().map_or(0, Vec::len);
    DenseMatrix::new(rows, columns.len(), columns.concat(), true)
        .map_err(solver("a table of features"))
}

/// Attach the classifier's name to what smartcore says.
pub(crate) fn solver(
    classifier: &'static str,
) -> impl FnOnce(smartcore::error::Failed) -> LearningError {
    move |failed| LearningError::Solver {
        classifier,
        cause: failed.to_string(),
    }
}

/// `1 / (1 + exp(-t))` without overflow.
pub(crate) fn sigmoid(t: f64) -> f64 {
    if t >= 0.0 {
        1.0 / (1.0 + libm::exp(-t))
    } else {
        let e = libm::exp(t);
        e / (1.0 + e)
    }
}
