//! What a cross-validation promises: no leak, no patient on both sides, the same bits on any
//! number of threads, and an error with a fix for each kind of bad table.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use renalflow_learning::{
    Classifier, FeatureMatrix, GradientBoosting, LearningError, LogisticRegression,
    NearestNeighbours, Options, Pipeline, RandomForest, Report, RowId, Scheme, Selection,
    SupportVectors, cross_validate,
};

const VOLUME: &str = "original_shape_MeshVolume";

/// Nearly normal numbers: the sum of twelve uniform ones.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let uniform = |rng: &mut ChaCha8Rng| (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    (0..12).map(|_| uniform(rng)).sum::<f64>() - 6.0
}

fn row(case: usize, patient: usize) -> RowId {
    RowId {
        case_id: format!("case{case:03}"),
        patient_id: format!("patient{patient:03}"),
    }
}

/// Cases of one patient each, the first `positives` positive; the volume first, then noise, of
/// which the first `informative` columns are shifted by `shift` in positive cases.
fn study(
    cases: usize,
    positives: usize,
    features: usize,
    informative: usize,
    shift: f64,
) -> FeatureMatrix {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut values = Vec::new();
    for case in 0..cases {
        for feature in 0..features {
            let moved = case < positives && (1..=informative).contains(&feature);
            values.push(normal(&mut rng) + if moved { shift } else { 0.0 });
        }
    }
    let names = std::iter::once(VOLUME.to_owned())
        .chain((1..features).map(|j| format!("f{j}")))
        .collect();
    FeatureMatrix::new(
        names,
        (0..cases).map(|c| row(c, c)).collect(),
        &values,
        (0..cases).map(|c| c < positives).collect(),
    )
    .unwrap()
}

fn quick(classifier: Classifier) -> Options {
    Options {
        classifier,
        selection: Selection {
            trees: 50,
            top_k: Some(5),
            ..Selection::default()
        },
        bootstrap_replicates: 100,
        ..Options::default()
    }
}

fn logistic() -> Classifier {
    Classifier::LogisticRegression(LogisticRegression::default())
}

fn all_classifiers() -> Vec<Classifier> {
    vec![
        Classifier::RandomForest(RandomForest {
            trees: 30,
            ..RandomForest::default()
        }),
        logistic(),
        Classifier::Svm(SupportVectors::default()),
        Classifier::Knn(NearestNeighbours::default()),
        Classifier::NaiveBayes,
        Classifier::GradientBoosting(GradientBoosting::default()),
    ]
}

/// 40 patients, 1000 features of pure noise. Selected inside the folds they predict nothing;
/// selected on all patients first, the same classifier in the same folds looks excellent.
#[test]
fn selection_outside_the_folds_would_leak() {
    let noise = study(40, 20, 1000, 0, 0.0);
    let mut options = quick(logistic());
    options.selection.trees = 500;
    options.selection.top_k = Some(10);
    options.scheme = Scheme::RepeatedStratifiedKFold {
        folds: 5,
        repeats: 2,
    };
    options.volume_is_feature = false;
    let honest = cross_validate(&noise, &options).unwrap();

    let seen_all = Pipeline::fit(&noise, &options).unwrap();
    let mut chosen: Vec<&str> = seen_all
        .selected()
        .iter()
        .map(|s| s.feature.as_str())
        .collect();
    chosen.push(VOLUME);
    options.selection = Selection::none();
    let leaky = cross_validate(&noise.with_features(&chosen).unwrap(), &options).unwrap();

    let [honest, leaky] = [honest, leaky].map(|v| v.classifier.pooled.auc.unwrap());
    println!("noise: AUC {honest:.3} selected inside the folds, {leaky:.3} selected before");
    assert!((0.3..0.65).contains(&honest), "{honest}");
    assert!(leaky > 0.8, "{leaky}");
}

#[test]
fn every_classifier_finds_a_strong_signal() {
    let table = study(60, 25, 20, 3, 2.0);
    for classifier in all_classifiers() {
        let name = classifier.to_string();
        assert_eq!(name.parse::<Classifier>().unwrap().to_string(), name);
        let validation = cross_validate(&table, &quick(classifier)).unwrap();
        let auc = validation.classifier.auc.unwrap();
        let interval = auc.interval.unwrap();
        println!(
            "{name}: AUC {:.3} [{:.3}, {:.3}]",
            auc.value, interval.low, interval.high
        );
        assert!(auc.value > 0.9, "{name}: {}", auc.value);
        assert!(interval.low <= auc.value && auc.value <= interval.high);
        let best = &validation.stability[0];
        assert!(
            ["f1", "f2", "f3"].contains(&best.feature.as_str()),
            "{best:?}"
        );
        assert_eq!(best.frequency, 1.0);
        let gain = validation.baselines.auc_gain_over_raw_volume.unwrap();
        assert!(gain.interval.unwrap().low > 0.0, "{gain:?}");
    }
}

