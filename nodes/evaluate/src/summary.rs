//! The result in words, for the end of a run.

use renalflow_learning::{Estimate, Metrics};

use crate::report::Report;

/// A few lines: on whom, how well, beside what.
pub fn lines(report: &Report) -> Vec<String> {
    let (model, majority) = (&report.classifier.pooled, &report.baseline_majority.pooled);
    let volume = report.baseline_volume.as_ref().map(|score| &score.pooled);
    let beside = |name: &str, measure: fn(&Metrics) -> Option<f64>| {
        let volume = volume.map_or_else(String::new, |volume| {
            format!(", volume alone {}", number(measure(volume)))
        });
        format!(
            "{name} {} (majority class {}{volume})",
            number(measure(model)),
            number(measure(majority))
        )
    };
    // Each line fits a terminal of 80 columns.
    let mut lines = vec![
        format!(
            "{} for {} = {}, {}",
            report.model, report.target, report.positive_class, report.validation
        ),
        format!(
            "{} cases of {} patients: {} positive, {} negative",
            report.cases.total, report.patients.total, report.cases.positive, report.cases.negative,
        ),
        format!("AUC {}", estimate(report.classifier.auc, report)),
    ];
    lines.extend(volume_alone(report));
    lines.extend([
        beside("accuracy", |m| m.accuracy),
        beside("balanced accuracy", |m| m.balanced_accuracy),
        format!(
            "sensitivity {}, specificity {}, F1 {}, at threshold {}",
            number(model.sensitivity),
            number(model.specificity),
            number(model.f1),
            report.threshold
        ),
        beside("Brier score", |m| m.brier),
    ]);
    if let Some(first) = report.excluded.first() {
        let more = if report.excluded.len() > 1 {
            "among others "
        } else {
            ""
        };
        lines.push(format!(
            "{} left out: {more}{} ({})",
            report.excluded.len(),
            first.case_id,
            first.cause
        ));
    }
    lines
}

fn volume_alone(report: &Report) -> Vec<String> {
    match (report.raw_volume_auc, report.auc_gain_over_raw_volume) {
        (Some(_), Some(_)) => vec![
            format!(
                "AUC of tumour volume alone {}",
                estimate(report.raw_volume_auc, report)
            ),
            format!(
                "difference {}",
                estimate(report.auc_gain_over_raw_volume, report)
            ),
        ],
        _ => vec!["tumour volume not known".to_owned()],
    }
}

fn estimate(estimate: Option<Estimate>, report: &Report) -> String {
    let interval =
        estimate
            .and_then(|estimate| estimate.interval)
            .map_or_else(String::new, |interval| {
                format!(
                    " ({:.0} % interval {:.3} to {:.3})",
                    100.0 * report.bootstrap.confidence,
                    interval.low,
                    interval.high
                )
            });
    format!(
        "{}{interval}",
        number(estimate.map(|estimate| estimate.value))
    )
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "not defined".to_owned(), |value| format!("{value:.3}"))
}
