//! Options of the stage.

use std::collections::BTreeSet;

use clap::Args;
use renalflow_sdk::{Problem, clap};
use renalflow_segmentation::{deep_features::Selection, device::DeviceChoice, ops::Precision};
use renalflow_stage_segment::networks::{Way, WeightsFile};
use serde::{Serialize, Serializer};

/// Options of `deep-features`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// Weights of the network, with their card, relative to the graph's folder; with --held-out
    /// those of all folds
    #[arg(long, value_name = "FILE", value_delimiter = ',', required = true)]
    #[serde(serialize_with = "one_or_all")]
    pub(crate) weights: Vec<WeightsFile>,
    /// Take the features of a case from the first network that was not trained on its patient, as
    /// the cards say
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) held_out: bool,
    /// Layers to pool [default: the deepest of the way down, such as encoder.4]
    #[arg(long, value_name = "LAYER", value_delimiter = ',')]
    pub(crate) layers: Vec<String>,
    /// Regions of interest, each one row: names or numbers of labels, joined by `+`
    #[arg(
        long,
        value_name = "LABELS",
        value_delimiter = ',',
        default_value = "tumour"
    )]
    pub(crate) regions: Vec<String>,
    /// Pools over the region (mean, max, sd) and over its box (boxmean, boxmax, boxsd)
    #[arg(
        long,
        value_name = "POOL",
        value_delimiter = ',',
        default_value = "mean,sd"
    )]
    pools: Vec<String>,
    /// Parts of the region: whole, octants (of its box), or single ones, o000 to o111
    #[arg(
        long,
        value_name = "PART",
        value_delimiter = ',',
        default_value = "whole"
    )]
    parts: Vec<String>,
    /// What the network is shown around the region, at least
    #[arg(long, value_name = "MM", default_value_t = 10.0)]
    pub(crate) margin_mm: f64,
    /// Which of a network's ways to take, where it has one for each data set
    #[arg(long, value_enum, default_value_t = Way::Primary)]
    pub(crate) domain: Way,
    /// Where the network runs: auto, cpu or cuda:N
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub(crate) device: DeviceChoice,
    /// Numbers in which a GPU convolves: f32, tf32 or bf16; a CPU has f32 alone
    #[arg(long, value_name = "NUMBERS", default_value_t)]
    #[serde(skip_serializing_if = "Precision::is_f32")]
    pub(crate) precision: Precision,
    /// Put before every column's name
    #[arg(long, value_name = "TEXT", default_value = "deep_")]
    pub(crate) prefix: String,
}

/// A single file as itself, as where only one could be given.
fn one_or_all<S: Serializer>(weights: &[WeightsFile], serializer: S) -> Result<S::Ok, S::Error> {
    match weights {
        [one] => one.serialize(serializer),
        all => all.serialize(serializer),
    }
}

impl Options {
    /// The pools and parts.
    pub(crate) fn selection(&self) -> Result<Selection, Problem> {
        Selection::named(&self.pools, &self.parts)
            .map_err(|error| Problem::from(error).fix("correct --pools or --parts"))
    }

    /// Refuse what the option parser lets through.
    pub(crate) fn check_numbers(&self) -> Result<(), Problem> {
        if self.weights.len() > 1 && !self.held_out {
            return Err(Problem::new(format!(
                "--weights are {} files, and features are those of one network",
                self.weights.len()
            ))
            .fix(
                "give one file, or --held-out with the folds of a cross-validation; two networks \
                 that both are of interest take two nodes with two prefixes",
            ));
        }
        if !(self.margin_mm.is_finite() && self.margin_mm >= 0.0) {
            return Err(Problem::new(format!("--margin-mm is {}", self.margin_mm))
                .fix("give a number of mm, 0 or more"));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.regions.iter().find(|region| !seen.insert(*region)) {
            return Err(Problem::new(format!("--regions names `{twice}` twice"))
                .fix("name each region once"));
        }
        Ok(())
    }
}
