//! Confidence intervals, and tests of differences, by resampling patients.

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

/// A difference between two variants on the same cases, with its interval and its test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// On the cases as they are.
    pub value: f64,
    /// Over the bootstrap replicates; `None` where none were asked for.
    pub interval: Option<Interval>,
    /// Two-sided p of no difference, by inverting the percentile interval: with `B` replicates,
    /// of which `m` lie at 0 or on the rarer side of it, `min(1, 2 (m + 1) / (B + 1))` (Davison
    /// and Hinkley, Bootstrap Methods and their Application, 1997, sections 4.2 and 5.5). With
    /// 95 % of coverage the interval leaves 0 out where p is below 0.05. `None` without
    /// replicates.
    pub p: Option<f64>,
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
    rows: usize,
    confidence: f64,
}

impl Replicates {
    /// Draw `options.bootstrap_replicates` replicates of a table's rows; its features are not
    /// read.
    #[must_use]
    pub fn new(matrix: &FeatureMatrix, options: &Options) -> Self {
        Self {
            times: draw(
                matrix.patients(),
                matrix.patient_count(),
                &strata(matrix.patients(), matrix.labels()),
                options.bootstrap_replicates,
                options.seed,
            ),
            rows: matrix.rows().len(),
            confidence: options.confidence,
        }
    }

    /// Draw replicates of rows that are not a table of features. Rows without classes are all
    /// of one: give `false` for each.
    ///
    /// # Shapes
    /// `patients`, `labels`: one a row; rows of the same patient come and go together.
    #[must_use]
    pub fn of_patients(
        patients: &[&str],
        labels: &[bool],
        replicates: usize,
        confidence: f64,
        seed: u64,
    ) -> Self {
        let mut names = patients.to_vec();
        names.sort_unstable();
        names.dedup();
        let patients: Vec<usize> = patients
            .iter()
            .map(|name| names.partition_point(|other| other < name))
            .collect();
        let strata = strata(&patients, labels);
        Self {
            times: draw(&patients, names.len(), &strata, replicates, seed),
            rows: patients.len(),
            confidence,
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

    /// How much higher the mean of `values` is than that of `others`, over the rows where both
    /// are finite; `None` without such a row.
    ///
    /// # Shapes
    /// `values`, `others`: one a row that the replicates were drawn for; NaN is not defined.
    #[must_use]
    pub fn mean_difference(&self, values: &[f64], others: &[f64]) -> Option<Difference> {
        let pairs: Vec<(usize, f64)> = values
            .iter()
            .zip(others)
            .map(|(value, other)| value - other)
            .enumerate()
            .filter(|(_, difference)| difference.is_finite())
            .collect();
        self.difference(|times| {
            let (mut sum, mut count) = (0.0, 0u64);
            for &(row, difference) in &pairs {
                sum += f64::from(times[row]) * difference;
                count += u64::from(times[row]);
            }
            (count > 0).then(|| sum / count as f64)
        })
    }

    /// How much higher the AUC of `scores` is than that of `others`, each the mean over several
    /// sets of scores of the same rows (seeds); `None` unless both classes are present.
    ///
    /// # Shapes
    /// `scores`, `others`: `[sets][rows]`; `labels`: one a row that the replicates were drawn for.
    #[must_use]
    pub fn mean_auc_difference(
        &self,
        scores: &[Vec<f64>],
        others: &[Vec<f64>],
        labels: &[bool],
    ) -> Option<Difference> {
        let rank = |sets: &[Vec<f64>]| -> Vec<Ranking> {
            sets.iter()
                .map(|scores| Ranking::new(scores, labels))
                .collect()
        };
        let mean = |rankings: &[Ranking], times: &[u32]| {
            let aucs: Option<Vec<f64>> =
                rankings.iter().map(|ranking| ranking.auc(times)).collect();
            aucs.filter(|aucs| !aucs.is_empty())
                .map(|aucs| aucs.iter().sum::<f64>() / aucs.len() as f64)
        };
        let (a, b) = (rank(scores), rank(others));
        self.difference(|times| Some(mean(&a, times)? - mean(&b, times)?))
    }

    /// Any difference, with its interval and its test: `statistic` gives it for a sample in
    /// which row `i` occurs `times[i]` times, or `None` where it is not defined.
    #[must_use]
    pub fn difference(
        &self,
        statistic: impl Fn(&[u32]) -> Option<f64> + Sync,
    ) -> Option<Difference> {
        let value = statistic(&vec![1; self.rows])?;
        let values = self.distribution(statistic);
        Some(Difference {
            value,
            interval: self.percentiles(&values),
            p: p_of_none(&values),
        })
    }

    fn interval(&self, statistic: impl Fn(&[u32]) -> Option<f64> + Sync) -> Option<Interval> {
        self.percentiles(&self.distribution(statistic))
    }

    /// A statistic over the replicates for which it is defined, lowest first.
    fn distribution(&self, statistic: impl Fn(&[u32]) -> Option<f64> + Sync) -> Vec<f64> {
        let mut values: Vec<f64> = self
            .times
            .par_iter()
            .filter_map(|times| statistic(times))
            .collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn percentiles(&self, sorted: &[f64]) -> Option<Interval> {
        let tail = (1.0 - self.confidence) / 2.0;
        Some(Interval {
            low: quantile(sorted, tail)?,
            high: quantile(sorted, 1.0 - tail)?,
        })
    }
}

/// Draw patients with replacement, stratum by stratum.
///
/// # Shapes
/// Returns `[replicates][rows]`: how often each row occurs.
fn draw(
    patients: &[usize],
    patient_count: usize,
    strata: &[Vec<usize>],
    replicates: usize,
    seed: u64,
) -> Vec<Vec<u32>> {
    (0..replicates)
        .into_par_iter()
        .map(|replicate| {
            let mut rng = stream(seed, Purpose::Bootstrap, replicate as u64);
            let mut drawn = vec![0u32; patient_count];
            for stratum in strata {
                for _ in stratum {
                    drawn[stratum[below(&mut rng, stratum.len())]] += 1;
                }
            }
            patients.iter().map(|&patient| drawn[patient]).collect()
        })
        .collect()
}

/// Two-sided p that the sorted values leave for 0.
fn p_of_none(sorted: &[f64]) -> Option<f64> {
    if sorted.is_empty() {
        return None;
    }
    let at_most = sorted.iter().filter(|&&value| value <= 0.0).count();
    let at_least = sorted.iter().filter(|&&value| value >= 0.0).count();
    let rarer = at_most.min(at_least);
    Some((2.0 * (rarer + 1) as f64 / (sorted.len() + 1) as f64).min(1.0))
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
