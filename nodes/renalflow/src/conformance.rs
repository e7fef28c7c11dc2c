//! `renalflow conformance`: every value of the standards beside ours.

use std::{collections::BTreeMap, process::ExitCode};

use renalflow_frames::write_file;
use renalflow_radiomics::conformance::{Check, ConformanceError, ibsi_1, ibsi_2, pyradiomics};

use crate::{
    cli::{self, Reference},
    screen,
};

/// Print the table and its summary: 0 where every value is within its tolerance.
pub fn conformance(options: &cli::Conformance) -> ExitCode {
    let wanted = if options.references.is_empty() {
        &[Reference::Ibsi1, Reference::Ibsi2, Reference::Pyradiomics]
    } else {
        options.references.as_slice()
    };
    let mut checks = Vec::new();
    for reference in wanted {
        let compared: Result<Vec<Check>, ConformanceError> = match reference {
            Reference::Ibsi1 => ibsi_1(&options.data),
            Reference::Ibsi2 => ibsi_2(&options.data),
            Reference::Pyradiomics => pyradiomics(&options.data),
        };
        match compared {
            Ok(compared) => checks.extend(compared),
            Err(error) => {
                screen::complain(error);
                return ExitCode::FAILURE;
            }
        }
    }
    print(&checks, options.failed);
    if let Some(path) = &options.output
        && let Err(error) = write_file(path, csv(&checks).as_bytes())
    {
        screen::complain(error);
        return ExitCode::FAILURE;
    }
    let missed = checks.iter().filter(|check| !check.pass).count();
    summarise(&checks);
    // A comparison of nothing proves nothing.
    if missed == 0 && !checks.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print(checks: &[Check], failed_only: bool) {
    let shown: Vec<&Check> = checks
        .iter()
        .filter(|check| !(failed_only && check.pass))
        .collect();
    if shown.is_empty() {
        return;
    }
    let width = |text: fn(&Check) -> &str, title: usize| {
        let longest = shown.iter().map(|check| text(check).chars().count()).max();
        longest.unwrap_or(0).max(title)
    };
    let feature = width(|check| &check.feature, 7);
    let configuration = width(|check| &check.configuration, 13);
    screen::say(format!(
        "{:<11}  {:<configuration$}  {:<feature$}  {:>13}  {:>9}  {:>13}  pass",
        "standard", "configuration", "feature", "reference", "tolerance", "ours"
    ));
    for check in shown {
        screen::say(format!(
            "{:<11}  {:<configuration$}  {:<feature$}  {:>13}  {:>9}  {:>13}  {}",
            check.standard,
            check.configuration,
            check.feature,
            number(check.reference),
            format!("{:.2e}", check.tolerance),
            check.ours.map_or_else(|| "missing".to_owned(), number),
            if check.pass { "yes" } else { "NO" }
        ));
    }
    screen::say("");
}

/// Seven significant digits, without an exponent where that is readable.
fn number(value: f64) -> String {
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        let whole_digits = value.abs().max(1.0).log10().floor() as usize + 1;
        format!("{value:.*}", 7usize.saturating_sub(whole_digits))
    } else {
        format!("{value:.6e}")
    }
}

fn summarise(checks: &[Check]) {
    let mut groups: BTreeMap<(&str, &str), [usize; 2]> = BTreeMap::new();
    for check in checks {
        // PyRadiomics' cases are summed up by table.
        let group = match check.standard {
            "PyRadiomics" => check.configuration.split(',').next().unwrap_or_default(),
            _ => &check.configuration,
        };
        let counts = groups.entry((check.standard, group)).or_default();
        counts[0] += usize::from(check.pass);
        counts[1] += 1;
    }
    for ((standard, group), [passed, all]) in groups {
        screen::say(format!(
            "{standard:<11}  {group:<28}  {passed:>6} of {all:>6} within tolerance{}",
            if passed == all { "" } else { "  MISSED" }
        ));
    }
}

fn csv(checks: &[Check]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "standard",
        "configuration",
        "feature",
        "reference",
        "tolerance",
        "ours",
        "pass",
    ];
    // Writing to memory cannot fail.
    let _ = writer.write_record(header);
    for check in checks {
        let _ = writer.write_record([
            check.standard,
            &check.configuration,
            &check.feature,
            &check.reference.to_string(),
            &check.tolerance.to_string(),
            &check.ours.map_or_else(String::new, |ours| ours.to_string()),
            if check.pass { "true" } else { "false" },
        ]);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}
