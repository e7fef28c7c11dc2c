//! Why a network cannot be built or run.

use thiserror::Error;

use super::{Scheme, plan::PlanMistakes};

/// Why a network cannot be built or run.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The plan is no plan of a network.
    #[error(transparent)]
    Plan(#[from] PlanMistakes),
    /// An input of the wrong shape.
    #[error("the input has shape {dims:?}: {cause}")]
    Input {
        /// Shape of the input.
        dims: Vec<usize>,
        /// What is wrong with it and what to do.
        cause: String,
    },
    /// A layer that is not there.
    #[error("there is no layer {name:?} to read; there are: {}", known.join(", "))]
    UnknownTap {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A layer that is there, but on the way of the other domain or of another use.
    #[error(
        "layer {name:?} takes no part in this pass: read it with the other domain, or from a \
         network built for training, whose coarser heads answer"
    )]
    TapNotPassed {
        /// What was asked for.
        name: String,
    },
    /// Auxiliary images on a network that has no way for them.
    #[error(
        "{scheme} does not run on auxiliary images: its auxiliary column is frozen and has no \
         decoder; train on primary cases only, or take two-column-joint"
    )]
    NoAuxiliaryPath {
        /// The scheme.
        scheme: Scheme,
    },
    /// Auxiliary weights for a network that takes none.
    #[error("{scheme} starts from its seed and takes no auxiliary weights: leave them out")]
    TakesNoAuxiliaryWeights {
        /// The scheme.
        scheme: Scheme,
    },
    /// Auxiliary weights that do not fit.
    #[error("the auxiliary weights do not fit this plan: {}", problems.join("; "))]
    AuxiliaryWeights {
        /// Each missing or mis-shaped tensor.
        problems: Vec<String>,
    },
    /// What an operation said.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
