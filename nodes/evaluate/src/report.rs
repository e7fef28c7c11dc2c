//! The measures, as they stand in `metrics.json`.

use std::collections::{BTreeMap, BTreeSet};

use renalflow_learning::{
    Counts, Estimate, FeatureMatrix, Metrics, Options, Replicates, Score, Stability,
};
use renalflow_sdk::{Problem, Table};
use serde::Serialize;

use crate::predictions::{Excluded, Predictions};

/// Everything in `metrics.json`, in this order.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The result in words.
    pub summary: Vec<String>,
    /// Version of renalflow.
    pub version: &'static str,
    /// Name of the classifier.
    pub model: String,
    /// Column of the label.
    pub target: String,
    /// Value of the label that counts as positive.
    pub positive_class: String,
    /// How cases were held out.
    pub validation: String,
    /// Times that the cases were dealt to folds.
    pub repeats: usize,
    /// Seed of the validation.
    pub seed: String,
    /// Cases by class.
    pub cases: Counts,
    /// Patients by the classes of their cases.
    pub patients: Counts,
    /// Probability from which a case is called positive.
    pub threshold: f64,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// The classifier.
    pub classifier: Score,
    /// Always answering the more common class.
    pub baseline_majority: Score,
    /// Logistic regression on the volume alone, in the same folds; `None` where the volume is
    /// not known.
    pub baseline_volume: Option<Score>,
    /// AUC of the volume as it is, larger meaning positive, nothing fitted; a missing volume
    /// counts as the median.
    pub raw_volume_auc: Option<Estimate>,
    /// AUC of the classifier less that of the volume as it is, on the same replicates.
    pub auc_gain_over_raw_volume: Option<Estimate>,
    /// Features by how often folds selected them; empty where `selection` is not connected.
    pub selected_features: Vec<Stability>,
    /// Cases that took no part.
    pub excluded: Vec<Excluded>,
}

/// How intervals were made.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Bootstrap {
    /// Number of replicates.
    pub replicates: usize,
    /// Coverage.
    pub confidence: f64,
    /// Seed.
    pub seed: u64,
}

impl Report {
    /// Measure predictions.
    ///
    /// # Errors
    /// A table of selected features without its columns.
    pub fn new(
        predictions: &Predictions,
        selection: &Table,
        options: &Options,
    ) -> Result<Self, Problem> {
        let Predictions { labels, .. } = predictions;
        let score = |probabilities: &[Vec<f64>]| mean_over_repeats(probabilities, labels.len());
        let classifier = score(&predictions.classifier);
        // What the bootstrap resamples are patients; the matrix says which rows are whose.
        let matrix = FeatureMatrix::new(
            vec!["probability".to_owned()],
            predictions.cases.clone(),
            &classifier,
            labels.clone(),
        )?;
        let replicates = Replicates::new(&matrix, options);
        let measure = |probabilities: &[Vec<f64>], threshold| {
            measure(probabilities, labels, threshold, &replicates)
        };
        let raw_volume = predictions.raw_volume.as_deref().map(missing_as_median);
        let about = |name: &str| predictions.about.get(name).cloned().unwrap_or_default();
        let (cases, patients) = counts(predictions);
        Ok(Self {
            summary: Vec::new(),
            version: env!("CARGO_PKG_VERSION"),
            model: about("model"),
            target: about("target"),
            positive_class: about("positive"),
            validation: about("validation"),
            repeats: predictions.classifier.len(),
            seed: about("seed"),
            cases,
            patients,
            threshold: options.threshold,
            bootstrap: Bootstrap {
                replicates: options.bootstrap_replicates,
                confidence: options.confidence,
                seed: options.seed,
            },
            classifier: measure(&predictions.classifier, options.threshold),
            // The class of more cases is the answer whatever the threshold.
            baseline_majority: measure(&predictions.majority, 0.5),
            baseline_volume: predictions
                .volume
                .as_deref()
                .map(|volume| measure(volume, options.threshold)),
            raw_volume_auc: raw_volume
                .as_deref()
                .and_then(|volume| replicates.auc(volume, labels)),
            auc_gain_over_raw_volume: raw_volume
                .as_deref()
                .and_then(|volume| replicates.auc_gain(&classifier, volume, labels)),
            selected_features: if selection.is_empty() {
                Vec::new()
            } else {
                stability(selection, predictions.folds)?
            },
            excluded: predictions.excluded.clone(),
        })
    }
}

