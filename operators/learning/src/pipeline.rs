//! Everything that learns, in one piece: imputation, selection, scaling, classifier.

use crate::{
    classifier::{Classifier, Model, Training},
    error::LearningError,
    matrix::FeatureMatrix,
    options::Options,
    preparation::{Dropped, Preparation, Selected},
    random::{self, Purpose},
    selection::Selection,
};

/// A fitted pipeline, for cases that it has not seen.
#[derive(Debug)]
pub struct Pipeline {
    preparation: Preparation,
    model: Model,
}

impl Pipeline {
    /// Learn from all rows of a table, for use on other tables. What it says of the rows that
    /// it was fitted on is no measure of anything: see [`crate::cross_validate`].
    ///
    /// # Errors
    /// A setting out of range, one class only, no feature left, a solver that gives up.
    pub fn fit(matrix: &FeatureMatrix, options: &Options) -> Result<Self, LearningError> {
        options.validate()?;
        let rows: Vec<usize> = (0..matrix.rows().len()).collect();
        Self::fit_rows(
            matrix,
            &rows,
            &options.selection,
            &options.classifier,
            random::seed(options.seed, Purpose::Pipeline, u64::MAX),
        )
    }

    /// Probability of the positive class for each row of a table that has the selected
    /// features; its labels are not read.
    ///
    /// # Shapes
    /// Returns one a row.
    ///
    /// # Errors
    /// A selected feature that the table does not have.
    pub fn predict(&self, matrix: &FeatureMatrix) -> Result<Vec<f64>, LearningError> {
        let rows: Vec<usize> = (0..matrix.rows().len()).collect();
        self.predict_rows(matrix, &rows)
    }

    /// The features in use, the most important first, with what is needed to prepare them.
    #[must_use]
    pub fn selected(&self) -> &[Selected] {
        &self.preparation.selected
    }

    /// How many features fell at each step.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.preparation.dropped
    }

    pub(crate) fn fit_rows(
        matrix: &FeatureMatrix,
        rows: &[usize],
        selection: &Selection,
        classifier: &Classifier,
        seed: u64,
    ) -> Result<Self, LearningError> {
        let (positives, negatives) = matrix.class_counts(rows);
        if positives == 0 || negatives == 0 {
            return Err(LearningError::OneClass {
                positives,
                negatives,
            });
        }
        let preparation = Preparation::fit(matrix, rows, selection, seed)?;
        let labels: Vec<bool> = rows.iter().map(|&row| matrix.labels()[row]).collect();
        let patients: Vec<usize> = rows.iter().map(|&row| matrix.patients()[row]).collect();
        let training = Training {
            columns: &preparation.apply(matrix, rows)?,
            labels: &labels,
            patients: &patients,
        };
        let model = classifier.fit(&training, random::seed(seed, Purpose::Classifier, 0))?;
        Ok(Self { preparation, model })
    }

    pub(crate) fn predict_rows(
        &self,
        matrix: &FeatureMatrix,
        rows: &[usize],
    ) -> Result<Vec<f64>, LearningError> {
        self.model.predict(&self.preparation.apply(matrix, rows)?)
    }
}
