//! The gradient to the weights of any convolution.

use super::{Axis, Pass};
use crate::kernels::{
    conv::{
        ConvShape,
        source::{Source, channel},
        tile::{GRADIENT_OUTPUTS, GRADIENT_TAPS, correlate},
    },
    simd::{Isa, Kernel, Vector},
};
use rayon::prelude::*;

/// Chunks of blocks with sums of their own, at most.
const CHUNKS: usize = 16;

/// Writes the gradient to the weights.
///
/// # Shapes
/// `x` `[N, I, D, H, W]`, `gy` `[N, O, D', H', W']`, `gw` `[O, I, kD, kH, kW]`.
pub(crate) fn backward_weight(isa: Isa, shape: &ConvShape, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    let axes = [0, 1, 2].map(|a| Axis::forward(shape, a));
    let pass = Pass::new(axes, shape.channels_in, shape.batch, 400_000);
    let outputs = shape.channels_out.next_multiple_of(GRADIENT_OUTPUTS);
    let (mut offsets, _) = pass.taps([0; 3]);
    let taps = offsets.len();
    offsets.resize(taps.next_multiple_of(GRADIENT_TAPS), 0);
    let len = outputs * offsets.len();
    let jobs = pass.batch * pass.blocks();
    let chunks = jobs.clamp(1, CHUNKS);
    let mut sums = vec![0f32; chunks * len];
    let sources = [Source::plain(x, shape.channels_in)];
    sums.par_chunks_mut(len.max(1))
        .enumerate()
        .for_each(|(chunk, sums)| {
            let mut source = vec![0f32; pass.source_len()];
            let mut gradients = vec![0f32; outputs * pass.stream_len()];
            for job in chunk * jobs / chunks..(chunk + 1) * jobs / chunks {
                let kernel = Block {
                    shape,
                    pass: &pass,
                    sources: &sources,
                    gy,
                    sample: job / pass.blocks(),
                    d: job % pass.blocks() / pass.blocks_h(),
                    h: job % pass.blocks_h() * pass.rows,
                    offsets: &offsets,
                    outputs,
                    source: &mut source,
                    gradients: &mut gradients,
                    sums,
                };
                // SAFETY: `isa` is available; the scratch and the sums are this chunk's own.
                unsafe { isa.run(kernel) }
            }
        });
    gw.par_chunks_mut(taps.max(1))
        .enumerate()
        .for_each(|(o, gw)| {
            for (k, gw) in gw.iter_mut().enumerate() {
                let chunks = sums.chunks_exact(len);
                let total: f64 = chunks
                    .map(|chunk| f64::from(chunk[o * offsets.len() + k]))
                    .sum();
                *gw = total as f32;
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
                self.sums.as_mut_ptr(),
            );
        }
    }
}
