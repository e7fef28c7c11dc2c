//! Whole validations of the size that the studies have: 150 features, selection by a forest of
//! 200 trees in each fold, bootstrap intervals and baselines included.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use renalflow_learning::{Classifier, FeatureMatrix, Options, RowId, Scheme, cross_validate};

const FEATURES: usize = 150;

/// Noise with ten features that tell the classes apart a little.
fn study(cases: usize) -> FeatureMatrix {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let values: Vec<f64> = (0..cases * FEATURES)
        .map(|i| {
            let (case, feature) = (i / FEATURES, i % FEATURES);
            uniform()
                + uniform()
                + uniform()
                + if case % 3 == 0 && feature < 10 {
                    0.4
                } else {
                    0.0
                }
        })
        .collect();
    let id = |case: usize| RowId {
        case_id: format!("case{case}"),
        patient_id: format!("patient{case}"),
    };
    FeatureMatrix::new(
        (0..FEATURES).map(|j| format!("f{j}")).collect(),
        (0..cases).map(id).collect(),
        &values,
        (0..cases).map(|c| c % 3 == 0).collect(),
    )
    .unwrap()
}

fn validation(criterion: &mut Criterion) {
    let one_core = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("one core");
    group.sample_size(10).warm_up_time(Duration::from_millis(1));
    let five_by_five = Scheme::default();
    for (scheme, name, cases) in [
        (Scheme::LeaveOnePatientOut, "leave one of 20 out", 20),
        (five_by_five, "5 x 5 folds of 150", 150),
    ] {
        let table = study(cases);
        for classifier in [
            "random-forest",
            "logistic-regression",
            "svm",
            "knn",
            "naive-bayes",
            "gradient-boosting",
        ] {
            let options = Options {
                classifier: classifier.parse::<Classifier>().unwrap(),
                scheme: scheme.clone(),
                volume_feature: "f0".into(),
                ..Options::default()
            };
            group.bench_function(format!("{name}/{classifier}"), |bencher| {
                bencher.iter(|| one_core.install(|| cross_validate(&table, &options).unwrap()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, validation);
criterion_main!(benches);
