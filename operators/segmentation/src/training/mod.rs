//! Training: patches, augmentation, optimisers, the loop.
//!
//! | module | what it holds |
//! |---|---|
//! | [`case`] | cases in memory |
//! | [`sampling`] | which patches a step sees |
//! | [`augment`] | patches cut out and changed at random |
//! | [`optimizer`] | SGD and AdamW over named parameters, decay, clipping |
//!
//! Everything random is drawn from a stream that is keyed by seed, epoch, step and sample, so a
//! training is the same whatever the number of threads, and goes on from a checkpoint as if it
//! had never stopped.

pub mod augment;
pub mod case;
mod error;
pub mod optimizer;
mod random;
pub mod sampling;

pub use error::TrainingError;
