//! Rows on an edge: features, clinical records, boxes, predictions, metrics.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
        StructArray,
    },
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
};
use serde_json::{Map, Number, Value as Json};

/// Rows with named columns of four types: `f64`, `i64`, `bool` and text; any may be missing.
///
/// On the wire it is an Arrow struct array, which a Python node reads with pyarrow alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Table(RecordBatch);

/// One row: column name to value, in column order. JSON's null is a missing value.
pub type Row = Map<String, Json>;

impl Table {
    /// Wrap a record batch, column types reduced to the four that tables have.
    ///
    /// # Errors
    /// A column whose type is none of the four nor convertible by widening.
    pub fn from_batch(batch: RecordBatch) -> Result<Self, ArrowError> {
        for field in batch.schema_ref().fields() {
            if !matches!(
                field.data_type(),
                DataType::Float64 | DataType::Int64 | DataType::Boolean | DataType::Utf8
            ) {
                return Err(ArrowError::SchemaError(format!(
                    "column `{}` has type {}; a table has float64, int64, bool and utf8 columns: cast it",
                    field.name(),
                    field.data_type()
                )));
            }
        }
        Ok(Self(batch))
    }

    /// Build a table from rows. Columns are the union of the rows' keys in order of first
    /// appearance; a column that holds both integers and floats is `f64`; a column of
    /// missing values only is `f64`; nested values are kept as JSON text.
    ///
    /// # Errors
    /// A column that mixes text, booleans and numbers: the message names it.
    pub fn from_rows(rows: &[Row]) -> Result<Self, ArrowError> {
        let mut columns: Vec<&str> = Vec::new();
        let mut seen = BTreeMap::new();
        for row in rows {
            for name in row.keys() {
                if seen.insert(name.as_str(), ()).is_none() {
                    columns.push(name);
                }
            }
        }
        let mut fields = Vec::with_capacity(columns.len());
        let mut arrays = Vec::with_capacity(columns.len());
        for name in columns {
            let array = column(name, rows.iter().map(|row| row.get(name)))?;
            fields.push(Field::new(name, array.data_type().clone(), true));
            arrays.push(array);
        }
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).map(Self)
    }

    /// The rows, as JSON maps. JSON has no NaN and no infinity, so those read as missing
    /// here; [`Self::f64s`] keeps them.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        (0..self.len())
            .map(|row| {
                self.0
                    .schema_ref()
                    .fields()
                    .iter()
                    .zip(self.0.columns())
                    .map(|(field, array)| (field.name().clone(), cell(array, row)))
                    .collect()
            })
            .collect()
    }

    /// The record batch.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.0
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Column names in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0
            .schema_ref()
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect()
    }

    /// A numeric column as `f64`; integers and booleans convert, missing is NaN. `None` where
    /// there is no such column or it is text.
    #[must_use]
    pub fn f64s(&self, name: &str) -> Option<Vec<f64>> {
        let array = self.0.column_by_name(name)?;
        let missing_as_nan = |values: Vec<Option<f64>>| {
            values
                .into_iter()
                .map(|value| value.unwrap_or(f64::NAN))
                .collect()
        };
        if let Some(array) = array.as_any().downcast_ref::<Float64Array>() {
            return Some(missing_as_nan(array.iter().collect()));
        }
        if let Some(array) = array.as_any().downcast_ref::<Int64Array>() {
            return Some(missing_as_nan(
                array.iter().map(|v| v.map(|v| v as f64)).collect(),
            ));
        }
        let array = array.as_any().downcast_ref::<BooleanArray>()?;
        Some(missing_as_nan(
            array
                .iter()
                .map(|v| v.map(|v| f64::from(u8::from(v))))
                .collect(),
        ))
    }

    /// A column as text; numbers are printed. `None` where there is no such column.
    #[must_use]
    pub fn texts(&self, name: &str) -> Option<Vec<Option<String>>> {
        let array = self.0.column_by_name(name)?;
        Some(
            (0..array.len())
                .map(|row| match cell(array, row) {
                    Json::Null => None,
                    Json::String(text) => Some(text),
                    other => Some(other.to_string()),
                })
                .collect(),
        )
    }

    /// As the struct array that travels.
    #[must_use]
    pub fn to_struct_array(&self) -> StructArray {
        StructArray::from(self.0.clone())
    }

    /// From the struct array that arrived.
    ///
    /// # Errors
    /// See [`Self::from_batch`]; a null row is refused too.
    pub fn from_struct_array(array: &StructArray) -> Result<Self, ArrowError> {
        if array.null_count() > 0 {
            return Err(ArrowError::SchemaError(
                "a table has no null rows".to_owned(),
            ));
        }
        Self::from_batch(RecordBatch::from(array.clone()))
    }
}

