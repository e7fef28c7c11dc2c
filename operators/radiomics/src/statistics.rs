//! Sums and order statistics.

use crate::{
    selection::order_statistics,
    simd::{Kernel, run_widest},
};

/// Numbers worked on side by side. The order of every sum is that of these lanes, whatever the
/// width of the machine's vectors.
const LANES: usize = 8;

/// Sum of `f` over values, in one fixed order: see [`sums_of`].
pub(crate) fn sum_of(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let [sum] = sums_of(values, |x| [f(x)]);
    sum
}

/// Sums over values of several terms at once, each in one fixed order: eight interleaved sums
/// a block, blocks in turn. Short blocks keep the rounding error near that of pairwise
/// summation, eight sums let the processor add several at once.
pub(crate) fn sums_of<const N: usize>(values: &[f64], terms: impl Fn(f64) -> [f64; N]) -> [f64; N] {
    run_widest(Sums { values, terms })
}

struct Sums<'a, F> {
    values: &'a [f64],
    terms: F,
}

impl<const N: usize, F: Fn(f64) -> [f64; N]> Kernel for Sums<'_, F> {
    type Output = [f64; N];

    #[inline(always)]
    fn run(self) -> [f64; N] {
        const BLOCK: usize = 1024;
        let mut total = [0.0; N];
        for block in self.values.chunks(BLOCK) {
            let mut lanes = [[0.0; LANES]; N];
            let (chunks, remainder) = block.as_chunks::<LANES>();
            for chunk in chunks {
                for lane in 0..LANES {
                    let terms = (self.terms)(chunk[lane]);
                    for (sums, term) in lanes.iter_mut().zip(terms) {
                        sums[lane] += term;
                    }
                }
            }
            let mut rest = [0.0; N];
            for &x in remainder {
                for (sum, term) in rest.iter_mut().zip((self.terms)(x)) {
                    *sum += term;
                }
            }
            for ((total, lanes), rest) in total.iter_mut().zip(lanes).zip(rest) {
                *total += lanes.iter().sum::<f64>() + rest;
            }
        }
        total
    }
}

/// Smallest and largest value; infinite, the wrong way round, if there is none.
pub(crate) fn extrema(values: &[f64]) -> [f64; 2] {
    run_widest(Extrema(values))
}

struct Extrema<'a>(&'a [f64]);

impl Kernel for Extrema<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run(self) -> [f64; 2] {
        // Not `f64::min`, which would have to look for NaN.
        let smaller = |a: f64, b: f64| if a < b { a } else { b };
        let larger = |a: f64, b: f64| if a > b { a } else { b };
        let mut lows = [f64::INFINITY; LANES];
        let mut highs = [f64::NEG_INFINITY; LANES];
        let (chunks, remainder) = self.0.as_chunks::<LANES>();
        for chunk in chunks {
            for lane in 0..LANES {
                lows[lane] = smaller(chunk[lane], lows[lane]);
                highs[lane] = larger(chunk[lane], highs[lane]);
            }
        }
        let all = |lanes: [f64; LANES], pick: fn(f64, f64) -> f64| {
            lanes
                .into_iter()
                .chain(remainder.iter().copied())
                .reduce(pick)
        };
        [
            all(lows, smaller).unwrap_or(f64::INFINITY),
            all(highs, larger).unwrap_or(f64::NEG_INFINITY),
        ]
    }
}

/// Quantiles by linear interpolation between the two nearest order statistics, as numpy's
/// default and definition 7 of Hyndman & Fan, *Am Stat* 1996;50:361.
///
/// # Shapes
/// `fractions`: each between 0 and 1. `values`: finite. Returns one quantile a fraction; NaN
/// if there is no value.
pub(crate) fn quantiles<const N: usize>(values: &[f64], fractions: [f64; N]) -> [f64; N] {
    let Some(last) = values.len().checked_sub(1) else {
        return [f64::NAN; N];
    };
    let below = fractions.map(|fraction| (fraction * last as f64).floor() as usize);
    let above = below.map(|rank| (rank + 1).min(last));
    let found = order_statistics(values, &[below, above].concat());
    std::array::from_fn(|i| {
        let (low, high) = (found[i], found[N + i]);
        let t = fractions[i] * last as f64 - below[i] as f64;
        // numpy interpolates from the nearer end.
        if t < 0.5 {
            low + (high - low) * t
        } else {
            high - (high - low) * (1.0 - t)
        }
    })
}

/// `-Σ p log2(p + ε)` with PyRadiomics' `ε` of 2.2e-16.
pub(crate) fn entropy_bits(probabilities: &[f64]) -> f64 {
    -sum_of(probabilities, |p| p * (p + f64::EPSILON).log2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_order_statistics() {
        assert_eq!(
            quantiles(&[4.0, 1.0, 3.0, 2.0], [0.0, 0.25, 0.5, 0.75, 1.0]),
            [1.0, 1.75, 2.5, 3.25, 4.0]
        );
        assert_eq!(quantiles(&[7.0], [0.1, 0.9]), [7.0, 7.0]);
        assert!(quantiles(&[], [0.5])[0].is_nan());
    }

    #[test]
    fn blocks_sum_to_the_whole() {
        let values: Vec<f64> = (0..5003).map(f64::from).collect();
        assert_eq!(sum_of(&values, |x| x), 5002.0 * 5003.0 / 2.0);
    }
}
