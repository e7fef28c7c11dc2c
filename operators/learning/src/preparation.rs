//! From a table with holes to the few, scaled columns that a classifier learns from.

use serde::Serialize;

use crate::{
    classifier::forest,
    error::LearningError,
    matrix::FeatureMatrix,
    random::{self, Purpose},
    selection::{Selection, prune_correlated, scaled_variance},
};

/// A feature that was kept, with what the training rows say about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Selected {
    /// Its name.
    pub feature: String,
    /// Share of the forest's decrease of Gini impurity, of all features that went into the
    /// ranking; `None` where nothing was ranked.
    pub importance: Option<f64>,
    /// What missing values are replaced by: the median of the training rows.
    pub median: f64,
    /// Mean of the training rows after imputation.
    pub mean: f64,
    /// Standard deviation (population) of the training rows after imputation; 1 if constant.
    pub scale: f64,
}

/// How many features fell at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Dropped {
    /// Without any value in the training rows.
    pub all_missing: usize,
    /// Hardly varying.
    pub near_constant: usize,
    /// Too close to another feature.
    pub correlated: usize,
    /// Ranked below the best `top_k`.
    pub ranked_low: usize,
}

/// What was learnt from the training rows about imputing, selecting and scaling.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Preparation {
    pub(crate) selected: Vec<Selected>,
    pub(crate) dropped: Dropped,
}

impl Preparation {
    /// Learn from some rows: impute, prune, rank, scale.
    pub(crate) fn fit(
        matrix: &FeatureMatrix,
        rows: &[usize],
        selection: &Selection,
        seed: u64,
    ) -> Result<Self, LearningError> {
        let mut dropped = Dropped::default();
        let mut candidates = Vec::new();
        let mut columns = Vec::new();
        for (feature, name) in matrix.names().iter().enumerate() {
            let mut column = gather(matrix.column(feature), rows);
            let Some(median) = median(&column) else {
                dropped.all_missing += 1;
                continue;
            };
            impute(&mut column, median);
            if scaled_variance(&column) <= selection.min_scaled_variance {
                dropped.near_constant += 1;
                continue;
            }
            candidates.push((name, median));
            columns.push(column);
        }
        if candidates.is_empty() {
            return Err(LearningError::NoFeatures {
                features: matrix.names().len(),
                all_missing: dropped.all_missing,
                near_constant: dropped.near_constant,
                min_scaled_variance: selection.min_scaled_variance,
            });
        }
        let kept = prune_correlated(&columns, selection.correlation, selection.max_correlation);
        dropped.correlated = columns.len() - kept.len();

        let mut ranked: Vec<(usize, Option<f64>)> = match selection.top_k {
            None => kept.into_iter().map(|c| (c, None)).collect(),
            Some(top_k) => {
                let considered: Vec<_> = kept.iter().map(|&c| columns[c].clone()).collect();
                let labels: Vec<bool> = rows.iter().map(|&row| matrix.labels()[row]).collect();
                let importance = forest::importance(
                    &considered,
                    &labels,
                    selection.trees,
                    random::seed(seed, Purpose::Importance, 0),
                )?;
                let mut ranked: Vec<_> = kept
                    .into_iter()
                    .zip(importance.into_iter().map(Some))
                    .collect();
                // Stable, so that features of equal importance stay in column order.
                ranked.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(std::cmp::Ordering::Equal));
                dropped.ranked_low = ranked.len().saturating_sub(top_k);
                ranked.truncate(top_k);
                ranked
            }
        };
        let selected = ranked
            .drain(..)
            .map(|(candidate, importance)| {
                let (name, median) = candidates[candidate];
                let (mean, scale) = moments(&columns[candidate]);
                Selected {
                    feature: name.clone(),
                    importance,
                    median,
                    mean,
                    scale,
                }
            })
            .collect();
        Ok(Self { selected, dropped })
    }

    /// The selected features of some rows, imputed and scaled as the training rows were.
    ///
    /// # Shapes
    /// Returns `[selected][rows]`.
    pub(crate) fn apply(
        &self,
        matrix: &FeatureMatrix,
        rows: &[usize],
    ) -> Result<Vec<Vec<f64>>, LearningError> {
        self.selected
            .iter()
            .map(|s| {
                let mut column = gather(matrix.column(matrix.find(&s.feature)?), rows);
                impute(&mut column, s.median);
                for value in &mut column {
                    *value = (*value - s.mean) / s.scale;
                }
                Ok(column)
            })
            .collect()
    }
}

fn gather(column: &[f64], rows: &[usize]) -> Vec<f64> {
    rows.iter().map(|&row| column[row]).collect()
}

/// Median of the values that are present; the mean of the middle two for an even number.
pub(crate) fn median(column: &[f64]) -> Option<f64> {
    let mut present: Vec<f64> = column.iter().copied().filter(|v| !v.is_nan()).collect();
    present.sort_by(f64::total_cmp);
    crate::bootstrap::quantile(&present, 0.5)
}

pub(crate) fn impute(column: &mut [f64], value: f64) {
    for v in column.iter_mut().filter(|v| v.is_nan()) {
        *v = value;
    }
}

/// Mean and standard deviation (population); the latter 1 where the column is constant.
fn moments(column: &[f64]) -> (f64, f64) {
    let n = column.len() as f64;
    let mean = column.iter().map(|v| v / n).sum::<f64>();
    let largest = column.iter().map(|v| (v - mean).abs()).fold(0.0, f64::max);
    if !(largest > 0.0 && largest.is_finite()) {
        return (mean, 1.0);
    }
    let squares = column
        .iter()
        .map(|v| ((v - mean) / largest).powi(2))
        .sum::<f64>();
    (mean, largest * (squares / n).sqrt())
}
