//! The pass itself: a convolution, or the gradient to the input of one.

use super::{Axis, Pass};
use crate::kernels::{
    conv::{
        ConvShape,
        source::{Moments, RowSums, Shared, Source, channel, join},
        tile::{OUTPUTS, product},
    },
    simd::{Isa, Kernel, Vector},
};
use rayon::prelude::*;

/// Floats of a packed source at most: half of a second cache.
const BUDGET: usize = 120_000;

/// A pass with its weights in the order that it reads them.
pub(crate) struct Packed {
    pass: Pass,
    outputs: usize,
    size: [usize; 3],
    classes: Vec<Work>,
}

/// The results of one class: taps, and weights `[O / 8][taps][8]`.
struct Work {
    class: [usize; 3],
    offsets: Vec<u32>,
    weights: Vec<f32>,
}

impl Packed {
    /// The convolution itself.
    pub(crate) fn forward(shape: &ConvShape, weight: &[f32]) -> Self {
        let axes = [0, 1, 2].map(|a| Axis::forward(shape, a));
        let pass = Pass::new(axes, shape.channels_in, shape.batch, BUDGET);
        let at = |o, i| (o * shape.channels_in + i) * shape.taps();
        Self::new(pass, shape, shape.channels_out, shape.size_out, weight, at)
    }

    /// The gradient to its input.
    pub(crate) fn backward(shape: &ConvShape, weight: &[f32]) -> Self {
        let axes = [0, 1, 2].map(|a| Axis::backward(shape, a));
        let pass = Pass::new(axes, shape.channels_out, shape.batch, BUDGET);
        let at = |o, i| (i * shape.channels_in + o) * shape.taps();
        Self::new(pass, shape, shape.channels_in, shape.size_in, weight, at)
    }

    fn new(
        pass: Pass,
        shape: &ConvShape,
        outputs: usize,
        size: [usize; 3],
        weight: &[f32],
        at: impl Fn(usize, usize) -> usize,
    ) -> Self {
        let [_, kh, kw] = shape.kernel;
        let mut classes = Vec::new();
        let count = |a: usize| pass.axes[a].classes.len();
        for job in 0..count(0) * count(1) * count(2) {
            let class = [
                job / (count(1) * count(2)),
                job / count(2) % count(1),
                job % count(2),
            ];
            let (offsets, taps) = pass.taps(class);
            let mut weights = Vec::with_capacity(outputs.next_multiple_of(OUTPUTS) * offsets.len());
            for group in 0..outputs.div_ceil(OUTPUTS) {
                for i in 0..pass.channels {
                    for &[d, h, w] in &taps {
                        for o in group * OUTPUTS..(group + 1) * OUTPUTS {
                            weights.push(if o < outputs {
                                weight[at(o, i) + (d * kh + h) * kw + w]
                            } else {
                                0.0
                            });
                        }
                    }
                }
            }
            classes.push(Work {
                class,
                offsets,
                weights,
            });
        }
        Self {
            pass,
            outputs,
            size,
            classes,
        }
    }
}

