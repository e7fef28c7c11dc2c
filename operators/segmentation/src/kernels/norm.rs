//! Instance normalisation, alone or with the leaky rectifier that follows it.
//!
//! `y = r(gamma (x - mean) / sqrt(variance + eps) + beta)` over the voxels of one channel of
//! one sample (Ulyanov et al., arXiv:1607.08022), variance with `1/n`; `r(z) = z` for `z > 0`
//! and `slope z` elsewhere, so that slope 1 is the normalisation alone.
//!
//! Each pass reads its arrays once: moments are taken block by block in the cache and merged
//! (Chan, Golub and LeVeque, Am Stat 1983;37:242-247), which is also why they do not depend on
//! the number of threads and keep their digits where the mean is large.

use rayon::prelude::*;

use super::sums::{Lanes, PART, lane_sum};

/// Voxels whose moments are taken while they are in the first cache.
const BLOCK: usize = 4096;

/// How a contiguous `[N, C, D, H, W]` array is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planes {
    /// Channels `C`.
    pub channels: usize,
    /// Voxels `D H W` of one channel of one sample; at least 1.
    pub voxels: usize,
}

/// What normalises one channel of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Mean of its voxels.
    pub mean: f32,
    /// `1 / sqrt(variance + eps)`.
    pub inverse_deviation: f32,
}

/// Parameters of the normalisation and the rectifier.
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a> {
    /// Scale `[C]`.
    pub gamma: &'a [f32],
    /// Shift `[C]`.
    pub beta: &'a [f32],
    /// Slope of the rectifier below zero; 1 for none.
    pub slope: f32,
}

/// Count, mean and sum of squared deviations.
#[derive(Clone, Copy)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    const NONE: Self = Self {
        count: 0.0,
        mean: 0.0,
        squares: 0.0,
    };

    fn of_block(x: &[f32]) -> Self {
        let count = x.len() as f64;
        let mean = lane_sum(x, |v| v) / count;
        let center = mean as f32;
        let squares = lane_sum(x, |v| (v - center) * (v - center));
        // The deviations were taken from the rounded mean.
        let shift = mean - f64::from(center);
        Self {
            count,
            mean,
            squares: (squares - count * shift * shift).max(0.0),
        }
    }

    fn merge(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let shift = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + shift * (other.count / count),
            squares: self.squares
                + other.squares
                + shift * shift * (self.count * other.count / count),
        }
    }
}

/// Mean and inverse deviation of every channel of every sample.
///
/// # Shapes
/// `x` `[N, C, voxels]`; the result has `N C` entries.
#[must_use]
pub fn statistics(x: &[f32], planes: Planes, eps: f64) -> Vec<Statistics> {
    x.par_chunks(planes.voxels)
        .map(|plane| {
            let parts: Vec<Moments> = plane
                .par_chunks(PART)
                .map(|part| {
                    part.chunks(BLOCK)
                        .map(Moments::of_block)
                        .fold(Moments::NONE, Moments::merge)
                })
                .collect();
            let all = parts.into_iter().fold(Moments::NONE, Moments::merge);
            Statistics {
                mean: all.mean as f32,
                inverse_deviation: (1.0 / (all.squares / all.count + eps).sqrt()) as f32,
            }
        })
        .collect()
}

/// Write the normalised and rectified `x` to `y`.
///
/// # Shapes
/// `x` and `y` `[N, C, voxels]`, `statistics` `[N C]`.
pub fn normalize(
    x: &[f32],
    planes: Planes,
    statistics: &[Statistics],
    affine: Affine<'_>,
    y: &mut [f32],
) {
    let Affine { gamma, beta, slope } = affine;
    y.par_chunks_mut(planes.voxels)
        .zip(x.par_chunks(planes.voxels))
        .zip(statistics)
        .enumerate()
        .for_each(|(plane, ((y, x), s))| {
            let (gamma, beta) = (
                gamma[plane % planes.channels],
                beta[plane % planes.channels],
            );
            let (mean, inverse) = (s.mean, s.inverse_deviation);
            y.par_chunks_mut(PART)
                .zip(x.par_chunks(PART))
                .for_each(|(y, x)| {
                    for (y, &x) in y.iter_mut().zip(x) {
                        let z = (x - mean) * inverse * gamma + beta;
                        *y = if z > 0.0 { z } else { slope * z };
                    }
                });
        });
}