fn mean_over_repeats(probabilities: &[Vec<f64>], cases: usize) -> Vec<f64> {
    let repeats = probabilities.len() as f64;
    (0..cases)
        .map(|case| probabilities.iter().map(|repeat| repeat[case]).sum::<f64>() / repeats)
        .collect()
}

fn measure(
    probabilities: &[Vec<f64>],
    labels: &[bool],
    threshold: f64,
    replicates: &Replicates,
) -> Score {
    let pooled = mean_over_repeats(probabilities, labels.len());
    let repeats: Vec<_> = probabilities
        .iter()
        .map(|repeat| Metrics::new(repeat, labels, threshold))
        .collect();
    let aucs: Option<Vec<f64>> = repeats.iter().map(|metrics| metrics.auc).collect();
    Score {
        auc: replicates.auc(&pooled, labels),
        mean_repeat_auc: aucs.map(|aucs| aucs.iter().sum::<f64>() / aucs.len() as f64),
        pooled: Metrics::new(&pooled, labels, threshold),
        repeats,
    }
}

fn missing_as_median(values: &[f64]) -> Vec<f64> {
    let mut known: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    known.sort_by(f64::total_cmp);
    let (low, high) = (known.len().saturating_sub(1) / 2, known.len() / 2);
    let median = known
        .get(low)
        .zip(known.get(high))
        .map_or(0.0, |(low, high)| low.midpoint(*high));
    values
        .iter()
        .map(|value| if value.is_nan() { median } else { *value })
        .collect()
}

fn counts(predictions: &Predictions) -> (Counts, Counts) {
    let mut classes: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
    for (row, &label) in predictions.cases.iter().zip(&predictions.labels) {
        classes.entry(&row.patient_id).or_default().insert(label);
    }
    let of_patients = |wanted: &[bool]| {
        classes
            .values()
            .filter(|has| has.iter().copied().eq(wanted.iter().copied()))
            .count()
    };
    let total = predictions.labels.len();
    let positive = predictions.labels.iter().filter(|&&label| label).count();
    let cases = Counts {
        total,
        positive,
        negative: total - positive,
        both: 0,
    };
    let patients = Counts {
        total: classes.len(),
        positive: of_patients(&[true]),
        negative: of_patients(&[false]),
        both: of_patients(&[false, true]),
    };
    (cases, patients)
}

/// How often features were selected, the most often first.
fn stability(selection: &Table, folds: usize) -> Result<Vec<Stability>, Problem> {
    let features = selection.texts("feature").ok_or_else(|| {
        Problem::new("the table of selected features has no column `feature`").fix(format!(
            "connect output `{}` of stage `classify`",
            crate::SELECTION
        ))
    })?;
    let importance = selection
        .f64s("importance")
        .unwrap_or_else(|| vec![f64::NAN; selection.len()]);
    let mut seen: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for (feature, importance) in features.into_iter().zip(importance) {
        let (count, total) = seen.entry(feature.unwrap_or_default()).or_default();
        *count += 1;
        *total += importance;
    }
    let mut stability: Vec<_> = seen
        .into_iter()
        .map(|(feature, (count, total))| Stability {
            feature,
            folds: count,
            frequency: count as f64 / folds as f64,
            mean_importance: Some(total / count as f64).filter(|mean| !mean.is_nan()),
        })
        .collect();
    stability.sort_by(|a, b| {
        let importance = |s: &Stability| s.mean_importance.unwrap_or(0.0);
        b.folds
            .cmp(&a.folds)
            .then(importance(b).total_cmp(&importance(a)))
    });
    Ok(stability)
}
