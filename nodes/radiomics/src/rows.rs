//! Extractions as rows of a table: the same from the stage and from the command.

use std::{collections::HashMap, sync::Arc};

use renalflow_radiomics::{DiagnosticValue, Extraction};
use renalflow_sdk::arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray},
    datatypes::{Field, Schema},
    error::ArrowError,
};

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A whole number.
    Count(i64),
    /// A number; NaN is the result of a measurement that has none.
    Real(f64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(count as i64)
    }
}

/// One row: column and value, in column order. A column that a row lacks is missing there.
pub type Cells = Vec<(String, Cell)>;

/// Diagnostics and features of a region.
#[must_use]
pub fn extraction_cells(extraction: &Extraction) -> Cells {
    let diagnostics = extraction.diagnostics.iter().map(|diagnostic| {
        let value = match &diagnostic.value {
            DiagnosticValue::Text(text) => Cell::Text(text.clone()),
            DiagnosticValue::Count(count) => Cell::Count(*count as i64),
            DiagnosticValue::Real(value) => Cell::Real(*value),
        };
        (diagnostic.column.clone(), value)
    });
    let features = extraction
        .values
        .iter()
        .map(|feature| (feature.column.clone(), Cell::Real(feature.value)));
    diagnostics.chain(features).collect()
}

/// Rows below one another. Columns come in order of first appearance, those of the fullest row
/// deciding among neighbours; a column of whole numbers and others is of numbers, one of text
/// and numbers is text.
///
/// # Shapes
/// As many rows as `rows`; the union of their columns.
///
/// # Errors
/// More rows than Arrow can count.
pub fn table(rows: &[Cells]) -> Result<RecordBatch, ArrowError> {
    let mut order: Vec<&str> = Vec::new();
    let mut place: HashMap<&str, usize> = HashMap::new();
    // The fullest row first, so that a failed case at the top does not move its few columns.
    let fullest = rows.iter().max_by_key(|row| row.len());
    for (name, _) in fullest.into_iter().chain(rows).flatten() {
        place.entry(name).or_insert_with(|| {
            order.push(name);
            order.len() - 1
        });
    }
    let mut columns: Vec<Vec<Option<&Cell>>> = vec![vec![None; rows.len()]; order.len()];
    for (at, row) in rows.iter().enumerate() {
        for (name, cell) in row {
            columns[place[name.as_str()]][at] = Some(cell);
        }
    }
    let mut fields = Vec::with_capacity(order.len());
    let mut arrays = Vec::with_capacity(order.len());
    for (name, cells) in order.into_iter().zip(columns) {
        let array = column(&cells);
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

fn column(cells: &[Option<&Cell>]) -> ArrayRef {
    let mut present = cells.iter().flatten();
    if present.clone().any(|cell| matches!(cell, Cell::Text(_))) {
        let texts = cells.iter().map(|cell| {
            cell.map(|cell| match cell {
                Cell::Text(text) => text.clone(),
                Cell::Count(count) => count.to_string(),
                Cell::Real(value) => value.to_string(),
            })
        });
        Arc::new(texts.collect::<StringArray>())
    } else if present.all(|cell| matches!(cell, Cell::Count(_)))
        && cells.iter().any(Option::is_some)
    {
        let counts = cells.iter().map(|cell| match cell {
            Some(Cell::Count(count)) => Some(*count),
            _ => None,
        });
        Arc::new(counts.collect::<Int64Array>())
    } else {
        let numbers = cells.iter().map(|cell| match cell {
            Some(Cell::Count(count)) => Some(*count as f64),
            Some(Cell::Real(value)) => Some(*value),
            _ => None,
        });
        Arc::new(numbers.collect::<Float64Array>())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use renalflow_sdk::arrow::array::Array;

    use super::*;

    fn row(cells: &[(&str, Cell)]) -> Cells {
        cells
            .iter()
            .map(|(name, cell)| ((*name).to_owned(), cell.clone()))
            .collect()
    }

    #[test]
    fn a_failed_first_row_leaves_the_order_and_nan_is_not_missing() {
        let failed = row(&[("Image", "a".into()), ("error", "no label 1".into())]);
        let done = row(&[
            ("Image", "b".into()),
            ("n", Cell::Count(3)),
            ("x", f64::NAN.into()),
        ]);
        let table = table(&[failed, done]).unwrap();
        let schema = table.schema();
        let names: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["Image", "n", "x", "error"]);
        let x = table.column_by_name("x").unwrap();
        let x = x.as_any().downcast_ref::<Float64Array>().unwrap();
        assert!(x.is_null(0) && !x.is_null(1) && x.value(1).is_nan());
        let n = table.column_by_name("n").unwrap();
        assert!(n.as_any().downcast_ref::<Int64Array>().unwrap().is_null(0));
    }
}
