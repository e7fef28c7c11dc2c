//! From the feature table to the cases that a classifier learns from, and those it does not.

use std::collections::BTreeSet;

use renalflow_learning::{FeatureMatrix, Options as Learning, RowId};
use renalflow_sdk::{Problem, Table};

use crate::{
    columns,
    options::{DEFAULT_VOLUME_COLUMN, Options},
};

/// What is learnt from.
pub struct Cases {
    /// Features and labels of the cases that count, the volume among them.
    pub matrix: FeatureMatrix,
    /// Column of the label.
    pub target: String,
    /// The value that counts as positive.
    pub positive: String,
    /// The volume of each case; `None` where the table has no such column.
    pub volume: Option<Vec<f64>>,
    volume_column: String,
    volume_is_feature: bool,
    /// Region of interest of each case.
    pub regions: Vec<Option<String>>,
    /// The cases that do not count.
    pub excluded: Vec<Excluded>,
}

/// A case that does not count.
pub struct Excluded {
    /// Its name.
    pub case_id: String,
    /// Its patient, where known.
    pub patient_id: Option<String>,
    /// Its region of interest, where known.
    pub roi: Option<String>,
    /// Why.
    pub cause: String,
}

impl Cases {
    /// Tell the learning crate which feature is the volume.
    pub fn with_volume(&self, learning: Learning) -> Learning {
        Learning {
            volume_feature: self.volume_column.clone(),
            volume_is_feature: self.volume_is_feature,
            ..learning
        }
    }
}

/// Read the table.
///
/// # Errors
/// A column that is not there, several regions and none chosen, a label whose positive value is
/// not clear, one class only, no case left.
pub fn read(table: &Table, options: &Options) -> Result<Cases, Problem> {
    let target = columns::find(table, &options.target, "--target")?;
    let mut features = columns::features(table, &options.features, &target)?;
    let volume_is_feature = features.contains(&options.volume_column);
    let volume = volume(table, &options.volume_column)?;

    let rows = rows(table, options.roi.as_deref())?;
    let labels = table.texts(&target).unwrap_or_default();
    let columns: Vec<Vec<f64>> = features
        .iter()
        .filter_map(|name| table.f64s(name))
        .collect();
    let mut excluded = rows.excluded;
    let mut kept = Vec::new();
    for row in rows.counting {
        let infinite = columns
            .iter()
            .position(|column| column[row.at].is_infinite());
        let cause = match (&labels[row.at], infinite) {
            (None, _) => format!("no value in `{target}`"),
            (Some(_), Some(feature)) => format!("`{}` is infinite", features[feature]),
            (Some(label), None) => {
                kept.push((row, label.as_str()));
                continue;
            }
        };
        excluded.push(row.excluded(cause));
    }
    // In the table's order, whatever the reason.
    excluded.sort_by_key(|(at, _)| *at);
    if kept.is_empty() {
        let first = excluded.first().map_or_else(String::new, |(_, row)| {
            format!(", the first because of: {}", row.cause)
        });
        return Err(Problem::new(format!(
            "no case is left to learn from; {} are excluded{first}",
            excluded.len()
        ))
        .fix(format!("check column `{target}` and the rows' `status`")));
    }
    let present: Vec<&str> = kept.iter().map(|(_, label)| *label).collect();
    let positive = positive(&target, &present, options.positive.as_deref())?;
    let labels: Vec<bool> = present.iter().map(|label| same(label, &positive)).collect();

    let mut values = Vec::with_capacity(kept.len() * (columns.len() + 1));
    for (row, _) in &kept {
        values.extend(columns.iter().map(|column| column[row.at]));
        if !volume_is_feature {
            values.push(volume.as_ref().map_or(f64::NAN, |volume| volume[row.at]));
        }
    }
    if !volume_is_feature {
        features.push(options.volume_column.clone());
    }
    let ids = kept.iter().map(|(row, _)| row.id()).collect();
    Ok(Cases {
        matrix: FeatureMatrix::new(features, ids, &values, labels)?,
        target,
        positive,
        volume: volume.map(|volume| kept.iter().map(|(row, _)| volume[row.at]).collect()),
        volume_column: options.volume_column.clone(),
        volume_is_feature,
        regions: kept.into_iter().map(|(row, _)| row.roi).collect(),
        excluded: excluded.into_iter().map(|(_, row)| row).collect(),
    })
}

fn volume(table: &Table, column: &str) -> Result<Option<Vec<f64>>, Problem> {
    match table.f64s(column) {
        Some(volume) => Ok(Some(volume)),
        // Features without shape: the baseline is then shown as not known.
        None if column == DEFAULT_VOLUME_COLUMN => Ok(None),
        None => Err(
            Problem::new(format!("the table has no column of numbers `{column}`"))
                .fix(columns::nearest(&table.names(), column, "--volume-column")),
        ),
    }
}

