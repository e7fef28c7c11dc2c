//! The convolution as its formula says it, for any kernel, stride, padding and both float types:
//! the measure of the fast kernels, and what runs where they do not apply.

use super::ConvShape;
use rayon::prelude::*;
use std::ops::{Add, AddAssign, Mul};

/// `f32` or `f64`.
pub trait Real:
    Copy + Default + Send + Sync + Add<Output = Self> + AddAssign + Mul<Output = Self>
{
}

impl Real for f32 {}
impl Real for f64 {}

/// The convolution of `x` with `weight`, written to `y`.
///
/// # Shapes
/// `x` `[N, I, D, H, W]`, `weight` `[O, I, kD, kH, kW]`, `bias` `[O]`, `y` `[N, O, D', H', W']`.
pub fn forward<T: Real>(shape: &ConvShape, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let [_, height, width] = shape.size_out;
    let [kd, kh, kw] = shape.kernel;
    let plane = height * width;
    if plane == 0 {
        return;
    }
    y.par_chunks_mut(plane).enumerate().for_each(|(job, y)| {
        let (no, d) = (job / shape.size_out[0], job % shape.size_out[0]);
        let (n, o) = (no / shape.channels_out, no % shape.channels_out);
        y.fill(bias.map_or(T::default(), |b| b[o]));
        for i in 0..shape.channels_in {
            for td in 0..kd {
                let Some(source_d) = shape.source(0, d, td) else {
                    continue;
                };
                for th in 0..kh {
                    let (first, end) = shape.inside(1, th);
                    for h in first..end {
                        let Some(source_h) = shape.source(1, h, th) else {
                            continue;
                        };
                        let row = row_of(shape, n * shape.channels_in + i, source_d, source_h);
                        let row = &x[row..row + shape.size_in[2]];
                        let out = &mut y[h * width..(h + 1) * width];
                        for tw in 0..kw {
                            let tap = ((o * shape.channels_in + i) * kd + td) * kh + th;
                            add_row(shape, tw, weight[tap * kw + tw], row, out);
                        }
                    }
                }
            }
        }
    });
}

/// The gradient of the convolution to its input, written to `gx`, from that to its output, `gy`.
///
/// # Shapes
/// `gy` `[N, O, D', H', W']`, `weight` `[O, I, kD, kH, kW]`, `gx` `[N, I, D, H, W]`.
pub fn backward_input<T: Real>(shape: &ConvShape, gy: &[T], weight: &[T], gx: &mut [T]) {
    let [kd, kh, kw] = shape.kernel;
    let [_, height, width] = shape.size_in;
    let plane = height * width;
    if plane == 0 {
        return;
    }
    gx.par_chunks_mut(plane).enumerate().for_each(|(job, gx)| {
        let (ni, d) = (job / shape.size_in[0], job % shape.size_in[0]);
        let (n, i) = (ni / shape.channels_in, ni % shape.channels_in);
        gx.fill(T::default());
        for o in 0..shape.channels_out {
            for td in 0..kd {
                let Some(out_d) = reader(shape, 0, d, td) else {
                    continue;
                };
                for th in 0..kh {
                    let (first, end) = shape.inside(1, th);
                    for h in first..end {
                        let Some(source_h) = shape.source(1, h, th) else {
                            continue;
                        };
                        let row = &mut gx[source_h * width..(source_h + 1) * width];
                        let from = ((n * shape.channels_out + o) * shape.size_out[0] + out_d)
                            * shape.size_out[1]
                            + h;
                        let from = &gy[from * shape.size_out[2]..(from + 1) * shape.size_out[2]];
                        for tw in 0..kw {
                            let tap = ((o * shape.channels_in + i) * kd + td) * kh + th;
                            let value = weight[tap * kw + tw];
                            let (first, end) = shape.inside(2, tw);
                            for w in first..end {
                                row[w * shape.stride[2] + tw - shape.padding[2]] += value * from[w];
                            }
                        }
                    }
                }
            }
        }
    });
}

