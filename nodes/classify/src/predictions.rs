//! What a validation found, as tables.

use std::sync::Arc;

use renalflow_learning::Validation;
use renalflow_sdk::arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray},
    datatypes::{Field, Schema},
    error::ArrowError,
};

use crate::{cases::Cases, options::Options};

/// Probabilities of each repeat, case by case, then the excluded cases. The last columns say
/// the same in every row, so that tables of several classifiers can be put below one another.
///
/// # Shapes
/// Rows: repeats times cases, and one an excluded case.
pub fn predictions(
    cases: &Cases,
    validation: &Validation,
    options: &Options,
    seed: u64,
) -> Result<RecordBatch, ArrowError> {
    let repeats = validation.fold_of_case.len();
    let count = validation.cases.len();
    let excluded = cases.excluded.len();
    // One value a repeat and case, then one an excluded case.
    let places = || (0..repeats).flat_map(|repeat| (0..count).map(move |case| (repeat, case)));
    let f64s = |value: &dyn Fn(usize, usize) -> Option<f64>| -> ArrayRef {
        let values = places()
            .map(|(repeat, case)| value(repeat, case))
            .chain(vec![None; excluded]);
        Arc::new(values.collect::<Float64Array>())
    };
    let i64s = |value: &dyn Fn(usize, usize) -> usize| -> ArrayRef {
        let values = places()
            .map(|(repeat, case)| Some(value(repeat, case) as i64))
            .chain(vec![None; excluded]);
        Arc::new(values.collect::<Int64Array>())
    };
    let texts = |of_case: &dyn Fn(usize) -> Option<String>,
                 of_excluded: &dyn Fn(usize) -> Option<String>|
     -> ArrayRef {
        let values = places()
            .map(|(_, case)| of_case(case))
            .chain((0..excluded).map(of_excluded));
        Arc::new(values.collect::<StringArray>())
    };
    let everywhere = |text: &str| -> ArrayRef {
        Arc::new(StringArray::from(vec![text; repeats * count + excluded]))
    };
    let truth = places()
        .map(|(_, case)| Some(validation.labels[case]))
        .chain(vec![None; excluded]);
    let has_volume = cases.volume.is_some();
    let baselines = &validation.baselines;

    batch(vec![
        (
            "case_id",
            texts(
                &|case| Some(validation.cases[case].case_id.clone()),
                &|row| Some(cases.excluded[row].case_id.clone()),
            ),
        ),
        (
            "patient_id",
            texts(
                &|case| Some(validation.cases[case].patient_id.clone()),
                &|row| cases.excluded[row].patient_id.clone(),
            ),
        ),
        (
            "roi",
            texts(&|case| cases.regions[case].clone(), &|row| {
                cases.excluded[row].roi.clone()
            }),
        ),
        (
            "status",
            texts(&|_| Some("ok".to_owned()), &|_| Some("excluded".to_owned())),
        ),
        (
            "cause",
            texts(&|_| None, &|row| Some(cases.excluded[row].cause.clone())),
        ),
        ("repeat", i64s(&|repeat, _| repeat)),
        (
            "fold",
            i64s(&|repeat, case| validation.fold_of_case[repeat][case]),
        ),
        ("truth", Arc::new(truth.collect::<BooleanArray>())),
        (
            "probability",
            f64s(&|repeat, case| Some(validation.classifier.probabilities[repeat][case])),
        ),
        (
            "probability_majority",
            f64s(&|repeat, case| Some(baselines.majority.probabilities[repeat][case])),
        ),
        (
            "probability_volume",
            f64s(&|repeat, case| has_volume.then(|| baselines.volume.probabilities[repeat][case])),
        ),
        (
            "volume",
            f64s(&|_, case| cases.volume.as_ref().map(|volume| volume[case])),
        ),
        ("model", everywhere(&options.model)),
        ("target", everywhere(&cases.target)),
        ("positive", everywhere(&cases.positive)),
        ("validation", everywhere(&options.scheme_text())),
        ("seed", everywhere(&seed.to_string())),
    ])
}

/// The features that each fold selected, the most important first.
///
/// # Shapes
/// Rows: the selected features of all folds of all repeats.
pub fn selection(validation: &Validation) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<_> = validation
        .folds
        .iter()
        .flat_map(|fold| {
            fold.selected
                .iter()
                .enumerate()
                .map(move |(rank, selected)| (fold, rank, selected))
        })
        .collect();
    let i64s = |values: Vec<usize>| -> ArrayRef {
        Arc::new(
            values
                .into_iter()
                .map(|value| Some(value as i64))
                .collect::<Int64Array>(),
        )
    };
    batch(vec![
        (
            "repeat",
            i64s(rows.iter().map(|(fold, _, _)| fold.repeat).collect()),
        ),
        (
            "fold",
            i64s(rows.iter().map(|(fold, _, _)| fold.fold).collect()),
        ),
        (
            "rank",
            i64s(rows.iter().map(|(_, rank, _)| rank + 1).collect()),
        ),
        (
            "feature",
            Arc::new(
                rows.iter()
                    .map(|(_, _, s)| Some(s.feature.as_str()))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "importance",
            Arc::new(
                rows.iter()
                    .map(|(_, _, s)| s.importance)
                    .collect::<Float64Array>(),
            ),
        ),
    ])
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, ArrowError> {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, array)| array).collect(),
    )
}
