//! Where the table goes, and in which form.

use std::path::{Path, PathBuf};

use renalflow_frames::{check_writable, write_file, write_parquet};
use renalflow_sdk::arrow::{
    array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray},
    datatypes::DataType,
};
use serde_json::{Map, Number, Value as Json};

use crate::{cli, cli::TableFormat, screen};

/// A file, or the terminal.
pub struct Destination {
    path: Option<PathBuf>,
    format: TableFormat,
}

impl Destination {
    /// What the options ask for, checked before anything is computed.
    pub fn of(options: &cli::Radiomics, cases: usize) -> Result<Self, String> {
        let path = options.output.clone();
        let by_ending = |path: &Path| match path.extension()?.to_str()? {
            "parquet" => Some(TableFormat::Parquet),
            "csv" => Some(TableFormat::Csv),
            "json" => Some(TableFormat::Json),
            "txt" => Some(TableFormat::Text),
            _ => None,
        };
        let format = match (options.format, &path) {
            (Some(TableFormat::Parquet), None) => {
                return Err(
                    "Parquet is not for the terminal\n  fix: name a file with `-o table.parquet`"
                        .to_owned(),
                );
            }
            (Some(format), _) => format,
            (None, None) if cases > 1 => TableFormat::Csv,
            (None, None) => TableFormat::Text,
            (None, Some(path)) => by_ending(path).ok_or_else(|| {
                format!(
                    "{}: the ending says nothing of the format\n  fix: end the name in .parquet, \
                     .csv or .json, or give `--format`",
                    path.display()
                )
            })?,
        };
        if let Some(path) = &path {
            check_writable(path).map_err(|error| error.to_string())?;
        }
        Ok(Self { path, format })
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Write a table.
    pub fn write(&self, table: &RecordBatch) -> Result<(), String> {
        let text = match self.format {
            TableFormat::Parquet => {
                let Some(path) = &self.path else {
                    return Ok(());
                };
                let made_by = ("made_by".to_owned(), version());
                return write_parquet(table, &[made_by], path).map_err(|error| error.to_string());
            }
            TableFormat::Csv => csv_text(table)?,
            TableFormat::Json => json_text(table)?,
            TableFormat::Text => plain_text(table),
        };
        match &self.path {
            Some(path) => write_file(path, text.as_bytes()).map_err(|error| error.to_string()),
            None => {
                screen::say(text.trim_end());
                Ok(())
            }
        }
    }
}

fn version() -> String {
    concat!("renalflow ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// One cell as text: the shortest number that reads back the same, `nan` where a measurement
/// has no number, nothing where there was no measurement.
fn cell_text(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return String::new();
    }
    let any = array.as_any();
    if let Some(array) = any.downcast_ref::<Float64Array>() {
        let value = array.value(row);
        if value.is_nan() {
            "nan".to_owned()
        } else {
            value.to_string()
        }
    } else if let Some(array) = any.downcast_ref::<Int64Array>() {
        array.value(row).to_string()
    } else if let Some(array) = any.downcast_ref::<StringArray>() {
        array.value(row).to_owned()
    } else {
        String::new()
    }
}

fn names(table: &RecordBatch) -> Vec<String> {
    let schema = table.schema_ref();
    schema.fields().iter().map(|f| f.name().clone()).collect()
}

/// A table as comma-separated text.
pub fn csv_text(table: &RecordBatch) -> Result<String, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: Vec<String>| writer.write_record(cells).map_err(|e| e.to_string());
    write(names(table))?;
    for row in 0..table.num_rows() {
        write(table.columns().iter().map(|c| cell_text(c, row)).collect())?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// A list of flat objects, one a row and a line. JSON has no NaN: such a value is null, as is
/// a missing one.
fn json_text(table: &RecordBatch) -> Result<String, String> {
    let names = names(table);
    let mut lines = Vec::with_capacity(table.num_rows());
    for row in 0..table.num_rows() {
        let object: Map<String, Json> = names
            .iter()
            .zip(table.columns())
            .map(|(name, array)| (name.clone(), json_cell(array, row)))
            .collect();
        lines.push(serde_json::to_string(&object).map_err(|error| error.to_string())?);
    }
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}

fn json_cell(array: &ArrayRef, row: usize) -> Json {
    if array.is_null(row) {
        return Json::Null;
    }
    match array.data_type() {
        DataType::Float64 => array
            .as_any()
            .downcast_ref::<Float64Array>()
            .and_then(|array| Number::from_f64(array.value(row)))
            .map_or(Json::Null, Json::Number),
        DataType::Int64 => array
            .as_any()
            .downcast_ref::<Int64Array>()
            .map_or(Json::Null, |array| array.value(row).into()),
        _ => Json::String(cell_text(array, row)),
    }
}

/// A column a line.
fn plain_text(table: &RecordBatch) -> String {
    let names = names(table);
    let width = names.iter().map(|name| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut lines = Vec::new();
    for row in 0..table.num_rows() {
        if row > 0 {
            lines.push(String::new());
        }
        for (name, array) in names.iter().zip(table.columns()) {
            if !array.is_null(row) {
                lines.push(format!("{name:<width$}  {}", cell_text(array, row)));
            }
        }
    }
    lines.join("\n") + "\n"
}