/// One row of the table.
struct Row {
    at: usize,
    case_id: String,
    patient_id: Option<String>,
    roi: Option<String>,
}

impl Row {
    /// A case of which the patient is not known is a patient of its own.
    fn id(&self) -> RowId {
        RowId {
            case_id: self.case_id.clone(),
            patient_id: self
                .patient_id
                .clone()
                .unwrap_or_else(|| self.case_id.clone()),
        }
    }

    fn excluded(self, cause: String) -> (usize, Excluded) {
        let Self {
            at,
            case_id,
            patient_id,
            roi,
        } = self;
        (
            at,
            Excluded {
                case_id,
                patient_id,
                roi,
                cause,
            },
        )
    }
}

struct Rows {
    counting: Vec<Row>,
    excluded: Vec<(usize, Excluded)>,
}

/// The rows of the wanted region, by whether they went well.
fn rows(table: &Table, wanted: Option<&str>) -> Result<Rows, Problem> {
    let texts = |name: &str| table.texts(name).unwrap_or_else(|| vec![None; table.len()]);
    let (patients, regions, status, causes) = (
        texts("patient_id"),
        texts("roi"),
        texts("status"),
        texts("cause"),
    );
    let case_ids = table.texts("case_id").ok_or_else(|| {
        Problem::new("the table has no column `case_id`").fix("make the table with stage `table`")
    })?;

    let known: BTreeSet<&str> = regions.iter().flatten().map(String::as_str).collect();
    match wanted {
        Some(wanted) if !known.contains(wanted) => {
            let names: Vec<_> = known.into_iter().collect();
            return Err(Problem::new(format!("the table has no region `{wanted}`"))
                .fix(format!("there are: {}", names.join(", "))));
        }
        None if known.len() > 1 => {
            let names: Vec<_> = known.into_iter().collect();
            return Err(Problem::new(format!(
                "the table has rows of {} regions: {}",
                names.len(),
                names.join(", ")
            ))
            .fix(format!("choose one: --roi {}", names[0])));
        }
        _ => {}
    }

    let mut found = Rows {
        counting: Vec::new(),
        excluded: Vec::new(),
    };
    let mut elsewhere = Vec::new();
    for (at, case_id) in case_ids.iter().enumerate() {
        let case_id = case_id.clone().unwrap_or_default();
        let row = Row {
            at,
            case_id,
            patient_id: patients[at].clone(),
            roi: regions[at].clone(),
        };
        let ok = status[at].as_deref().is_none_or(|status| status == "ok");
        match (&row.roi, wanted) {
            (Some(roi), Some(wanted)) if roi != wanted => elsewhere.push(row),
            _ if ok => found.counting.push(row),
            _ => {
                let cause = causes[at]
                    .clone()
                    .unwrap_or_else(|| status[at].clone().unwrap_or_default());
                found.excluded.push(row.excluded(cause));
            }
        }
    }
    // A case that has only other regions is told of, too.
    let mut here: BTreeSet<String> = found
        .counting
        .iter()
        .map(|row| row.case_id.clone())
        .collect();
    here.extend(found.excluded.iter().map(|(_, row)| row.case_id.clone()));
    for mut row in elsewhere {
        if here.insert(row.case_id.clone()) {
            row.roi = None;
            found
                .excluded
                .push(row.excluded(format!("no region `{}`", wanted.unwrap_or_default())));
        }
    }
    Ok(found)
}

/// The value that counts as positive.
fn positive(target: &str, labels: &[&str], wanted: Option<&str>) -> Result<String, Problem> {
    let values: BTreeSet<&str> = labels.iter().copied().collect();
    let listed = || {
        values
            .iter()
            .take(10)
            .copied()
            .collect::<Vec<_>>()
            .join(", ")
    };
    let among = |wanted: &str| values.iter().any(|value| same(value, wanted));
    let positive = match wanted {
        Some(wanted) => wanted,
        None if values
            .iter()
            .all(|value| same(value, "true") || same(value, "false")) =>
        {
            "true"
        }
        None if values
            .iter()
            .all(|value| same(value, "1") || same(value, "0")) =>
        {
            "1"
        }
        None => {
            return Err(Problem::new(format!(
                "which value of `{target}` is positive? It has: {}",
                listed()
            ))
            .fix("name one with --positive"));
        }
    };
    if !among(positive) || values.iter().all(|value| same(value, positive)) {
        return Err(Problem::new(format!(
            "a classifier needs both classes: with `{positive}` as positive, `{target}` has {} in all {} cases",
            listed(),
            labels.len()
        ))
        .fix("check the labels, --target and --positive"));
    }
    Ok(positive.to_owned())
}

/// Whether two texts are one value: `true` is `True`, and `1` is `1.0`.
fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || one
            .parse::<f64>()
            .is_ok_and(|one| other.parse::<f64>().is_ok_and(|other| one == other))
}
