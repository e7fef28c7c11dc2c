//! The gradient to the weights.

use super::{Geometry, MD, MH, PD, PH, POINTS, input_tiles, transform};
use crate::kernels::{
    conv::{
        ConvShape,
        source::{Shared, Source, channel},
        tile::{GRADIENT_OUTPUTS, GRADIENT_TAPS, SLACK, correlate},
    },
    simd::{Isa, Kernel, Vector},
};
use rayon::prelude::*;

/// Chunks of blocks with sums of their own, at most.
const CHUNKS: usize = 16;

/// Writes the gradient to the weights.
///
/// # Shapes
/// `x` `[N, I, D, H, W]`, `gy` `[N, O, D', H', W']`, `gw` `[O, I, 3, 3, kW]`.
pub(crate) fn backward_weight(isa: Isa, shape: &ConvShape, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    let outputs = shape.channels_out.next_multiple_of(GRADIENT_OUTPUTS);
    let g = Geometry::new(
        shape,
        (400_000 / (POINTS * (shape.channels_in + outputs))).max(200),
        1,
    );
    let mut offsets = g.offsets();
    offsets.resize(offsets.len().next_multiple_of(GRADIENT_TAPS), 0);
    let point_len = outputs * offsets.len();
    let jobs = shape.batch * g.blocks();
    // Sums of all chunks together take at most 64 MB, or one chunk's.
    let chunks = jobs
        .min(CHUNKS)
        .min((16 << 20) / (POINTS * point_len))
        .max(1);
    let mut sums = vec![0f32; chunks * POINTS * point_len];
    let sources = [Source::plain(x, shape.channels_in)];
    sums.par_chunks_mut(POINTS * point_len)
        .enumerate()
        .for_each(|(chunk, sums)| {
            let mut points = vec![0f32; POINTS * shape.channels_in * g.span + SLACK];
            let mut gradients = vec![0f32; POINTS * outputs * g.span + SLACK];
            for job in chunk * jobs / chunks..(chunk + 1) * jobs / chunks {
                let tiles = g.block(job % g.blocks());
                let work = Work {
                    g: &g,
                    sources: &sources,
                    gy,
                    sample: job / g.blocks(),
                    tiles,
                    points: Shared(points.as_mut_ptr()),
                    gradients: Shared(gradients.as_mut_ptr()),
                    outputs,
                };
                let channels = 0..shape.channels_in + shape.channels_out;
                let one_point = |(p, sums): (usize, &mut [f32])| {
                    let kernel = Correlate {
                        work: &work,
                        point: p,
                        offsets: &offsets,
                        sums,
                    };
                    // SAFETY: `isa` is available; each point has sums of its own.
                    unsafe { isa.run(kernel) }
                };
                // Few chunks leave threads idle, so that then channels and points are shared out.
                if chunks < 4 {
                    channels.into_par_iter().for_each(|c| {
                        // SAFETY: `isa` is available; each channel has streams of its own.
                        unsafe {
                            isa.run(Transform {
                                work: &work,
                                channel: c,
                            })
                        }
                    });
                    sums.par_chunks_mut(point_len)
                        .enumerate()
                        .for_each(one_point);
                } else {
                    for c in channels {
                        // SAFETY: as above.
                        unsafe {
                            isa.run(Transform {
                                work: &work,
                                channel: c,
                            })
                        }
                    }
                    sums.chunks_mut(point_len).enumerate().for_each(one_point);
                }
            }
        });
    from_points(shape, &sums, point_len, offsets.len(), gw);
}

/// `G^T sums G` of all chunks, added in their order.
fn from_points(shape: &ConvShape, sums: &[f32], point_len: usize, row: usize, gw: &mut [f32]) {
    let kw = shape.kernel[2];
    let (along_d, along_h) = (transform::filter(PD), transform::filter(PH));
    gw.par_chunks_mut(9 * kw).enumerate().for_each(|(job, gw)| {
        let (o, i) = (job / shape.channels_in, job % shape.channels_in);
        for k in 0..kw {
            let mut taps = [[0f64; 3]; 3];
            for p in 0..POINTS {
                let at = p * point_len + o * row + i * kw + k;
                let chunks = sums.chunks_exact(POINTS * point_len);
                let total: f64 = chunks.map(|chunk| f64::from(chunk[at])).sum();
                for d in 0..3 {
                    for h in 0..3 {
                        taps[d][h] += along_d[p / PH][d] * along_h[p % PH][h] * total;
                    }
                }
            }
            for d in 0..3 {
                for h in 0..3 {
                    gw[(d * 3 + h) * kw + k] = taps[d][h] as f32;
                }
            }
        }
    });
}

