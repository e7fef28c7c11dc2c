//! What the features of one co-occurrence matrix have in common.

use std::sync::OnceLock;

use crate::{
    simd::{Kernel, run_widest},
    statistics::entropy_bits,
};

/// One normalised co-occurrence matrix and its marginals.
///
/// # Shapes
/// With `L` levels that occur, the largest of them `N`: `levels`, `p_1`, `p_2` have `L`
/// entries, `p` has `L x L` (first level outermost), `p_difference` has `N` (`k` from 0),
/// `p_sum` has `2N - 1` (`k` from 2).
#[derive(Debug, Clone, PartialEq)]
pub struct GlcmTerms {
    /// The grey levels that occur, ascending.
    pub levels: Vec<f64>,
    /// The largest grey level.
    pub n_levels: f64,
    /// Share of pairs with each first and second level.
    pub p: Vec<f64>,
    /// Share of pairs with each first level.
    pub p_1: Vec<f64>,
    /// Share of pairs with each second level.
    pub p_2: Vec<f64>,
    /// Share of pairs whose levels differ by `k`.
    pub p_difference: Vec<f64>,
    /// Share of pairs whose levels add up to `k`.
    pub p_sum: Vec<f64>,
    /// Mean first level.
    pub mean_1: f64,
    /// Mean second level.
    pub mean_2: f64,
    /// Variance of the first level.
    pub variance_1: f64,
    /// Variance of the second level.
    pub variance_2: f64,
    /// Entropy of the pairs, in bits.
    pub entropy_12: f64,
    /// Whether `p` is symmetric: then half of it says all.
    is_symmetric: bool,
    independence: OnceLock<Independence>,
}

/// Comparison of a matrix with that of independent levels, `p₁(i) p₂(j)`; both in bits.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Independence {
    /// `-Σ p log₂(p₁p₂ + ε)`
    cross_entropy: f64,
    /// `-Σ p₁p₂ log₂(p₁p₂ + ε)`
    entropy: f64,
}

impl GlcmTerms {
    /// Take a matrix apart.
    ///
    /// # Shapes
    /// `levels`: the `L` grey levels that occur, ascending, from 1. `p`: `L x L`, adding up to 1.
    #[must_use]
    pub fn new(levels: &[u32], p: &[f64]) -> Self {
        let len = levels.len();
        let n = levels.last().map_or(0, |&level| level as usize);
        let is_symmetric = is_symmetric(p, len);
        let mut p_1 = vec![0.0; len];
        let mut p_2 = vec![0.0; len];
        let mut p_difference = vec![0.0; n];
        let mut p_sum = vec![0.0; (2 * n).saturating_sub(1)];
        let mut entropy_12 = 0.0;
        for (i, row) in rows(p, len).enumerate() {
            for (j, share, pairs) in cells(row, i, is_symmetric) {
                p_1[i] += share;
                p_2[j] += share;
                if is_symmetric && i != j {
                    p_1[j] += share;
                    p_2[i] += share;
                }
                let pairs = pairs * share;
                p_difference[levels[i].abs_diff(levels[j]) as usize] += pairs;
                p_sum[(levels[i] + levels[j]) as usize - 2] += pairs;
                entropy_12 -= pairs * (share + f64::EPSILON).log2();
            }
        }
        let levels: Vec<f64> = levels.iter().map(|&level| f64::from(level)).collect();
        let mean = |marginal: &[f64]| -> f64 {
            levels
                .iter()
                .zip(marginal)
                .map(|(level, p)| level * p)
                .sum()
        };
        let variance = |marginal: &[f64], mean: f64| -> f64 {
            let squares = levels.iter().map(|level| (level - mean).powi(2));
            squares.zip(marginal).map(|(square, p)| square * p).sum()
        };
        let (mean_1, mean_2) = (mean(&p_1), mean(&p_2));
        Self {
            n_levels: n as f64,
            variance_1: variance(&p_1, mean_1),
            variance_2: variance(&p_2, mean_2),
            entropy_12,
            levels,
            p: p.to_vec(),
            p_1,
            p_2,
            p_difference,
            p_sum,
            mean_1,
            mean_2,
            is_symmetric,
            independence: OnceLock::new(),
        }
    }

