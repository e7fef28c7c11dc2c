//! Dice and cross-entropy of logits against a label map, their sums and their gradient.
//!
//! `loss = entropy - mean over samples n and channels c of
//! (2 sum(p t) + 1e-5) / (sum(p) + sum(t) + 1e-5)`, the sums over the voxels of sample `n`, `p`
//! the probabilities and `t` 1 where the voxel belongs to channel `c` (soft Dice: Milletari et
//! al., arXiv:1606.04797; the sum of both as nnU-Net trains, Isensee et al., Nat Methods
//! 2021;18:203-211).
//!
//! | | `p` | entropy | channels in Dice |
//! |---|---|---|---|
//! | [`Head::Softmax`] | softmax | mean of `-log p` of the voxel's class | all but the background, 0 |
//! | [`Head::Sigmoid`] | logistic | mean over voxels and channels of the binary entropy | all |
//!
//! Forward and backward read the logits once each; probabilities live in a block of the cache.

mod block;
mod membership;

use rayon::prelude::*;

use block::{Block, Entropy};
pub use membership::{Membership, UnknownLabel};

/// Added above and below the fraction bar of Dice, so that an absent class is no `0/0`.
pub const SMOOTH: f64 = 1e-5;

/// How logits become probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Classes that exclude each other; channel 0 is the background.
    Softmax,
    /// Regions, each a yes or no.
    Sigmoid,
}

impl Head {
    fn first_in_dice(self) -> usize {
        match self {
            Self::Softmax => 1,
            Self::Sigmoid => 0,
        }
    }
}

/// Extents of logits `[N, C, voxels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossShape {
    /// Samples `N`.
    pub samples: usize,
    /// Channels `C`.
    pub channels: usize,
    /// Voxels of a sample.
    pub voxels: usize,
}

/// What one channel of one sample adds up to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Overlap {
    /// `sum(p t)`.
    pub common: f64,
    /// `sum(p)`.
    pub predicted: f64,
    /// `sum(t)`.
    pub target: f64,
}

impl Overlap {
    /// The soft Dice coefficient.
    #[must_use]
    pub fn dice(&self) -> f64 {
        (2.0 * self.common + SMOOTH) / (self.predicted + self.target + SMOOTH)
    }
}

/// The sums of a forward pass; the backward pass needs no more.
#[derive(Debug, Clone, PartialEq)]
pub struct LossSums {
    /// Of each sample and channel, `[N C]`.
    pub overlaps: Vec<Overlap>,
    /// Sum of the entropies.
    pub entropy: f64,
    /// Voxels that were not ignored.
    pub voxels: usize,
}

impl LossSums {
    fn none(channels: usize) -> Self {
        Self {
            overlaps: vec![Overlap::default(); channels],
            entropy: 0.0,
            voxels: 0,
        }
    }

    fn add(&mut self, other: &Self) {
        for (a, b) in self.overlaps.iter_mut().zip(&other.overlaps) {
            a.common += b.common;
            a.predicted += b.predicted;
            a.target += b.target;
        }
        self.entropy += other.entropy;
        self.voxels += other.voxels;
    }

    /// Entropies in the mean.
    fn entropies(&self, head: Head, channels: usize) -> f64 {
        let each = match head {
            Head::Softmax => 1,
            Head::Sigmoid => channels,
        };
        (self.voxels * each).max(1) as f64
    }

    /// The loss.
    #[must_use]
    pub fn loss(&self, head: Head, shape: LossShape) -> f64 {
        let first = head.first_in_dice();
        let dice: f64 = self
            .overlaps
            .chunks(shape.channels)
            .flat_map(|sample| &sample[first..])
            .map(Overlap::dice)
            .sum();
        let terms = (shape.samples * (shape.channels - first)).max(1) as f64;
        self.entropy / self.entropies(head, shape.channels) - dice / terms
    }

    /// `d(-dice)/dp` of a voxel is `slope t + offset`: both for each sample and channel, `[N C]`,
    /// times `grad_loss`.
    pub(crate) fn lines(&self, head: Head, shape: LossShape, grad_loss: f64) -> Vec<(f32, f32)> {
        let first_in_dice = head.first_in_dice();
        let terms = (shape.samples * (shape.channels - first_in_dice)).max(1) as f64;
        self.overlaps
            .iter()
            .enumerate()
            .map(|(row, overlap)| {
                if row % shape.channels < first_in_dice {
                    return (0.0, 0.0);
                }
                let below = overlap.predicted + overlap.target + SMOOTH;
                let scale = grad_loss / terms / below;
                ((-2.0 * scale) as f32, (scale * overlap.dice()) as f32)
            })
            .collect()
    }

