//! What travels on an edge.

use std::fmt;

use renalflow_imaging::{Image, LabelMap, Voxels};
use serde::{Deserialize, Serialize};

use crate::table::Table;

/// The type of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Intensities on a grid.
    Image,
    /// Labels on a grid, with names.
    Labels,
    /// Rows: features, clinical records, boxes, predictions, metrics.
    Table,
    /// Network weights with the card that says what they fit.
    Weights,
    /// Acknowledgements: names of cases that a collecting stage has taken in.
    Ack,
}

impl Kind {
    /// The name used in metadata and in `--describe`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Labels => "labels",
            Self::Table => "table",
            Self::Weights => "weights",
            Self::Ack => "ack",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One value of one case.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Intensities.
    Image(Image),
    /// Labels.
    Labels(LabelMap),
    /// Rows.
    Table(Table),
    /// Weights.
    Weights(Weights),
}

impl Value {
    /// The type of port that carries it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Image(_) => Kind::Image,
            Self::Labels(_) => Kind::Labels,
            Self::Table(_) => Kind::Table,
            Self::Weights(_) => Kind::Weights,
        }
    }
}

/// Network weights: a safetensors file and its card.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// The bytes of the safetensors file.
    pub safetensors: Voxels<u8>,
    /// What the weights fit (plan, label set, window, spacing, digests), enforced by the loader.
    pub card: serde_json::Value,
}

/// A case that a stage could not do. It travels in place of the stage's outputs and ends as a
/// row with its status, so that the cohort goes on and nothing is silently absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The case.
    pub case_id: String,
    /// Id of the node, as the graph names it.
    pub node: String,
    /// What went wrong.
    pub cause: String,
    /// What the user can do about it.
    pub fix: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} failed in {}: {}",
            self.case_id, self.node, self.cause
        )?;
        if !self.fix.is_empty() {
            write!(f, "\n  fix: {}", self.fix)?;
        }
        Ok(())
    }
}