/// Gradients of [`normalize`] with respect to `x`, `gamma` and `beta`.
///
/// With `d = gy r'(z)` and `h = (x - mean) / deviation` they are
/// `gamma / deviation (d - mean(d) - h mean(d h))`, `sum(d h)` and `sum(d)`.
///
/// # Shapes
/// `x`, `grad_y` and `grad_x` `[N, C, voxels]`, `statistics` `[N C]`; the result is the
/// gradients of `gamma` and of `beta`, `[C]` each.
pub fn gradients(
    x: &[f32],
    grad_y: &[f32],
    planes: Planes,
    statistics: &[Statistics],
    affine: Affine<'_>,
    grad_x: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let Affine { gamma, beta, slope } = affine;
    let voxels = planes.voxels;
    let sums: Vec<(f64, f64)> = grad_x
        .par_chunks_mut(voxels)
        .zip(x.par_chunks(voxels))
        .zip(grad_y.par_chunks(voxels))
        .zip(statistics)
        .enumerate()
        .map(|(plane, (((grad_x, x), grad_y), s))| {
            let channel = plane % planes.channels;
            let line = Line {
                s: *s,
                gamma: gamma[channel],
                beta: beta[channel],
                slope,
            };
            let parts: Vec<(f64, f64)> = x
                .par_chunks(PART)
                .zip(grad_y.par_chunks(PART))
                .map(|(x, grad_y)| line.sums(x, grad_y))
                .collect();
            let (sum, product) = parts
                .into_iter()
                .fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            let means = (
                (sum / voxels as f64) as f32,
                (product / voxels as f64) as f32,
            );
            grad_x
                .par_chunks_mut(PART)
                .zip(x.par_chunks(PART))
                .zip(grad_y.par_chunks(PART))
                .for_each(|((grad_x, x), grad_y)| line.grad_x(x, grad_y, means, grad_x));
            (sum, product)
        })
        .collect();
    let mut grad_gamma = vec![0.0f64; planes.channels];
    let mut grad_beta = vec![0.0f64; planes.channels];
    for (plane, (sum, product)) in sums.into_iter().enumerate() {
        grad_gamma[plane % planes.channels] += product;
        grad_beta[plane % planes.channels] += sum;
    }
    let narrow = |v: Vec<f64>| v.into_iter().map(|g| g as f32).collect();
    (narrow(grad_gamma), narrow(grad_beta))
}

/// One channel of one sample on its way back.
#[derive(Clone, Copy)]
struct Line {
    s: Statistics,
    gamma: f32,
    beta: f32,
    slope: f32,
}

impl Line {
    /// The normalised value and the gradient in front of the rectifier.
    #[inline(always)]
    fn unrectify(self, x: f32, grad_y: f32) -> (f32, f32) {
        let h = (x - self.s.mean) * self.s.inverse_deviation;
        // As in `normalize`, to the bit: both must agree on the side of zero.
        let d = if h * self.gamma + self.beta > 0.0 {
            grad_y
        } else {
            self.slope * grad_y
        };
        (h, d)
    }

    /// `sum(d)` and `sum(d h)`.
    fn sums(self, x: &[f32], grad_y: &[f32]) -> (f64, f64) {
        let mut total = (0.0, 0.0);
        for (x, grad_y) in x.chunks(BLOCK).zip(grad_y.chunks(BLOCK)) {
            let (mut sum, mut product) = (Lanes::default(), Lanes::default());
            let mut lanes_x = x.chunks_exact(Lanes::WIDTH);
            let mut lanes_g = grad_y.chunks_exact(Lanes::WIDTH);
            for (x, grad_y) in (&mut lanes_x).zip(&mut lanes_g) {
                for k in 0..Lanes::WIDTH {
                    let (h, d) = self.unrectify(x[k], grad_y[k]);
                    sum.0[k] += d;
                    product.0[k] += d * h;
                }
            }
            for (k, (&x, &g)) in lanes_x
                .remainder()
                .iter()
                .zip(lanes_g.remainder())
                .enumerate()
            {
                let (h, d) = self.unrectify(x, g);
                sum.0[k] += d;
                product.0[k] += d * h;
            }
            total = (total.0 + sum.total(), total.1 + product.total());
        }
        total
    }

    fn grad_x(self, x: &[f32], grad_y: &[f32], means: (f32, f32), grad_x: &mut [f32]) {
        let scale = self.gamma * self.s.inverse_deviation;
        for ((out, &x), &g) in grad_x.iter_mut().zip(x).zip(grad_y) {
            let (h, d) = self.unrectify(x, g);
            *out = scale * (d - means.0 - h * means.1);
        }
    }
}