    /// The gradient of the mean entropy to one entropy, times `grad_loss`.
    pub(crate) fn entropy_gradient(&self, head: Head, shape: LossShape, grad_loss: f64) -> f32 {
        (grad_loss / self.entropies(head, shape.channels)) as f32
    }
}

/// Voxels one task handles.
const PART: usize = 16 * block::VOXELS;

/// The sums that make the loss.
///
/// # Shapes
/// `logits` `[N, C, voxels]`, `labels` `[N, voxels]`.
///
/// # Errors
/// A label that belongs to no channel and is not the ignored one.
pub fn sums<L: Copy + Into<u32> + Sync>(
    head: Head,
    shape: LossShape,
    logits: &[f32],
    labels: &[L],
    membership: &Membership,
) -> Result<LossSums, UnknownLabel> {
    let LossShape {
        channels, voxels, ..
    } = shape;
    let mut all = LossSums {
        overlaps: Vec::new(),
        entropy: 0.0,
        voxels: 0,
    };
    for (logits, labels) in logits.chunks(channels * voxels).zip(labels.chunks(voxels)) {
        let parts: Vec<Result<LossSums, UnknownLabel>> = labels
            .par_chunks(PART)
            .enumerate()
            .map_init(
                || Block::new(channels),
                |block, (part, labels)| {
                    let mut sums = LossSums::none(channels);
                    for (k, labels) in labels.chunks(block::VOXELS).enumerate() {
                        block.load_labels(labels, membership)?;
                        let first = part * PART + k * block::VOXELS;
                        block.load_logits(head, logits, voxels, first, Entropy::Needed);
                        block.add_to(&mut sums);
                    }
                    Ok(sums)
                },
            )
            .collect();
        let mut sample = LossSums::none(channels);
        for part in parts {
            sample.add(&part?);
        }
        all.overlaps.append(&mut sample.overlaps);
        all.entropy += sample.entropy;
        all.voxels += sample.voxels;
    }
    Ok(all)
}

/// `grad_loss` times the gradient of the loss with respect to the logits.
///
/// # Shapes
/// As [`sums`]; `grad` as `logits`.
///
/// # Errors
/// As [`sums`].
#[allow(clippy::too_many_arguments)]
pub fn gradient<L: Copy + Into<u32> + Sync>(
    head: Head,
    shape: LossShape,
    logits: &[f32],
    labels: &[L],
    membership: &Membership,
    sums: &LossSums,
    grad_loss: f64,
    grad: &mut [f32],
) -> Result<(), UnknownLabel> {
    let LossShape {
        channels, voxels, ..
    } = shape;
    let entropy = sums.entropy_gradient(head, shape, grad_loss);
    let lines = sums.lines(head, shape, grad_loss);
    for (n, labels) in labels.chunks(voxels).enumerate() {
        let logits = &logits[n * channels * voxels..][..channels * voxels];
        let grad = &mut grad[n * channels * voxels..][..channels * voxels];
        let lines = &lines[n * channels..][..channels];
        // One task writes the same voxels of every channel.
        let mut channels_of_parts: Vec<Vec<&mut [f32]>> = (0..voxels.div_ceil(PART))
            .map(|_| Vec::with_capacity(channels))
            .collect();
        for channel in grad.chunks_mut(voxels) {
            for (part, slice) in channels_of_parts.iter_mut().zip(channel.chunks_mut(PART)) {
                part.push(slice);
            }
        }
        labels
            .par_chunks(PART)
            .zip(channels_of_parts)
            .enumerate()
            .map_init(
                || Block::new(channels),
                |block, (part, (labels, mut grads))| {
                    for (k, labels) in labels.chunks(block::VOXELS).enumerate() {
                        block.load_labels(labels, membership)?;
                        let start = k * block::VOXELS;
                        block.load_logits(head, logits, voxels, part * PART + start, Entropy::Not);
                        block.differentiate(head, lines, entropy);
                        for (channel, grad) in grads.iter_mut().enumerate() {
                            grad[start..][..labels.len()].copy_from_slice(block.values(channel));
                        }
                    }
                    Ok(())
                },
            )
            .collect::<Result<(), UnknownLabel>>()?;
    }
    Ok(())
}
