//! Scores of masks, run against run, case by case.

use std::collections::BTreeMap;

use renalflow_learning::Replicates;
use renalflow_sdk::{Problem, Table};

use super::{
    block::{Block, Method, Row, counted, different, left_out, mean_and_sd, some_of},
    folder::Run,
    metric::Metric,
    variants::Variant,
};

/// Set and region.
type Place = (String, String);

/// What `scores.parquet` says.
pub struct Scores {
    /// The regions, in order of first appearance.
    places: Vec<Place>,
    /// Tolerance of surface Dice, in mm.
    tolerance_mm: BTreeMap<Place, f64>,
    /// Values of each case, in the order of [`Metric::SCORES`], NaN where not defined; several
    /// rows of a case (folds) stand for their mean.
    values: BTreeMap<Place, BTreeMap<String, Vec<f64>>>,
    /// Why cases have no scores, by set.
    failed: BTreeMap<String, BTreeMap<String, String>>,
    /// Patient of a case, where the table says it.
    patients: BTreeMap<String, String>,
}

impl Scores {
    /// Read the table.
    ///
    /// # Errors
    /// A column that is not there.
    pub fn read(table: &Table) -> Result<Self, Problem> {
        let absent = |name: &str| {
            Problem::new(format!("the table has no column `{name}`"))
                .fix("make it with stage `score` or `train`")
        };
        let texts = |name: &str| {
            let column = table.texts(name).ok_or_else(|| absent(name))?;
            Ok::<Vec<String>, Problem>(column.into_iter().map(Option::unwrap_or_default).collect())
        };
        let (cases, sets, regions) = (texts("case_id")?, texts("set")?, texts("region")?);
        let (status, causes) = (texts("status")?, texts("cause")?);
        let patients = texts("patient_id").unwrap_or_default();
        let numbers = |name: &str| table.f64s(name).ok_or_else(|| absent(name));
        let tolerances = numbers("tolerance_mm")?;
        let columns = Metric::SCORES
            .iter()
            .map(|metric| numbers(metric.column()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut scores = Self {
            places: Vec::new(),
            tolerance_mm: BTreeMap::new(),
            values: BTreeMap::new(),
            failed: BTreeMap::new(),
            patients: BTreeMap::new(),
        };
        let mut rows: BTreeMap<Place, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
        for row in 0..table.len() {
            let case = cases[row].clone();
            if let Some(patient) = patients.get(row).filter(|name| !name.is_empty()) {
                scores.patients.insert(case.clone(), patient.clone());
            }
            if status[row] != "ok" {
                let failed = scores.failed.entry(sets[row].clone()).or_default();
                failed.insert(case, causes[row].clone());
                continue;
            }
            let place = (sets[row].clone(), regions[row].clone());
            if !scores.places.contains(&place) {
                scores.places.push(place.clone());
                scores.tolerance_mm.insert(place.clone(), tolerances[row]);
            }
            rows.entry(place)
                .or_default()
                .entry(case)
                .or_default()
                .push(row);
        }
        for (place, cases) in rows {
            let failed = scores.failed.get(&place.0);
            let means = cases
                .into_iter()
                .filter(|(case, _)| !failed.is_some_and(|failed| failed.contains_key(case)))
                .map(|(case, rows)| {
                    let mean = |column: &Vec<f64>| {
                        rows.iter().map(|&row| column[row]).sum::<f64>() / rows.len() as f64
                    };
                    (case, columns.iter().map(mean).collect())
                })
                .collect();
            scores.values.insert(place, means);
        }
        Ok(scores)
    }

    fn case(&self, place: &Place, case: &str) -> Option<&Vec<f64>> {
        self.values.get(place)?.get(case)
    }

    /// Cases of a set, scored or failed.
    fn cases(&self, set: &str) -> Vec<String> {
        let scored = self
            .values
            .iter()
            .filter(|((of, _), _)| of == set)
            .flat_map(|(_, cases)| cases.keys());
        let failed = self.failed.get(set).into_iter().flat_map(BTreeMap::keys);
        scored.chain(failed).cloned().collect()
    }

    /// Why a case has no scores.
    fn lacks(&self, place: &Place, case: &str) -> Option<String> {
        if let Some(cause) = self
            .failed
            .get(&place.0)
            .and_then(|failed| failed.get(case))
        {
            let cause = cause.lines().next().unwrap_or_default();
            return Some(format!("failed: {cause}"));
        }
        self.case(place, case)
            .is_none()
            .then(|| "absent".to_owned())
    }
}

/// Compare the scores of all variants; `notes` takes what the tables do not say.
///
/// # Errors
/// No region or no case that all runs have.
pub fn compare(
    variants: &[Variant],
    method: &Method,
    notes: &mut Vec<String>,
) -> Result<Vec<Block>, Problem> {
    let runs: Vec<(&Run, &Scores)> = variants
        .iter()
        .flat_map(|variant| &variant.runs)
        .filter_map(|run| Some((run, run.scores.as_ref()?)))
        .collect();
    let metrics: Vec<Metric> = of_scores(&method.metrics);
    let Some((first, of_first)) = runs.first() else {
        return Ok(Vec::new());
    };
    if metrics.is_empty() {
        return Ok(Vec::new());
    }
    let everywhere = |place: &&Place| runs.iter().all(|(_, scores)| scores.places.contains(place));
    let common: Vec<&Place> = of_first.places.iter().filter(everywhere).collect();
    if common.is_empty() {
        let lists: Vec<String> = runs
            .iter()
            .map(|(run, scores)| format!("{} has {}", run.name, listed(&scores.places)))
            .collect();
        return Err(Problem::new(format!(
            "the runs have no region in common: {}",
            lists.join("; ")
        ))
        .fix("compare runs on the same set of cases and the same label names"));
    }
    for (run, scores) in &runs {
        let others: Vec<Place> = scores
            .places
            .iter()
            .filter(|place| !common.contains(place))
            .cloned()
            .collect();
        if !others.is_empty() {
            notes.push(format!(
                "{} also has {}, which not every run has",
                run.name,
                listed(&others)
            ));
        }
    }
    let wanted: Vec<&Place> = common
        .iter()
        .copied()
        .filter(|(_, region)| method.regions.is_empty() || method.regions.contains(region))
        .collect();
    if wanted.is_empty() {
        let known: Vec<Place> = common.into_iter().cloned().collect();
        return Err(Problem::new(format!(
            "no run has the region {}",
            method.regions.join(", ")
        ))
        .fix(format!("there are: {}", listed(&known))));
    }
    let mut blocks = Vec::new();
    let mut noted: Vec<String> = Vec::new();
    for place in wanted {
        let all = union(runs.iter().map(|(_, scores)| scores.cases(&place.0)));
        let shared: Vec<String> = all
            .iter()
            .filter(|case| {
                runs.iter()
                    .all(|(_, scores)| scores.case(place, case).is_some())
            })
            .cloned()
            .collect();
        let out = left_out(variants, &all, &shared, |run, case| {
            let why = run.scores.as_ref()?.lacks(place, case)?;
            Some(format!("{}: {why}", run.name))
        });
        if !out.is_empty() {
            let note = format!(
                "{}: {} left out because not every run scored them: {}",
                place.0,
                counted(out.len(), "case is", "cases are"),
                some_of(&out)
            );
            if !noted.contains(&note) {
                noted.push(note);
            }
        }
        if shared.is_empty() {
            continue;
        }
        let mut metrics = metrics.clone();
        let tolerance = of_first.tolerance_mm.get(place);
        let other = runs
            .iter()
            .find(|(_, scores)| scores.tolerance_mm.get(place) != tolerance);
        if let (Some((run, _)), true) = (other, metrics.contains(&Metric::SurfaceDice)) {
            metrics.retain(|&metric| metric != Metric::SurfaceDice);
            noted.push(format!(
                "{}: surface Dice is not compared: {} and {} have different tolerances",
                place.1, first.name, run.name
            ));
        }
        blocks.push(block(variants, place, &shared, &metrics, method));
    }
    notes.extend(noted);
    if blocks.is_empty() {
        return Err(Problem::new(format!(
            "the runs have no scored case in common: {}",
            notes.join("; ")
        ))
        .fix("compare runs on the same cases"));
    }
    Ok(blocks)
}

fn block(
    variants: &[Variant],
    place: &Place,
    cases: &[String],
    metrics: &[Metric],
    method: &Method,
) -> Block {
    let patient = |case: &String| -> String {
        variants
            .iter()
            .flat_map(|variant| &variant.runs)
            .find_map(|run| run.scores.as_ref()?.patients.get(case).cloned())
            .unwrap_or_else(|| case.clone())
    };
    let patients: Vec<String> = cases.iter().map(patient).collect();
    let patients: Vec<&str> = patients.iter().map(String::as_str).collect();
    let draws = Replicates::of_patients(
        &patients,
        &vec![false; cases.len()],
        method.replicates,
        method.confidence,
        method.seed,
    );
    let mut rows = Vec::new();
    for &metric in metrics {
        let mut of_first: Vec<f64> = Vec::new();
        for (at, variant) in variants.iter().enumerate() {
            // [runs][cases]
            let values: Vec<Vec<f64>> = variant
                .runs
                .iter()
                .map(|run| {
                    cases
                        .iter()
                        .map(|case| value(run, place, case, metric))
                        .collect()
                })
                .collect();
            let means: Vec<Option<f64>> = values.iter().map(|run| mean_of_defined(run)).collect();
            let (mean, sd) = mean_and_sd(&means);
            // NaN where any run has NaN: a case counts where every seed defines it.
            let by_case: Vec<f64> = (0..cases.len())
                .map(|case| values.iter().map(|run| run[case]).sum::<f64>() / values.len() as f64)
                .collect();
            if at == 0 {
                of_first.clone_from(&by_case);
            }
            let both = by_case
                .iter()
                .zip(&of_first)
                .filter(|(a, b)| (*a - *b).is_finite());
            rows.push(Row {
                metric,
                variant: at,
                runs: variant.runs.len(),
                defined: by_case.iter().filter(|value| value.is_finite()).count(),
                failed: failed(variant, &place.0),
                mean,
                sd,
                pairs: both.count(),
                difference: (at > 0)
                    .then(|| draws.mean_difference(&by_case, &of_first))
                    .flatten(),
            });
        }
    }
    Block {
        set: place.0.clone(),
        region: place.1.clone(),
        cases: cases.len(),
        patients: different(&patients),
        rows,
    }
}

fn of_scores(metrics: &[Metric]) -> Vec<Metric> {
    let known = |metric: &&Metric| Metric::SCORES.contains(metric);
    metrics.iter().filter(known).copied().collect()
}

fn value(run: &Run, place: &Place, case: &str, metric: Metric) -> f64 {
    let at = Metric::SCORES.iter().position(|other| *other == metric);
    at.and_then(|at| run.scores.as_ref()?.case(place, case)?.get(at).copied())
        .unwrap_or(f64::NAN)
}

fn mean_of_defined(values: &[f64]) -> Option<f64> {
    let defined: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64)
}

/// Cases of a set that failed in any run of a variant.
fn failed(variant: &Variant, set: &str) -> usize {
    let lists = variant.runs.iter().filter_map(|run| {
        let failed = run.scores.as_ref()?.failed.get(set)?;
        Some(failed.keys().cloned().collect())
    });
    union(lists).len()
}

/// Different names of all lists, sorted.
fn union(lists: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = lists.flatten().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn listed(places: &[Place]) -> String {
    let names: Vec<String> = places
        .iter()
        .map(|(set, region)| format!("{set}, {region}"))
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" | ")
    }
}
