//! The two products that every convolution here comes down to, on packed streams.
//!
//! A source is packed so that a tap of the kernel is a constant distance along one stream, and
//! what differs between taps and channels is a list of such distances. Rows of a packed plane
//! follow each other with their padding between them, so that vectors run over row ends; what
//! they compute there is dropped when results are stored.

use crate::kernels::simd::{Isa, Vector};

/// Output channels that share one pass over the source.
pub(crate) const OUTPUTS: usize = 8;
/// Taps of one tile of [`correlate`]; their number is padded to a multiple.
pub(crate) const GRADIENT_TAPS: usize = 12;
/// Floats that a stream has after its last column, so that whole vectors can be read.
pub(crate) const SLACK: usize = 64;

/// `out[o][c] = sum over k of weights[o / 8][k][o % 8] * source[offsets[k] + c]` for `columns` c.
///
/// # Safety
/// `source` is good for reading `columns` floats and [`SLACK`] more from each offset, `weights`
/// for `8 * offsets.len()` floats for each group of eight outputs, and `out` for writing rows of
/// `columns` floats and a vector more at every `pitch`, for `outputs` rounded up to eight rows.
#[inline(always)]
pub(crate) unsafe fn product<V: Vector>(
    source: *const f32,
    offsets: &[u32],
    weights: *const f32,
    outputs: usize,
    out: *mut f32,
    pitch: usize,
    columns: usize,
) {
    let wide = if V::MANY_REGISTERS { 3 } else { 2 } * V::LANES;
    let mut c = 0;
    // Columns outside, outputs inside: the columns of the source stay in the first cache.
    while c < columns {
        let left = columns - c;
        for group in 0..outputs.div_ceil(OUTPUTS) {
            // SAFETY: within what the caller promises; the last vector may pass `columns`.
            unsafe {
                let from = source.add(c);
                let w = weights.add(group * OUTPUTS * offsets.len());
                let to = out.add(group * OUTPUTS * pitch + c);
                if V::MANY_REGISTERS {
                    if left > 2 * V::LANES {
                        tile::<V, 8, 3>(from, offsets, w, to, pitch);
                    } else if left > V::LANES {
                        tile::<V, 8, 2>(from, offsets, w, to, pitch);
                    } else {
                        tile::<V, 8, 1>(from, offsets, w, to, pitch);
                    }
                } else {
                    let (w2, to2) = (w.add(4), to.add(4 * pitch));
                    if left > V::LANES {
                        tile::<V, 4, 2>(from, offsets, w, to, pitch);
                        tile::<V, 4, 2>(from, offsets, w2, to2, pitch);
                    } else {
                        tile::<V, 4, 1>(from, offsets, w, to, pitch);
                        tile::<V, 4, 1>(from, offsets, w2, to2, pitch);
                    }
                }
            }
        }
        c += wide;
    }
}

/// `O` outputs by `N` vectors of [`product`], all in registers.
#[inline(always)]
unsafe fn tile<V: Vector, const O: usize, const N: usize>(
    source: *const f32,
    offsets: &[u32],
    weights: *const f32,
    out: *mut f32,
    pitch: usize,
) {
    // SAFETY: within what the caller of `product` promises.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; O];
        let mut w = weights;
        for &offset in offsets {
            let from = source.add(offset as usize);
            let mut x = [V::splat(0.0); N];
            for n in 0..N {
                x[n] = V::load(from.add(n * V::LANES));
            }
            for o in 0..O {
                let factor = V::splat(*w.add(o));
                for n in 0..N {
                    sums[o][n] = x[n].mul_add(factor, sums[o][n]);
                }
            }
            w = w.add(OUTPUTS);
        }
        for o in 0..O {
            for n in 0..N {
                sums[o][n].store(out.add(o * pitch + n * V::LANES));
            }
        }
    }
}

/// The instructions for [`correlate`] with so many outputs: they lie side by side in the lanes of
/// a vector, which few of them would leave empty.
pub(crate) fn gradient_isa(isa: Isa, outputs: usize) -> Isa {
    let eight = isa.of_eight_lanes();
    if outputs <= eight.lanes() { eight } else { isa }
}

/// Where [`correlate`] with `lanes` adds up output `o` and tap `k` of `taps`.
pub(crate) fn gradient_place(lanes: usize, taps: usize, o: usize, k: usize) -> usize {
    (o / lanes * taps + k) * lanes + o % lanes
}

/// Outputs whose sums lie beside each other, whatever the lanes.
pub(crate) const BESIDE: usize = 8;

/// The sums of all chunks, each of `len` floats, for the outputs that begin `at`: added in the
/// order of the chunks.
pub(crate) fn total_of_chunks(sums: &[f32], len: usize, at: usize) -> [f64; BESIDE] {
    let mut total = [0.0; BESIDE];
    for chunk in sums.chunks_exact(len) {
        for (total, &sum) in total.iter_mut().zip(&chunk[at..at + BESIDE]) {
            *total += f64::from(sum);
        }
    }
    total
}

