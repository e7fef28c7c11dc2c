//! Finding columns of the table by name, and saying what is near where there is none.

use renalflow_sdk::{Problem, Table};

/// What the clinical columns' names begin with.
pub const CLINICAL: &str = "clinical_";

/// Columns that say whose row it is, how it went and where it came from.
const INDEX: [&str; 8] = [
    "case_id",
    "patient_id",
    "roi",
    "status",
    "failed_node",
    "cause",
    "fix",
    "lineage",
];

/// The column of that name, or the clinical one.
///
/// # Errors
/// Neither; the nearest name is told.
pub fn find(table: &Table, name: &str, option: &str) -> Result<String, Problem> {
    let names = table.names();
    let clinical = format!("{CLINICAL}{name}");
    if let Some(found) = [name, clinical.as_str()]
        .into_iter()
        .find(|wanted| names.contains(wanted))
    {
        return Ok(found.to_owned());
    }
    Err(Problem::new(format!("the table has no column `{name}`"))
        .fix(nearest(&names, name, option)))
}

/// The columns to learn from: numbers that match a pattern, in the table's order.
///
/// # Errors
/// A pattern that matches no number, or no feature at all.
pub fn features(table: &Table, patterns: &[String], target: &str) -> Result<Vec<String>, Problem> {
    let names = table.names();
    let numbers: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| !INDEX.contains(name) && *name != target && table.f64s(name).is_some())
        .collect();
    if patterns.is_empty() {
        let features: Vec<_> = numbers
            .into_iter()
            .filter(|name| !name.starts_with(CLINICAL) && !name.starts_with("diagnostics_"))
            .map(str::to_owned)
            .collect();
        if features.is_empty() {
            return Err(Problem::new("the table has no feature: no column of numbers that is not clinical")
                .fix("connect a stage that makes features to stage `table`, or name columns with --features"));
        }
        return Ok(features);
    }
    for pattern in patterns {
        if numbers.iter().any(|name| matches(pattern, name)) {
            continue;
        }
        return Err(if pattern == target {
            Problem::new(format!(
                "`{pattern}` is the target; learning from it would be cheating"
            ))
            .fix("take it out of --features")
        } else if names.contains(&pattern.as_str()) {
            Problem::new(format!("column `{pattern}` has no numbers to learn from"))
                .fix("take it out of --features")
        } else {
            Problem::new(format!(
                "--features: no column of numbers matches `{pattern}`"
            ))
            .fix(nearest(&numbers, pattern, "--features"))
        });
    }
    let wanted = |name: &&&str| patterns.iter().any(|pattern| matches(pattern, name));
    Ok(numbers
        .iter()
        .filter(wanted)
        .map(|name| (*name).to_owned())
        .collect())
}

/// Whether a name matches a pattern, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            tail.char_indices()
                .map(|(at, _)| at)
                .chain([tail.len()])
                .any(|at| matches(rest, &tail[at..]))
        }),
    }
}

/// The fix for a name that is not there.
pub fn nearest(names: &[&str], wanted: &str, option: &str) -> String {
    let wanted = wanted.to_lowercase();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        let bare = name.strip_prefix(CLINICAL).unwrap_or(&name);
        strsim::jaro_winkler(&name, &wanted).max(strsim::jaro_winkler(bare, &wanted))
    };
    match names
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
    {
        Some(name) if likeness(name) > 0.75 => format!("did you mean {option} {name}?"),
        _ => {
            let shown: Vec<_> = names
                .iter()
                .copied()
                .filter(|name| !INDEX.contains(name))
                .take(12)
                .collect();
            format!(
                "name a column with {option}; there are: {}",
                shown.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("*", ""));
        assert!(matches("original_*_Mean", "original_firstorder_Mean"));
        assert!(!matches("original_*_Mean", "original_firstorder_Median"));
        assert!(matches("a*b*c", "a--bb--c"));
        assert!(!matches("a*b*c", "a--c--b"));
        assert!(!matches("mean", "mean_2"));
        assert!(matches("é*", "éü"));
    }

    #[test]
    fn the_nearest_name_is_told() {
        let names = [
            "case_id",
            "clinical_malignant",
            "clinical_age",
            "original_shape_MeshVolume",
        ];
        assert_eq!(
            nearest(&names, "malignent", "--target"),
            "did you mean --target clinical_malignant?"
        );
        assert!(
            nearest(&names, "zzz", "--target")
                .contains("there are: clinical_malignant, clinical_age")
        );
    }
}
