//! The gradient to the weights.

use super::{Geometry, MD, MH, PD, PH, POINTS, input_tiles, transform};
use crate::kernels::{
    conv::{
        ConvShape,
        source::{Shared, Source, channel},
        tile::{
            BESIDE, GRADIENT_TAPS, SLACK, correlate, gradient_isa, gradient_place, total_of_chunks,
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
/// `sources` `[N, I_s, D, H, W]`, `gy` `[N, O, D', H', W']`, `gw` `[O, I, 3, 3, kW]`.
pub(crate) fn backward_weight(
    isa: Isa,
    shape: &ConvShape,
    sources: &[Source<'_>],
    gy: &[f32],
    gw: &mut [f32],
) {
    let isa = gradient_isa(isa, shape.channels_out);
    let outputs = shape.channels_out.next_multiple_of(isa.lanes());
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
    sums.par_chunks_mut(POINTS * point_len)
        .enumerate()
        .for_each(|(chunk, sums)| {
            let mut points = vec![0f32; POINTS * shape.channels_in * g.span + SLACK];
            let mut gradients = vec![0f32; POINTS * outputs * g.span + SLACK];
            for job in chunk * jobs / chunks..(chunk + 1) * jobs / chunks {
                let tiles = g.block(job % g.blocks());
                let work = Work {
                    g: &g,
                    sources,
                    gy,
                    sample: job / g.blocks(),
                    tiles,
                    points: Shared(points.as_mut_ptr()),
                    gradients: Shared(gradients.as_mut_ptr()),
                    outputs,
                };
                let channels = 0..shape.channels_in + shape.channels_out;
                let turned = || vec![0f32; turned_len(isa.lanes(), g.span)];
                let one_point = |turned: &mut Vec<f32>, (p, sums): (usize, &mut [f32])| {
                    let kernel = Correlate {
                        work: &work,
                        point: p,
                        offsets: &offsets,
                        turned,
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
                        .for_each_init(turned, one_point);
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
                    let mut turned = turned();
                    for point in sums.chunks_mut(point_len).enumerate() {
                        one_point(&mut turned, point);
                    }
                }
            }
        });
    let place = |o, k| gradient_place(isa.lanes(), offsets.len(), o, k);
    from_points(shape, &sums, point_len, place, gw);
}

/// `G^T sums G` of all chunks, added in their order.
fn from_points(
    shape: &ConvShape,
    sums: &[f32],
    point_len: usize,
    place: impl Fn(usize, usize) -> usize + Sync,
    gw: &mut [f32],
) {
    let (inputs, kw) = (shape.channels_in, shape.kernel[2]);
    let (along_d, along_h) = (transform::filter(PD), transform::filter(PH));
    let gw = Shared(gw.as_mut_ptr());
    let jobs = shape.channels_out.div_ceil(BESIDE) * inputs;
    (0..jobs).into_par_iter().for_each(|job| {
        let (first, i) = (job / inputs * BESIDE, job % inputs);
        let here = BESIDE.min(shape.channels_out - first);
        for k in 0..kw {
            let mut taps = [[[0f64; BESIDE]; 3]; 3];
            for p in 0..POINTS {
                let at = p * point_len + place(first, i * kw + k);
                let total = total_of_chunks(sums, POINTS * point_len, at);
                for (d, taps) in taps.iter_mut().enumerate() {
                    for (h, taps) in taps.iter_mut().enumerate() {
                        let factor = along_d[p / PH][d] * along_h[p % PH][h];
                        for (tap, total) in taps.iter_mut().zip(total) {
                            *tap += factor * total;
                        }
                    }
                }
            }
            for (d, taps) in taps.iter().enumerate() {
                for (h, taps) in taps.iter().enumerate() {
                    for (o, &tap) in taps.iter().enumerate().take(here) {
                        let at = (((first + o) * inputs + i) * 9 + d * 3 + h) * kw + k;
                        // SAFETY: inside the weights, and no other job has these channels.
                        unsafe { *gw.get().add(at) = tap as f32 };
                    }
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
    turned: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Kernel for Correlate<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (work, g) = (self.work, self.work.g);
        // SAFETY: streams as in `Transform`, sums for each output and tap.
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
                self.turned.as_mut_ptr(),
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