/// Floats that [`correlate`] needs for the gradient of a block of so many columns, turned.
pub(crate) fn turned_len(lanes: usize, columns: usize) -> usize {
    2 * lanes * columns.next_multiple_of(lanes)
}

/// `sums[o][k] += sum over c of gradient[o][c] * source[offsets[k] + c]` for `columns` c, with
/// the sums where [`gradient_place`] says.
///
/// The gradient is turned on the way, so that outputs are the lanes of a vector: then each
/// number of the source serves a whole vector, and no lanes are left to add up at the end.
///
/// `outputs` is a multiple of the lanes, and the number of offsets one of [`GRADIENT_TAPS`].
///
/// # Safety
/// `source` as in [`product`]; `gradient` is good for `outputs` rows of `columns` floats and a
/// vector more at every `pitch`, zero after `columns`; `turned` has [`turned_len`] floats.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "two matrices, their product, and scratch"
)]
pub(crate) unsafe fn correlate<V: Vector>(
    source: *const f32,
    offsets: &[u32],
    gradient: *const f32,
    pitch: usize,
    outputs: usize,
    columns: usize,
    turned: *mut f32,
    sums: *mut f32,
) {
    let columns = columns.next_multiple_of(V::LANES);
    let vectors = outputs / V::LANES;
    for first in (0..vectors).step_by(2) {
        let both = first + 2 <= vectors;
        // SAFETY: within what the caller promises.
        unsafe {
            for v in 0..1 + usize::from(both) {
                let from = gradient.add((first + v) * V::LANES * pitch);
                let to = turned.add(v * V::LANES * columns);
                for c in (0..columns).step_by(V::LANES) {
                    V::transpose(from.add(c), pitch, to.add(c * V::LANES), V::LANES);
                }
            }
            let tile = Tile {
                source,
                turned,
                columns,
                row: offsets.len(),
            };
            let (pairs, rest) = offsets.as_chunks::<{ 2 * GRADIENT_TAPS }>();
            let to = |k: usize| sums.add((first * offsets.len() + k) * V::LANES);
            for (t, taps) in pairs.iter().enumerate() {
                let at = 2 * t * GRADIENT_TAPS;
                if V::MANY_REGISTERS && !both {
                    tile.add_up::<V, 1, 24>(taps, to(at));
                } else {
                    let (left, right) = taps.split_at(GRADIENT_TAPS);
                    tile.twelve::<V>(left, to(at), both);
                    tile.twelve::<V>(right, to(at + GRADIENT_TAPS), both);
                }
            }
            if !rest.is_empty() {
                tile.twelve::<V>(rest, to(2 * pairs.len() * GRADIENT_TAPS), both);
            }
        }
    }
}

/// What all tiles of one or two vectors of outputs of [`correlate`] share.
#[derive(Clone, Copy)]
struct Tile {
    source: *const f32,
    turned: *const f32,
    columns: usize,
    /// Taps in all.
    row: usize,
}

impl Tile {
    /// Twelve taps, with as many accumulators as there are registers.
    ///
    /// # Safety
    /// As [`correlate`].
    #[inline(always)]
    unsafe fn twelve<V: Vector>(self, taps: &[u32], to: *mut f32, both: bool) {
        // SAFETY: the caller's promise.
        unsafe {
            if !both {
                self.add_up::<V, 1, 12>(taps, to);
            } else if V::MANY_REGISTERS {
                self.add_up::<V, 2, 12>(taps, to);
            } else {
                self.add_up::<V, 2, 6>(taps, to);
                self.add_up::<V, 2, 6>(&taps[6..], to.add(6 * V::LANES));
            }
        }
    }

    /// `N` vectors of outputs by `K` taps, all in registers.
    ///
    /// # Safety
    /// As [`correlate`].
    #[inline(always)]
    unsafe fn add_up<V: Vector, const N: usize, const K: usize>(self, taps: &[u32], to: *mut f32) {
        /// Columns at once, so that a distance is read once for them.
        const COLUMNS: usize = 4;
        // SAFETY: the caller's promise; columns are a multiple of the lanes, hence of four.
        unsafe {
            let mut sums = [[V::splat(0.0); N]; K];
            let taps: &[u32; K] = &*taps.as_ptr().cast();
            let mut c = 0;
            while c < self.columns {
                let mut g = [[V::splat(0.0); N]; COLUMNS];
                for j in 0..COLUMNS {
                    for n in 0..N {
                        let at = (n * self.columns + c + j) * V::LANES;
                        g[j][n] = V::load(self.turned.add(at));
                    }
                }
                for k in 0..K {
                    let from = self.source.add(taps[k] as usize + c);
                    for j in 0..COLUMNS {
                        let x = V::splat(*from.add(j));
                        for n in 0..N {
                            sums[k][n] = x.mul_add(g[j][n], sums[k][n]);
                        }
                    }
                }
                c += COLUMNS;
            }
            for k in 0..K {
                for n in 0..N {
                    let to = to.add((n * self.row + k) * V::LANES);
                    sums[k][n].add(V::load(to)).store(to);
                }
            }
        }
    }
}
