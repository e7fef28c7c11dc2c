//! Rows as a table.

use std::sync::Arc;

use renalflow_sdk::arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
};

/// Columns and their values; `None` is missing.
pub type Values = Vec<(String, Option<f64>)>;

/// One region of a case.
pub struct Row {
    /// Its name.
    pub roi: String,
    /// Its features; every row has the same columns.
    pub values: Values,
}

/// The rows of a case. A column whose values are all missing is there all the same.
///
/// # Shapes
/// A row an element of `rows`; `case_id`, `roi` and the features.
///
/// # Errors
/// Two columns of one name.
pub fn table(case_id: &str, rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let mut fields = vec![text("case_id"), text("roi")];
    let regions: Vec<&str> = rows.iter().map(|row| row.roi.as_str()).collect();
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![case_id; rows.len()])),
        Arc::new(StringArray::from(regions)),
    ];
    let columns = rows.first().map_or(&[][..], |row| &row.values);
    for (at, (name, _)) in columns.iter().enumerate() {
        let values = rows.iter().map(|row| row.values.get(at).and_then(|v| v.1));
        fields.push(Field::new(name, DataType::Float64, true));
        arrays.push(Arc::new(values.collect::<Float64Array>()));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}
