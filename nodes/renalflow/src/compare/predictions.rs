//! Predictions of classifiers, run against run, case by case.

use std::collections::BTreeMap;

use renalflow_learning::{Replicates, auc};
use renalflow_sdk::{Problem, Table};

use super::{
    block::{Block, Method, Row, counted, different, left_out, mean_and_sd, some_of},
    folder::Run,
    metric::Metric,
    variants::Variant,
};

/// What `predictions.parquet` says.
pub struct Predictions {
    /// What is told apart: column and value that count as positive.
    target: String,
    /// Probability from which a case is called positive.
    threshold: f64,
    cases: BTreeMap<String, Case>,
    /// Why cases took no part.
    excluded: BTreeMap<String, String>,
}

struct Case {
    patient: String,
    positive: bool,
    /// Mean over the repeats.
    probability: f64,
}

impl Predictions {
    /// Read the table.
    ///
    /// # Errors
    /// A column that is not there, a probability that is none, a truth that is missing or
    /// changes from row to row.
    pub fn read(table: &Table, threshold: f64) -> Result<Self, Problem> {
        let absent = |name: &str| {
            Problem::new(format!("the table has no column `{name}`"))
                .fix("make it with stage `classify`")
        };
        let texts = |name: &str| {
            let column = table.texts(name)?.into_iter();
            Some(
                column
                    .map(Option::unwrap_or_default)
                    .collect::<Vec<String>>(),
            )
        };
        let ids = texts("case_id").ok_or_else(|| absent("case_id"))?;
        let truth = table.f64s("truth").ok_or_else(|| absent("truth"))?;
        let probability = table
            .f64s("probability")
            .ok_or_else(|| absent("probability"))?;
        let empty = || vec![String::new(); table.len()];
        let patients = texts("patient_id").unwrap_or_else(empty);
        let causes = texts("cause").unwrap_or_else(empty);
        let status = texts("status").unwrap_or_else(|| vec!["ok".to_owned(); table.len()]);
        let about = |name: &str| {
            texts(name).and_then(|column| column.into_iter().find(|text| !text.is_empty()))
        };
        let mut sums: BTreeMap<String, (Case, usize)> = BTreeMap::new();
        let mut excluded = BTreeMap::new();
        for row in 0..table.len() {
            let case = &ids[row];
            if status[row] != "ok" {
                excluded.insert(case.clone(), causes[row].clone());
                continue;
            }
            let positive = truth[row] == 1.0;
            if !(0.0..=1.0).contains(&probability[row]) || !(positive || truth[row] == 0.0) {
                return Err(Problem::new(format!(
                    "case {case}: truth {} and probability {} are not false or true and 0 to 1",
                    truth[row], probability[row]
                ))
                .fix("make the table with stage `classify`"));
            }
            let (sum, count) = sums.entry(case.clone()).or_insert_with(|| {
                let patient = Some(&patients[row])
                    .filter(|name| !name.is_empty())
                    .unwrap_or(case);
                let case = Case {
                    patient: patient.clone(),
                    positive,
                    probability: 0.0,
                };
                (case, 0)
            });
            if sum.positive != positive {
                return Err(
                    Problem::new(format!("case {case} is both positive and negative"))
                        .fix("give every row of a case the same truth"),
                );
            }
            sum.probability += probability[row];
            *count += 1;
        }
        let cases = sums
            .into_iter()
            .map(|(name, (mut case, count))| {
                case.probability /= count as f64;
                (name, case)
            })
            .collect();
        let target = about("target").unwrap_or_else(|| "positive".to_owned());
        Ok(Self {
            target: match about("positive") {
                Some(positive) => format!("{target} = {positive}"),
                None => target,
            },
            threshold,
            cases,
            excluded,
        })
    }

    fn lacks(&self, case: &str) -> Option<String> {
        match self.excluded.get(case) {
            Some(cause) => Some(format!(
                "excluded: {}",
                cause.lines().next().unwrap_or_default()
            )),
            None => (!self.cases.contains_key(case)).then(|| "absent".to_owned()),
        }
    }
}

/// Compare the predictions of all variants; `notes` takes what the table does not say.
///
/// # Errors
/// Runs that predict different things, a case with different truths, no case in common.
pub fn compare(
    variants: &[Variant],
    method: &Method,
    notes: &mut Vec<String>,
) -> Result<Option<Block>, Problem> {
    let runs: Vec<(&Run, &Predictions)> = variants
        .iter()
        .flat_map(|variant| &variant.runs)
        .filter_map(|run| Some((run, run.predictions.as_ref()?)))
        .collect();
    let known = |metric: &&Metric| Metric::PREDICTIONS.contains(metric);
    let metrics: Vec<Metric> = method.metrics.iter().filter(known).copied().collect();
    let (Some((first, of_first)), false) = (runs.first(), metrics.is_empty()) else {
        return Ok(None);
    };
    if let Some((run, other)) = runs
        .iter()
        .find(|(_, other)| other.target != of_first.target)
    {
        return Err(Problem::new(format!(
            "the runs predict different things: {} has {}, {} has {}",
            first.name, of_first.target, run.name, other.target
        ))
        .fix("compare runs with the same `--target` and `--positive`"));
    }
    let mut all: Vec<String> = runs
        .iter()
        .flat_map(|(_, run)| run.cases.keys().chain(run.excluded.keys()).cloned())
        .collect();
    all.sort_unstable();
    all.dedup();
    let shared: Vec<String> = all
        .iter()
        .filter(|case| runs.iter().all(|(_, run)| run.cases.contains_key(*case)))
        .cloned()
        .collect();
    let out = left_out(variants, &all, &shared, |run, case| {
        let why = run.predictions.as_ref()?.lacks(case)?;
        Some(format!("{}: {why}", run.name))
    });
    if !out.is_empty() {
        notes.push(format!(
            "{}: {} left out because not every run predicted them: {}",
            of_first.target,
            counted(out.len(), "case is", "cases are"),
            some_of(&out)
        ));
    }
    if shared.is_empty() {
        return Err(Problem::new(format!(
            "the runs have no predicted case in common: {}",
            some_of(&out)
        ))
        .fix("compare runs on the same cases"));
    }
    for case in &shared {
        let truth = of_first.cases[case].positive;
        if let Some((run, _)) = runs
            .iter()
            .find(|(_, run)| run.cases[case].positive != truth)
        {
            return Err(Problem::new(format!(
                "case {case} is {} in {} and not in {}",
                if truth { "positive" } else { "negative" },
                first.name,
                run.name
            ))
            .fix("compare runs on the same labels"));
        }
    }
    Ok(Some(block(variants, of_first, &shared, &metrics, method)))
}

