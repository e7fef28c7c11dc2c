//! The two products that every convolution here comes down to, on packed streams.
//!
//! A source is packed so that a tap of the kernel is a constant distance along one stream, and
//! what differs between taps and channels is a list of such distances. Rows of a packed plane
//! follow each other with their padding between them, so that vectors run over row ends; what
//! they compute there is dropped when results are stored.

use crate::kernels::simd::Vector;

/// Output channels that share one pass over the source.
pub(crate) const OUTPUTS: usize = 8;
/// Output channels of one tile of [`correlate`]; their number is padded to a multiple.
pub(crate) const GRADIENT_OUTPUTS: usize = 4;
/// Taps of one tile of [`correlate`]; their number is padded to a multiple.
pub(crate) const GRADIENT_TAPS: usize = 6;
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

/// `sums[o][k] += sum over c of gradient[o][c] * source[offsets[k] + c]` for `columns` c.
///
/// `outputs` and the number of offsets are multiples of [`GRADIENT_OUTPUTS`] and
/// [`GRADIENT_TAPS`]; `sums` has a row of `offsets.len()` for each output.
///
/// # Safety
/// `source` as in [`product`]; `gradient` is good for `outputs` rows of `columns` floats and a
/// vector more at every `pitch`, zero after `columns`.
#[inline(always)]
pub(crate) unsafe fn correlate<V: Vector>(
    source: *const f32,
    offsets: &[u32],
    gradient: *const f32,
    pitch: usize,
    outputs: usize,
    columns: usize,
    sums: *mut f32,
) {
    for (t, taps) in offsets.as_chunks::<GRADIENT_TAPS>().0.iter().enumerate() {
        let mut o = 0;
        while o < outputs {
            // SAFETY: within what the caller promises.
            unsafe {
                let from = gradient.add(o * pitch);
                let to = sums.add(o * offsets.len() + t * GRADIENT_TAPS);
                if V::MANY_REGISTERS {
                    correlate_tile::<V, 4>(source, taps, from, pitch, columns, to, offsets.len());
                    o += 4;
                } else {
                    correlate_tile::<V, 2>(source, taps, from, pitch, columns, to, offsets.len());
                    o += 2;
                }
            }
        }
    }
}

/// `O` outputs by six taps of [`correlate`], all in registers.
#[inline(always)]
unsafe fn correlate_tile<V: Vector, const O: usize>(
    source: *const f32,
    taps: &[u32; GRADIENT_TAPS],
    gradient: *const f32,
    pitch: usize,
    columns: usize,
    to: *mut f32,
    row: usize,
) {
    // SAFETY: within what the caller of `correlate` promises.
    unsafe {
        let mut sums = [[V::splat(0.0); GRADIENT_TAPS]; O];
        let mut c = 0;
        while c < columns {
            let mut g = [V::splat(0.0); O];
            for o in 0..O {
                g[o] = V::load(gradient.add(o * pitch + c));
            }
            for k in 0..GRADIENT_TAPS {
                let x = V::load(source.add(taps[k] as usize + c));
                for o in 0..O {
                    sums[o][k] = x.mul_add(g[o], sums[o][k]);
                }
            }
            c += V::LANES;
        }
        for o in 0..O {
            for k in 0..GRADIENT_TAPS {
                *to.add(o * row + k) += sums[o][k].sum();
            }
        }
    }
}