#[test]
fn baselines_are_what_they_say() {
    let mut table = study(50, 30, 6, 0, 0.0);
    let validation = cross_validate(&table, &quick(logistic())).unwrap();
    let majority = &validation.baselines.majority;
    assert_eq!(majority.pooled.accuracy, Some(0.6));
    assert_eq!(majority.pooled.sensitivity, Some(1.0));
    assert_eq!(majority.pooled.balanced_accuracy, Some(0.5));
    assert_eq!(majority.pooled.auc, Some(0.5));
    assert!((majority.pooled.brier.unwrap() - 0.24).abs() < 1e-12);

    // A volume that tells the classes apart, with one value missing.
    let values: Vec<f64> = (0..50)
        .flat_map(|c| {
            [
                if c == 7 { f64::NAN } else { 50.0 - c as f64 },
                (c % 7) as f64,
            ]
        })
        .collect();
    table = FeatureMatrix::new(
        vec![VOLUME.into(), "other".into()],
        table.rows().to_vec(),
        &values,
        table.labels().to_vec(),
    )
    .unwrap();
    let baselines = cross_validate(&table, &quick(logistic()))
        .unwrap()
        .baselines;
    assert!(baselines.raw_volume_auc.unwrap().value > 0.99);
    assert!(baselines.volume.pooled.auc.unwrap() > 0.97);

    // Nothing but holes: the baseline falls back to the balance of the training set.
    let values: Vec<f64> = (0..50).flat_map(|c| [f64::NAN, (c % 7) as f64]).collect();
    table = FeatureMatrix::new(
        vec![VOLUME.into(), "other".into()],
        table.rows().to_vec(),
        &values,
        table.labels().to_vec(),
    )
    .unwrap();
    let validation = cross_validate(&table, &quick(logistic())).unwrap();
    assert_eq!(validation.all_missing, [VOLUME]);
    assert_eq!(validation.folds[0].dropped.all_missing, 1);
    assert_eq!(validation.baselines.raw_volume_auc.unwrap().value, 0.5);
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let table = study(30, 12, 25, 3, 0.8);
    for classifier in all_classifiers() {
        let options = quick(classifier);
        let run = |threads| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap()
                .install(|| cross_validate(&table, &options).unwrap())
        };
        let one = run(1);
        assert_eq!(one, run(4));
        let mut other = options.clone();
        other.seed += 1;
        assert_ne!(one, cross_validate(&table, &other).unwrap());
    }
}

#[test]
fn patients_with_several_cases_stay_together() {
    let single = study(48, 20, 8, 2, 1.0);
    // Three cases a patient; one patient has both classes.
    let rows: Vec<RowId> = (0..48).map(|c| row(c, c / 3)).collect();
    let values: Vec<f64> = (0..48)
        .flat_map(|c| (0..8).map(move |j| (c, j)))
        .map(|(c, j)| single.column(j)[c])
        .collect();
    let table = FeatureMatrix::new(
        single.names().to_vec(),
        rows,
        &values,
        single.labels().to_vec(),
    )
    .unwrap();
    for scheme in [
        Scheme::LeaveOnePatientOut,
        Scheme::RepeatedStratifiedKFold {
            folds: 4,
            repeats: 3,
        },
    ] {
        let lopo = scheme == Scheme::LeaveOnePatientOut;
        let mut options = quick(Classifier::Svm(SupportVectors::default()));
        options.scheme = scheme;
        let validation = cross_validate(&table, &options).unwrap();
        for folds in &validation.fold_of_case {
            let mut fold_of_patient = BTreeMap::new();
            for (case, fold) in validation.cases.iter().zip(folds) {
                assert_eq!(
                    fold_of_patient.entry(&case.patient_id).or_insert(fold),
                    &fold
                );
            }
            if !lopo {
                // 6 patients with positives only, 9 with negatives only, 1 with both.
                for fold in 0..4 {
                    let positive = (0..18).step_by(3).filter(|&c| folds[c] == fold).count();
                    assert!((1..=2).contains(&positive), "{folds:?}");
                }
            }
        }
        assert_eq!(validation.folds.len(), if lopo { 16 } else { 12 });
        let report = Report::new(&validation, &options, "malignant");
        assert_eq!(
            (
                report.patients.positive,
                report.patients.negative,
                report.patients.both
            ),
            (6, 9, 1)
        );
    }
}

