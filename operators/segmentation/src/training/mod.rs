//! Training: patches, augmentation, optimisers, the loop.
//!
//! | module | what it holds |
//! |---|---|
//! | [`case`] | cases in memory |
//! | [`sampling`] | which patches a step sees |
//! | [`augment`] | patches cut out and changed at random |
//! | [`optimizer`] | SGD and AdamW over named parameters, decay, clipping |
//! | [`folds`] | who is held out |
//! | [`memory`] | what a step needs, before it starts |
//! | [`checkpoint`] | a training on disk, written whole or not at all |
//! | [`session`] | the loop |
//!
//! Everything random is drawn from a stream that is keyed by seed, epoch, step and sample, so a
//! training is the same whatever the number of threads, and goes on from a checkpoint as if it
//! had never stopped.

pub mod augment;
pub mod case;
pub mod checkpoint;
mod error;
pub mod folds;
pub mod memory;
mod network;
pub mod optimizer;
pub mod progress;
pub mod sampling;
pub mod session;
mod supervision;

pub use error::TrainingError;