fn column<'a>(
    name: &str,
    cells: impl Iterator<Item = Option<&'a Json>>,
) -> Result<ArrayRef, ArrowError> {
    let cells: Vec<Option<&Json>> = cells
        .map(|cell| cell.filter(|cell| !cell.is_null()))
        .collect();
    let present = || cells.iter().flatten();
    let mixed = || {
        ArrowError::SchemaError(format!(
            "column `{name}` mixes text, booleans and numbers; make every row's value of one type"
        ))
    };
    let array: ArrayRef = if present().all(|cell| cell.is_number()) {
        if present().next().is_some() && present().all(|cell| cell.is_i64()) {
            Arc::new(
                cells
                    .iter()
                    .map(|cell| cell.and_then(Json::as_i64))
                    .collect::<Int64Array>(),
            )
        } else {
            Arc::new(
                cells
                    .iter()
                    .map(|cell| cell.and_then(Json::as_f64))
                    .collect::<Float64Array>(),
            )
        }
    } else if present().all(|cell| cell.is_boolean()) {
        Arc::new(
            cells
                .iter()
                .map(|cell| cell.and_then(Json::as_bool))
                .collect::<BooleanArray>(),
        )
    } else if present().any(|cell| cell.is_number() || cell.is_boolean()) {
        return Err(mixed());
    } else {
        Arc::new(
            cells
                .iter()
                .map(|cell| {
                    cell.map(|cell| {
                        cell.as_str()
                            .map_or_else(|| cell.to_string(), str::to_owned)
                    })
                })
                .collect::<StringArray>(),
        )
    };
    Ok(array)
}

fn cell(array: &ArrayRef, row: usize) -> Json {
    if array.is_null(row) {
        return Json::Null;
    }
    let any = array.as_any();
    if let Some(array) = any.downcast_ref::<Float64Array>() {
        Number::from_f64(array.value(row)).map_or(Json::Null, Json::Number)
    } else if let Some(array) = any.downcast_ref::<Int64Array>() {
        array.value(row).into()
    } else if let Some(array) = any.downcast_ref::<BooleanArray>() {
        array.value(row).into()
    } else if let Some(array) = any.downcast_ref::<StringArray>() {
        array.value(row).into()
    } else {
        Json::Null
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn rows(json: Json) -> Vec<Row> {
        json.as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_object().unwrap().clone())
            .collect()
    }

    #[test]
    fn rows_come_back_as_they_went_in() {
        let input = rows(json!([
            {"case_id": "a", "volume_ml": 1.5, "n": 3, "malignant": true},
            {"case_id": "b", "volume_ml": null, "n": 4, "malignant": false},
        ]));
        let table = Table::from_rows(&input).unwrap();
        assert_eq!(table.rows(), input);
        assert_eq!(table.f64s("n"), Some(vec![3.0, 4.0]));
        assert!(table.f64s("volume_ml").unwrap()[1].is_nan());
        assert_eq!(table.f64s("case_id"), None);
        let again = Table::from_struct_array(&table.to_struct_array()).unwrap();
        assert_eq!(again, table);
    }

    #[test]
    fn a_column_of_two_types_is_refused_by_name() {
        let error = Table::from_rows(&rows(json!([{"stage": "1a"}, {"stage": 2}]))).unwrap_err();
        assert!(error.to_string().contains("`stage`"), "{error}");
    }
}
