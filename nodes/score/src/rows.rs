//! The rows of `scores.parquet`: the same from every stage that scores masks.

use std::sync::Arc;

use renalflow_imaging::metrics::regions::RegionMetrics;
use renalflow_sdk::arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray},
    datatypes::{Field, Schema},
    error::ArrowError,
};

/// Name of the set of cases that were held out in cross-validation.
pub const HELD_OUT: &str = "held-out";
/// Name of the set of cases that no fold was trained on.
pub const TEST: &str = "test";
/// Name of the set of cases of a cohort whose predictions came from elsewhere.
pub const COHORT: &str = "cohort";

/// One row: what one region of one case scores, or why the case has no scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    /// The case.
    pub case_id: String,
    /// Its patient, where a record says it.
    pub patient_id: Option<String>,
    /// Which cases these are: [`HELD_OUT`], [`TEST`], [`COHORT`].
    pub set: String,
    /// The fold whose network predicted the case, from 0, where there are folds.
    pub fold: Option<usize>,
    /// The scores of a region, or why the whole case has none.
    pub scores: Result<RegionScores, String>,
}

/// What one region of one case scores. A measure that is not defined is `None`, never
/// infinite; [`Self::remark`] says why.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionScores {
    /// Name of the region.
    pub region: String,
    /// Dice's coefficient of the voxels, 0 to 1.
    pub dice: f64,
    /// The part of both surfaces that agrees within the tolerance, 0 to 1.
    pub surface_dice: f64,
    /// The tolerance of surface Dice, in mm.
    pub tolerance_mm: f64,
    /// 95th percentile of the Hausdorff distance in mm; `None` if one of the masks is empty.
    pub hd95_mm: Option<f64>,
    /// Average symmetric surface distance in mm; `None` if one of the masks is empty.
    pub assd_mm: Option<f64>,
    /// Volume of the reference, in mL.
    pub reference_ml: f64,
    /// Volume of the prediction, in mL.
    pub predicted_ml: f64,
    /// Predicted less reference, in mL.
    pub volume_error_ml: f64,
    /// The same over the reference's volume; `None` for an empty reference.
    pub relative_volume_error: Option<f64>,
    /// Lesions (connected components; for a kidney, kidneys) of the reference.
    pub lesions_reference: usize,
    /// Lesions of the prediction.
    pub lesions_predicted: usize,
    /// Lesions of the reference that the prediction found.
    pub lesions_found: usize,
    /// `2 found / (reference + predicted)`; 1 where neither has any.
    pub lesion_f1: f64,
}

impl RegionScores {
    /// The scores of a region, undefined ones taken out.
    #[must_use]
    pub fn new(metrics: &RegionMetrics) -> Self {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        Self {
            region: metrics.region.name.clone(),
            dice: metrics.dice,
            surface_dice: metrics.surface_dice,
            tolerance_mm: metrics.region.tolerance_mm,
            hd95_mm: finite(metrics.hd95_mm),
            assd_mm: finite(metrics.assd_mm),
            reference_ml: metrics.reference_ml,
            predicted_ml: metrics.predicted_ml,
            volume_error_ml: metrics.volume_error_ml,
            relative_volume_error: metrics.relative_volume_error,
            lesions_reference: metrics.lesions.reference_ml.len(),
            lesions_predicted: metrics.lesions.predicted_ml.len(),
            lesions_found: metrics.lesions.found(),
            lesion_f1: metrics.lesions.f1(),
        }
    }

    /// Which of the two masks are empty, in words; `None` if neither is.
    #[must_use]
    pub fn empty(&self) -> Option<&'static str> {
        match (self.reference_ml > 0.0, self.predicted_ml > 0.0) {
            (true, true) => None,
            (true, false) => Some("the prediction is empty"),
            (false, true) => Some("the reference is empty"),
            (false, false) => Some("both masks are empty"),
        }
    }

    /// What a reader of the row must know of its values; `None` if all are defined.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let missing: Vec<&str> = [
            ("HD95", self.hd95_mm),
            ("ASSD", self.assd_mm),
            ("relative volume error", self.relative_volume_error),
        ]
        .into_iter()
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| name)
        .collect();
        self.empty()
            .map(|empty| format!("{empty}: not defined: {}", missing.join(", ")))
    }
}