/// The gradient of the convolution to its weights, written to `gw`.
///
/// # Shapes
/// `x` `[N, I, D, H, W]`, `gy` `[N, O, D', H', W']`, `gw` `[O, I, kD, kH, kW]`.
pub fn backward_weight<T: Real>(shape: &ConvShape, x: &[T], gy: &[T], gw: &mut [T]) {
    let [kd, kh, kw] = shape.kernel;
    gw.par_chunks_mut(kw).enumerate().for_each(|(job, gw)| {
        let (th, rest) = (job % kh, job / kh);
        let (td, rest) = (rest % kd, rest / kd);
        let (i, o) = (rest % shape.channels_in, rest / shape.channels_in);
        gw.fill(T::default());
        for n in 0..shape.batch {
            let (first_d, end_d) = shape.inside(0, td);
            let (first_h, end_h) = shape.inside(1, th);
            for d in first_d..end_d {
                for h in first_h..end_h {
                    let (Some(source_d), Some(source_h)) =
                        (shape.source(0, d, td), shape.source(1, h, th))
                    else {
                        continue;
                    };
                    let row = row_of(shape, n * shape.channels_in + i, source_d, source_h);
                    let row = &x[row..row + shape.size_in[2]];
                    let from = ((n * shape.channels_out + o) * shape.size_out[0] + d)
                        * shape.size_out[1]
                        + h;
                    let from = &gy[from * shape.size_out[2]..(from + 1) * shape.size_out[2]];
                    for tw in 0..kw {
                        let (first, end) = shape.inside(2, tw);
                        let mut sum = T::default();
                        for w in first..end {
                            sum += from[w] * row[w * shape.stride[2] + tw - shape.padding[2]];
                        }
                        gw[tw] += sum;
                    }
                }
            }
        }
    });
}

/// The gradient to a bias: the sum of `gy` over samples and voxels.
///
/// # Shapes
/// `gy` `[N, O, voxels]`, `gb` `[O]`.
pub fn backward_bias<T: Real>(channels: usize, voxels: usize, gy: &[T], gb: &mut [T]) {
    // Rows of 512 are summed in 16 lanes, then each row's sum is added: fixed order, and
    // an error that grows with the square root of the rows and not with the voxels.
    gb.par_iter_mut().enumerate().for_each(|(o, gb)| {
        *gb = T::default();
        for sample in gy.chunks(channels * voxels.max(1)) {
            for row in sample[o * voxels..(o + 1) * voxels].chunks(512) {
                let mut lanes = [T::default(); 16];
                let (body, tail) = row.split_at(row.len() / 16 * 16);
                for part in body.chunks_exact(16) {
                    for (lane, &value) in lanes.iter_mut().zip(part) {
                        *lane += value;
                    }
                }
                for (lane, &value) in lanes.iter_mut().zip(tail) {
                    *lane += value;
                }
                for lane in lanes {
                    *gb += lane;
                }
            }
        }
    });
}

/// Where row `[channel, d, h]` of the input starts.
fn row_of(shape: &ConvShape, channel: usize, d: usize, h: usize) -> usize {
    ((channel * shape.size_in[0] + d) * shape.size_in[1] + h) * shape.size_in[2]
}

/// The output that reads input `position` through tap `k` along axis `a`.
fn reader(shape: &ConvShape, a: usize, position: usize, k: usize) -> Option<usize> {
    let reach = (position + shape.padding[a]).checked_sub(k)?;
    let out = reach / shape.stride[a];
    (reach.is_multiple_of(shape.stride[a]) && out < shape.size_out[a]).then_some(out)
}

/// `out[w] += value * row[w * stride + tap - padding]`.
fn add_row<T: Real>(shape: &ConvShape, tap: usize, value: T, row: &[T], out: &mut [T]) {
    let (first, end) = shape.inside(2, tap);
    if first >= end {
        return;
    }
    let start = first * shape.stride[2] + tap - shape.padding[2];
    if shape.stride[2] == 1 {
        for (out, &from) in out[first..end].iter_mut().zip(&row[start..]) {
            *out += value * from;
        }
    } else {
        let from = row[start..].iter().step_by(shape.stride[2]);
        for (out, &from) in out[first..end].iter_mut().zip(from) {
            *out += value * from;
        }
    }
}
