//! Transposed convolution whose kernel is its stride:
//! `y[n,o, d * stride + k] = bias[o] + sum over i of x[n,i,d] * w[i,o,k]`.
//!
//! It is the gradient of a strided convolution to its input, so its own gradients are that
//! convolution (to `x`) and that convolution's gradient to its weights, with the roles of
//! input and output exchanged. Nothing here is computed twice in code.

use super::conv::{ConvShape, portable, portable::Real};

/// The transposed convolution of `x` with `weight`, written to `y`. `shape` is of
/// [`ConvShape::of_transpose`].
///
/// # Shapes
/// `x` `[N, I, D, H, W]`, `weight` `[I, O, kD, kH, kW]`, `bias` `[O]`,
/// `y` `[N, O, D * kD, H * kH, W * kW]`.
pub fn forward<T: Real>(shape: &ConvShape, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    portable::backward_input(shape, x, weight, y);
    add_bias(shape.channels_in, shape.voxels_in(), bias, y);
}

/// Adds one number to each channel.
fn add_bias<T: Real>(channels: usize, voxels: usize, bias: Option<&[T]>, y: &mut [T]) {
    use rayon::prelude::*;
    if let Some(bias) = bias.filter(|_| voxels > 0) {
        y.par_chunks_mut(voxels).enumerate().for_each(|(no, y)| {
            for value in y {
                *value += bias[no % channels];
            }
        });
    }
}