/// The rows of a case, one a region.
#[must_use]
pub fn score_rows(
    case_id: &str,
    patient_id: Option<&str>,
    set: &str,
    fold: Option<usize>,
    metrics: &[RegionMetrics],
) -> Vec<ScoreRow> {
    metrics
        .iter()
        .map(|metrics| ScoreRow {
            case_id: case_id.to_owned(),
            patient_id: patient_id.map(str::to_owned),
            set: set.to_owned(),
            fold,
            scores: Ok(RegionScores::new(metrics)),
        })
        .collect()
}

/// The one row of a case that could not be scored; its region is missing.
#[must_use]
pub fn failed_row(
    case_id: &str,
    patient_id: Option<&str>,
    set: &str,
    fold: Option<usize>,
    cause: &str,
) -> ScoreRow {
    ScoreRow {
        case_id: case_id.to_owned(),
        patient_id: patient_id.map(str::to_owned),
        set: set.to_owned(),
        fold,
        scores: Err(cause.to_owned()),
    }
}

/// The rows as a table. Columns and their types are the same whatever the rows are.
///
/// # Shapes
/// As many rows as `rows`; `case_id, patient_id, set, fold, region, dice, surface_dice,
/// tolerance_mm, hd95_mm, assd_mm, reference_ml, predicted_ml, volume_error_ml,
/// relative_volume_error, lesions_reference, lesions_predicted, lesions_found, lesion_f1, status,
/// cause`.
///
/// # Errors
/// None that rows of this type can cause; Arrow checks the lengths of columns.
pub fn table(rows: &[ScoreRow]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&ScoreRow) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let real = |of: fn(&RegionScores) -> Option<f64>| -> ArrayRef {
        let values = rows.iter().map(|row| of(row.scores.as_ref().ok()?));
        Arc::new(values.collect::<Float64Array>())
    };
    let count = |of: fn(&RegionScores) -> usize| -> ArrayRef {
        let values = rows
            .iter()
            .map(|row| Some(of(row.scores.as_ref().ok()?) as i64));
        Arc::new(values.collect::<Int64Array>())
    };
    let folds: Int64Array = rows
        .iter()
        .map(|row| row.fold.map(|fold| fold as i64))
        .collect();
    let columns: [(&str, ArrayRef); 20] = [
        ("case_id", text(|row| Some(row.case_id.clone()))),
        ("patient_id", text(|row| row.patient_id.clone())),
        ("set", text(|row| Some(row.set.clone()))),
        ("fold", Arc::new(folds)),
        (
            "region",
            text(|row| Some(row.scores.as_ref().ok()?.region.clone())),
        ),
        ("dice", real(|s| Some(s.dice))),
        ("surface_dice", real(|s| Some(s.surface_dice))),
        ("tolerance_mm", real(|s| Some(s.tolerance_mm))),
        ("hd95_mm", real(|s| s.hd95_mm)),
        ("assd_mm", real(|s| s.assd_mm)),
        ("reference_ml", real(|s| Some(s.reference_ml))),
        ("predicted_ml", real(|s| Some(s.predicted_ml))),
        ("volume_error_ml", real(|s| Some(s.volume_error_ml))),
        ("relative_volume_error", real(|s| s.relative_volume_error)),
        ("lesions_reference", count(|s| s.lesions_reference)),
        ("lesions_predicted", count(|s| s.lesions_predicted)),
        ("lesions_found", count(|s| s.lesions_found)),
        ("lesion_f1", real(|s| Some(s.lesion_f1))),
        (
            "status",
            text(|row| {
                let status = if row.scores.is_ok() { "ok" } else { "failed" };
                Some(status.to_owned())
            }),
        ),
        (
            "cause",
            text(|row| match &row.scores {
                Ok(scores) => scores.remark(),
                Err(cause) => Some(cause.clone()),
            }),
        ),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}
