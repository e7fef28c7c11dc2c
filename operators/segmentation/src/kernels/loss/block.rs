//! Some voxels of one sample with all their channels, small enough for the cache.

use super::{Head, LossSums, Membership, UnknownLabel};
use crate::kernels::{
    exp::exp_nonpositive,
    sums::{lane_dot, lane_sum},
};

/// Voxels of a block.
pub(super) const VOXELS: usize = 1024;

/// Whether the entropies are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entropy {
    Needed,
    Not,
}

/// Scratch of one task.
pub(super) struct Block {
    /// Voxels loaded, at most [`VOXELS`].
    len: usize,
    channels: usize,
    /// Channels each voxel belongs to, as bits.
    bits: Vec<u64>,
    /// 1, or 0 where the voxel is ignored.
    counted: Vec<f32>,
    any_ignored: bool,
    /// Probabilities, later gradients, `[C][VOXELS]`.
    values: Vec<f32>,
    /// Membership of the channel at hand.
    target: Vec<f32>,
    /// Largest logit, later `sum(p g)`.
    first: Vec<f32>,
    /// Sum of exponentials.
    second: Vec<f32>,
    /// Sum of the entropies of the block.
    entropy: f64,
}

impl Block {
    pub(super) fn new(channels: usize) -> Self {
        let line = || vec![0f32; VOXELS];
        Self {
            len: 0,
            channels,
            bits: vec![0; VOXELS],
            counted: line(),
            any_ignored: false,
            values: vec![0f32; channels * VOXELS],
            target: line(),
            first: line(),
            second: line(),
            entropy: 0.0,
        }
    }

    /// What [`Self::load_logits`] or [`Self::differentiate`] left for one channel.
    pub(super) fn values(&self, channel: usize) -> &[f32] {
        &self.values[channel * VOXELS..][..self.len]
    }

    pub(super) fn load_labels<L: Copy + Into<u32>>(
        &mut self,
        labels: &[L],
        membership: &Membership,
    ) -> Result<(), UnknownLabel> {
        self.len = labels.len();
        self.any_ignored = false;
        for ((bits, counted), &label) in self.bits.iter_mut().zip(&mut self.counted).zip(labels) {
            *bits = membership.of(label.into())?;
            let ignored = *bits == Membership::IGNORED;
            self.any_ignored |= ignored;
            *counted = if ignored { 0.0 } else { 1.0 };
        }
        Ok(())
    }

    /// Turn the logits of voxels `start..start + len` into probabilities, 0 where ignored.
    pub(super) fn load_logits(
        &mut self,
        head: Head,
        logits: &[f32],
        voxels: usize,
        start: usize,
        entropy: Entropy,
    ) {
        self.entropy = 0.0;
        match head {
            Head::Softmax => self.softmax(logits, voxels, start, entropy),
            Head::Sigmoid => self.sigmoid(logits, voxels, start, entropy),
        }
        if self.any_ignored {
            for p in self.values.chunks_exact_mut(VOXELS) {
                for (p, &counted) in p[..self.len].iter_mut().zip(&self.counted) {
                    // Not a product: what is ignored may be infinite.
                    *p = if counted == 0.0 { 0.0 } else { *p };
                }
            }
        }
    }

    fn softmax(&mut self, logits: &[f32], voxels: usize, start: usize, entropy: Entropy) {
        let len = self.len;
        let channel = |c: usize| &logits[c * voxels + start..][..len];
        let (largest, total) = (&mut self.first[..len], &mut self.second[..len]);
        largest.copy_from_slice(channel(0));
        for c in 1..self.channels {
            for (m, &l) in largest.iter_mut().zip(channel(c)) {
                *m = if l > *m { l } else { *m };
            }
        }
        total.fill(0.0);
        for (c, p) in self.values.chunks_exact_mut(VOXELS).enumerate() {
            for (((p, s), &m), &l) in p[..len]
                .iter_mut()
                .zip(total.iter_mut())
                .zip(largest.iter())
                .zip(channel(c))
            {
                *p = exp_nonpositive(l - m);
                *s += *p;
            }
        }
        for p in self.values.chunks_exact_mut(VOXELS) {
            for (p, &s) in p[..len].iter_mut().zip(total.iter()) {
                *p /= s;
            }
        }
        if entropy == Entropy::Needed {
            // Reuses `target`, which is set anew for each channel later.
            for (v, out) in self.target[..len].iter_mut().enumerate() {
                let class = self.bits[v].trailing_zeros() as usize;
                *out = if self.counted[v] == 0.0 {
                    0.0
                } else {
                    total[v].ln() + largest[v] - logits[class * voxels + start + v]
                };
            }
            self.entropy = lane_sum(&self.target[..len], |e| e);
        }
    }

