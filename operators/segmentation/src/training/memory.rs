//! What a step needs in memory, before it starts.

use super::error::TrainingError;

/// What the estimate looks at: one level of a U-Net.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Features of the level.
    pub features: usize,
    /// How much coarser than the level before; 1s at the first.
    pub stride_zyx: [usize; 3],
    /// Convolutions on the way down (and as many on the way up).
    pub convolutions: usize,
    /// Tensors of this level that are kept for another column, beside the network's own.
    pub lent: usize,
}

/// A network and its optimiser, as the estimate sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    /// Levels from the finest.
    pub levels: Vec<Level>,
    /// Channels of the image.
    pub channels: usize,
    /// Classes, background included.
    pub classes: usize,
    /// Parameters of the network.
    pub parameters: usize,
    /// Values that the optimiser keeps for each.
    pub optimizer_slots: usize,
}

/// Tensors that are kept for the backward pass for each convolution: its raw result, and that
/// normalised and activated.
pub(super) const KEPT: usize = 2;
/// Copies of the largest tensor that live at once while the backward pass goes through a layer:
/// the gradient coming in, the one in front of the norm, the one going out, and what it is added
/// to. The first two are half as wide where a level joins two inputs.
const WORKING: u64 = 3;

/// Bytes at the peak of a training step in `f32`, weights included. An estimate: it counts tensors,
/// not an allocator, and packed copies of a kernel as part of the largest.
#[must_use]
pub fn step_bytes(footprint: &Footprint, batch_size: usize, patch_zyx: [usize; 3]) -> u64 {
    let mut extent = patch_zyx.map(|e| e as u64);
    let voxels = |e: [u64; 3]| e.iter().fold(1u64, |n, &x| n.saturating_mul(x));
    let fine = voxels(extent);
    // Image, labels, logits, probabilities and their gradients.
    let mut values = fine.saturating_mul((footprint.channels + 1 + 4 * footprint.classes) as u64);
    let mut largest = 0u64;
    let last = footprint.levels.len().saturating_sub(1);
    for (index, level) in footprint.levels.iter().enumerate() {
        for axis in 0..3 {
            extent[axis] = extent[axis].div_ceil(level.stride_zyx[axis].max(1) as u64);
        }
        let tensor = voxels(extent).saturating_mul(level.features as u64);
        // Down, and up again except at the deepest level; on the way up also the upsampled
        // features.
        let one_way = KEPT * level.convolutions;
        let tensors = level.lent
            + if index == last {
                one_way
            } else {
                2 * one_way + 1
            };
        values = values.saturating_add(tensor.saturating_mul(tensors as u64));
        // The gradient to upsampled and skipped features together is twice as wide.
        largest = largest.max(tensor.saturating_mul(2));
    }
    values = values
        .saturating_add(largest.saturating_mul(WORKING))
        .saturating_mul(batch_size as u64);
    let weights =
        (footprint.parameters as u64).saturating_mul(2 + footprint.optimizer_slots as u64);
    values.saturating_add(weights).saturating_mul(4)
}

/// Refuse a step that would not fit.
///
/// # Errors
/// More needed than available; names the largest patch of the same proportions that would fit.
pub fn check_step(
    footprint: &Footprint,
    batch_size: usize,
    patch_zyx: [usize; 3],
    available_bytes: u64,
) -> Result<u64, TrainingError> {
    let needed_bytes = step_bytes(footprint, batch_size, patch_zyx);
    if needed_bytes <= available_bytes {
        return Ok(needed_bytes);
    }
    // Every extent stays a multiple of what the network divides it by.
    let multiple = [0, 1, 2].map(|axis| {
        footprint
            .levels
            .iter()
            .map(|level| level.stride_zyx[axis].max(1))
            .product::<usize>()
    });
    let advice = (1..100)
        .rev()
        .map(|percent| {
            [0, 1, 2].map(|axis| patch_zyx[axis] * percent / 100 / multiple[axis] * multiple[axis])
        })
        .find(|smaller| {
            smaller.iter().all(|e| *e > 0)
                && step_bytes(footprint, batch_size, *smaller) <= available_bytes
        })
        .map_or_else(
            || "none of these proportions fits".to_owned(),
            |smaller| format!("{smaller:?} would fit"),
        );
    Err(TrainingError::Memory {
        patch_zyx,
        batch_size,
        needed_bytes,
        available_bytes,
        advice,
    })
}
