//! Networks from weights on disk, built from their cards.

use std::path::Path;

use candle_core::Device;

use super::error::InferenceError;
use crate::{
    network::{Domain, FsNet, Parameters, Scheme, SegmentationNetwork, Use},
    ops::Precision,
    weights::{Expected, load},
};

/// Networks for inference on the CPU; see [`networks_on_device`].
///
/// # Errors
/// As [`networks_on_device`].
pub fn networks_from_files<P: AsRef<Path>>(
    paths: &[P],
    domain: Domain,
) -> Result<Vec<FsNet>, InferenceError> {
    networks_on_device(paths, domain, &Device::Cpu, Precision::F32)
}

/// Networks for inference from their weights: plan and scheme are those on the cards, and
/// several files are one ensemble. They convolve in `precision` where the device is a GPU.
///
/// # Errors
/// No file, files that are cut off, altered or without a card, members that differ from the
/// first in plan or scheme (every field that does), and a domain the scheme has no way for.
pub fn networks_on_device<P: AsRef<Path>>(
    paths: &[P],
    domain: Domain,
    device: &Device,
    precision: Precision,
) -> Result<Vec<FsNet>, InferenceError> {
    let mut first = None;
    let mut networks = Vec::with_capacity(paths.len());
    for path in paths {
        let path = path.as_ref();
        let checkpoint = load(path)?;
        let (plan, scheme) =
            first.get_or_insert_with(|| (checkpoint.card.plan.clone(), checkpoint.card.scheme));
        let expected = Expected {
            plan,
            scheme: *scheme,
            lineage_key: None,
        };
        checkpoint.check(path, expected)?;
        if domain == Domain::Auxiliary && checkpoint.card.scheme == Scheme::TwoColumnFrozen {
            return Err(InferenceError::Domain {
                path: path.to_owned(),
                scheme: checkpoint.card.scheme,
                domain: domain.name(),
            });
        }
        // Every value comes from the file, none from the seed.
        let parameters = Parameters::on(0, device).with_precision(precision);
        let network = FsNet::new(
            &checkpoint.card.plan,
            checkpoint.card.scheme,
            &parameters,
            Use::Inference,
        )?;
        checkpoint.apply(path, SegmentationNetwork::parameters(&network))?;
        networks.push(network);
    }
    if networks.is_empty() {
        return Err(InferenceError::NoPredictor);
    }
    Ok(networks)
}
