//! Options, and what they mean to the learning crate.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use renalflow_datasets::Split;
use renalflow_learning::{Classifier, Correlation, Options as Learning, Scheme, Selection};
use renalflow_sdk::{Problem, lineage::Key};
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

/// Name of the volume's column where none is given.
pub const DEFAULT_VOLUME_COLUMN: &str = "original_shape_MeshVolume";

const MODELS: [&str; 6] = [
    "random-forest",
    "logistic-regression",
    "svm",
    "knn",
    "naive-bayes",
    "gradient-boosting",
];

/// Options of the stage.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct Options {
    /// Column with the label; `malignant` finds `clinical_malignant` too
    #[arg(long, value_name = "COLUMN")]
    pub target: String,
    /// Value of the label that counts as positive; all others are negative. True and 1 need not be named
    #[arg(long, value_name = "VALUE")]
    pub positive: Option<String>,
    /// Columns to learn from, with `*` for any text. By default all numbers but clinical ones and diagnostics
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',')]
    pub features: Vec<String>,
    /// Region of interest whose rows count, where the table has several
    #[arg(long, value_name = "NAME")]
    pub roi: Option<String>,
    /// Classifier
    #[arg(long, default_value = "random-forest", value_parser = PossibleValuesParser::new(MODELS))]
    pub model: String,
    /// Settings of the classifier as JSON, such as '{"trees": 500}'
    #[arg(long, value_name = "JSON")]
    pub settings: Option<String>,
    /// Keep this many features in each fold, by random-forest importance; 0 keeps all
    #[arg(long, value_name = "K", default_value_t = 10)]
    pub select_top_k: usize,
    /// Of two features that correlate more than this, one goes; 1 keeps all
    #[arg(long, value_name = "R", default_value_t = 0.95)]
    pub correlation_max: f64,
    /// Kind of correlation
    #[arg(long, default_value = "spearman", value_parser = PossibleValuesParser::new(["spearman", "pearson"]))]
    pub correlation: String,
    /// Features whose variance, after scaling to [0, 1], is not above this go
    #[arg(long, value_name = "VARIANCE", default_value_t = 0.001)]
    pub variance_min: f64,
    /// How patients are held out
    #[arg(long, value_enum, default_value_t = Validation::RepeatedKFold)]
    pub validation: Validation,
    /// Folds of repeated-k-fold
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub folds: usize,
    /// Repeats of repeated-k-fold
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub repeats: usize,
    /// Frozen split file whose folds are held out, instead of those of `validation`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["validation", "folds", "repeats"])]
    #[serde(serialize_with = "path_and_digest")]
    pub split: Option<PathBuf>,
    /// Seed of folds, selection and classifier; by default made from the table's lineage
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Column with the tumour's volume, for the baseline
    #[arg(long, value_name = "COLUMN", default_value = DEFAULT_VOLUME_COLUMN)]
    pub volume_column: String,
    /// Parquet file of predictions to write, in the folder of the run
    #[arg(long, value_name = "FILE", default_value = "predictions.parquet")]
    pub file: PathBuf,
    /// Parquet file of selected features to write, in the folder of the run
    #[arg(long, value_name = "FILE", default_value = "selection.parquet")]
    pub selection_file: PathBuf,
}

/// How patients are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validation {
    /// Patients dealt to folds at random, each class evenly; again for each repeat
    RepeatedKFold,
    /// One fold a patient
    LeaveOnePatientOut,
}

impl Options {
    /// What the learning crate is told.
    ///
    /// # Errors
    /// Settings that the classifier does not have, numbers out of range, a split file that does
    /// not read.
    pub fn learning(&self, seed: u64) -> Result<Learning, Problem> {
        let learning = Learning {
            selection: Selection {
                min_scaled_variance: self.variance_min,
                max_correlation: self.correlation_max,
                correlation: if self.correlation == "pearson" {
                    Correlation::Pearson
                } else {
                    Correlation::Spearman
                },
                top_k: Some(self.select_top_k).filter(|&k| k > 0),
                ..Selection::default()
            },
            classifier: self.classifier()?,
            scheme: self.scheme()?,
            // Intervals and decisions are made where predictions are evaluated.
            bootstrap_replicates: 0,
            seed,
            ..Learning::default()
        };
        learning.validate()?;
        Ok(learning)
    }

    /// How cases are held out, in words.
    #[must_use]
    pub fn scheme_text(&self) -> String {
        match (&self.split, self.validation) {
            (Some(path), _) => format!("folds of {}", path.display()),
            (None, Validation::LeaveOnePatientOut) => "leave-one-patient-out".to_owned(),
            (None, Validation::RepeatedKFold) => {
                format!("{}-fold, {} repeats", self.folds, self.repeats)
            }
        }
    }

    fn classifier(&self) -> Result<Classifier, Problem> {
        let Some(settings) = &self.settings else {
            return Ok(self.model.parse()?);
        };
        let problem = |cause: String| {
            Problem::new(format!("--settings {settings}: {cause}")).fix(format!(
                "give a JSON object with settings of `{}`; its README lists them",
                self.model
            ))
        };
        let Json::Object(mut map) =
            serde_json::from_str(settings).map_err(|error| problem(error.to_string()))?
        else {
            return Err(problem("not a JSON object".to_owned()));
        };
        map.insert("kind".to_owned(), json!(self.model));
        serde_json::from_value(Json::Object(map)).map_err(|error| problem(error.to_string()))
    }

    fn scheme(&self) -> Result<Scheme, Problem> {
        Ok(match (&self.split, self.validation) {
            (Some(path), _) => {
                let folds = Split::read(path)?.fold_of;
                Scheme::Supplied {
                    fold_of_patient: folds
                        .into_iter()
                        .map(|(patient, fold)| (patient, fold as usize))
                        .collect(),
                }
            }
            (None, Validation::LeaveOnePatientOut) => Scheme::LeaveOnePatientOut,
            (None, Validation::RepeatedKFold) => Scheme::RepeatedStratifiedKFold {
                folds: self.folds,
                repeats: self.repeats,
            },
        })
    }
}

/// The lineage of predictions depends on what the split file says, not on its name alone.
fn path_and_digest<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let described = path.as_ref().map(|path| match std::fs::read(path) {
        Ok(content) => format!("{} ({})", path.display(), Key::of_content(&content)),
        Err(_) => path.display().to_string(),
    });
    described.serialize(serializer)
}