#[test]
fn supplied_folds_are_used_as_they_are() {
    let table = study(20, 10, 5, 2, 1.0);
    let fold = |case: usize| if case % 10 < 5 { 30 } else { 7 };
    let mut fold_of_patient: BTreeMap<String, usize> = (0..20)
        .map(|c| (format!("patient{c:03}"), fold(c)))
        .collect();
    fold_of_patient.insert("who failed earlier".into(), 99);
    let mut options = quick(logistic());
    options.scheme = Scheme::Supplied {
        fold_of_patient: fold_of_patient.clone(),
    };
    let validation = cross_validate(&table, &options).unwrap();
    let expected: Vec<usize> = (0..20).map(|c| usize::from(fold(c) == 30)).collect();
    assert_eq!(validation.fold_of_case, [expected]);

    fold_of_patient.remove("patient003");
    options.scheme = Scheme::Supplied {
        fold_of_patient: fold_of_patient.clone(),
    };
    let error = cross_validate(&table, &options).unwrap_err();
    assert_eq!(error, LearningError::NotInSplit(vec!["patient003".into()]));

    let by_class = (0..20).map(|c| (format!("patient{c:03}"), usize::from(c < 10)));
    options.scheme = Scheme::Supplied {
        fold_of_patient: by_class.collect(),
    };
    let error = cross_validate(&table, &options).unwrap_err();
    assert!(
        matches!(error, LearningError::OneClassWithoutFold { .. }),
        "{error}"
    );
}

#[test]
fn bad_tables_and_settings_are_refused_with_a_fix() {
    let table = study(12, 4, 5, 1, 1.0);
    let names = || vec!["a".to_owned(), "b".to_owned()];
    let new = |names, rows, values: &[f64], labels| {
        FeatureMatrix::new(names, rows, values, labels)
            .unwrap_err()
            .to_string()
    };
    let two = || vec![row(0, 0), row(1, 1)];
    let labels = || vec![true, false];
    for (message, parts) in [
        (new(names(), vec![], &[], vec![]), ["0 cases", "2 features"]),
        (
            new(names(), two(), &[1.0; 3], labels()),
            ["3 given", "4 expected"],
        ),
        (
            new(names(), vec![row(5, 0), row(5, 1)], &[1.0; 4], labels()),
            ["case005", "twice"],
        ),
        (
            new(vec!["a".into(), "a".into()], two(), &[1.0; 4], labels()),
            ["feature a", "two columns"],
        ),
        (
            new(
                names(),
                two(),
                &[1.0, 2.0, 3.0, f64::NEG_INFINITY],
                labels(),
            ),
            ["case001: b is -inf", "NaN"],
        ),
    ] {
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }

    let refused = |change: &dyn Fn(&mut Options)| {
        let mut options = quick(logistic());
        options.scheme = Scheme::RepeatedStratifiedKFold {
            folds: 3,
            repeats: 1,
        };
        change(&mut options);
        cross_validate(&table, &options).unwrap_err().to_string()
    };
    for (message, parts) in [
        (
            refused(&|o| o.volume_feature = "original_shape_VoxelVolume".into()),
            [
                "original_shape_VoxelVolume",
                "near: original_shape_MeshVolume",
            ],
        ),
        (
            refused(&|o| {
                o.scheme = Scheme::RepeatedStratifiedKFold {
                    folds: 5,
                    repeats: 1,
                };
            }),
            ["4 patients with a positive case for 5 folds", "at most 4"],
        ),
        (
            refused(&|o| {
                o.scheme = Scheme::RepeatedStratifiedKFold {
                    folds: 1,
                    repeats: 1,
                };
            }),
            ["scheme", "at least 2 folds"],
        ),
        (
            refused(&|o| o.threshold = 1.5),
            ["threshold is 1.5", "below 1"],
        ),
        (
            refused(&|o| o.confidence = f64::NAN),
            ["confidence is NaN", "below 1"],
        ),
        (
            refused(&|o| o.selection.top_k = Some(0)),
            ["selection.top_k", "at least 1"],
        ),
        (
            refused(&|o| o.selection.max_correlation = 0.0),
            ["max_correlation", "at most 1"],
        ),
        (
            refused(&|o| o.selection.min_scaled_variance = 0.249_999),
            ["no feature is left of 5", "5 hardly vary"],
        ),
        (
            refused(&|o| {
                o.classifier = Classifier::LogisticRegression(LogisticRegression { penalty: 0.0 });
            }),
            ["classifier.penalty is 0", "from 1e-6"],
        ),
        (
            "forest".parse::<Classifier>().unwrap_err().to_string(),
            ["classifier is forest", "random-forest"],
        ),
    ] {
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }

    let one_class = FeatureMatrix::new(
        table.names().to_vec(),
        table.rows().to_vec(),
        &[1.0; 60],
        vec![true; 12],
    )
    .unwrap();
    let error = cross_validate(&one_class, &quick(logistic())).unwrap_err();
    assert!(
        error.to_string().contains("12 positive and 0 negative"),
        "{error}"
    );
    let lone = study(12, 1, 5, 1, 1.0);
    let mut options = quick(logistic());
    options.scheme = Scheme::LeaveOnePatientOut;
    let error = cross_validate(&lone, &options).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("1 patients with a positive case"),
        "{error}"
    );
}

