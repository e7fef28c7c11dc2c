//! A comparison as a table of numbers: one row a block, metric and variant.

use std::sync::Arc;

use renalflow_sdk::arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray},
    datatypes::{Field, Schema},
    error::ArrowError,
};

use super::{
    Comparison,
    block::{Block, Row},
};

/// All rows.
///
/// # Shapes
/// `set, region, metric, variant, runs, cases, patients, defined, failed, mean, sd, compared_with,
/// difference, low, high, p, pairs`.
///
/// # Errors
/// None that a comparison can cause; Arrow checks the lengths of columns.
pub fn table(comparison: &Comparison) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<(&Block, &Row)> = comparison
        .blocks
        .iter()
        .flat_map(|block| block.rows.iter().map(move |row| (block, row)))
        .collect();
    let text = |of: &dyn Fn(&Block, &Row) -> Option<String>| -> ArrayRef {
        Arc::new(
            rows.iter()
                .map(|(block, row)| of(block, row))
                .collect::<StringArray>(),
        )
    };
    let count = |of: &dyn Fn(&Block, &Row) -> usize| -> ArrayRef {
        let values = rows.iter().map(|(block, row)| Some(of(block, row) as i64));
        Arc::new(values.collect::<Int64Array>())
    };
    let real = |of: &dyn Fn(&Row) -> Option<f64>| -> ArrayRef {
        Arc::new(
            rows.iter()
                .map(|(_, row)| of(row))
                .collect::<Float64Array>(),
        )
    };
    let name = |at: usize| {
        comparison
            .variants
            .get(at)
            .map(|variant| variant.name.clone())
    };
    let columns: [(&str, ArrayRef); 17] = [
        ("set", text(&|block, _| Some(block.set.clone()))),
        ("region", text(&|block, _| Some(block.region.clone()))),
        (
            "metric",
            text(&|_, row| Some(row.metric.column().to_owned())),
        ),
        ("variant", text(&|_, row| name(row.variant))),
        ("runs", count(&|_, row| row.runs)),
        ("cases", count(&|block, _| block.cases)),
        ("patients", count(&|block, _| block.patients)),
        ("defined", count(&|_, row| row.defined)),
        ("failed", count(&|_, row| row.failed)),
        ("mean", real(&|row| row.mean)),
        ("sd", real(&|row| row.sd)),
        (
            "compared_with",
            text(&|_, row| name(0).filter(|_| row.variant > 0)),
        ),
        ("difference", real(&|row| Some(row.difference?.value))),
        ("low", real(&|row| Some(row.difference?.interval?.low))),
        ("high", real(&|row| Some(row.difference?.interval?.high))),
        ("p", real(&|row| row.difference?.p)),
        ("pairs", count(&|_, row| row.pairs)),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}
