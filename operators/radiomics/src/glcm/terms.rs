//! What the features of one co-occurrence matrix have in common.

use crate::statistics::entropy_bits;

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
}

impl GlcmTerms {
    /// Take a matrix apart.
    ///
    /// # Shapes
    /// `levels`: the `L` grey levels that occur, ascending, from 1. `p`: `L x L`, adding up to 1.
    #[must_use]
    pub fn new(levels: &[u32], p: &[f64]) -> Self {
        let n = levels.last().map_or(0, |&level| level as usize);
        let mut p_1 = vec![0.0; levels.len()];
        let mut p_2 = vec![0.0; levels.len()];
        let mut p_difference = vec![0.0; n];
        let mut p_sum = vec![0.0; (2 * n).saturating_sub(1)];
        for ((&i, row), p_i) in levels.iter().zip(rows(p, levels.len())).zip(&mut p_1) {
            for ((&j, &share), p_j) in levels.iter().zip(row).zip(&mut p_2) {
                *p_i += share;
                *p_j += share;
                p_difference[i.abs_diff(j) as usize] += share;
                p_sum[(i + j) as usize - 2] += share;
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
            entropy_12: entropy_bits(p),
            levels,
            p: p.to_vec(),
            p_1,
            p_2,
            p_difference,
            p_sum,
            mean_1,
            mean_2,
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
        self.over_pairs(|i, j| i * j)
    }

    /// Pearson's correlation of the two levels, 1 where either does not vary.
    #[must_use]
    pub fn correlation(&self) -> f64 {
        let deviations = self.variance_1.sqrt() * self.variance_2.sqrt();
        if deviations == 0.0 {
            return 1.0;
        }
        self.over_pairs(|i, j| (i - self.mean_1) * (j - self.mean_2)) / (deviations + f64::EPSILON)
    }

    /// First informational measure of correlation, 0 where neither level varies.
    #[must_use]
    pub fn imc1(&self) -> f64 {
        let largest = entropy_bits(&self.p_1).max(entropy_bits(&self.p_2));
        if largest == 0.0 {
            return 0.0;
        }
        let cross_entropy =
            -self.over_independent(|p, p_1_p_2| p * (p_1_p_2 + f64::EPSILON).log2());
        (self.entropy_12 - cross_entropy) / largest
    }

    /// Second informational measure of correlation.
    ///
    /// The entropy of independent levels is never below that of the pairs but for rounding;
    /// where it is, this is 0, as PyRadiomics documents.
    #[must_use]
    pub fn imc2(&self) -> f64 {
        let independent =
            -self.over_independent(|_, p_1_p_2| p_1_p_2 * (p_1_p_2 + f64::EPSILON).log2());
        let told = independent - self.entropy_12;
        if told <= 0.0 {
            0.0
        } else {
            (1.0 - (-2.0 * told).exp()).sqrt()
        }
    }

    /// `Σ f(i, j) p(i,j)` over pairs of levels.
    fn over_pairs(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        let rows = self.levels.iter().zip(self.rows());
        rows.map(|(&i, row)| {
            let pairs = self.levels.iter().zip(row);
            pairs.map(|(&j, p)| f(i, j) * p).sum::<f64>()
        })
        .sum()
    }

    /// `Σ f(p(i,j), p₁(i) p₂(j))` over pairs of levels.
    fn over_independent(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        let rows = self.p_1.iter().zip(self.rows());
        rows.map(|(&p_1, row)| {
            let pairs = self.p_2.iter().zip(row);
            pairs.map(|(&p_2, &p)| f(p, p_1 * p_2)).sum::<f64>()
        })
        .sum()
    }
}

fn rows(p: &[f64], len: usize) -> impl Iterator<Item = &[f64]> {
    p.chunks_exact(len.max(1))
}
