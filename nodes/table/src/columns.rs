//! The layout of the table: which columns stand where.

use std::sync::Arc;

use renalflow_frames::FrameError;
use renalflow_sdk::{
    Failure, Problem,
    arrow::{
        array::{Array, ArrayRef, RecordBatch, StringArray},
        datatypes::{DataType, Field, Schema},
        error::ArrowError,
    },
};

/// Name of the case.
pub const CASE_ID: &str = "case_id";
/// Name of the patient, from the record.
pub const PATIENT_ID: &str = "patient_id";
/// Region of interest.
pub const ROI: &str = "roi";
/// Key of what the row was computed from.
pub const LINEAGE: &str = "lineage";
/// What the columns of the record are called: their name after this.
pub const CLINICAL: &str = "clinical_";

/// The columns that say whose row it is and how it went, in order; all are text. They are
/// there in every table.
const INDEX: [&str; 7] = [
    CASE_ID,
    PATIENT_ID,
    ROI,
    "status",
    "failed_node",
    "cause",
    "fix",
];

/// How a row went.
pub enum Status {
    /// All features are there.
    Ok,
    /// Some input has no features for this region.
    Incomplete {
        /// Which.
        cause: String,
    },
}

/// Whether a column of a features input would be taken for one of this stage's own.
pub fn is_reserved(name: &str) -> bool {
    INDEX.contains(&name) || name == LINEAGE || name.starts_with(CLINICAL)
}

/// The index columns of one case.
///
/// # Shapes
/// One row an element of `regions`.
pub fn index(
    case_id: &str,
    patient_id: Option<&str>,
    regions: &[(Option<String>, Status)],
) -> Result<RecordBatch, ArrowError> {
    let column = |name: &str| -> Vec<Option<String>> {
        regions
            .iter()
            .map(|(roi, status)| match (name, status) {
                (CASE_ID, _) => Some(case_id.to_owned()),
                (PATIENT_ID, _) => patient_id.map(str::to_owned),
                (ROI, _) => roi.clone(),
                ("status", Status::Ok) => Some("ok".to_owned()),
                ("status", Status::Incomplete { .. }) => Some("incomplete".to_owned()),
                ("cause", Status::Incomplete { cause }) => Some(cause.clone()),
                _ => None,
            })
            .collect()
    };
    text_columns(INDEX.map(|name| (name, column(name))))
}

/// The row of a failed case.
pub fn failed(failure: &Failure, patient_id: Option<String>) -> Result<RecordBatch, ArrowError> {
    let fix = Some(failure.fix.clone()).filter(|fix| !fix.is_empty());
    text_columns([
        (CASE_ID, vec![Some(failure.case_id.clone())]),
        (PATIENT_ID, vec![patient_id]),
        (ROI, vec![None]),
        ("status", vec![Some("failed".to_owned())]),
        ("failed_node", vec![Some(failure.node.clone())]),
        ("cause", vec![Some(failure.cause.clone())]),
        ("fix", vec![fix]),
    ])
}

fn text_columns<const N: usize>(
    columns: [(&str, Vec<Option<String>>); N],
) -> Result<RecordBatch, ArrowError> {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, _)| Field::new(*name, DataType::Utf8, true))
        .collect();
    let arrays = columns
        .into_iter()
        .map(|(_, values)| Arc::new(StringArray::from(values)) as ArrayRef)
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// A table with a text column more, or with this one instead of the one it had.
pub fn with_text(table: &RecordBatch, name: &str, value: &str) -> Result<RecordBatch, ArrowError> {
    let table = without(table, &[name])?;
    let mut fields = table.schema_ref().fields().to_vec();
    let mut arrays = table.columns().to_vec();
    fields.push(Arc::new(Field::new(name, DataType::Utf8, true)));
    arrays.push(Arc::new(StringArray::from(vec![value; table.num_rows()])));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// A table without some of its columns.
pub fn without(table: &RecordBatch, names: &[&str]) -> Result<RecordBatch, ArrowError> {
    let fields = table.schema_ref().fields();
    let kept: Vec<_> = (0..fields.len())
        .filter(|&at| !names.contains(&fields[at].name().as_str()))
        .collect();
    table.project(&kept)
}

/// Index, clinical columns, features, lineage; each part in the order of its appearance.
pub fn in_order(table: &RecordBatch) -> Result<RecordBatch, Problem> {
    // Without any row there is no column yet.
    let table = if table.num_columns() == 0 {
        &text_columns(INDEX.map(|name| (name, Vec::new())))?
    } else {
        table
    };
    let mut order: Vec<usize> = (0..table.num_columns()).collect();
    order.sort_by_key(|&at| {
        let name = table.schema_ref().field(at).name().as_str();
        match INDEX.iter().position(|index| *index == name) {
            Some(place) => place,
            None if name.starts_with(CLINICAL) => INDEX.len(),
            None if name != LINEAGE => INDEX.len() + 1,
            None => INDEX.len() + 2,
        }
    });
    let table = table.project(&order).map_err(FrameError::from)?;
    if table.column_by_name(LINEAGE).is_some() {
        return Ok(table);
    }
    // Every case failed: the column is there all the same.
    let mut fields = table.schema_ref().fields().to_vec();
    let mut arrays = table.columns().to_vec();
    fields.push(Arc::new(Field::new(LINEAGE, DataType::Utf8, true)));
    arrays.push(Arc::new(StringArray::new_null(table.num_rows())));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

/// The lineage keys of all rows as one text.
pub fn lineage(table: &RecordBatch) -> String {
    let text = |name: &str| {
        table
            .column_by_name(name)
            .and_then(|array| array.as_any().downcast_ref::<StringArray>())
    };
    let (Some(cases), Some(keys)) = (text(CASE_ID), text(LINEAGE)) else {
        return String::new();
    };
    let rows: Vec<_> = cases
        .iter()
        .zip(keys.iter())
        .map(|(case_id, key)| {
            format!(
                "{}={}",
                case_id.unwrap_or_default(),
                key.unwrap_or_default()
            )
        })
        .collect();
    rows.join(";")
}