/// Runs a pass, and on request returns the moments of each sample and channel of the result.
/// Moments are for a pass of one class, a forward one.
///
/// # Shapes
/// `sources` `[N, C, D, H, W]`, `bias` `[outputs]`, `y` `[N, outputs, D', H', W']`.
pub(crate) fn forward(
    isa: Isa,
    packed: &Packed,
    sources: &[Source<'_>],
    bias: Option<&[f32]>,
    y: &mut [f32],
    with_moments: bool,
) -> Vec<Moments> {
    let pass = &packed.pass;
    let blocks = pass.blocks();
    let mut partial = vec![Moments::default(); pass.batch * blocks * packed.outputs];
    let (to, moments) = (Shared(y.as_mut_ptr()), Shared(partial.as_mut_ptr()));
    let results = packed.outputs.next_multiple_of(OUTPUTS) * pass.stream_len();
    let scratch = || (vec![0f32; pass.source_len()], vec![0f32; results]);
    (0..pass.batch * blocks)
        .into_par_iter()
        .for_each_init(scratch, |(source, results), job| {
            let kernel = Block {
                packed,
                sources,
                sample: job / blocks,
                d: job % blocks / pass.blocks_h(),
                h: job % pass.blocks_h() * pass.rows,
                bias,
                source,
                results,
                y: to,
                // SAFETY: row `job` of `partial`, which has a row for each job.
                moments: with_moments
                    .then(|| Shared(unsafe { moments.get().add(job * packed.outputs) })),
            };
            // SAFETY: `isa` is available; each block writes rows and moments of its own.
            unsafe { isa.run(kernel) }
        });
    join(&partial, pass.batch, blocks, packed.outputs, with_moments)
}

/// Rows `h..` of plane `d` of every class of one sample.
struct Block<'a, 's> {
    packed: &'a Packed,
    sources: &'a [Source<'s>],
    sample: usize,
    d: usize,
    h: usize,
    bias: Option<&'a [f32]>,
    source: &'a mut [f32],
    results: &'a mut [f32],
    y: Shared<f32>,
    moments: Option<Shared<Moments>>,
}

impl Kernel for Block<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let pass = &self.packed.pass;
        let outputs = self.packed.outputs;
        let span = pass.stream_len();
        let [_, height, width] = self.packed.size;
        let voxels: usize = self.packed.size.iter().product();
        let voxels_in = pass.axes.iter().map(|a| a.size).product();
        // SAFETY: the scratch holds `source_len` floats and a stream for each group of eight outputs;
        // rows of results are inside `y` because a class counts them so.
        unsafe {
            for c in 0..pass.channels {
                if let Some(channel) = channel(self.sources, self.sample, c, voxels_in) {
                    let to = self.source.as_mut_ptr().add(c * pass.channel_len);
                    pass.pack::<V>(channel, [self.d, self.h], to);
                }
            }
            for work in &self.packed.classes {
                let [cd, ch, cw] = [0, 1, 2].map(|a: usize| &pass.axes[a].classes[work.class[a]]);
                if self.d >= cd.count || self.h >= ch.count || cw.count == 0 {
                    continue;
                }
                let rows = pass.rows.min(ch.count - self.h);
                product::<V>(
                    self.source.as_ptr(),
                    &work.offsets,
                    work.weights.as_ptr(),
                    outputs,
                    self.results.as_mut_ptr(),
                    span,
                    (rows - 1) * pass.pitch + cw.count,
                );
                for o in 0..outputs {
                    let bias = self.bias.map_or(0.0, |b| b[o]);
                    let y = self.y.get().add((self.sample * outputs + o) * voxels);
                    let row = |r: usize| {
                        let (d, h) = (
                            cd.start + self.d * cd.step,
                            ch.start + (self.h + r) * ch.step,
                        );
                        (d * height + h) * width + cw.start
                    };
                    for r in 0..rows {
                        let from = self.results.as_ptr().add(o * span + r * pass.pitch);
                        write_row::<V>(from, cw.count, cw.step, bias, y.add(row(r)));
                    }
                    if let Some(moments) = self.moments {
                        let mut sums = RowSums::<V>::new(*y.add(row(0)));
                        for r in 0..rows {
                            sums.add(y.add(row(r)), cw.count);
                        }
                        *moments.get().add(o) = sums.moments();
                    }
                }
            }
        }
    }
}

/// `to[c * step] = from[c] + bias`.
///
/// # Safety
/// The machine has the instructions of `V`; both are good for `count` columns.
#[inline(always)]
unsafe fn write_row<V: Vector>(
    from: *const f32,
    count: usize,
    step: usize,
    bias: f32,
    to: *mut f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if step > 1 {
            for c in 0..count {
                *to.add(c * step) = *from.add(c) + bias;
            }
            return;
        }
        let mut c = 0;
        while c < count {
            let lanes = (count - c).min(V::LANES);
            let value = V::load_part(from.add(c), lanes).add(V::splat(bias));
            if lanes == V::LANES {
                value.store(to.add(c));
            } else {
                value.store_part(to.add(c), lanes);
            }
            c += V::LANES;
        }
    }
}
