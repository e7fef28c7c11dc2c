//! Every classifier, the chain of imputation and scaling, and the measures, against
//! scikit-learn (`tests/golden/make_sklearn.py`; versions are in the file it wrote).
//!
//! Deterministic methods are compared case by case. Forests draw at random, so theirs are
//! compared with the mean over several seeds of the reference, within a band stated at each
//! test.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use renalflow_learning::{
    Classifier, FeatureMatrix, GradientBoosting, LogisticRegression, NearestNeighbours, Options,
    Pipeline, RandomForest, RowId, Scheme, Selection, SupportVectors, auc, cross_validate,
};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/sklearn.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|v| v.as_f64().unwrap()).collect()
}

fn table(
    golden: &Value,
    rows: std::ops::Range<usize>,
    missing: &[(usize, usize)],
) -> FeatureMatrix {
    let features = golden["features"].as_u64().unwrap() as usize;
    let mut x = numbers(&golden["x"]);
    for (row, column) in missing {
        x[row * features + column] = f64::NAN;
    }
    let y = numbers(&golden["y"]);
    FeatureMatrix::new(
        (0..features).map(|j| format!("x{j}")).collect(),
        rows.clone()
            .map(|row| RowId {
                case_id: format!("case{row:03}"),
                patient_id: format!("patient{row:03}"),
            })
            .collect(),
        &x[rows.start * features..rows.end * features],
        y[rows].iter().map(|&v| v > 0.5).collect(),
    )
    .unwrap()
}

fn options(classifier: Classifier) -> Options {
    Options {
        classifier,
        selection: Selection::none(),
        volume_feature: "x1".into(),
        bootstrap_replicates: 200,
        ..Options::default()
    }
}

fn supplied(golden: &Value) -> Scheme {
    Scheme::Supplied {
        fold_of_patient: numbers(&golden["fold"])
            .iter()
            .enumerate()
            .map(|(row, &fold)| (format!("patient{row:03}"), fold as usize))
            .collect(),
    }
}

/// Largest difference of held-out probabilities from the reference.
fn difference(classifier: Classifier, name: &str) -> f64 {
    let golden = golden();
    let train_rows = golden["train_rows"].as_u64().unwrap() as usize;
    let rows = golden["y"].as_array().unwrap().len();
    let pipeline = Pipeline::fit(&table(&golden, 0..train_rows, &[]), &options(classifier));
    let ours = pipeline
        .unwrap()
        .predict(&table(&golden, train_rows..rows, &[]))
        .unwrap();
    let expected = numbers(&golden[name]);
    assert_eq!(ours.len(), expected.len());
    let worst = ours
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    println!("{name}: {worst:.1e}");
    worst
}

#[test]
fn logistic_regression() {
    for (penalty, name) in [(1.0, "logistic_c1"), (0.01, "logistic_c100")] {
        let classifier = Classifier::LogisticRegression(LogisticRegression { penalty });
        assert!(difference(classifier, name) < 1e-6);
    }
}

#[test]
fn nearest_neighbours() {
    let classifier = Classifier::Knn(NearestNeighbours { neighbours: 5 });
    assert!(difference(classifier, "knn_5") < 1e-9);
}

#[test]
fn naive_bayes() {
    assert!(difference(Classifier::NaiveBayes, "gaussian_nb") < 1e-8);
}

/// The decision values agree to 1e-5 (a unit test); the calibration folds are not the same.
#[test]
fn support_vectors_calibrated() {
    let classifier = Classifier::Svm(SupportVectors::default());
    assert!(difference(classifier, "svm_rbf_calibrated") < 0.05);
}

/// Shallow trees with large leaves, because deep ones meet splits of exactly equal gain (with
/// labels for targets, any two that part the classes alike), and which of those is taken is a
/// matter of rounding on either side.
#[test]
fn boosting_on_trees_of_scikit_learn() {
    for (name, max_depth, min_samples_leaf) in
        [("logit_boost_stumps", 1, 5), ("logit_boost_depth_2", 2, 15)]
    {
        let classifier = Classifier::GradientBoosting(GradientBoosting {
            max_depth,
            min_samples_leaf,
            ..GradientBoosting::default()
        });
        assert!(difference(classifier, name) < 1e-8);
    }
}

