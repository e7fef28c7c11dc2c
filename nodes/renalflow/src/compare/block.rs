//! One region, or one class that is told apart: every metric of every variant.

use std::collections::BTreeSet;

use renalflow_learning::Difference;

use super::{metric::Metric, variants::Variant};

/// What belongs into one table.
pub struct Block {
    /// Name of the set of cases.
    pub set: String,
    /// Name of the region, or of what is predicted.
    pub region: String,
    /// Cases that all runs share.
    pub cases: usize,
    /// Their patients, which the bootstrap draws.
    pub patients: usize,
    /// Metric by metric, and in it variant by variant.
    pub rows: Vec<Row>,
}

/// One metric of one variant.
pub struct Row {
    /// The metric.
    pub metric: Metric,
    /// Index of the variant.
    pub variant: usize,
    /// Its runs.
    pub runs: usize,
    /// Cases for which the metric is defined in every run.
    pub defined: usize,
    /// Cases that failed in any run of the variant, whether or not others share them.
    pub failed: usize,
    /// Mean over the runs of the mean over their cases.
    pub mean: Option<f64>,
    /// Standard deviation between runs, with n - 1; `None` for one run.
    pub sd: Option<f64>,
    /// From the first variant; `None` for that itself.
    pub difference: Option<Difference>,
    /// Cases on which the difference rests.
    pub pairs: usize,
}

impl Block {
    /// How many cases, and of how many patients where these are fewer.
    pub fn size(&self) -> String {
        let cases = counted(self.cases, "case", "cases");
        if self.patients < self.cases {
            format!(
                "{cases} of {}",
                counted(self.patients, "patient", "patients")
            )
        } else {
            cases
        }
    }
}

/// Different names among these.
pub fn different(names: &[&str]) -> usize {
    names.iter().collect::<BTreeSet<_>>().len()
}

/// What is compared, and how.
pub struct Method {
    /// The metrics, in order.
    pub metrics: Vec<Metric>,
    /// The regions; all where none is named.
    pub regions: Vec<String>,
    /// Bootstrap replicates.
    pub replicates: usize,
    /// Coverage of intervals.
    pub confidence: f64,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// Mean and, of several, standard deviation; `None` where a value is not defined.
pub fn mean_and_sd(values: &[Option<f64>]) -> (Option<f64>, Option<f64>) {
    let Some(values) = values.iter().copied().collect::<Option<Vec<f64>>>() else {
        return (None, None);
    };
    let n = values.len() as f64;
    if values.is_empty() {
        return (None, None);
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (
        Some(mean),
        (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
    )
}

/// A number with its noun.
pub fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// Names of cases with what became of them, a few of many.
pub fn some_of(cases: &[String]) -> String {
    const NAMED: usize = 6;
    let shown = cases
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match cases.len().checked_sub(NAMED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown}, and {more} more"),
    }
}

/// The cases that not every run has, each with the first run that lacks it and why.
pub fn left_out(
    variants: &[Variant],
    all: &[String],
    common: &[String],
    lacks: impl Fn(&super::folder::Run, &str) -> Option<String>,
) -> Vec<String> {
    all.iter()
        .filter(|case| !common.contains(case))
        .map(|case| {
            let why = variants
                .iter()
                .flat_map(|variant| &variant.runs)
                .find_map(|run| lacks(run, case));
            format!(
                "{case} ({})",
                why.unwrap_or_else(|| "not in all runs".to_owned())
            )
        })
        .collect()
}
