//! What a network tells apart.

use serde::{Deserialize, Serialize};

/// A set of labels that is one answer of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// The labels of the map that belong to it.
    pub labels: Vec<u32>,
}

/// What a network tells apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelSet {
    /// Names of labels 0, 1, ...; 0 is the background. They exclude each other: softmax.
    Classes(Vec<String>),
    /// Nested regions, the outermost first, each a yes or no: logistic.
    Regions(Vec<Region>),
}

impl LabelSet {
    /// Channels of the logits.
    #[must_use]
    pub fn channels(&self) -> usize {
        match self {
            Self::Classes(names) => names.len(),
            Self::Regions(regions) => regions.len(),
        }
    }

    /// Names of the channels.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Classes(names) => names.iter().map(String::as_str).collect(),
            Self::Regions(regions) => regions.iter().map(|region| region.name.as_str()).collect(),
        }
    }

    /// The labels of each region, as [`crate::ops::dice_bce`] takes them; `None` for classes.
    #[must_use]
    pub fn regions(&self) -> Option<Vec<Vec<u32>>> {
        match self {
            Self::Classes(_) => None,
            Self::Regions(regions) => {
                Some(regions.iter().map(|region| region.labels.clone()).collect())
            }
        }
    }
}