/// One block of tile rows of one sample.
struct Work<'a, 's> {
    g: &'a Geometry,
    sources: &'a [Source<'s>],
    gy: &'a [f32],
    sample: usize,
    tiles: (usize, usize),
    points: Shared<f32>,
    gradients: Shared<f32>,
    outputs: usize,
}

/// One channel of the input, or after those one of the gradient, brought to the points.
struct Transform<'a, 's> {
    work: &'a Work<'a, 's>,
    channel: usize,
}

impl Kernel for Transform<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (work, g) = (self.work, self.work.g);
        let shape = &g.shape;
        // SAFETY: the scratch holds `POINTS` streams of `span` floats a channel, and slack.
        unsafe {
            if let Some(o) = self.channel.checked_sub(shape.channels_in) {
                let at = (work.sample * shape.channels_out + o) * shape.voxels_out();
                let gy = &work.gy[at..at + shape.voxels_out()];
                let to = work.gradients.get().add(o * g.span);
                gradient_tiles::<V>(g, gy, work.tiles, to, work.outputs * g.span);
            } else {
                let i = self.channel;
                let Some(channel) = channel(work.sources, work.sample, i, shape.voxels_in()) else {
                    return;
                };
                let to = work.points.get().add(i * g.span);
                input_tiles::<V>(g, channel, work.tiles, to, shape.channels_in * g.span);
            }
        }
    }
}

/// The sums of one point.
struct Correlate<'a, 's> {
    work: &'a Work<'a, 's>,
    point: usize,
    offsets: &'a [u32],
    sums: &'a mut [f32],
}

impl Kernel for Correlate<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (work, g) = (self.work, self.work.g);
        // SAFETY: streams as in `Transform`, sums with a row of taps for each output.
        unsafe {
            correlate::<V>(
                work.points
                    .get()
                    .add(self.point * g.shape.channels_in * g.span),
                self.offsets,
                work.gradients.get().add(self.point * work.outputs * g.span),
                g.span,
                work.outputs,
                g.columns(work.tiles.1),
                self.sums.as_mut_ptr(),
            );
        }
    }
}

/// Transforms the tile rows of one channel of the gradient; columns between rows stay zero.
///
/// # Safety
/// The machine has the instructions of `V`; each point's stream has [`Geometry::span`] floats.
#[inline(always)]
unsafe fn gradient_tiles<V: Vector>(
    g: &Geometry,
    gy: &[f32],
    (first, rows): (usize, usize),
    points: *mut f32,
    stride: usize,
) {
    let [depth, height, width] = g.shape.size_out;
    // SAFETY: rows are inside the channel by the tests here, points by the caller's promise.
    unsafe {
        for r in 0..rows {
            let (td, th) = ((first + r) / g.tiles_h, (first + r) % g.tiles_h);
            let to = points.add(r * g.pitch);
            let mut w = 0;
            while w < width {
                let lanes = (width - w).min(V::LANES);
                let mut half = [[V::splat(0.0); 6]; MH];
                for e in 0..MH {
                    let mut x = [V::splat(0.0); 4];
                    for a in 0..MD {
                        let (d, h) = (td * MD + a, th * MH + e);
                        if d < depth && h < height {
                            let from = gy.as_ptr().add((d * height + h) * width + w);
                            x[a] = if lanes == V::LANES {
                                V::load(from)
                            } else {
                                V::load_part(from, lanes)
                            };
                        }
                    }
                    half[e] = transform::gradient::<V, PD>(x);
                }
                for a in 0..PD {
                    let mut x = [V::splat(0.0); 4];
                    for e in 0..MH {
                        x[e] = half[e][a];
                    }
                    let x = transform::gradient::<V, PH>(x);
                    for e in 0..PH {
                        x[e].store(to.add((a * PH + e) * stride + w));
                    }
                }
                w += V::LANES;
            }
        }
        // An earlier, longer block may have left rows after the last one.
        for p in 0..POINTS {
            let end = points.add(p * stride + g.columns(rows));
            V::splat(0.0).store(end);
        }
    }
}