#[test]
fn options_and_report_pass_through_json() {
    let options: Options = serde_json::from_str(
        r#"{"classifier": {"kind": "svm", "cost": 10.0, "kernel": {"kind": "linear"}},
            "selection": {"top_k": null},
            "scheme": {"kind": "repeated-stratified-k-fold", "folds": 3, "repeats": 2}}"#,
    )
    .unwrap();
    let again: Options = serde_json::from_value(serde_json::to_value(&options).unwrap()).unwrap();
    assert_eq!(options, again);
    for misspelt in [
        r#"{"treshold": 0.5}"#,
        r#"{"classifier": {"kind": "svm", "costs": 1}}"#,
        r#"{"classifier": {"kind": "svn"}}"#,
        r#"{"selection": {"topk": 3}}"#,
    ] {
        assert!(
            serde_json::from_str::<Options>(misspelt).is_err(),
            "{misspelt}"
        );
    }
    let validation = cross_validate(&study(24, 10, 6, 2, 1.5), &options).unwrap();
    let report = serde_json::to_value(Report::new(&validation, &options, "malignant")).unwrap();
    assert_eq!(report["positive_class"], "malignant");
    assert_eq!(report["cases"]["positive"], 10);
    assert_eq!(report["folds"], serde_json::json!([3, 3]));
    assert_eq!(report["options"]["threshold"], 0.5);
    assert!(report["classifier"]["auc"]["interval"]["low"].is_f64());
    assert_eq!(report["baseline_majority"]["pooled"]["auc"], 0.5);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the numbers (constant, repeated, collinear, separating, huge, missing), the
    /// answer is an error or probabilities, never a panic.
    #[test]
    fn any_table_gets_an_answer(
        cells in proptest::collection::vec(
            prop_oneof![
                4 => -3i32..4,
                1 => Just(i32::MAX),
            ],
            14 * 4,
        ),
        scale in prop_oneof![Just(1.0), Just(1e-90), Just(1e90), Just(0.0)],
        which in 0usize..6,
        lopo in any::<bool>(),
    ) {
        let values: Vec<f64> = cells
            .iter()
            .map(|&c| if c == i32::MAX { f64::NAN } else { f64::from(c) * scale })
            .collect();
        let table = FeatureMatrix::new(
            vec![VOLUME.into(), "a".into(), "b".into(), "c".into()],
            (0..14).map(|c| row(c, c)).collect(),
            &values,
            (0..14).map(|c| c % 3 == 0).collect(),
        ).unwrap();
        let mut options = quick(all_classifiers().swap_remove(which));
        options.selection.trees = 5;
        options.bootstrap_replicates = 10;
        options.scheme = if lopo {
            Scheme::LeaveOnePatientOut
        } else {
            Scheme::RepeatedStratifiedKFold { folds: 3, repeats: 1 }
        };
        if let Classifier::LogisticRegression(o) = &mut options.classifier {
            o.penalty = 1e-6;
        }
        match cross_validate(&table, &options) {
            Ok(v) => prop_assert!(
                v.classifier.pooled_probabilities.iter().all(|p| (0.0..=1.0).contains(p))
            ),
            Err(e) => prop_assert!(matches!(e, LearningError::NoFeatures { .. }), "{}", e),
        }
    }
}