    /// The matrix row by row.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        rows(&self.p, self.levels.len())
    }

    /// `Σ f(k) p₋(k)`.
    pub fn over_differences(&self, f: impl Fn(f64) -> f64) -> f64 {
        let terms = self.p_difference.iter().enumerate();
        terms.map(|(k, p)| f(k as f64) * p).sum()
    }

    /// `Σ f(k) p₊(k)`.
    pub fn over_sums(&self, f: impl Fn(f64) -> f64) -> f64 {
        let terms = self.p_sum.iter().enumerate();
        terms.map(|(k, p)| f((k + 2) as f64) * p).sum()
    }

    /// `Σ (k - μ₁ - μ₂)ⁿ p₊(k)`.
    #[must_use]
    pub fn cluster(&self, power: i32) -> f64 {
        self.over_sums(|k| (k - self.mean_1 - self.mean_2).powi(power))
    }

    /// Variance of the difference between neighbours.
    #[must_use]
    pub fn difference_variance(&self) -> f64 {
        let mean = self.over_differences(|k| k);
        self.over_differences(|k| (k - mean).powi(2))
    }

    /// `Σ i j p(i,j)`.
    #[must_use]
    pub fn autocorrelation(&self) -> f64 {
        self.bilinear(&self.levels, &self.levels)
    }

    /// Pearson's correlation of the two levels, 1 where either does not vary.
    #[must_use]
    pub fn correlation(&self) -> f64 {
        let deviations = self.variance_1.sqrt() * self.variance_2.sqrt();
        if deviations == 0.0 {
            return 1.0;
        }
        let from = |mean| -> Vec<f64> { self.levels.iter().map(|level| level - mean).collect() };
        self.bilinear(&from(self.mean_1), &from(self.mean_2)) / (deviations + f64::EPSILON)
    }

    /// First informational measure of correlation, 0 where neither level varies.
    #[must_use]
    pub fn imc1(&self) -> f64 {
        let largest = entropy_bits(&self.p_1).max(entropy_bits(&self.p_2));
        if largest == 0.0 {
            return 0.0;
        }
        (self.entropy_12 - self.independence().cross_entropy) / largest
    }

    /// Second informational measure of correlation.
    ///
    /// The entropy of independent levels is never below that of the pairs but for rounding;
    /// where it is, this is 0, as PyRadiomics documents.
    #[must_use]
    pub fn imc2(&self) -> f64 {
        let told = self.independence().entropy - self.entropy_12;
        if told <= 0.0 {
            0.0
        } else {
            (1.0 - (-2.0 * told).exp()).sqrt()
        }
    }

    fn independence(&self) -> Independence {
        *self.independence.get_or_init(|| {
            let (mut cross_entropy, mut entropy) = (0.0, 0.0);
            for (i, row) in self.rows().enumerate() {
                let first = if self.is_symmetric { i } else { 0 };
                for j in first..row.len() {
                    let independent = self.p_1[i] * self.p_2[j];
                    if independent > 0.0 {
                        let pairs = if self.is_symmetric && i != j {
                            2.0
                        } else {
                            1.0
                        };
                        let bits = pairs * (independent + f64::EPSILON).log2();
                        cross_entropy -= row[j] * bits;
                        entropy -= independent * bits;
                    }
                }
            }
            Independence {
                cross_entropy,
                entropy,
            }
        })
    }

    /// `Σ a(i) b(j) p(i,j)`.
    fn bilinear(&self, a: &[f64], b: &[f64]) -> f64 {
        run_widest(Bilinear { a, b, p: &self.p })
    }
}

struct Bilinear<'a> {
    a: &'a [f64],
    b: &'a [f64],
    p: &'a [f64],
}

impl Kernel for Bilinear<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut sum = 0.0;
        for (a, row) in self.a.iter().zip(rows(self.p, self.b.len())) {
            sum += a * dot(self.b, row);
        }
        sum
    }
}

/// `Σ a b` in one fixed order.
#[inline(always)]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let (chunks_a, rest_a) = a.as_chunks::<LANES>();
    let (chunks_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in chunks_a.iter().zip(chunks_b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}

/// The cells of a row that are not 0, with how often they count: only those from the diagonal
/// on, twice but for the diagonal, where the matrix is symmetric.
#[inline]
fn cells(row: &[f64], i: usize, is_symmetric: bool) -> impl Iterator<Item = (usize, f64, f64)> {
    let first = if is_symmetric { i } else { 0 };
    let shares = row[first..].iter().enumerate();
    shares
        .filter(|(_, share)| **share > 0.0)
        .map(move |(j, &share)| {
            let j = first + j;
            (j, share, if is_symmetric && i != j { 2.0 } else { 1.0 })
        })
}

fn is_symmetric(p: &[f64], len: usize) -> bool {
    rows(p, len)
        .enumerate()
        .all(|(i, row)| (0..i).all(|j| row[j] == p[j * len + i]))
}

fn rows(p: &[f64], len: usize) -> impl Iterator<Item = &[f64]> {
    p.chunks_exact(len.max(1))
}
