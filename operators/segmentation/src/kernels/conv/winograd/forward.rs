//! The forward pass, and with turned weights the gradient to the input.

use super::{Geometry, MD, MH, PD, PH, POINTS, input_tiles, transform};
use crate::kernels::{
    conv::{
        ConvShape,
        source::{Moments, RowSums, Shared, Source, channel, join},
        tile::{OUTPUTS, SLACK, product},
    },
    simd::{Isa, Kernel, Vector},
};
use rayon::prelude::*;

/// Weights at the points, `[P][O / 8][I][kW][8]`.
pub(crate) struct Packed {
    values: Vec<f32>,
}

impl Packed {
    /// Transforms `weight(o, i, [kd, kh, kw])`.
    pub(crate) fn new(
        shape: &ConvShape,
        weight: impl Fn(usize, usize, [usize; 3]) -> f32 + Sync,
    ) -> Self {
        let groups = shape.channels_out.div_ceil(OUTPUTS);
        let (inputs, kw) = (shape.channels_in, shape.kernel[2]);
        let group_len = inputs * kw * OUTPUTS;
        let point_len = groups * group_len;
        let mut values = vec![0f32; POINTS * point_len];
        let (along_d, along_h) = (transform::filter(PD), transform::filter(PH));
        let shared = Shared(values.as_mut_ptr());
        (0..groups * inputs).into_par_iter().for_each(|job| {
            let (group, i) = (job / inputs, job % inputs);
            for k in 0..kw {
                let mut taps = [[[0f64; OUTPUTS]; 3]; 3];
                for o in 0..OUTPUTS.min(shape.channels_out - group * OUTPUTS) {
                    for d in 0..3 {
                        for h in 0..3 {
                            taps[d][h][o] = f64::from(weight(group * OUTPUTS + o, i, [d, h, k]));
                        }
                    }
                }
                for a in 0..PD {
                    let mut half = [[0f64; OUTPUTS]; 3];
                    for d in 0..3 {
                        for h in 0..3 {
                            for o in 0..OUTPUTS {
                                half[h][o] += along_d[a][d] * taps[d][h][o];
                            }
                        }
                    }
                    for e in 0..PH {
                        let at =
                            (a * PH + e) * point_len + group * group_len + (i * kw + k) * OUTPUTS;
                        for o in 0..OUTPUTS {
                            let value: f64 = (0..3).map(|h| along_h[e][h] * half[h][o]).sum();
                            // SAFETY: inside `values`, and no other job has this group and channel.
                            unsafe { *shared.get().add(at + o) = value as f32 };
                        }
                    }
                }
            }
        });
        Self { values }
    }
}

/// The convolution, and on request the moments of each sample and channel of the result, `[N, O]`.
///
/// # Shapes
/// `sources` `[N, I, D, H, W]`, `bias` `[O]`, `y` `[N, O, D', H', W']`.
pub(crate) fn forward(
    isa: Isa,
    shape: &ConvShape,
    sources: &[Source<'_>],
    packed: &Packed,
    bias: Option<&[f32]>,
    y: &mut [f32],
    with_moments: bool,
) -> Vec<Moments> {
    let outputs = shape.channels_out.next_multiple_of(OUTPUTS);
    // Source and result of a block together stay in the second cache.
    let columns = 150_000 / (POINTS * (shape.channels_in + outputs));
    let g = Geometry::new(shape, columns, 4);
    let offsets = g.offsets();
    let blocks = g.blocks();
    let mut partial = vec![Moments::default(); shape.batch * blocks * shape.channels_out];
    let (to, moments) = (Shared(y.as_mut_ptr()), Shared(partial.as_mut_ptr()));
    let scratch = || {
        (
            vec![0f32; POINTS * shape.channels_in * g.span + SLACK],
            vec![0f32; POINTS * outputs * g.span + SLACK],
        )
    };
    (0..shape.batch * blocks)
        .into_par_iter()
        .for_each_init(scratch, |(points, results), job| {
            let kernel = Block {
                g: &g,
                sources,
                sample: job / blocks,
                tiles: g.block(job % blocks),
                offsets: &offsets,
                weights: &packed.values,
                bias,
                points,
                results,
                y: to,
                // SAFETY: row `job` of `partial`, which has a row for each job.
                moments: with_moments
                    .then(|| Shared(unsafe { moments.get().add(job * shape.channels_out) })),
            };
            // SAFETY: `isa` is available; each block writes rows and moments of its own.
            unsafe { isa.run(kernel) }
        });
    join(
        &partial,
        shape.batch,
        blocks,
        shape.channels_out,
        with_moments,
    )
}

/// One block of tile rows of one sample.
struct Block<'a, 's> {
    g: &'a Geometry,
    sources: &'a [Source<'s>],
    sample: usize,
    tiles: (usize, usize),
    offsets: &'a [u32],
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
    points: &'a mut [f32],
    results: &'a mut [f32],
    y: Shared<f32>,
    moments: Option<Shared<Moments>>,
}

