//! How far a training is: rows of finished epochs and the sums of the running one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One finished epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// From 0.
    pub epoch: usize,
    /// Learning rate of its steps.
    #[serde(with = "exact")]
    pub learning_rate: f64,
    /// Mean loss of its steps.
    #[serde(with = "exact")]
    pub loss: f64,
    /// Mean length of the gradient before clipping.
    #[serde(with = "exact")]
    pub gradient_norm: f64,
    /// Dice of each foreground class over all training patches of the epoch together, for class
    /// 1 and on; `None` where neither labels nor prediction had the class.
    #[serde(with = "exact_list")]
    pub patch_dice: Vec<Option<f64>>,
    /// Mean Dice of each foreground class over the validation volumes; empty where there was no
    /// validation, `None` for a class that no volume has.
    #[serde(with = "exact_list")]
    pub validation_dice: Vec<Option<f64>>,
    /// Training patches that held each foreground class.
    pub patches_with_class: Vec<u64>,
    /// Patches that should have been put on foreground, of cases that have none.
    pub patches_without_foreground: u64,
}

impl EpochRow {
    /// The mean of the validation Dice over the classes that have one.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let known: Vec<f64> = self.validation_dice.iter().copied().flatten().collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }
}

/// The best validation so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its epoch, from 0.
    pub epoch: usize,
    /// Mean foreground Dice.
    #[serde(with = "exact")]
    pub score: f64,
}

/// Sums over the steps of an epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Sums {
    #[serde(with = "exact")]
    pub loss: f64,
    #[serde(with = "exact")]
    pub gradient_norm: f64,
    /// For each foreground class: voxels in both, predicted, labelled; patches with the class.
    pub overlap: Vec<[u64; 3]>,
    pub patches_with_class: Vec<u64>,
    pub patches_without_foreground: u64,
}

impl Sums {
    pub(super) fn new(classes: usize) -> Self {
        let foreground = classes.saturating_sub(1);
        Self {
            overlap: vec![[0; 3]; foreground],
            patches_with_class: vec![0; foreground],
            ..Self::default()
        }
    }

    pub(super) fn dice(&self) -> Vec<Option<f64>> {
        self.overlap
            .iter()
            .map(|&[both, predicted, labelled]| {
                let sum = predicted + labelled;
                (sum > 0).then(|| 2.0 * both as f64 / sum as f64)
            })
            .collect()
    }
}

/// How far a training is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The running epoch, from 0.
    pub epoch: usize,
    /// Steps of it that are done.
    pub step: usize,
    /// The best validation.
    pub best: Option<Best>,
    /// The finished epochs.
    pub history: Vec<EpochRow>,
    /// What the numbers depend on, by name: a training goes on with the same only.
    pub(super) fixed: BTreeMap<String, String>,
    pub(super) running: Sums,
}

/// `f64` as its shortest text: JSON readers may round the last bit, and know no NaN.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &f64, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{value:?}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

mod exact_list {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(v: &[Option<f64>], s: S) -> Result<S::Ok, S::Error> {
        let text: Vec<Option<String>> = v.iter().map(|v| v.map(|v| format!("{v:?}"))).collect();
        text.serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Vec<Option<f64>>, D::Error> {
        Vec::<Option<String>>::deserialize(d)?
            .into_iter()
            .map(|v| v.map(|v| v.parse().map_err(D::Error::custom)).transpose())
            .collect()
    }
}
