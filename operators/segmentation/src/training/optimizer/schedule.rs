//! The learning rate over the epochs.

use crate::training::error::{TrainingError, check};

/// Polynomial decay: `initial (1 - epoch / epochs)^exponent`, constant within an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Poly {
    initial: f64,
    exponent: f64,
    epochs: usize,
}

impl Poly {
    /// A schedule; nnU-Net takes an initial rate of 0.01 and an exponent of 0.9.
    ///
    /// # Errors
    /// A rate that is not positive, an exponent that is negative, no epochs.
    pub fn new(initial: f64, exponent: f64, epochs: usize) -> Result<Self, TrainingError> {
        check(
            initial > 0.0 && initial.is_finite(),
            "learning_rate",
            initial,
            "positive",
        )?;
        check(
            exponent >= 0.0 && exponent.is_finite(),
            "poly_exponent",
            exponent,
            "at least 0",
        )?;
        check(epochs > 0, "epochs", epochs, "at least 1")?;
        Ok(Self {
            initial,
            exponent,
            epochs,
        })
    }

    /// The rate of an epoch, counted from 0; 0 after the last.
    #[must_use]
    pub fn rate(&self, epoch: usize) -> f64 {
        let left = 1.0 - epoch.min(self.epochs) as f64 / self.epochs as f64;
        self.initial * left.powf(self.exponent)
    }
}