impl Kernel for Block<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (g, shape) = (self.g, &self.g.shape);
        let source_stride = shape.channels_in * g.span;
        let outputs = shape.channels_out.next_multiple_of(OUTPUTS);
        let result_stride = outputs * g.span;
        let weight_stride = outputs * self.offsets.len();
        let columns = g.columns(self.tiles.1);
        // SAFETY: the scratch holds `POINTS` streams of `span` floats a channel and slack; weights
        // were packed for this shape; rows of `y` are tested against its extents.
        unsafe {
            for i in 0..shape.channels_in {
                let Some(channel) = channel(self.sources, self.sample, i, shape.voxels_in()) else {
                    continue;
                };
                let to = self.points.as_mut_ptr().add(i * g.span);
                input_tiles::<V>(g, channel, self.tiles, to, source_stride);
            }
            for p in 0..POINTS {
                product::<V>(
                    self.points.as_ptr().add(p * source_stride),
                    self.offsets,
                    self.weights.as_ptr().add(p * weight_stride),
                    outputs,
                    self.results.as_mut_ptr().add(p * result_stride),
                    g.span,
                    columns,
                );
            }
            for o in 0..shape.channels_out {
                let bias = V::splat(self.bias.map_or(0.0, |b| b[o]));
                let from = self.results.as_ptr().add(o * g.span);
                let y = self
                    .y
                    .get()
                    .add((self.sample * shape.channels_out + o) * shape.voxels_out());
                output_tiles::<V>(g, self.tiles, from, result_stride, bias, y);
                if let Some(moments) = self.moments {
                    *moments.get().add(o) = tile_moments::<V>(g, self.tiles, y);
                }
            }
        }
    }
}

/// The rows of `y` that a tile row has, as offsets.
#[inline(always)]
fn rows_of(g: &Geometry, tile_row: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let [depth, height, width] = g.shape.size_out;
    let (td, th) = (tile_row / g.tiles_h, tile_row % g.tiles_h);
    (0..MD * MH).filter_map(move |q| {
        let (a, e) = (q / MH, q % MH);
        let (d, h) = (td * MD + a, th * MH + e);
        (d < depth && h < height).then_some((a, e, (d * height + h) * width))
    })
}

/// Brings the results at the points of one channel back to rows of `y`.
///
/// # Safety
/// As [`Block::run`] says; `y` is one channel.
#[inline(always)]
unsafe fn output_tiles<V: Vector>(
    g: &Geometry,
    (first, rows): (usize, usize),
    points: *const f32,
    stride: usize,
    bias: V,
    y: *mut f32,
) {
    let width = g.shape.size_out[2];
    for r in 0..rows {
        let mut to = [[None; MH]; MD];
        for (a, e, at) in rows_of(g, first + r) {
            to[a][e] = Some(at);
        }
        let mut w = 0;
        while w < width {
            let lanes = (width - w).min(V::LANES);
            // SAFETY: the caller's promise; rows of `y` are inside by `rows_of`.
            unsafe {
                let from = points.add(r * g.pitch + w);
                let mut half = [[V::splat(0.0); 6]; MH];
                for a in 0..PD {
                    let mut m = [V::splat(0.0); 6];
                    for e in 0..PH {
                        m[e] = V::load(from.add((a * PH + e) * stride));
                    }
                    let m = transform::output::<V, PH>(m);
                    for e in 0..MH {
                        half[e][a] = m[e];
                    }
                }
                for e in 0..MH {
                    let m = transform::output::<V, PD>(half[e]);
                    for a in 0..MD {
                        let Some(at) = to[a][e] else { continue };
                        let value = m[a].add(bias);
                        if lanes == V::LANES {
                            value.store(y.add(at + w));
                        } else {
                            value.store_part(y.add(at + w), lanes);
                        }
                    }
                }
            }
            w += V::LANES;
        }
    }
}

/// The moments of the rows just written to one channel.
///
/// # Safety
/// As [`output_tiles`].
#[inline(always)]
unsafe fn tile_moments<V: Vector>(
    g: &Geometry,
    (first, rows): (usize, usize),
    y: *const f32,
) -> Moments {
    // SAFETY: rows of `y` are inside by `rows_of`; a block has at least one.
    unsafe {
        let start = rows_of(g, first).next().map_or(0, |(_, _, at)| at);
        let mut sums = RowSums::<V>::new(*y.add(start));
        for r in 0..rows {
            for (_, _, at) in rows_of(g, first + r) {
                sums.add(y.add(at), g.shape.size_out[2]);
            }
        }
        sums.moments()
    }
}
