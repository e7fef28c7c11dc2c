//! What can be wrong with a table of features, its labels, its folds or the options.

use thiserror::Error;

/// Why a validation cannot be run: what is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LearningError {
    /// Lists that should be equally long are not.
    #[error("{what}: {found} given, {expected} expected; give one a row and one a column")]
    Length {
        /// Which list.
        what: &'static str,
        /// How many the table needs.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A table without rows or without columns.
    #[error("the table has {rows} cases and {features} features; both must be at least 1")]
    Empty {
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        features: usize,
    },
    /// A case that occurs in two rows.
    #[error(
        "case {0} is in the table twice; give each row its own case_id (rows of one patient \
         share patient_id instead)"
    )]
    DuplicateCase(String),
    /// A feature that names two columns.
    #[error("feature {0} names two columns; rename or drop one")]
    DuplicateFeature(String),
    /// A value that no computation can use.
    #[error(
        "case {case}: {feature} is {value}; correct the extraction, or store NaN to have the \
         value imputed"
    )]
    Infinite {
        /// The row.
        case: String,
        /// The column.
        feature: String,
        /// The value: an infinity, or beyond 1e100.
        value: f64,
    },
    /// A feature that the table does not have.
    #[error(
        "there is no feature {name}{}; name a column of the table",
        if near.is_empty() { String::new() } else { format!(" (near: {})", near.join(", ")) }
    )]
    UnknownFeature {
        /// The name asked for.
        name: String,
        /// Columns with similar names.
        near: Vec<String>,
    },
    /// Cases of one class only.
    #[error(
        "{positives} positive and {negatives} negative cases: a classifier needs both classes; \
         check the label column and the positive class"
    )]
    OneClass {
        /// Cases with label `true`.
        positives: usize,
        /// Cases with label `false`.
        negatives: usize,
    },
    /// A class that cannot be spread over the folds.
    #[error(
        "{patients} patients with a {class} case for {folds} folds: each fold must leave one to \
         train on and hold one out; {}",
        if *patients < 2 {
            format!("add patients with a {class} case, none can be validated without")
        } else {
            format!("ask for at most {patients} folds, or leave one patient out")
        }
    )]
    TooFewPatients {
        /// `positive` or `negative`.
        class: &'static str,
        /// Patients that have a case of that class.
        patients: usize,
        /// Folds asked for.
        folds: usize,
    },
    /// Patients that a split file does not mention.
    #[error(
        "the split has no fold for {} patients ({}); add them, or drop their rows",
        .0.len(),
        first(.0)
    )]
    NotInSplit(Vec<String>),
    /// A training set with one class only.
    #[error(
        "without fold {fold} (repeat {repeat}) there are {positives} positive and {negatives} \
         negative cases to train on; move patients between the folds of the split"
    )]
    OneClassWithoutFold {
        /// The repeat, from 0.
        repeat: usize,
        /// The fold that is held out.
        fold: usize,
        /// Cases with label `true` outside the fold.
        positives: usize,
        /// Cases with label `false` outside the fold.
        negatives: usize,
    },
    /// All columns were pruned.
    #[error(
        "no feature is left of {features}: {all_missing} have no value, {near_constant} hardly \
         vary; lower selection.min_scaled_variance (now {min_scaled_variance}) or check the \
         extraction"
    )]
    NoFeatures {
        /// Columns at the start.
        features: usize,
        /// Columns without any value in the training rows.
        all_missing: usize,
        /// Columns below the variance threshold.
        near_constant: usize,
        /// The threshold.
        min_scaled_variance: f64,
    },
    /// A setting outside its range.
    #[error("{option} is {value}; it must be {allowed}")]
    Setting {
        /// Path of the option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What is legal.
        allowed: &'static str,
    },
    /// A solver that gave up.
    #[error("{classifier}: {cause}; choose another classifier or stronger regularisation")]
    Solver {
        /// Which classifier.
        classifier: &'static str,
        /// What the solver said.
        cause: String,
    },
}

fn first(names: &[String]) -> String {
    let shown = names.iter().take(5).map(String::as_str);
    let dots = (names.len() > 5).then_some("...");
    shown.chain(dots).collect::<Vec<_>>().join(", ")
}
