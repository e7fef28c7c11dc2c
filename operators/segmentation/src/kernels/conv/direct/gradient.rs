//! The gradient to the weights of any convolution.

use super::{Axis, Pass};
use crate::kernels::{
    conv::{
        ConvShape,
        source::{Shared, Source, channel},
        tile::{
            BESIDE, GRADIENT_TAPS, correlate, gradient_isa, gradient_place, total_of_chunks,
            turned_len,
        },
    },
    simd::{Isa, Kernel, Vector},
};
use rayon::prelude::*;

/// Chunks of blocks with sums of their own, at most.
const CHUNKS: usize = 16;

/// Writes the gradient to the weights.
///
/// # Shapes
/// `sources` `[N, I_s, D, H, W]`, `gy` `[N, O, D', H', W']`, `gw` `[O, I, kD, kH, kW]`.
pub(crate) fn backward_weight(
    isa: Isa,
    shape: &ConvShape,
    sources: &[Source<'_>],
    gy: &[f32],
    gw: &mut [f32],
) {
    let axes = [0, 1, 2].map(|a| Axis::forward(shape, a));
    let pass = Pass::new(axes, shape.channels_in, shape.batch, 400_000);
    let isa = gradient_isa(isa, shape.channels_out);
    let outputs = shape.channels_out.next_multiple_of(isa.lanes());
    let (mut offsets, _) = pass.taps([0; 3]);
    let taps = offsets.len();
    offsets.resize(taps.next_multiple_of(GRADIENT_TAPS), 0);
    let len = outputs * offsets.len();
    let jobs = pass.batch * pass.blocks();
    let chunks = jobs.clamp(1, CHUNKS);
    let mut sums = vec![0f32; chunks * len];
    sums.par_chunks_mut(len.max(1))
        .enumerate()
        .for_each(|(chunk, sums)| {
            let mut source = vec![0f32; pass.source_len()];
            let mut gradients = vec![0f32; outputs * pass.stream_len()];
            let mut turned = vec![0f32; turned_len(isa.lanes(), pass.stream_len())];
            for job in chunk * jobs / chunks..(chunk + 1) * jobs / chunks {
                let kernel = Block {
                    shape,
                    pass: &pass,
                    sources,
                    gy,
                    sample: job / pass.blocks(),
                    d: job % pass.blocks() / pass.blocks_h(),
                    h: job % pass.blocks_h() * pass.rows,
                    offsets: &offsets,
                    outputs,
                    source: &mut source,
                    gradients: &mut gradients,
                    turned: &mut turned,
                    sums,
                };
                // SAFETY: `isa` is available; the scratch and the sums are this chunk's own.
                unsafe { isa.run(kernel) }
            }
        });
    let gw = Shared(gw.as_mut_ptr());
    let jobs = shape.channels_out.div_ceil(BESIDE);
    (0..jobs).into_par_iter().for_each(|job| {
        let first = job * BESIDE;
        let here = BESIDE.min(shape.channels_out - first);
        for k in 0..taps {
            let at = gradient_place(isa.lanes(), offsets.len(), first, k);
            let total = total_of_chunks(&sums, len, at);
            for (o, &total) in total.iter().enumerate().take(here) {
                // SAFETY: inside the weights, and no other job has this channel.
                unsafe { *gw.get().add((first + o) * taps + k) = total as f32 };
            }
        }
    });
}

/// Rows `h..` of plane `d` of the gradient of one sample, added to the sums of a chunk.
struct Block<'a, 's> {
    shape: &'a ConvShape,
    pass: &'a Pass,
    sources: &'a [Source<'s>],
    gy: &'a [f32],
    sample: usize,
    d: usize,
    h: usize,
    offsets: &'a [u32],
    outputs: usize,
    source: &'a mut [f32],
    gradients: &'a mut [f32],
    turned: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Kernel for Block<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (shape, pass) = (self.shape, self.pass);
        let [_, height, width] = shape.size_out;
        let span = pass.stream_len();
        let rows = pass.rows.min(height - self.h);
        let columns = (rows - 1) * pass.pitch + width;
        // SAFETY: the scratch holds `source_len` floats and a stream for each output; columns
        // between rows of the gradient are never written and stay zero.
        unsafe {
            for c in 0..pass.channels {
                if let Some(channel) = channel(self.sources, self.sample, c, shape.voxels_in()) {
                    let to = self.source.as_mut_ptr().add(c * pass.channel_len);
                    pass.pack::<V>(channel, [self.d, self.h], to);
                }
            }
            for o in 0..shape.channels_out {
                let at = (self.sample * shape.channels_out + o) * shape.voxels_out()
                    + (self.d * height + self.h) * width;
                let to = self.gradients.as_mut_ptr().add(o * span);
                for r in 0..rows {
                    let from = &self.gy[at + r * width..at + (r + 1) * width];
                    to.add(r * pass.pitch)
                        .copy_from_nonoverlapping(from.as_ptr(), width);
                }
                // An earlier, longer block may have left rows after the last one.
                V::splat(0.0).store(to.add(columns));
            }
            correlate::<V>(
                self.source.as_ptr(),
                self.offsets,
                self.gradients.as_ptr(),
                span,
                self.outputs,
                columns,
                self.turned.as_mut_ptr(),
                self.sums.as_mut_ptr(),
            );
        }
    }
}
