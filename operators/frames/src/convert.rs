//! Between Arrow's record batches and Polars' frames, which have an Arrow of their own.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
        StringArray,
    },
    datatypes::{Field, Schema},
};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoColumn,
    NewChunkedArray, StringChunked,
};

use crate::FrameError;

/// A frame with the columns of a batch.
pub(crate) fn to_frame(batch: &RecordBatch) -> Result<DataFrame, FrameError> {
    let columns = batch
        .schema_ref()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, array)| to_column(field.name(), array))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(DataFrame::new(batch.num_rows(), columns)?)
}

fn to_column(name: &str, array: &ArrayRef) -> Result<Column, FrameError> {
    let any = array.as_any();
    if let Some(array) = any.downcast_ref::<Float64Array>() {
        Ok(Float64Chunked::from_iter_options(name.into(), array.iter()).into_column())
    } else if let Some(array) = any.downcast_ref::<Int64Array>() {
        Ok(Int64Chunked::from_iter_options(name.into(), array.iter()).into_column())
    } else if let Some(array) = any.downcast_ref::<BooleanArray>() {
        Ok(BooleanChunked::from_iter_options(name.into(), array.iter()).into_column())
    } else if let Some(array) = any.downcast_ref::<StringArray>() {
        Ok(StringChunked::from_iter_options(name.into(), array.iter()).into_column())
    } else {
        Err(FrameError::ColumnType {
            column: name.to_owned(),
            found: array.data_type().to_string(),
        })
    }
}

/// A batch with the columns of a frame. Narrower numbers, which files of others have, widen.
pub(crate) fn to_batch(frame: &DataFrame) -> Result<RecordBatch, FrameError> {
    let mut fields = Vec::with_capacity(frame.width());
    let mut arrays = Vec::with_capacity(frame.width());
    for column in frame.columns() {
        let array = to_array(column)?;
        fields.push(Field::new(
            column.name().as_str(),
            array.data_type().clone(),
            true,
        ));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(frame.height()));
    Ok(RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        arrays,
        &options,
    )?)
}

fn to_array(column: &Column) -> Result<ArrayRef, FrameError> {
    let wide = match column.dtype() {
        DataType::Float32 | DataType::Null => column.cast(&DataType::Float64)?,
        other if other.is_integer() => column.strict_cast(&DataType::Int64)?,
        _ => column.clone(),
    };
    Ok(match wide.dtype() {
        DataType::Float64 => Arc::new(wide.f64()?.iter().collect::<Float64Array>()),
        DataType::Int64 => Arc::new(wide.i64()?.iter().collect::<Int64Array>()),
        DataType::Boolean => Arc::new(wide.bool()?.iter().collect::<BooleanArray>()),
        DataType::String => Arc::new(wide.str()?.iter().collect::<StringArray>()),
        other => {
            return Err(FrameError::ColumnType {
                column: column.name().to_string(),
                found: other.to_string(),
            });
        }
    })
}
