//! The matrix and what its features have in common.

use crate::{Roi, Slice, Standard};

/// The levels of a neighbourhood grey-tone difference matrix.
///
/// # Shapes
/// One entry of `levels`, `shares` and `differences` a level that has a voxel, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct NgtdmTerms {
    /// The grey levels.
    pub levels: Vec<f64>,
    /// Share of the voxels with each level.
    pub shares: Vec<f64>,
    /// Sum of the differences of the voxels with each level.
    pub differences: Vec<f64>,
    /// Number of voxels.
    pub voxel_count: f64,
}

impl NgtdmTerms {
    /// Add up the differences of the voxels of a slice, or of all; `None` where no voxel counts.
    ///
    /// # Shapes
    /// `differences`: one value a voxel of the region, NaN for a voxel without a neighbour.
    #[must_use]
    pub fn of(
        roi: &Roi,
        differences: &[f64],
        slice: Option<Slice>,
        standard: Standard,
    ) -> Option<Self> {
        let region = &roi.region;
        let mut sums = vec![0.0; roi.grey_levels.values.len()];
        let mut counts = vec![0usize; sums.len()];
        let counts_isolated = standard == Standard::PyRadiomics;
        for (run, first) in region.runs_within(slice) {
            let start = region.padded_index(run.start_zyx);
            let places = &roi.grey_levels.places[start..start + run.len];
            for (&place, &difference) in places.iter().zip(&differences[first..]) {
                let level = usize::from(place) - 1;
                if !difference.is_nan() {
                    sums[level] += difference;
                    counts[level] += 1;
                } else if counts_isolated {
                    counts[level] += 1;
                }
            }
        }
        let voxel_count = counts.iter().sum::<usize>() as f64;
        if voxel_count == 0.0 {
            return None;
        }
        let mut terms = Self {
            levels: Vec::new(),
            shares: Vec::new(),
            differences: Vec::new(),
            voxel_count,
        };
        for ((&level, count), sum) in roi.grey_levels.values.iter().zip(counts).zip(sums) {
            if count > 0 {
                terms.levels.push(f64::from(level));
                terms.shares.push(count as f64 / voxel_count);
                terms.differences.push(sum);
            }
        }
        Some(terms)
    }

    /// `Σ pᵢ sᵢ`.
    #[must_use]
    pub fn weighted_difference(&self) -> f64 {
        let terms = self.shares.iter().zip(&self.differences);
        terms.map(|(p, s)| p * s).sum()
    }

    /// `Σ sᵢ`.
    #[must_use]
    pub fn total_difference(&self) -> f64 {
        self.differences.iter().sum()
    }

    /// `1 / Σ pᵢ sᵢ`, one million where that is not a number.
    #[must_use]
    pub fn coarseness(&self) -> f64 {
        let weighted = self.weighted_difference();
        if weighted == 0.0 { 1e6 } else { 1.0 / weighted }
    }

    /// `ΣΣ pᵢ pⱼ (i - j)²`, which is twice the variance of the levels, by the number of pairs
    /// of levels, times the average difference; 0 with a single level.
    #[must_use]
    pub fn contrast(&self) -> f64 {
        let n = self.levels.len() as f64;
        if n < 2.0 {
            return 0.0;
        }
        let of_levels = || self.levels.iter().zip(&self.shares);
        let mean: f64 = of_levels().map(|(i, p)| i * p).sum();
        let variance: f64 = of_levels().map(|(i, p)| (i - mean).powi(2) * p).sum();
        2.0 * variance * (self.total_difference() / self.voxel_count) / (n * (n - 1.0))
    }

    /// `Σ pᵢ sᵢ / ΣΣ |i pᵢ - j pⱼ|`, 0 where the divisor is.
    ///
    /// With the `i pᵢ` sorted, the gap before the one of rank `k` of `n` (from 0) lies between
    /// `k (n - k)` pairs, each of which is counted in both orders.
    #[must_use]
    pub fn busyness(&self) -> f64 {
        let of_levels = self.levels.iter().zip(&self.shares);
        let mut weighted: Vec<f64> = of_levels.map(|(i, p)| i * p).collect();
        weighted.sort_by(f64::total_cmp);
        let n = weighted.len();
        let apart: f64 = weighted
            .windows(2)
            .enumerate()
            .map(|(below, gap)| {
                let pairs = (below + 1) as f64 * (n - below - 1) as f64;
                2.0 * pairs * (gap[1] - gap[0])
            })
            .sum();
        if apart == 0.0 {
            0.0
        } else {
            self.weighted_difference() / apart
        }
    }

    /// `ΣΣ |i - j| (pᵢ sᵢ + pⱼ sⱼ) / (pᵢ + pⱼ)` by the number of voxels.
    #[must_use]
    pub fn complexity(&self) -> f64 {
        let weighted: Vec<f64> = self
            .shares
            .iter()
            .zip(&self.differences)
            .map(|(p, s)| p * s)
            .collect();
        let pairs: f64 = (0..self.levels.len())
            .map(|i| {
                (0..i)
                    .map(|j| {
                        (self.levels[i] - self.levels[j]) * (weighted[i] + weighted[j])
                            / (self.shares[i] + self.shares[j])
                    })
                    .sum::<f64>()
            })
            .sum();
        2.0 * pairs / self.voxel_count
    }

    /// `ΣΣ (pᵢ + pⱼ) (i - j)² / Σ sᵢ`, 0 where the divisor is.
    ///
    /// With `m` and `v` the average and the variance of the `n` levels, each taken once, the
    /// double sum is `2 n Σ pᵢ ((i - m)² + v)`.
    #[must_use]
    pub fn strength(&self) -> f64 {
        let total = self.total_difference();
        if total == 0.0 {
            return 0.0;
        }
        let n = self.levels.len() as f64;
        let mean = self.levels.iter().sum::<f64>() / n;
        let square = |level: &f64| (level - mean).powi(2);
        let variance = self.levels.iter().map(square).sum::<f64>() / n;
        let terms = self.levels.iter().zip(&self.shares);
        let weighted: f64 = terms.map(|(level, p)| p * (square(level) + variance)).sum();
        2.0 * n * weighted / total
    }
}
