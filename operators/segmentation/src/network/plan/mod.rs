//! The plan of a network: every choice in one text file, each with its reason.

mod check;
mod derive;
mod labels;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use check::{PlanMistake, PlanMistakes};
pub use derive::{Fingerprint, PlanOptions};
pub use labels::{LabelSet, Region};

/// The version of the file that this code writes.
pub const PLAN_FORMAT: u32 = 1;

/// A choice and why it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen<T> {
    /// What was chosen.
    pub value: T,
    /// Why.
    pub reason: String,
}

impl<T> Chosen<T> {
    /// A choice and why it was made.
    pub fn new(value: T, reason: impl Into<String>) -> Self {
        Self {
            value,
            reason: reason.into(),
        }
    }
}

/// The intensities that are told apart: clipped to these ends and mapped to 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Window {
    /// As radiologists write it.
    Center {
        /// Middle.
        center_hu: f64,
        /// From end to end.
        width_hu: f64,
    },
    /// From end to end.
    Ends {
        /// Lower end.
        low_hu: f64,
        /// Upper end.
        high_hu: f64,
    },
}

impl Window {
    /// Lower and upper end, HU.
    #[must_use]
    pub fn ends_hu(&self) -> [f64; 2] {
        match *self {
            Self::Center {
                center_hu,
                width_hu,
            } => [center_hu - width_hu / 2.0, center_hu + width_hu / 2.0],
            Self::Ends { low_hu, high_hu } => [low_hu, high_hu],
        }
    }
}

/// One resolution of the U-Net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Kernel of its convolutions; odd.
    pub kernel_zyx: [usize; 3],
    /// Step from the level above; 1 at level 0.
    pub stride_zyx: [usize; 3],
    /// Channels.
    pub features: usize,
    /// Why.
    pub reason: String,
}

/// Everything that fixes a network and what it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of the file, [`PLAN_FORMAT`].
    pub format: u32,
    /// Name in reports, such as `fine` or `coarse`.
    pub name: String,
    /// Channels of the image; 1 for a CT.
    pub channels_in: usize,
    /// Spacing to which images are resampled.
    pub spacing_zyx_mm: Chosen<[f64; 3]>,
    /// Voxels that the network sees at once.
    pub patch_zyx: Chosen<[usize; 3]>,
    /// Intensities that are told apart.
    pub window: Chosen<Window>,
    /// Resolutions, the finest first.
    pub levels: Vec<Level>,
    /// Convolutions of each level on the way down, and again on the way up.
    pub convs_per_level: Chosen<usize>,
    /// What is told apart.
    pub labels: Chosen<LabelSet>,
    /// Whether every level on the way up has logits of its own in training
    /// (Lee et al., arXiv:1409.5185).
    pub deep_supervision: Chosen<bool>,
}

/// Why a plan cannot be read.
#[derive(Debug, Error)]
pub enum PlanError {
    /// No JSON, or fields that are missing, unknown or of another type.
    #[error("the plan cannot be read: {0}; correct the field, or derive the plan again")]
    Text(#[from] serde_json::Error),
    /// A plan of no network.
    #[error(transparent)]
    Mistakes(#[from] PlanMistakes),
}

impl Plan {
    /// Read a plan and check it.
    ///
    /// # Errors
    /// Text that is no plan, and every mistake in it.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        let plan: Self = serde_json::from_str(text)?;
        plan.check()?;
        Ok(plan)
    }

    /// The plan as text, the same each time.
    ///
    /// # Errors
    /// What the serialiser says; no plan is known that it refuses.
    pub fn to_json(&self) -> Result<String, PlanError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Product of the strides: the extents of an input must be divisible by it.
    #[must_use]
    pub fn total_stride_zyx(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| {
            let strides = self.levels.iter().map(|level| level.stride_zyx[axis]);
            strides.fold(1usize, usize::saturating_mul)
        })
    }
}