fn block(
    variants: &[Variant],
    of_first: &Predictions,
    cases: &[String],
    metrics: &[Metric],
    method: &Method,
) -> Block {
    let labels: Vec<bool> = cases
        .iter()
        .map(|case| of_first.cases[case].positive)
        .collect();
    let patients: Vec<&str> = cases
        .iter()
        .map(|case| of_first.cases[case].patient.as_str())
        .collect();
    let draws = Replicates::of_patients(
        &patients,
        &labels,
        method.replicates,
        method.confidence,
        method.seed,
    );
    // [variants][runs]: threshold, and probabilities [cases]
    let predicted: Vec<Vec<(f64, Vec<f64>)>> = variants
        .iter()
        .map(|variant| {
            variant
                .runs
                .iter()
                .filter_map(|run| run.predictions.as_ref())
                .map(|run| {
                    let of_case = |case: &String| run.cases[case].probability;
                    (run.threshold, cases.iter().map(of_case).collect())
                })
                .collect()
        })
        .collect();
    let once = vec![1; cases.len()];
    let mut rows = Vec::new();
    for &metric in metrics {
        let mean = |runs: &[(f64, Vec<f64>)], times: &[u32]| {
            let values = runs.iter().map(|(threshold, probabilities)| {
                measured(metric, probabilities, &labels, *threshold, times)
            });
            mean_and_sd(&values.collect::<Vec<_>>())
        };
        for (at, variant) in variants.iter().enumerate() {
            let (value, sd) = mean(&predicted[at], &once);
            let difference = if at == 0 {
                None
            } else if metric == Metric::Auc {
                let scores = |at: usize| -> Vec<Vec<f64>> {
                    predicted[at]
                        .iter()
                        .map(|(_, scores)| scores.clone())
                        .collect()
                };
                draws.mean_auc_difference(&scores(at), &scores(0), &labels)
            } else {
                draws.difference(|times| {
                    Some(mean(&predicted[at], times).0? - mean(&predicted[0], times).0?)
                })
            };
            rows.push(Row {
                metric,
                variant: at,
                runs: variant.runs.len(),
                defined: value.map_or(0, |_| cases.len()),
                failed: excluded(variant),
                mean: value,
                sd,
                difference,
                pairs: cases.len(),
            });
        }
    }
    Block {
        set: "out of fold".to_owned(),
        region: of_first.target.clone(),
        cases: cases.len(),
        patients: different(&patients),
        rows,
    }
}

/// Cases that took no part in any run of a variant.
fn excluded(variant: &Variant) -> usize {
    let mut names: Vec<&String> = variant
        .runs
        .iter()
        .filter_map(|run| run.predictions.as_ref())
        .flat_map(|run| run.excluded.keys())
        .collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

/// A metric of a sample in which case `i` occurs `times[i]` times.
fn measured(
    metric: Metric,
    probabilities: &[f64],
    labels: &[bool],
    threshold: f64,
    times: &[u32],
) -> Option<f64> {
    if metric == Metric::Auc {
        return auc(probabilities, labels);
    }
    // Decisions by truth and answer, and squared errors.
    let mut counts = [[0.0f64; 2]; 2];
    let mut squares = 0.0;
    for ((&probability, &label), &times) in probabilities.iter().zip(labels).zip(times) {
        let times = f64::from(times);
        counts[usize::from(label)][usize::from(probability >= threshold)] += times;
        squares += times * (probability - f64::from(u8::from(label))).powi(2);
    }
    let [
        [true_negative, false_positive],
        [false_negative, true_positive],
    ] = counts;
    let (positive, negative) = (
        true_positive + false_negative,
        true_negative + false_positive,
    );
    let ratio = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    match metric {
        Metric::Brier => ratio(squares, positive + negative),
        Metric::Accuracy => ratio(true_positive + true_negative, positive + negative),
        Metric::Sensitivity => ratio(true_positive, positive),
        Metric::Specificity => ratio(true_negative, negative),
        Metric::BalancedAccuracy => Some(f64::midpoint(
            ratio(true_positive, positive)?,
            ratio(true_negative, negative)?,
        )),
        Metric::F1 => ratio(
            2.0 * true_positive,
            true_positive + false_positive + positive,
        )
        .filter(|_| positive > 0.0),
        _ => None,
    }
}
