//! How the auxiliary data help.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How the auxiliary data help. All schemes share plan, crops, folds and budget.
///
/// The paper says "dual-channel" and not which of these it means; every reading, and every
/// rival, is one value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Not at all: trained on the primary cases from the seed.
    Scratch,
    /// The network starts from the one trained on the auxiliary cases.
    Finetune,
    /// Both sets are one training set.
    Pooled,
    /// As pooled, with a scale and shift of every normalisation for each set.
    DomainNorm,
    /// A frozen encoder trained on the auxiliary cases lends features level by level.
    TwoColumnFrozen,
    /// The same, and the auxiliary column goes on training on its own cases.
    TwoColumnJoint,
    /// The map of a frozen network trained on the auxiliary cases is a further input channel.
    PriorChannel,
}

/// Whether a scheme starts from a network trained on the auxiliary cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuxiliaryWeights {
    /// It starts from the seed.
    Unused,
    /// It may: otherwise the auxiliary column starts from the seed as well.
    Optional,
    /// Without them it would borrow noise.
    Required,
}

impl Scheme {
    /// All of them, the plainest first.
    pub const ALL: [Self; 7] = [
        Self::Scratch,
        Self::Finetune,
        Self::Pooled,
        Self::DomainNorm,
        Self::TwoColumnFrozen,
        Self::TwoColumnJoint,
        Self::PriorChannel,
    ];

    /// Its name in options, cards and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scratch => "scratch",
            Self::Finetune => "finetune",
            Self::Pooled => "pooled",
            Self::DomainNorm => "domain-norm",
            Self::TwoColumnFrozen => "two-column-frozen",
            Self::TwoColumnJoint => "two-column-joint",
            Self::PriorChannel => "prior-channel",
        }
    }

    /// Whether training on the primary set also draws auxiliary cases.
    #[must_use]
    pub fn trains_on_auxiliary(self) -> bool {
        matches!(self, Self::Pooled | Self::DomainNorm | Self::TwoColumnJoint)
    }

    /// Where its first weights come from.
    #[must_use]
    pub fn auxiliary_weights(self) -> AuxiliaryWeights {
        match self {
            Self::Scratch | Self::Pooled | Self::DomainNorm => AuxiliaryWeights::Unused,
            Self::TwoColumnJoint => AuxiliaryWeights::Optional,
            Self::Finetune | Self::TwoColumnFrozen | Self::PriorChannel => {
                AuxiliaryWeights::Required
            }
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name of no scheme.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no scheme {name:?}; there are: {known}", known = Scheme::ALL.map(Scheme::name).join(", "))]
pub struct UnknownScheme {
    /// The name.
    pub name: String,
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.name() == name)
            .ok_or_else(|| UnknownScheme {
                name: name.to_owned(),
            })
    }
}
