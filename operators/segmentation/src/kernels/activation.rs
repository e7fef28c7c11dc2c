//! Element-wise operations outside the normalisation.

use rayon::prelude::*;

use super::sums::{PART, lane_dot};

/// `y = x` for `x > 0`, `slope x` elsewhere.
pub fn leaky_relu(x: &[f32], slope: f32, y: &mut [f32]) {
    y.par_chunks_mut(PART)
        .zip(x.par_chunks(PART))
        .for_each(|(y, x)| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = if x > 0.0 { x } else { slope * x };
            }
        });
}

/// The gradient of [`leaky_relu`]; at zero it is `slope`, as in PyTorch.
pub fn leaky_relu_gradient(x: &[f32], grad_y: &[f32], slope: f32, grad_x: &mut [f32]) {
    grad_x
        .par_chunks_mut(PART)
        .zip(x.par_chunks(PART))
        .zip(grad_y.par_chunks(PART))
        .for_each(|((grad_x, x), grad_y)| {
            for ((out, &x), &g) in grad_x.iter_mut().zip(x).zip(grad_y) {
                *out = if x > 0.0 { g } else { slope * g };
            }
        });
}

/// `y = x + gate a`; where the gate is zero, `y` is `x` to the bit, whatever is in `a`.
pub fn gated_add(x: &[f32], a: &[f32], gate: f32, y: &mut [f32]) {
    if gate == 0.0 {
        y.copy_from_slice(x);
        return;
    }
    y.par_chunks_mut(PART)
        .zip(x.par_chunks(PART))
        .zip(a.par_chunks(PART))
        .for_each(|((y, x), a)| {
            for ((y, &x), &a) in y.iter_mut().zip(x).zip(a) {
                *y = x + gate * a;
            }
        });
}

/// `scale x`.
pub fn scale(x: &[f32], scale: f32, y: &mut [f32]) {
    y.par_chunks_mut(PART)
        .zip(x.par_chunks(PART))
        .for_each(|(y, x)| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = scale * x;
            }
        });
}

/// `sum a b`, in a fixed order.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    let parts: Vec<f64> = a
        .par_chunks(PART)
        .zip(b.par_chunks(PART))
        .map(|(a, b)| {
            a.chunks(4096)
                .zip(b.chunks(4096))
                .map(|(a, b)| lane_dot(a, b))
                .sum()
        })
        .collect();
    parts.into_iter().sum()
}
