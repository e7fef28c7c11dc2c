//! Tables of clinical data and labels: CSV, and KiTS19's `kits.json`.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    error::{DatasetError, Location},
    record::{Record, Value},
    yaml::nearest,
};

/// One row of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Line of the row in the file, from 1.
    pub line: u64,
    /// Patient, where the table says.
    pub patient_id: Option<String>,
    /// The other columns.
    pub record: Record,
}

/// Rows by case.
pub(crate) type Rows = BTreeMap<String, Row>;

/// Read a CSV with a header line.
///
/// # Errors
/// A column that is not there (with the nearest name), a row of another length, a case that
/// is named twice (with both lines), an empty case.
pub(crate) fn read_csv(
    path: &Path,
    case_column: &str,
    patient_column: Option<&str>,
) -> Result<Rows, DatasetError> {
    let bytes = fs::read(path).map_err(|source| DatasetError::Io {
        path: path.to_owned(),
        source,
    })?;
    // Spreadsheets like to begin with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let header = reader
        .headers()
        .map_err(|error| csv_error(path, &error))?
        .clone();
    let column = |name: &str| {
        header
            .iter()
            .position(|known| known == name)
            .ok_or_else(|| {
                let near = nearest(name, header.iter())
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                DatasetError::Table {
                    at: Location::new(path, Some(1)),
                    cause: format!("no column `{name}`{near}"),
                    fix: format!(
                        "name one of its columns in the manifest: {}",
                        header.iter().collect::<Vec<_>>().join(", ")
                    ),
                }
            })
    };
    let case_index = column(case_column)?;
    let patient_index = patient_column.map(column).transpose()?;

    let mut rows = Rows::new();
    for fields in reader.records() {
        let fields = fields.map_err(|error| csv_error(path, &error))?;
        let line = fields.position().map_or(0, csv::Position::line);
        let mut record = Record::new();
        for (index, (name, word)) in header.iter().zip(&fields).enumerate() {
            if index != case_index && Some(index) != patient_index {
                record.insert(name, Value::of_word(word));
            }
        }
        let row = Row {
            line,
            patient_id: patient_index.and_then(|i| fields.get(i)).map(str::to_owned),
            record,
        };
        let case = fields.get(case_index).unwrap_or_default();
        insert(path, &mut rows, case, row)?;
    }
    Ok(rows)
}

fn insert(path: &Path, rows: &mut Rows, case: &str, row: Row) -> Result<(), DatasetError> {
    let line = row.line;
    let error = |cause: String, fix: &str| DatasetError::Table {
        at: Location::new(path, Some(line)),
        cause,
        fix: fix.to_owned(),
    };
    if case.is_empty() {
        return Err(error(
            "a row without a case".to_owned(),
            "fill in the case or remove the row",
        ));
    }
    match rows.insert(case.to_owned(), row) {
        None => Ok(()),
        Some(first) => Err(error(
            format!(
                "case {case} is listed twice, on lines {} and {line}",
                first.line
            ),
            "keep one row a case",
        )),
    }
}

fn csv_error(path: &Path, error: &csv::Error) -> DatasetError {
    let position = error.position().map(csv::Position::line);
    let cause = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} fields where the header has {expected_len}"),
        _ => error.to_string(),
    };
    DatasetError::Table {
        at: Location::new(path, position),
        cause,
        fix: "correct the row; a field with a comma in it needs quotes".to_owned(),
    }
}

/// Read KiTS19's clinical file: a list of objects, each with its `case_id`. Nested objects
/// are flattened with a dot (`comorbidities.copd`); entries of one case must not repeat.
///
/// # Errors
/// A file that is no such list, or a case that is named twice.
pub(crate) fn read_kits_json(path: &Path) -> Result<Rows, DatasetError> {
    let text = fs::read_to_string(path).map_err(|source| DatasetError::Io {
        path: path.to_owned(),
        source,
    })?;
    let fix = "give the kits.json of the KiTS19 repository";
    let entries: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&text)
        .map_err(|error| DatasetError::Table {
            at: Location::new(path, Some(error.line() as u64)),
            cause: format!("not a list of cases: {error}"),
            fix: fix.to_owned(),
        })?;
    let lines = lines_of_case_ids(&text);
    let mut rows = Rows::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let line = lines.get(index).copied().unwrap_or(0);
        let case = entry
            .get("case_id")
            .and_then(|v| v.as_str())
            .unwrap_or_default()
            .to_owned();
        let mut record = Record::new();
        for (name, value) in entry {
            if name != "case_id" {
                flatten(&name, value, &mut record);
            }
        }
        let row = Row {
            line,
            patient_id: None,
            record,
        };
        insert(path, &mut rows, &case, row)?;
    }
    Ok(rows)
}

/// The lines on which `"case_id"` stands, in order.
fn lines_of_case_ids(text: &str) -> Vec<u64> {
    text.lines()
        .zip(1u64..)
        .flat_map(|(line, number)| std::iter::repeat_n(number, line.matches("\"case_id\"").count()))
        .collect()
}

fn flatten(name: &str, value: serde_json::Value, into: &mut Record) {
    use serde_json::Value as Json;
    let flat = match value {
        Json::Null => Value::Missing,
        Json::Bool(b) => Value::Bool(b),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(float)) => Value::Float(float),
            (None, None) => Value::Missing,
        },
        Json::String(text) => Value::Text(text),
        Json::Object(fields) => {
            for (field, value) in fields {
                flatten(&format!("{name}.{field}"), value, into);
            }
            return;
        }
        list @ Json::Array(_) => Value::Text(list.to_string()),
    };
    into.insert(name, flat);
}
