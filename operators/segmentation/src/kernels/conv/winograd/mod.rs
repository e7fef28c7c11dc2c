//! Winograd's convolution along depth and height, direct along width.
//!
//! A 3x3 kernel over `(D, H)` becomes a product at each of `P_D x P_H` points, for
//! `(P_D - 2) x (P_H - 2)` outputs at once: with 6 x 4 points, 24 multiplications for 8 outputs
//! in place of 72. The taps along `W` stay as they are, so that the transforms add and subtract
//! whole rows and no lane ever moves. The points of a block of rows are streams for
//! [`product`](super::tile::product).
//!
//! A weight gradient is the transpose of the same map: transform `x` as before, the gradient of
//! the output by `A`, correlate at each point, and return by `G^T`.

mod forward;
mod gradient;
mod transform;

use super::{
    ConvShape,
    source::{Activation, Channel},
    tile::SLACK,
};
use crate::kernels::simd::Vector;
pub(crate) use forward::{Packed, forward};
pub(crate) use gradient::backward_weight;

/// Points along depth: F(4, 3).
const PD: usize = 6;
/// Points along height: F(2, 3).
const PH: usize = 4;
/// All points.
const POINTS: usize = PD * PH;
/// Output planes of a tile.
const MD: usize = PD - 2;
/// Output rows of a tile.
const MH: usize = PH - 2;

/// Whether a convolution can run here and is likely to gain.
pub(crate) fn applies(shape: &ConvShape) -> bool {
    shape.kernel[0] == 3
        && shape.kernel[1] == 3
        && shape.stride == [1; 3]
        && shape.channels_in >= 4
        && shape.channels_out >= 4
        && shape.padding[2] < shape.kernel[2]
}

/// How the tiles of one sample are cut into blocks of tile rows.
pub(super) struct Geometry {
    shape: ConvShape,
    /// Tile rows along the height.
    tiles_h: usize,
    /// Tile rows of a sample.
    tile_rows: usize,
    /// Tile rows of a block.
    rows: usize,
    /// Floats from one row of a stream to the next.
    pitch: usize,
    /// Floats of a stream, with slack.
    span: usize,
}

impl Geometry {
    /// Blocks of at most about `columns` columns, cut so that vectors run full.
    fn new(shape: &ConvShape, columns: usize, least_blocks: usize) -> Self {
        let tiles_h = shape.size_out[1].div_ceil(MH);
        let tile_rows = shape.size_out[0].div_ceil(MD) * tiles_h;
        let width = shape.size_out[2];
        let pitch = width + shape.kernel[2] - 1;
        let most = (columns / pitch)
            .min(tile_rows * shape.batch / least_blocks)
            .max(1);
        let waste = |rows: usize| {
            let columns = (rows - 1) * pitch + width;
            columns.next_multiple_of(16) as f64 / (rows * width) as f64
        };
        let rows = (1..=most)
            .rev()
            .min_by(|&a, &b| waste(a).total_cmp(&waste(b)))
            .unwrap_or(1);
        Self {
            shape: *shape,
            tiles_h,
            tile_rows,
            rows,
            pitch,
            span: (rows * pitch).next_multiple_of(16) + SLACK,
        }
    }

    /// Blocks of a sample.
    fn blocks(&self) -> usize {
        self.tile_rows.div_ceil(self.rows)
    }

    /// First tile row of a block, and how many it has.
    fn block(&self, block: usize) -> (usize, usize) {
        let first = block * self.rows;
        (first, self.rows.min(self.tile_rows - first))
    }

    /// Columns of a stream that matter when it holds `rows` rows.
    fn columns(&self, rows: usize) -> usize {
        (rows - 1) * self.pitch + self.shape.size_out[2]
    }

    /// Distances of the taps of a point, channels outside.
    fn offsets(&self) -> Vec<u32> {
        (0..self.shape.channels_in)
            .flat_map(|i| (0..self.shape.kernel[2]).map(move |k| (i, k)))
            .map(|(i, k)| (i * self.span + k) as u32)
            .collect()
    }
}

/// Transforms the tile rows of one channel to their streams: `points[p * stride ..]`.
///
/// Columns of padding are never written, and stay the zeros that they were.
///
/// # Safety
/// The machine has the instructions of `V`; each point's stream has [`Geometry::span`] floats.
#[inline(always)]
unsafe fn input_tiles<V: Vector>(
    g: &Geometry,
    channel: Channel<'_>,
    (first, rows): (usize, usize),
    points: *mut f32,
    stride: usize,
) {
    let shape = &g.shape;
    let [depth, height, width] = shape.size_in;
    // SAFETY: rows are inside the channel by the tests here, points by the caller's promise.
    unsafe {
        let activation = Activation::<V>::new(channel.affine);
        for r in 0..rows {
            let (td, th) = ((first + r) / g.tiles_h, (first + r) % g.tiles_h);
            let mut from = [[None; PH]; PD];
            for a in 0..PD {
                for e in 0..PH {
                    let d = (td * MD + a).wrapping_sub(shape.padding[0]);
                    let h = (th * MH + e).wrapping_sub(shape.padding[1]);
                    if d < depth && h < height {
                        from[a][e] = Some(channel.values.as_ptr().add((d * height + h) * width));
                    }
                }
            }
            let to = points.add(r * g.pitch + shape.padding[2]);
            let mut w = 0;
            while w < width {
                let lanes = (width - w).min(V::LANES);
                let mut half = [[V::splat(0.0); 6]; PH];
                for e in 0..PH {
                    let mut x = [V::splat(0.0); 6];
                    for a in 0..PD {
                        if let Some(from) = from[a][e] {
                            x[a] = if lanes == V::LANES {
                                V::load(from.add(w))
                            } else {
                                V::load_part(from.add(w), lanes)
                            };
                            if activation.on {
                                x[a] = activation.of(x[a]);
                                if lanes < V::LANES {
                                    x[a] = x[a].keep(lanes);
                                }
                            }
                        }
                    }
                    half[e] = transform::input::<V, PD>(x);
                }
                for a in 0..PD {
                    let mut x = [V::splat(0.0); 6];
                    for e in 0..PH {
                        x[e] = half[e][a];
                    }
                    let x = transform::input::<V, PH>(x);
                    for e in 0..PH {
                        x[e].store(to.add((a * PH + e) * stride + w));
                    }
                }
                w += V::LANES;
            }
        }
    }
}
