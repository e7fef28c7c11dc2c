//! What arrived for one case, joined to its rows.

use std::collections::{BTreeMap, BTreeSet};

use renalflow_frames::{detach, left_join};
use renalflow_sdk::{
    Failure, Inputs, Problem, Table,
    arrow::{array::RecordBatch, datatypes::Schema},
};

use crate::{
    RECORD,
    columns::{self, CASE_ID, CLINICAL, LINEAGE, PATIENT_ID, ROI, Status},
};

/// One features input of the case.
struct Features {
    port: String,
    table: Table,
    /// The region of each row; `None` for an input that knows no regions.
    regions: Option<Vec<String>>,
}

/// The rows of one case: one a region of interest, or one where no input knows regions.
///
/// # Errors
/// An input without a row, a region twice, a column that two inputs have or that this stage
/// makes, a record of several rows.
pub fn rows(case_id: &str, mut inputs: Inputs) -> Result<RecordBatch, Problem> {
    let lineage = inputs.combined_lineage();
    let record = if inputs.has(RECORD) {
        Some(inputs.table(RECORD)?)
    } else {
        None
    };
    let features = inputs
        .ports()
        .into_iter()
        .map(|port| {
            let table = inputs.table(&port)?;
            features(case_id, port, table)
        })
        .collect::<Result<Vec<_>, _>>()?;
    refuse_clashes(&features)?;

    let (patient_id, clinical) = match record {
        Some(record) => clinical(case_id, &record)?,
        None => (None, None),
    };
    let mut table = columns::index(case_id, patient_id.as_deref(), &regions(&features))?;
    if let Some(clinical) = clinical {
        table = left_join(&table, &clinical, &[CASE_ID])?;
    }
    for Features {
        port,
        table: right,
        regions,
    } in &features
    {
        let right = columns::with_text(right.batch(), CASE_ID, case_id)?;
        let keys: &[&str] = if regions.is_some() {
            &[CASE_ID, ROI]
        } else {
            &[CASE_ID]
        };
        table = left_join(&table, &right, keys)
            .map_err(|error| Problem::from(error).context(format!("input `{port}`")))?;
    }
    Ok(detach(&columns::with_text(
        &table,
        LINEAGE,
        lineage.as_str(),
    )?)?)
}

/// The row of a case that failed before it came here, with what is known of the patient.
///
/// # Errors
/// A record of several rows, or of another case.
pub fn failed_row(failure: &Failure, mut arrived: Inputs) -> Result<RecordBatch, Problem> {
    if !arrived.has(RECORD) {
        return Ok(columns::failed(failure, None)?);
    }
    let (patient_id, clinical) = clinical(&failure.case_id, &arrived.table(RECORD)?)?;
    let row = columns::failed(failure, patient_id)?;
    Ok(match clinical {
        Some(clinical) => detach(&left_join(&row, &clinical, &[CASE_ID])?)?,
        None => row,
    })
}

fn features(case_id: &str, port: String, table: Table) -> Result<Features, Problem> {
    let problem = |cause: String| Problem::new(format!("input `{port}`: {cause}"));
    refuse_other_case(case_id, &port, &table)?;
    if let Some(name) = table
        .names()
        .into_iter()
        .find(|name| ![CASE_ID, ROI].contains(name) && columns::is_reserved(name))
    {
        return Err(problem(format!(
            "column `{name}` has a name that the table itself uses"
        ))
        .fix("rename the column in the stage that makes it"));
    }
    let regions = match table.texts(ROI) {
        None if table.len() == 1 => None,
        None => {
            return Err(
                problem(format!("{} rows without a column `roi`", table.len()))
                    .fix("give one row, or one a region of interest with its name in `roi`"),
            );
        }
        Some(names) => {
            let names: Option<Vec<String>> = names.into_iter().collect();
            let names = names.ok_or_else(|| {
                problem("a row without a name in `roi`".to_owned()).fix("name every region")
            })?;
            if names.is_empty() {
                return Err(problem("no row".to_owned()).fix("give a row a region, or a failure"));
            }
            let mut seen = BTreeSet::new();
            if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
                return Err(problem(format!("region `{twice}` has two rows"))
                    .fix("give each region a name of its own"));
            }
            Some(names)
        }
    };
    Ok(Features {
        port,
        table,
        regions,
    })
}

/// All regions that any input knows, in order of first appearance, each with what is missing.
fn regions(features: &[Features]) -> Vec<(Option<String>, Status)> {
    let mut names: Vec<&String> = Vec::new();
    for name in features
        .iter()
        .filter_map(|input| input.regions.as_ref())
        .flatten()
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return vec![(None, Status::Ok)];
    }
    names
        .into_iter()
        .map(|name| {
            let lacks = |input: &&Features| {
                input
                    .regions
                    .as_ref()
                    .is_some_and(|regions| !regions.contains(name))
            };
            let lacking: Vec<_> = features
                .iter()
                .filter(lacks)
                .map(|input| format!("`{}`", input.port))
                .collect();
            let status = if lacking.is_empty() {
                Status::Ok
            } else {
                Status::Incomplete {
                    cause: format!("no features of this region on input {}", lacking.join(", ")),
                }
            };
            (Some(name.clone()), status)
        })
        .collect()
}

fn refuse_clashes(features: &[Features]) -> Result<(), Problem> {
    let mut owner: BTreeMap<&str, &str> = BTreeMap::new();
    for input in features {
        for name in input
            .table
            .names()
            .into_iter()
            .filter(|name| ![CASE_ID, ROI].contains(name))
        {
            if let Some(other) = owner.insert(name, &input.port) {
                return Err(Problem::new(format!("inputs `{other}` and `{}` both have a column `{name}`", input.port))
                    .fix("rename the column in one of the stages that make it, or connect only one of them"));
            }
        }
    }
    Ok(())
}

fn refuse_other_case(case_id: &str, port: &str, table: &Table) -> Result<(), Problem> {
    match table
        .texts(CASE_ID)
        .into_iter()
        .flatten()
        .flatten()
        .find(|name| name != case_id)
    {
        Some(other) => Err(Problem::new(format!(
            "input `{port}` has a row of case `{other}` among those of `{case_id}`"
        ))
        .fix("send the rows of a case under its own name")),
        None => Ok(()),
    }
}

/// The patient and the clinical columns, their names prefixed.
fn clinical(
    case_id: &str,
    record: &Table,
) -> Result<(Option<String>, Option<RecordBatch>), Problem> {
    refuse_other_case(case_id, RECORD, record)?;
    if record.len() > 1 {
        return Err(Problem::new(format!(
            "input `{RECORD}` has {} rows for this case",
            record.len()
        ))
        .fix("keep one row a case in the file of labels"));
    }
    if record.is_empty() {
        return Ok((None, None));
    }
    let patient_id = record
        .texts(PATIENT_ID)
        .into_iter()
        .flatten()
        .next()
        .flatten();
    let table = columns::without(record.batch(), &[PATIENT_ID])?;
    let table = columns::with_text(&table, CASE_ID, case_id)?;
    let fields: Vec<_> = table
        .schema_ref()
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            CASE_ID => field.as_ref().clone(),
            name => field
                .as_ref()
                .clone()
                .with_name(format!("{CLINICAL}{name}")),
        })
        .collect();
    Ok((
        patient_id,
        Some(RecordBatch::try_new(
            Schema::new(fields).into(),
            table.columns().to_vec(),
        )?),
    ))
}
