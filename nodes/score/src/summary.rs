//! Scores of a cohort in numbers and in words.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rows::{RegionScores, ScoreRow};

/// A set of cases, summed up; one element of `scores.json`'s `sets`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetSummary {
    /// Name of the set.
    pub set: String,
    /// Cases in it.
    pub cases: usize,
    /// Cases that have no scores, with the cause.
    pub failed: BTreeMap<String, String>,
    /// Its regions, in order of first appearance.
    pub regions: Vec<RegionSummary>,
}

/// One region over the cases of a set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegionSummary {
    /// Name of the region.
    pub region: String,
    /// Tolerance of its surface Dice, in mm.
    pub tolerance_mm: f64,
    /// Each metric over the cases, by the name of its column.
    pub metrics: BTreeMap<&'static str, MetricSummary>,
    /// Lesions of all cases together.
    pub lesions: LesionSummary,
}

/// One metric over the cases for which it is defined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricSummary {
    /// Cases for which it is defined.
    pub n: usize,
    /// Mean; `None` without any case.
    pub mean: Option<f64>,
    /// Standard deviation between cases, with n - 1; `None` below two cases.
    pub sd: Option<f64>,
    /// Median.
    pub median: Option<f64>,
    /// Smallest.
    pub min: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
    /// Cases for which it is not defined, counted by why.
    pub undefined: BTreeMap<String, usize>,
}

/// Lesions of all cases of a set together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LesionSummary {
    /// Of the references.
    pub reference: usize,
    /// Of the predictions.
    pub predicted: usize,
    /// Found.
    pub found: usize,
    /// `2 found / (reference + predicted)`; 1 where there is none at all.
    pub f1: f64,
}

/// One metric of the scores of a region, where it is defined.
type Measure = fn(&RegionScores) -> Option<f64>;

/// Name and value of each metric, in the order of the table's columns.
const METRICS: [(&str, Measure); 7] = [
    ("dice", |s| Some(s.dice)),
    ("surface_dice", |s| Some(s.surface_dice)),
    ("hd95_mm", |s| s.hd95_mm),
    ("assd_mm", |s| s.assd_mm),
    ("volume_error_ml", |s| Some(s.volume_error_ml)),
    ("relative_volume_error", |s| s.relative_volume_error),
    ("lesion_f1", |s| Some(s.lesion_f1)),
];

/// Sum up rows, set by set in order of first appearance.
#[must_use]
pub fn summaries(rows: &[ScoreRow]) -> Vec<SetSummary> {
    in_order(rows.iter().map(|row| row.set.as_str()))
        .into_iter()
        .map(|set| {
            let rows: Vec<&ScoreRow> = rows.iter().filter(|row| row.set == set).collect();
            let scores: Vec<&RegionScores> = rows
                .iter()
                .filter_map(|row| row.scores.as_ref().ok())
                .collect();
            SetSummary {
                set: set.to_owned(),
                cases: in_order(rows.iter().map(|row| row.case_id.as_str())).len(),
                failed: rows
                    .iter()
                    .filter_map(|row| {
                        let cause = row.scores.as_ref().err()?;
                        Some((row.case_id.clone(), cause.clone()))
                    })
                    .collect(),
                regions: in_order(scores.iter().map(|scores| scores.region.as_str()))
                    .into_iter()
                    .filter_map(|region| RegionSummary::new(region, &scores))
                    .collect(),
            }
        })
        .collect()
}

/// Different names, in order of first appearance.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

impl RegionSummary {
    fn new(region: &str, scores: &[&RegionScores]) -> Option<Self> {
        let of_region = || scores.iter().filter(|scores| scores.region == region);
        let total = |count: fn(&RegionScores) -> usize| of_region().map(|s| count(s)).sum();
        let (reference, predicted, found): (usize, usize, usize) = (
            total(|s| s.lesions_reference),
            total(|s| s.lesions_predicted),
            total(|s| s.lesions_found),
        );
        Some(Self {
            region: region.to_owned(),
            tolerance_mm: of_region().next()?.tolerance_mm,
            metrics: METRICS
                .into_iter()
                .map(|(name, value)| (name, MetricSummary::new(of_region().copied(), value)))
                .collect(),
            lesions: LesionSummary {
                reference,
                predicted,
                found,
                f1: if reference + predicted == 0 {
                    1.0
                } else {
                    2.0 * found as f64 / (reference + predicted) as f64
                },
            },
        })
    }
}

