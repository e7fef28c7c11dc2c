//! Which features a classifier gets to see: pruned by variance and correlation, then ranked.
//!
//! These functions see the training rows of one fold. Selecting on all cases before the folds
//! are made lets the labels of the held-out cases choose the features, which is worth more
//! AUC than most papers report (Ambroise and McLachlan, PNAS 2002;99:6562).

use serde::{Deserialize, Serialize};

use crate::{error::LearningError, options::require};

/// How two features are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correlation {
    /// Of the values.
    Pearson,
    /// Of the ranks, ties sharing their mean rank: the same for any monotone rescaling, which
    /// suits the skewed distributions of radiomic features.
    #[default]
    Spearman,
}

/// How features are pruned and ranked, in this order, inside each fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Drop features whose variance, after scaling their range to [0, 1], is not above this
    /// (at most 0.25, by Popoviciu's inequality). Scaling first makes it free of units.
    /// Features that are constant but for rounding always go.
    pub min_scaled_variance: f64,
    /// Of two features whose correlation exceeds this in absolute value, drop the one with
    /// the larger mean absolute correlation to all features (the rule of Kuhn's `caret`); 1
    /// keeps all.
    pub max_correlation: f64,
    /// Kind of correlation.
    pub correlation: Correlation,
    /// Keep this many, by the importance of a random forest; `None` keeps all.
    pub top_k: Option<usize>,
    /// Trees of that forest.
    pub trees: usize,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            min_scaled_variance: 1e-3,
            max_correlation: 0.95,
            correlation: Correlation::Spearman,
            top_k: Some(10),
            trees: 200,
        }
    }
}

impl Selection {
    /// Keep every feature that varies at all.
    #[must_use]
    pub fn none() -> Self {
        Self {
            min_scaled_variance: 0.0,
            max_correlation: 1.0,
            top_k: None,
            ..Self::default()
        }
    }

    pub(crate) fn validate(&self) -> Result<(), LearningError> {
        require(
            "selection.min_scaled_variance",
            self.min_scaled_variance,
            (0.0..0.25).contains(&self.min_scaled_variance),
            "at least 0 and below 0.25",
        )?;
        require(
            "selection.max_correlation",
            self.max_correlation,
            self.max_correlation > 0.0 && self.max_correlation <= 1.0,
            "above 0 and at most 1",
        )?;
        require(
            "selection.top_k",
            0,
            self.top_k != Some(0),
            "at least 1, or absent to keep all features",
        )?;
        require("selection.trees", self.trees, self.trees > 0, "at least 1")
    }
}

/// Ranges below this fraction of the largest value are rounding, not signal.
const ROUNDING: f64 = 1e-12;

/// Variance (population) of a feature after scaling its range to [0, 1]; 0 if it is constant
/// but for rounding.
pub(crate) fn scaled_variance(column: &[f64]) -> f64 {
    let low = column.iter().copied().fold(f64::INFINITY, f64::min);
    let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Halves first: the range of two finite numbers may overflow.
    let half_range = high / 2.0 - low / 2.0;
    if half_range.is_nan() || half_range <= ROUNDING * low.abs().max(high.abs()) {
        return 0.0;
    }
    let n = column.len() as f64;
    let scaled = |v: &f64| (v / 2.0 - low / 2.0) / half_range;
    let mean = column.iter().map(scaled).sum::<f64>() / n;
    column
        .iter()
        .map(|v| (scaled(v) - mean).powi(2))
        .sum::<f64>()
        / n
}

/// Which columns to keep so that no two that stay are correlated above the limit.
///
/// # Shapes
/// `columns`: `[features][rows]`, none of them constant; returns indices in rising order.
pub(crate) fn prune_correlated(
    columns: &[Vec<f64>],
    kind: Correlation,
    max_correlation: f64,
) -> Vec<usize> {
    let count = columns.len();
    if max_correlation >= 1.0 {
        return (0..count).collect();
    }
    let unit: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| match kind {
            Correlation::Pearson => unit_vector(column),
            Correlation::Spearman => unit_vector(&ranks(column)),
        })
        .collect();
    let mut total = vec![0.0; count];
    let mut pairs = Vec::new();
    for i in 0..count {
        for j in i + 1..count {
            let r = dot(&unit[i], &unit[j]).abs();
            total[i] += r;
            total[j] += r;
            if r > max_correlation {
                pairs.push((r, i, j));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut keep = vec![true; count];
    for (_, i, j) in pairs {
        if keep[i] && keep[j] {
            keep[if total[i] > total[j] { i } else { j }] = false;
        }
    }
    (0..count).filter(|&i| keep[i]).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The column less its mean, of length 1, so that a dot product is a correlation.
fn unit_vector(column: &[f64]) -> Vec<f64> {
    let largest = column.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    let mean = column.iter().map(|v| v / scale).sum::<f64>() / column.len() as f64;
    let centred: Vec<f64> = column.iter().map(|v| v / scale - mean).collect();
    let length = dot(&centred, &centred).sqrt();
    if length > 0.0 {
        centred.iter().map(|v| v / length).collect()
    } else {
        centred
    }
}

/// Ranks from 0, ties sharing their mean rank.
fn ranks(column: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..column.len()).collect();
    order.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
    let mut ranks = vec![0.0; column.len()];
    let mut start = 0;
    for tied in order.chunk_by(|&a, &b| column[a] == column[b]) {
        for &row in tied {
            ranks[row] = start as f64 + (tied.len() - 1) as f64 / 2.0;
        }
        start += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::Golden;

    #[test]
    fn variance_is_that_of_min_max_scaled_columns() {
        let golden = Golden::load();
        for (column, expected) in golden
            .columns()
            .iter()
            .zip(golden.numbers("/scaled_variance"))
        {
            assert!((scaled_variance(column) - expected).abs() < 1e-9);
        }
        assert_eq!(scaled_variance(&[0.1 + 0.2, 0.3, 0.3]), 0.0);
        assert_eq!(scaled_variance(&[0.0, 0.0]), 0.0);
        assert_eq!(scaled_variance(&[f64::MAX, f64::MIN]), 0.25);
        assert_eq!(scaled_variance(&[]), 0.0);
    }

    #[test]
    fn correlations_are_those_of_scipy() {
        let golden = Golden::load();
        let columns = golden.columns();
        for (kind, ranked) in [("/pearson", false), ("/spearman", true)] {
            let expected = golden.numbers(kind);
            let unit: Vec<_> = columns
                .iter()
                .map(|c| unit_vector(&if ranked { ranks(c) } else { c.clone() }))
                .collect();
            for i in 0..columns.len() {
                for j in 0..columns.len() {
                    let difference = dot(&unit[i], &unit[j]) - expected[i * columns.len() + j];
                    assert!(difference.abs() < 1e-9, "{kind} {i} {j}: {difference}");
                }
            }
        }
    }

    #[test]
    fn the_better_connected_of_a_pair_goes() {
        let a: Vec<f64> = (0..20).map(f64::from).collect();
        let b: Vec<f64> = a.iter().map(|v| v + 3.0 * (v * 1.7).sin()).collect();
        let c: Vec<f64> = a.iter().map(|v| v - 3.0 * (v * 1.7).sin()).collect();
        let d: Vec<f64> = a.iter().map(|v| (v * 2.3).cos()).collect();
        let columns = [b, a, c, d];
        let kept = prune_correlated(&columns, Correlation::Pearson, 0.93);
        assert_eq!(kept, [0, 2, 3], "the middle one is closest to all");
        assert_eq!(
            prune_correlated(&columns, Correlation::Spearman, 1.0).len(),
            4
        );
    }
}
