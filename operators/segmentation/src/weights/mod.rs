//! Weights on disk: safetensors and the card that a loader enforces.
//!
//! A checkpoint is one safetensors file, its [`Card`] is JSON in the file's metadata under
//! `renalflow.card`. It is written beside its place and renamed, so that a reader finds the
//! old file or the new one and never half of either.

mod card;
mod digest;
mod error;
mod file;
mod trained_on;

pub use card::{CARD_FORMAT, Card, Expected, plan_differences};
pub use digest::digest;
pub use error::{Difference, WeightsError};
pub use file::{Checkpoint, load, load_card, save};
pub use trained_on::{TrainedOn, unseen_by};