    fn sigmoid(&mut self, logits: &[f32], voxels: usize, start: usize, entropy: Entropy) {
        let len = self.len;
        for (c, p) in self.values.chunks_exact_mut(VOXELS).enumerate() {
            let logits = &logits[c * voxels + start..][..len];
            for (p, &l) in p[..len].iter_mut().zip(logits) {
                let e = exp_nonpositive(-l.abs());
                *p = if l > 0.0 { 1.0 } else { e } / (1.0 + e);
            }
            if entropy == Entropy::Needed {
                for (v, out) in self.target[..len].iter_mut().enumerate() {
                    let l = logits[v];
                    let inside = (self.bits[v] >> c & 1) as f32;
                    *out = if self.counted[v] == 0.0 {
                        0.0
                    } else {
                        let above = if l < 0.0 { 0.0 } else { l };
                        above - l * inside + exp_nonpositive(-l.abs()).ln_1p()
                    };
                }
                self.entropy += lane_sum(&self.target[..len], |e| e);
            }
        }
    }

    fn load_target(target: &mut [f32], bits: &[u64], channel: usize) {
        for (t, &bits) in target.iter_mut().zip(bits) {
            *t = (bits >> channel & 1) as f32;
        }
    }

    /// Add this block to the sums.
    pub(super) fn add_to(&mut self, sums: &mut LossSums) {
        for (channel, overlap) in sums.overlaps.iter_mut().enumerate() {
            let target = &mut self.target[..self.len];
            Self::load_target(target, &self.bits, channel);
            let p = &self.values[channel * VOXELS..][..self.len];
            overlap.common += lane_dot(p, target);
            overlap.predicted += lane_sum(p, |p| p);
            overlap.target += lane_sum(target, |t| t);
        }
        sums.entropy += self.entropy;
        sums.voxels += lane_sum(&self.counted[..self.len], |c| c) as usize;
    }

    /// Replace probabilities by gradients with respect to the logits: `lines` is the gradient
    /// of Dice with respect to `p` of each channel, `entropy` that of the mean entropy.
    pub(super) fn differentiate(&mut self, head: Head, lines: &[(f32, f32)], entropy: f32) {
        let len = self.len;
        let weighted = &mut self.first[..len];
        weighted.fill(0.0);
        if head == Head::Softmax {
            for (c, &(slope, offset)) in lines.iter().enumerate() {
                let p = &self.values[c * VOXELS..][..len];
                for ((w, &p), &bits) in weighted.iter_mut().zip(p).zip(&self.bits) {
                    *w += p * (slope * (bits >> c & 1) as f32 + offset);
                }
            }
        }
        for (c, &(slope, offset)) in lines.iter().enumerate() {
            Self::load_target(&mut self.target[..len], &self.bits, c);
            let p = &mut self.values[c * VOXELS..][..len];
            let voxels = p
                .iter_mut()
                .zip(&self.target)
                .zip(weighted.iter())
                .zip(&self.counted);
            for (((p, &t), &w), &counted) in voxels {
                let g = slope * t + offset;
                let dice = match head {
                    Head::Softmax => *p * (g - w),
                    Head::Sigmoid => *p * (1.0 - *p) * g,
                };
                *p = dice + entropy * counted * (*p - t);
            }
        }
    }
}
