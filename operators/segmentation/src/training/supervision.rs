//! From patches to tensors, and from logits at several resolutions to one loss.

use candle_core::{Device, Result as TensorResult, Tensor};

use super::{augment::Patch, error::TrainingError};
use crate::ops::{dice_bce, dice_ce};

/// Images `[N, C, D, H, W]` and labels `[N, D, H, W]`.
pub(super) fn tensors(batch: &[Patch], device: &Device) -> Result<(Tensor, Tensor), TrainingError> {
    let first = batch
        .first()
        .ok_or_else(|| candle_core::Error::Msg("an empty batch".to_owned()))?;
    let [d, h, w] = first.shape_zyx;
    let image: Vec<f32> = batch.iter().flat_map(|p| p.image.iter().copied()).collect();
    let labels: Vec<u8> = batch
        .iter()
        .flat_map(|p| p.labels.iter().copied())
        .collect();
    Ok((
        Tensor::from_vec(image, (batch.len(), first.channels, d, h, w), device)?,
        Tensor::from_vec(labels, (batch.len(), d, h, w), device)?,
    ))
}

/// The loss at every resolution, each with half the weight of the finer one, weights summing to
/// 1; the coarsest of several counts nothing, as in nnU-Net. Labels are the nearest voxel's.
/// Classes by softmax; nested regions, where there are any, each by a logistic.
pub(super) fn supervised(
    logits: &[Tensor],
    labels: &Tensor,
    regions: Option<&[Vec<u32>]>,
) -> TensorResult<Tensor> {
    let counted = if logits.len() > 1 {
        logits.len() - 1
    } else {
        logits.len()
    };
    let total: f64 = (0..counted).map(|l| 0.5f64.powi(l as i32)).sum();
    let mut sum: Option<Tensor> = None;
    for (level, logits) in logits.iter().take(counted).enumerate() {
        let weight = 0.5f64.powi(level as i32) / total;
        let labels = coarser(labels, logits.dims())?;
        let part = match regions {
            None => dice_ce(logits, &labels, None)?,
            Some(regions) => dice_bce(logits, &labels, regions, None)?,
        };
        let part = (part * weight)?;
        sum = Some(match sum {
            None => part,
            Some(sum) => (sum + part)?,
        });
    }
    sum.ok_or_else(|| candle_core::Error::Msg("the network has no output".to_owned()))
}

fn coarser(labels: &Tensor, wanted: &[usize]) -> TensorResult<Tensor> {
    let mut labels = labels.clone();
    for axis in 1..4 {
        let (from, to) = (
            labels.dim(axis)?,
            wanted.get(axis + 1).copied().unwrap_or(1),
        );
        if from != to {
            let kept: Vec<u32> = (0..to)
                .map(|o| ((2 * o + 1) * from / (2 * to)) as u32)
                .collect();
            let kept = Tensor::from_vec(kept, to, labels.device())?;
            labels = labels.contiguous()?.index_select(&kept, axis)?;
        }
    }
    labels.contiguous()
}

pub(super) fn scalar(loss: &Tensor) -> TensorResult<f64> {
    loss.to_dtype(candle_core::DType::F64)?.to_scalar::<f64>()
}

/// The samples whose own loss is not finite; all, where each alone is.
pub(super) fn guilty(
    logits: &[Tensor],
    labels: &Tensor,
    regions: Option<&[Vec<u32>]>,
) -> TensorResult<Vec<usize>> {
    let samples = labels.dim(0)?;
    let mut found = Vec::new();
    for sample in 0..samples {
        let one: Vec<Tensor> = logits
            .iter()
            .map(|l| l.detach().narrow(0, sample, 1)?.contiguous())
            .collect::<TensorResult<_>>()?;
        let labels = labels.narrow(0, sample, 1)?.contiguous()?;
        if !scalar(&supervised(&one, &labels, regions)?)?.is_finite() {
            found.push(sample);
        }
    }
    Ok(if found.is_empty() {
        (0..samples).collect()
    } else {
        found
    })
}