impl MetricSummary {
    fn new<'a>(scores: impl Iterator<Item = &'a RegionScores>, value: Measure) -> Self {
        let mut values = Vec::new();
        let mut undefined = BTreeMap::new();
        for scores in scores {
            match value(scores) {
                Some(value) => values.push(value),
                None => {
                    let why = scores.empty().unwrap_or("no number").to_owned();
                    *undefined.entry(why).or_default() += 1;
                }
            }
        }
        let n = values.len();
        let mean = (n > 0).then(|| values.iter().sum::<f64>() / n as f64);
        let sd = mean.filter(|_| n > 1).map(|mean| {
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            (squares / (n - 1) as f64).sqrt()
        });
        values.sort_by(f64::total_cmp);
        Self {
            n,
            mean,
            sd,
            median: (n > 0).then(|| values[(n - 1) / 2].midpoint(values[n / 2])),
            min: values.first().copied(),
            max: values.last().copied(),
            undefined,
        }
    }
}

/// The columns of the result in words: title, name, digits.
const SHOWN: [(&str, &str, usize); 4] = [
    ("Dice", "dice", 3),
    ("surface Dice", "surface_dice", 3),
    ("HD95 mm", "hd95_mm", 1),
    ("lesion F1", "lesion_f1", 3),
];

impl SetSummary {
    /// A few lines for the end of a run: a table of means and standard deviations over cases,
    /// and what it does not say by itself. No line is longer than 78 columns unless a name is.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{}: {} of {} cases scored; mean ± standard deviation over cases",
            self.set,
            self.cases - self.failed.len(),
            self.cases
        )];
        let width = self
            .regions
            .iter()
            .map(|region| region.region.chars().count())
            .chain([6])
            .max()
            .unwrap_or(6);
        if !self.regions.is_empty() {
            let titles = SHOWN.map(|(title, ..)| format!("{title:<13}"));
            lines.push(format!(
                "{:width$}  {}",
                "region",
                titles.join("  ").trim_end()
            ));
        }
        for region in &self.regions {
            let cells = SHOWN.map(|(_, name, digits)| {
                let cell = region
                    .metrics
                    .get(name)
                    .map_or_else(String::new, |metric| metric.cell(digits));
                format!("{cell:<13}")
            });
            lines.push(format!(
                "{:width$}  {}",
                region.region,
                cells.join("  ").trim_end()
            ));
        }
        lines.extend(
            self.regions
                .iter()
                .filter_map(RegionSummary::undefined_line),
        );
        if let Some((case, cause)) = self.failed.first_key_value() {
            let first = cause.lines().next().unwrap_or_default();
            lines.push(format!(
                "{} not scored, first {case}: {first}",
                self.failed.len()
            ));
        }
        lines
    }
}

impl MetricSummary {
    fn cell(&self, digits: usize) -> String {
        match (self.mean, self.sd) {
            (Some(mean), Some(sd)) => format!("{mean:.digits$} ± {sd:.digits$}"),
            (Some(mean), None) => format!("{mean:.digits$}"),
            _ => "not defined".to_owned(),
        }
    }
}

impl RegionSummary {
    /// For how many cases HD95 is not defined, and why.
    fn undefined_line(&self) -> Option<String> {
        let metric = self.metrics.get("hd95_mm")?;
        let missing: usize = metric.undefined.values().sum();
        let why: Vec<String> = metric
            .undefined
            .iter()
            .map(|(why, cases)| format!("{cases} where {why}"))
            .collect();
        (missing > 0).then(|| {
            format!(
                "HD95 of {}: over {} cases, not defined for {}",
                self.region,
                metric.n,
                why.join(", ")
            )
        })
    }
}
