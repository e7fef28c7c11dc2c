//! Joins features, clinical data and labels of all cases to one table: one row a case and
//! region of interest, failed cases included, in the order of the cohort.
//!
//! `columns` knows how a row is laid out, `case` joins what arrived for one case; this module
//! puts the cases below one another and writes the file.

mod case;
mod columns;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use renalflow_frames::{check_writable, stack, write_parquet};
use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, Outputs, Plugin, Port,
    Problem, Role, Stage, Table, Value, Work, arrow::array::RecordBatch, lineage::Key,
};
use serde::Serialize;
use serde_json::json;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<TableStage>();

/// The stage.
pub struct TableStage;

/// Its options.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct Options {
    /// Parquet file to write, in the folder of the run
    #[arg(long, value_name = "FILE", default_value = "features.parquet")]
    pub file: PathBuf,
}

const FEATURES: &str = "features";
const RECORD: &str = "record";
const TABLE: &str = "table";

impl Stage for TableStage {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "table",
        version: "1",
        about: "Join features, clinical data and labels to one table and write it as Parquet",
        role: Role::Collecting,
        inputs: &[
            Port::new(
                FEATURES,
                Kind::Table,
                "features: one row, or one a region of interest with its `roi`",
            )
            .many(),
            Port::new(
                RECORD,
                Kind::Table,
                "clinical data and labels: at most one row",
            )
            .optional(),
        ],
        outputs: &[Port::new(TABLE, Kind::Table, "all rows, as in the file")],
    };
    const NOT_IN_LINEAGE: &'static [&'static str] = &["file"];

    fn build(options: Options, context: &Context) -> Result<Work, Problem> {
        let path = context.run_dir.join(&options.file);
        check_writable(&path)?;
        Ok(Work::Collecting(Box::new(Collector {
            options,
            path,
            node: context.node_id.clone(),
            cases: BTreeMap::new(),
            failed: BTreeMap::new(),
        })))
    }
}

struct Collector {
    options: Options,
    path: PathBuf,
    node: String,
    /// The rows of each case that came through.
    cases: BTreeMap<String, RecordBatch>,
    /// The row of each case that failed before it came here, with its clinical record.
    failed: BTreeMap<String, RecordBatch>,
}

impl Collecting for Collector {
    fn collect(&mut self, case_id: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        // A failure is on the list that `finish` gets.
        let Ok(inputs) = inputs else { return Ok(()) };
        self.cases
            .insert(case_id.to_owned(), case::rows(case_id, inputs)?);
        Ok(())
    }

    fn collect_failed(
        &mut self,
        case_id: &str,
        failure: Failure,
        arrived: Inputs,
    ) -> Result<(), Problem> {
        self.failed
            .insert(case_id.to_owned(), case::failed_row(&failure, arrived)?);
        Ok(())
    }

    fn finish(&mut self, cohort: &Cohort) -> Result<Outputs, Problem> {
        let nothing_came_through = self.cases.is_empty();
        let rows = names(cohort, &self.cases)
            .iter()
            .map(
                |case_id| match (self.cases.remove(case_id), self.failed.remove(case_id)) {
                    (Some(rows), _) | (None, Some(rows)) => Ok(rows),
                    (None, None) => match cohort.failures.get(case_id) {
                        Some(failure) => columns::failed(failure, None),
                        None => columns::failed(&self.nothing_arrived(case_id), None),
                    },
                },
            )
            .collect::<Result<Vec<_>, _>>()?;
        let table = columns::in_order(&stack(&rows)?)?;
        write_parquet(&table, &self.provenance(cohort, &table), &self.path)?;
        if nothing_came_through {
            return Err(
                no_features(cohort).context(format!("{} has no features", self.path.display()))
            );
        }
        Ok(Outputs::none()
            .wrote(&self.path)
            .with(TABLE, Value::Table(Table::from_batch(table)?)))
    }
}

impl Collector {
    fn nothing_arrived(&self, case_id: &str) -> Failure {
        Failure {
            case_id: case_id.to_owned(),
            node: self.node.clone(),
            cause: "nothing arrived for this case".to_owned(),
            fix: "see the logs of the nodes before this one".to_owned(),
        }
    }

    /// What the file says of itself. Nothing here depends on when or where it was made, so the
    /// same study gives the same bytes.
    fn provenance(&self, cohort: &Cohort, table: &RecordBatch) -> Vec<(String, String)> {
        let lineage = columns::lineage(table);
        let entries = [
            ("renalflow.version", env!("CARGO_PKG_VERSION").to_owned()),
            (
                "renalflow.stage",
                format!(
                    "{} {}",
                    TableStage::DECLARATION.name,
                    TableStage::DECLARATION.version
                ),
            ),
            ("renalflow.node", self.node.clone()),
            ("renalflow.options", json!(self.options).to_string()),
            (
                "renalflow.lineage",
                Key::of_content(lineage.as_bytes()).to_string(),
            ),
            ("renalflow.cases", cohort.cases.len().to_string()),
            ("renalflow.failed_cases", cohort.failures.len().to_string()),
        ];
        entries.map(|(key, value)| (key.to_owned(), value)).to_vec()
    }
}

/// The cohort in the order of its source, then whatever it did not announce.
fn names(cohort: &Cohort, cases: &BTreeMap<String, RecordBatch>) -> Vec<String> {
    let announced: BTreeSet<_> = cohort.cases.iter().collect();
    let others: BTreeSet<_> = cases
        .keys()
        .chain(cohort.failures.keys())
        .filter(|name| !announced.contains(name))
        .collect();
    cohort.cases.iter().chain(others).cloned().collect()
}

fn no_features(cohort: &Cohort) -> Problem {
    match cohort
        .cases
        .iter()
        .find_map(|case_id| cohort.failures.get(case_id))
    {
        Some(first) => Problem::new(format!(
            "all {} cases failed, the first one so: {first}",
            cohort.cases.len()
        )),
        None => Problem::new("no case arrived").fix("see the log of the source"),
    }
}
