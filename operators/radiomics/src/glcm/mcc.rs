//! The maximal correlation coefficient.

use super::{
    lanczos::{Symmetric, largest_eigenvalue},
    terms::{GlcmTerms, dot},
};
use crate::simd::{Kernel, run_widest};

/// The square root of the second largest eigenvalue of
/// `Q(i,j) = Σₖ p(i,k) p(j,k) / (p₁(i) p₂(k) + ε)`.
///
/// But for `ε`, scaling row `i` and column `i` of `Q` by `√p₁(i)` and `1/√p₁(i)`, which leaves
/// its eigenvalues, gives `C Cᵀ` with `C(i,k) = p(i,k) / √(p₁(i) p₂(k) + ε)`; the square root
/// puts `ε` where its effect on an eigenvalue is right up to the square of that effect. The
/// largest eigenvalue of `C Cᵀ` is 1, with the eigenvector `√p₁`, so the second largest of `Q`
/// is the largest of `C Cᵀ` across that vector.
///
/// 1 with a single level, which has a single eigenvalue. Levels that have no neighbour in this
/// direction have an eigenvalue of 0. An eigenvalue that rounding makes negative counts as 0.
pub(super) fn maximal_correlation(terms: &GlcmTerms) -> f64 {
    let n = terms.levels.len();
    if n < 2 {
        return 1.0;
    }
    run_widest(Correlation(terms))
}

struct Correlation<'a>(&'a GlcmTerms);

impl Kernel for Correlation<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let terms = self.0;
        let mut shares = terms.p.clone();
        for (row, p_1) in shares.chunks_exact_mut(terms.p_2.len()).zip(&terms.p_1) {
            for (share, p_2) in row.iter_mut().zip(&terms.p_2) {
                *share /= (p_1 * p_2 + f64::EPSILON).sqrt();
            }
        }
        let gram = Gram {
            shares,
            known: terms.p_1.iter().map(|p| p.sqrt()).collect(),
        };
        largest_eigenvalue(&gram).max(0.0).sqrt()
    }
}

/// `C Cᵀ` across a known eigenvector.
struct Gram {
    /// `[row][column]`
    shares: Vec<f64>,
    /// The eigenvector, of length 1.
    known: Vec<f64>,
}

impl Symmetric for Gram {
    fn len(&self) -> usize {
        self.known.len()
    }

    fn known(&self) -> &[f64] {
        &self.known
    }

    // Loops instead of iterators' closures, which would be compiled for narrow vectors.
    #[inline(always)]
    fn times(&self, x: &[f64]) -> Vec<f64> {
        let n = x.len();
        let mut transposed = vec![0.0; n];
        for (row, x) in self.shares.chunks_exact(n).zip(x) {
            for (sum, share) in transposed.iter_mut().zip(row) {
                *sum += x * share;
            }
        }
        let mut product = vec![0.0; n];
        for (sum, row) in product.iter_mut().zip(self.shares.chunks_exact(n)) {
            *sum = dot(row, &transposed);
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_levels_tell_nothing_and_equal_levels_all() {
        let independent = GlcmTerms::new(&[1, 2], &[0.25; 4]);
        assert!(maximal_correlation(&independent) < 1e-7);
        let equal = GlcmTerms::new(&[1, 2], &[0.5, 0.0, 0.0, 0.5]);
        assert!((maximal_correlation(&equal) - 1.0).abs() < 1e-12);
        let opposite = GlcmTerms::new(&[1, 3], &[0.0, 0.5, 0.5, 0.0]);
        assert!((maximal_correlation(&opposite) - 1.0).abs() < 1e-12);
        assert_eq!(maximal_correlation(&GlcmTerms::new(&[4], &[1.0])), 1.0);
    }

    /// Pairs of levels of which the second follows from the first in part, as in images.
    fn pairs(n: usize, symmetric: bool) -> (Vec<u32>, Vec<f64>) {
        let mut p: Vec<f64> = (0..n * n)
            .map(|cell| {
                let [i, j] = [(cell / n) as f64, (cell % n) as f64];
                let lift = if symmetric { i + j } else { i + 2.0 * j };
                (-(i - j).powi(2) / 8.0 - lift / n as f64).exp()
            })
            .collect();
        let sum: f64 = p.iter().sum();
        p.iter_mut().for_each(|share| *share /= sum);
        ((1..=n as u32).collect(), p)
    }

    #[test]
    fn the_value_is_that_of_all_eigenvalues() {
        for n in [2, 3, 7, 40, 130] {
            for symmetric in [true, false] {
                let (levels, p) = pairs(n, symmetric);
                let terms = GlcmTerms::new(&levels, &p);
                let scaled = nalgebra::DMatrix::from_fn(n, n, |i, k| {
                    p[i * n + k] / (terms.p_1[i] * terms.p_2[k] + f64::EPSILON).sqrt()
                });
                let mut values: Vec<f64> = scaled.singular_values().iter().copied().collect();
                values.sort_by(|a, b| b.total_cmp(a));
                let found = maximal_correlation(&terms);
                assert!(
                    (found - values[1]).abs() < 1e-12,
                    "{n} {symmetric}: {found} {}",
                    values[1]
                );
            }
        }
    }
}
