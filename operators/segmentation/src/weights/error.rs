//! Why weights cannot be written, read or used.

use std::{fmt, path::PathBuf};

use thiserror::Error;

/// A field of the card that is not what the graph asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path of the field.
    pub field: String,
    /// What the checkpoint was trained with.
    pub found: String,
    /// What the graph asks for.
    pub expected: String,
    /// What to do.
    pub fix: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            found,
            expected,
            fix,
        } = self;
        write!(
            f,
            "{field}: trained with {found}, asked for {expected}; {fix}"
        )
    }
}

fn lines<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(|line| format!("\n  {line}")).collect()
}

/// Why weights cannot be written, read or used.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file system refuses.
    #[error("{action} {}: {cause}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// Too short, or no safetensors at all.
    #[error(
        "{} is no whole safetensors file ({cause}): it was cut off or is something else; copy it \
         again or train again",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        cause: String,
    },
    /// Safetensors of another program, or of a later version.
    #[error("{}: {cause}", path.display())]
    Card {
        /// The file.
        path: PathBuf,
        /// What is wrong with the card and what to do.
        cause: String,
    },
    /// Weights that are not those the card was written for.
    #[error(
        "{}: the weights have the digest {found}, the card says {expected}: the file was altered \
         or damaged; copy it again",
        path.display()
    )]
    Digest {
        /// The file.
        path: PathBuf,
        /// Digest of what is in the file.
        found: String,
        /// Digest on the card.
        expected: String,
    },
    /// Weights of another plan, scheme, label set or training.
    #[error("{} does not fit what is asked:{}", path.display(), lines(differences))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Every field that differs.
        differences: Vec<Difference>,
    },
    /// Tensors that are not those of the network.
    #[error(
        "{} holds other tensors than the network:{}\n  build the network of the plan and scheme \
         on its card",
        path.display(),
        lines(problems)
    )]
    Tensors {
        /// The file.
        path: PathBuf,
        /// Each missing, superfluous or mis-shaped tensor.
        problems: Vec<String>,
    },
    /// Parameters that are not finite.
    #[error("parameter {name} is not finite: the training diverged; keep the previous checkpoint")]
    NotFinite {
        /// Its path.
        name: String,
    },
    /// What an operation said.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
