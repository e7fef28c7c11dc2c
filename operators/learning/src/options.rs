//! What a validation does, every choice with its default.

use serde::{Deserialize, Serialize};

use crate::{classifier::Classifier, error::LearningError, folds::Scheme, selection::Selection};

/// Everything that [`crate::cross_validate`] can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How features are pruned and ranked, inside each fold.
    pub selection: Selection,
    /// What is learnt from the features that are left.
    pub classifier: Classifier,
    /// How cases are held out.
    pub scheme: Scheme,
    /// Probability from which a case is called positive, in (0, 1).
    pub threshold: f64,
    /// Column with the tumour's volume, for the baseline; any unit.
    pub volume_feature: String,
    /// Whether the classifier may use the volume too.
    pub volume_is_feature: bool,
    /// Bootstrap replicates of the AUC's interval; 0 leaves intervals out.
    pub bootstrap_replicates: usize,
    /// Coverage of intervals, in (0, 1).
    pub confidence: f64,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            selection: Selection::default(),
            classifier: Classifier::default(),
            scheme: Scheme::default(),
            threshold: 0.5,
            volume_feature: "original_shape_MeshVolume".to_owned(),
            volume_is_feature: true,
            bootstrap_replicates: 2000,
            confidence: 0.95,
            seed: 0,
        }
    }
}

impl Options {
    /// Check that every number is in its range.
    ///
    /// # Errors
    /// [`LearningError::Setting`] with the option's path and the legal range.
    pub fn validate(&self) -> Result<(), LearningError> {
        self.selection.validate()?;
        self.classifier.validate()?;
        self.scheme.validate()?;
        for (option, value) in [
            ("threshold", self.threshold),
            ("confidence", self.confidence),
        ] {
            require(
                option,
                value,
                value > 0.0 && value < 1.0,
                "above 0 and below 1",
            )?;
        }
        Ok(())
    }
}

/// Refuse a setting with its path, its value and what is legal.
pub(crate) fn require(
    option: &'static str,
    value: impl ToString,
    legal: bool,
    allowed: &'static str,
) -> Result<(), LearningError> {
    if legal {
        return Ok(());
    }
    Err(LearningError::Setting {
        option,
        value: value.to_string(),
        allowed,
    })
}
