//! In which numbers a GPU convolves.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// In which numbers a GPU multiplies the `f32` tensors of a convolution. Sums are in `f32`
/// always, and so is everything else: norms, activations, pooling, resizing, losses, parameters.
/// On a CPU it makes no difference: there everything is `f32`, and
/// [`DeviceChoice::open_for`](crate::device::DeviceChoice::open_for) refuses anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Precision {
    /// As on a CPU, 24 bits.
    #[default]
    F32,
    /// Tensor cores that round factors to 11 bits (Ampere and later).
    Tf32,
    /// Factors and results rounded to 8 bits, the exponent as `f32`'s.
    Bf16,
}

/// A word that is no [`Precision`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no precision {word:?}: give f32, tf32 or bf16")]
pub struct UnknownPrecision {
    /// The word.
    pub word: String,
}

impl Precision {
    /// Whether a network computes as on a CPU.
    #[must_use]
    pub fn is_f32(&self) -> bool {
        *self == Self::F32
    }
}

impl TryFrom<String> for Precision {
    type Error = UnknownPrecision;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Precision> for String {
    fn from(precision: Precision) -> Self {
        precision.to_string()
    }
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "f32" => Ok(Self::F32),
            "tf32" => Ok(Self::Tf32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(UnknownPrecision {
                word: word.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}
