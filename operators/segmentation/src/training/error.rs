//! Why a training cannot start or go on.

use std::path::PathBuf;

use thiserror::Error;

/// Why a training cannot start or go on.
#[derive(Debug, Error)]
pub enum TrainingError {
    /// An option outside what it may be.
    #[error("option {option} is {value}, must be {allowed}")]
    Setting {
        /// Name of the option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        allowed: &'static str,
    },
    /// An image, labels and shape that do not belong together.
    #[error(
        "case {case_id}: shape {shape_zyx:?} with {channels} channel(s) wants {} voxels a channel, \
         the image has {image} values and the labels {labels}: give both on one grid",
        shape_zyx.iter().product::<usize>()
    )]
    CaseShape {
        /// The case.
        case_id: String,
        /// Shape that was said.
        shape_zyx: [usize; 3],
        /// Channels that were said.
        channels: usize,
        /// Values of the image.
        image: usize,
        /// Values of the labels.
        labels: usize,
    },
    /// Voxels that are not numbers.
    #[error(
        "case {case_id}: {count} of its image values are NaN or infinite, the first at \
         {first}: mend the image or leave the case out"
    )]
    CaseNotFinite {
        /// The case.
        case_id: String,
        /// How many.
        count: usize,
        /// Index of the first, in `[channel, z, y, x]` order.
        first: usize,
    },
    /// A label that the network has no class for.
    #[error(
        "case {case_id}: label {label} at {count} voxel(s), but the network has classes 0 to {}: \
         map the labels to classes first",
        classes - 1
    )]
    CaseLabel {
        /// The case.
        case_id: String,
        /// The label.
        label: u8,
        /// Voxels that have it.
        count: usize,
        /// Classes of the network, background included.
        classes: usize,
    },
    /// Cases that cannot be in one batch.
    #[error(
        "case {case_id} has {found} {what}, the cases before it {expected}: prepare them alike"
    )]
    CasesDiffer {
        /// The case.
        case_id: String,
        /// What differs.
        what: &'static str,
        /// What the case has.
        found: usize,
        /// What the others have.
        expected: usize,
    },
    /// Nothing to draw from.
    #[error("no {domain} case to train on, and the mixture {mixture} needs one")]
    NoCases {
        /// The domain.
        domain: &'static str,
        /// The mixture.
        mixture: String,
    },
    /// A split that does not fit the cases.
    #[error("{cause}: {fix}")]
    Folds {
        /// What is wrong, with the names.
        cause: String,
        /// What to do.
        fix: &'static str,
    },
    /// More memory needed than there is.
    #[error(
        "a step with patch {patch_zyx:?} and batch size {batch_size} needs about {} MiB, {} MiB \
         are available: take a smaller patch ({advice}), a smaller batch or fewer features",
        needed_bytes >> 20,
        available_bytes >> 20
    )]
    Memory {
        /// The patch.
        patch_zyx: [usize; 3],
        /// The batch size.
        batch_size: usize,
        /// Estimated peak.
        needed_bytes: u64,
        /// What the caller said there is.
        available_bytes: u64,
        /// The largest patch that would fit, in words.
        advice: String,
    },
    /// The loss or its gradient is not a number.
    #[error(
        "{what} is {value} at epoch {epoch}, step {step}, in case(s) {}: look at those images \
         and labels, or lower the learning rate; the last good checkpoint is {}",
        case_ids.join(", "),
        checkpoint.as_ref().map_or_else(|| "none yet".to_owned(), |p| p.display().to_string())
    )]
    NotFinite {
        /// The loss, or the norm of the gradient.
        what: &'static str,
        /// What it was.
        value: f64,
        /// Epoch, from 0.
        epoch: usize,
        /// Step of the epoch, from 0.
        step: usize,
        /// The cases that did it; all of the batch where it cannot be told.
        case_ids: Vec<String>,
        /// The last checkpoint that was written.
        checkpoint: Option<PathBuf>,
    },
    /// Parameters and a saved state that differ.
    #[error("{what} {name}: {cause}; the checkpoint is of another network or optimiser")]
    State {
        /// What kind of entry.
        what: &'static str,
        /// Its name.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// A checkpoint that cannot be written.
    #[error("checkpoint {} cannot be written: {cause}; the one before is untouched", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: String,
    },
    /// A checkpoint that cannot be read.
    #[error("checkpoint {} cannot be read: {cause}; {fix}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: String,
        /// What to do.
        fix: &'static str,
    },
    /// Validation failed.
    #[error("validation after epoch {epoch}: {cause}")]
    Validation {
        /// Epoch, from 0.
        epoch: usize,
        /// Why.
        cause: String,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

pub(crate) fn check(
    allowed_here: bool,
    option: &'static str,
    value: impl std::fmt::Debug,
    allowed: &'static str,
) -> Result<(), TrainingError> {
    if allowed_here {
        return Ok(());
    }
    Err(TrainingError::Setting {
        option,
        value: format!("{value:?}"),
        allowed,
    })
}
