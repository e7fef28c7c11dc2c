//! Kurtosis of the samples around each of several voxels, as scipy's `stats.kurtosis`.

use std::ops::{Add, Div, Mul, Range, Sub};

use super::LANES;

/// The precisions that numpy computes moments in: that of the samples where they are floating
/// point, double where they are integers.
pub(super) trait Real:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Into<f64>
    + Send
    + Sync
{
    const ZERO: Self;
    const NAN: Self;
    const THREE: Self;
    /// Distance from 1 to the next larger number.
    const EPSILON: Self;
    fn of(value: f64) -> Self;
}

macro_rules! real {
    ($type:ident) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const NAN: Self = $type::NAN;
            const THREE: Self = 3.0;
            const EPSILON: Self = $type::EPSILON;
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as Self
            }
        }
    };
}
real!(f32);
real!(f64);

/// Number of values that numpy adds without splitting them in two.
const BLOCK: usize = 128;

/// numpy's pairwise summation of so many values, in the order in which partial sums are made.
///
/// In single precision the order shows in the fifth or sixth digit of the kurtosis.
pub(super) struct Summation {
    count: usize,
    steps: Vec<Step>,
}

enum Step {
    /// Add up a block of values.
    Block(Range<usize>),
    /// Add the two newest partial sums.
    Join,
}

impl Summation {
    pub(super) fn of(count: usize) -> Self {
        let mut steps = Vec::new();
        split(0..count, &mut steps);
        Self { count, steps }
    }

    #[inline(always)]
    fn mean<T: Real>(&self, values: &[[T; LANES]]) -> [T; LANES] {
        let mut sums = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            match step {
                Step::Block(range) => sums.push(block_sum(&values[range.clone()])),
                Step::Join => {
                    if let (Some(b), Some(a)) = (sums.pop(), sums.pop()) {
                        sums.push(add(a, b));
                    }
                }
            }
        }
        let count = T::of(self.count as f64);
        sums.pop()
            .unwrap_or([T::ZERO; LANES])
            .map(|sum| sum / count)
    }

    /// Fourth moment by squared second moment, less 3; NaN where the second is 0 but for
    /// rounding.
    ///
    /// # Shapes
    /// `samples`: a value of each lane, `count` times; overwritten.
    #[inline(always)]
    pub(super) fn kurtosis<T: Real>(&self, samples: &mut [[T; LANES]]) -> [T; LANES] {
        let mean = self.mean(samples);
        for lanes in samples.iter_mut() {
            for l in 0..LANES {
                let distance = lanes[l] - mean[l];
                lanes[l] = distance * distance;
            }
        }
        let second = self.mean(samples);
        for lanes in samples.iter_mut() {
            for l in 0..LANES {
                lanes[l] = lanes[l] * lanes[l];
            }
        }
        let fourth = self.mean(samples);
        let mut kurtosis = [T::ZERO; LANES];
        for l in 0..LANES {
            let rounding = T::EPSILON * mean[l];
            let ratio = if second[l] <= rounding * rounding {
                T::NAN
            } else {
                fourth[l] / (second[l] * second[l])
            };
            kurtosis[l] = ratio - T::THREE;
        }
        kurtosis
    }
}

fn split(range: Range<usize>, steps: &mut Vec<Step>) {
    let count = range.len();
    if count <= BLOCK {
        steps.push(Step::Block(range));
        return;
    }
    let half = count / 2 - count / 2 % 8;
    split(range.start..range.start + half, steps);
    split(range.start + half..range.end, steps);
    steps.push(Step::Join);
}

#[inline(always)]
fn add<T: Real>(a: [T; LANES], b: [T; LANES]) -> [T; LANES] {
    let mut sum = a;
    for l in 0..LANES {
        sum[l] = sum[l] + b[l];
    }
    sum
}

/// Eight interleaved sums, added in pairs, and then what is left over.
#[inline(always)]
fn block_sum<T: Real>(values: &[[T; LANES]]) -> [T; LANES] {
    let whole = values.len() / 8 * 8;
    let mut total = [T::ZERO; LANES];
    if let Some(first) = values.first_chunk::<8>() {
        let mut sums = *first;
        for eight in values[8..whole].chunks_exact(8) {
            for (sum, &value) in sums.iter_mut().zip(eight) {
                *sum = add(*sum, value);
            }
        }
        let [a, b, c, d, e, f, g, h] = sums;
        total = add(add(add(a, b), add(c, d)), add(add(e, f), add(g, h)));
    }
    for &value in &values[whole..] {
        total = add(total, value);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_known_samples() {
        // Two values in equal numbers: 1 - 3.
        let mut samples: Vec<[f64; LANES]> = (0..300).map(|i| [f64::from(i % 2); LANES]).collect();
        let kurtosis = Summation::of(300).kurtosis(&mut samples);
        assert!(
            kurtosis.iter().all(|k| (k + 2.0).abs() < 1e-12),
            "{kurtosis:?}"
        );
        let mut constant = vec![[7f32; LANES]; 42];
        let kurtosis = Summation::of(42).kurtosis(&mut constant);
        assert!(kurtosis.iter().all(|k| k.is_nan()));
    }
}