/// Boosting by another rule for leaves and splits: AUC within 0.04 (120 cases; one standard
/// error of such an AUC is 0.035).
#[test]
fn boosting_beside_gradient_boosting_classifier() {
    let golden = golden();
    let mut options = options(Classifier::GradientBoosting(GradientBoosting::default()));
    options.scheme = supplied(&golden);
    let validation = cross_validate(&table(&golden, 0..120, &[]), &options).unwrap();
    let expected = golden["gradient_boosting"]["auc"].as_f64().unwrap();
    let ours = validation.classifier.pooled.auc.unwrap();
    println!("gradient boosting AUC {ours:.4}, scikit-learn {expected:.4}");
    assert!((ours - expected).abs() < 0.04, "{ours} {expected}");
}

/// Out-of-fold AUC within four standard deviations of the reference's seeds, and each case's
/// probability within 0.08 of their mean (500 trees: standard error about 0.02).
#[test]
fn forest_probabilities() {
    let golden = golden();
    let mut options = options(Classifier::RandomForest(RandomForest {
        trees: 500,
        ..RandomForest::default()
    }));
    options.scheme = supplied(&golden);
    let validation = cross_validate(&table(&golden, 0..120, &[]), &options).unwrap();
    let reference = &golden["forest"];
    let expected = reference["auc_mean"].as_f64().unwrap();
    let band = 4.0 * reference["auc_sd"].as_f64().unwrap();
    let ours = validation.classifier.pooled.auc.unwrap();
    let worst = validation
        .classifier
        .pooled_probabilities
        .iter()
        .zip(numbers(&reference["probability_mean"]))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    println!("forest AUC {ours:.4}, scikit-learn {expected:.4} ± {band:.4}; worst case {worst:.3}");
    assert!((ours - expected).abs() < band, "{ours} {expected} {band}");
    assert!(worst < 0.08, "{worst}");
}

/// Each share of the Gini decrease within 0.012 of the mean of the reference's seeds, and the
/// informative features ranked above the noise.
#[test]
fn forest_importance() {
    let golden = golden();
    let mut options = options(Classifier::NaiveBayes);
    options.selection.top_k = Some(8);
    options.selection.trees = 1000;
    let pipeline = Pipeline::fit(&table(&golden, 0..120, &[]), &options).unwrap();
    let expected = numbers(&golden["forest"]["importance_mean"]);
    for selected in pipeline.selected() {
        let feature: usize = selected.feature[1..].parse().unwrap();
        let (ours, expected) = (selected.importance.unwrap(), expected[feature]);
        println!("x{feature}: {ours:.4}, scikit-learn {expected:.4}");
        assert!((ours - expected).abs() < 0.012, "x{feature}");
    }
    let total: f64 = pipeline
        .selected()
        .iter()
        .filter_map(|s| s.importance)
        .sum();
    assert!((total - 1.0).abs() < 1e-12);
    let best: Vec<&str> = pipeline.selected()[..3]
        .iter()
        .map(|s| s.feature.as_str())
        .collect();
    let mut order: Vec<usize> = (0..8).collect();
    order.sort_by(|&a, &b| expected[b].total_cmp(&expected[a]));
    let reference: Vec<String> = order[..3].iter().map(|j| format!("x{j}")).collect();
    assert_eq!(best, reference);
}

#[test]
fn imputation_scaling_folds_and_measures() {
    let golden = golden();
    let reference = &golden["out_of_fold"];
    let missing: Vec<(usize, usize)> = reference["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| {
            let pair = numbers(pair);
            (pair[0] as usize, pair[1] as usize)
        })
        .collect();
    let mut options = options(Classifier::LogisticRegression(LogisticRegression::default()));
    options.scheme = supplied(&golden);
    let validation = cross_validate(&table(&golden, 0..120, &missing), &options).unwrap();
    let outcome = &validation.classifier;
    for (ours, expected) in outcome
        .pooled_probabilities
        .iter()
        .zip(numbers(&reference["probability"]))
    {
        assert!((ours - expected).abs() < 1e-6, "{ours} {expected}");
    }
    let m = &outcome.pooled;
    for (name, ours) in [
        ("auc", m.auc),
        ("brier", m.brier),
        ("accuracy", m.accuracy),
        ("balanced_accuracy", m.balanced_accuracy),
        ("sensitivity", m.sensitivity),
        ("specificity", m.specificity),
        ("f1", m.f1),
    ] {
        let difference = ours.unwrap() - reference[name].as_f64().unwrap();
        assert!(difference.abs() < 1e-6, "{name}: {difference:e}");
    }
    let table = table(&golden, 0..120, &[]);
    let tied = auc(table.column(7), table.labels()).unwrap();
    assert!((tied - golden["auc_with_ties"].as_f64().unwrap()).abs() < 1e-12);
}
