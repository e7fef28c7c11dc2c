//! How good probabilities and decisions are, with a stated answer where a class is absent.

use serde::Serialize;

/// Counts of decisions against labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Confusion {
    /// Positive cases called positive.
    pub true_positive: usize,
    /// Negative cases called positive.
    pub false_positive: usize,
    /// Negative cases called negative.
    pub true_negative: usize,
    /// Positive cases called negative.
    pub false_negative: usize,
}

/// Measures of one set of probabilities; `None` where the measure is not defined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// Number of cases.
    pub cases: usize,
    /// Probability from which a case is called positive.
    pub threshold: f64,
    /// Decisions at the threshold.
    pub confusion: Confusion,
    /// Area under the ROC curve; `None` unless both classes are present.
    pub auc: Option<f64>,
    /// Fraction of decisions that are right; `None` without cases.
    pub accuracy: Option<f64>,
    /// Mean of sensitivity and specificity; `None` unless both classes are present.
    pub balanced_accuracy: Option<f64>,
    /// TP / (TP + FN); `None` without positive cases.
    pub sensitivity: Option<f64>,
    /// TN / (TN + FP); `None` without negative cases.
    pub specificity: Option<f64>,
    /// 2 TP / (2 TP + FP + FN); `None` without positive cases.
    pub f1: Option<f64>,
    /// Mean squared difference of probability and label (Brier, Mon Weather Rev 1950;78:1);
    /// `None` without cases.
    pub brier: Option<f64>,
}

impl Metrics {
    /// Compare probabilities of the positive class with labels.
    ///
    /// # Shapes
    /// `probabilities`, `labels`: one a case; the shorter counts.
    #[must_use]
    pub fn new(probabilities: &[f64], labels: &[bool], threshold: f64) -> Self {
        let mut confusion = Confusion::default();
        let mut squares = 0.0;
        for (&probability, &label) in probabilities.iter().zip(labels) {
            *match (label, probability >= threshold) {
                (true, true) => &mut confusion.true_positive,
                (true, false) => &mut confusion.false_negative,
                (false, true) => &mut confusion.false_positive,
                (false, false) => &mut confusion.true_negative,
            } += 1;
            squares += (probability - f64::from(u8::from(label))).powi(2);
        }
        let Confusion {
            true_positive,
            false_positive,
            true_negative,
            false_negative,
        } = confusion;
        let positives = true_positive + false_negative;
        let negatives = true_negative + false_positive;
        let cases = positives + negatives;
        let sensitivity = ratio(true_positive, positives);
        let specificity = ratio(true_negative, negatives);
        Self {
            cases,
            threshold,
            confusion,
            auc: auc(probabilities, labels),
            accuracy: ratio(true_positive + true_negative, cases),
            balanced_accuracy: sensitivity.zip(specificity).map(|(a, b)| (a + b) / 2.0),
            sensitivity,
            specificity,
            f1: ratio(
                2 * true_positive,
                true_positive + false_positive + positives,
            )
            .filter(|_| positives > 0),
            brier: (cases > 0).then(|| squares / cases as f64),
        }
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Area under the ROC curve: the chance that a positive case scores above a negative one, ties
/// counting half (Hanley and McNeil, Radiology 1982;143:29). `None` unless both classes are
/// present.
///
/// # Shapes
/// `scores`, `labels`: one a case.
#[must_use]
pub fn auc(scores: &[f64], labels: &[bool]) -> Option<f64> {
    Ranking::new(scores, labels).auc(&vec![1; scores.len().min(labels.len())])
}

/// Cases in the order of their scores, so that the AUC of a resample costs one pass.
pub(crate) struct Ranking {
    /// Groups of cases with equal scores, lowest first: (case, label).
    groups: Vec<Vec<(usize, bool)>>,
}

impl Ranking {
    pub(crate) fn new(scores: &[f64], labels: &[bool]) -> Self {
        let mut order: Vec<(f64, usize, bool)> = scores
            .iter()
            .zip(labels)
            .enumerate()
            .map(|(case, (&score, &label))| (score, case, label))
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let groups = order
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| {
                group
                    .iter()
                    .map(|&(_, case, label)| (case, label))
                    .collect()
            })
            .collect();
        Self { groups }
    }

    /// The AUC when case `i` counts `times[i]` times.
    pub(crate) fn auc(&self, times: &[u32]) -> Option<f64> {
        // Whole numbers, so that the sum is exact: twice the number of pairs in order.
        let (mut positives, mut negatives, mut twice) = (0u64, 0u64, 0u64);
        for group in &self.groups {
            let (mut here_positive, mut here_negative) = (0u64, 0u64);
            for &(case, label) in group {
                *(if label {
                    &mut here_positive
                } else {
                    &mut here_negative
                }) += u64::from(times[case]);
            }
            twice += here_positive * (2 * negatives + here_negative);
            positives += here_positive;
            negatives += here_negative;
        }
        let pairs = positives * negatives;
        (pairs > 0).then(|| twice as f64 / (2 * pairs) as f64)
    }
}
