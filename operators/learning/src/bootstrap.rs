//! Confidence intervals of the AUC by resampling patients.

use rayon::prelude::*;
use serde::Serialize;

use crate::{
    folds::strata,
    matrix::FeatureMatrix,
    metrics::Ranking,
    options::Options,
    random::{Purpose, below, stream},
};

/// A percentile interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// A value with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// On the cases as they are.
    pub value: f64,
    /// Over the bootstrap replicates; `None` where none were asked for.
    pub interval: Option<Interval>,
}

/// How often each row occurs in each replicate.
///
/// Patients are drawn with replacement within their stratum (negative, positive, both), so a
/// replicate always has both classes, and rows of one patient come and go together. The same
/// replicates serve every score, which makes differences paired.
#[derive(Debug, Clone)]
pub struct Replicates {
    /// `[replicates][rows]`
    times: Vec<Vec<u32>>,
    confidence: f64,
}

impl Replicates {
    /// Draw `options.bootstrap_replicates` replicates of a table's rows; its features are not
    /// read.
    #[must_use]
    pub fn new(matrix: &FeatureMatrix, options: &Options) -> Self {
        let strata = strata(matrix.patients(), matrix.labels());
        let times = (0..options.bootstrap_replicates)
            .into_par_iter()
            .map(|replicate| {
                let mut rng = stream(options.seed, Purpose::Bootstrap, replicate as u64);
                let mut drawn = vec![0u32; matrix.patient_count()];
                for stratum in &strata {
                    for _ in stratum {
                        drawn[stratum[below(&mut rng, stratum.len())]] += 1;
                    }
                }
                matrix.patients().iter().map(|&p| drawn[p]).collect()
            })
            .collect();
        Self {
            times,
            confidence: options.confidence,
        }
    }

    /// The AUC of `scores` with its interval; `None` unless both classes are present.
    ///
    /// # Shapes
    /// `scores`, `labels`: one a row of the table that the replicates were drawn for.
    #[must_use]
    pub fn auc(&self, scores: &[f64], labels: &[bool]) -> Option<Estimate> {
        let ranking = Ranking::new(scores, labels);
        let value = ranking.auc(&vec![1; labels.len()])?;
        Some(Estimate {
            value,
            interval: self.interval(|times| ranking.auc(times)),
        })
    }

    /// How much higher the AUC of `scores` is than that of `others`, on the same replicates.
    ///
    /// # Shapes
    /// `scores`, `others`, `labels`: one a row of the table that the replicates were drawn for.
    #[must_use]
    pub fn auc_gain(&self, scores: &[f64], others: &[f64], labels: &[bool]) -> Option<Estimate> {
        let (a, b) = (Ranking::new(scores, labels), Ranking::new(others, labels));
        let gain = |times: &[u32]| Some(a.auc(times)? - b.auc(times)?);
        Some(Estimate {
            value: gain(&vec![1; labels.len()])?,
            interval: self.interval(gain),
        })
    }

    fn interval(&self, statistic: impl Fn(&[u32]) -> Option<f64> + Sync) -> Option<Interval> {
        let mut values: Vec<f64> = self
            .times
            .par_iter()
            .filter_map(|times| statistic(times))
            .collect();
        values.sort_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        Some(Interval {
            low: quantile(&values, tail)?,
            high: quantile(&values, 1.0 - tail)?,
        })
    }
}

/// The `p`-quantile of sorted values, with linear interpolation.
pub(crate) fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = p * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    let part = at - below as f64;
    Some(sorted[below] * (1.0 - part) + sorted[above] * part)
}
