//! Measures on small cases worked by hand, and their stated answers where a class is absent.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use renalflow_learning::{Confusion, Metrics, auc};

#[test]
fn a_case_worked_by_hand() {
    let probabilities = [0.9, 0.6, 0.4, 0.5, 0.2, 0.1];
    let labels = [true, true, true, false, false, false];
    let m = Metrics::new(&probabilities, &labels, 0.5);
    assert_eq!(
        m.confusion,
        Confusion {
            true_positive: 2,
            false_positive: 1,
            true_negative: 2,
            false_negative: 1,
        }
    );
    let third = 1.0 / 3.0;
    for (measure, expected) in [
        (m.auc, 8.0 / 9.0),
        (m.accuracy, 2.0 * third),
        (m.balanced_accuracy, 2.0 * third),
        (m.sensitivity, 2.0 * third),
        (m.specificity, 2.0 * third),
        (m.f1, 2.0 * third),
        (m.brier, (0.01 + 0.16 + 0.36 + 0.25 + 0.04 + 0.01) / 6.0),
    ] {
        assert!((measure.unwrap() - expected).abs() < 1e-12);
    }
}

#[test]
fn an_absent_class_leaves_measures_undefined() {
    let m = Metrics::new(&[0.9, 0.1], &[false, false], 0.5);
    assert_eq!(
        (m.auc, m.sensitivity, m.balanced_accuracy, m.f1),
        (None, None, None, None)
    );
    assert_eq!((m.accuracy, m.specificity), (Some(0.5), Some(0.5)));
    let m = Metrics::new(&[0.9, 0.1], &[true, true], 0.5);
    assert_eq!(
        (m.auc, m.specificity, m.balanced_accuracy),
        (None, None, None)
    );
    assert_eq!((m.sensitivity, m.f1), (Some(0.5), Some(2.0 / 3.0)));
    let m = Metrics::new(&[], &[], 0.5);
    assert_eq!((m.cases, m.accuracy, m.brier, m.auc), (0, None, None, None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The AUC is the share of pairs in order, ties counting half.
    #[test]
    fn auc_counts_pairs(cases in proptest::collection::vec((0u8..8, any::<bool>()), 1..40)) {
        let scores: Vec<f64> = cases.iter().map(|c| f64::from(c.0) / 8.0).collect();
        let labels: Vec<bool> = cases.iter().map(|c| c.1).collect();
        let (mut pairs, mut in_order) = (0.0, 0.0);
        for (s, &l) in scores.iter().zip(&labels) {
            for (t, &m) in scores.iter().zip(&labels) {
                if l && !m {
                    pairs += 1.0;
                    in_order += if s > t { 1.0 } else if s == t { 0.5 } else { 0.0 };
                }
            }
        }
        match auc(&scores, &labels) {
            Some(value) => prop_assert!((value - in_order / pairs).abs() < 1e-12),
            None => prop_assert_eq!(pairs, 0.0),
        }
    }
}
