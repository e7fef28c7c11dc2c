//! Tables put together: below one another, and beside one another.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array},
    compute::{cast, concat, take_record_batch},
    datatypes::{DataType, Field, Schema},
};
use polars::prelude::{DataFrameJoinOps, JoinArgs, JoinType, MaintainOrderJoin};

use crate::{
    FrameError,
    convert::{to_batch, to_frame},
};

/// A copy in memory of its own. A table that arrived in a message shares the message's memory,
/// and whoever keeps tables would keep every message.
///
/// # Errors
/// More rows than 32 bits can count.
pub fn detach(batch: &RecordBatch) -> Result<RecordBatch, FrameError> {
    let rows = UInt32Array::from_iter_values(0..batch.num_rows() as u32);
    Ok(take_record_batch(batch, &rows)?)
}

/// Put tables below one another, in the order given. Columns go by name, in order of first
/// appearance; a table without a column gets missing values there.
///
/// Where tables disagree on a column's type, `int64` and `float64` make `float64`, a column of
/// missing values takes the other's type, and anything else becomes text, so that no value is
/// lost.
///
/// # Shapes
/// `[rows_i, columns_i]` each; the result has the sum of the rows and the union of the columns.
///
/// # Errors
/// A column of a type that tables do not have.
pub fn stack(tables: &[RecordBatch]) -> Result<RecordBatch, FrameError> {
    let mut names: Vec<&str> = Vec::new();
    let mut types: HashMap<&str, ColumnType> = HashMap::new();
    for table in tables {
        for (field, array) in table.schema_ref().fields().iter().zip(table.columns()) {
            let name = field.name().as_str();
            match types.get_mut(name) {
                Some(known) => *known = known.with(ColumnType::of(name, array)?),
                None => {
                    names.push(name);
                    types.insert(name, ColumnType::of(name, array)?);
                }
            }
        }
    }
    let mut fields = Vec::with_capacity(names.len());
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let data_type = types[name].data_type.clone();
        let parts = tables
            .iter()
            .map(|table| match table.column_by_name(name) {
                Some(array) if array.null_count() < array.len() => Ok(cast(array, &data_type)?),
                _ => Ok(new_null_array(&data_type, table.num_rows())),
            })
            .collect::<Result<Vec<ArrayRef>, FrameError>>()?;
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        columns.push(concat(&parts)?);
        fields.push(Field::new(name, data_type, true));
    }
    let rows = tables.iter().map(RecordBatch::num_rows).sum();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        columns,
        &options,
    )?)
}

/// The type of a column, or of several pieces of one.
struct ColumnType {
    data_type: DataType,
    /// Whether any piece has a value; a type without values gives way to one that has some.
    has_values: bool,
}

impl ColumnType {
    fn of(name: &str, array: &ArrayRef) -> Result<Self, FrameError> {
        use DataType::{Boolean, Float64, Int64, Utf8};
        match array.data_type() {
            Float64 | Int64 | Boolean | Utf8 => Ok(Self {
                data_type: array.data_type().clone(),
                has_values: array.null_count() < array.len(),
            }),
            other => Err(FrameError::ColumnType {
                column: name.to_owned(),
                found: other.to_string(),
            }),
        }
    }

    fn with(&self, other: Self) -> Self {
        use DataType::{Float64, Int64, Utf8};
        let data_type = match (&self.data_type, &other.data_type) {
            (one, _) if !other.has_values => one.clone(),
            (_, two) if !self.has_values => two.clone(),
            (one, two) if one == two => one.clone(),
            (Int64, Float64) | (Float64, Int64) => Float64,
            _ => Utf8,
        };
        Self {
            data_type,
            has_values: self.has_values || other.has_values,
        }
    }
}

/// Put the columns of `right` beside those of `left`, row by row where all key columns agree;
/// a missing key agrees with a missing key. Rows and their order are those of `left`; where
/// `right` has no row the values are missing.
///
/// # Shapes
/// `left`: `[rows, a]`, `right`: `[any, b]` with the `k` columns of `on` in both; the result is
/// `[rows, a + b - k]`.
///
/// # Errors
/// A key that a table lacks or that differs in type, another column that both have, two rows of
/// `right` for one of `left`.
pub fn left_join(
    left: &RecordBatch,
    right: &RecordBatch,
    on: &[&str],
) -> Result<RecordBatch, FrameError> {
    for table in [left, right] {
        if let Some(key) = on.iter().find(|key| table.column_by_name(key).is_none()) {
            let names: Vec<_> = table
                .schema_ref()
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            return Err(FrameError::NoKey {
                key: (*key).to_owned(),
                available: names.join(", "),
            });
        }
    }
    let names = right.schema_ref().fields().iter().map(|field| field.name());
    if let Some(name) = names
        .filter(|name| !on.contains(&name.as_str()))
        .find(|name| left.column_by_name(name).is_some())
    {
        return Err(FrameError::Clash(name.clone()));
    }
    let mut args = JoinArgs::new(JoinType::Left);
    args.nulls_equal = true;
    args.maintain_order = MaintainOrderJoin::Left;
    let keys = || on.iter().copied();
    let joined = to_frame(left)?.join(&to_frame(right)?, keys(), keys(), args, None)?;
    if joined.height() != left.num_rows() {
        return Err(FrameError::SharedKey { on: on.join(", ") });
    }
    to_batch(&joined)
}
