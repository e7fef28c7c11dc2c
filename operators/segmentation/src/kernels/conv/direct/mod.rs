//! The convolution with any kernel, stride and padding, and its gradient to the input, as one
//! scheme.
//!
//! Along each axis the results fall into classes that read alike. A forward pass has one class,
//! and its source is split into as many phases as the stride: a tap reads position
//! `stride * (j + q) + phase`. A gradient to the input has as many classes as the stride, each
//! with the taps that reach it, and reads `j + q`. In both a tap is a constant distance in the
//! packed source, so that [`product`](super::tile::product) does the rest.

mod forward;
mod gradient;

use super::{ConvShape, source::Channel, tile::SLACK};
use crate::kernels::{conv::source::Activation, simd::Vector};
pub(crate) use forward::{Packed, forward};
pub(crate) use gradient::backward_weight;

/// A tap: its index in the kernel, the phase of the source that it reads, and how far.
#[derive(Clone, Copy)]
struct Tap {
    k: usize,
    phase: usize,
    q: isize,
}

/// Results along one axis that read alike: `start + j * step` for `j < count`.
struct Class {
    start: usize,
    step: usize,
    count: usize,
    taps: Vec<Tap>,
}

/// One axis of a pass.
struct Axis {
    classes: Vec<Class>,
    /// Phases of the source.
    phases: usize,
    /// Extent of the source.
    size: usize,
    /// The least reach of any tap.
    reach: isize,
    /// The greatest reach less the least.
    span: usize,
    /// The most results of any class.
    count: usize,
}

impl Axis {
    fn new(classes: Vec<Class>, phases: usize, size: usize) -> Self {
        let reaches = || classes.iter().flat_map(|c| &c.taps).map(|t| t.q);
        let reach = reaches().min().unwrap_or(0);
        Self {
            span: reaches().max().unwrap_or(0).abs_diff(reach),
            count: classes.iter().map(|c| c.count).max().unwrap_or(0),
            reach,
            classes,
            phases,
            size,
        }
    }

    fn forward(shape: &ConvShape, a: usize) -> Self {
        let stride = shape.stride[a] as isize;
        let taps = (0..shape.kernel[a]).map(|k| {
            let at = k as isize - shape.padding[a] as isize;
            Tap {
                k,
                phase: at.rem_euclid(stride) as usize,
                q: at.div_euclid(stride),
            }
        });
        let class = Class {
            start: 0,
            step: 1,
            count: shape.size_out[a],
            taps: taps.collect(),
        };
        Self::new(vec![class], shape.stride[a], shape.size_in[a])
    }

    fn backward(shape: &ConvShape, a: usize) -> Self {
        let (stride, size) = (shape.stride[a], shape.size_in[a]);
        let classes = (0..stride.min(size)).map(|start| {
            let taps = (0..shape.kernel[a]).filter_map(|k| {
                let at = (start + shape.padding[a]) as isize - k as isize;
                (at.rem_euclid(stride as isize) == 0).then_some(Tap {
                    k,
                    phase: 0,
                    q: at.div_euclid(stride as isize),
                })
            });
            Class {
                start,
                step: stride,
                count: (size - start).div_ceil(stride),
                taps: taps.collect(),
            }
        });
        Self::new(classes.collect(), 1, shape.size_out[a])
    }

    /// Position in the source of column or row `at` of the packed phase, counted from result `first`.
    fn position(&self, first: usize, at: usize, phase: usize) -> Option<usize> {
        let p = (first + at) as isize + self.reach;
        let p = p * self.phases as isize + phase as isize;
        usize::try_from(p).ok().filter(|&p| p < self.size)
    }

    /// Which (reach, phase) pairs some tap uses, as `phase * (span + 1) + reach`.
    fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.phases * (self.span + 1)];
        for tap in self.classes.iter().flat_map(|c| &c.taps) {
            used[tap.phase * (self.span + 1) + tap.q.abs_diff(self.reach)] = true;
        }
        used
    }
}

/// One pass: what it reads, what it writes, and how a block of the source is packed.
struct Pass {
    axes: [Axis; 3],
    channels: usize,
    batch: usize,
    /// Rows of results in a block.
    rows: usize,
    /// Floats from a row of a packed phase to the next.
    pitch: usize,
    /// Floats of a packed phase of one plane.
    phase_len: usize,
    /// Floats of a packed plane, all phases.
    plane_len: usize,
    /// Floats of a packed channel.
    channel_len: usize,
    /// Packed planes that some tap reads.
    planes: Vec<bool>,
    /// Phases along the height that some tap reads, likewise width.
    phases: [Vec<bool>; 2],
}

impl Pass {
    fn new(axes: [Axis; 3], channels: usize, batch: usize, budget: usize) -> Self {
        let planes = axes[0].used();
        let phases = [1, 2].map(|a: usize| {
            let used = axes[a].used();
            used.chunks(axes[a].span + 1)
                .map(|c| c.contains(&true))
                .collect()
        });
        let pitch = axes[2].count + axes[2].span;
        let row_len = channels * planes.len() * axes[1].phases * axes[2].phases * pitch;
        // Enough blocks for a few threads, small enough for the second cache.
        let most = (budget / row_len.max(1))
            .saturating_sub(axes[1].span)
            .min((batch * axes[0].count * axes[1].count).div_ceil(8))
            .clamp(1, axes[1].count.max(1));
        let waste = |rows: usize| {
            let columns = (rows - 1) * pitch + axes[2].count;
            (rows + axes[1].span) as f64 * 0.1 / rows as f64
                + columns.next_multiple_of(16) as f64 / (rows * axes[2].count) as f64
        };
        let rows = (1..=most)
            .rev()
            .min_by(|&a, &b| waste(a).total_cmp(&waste(b)))
            .unwrap_or(1);
        let phase_len = (rows + axes[1].span) * pitch;
        let plane_len = axes[1].phases * axes[2].phases * phase_len;
        Self {
            channel_len: planes.len() * plane_len,
            axes,
            channels,
            batch,
            rows,
            pitch,
            phase_len,
            plane_len,
            planes,
            phases,
        }
    }

    /// Blocks along the height.
    fn blocks_h(&self) -> usize {
        self.axes[1].count.div_ceil(self.rows)
    }

    /// Blocks of a sample.
    fn blocks(&self) -> usize {
        self.axes[0].count * self.blocks_h()
    }

    /// Floats of the packed source.
    fn source_len(&self) -> usize {
        self.channels * self.channel_len + SLACK
    }

    /// Floats of one output's stream.
    fn stream_len(&self) -> usize {
        (self.rows * self.pitch).next_multiple_of(16) + SLACK
    }

    /// Distances of the taps of a class, channels outside, and the taps.
    fn taps(&self, class: [usize; 3]) -> (Vec<u32>, Vec<[usize; 3]>) {
        let taps = |a: usize| &self.axes[a].classes[class[a]].taps;
        let [d, h, w] = &self.axes;
        let (mut offsets, mut kernel) = (Vec::new(), Vec::new());
        for c in 0..self.channels {
            for td in taps(0) {
                for th in taps(1) {
                    for tw in taps(2) {
                        let plane = td.phase * (d.span + 1) + td.q.abs_diff(d.reach);
                        let phase = th.phase * w.phases + tw.phase;
                        let at = c * self.channel_len
                            + plane * self.plane_len
                            + phase * self.phase_len
                            + th.q.abs_diff(h.reach) * self.pitch
                            + tw.q.abs_diff(w.reach);
                        offsets.push(at as u32);
                        if c == 0 {
                            kernel.push([td.k, th.k, tw.k]);
                        }
                    }
                }
            }
        }
        (offsets, kernel)
    }

    /// Packs one channel for the block that starts at result `[d, h]` of each class.
    ///
    /// # Safety
    /// The machine has the instructions of `V`; `to` is good for [`Pass::channel_len`] floats.
    #[inline(always)]
    unsafe fn pack<V: Vector>(&self, channel: Channel<'_>, [d, h]: [usize; 2], to: *mut f32) {
        let [along_d, along_h, along_w] = &self.axes;
        // SAFETY: the loops stay inside one packed channel; rows are inside the source by `position`.
        unsafe {
            let activation = Activation::<V>::new(channel.affine);
            for (slot, _) in self.planes.iter().enumerate().filter(|(_, used)| **used) {
                let (phase, reach) = (slot / (along_d.span + 1), slot % (along_d.span + 1));
                let from_d = along_d.position(d, reach, phase);
                for ph in 0..along_h.phases {
                    for pw in 0..along_w.phases {
                        if !self.phases[0][ph] || !self.phases[1][pw] {
                            continue;
                        }
                        let to = to.add(
                            slot * self.plane_len + (ph * along_w.phases + pw) * self.phase_len,
                        );
                        for r in 0..self.rows + along_h.span {
                            let row = match (from_d, along_h.position(h, r, ph)) {
                                (Some(d), Some(h)) => Some(
                                    channel
                                        .values
                                        .as_ptr()
                                        .add((d * along_h.size + h) * along_w.size),
                                ),
                                _ => None,
                            };
                            self.pack_row(row, pw, activation, to.add(r * self.pitch));
                        }
                    }
                }
            }
        }
    }

    /// Packs one phase of one row, zeros where there is no source.
    ///
    /// # Safety
    /// As [`Pass::pack`]; `row` is a row of the source.
    #[inline(always)]
    unsafe fn pack_row<V: Vector>(
        &self,
        row: Option<*const f32>,
        phase: usize,
        activation: Activation<V>,
        to: *mut f32,
    ) {
        let axis = &self.axes[2];
        // SAFETY: columns are inside the row by `position`, and inside the packed row by `pitch`.
        unsafe {
            let columns = 0..self.pitch;
            let first = columns
                .clone()
                .find(|&c| axis.position(0, c, phase).is_some());
            let (Some(row), Some(first)) = (row, first) else {
                std::slice::from_raw_parts_mut(to, self.pitch).fill(0.0);
                return;
            };
            let at = axis.position(0, first, phase).unwrap_or(0);
            let end = (first + (axis.size - at).div_ceil(axis.phases)).min(self.pitch);
            std::slice::from_raw_parts_mut(to, first).fill(0.0);
            std::slice::from_raw_parts_mut(to.add(end), self.pitch - end).fill(0.0);
            let mut c = first;
            if axis.phases > 1 {
                for c in first..end {
                    *to.add(c) = *row.add(at + (c - first) * axis.phases);
                }
            }
            while c < end {
                let lanes = (end - c).min(V::LANES);
                let from = if axis.phases > 1 {
                    to.add(c).cast_const()
                } else {
                    row.add(at + c - first)
                };
                let mut x = V::load_part(from, lanes);
                if activation.on {
                    x = activation.of(x);
                }
                if lanes == V::LANES {
                    x.store(to.add(c));
                } else {
                    x.store_part(to.add(c), lanes);
                }
                c += V::LANES;
            }
        }
    }
}
