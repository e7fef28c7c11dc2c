//! Validates a classifier on the feature table and gives its out-of-fold predictions, those of
//! the two baselines beside them.
//!
//! `cases` reads the table, `options` says what is learnt and how it is validated, the learning
//! crate does it, `predictions` lays out what it found.

mod cases;
mod columns;
mod options;
mod predictions;

use std::path::PathBuf;

use renalflow_frames::{check_writable, detach, stack, write_parquet};
use renalflow_learning::cross_validate;
use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, Outputs, Plugin, Port,
    Problem, Role, Stage, Table, Value, Work, arrow::array::RecordBatch, lineage::Key,
};
use serde_json::json;

pub use options::{Options, Validation};

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Classify>();

/// The stage.
pub struct Classify;

const TABLE: &str = "table";
const PREDICTIONS: &str = "predictions";
const SELECTION: &str = "selection";

impl Stage for Classify {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "classify",
        version: "1",
        about: "Validate a classifier on the feature table, patients kept apart, and give its out-of-fold predictions",
        role: Role::Collecting,
        inputs: &[Port::new(
            TABLE,
            Kind::Table,
            "the feature table, as stage `table` makes it",
        )],
        outputs: &[
            Port::new(
                PREDICTIONS,
                Kind::Table,
                "probabilities by case and repeat, baselines beside them",
            ),
            Port::new(
                SELECTION,
                Kind::Table,
                "the features that each fold selected",
            ),
        ],
    };
    const NOT_IN_LINEAGE: &'static [&'static str] = &["file", "selection_file"];

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        options.learning(0)?;
        Ok(Vec::new())
    }

    fn build(options: Options, context: &Context) -> Result<Work, Problem> {
        let path = context.run_dir.join(&options.file);
        let selection_path = context.run_dir.join(&options.selection_file);
        check_writable(&path)?;
        check_writable(&selection_path)?;
        let node = context.node_id.clone();
        let tables = Vec::new();
        Ok(Work::Collecting(Box::new(Collector {
            options,
            path,
            selection_path,
            node,
            tables,
            lineage: Vec::new(),
            failure: None,
        })))
    }
}

struct Collector {
    options: Options,
    path: PathBuf,
    selection_path: PathBuf,
    node: String,
    tables: Vec<RecordBatch>,
    lineage: Vec<String>,
    failure: Option<Failure>,
}

impl Collecting for Collector {
    fn collect(&mut self, _: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        match inputs {
            Ok(mut inputs) => {
                self.lineage.push(inputs.combined_lineage().to_string());
                self.tables.push(detach(inputs.table(TABLE)?.batch())?);
            }
            Err(failure) => self.failure = Some(failure),
        }
        Ok(())
    }

    fn finish(&mut self, _: &Cohort) -> Result<Outputs, Problem> {
        if self.tables.is_empty() {
            return Err(match &self.failure {
                Some(failure) => {
                    Problem::new(format!("there is no feature table: {}", failure.cause))
                        .fix(&failure.fix)
                }
                None => Problem::new("there is no feature table")
                    .fix("see the logs of the nodes before this one"),
            });
        }
        self.lineage.sort();
        let lineage = Key::of_content(self.lineage.join(";").as_bytes());
        // A seed that people can type: the same table gives the same folds to every classifier.
        let seed = self.options.seed.unwrap_or_else(|| lineage.seed() >> 32);
        let learning = self.options.learning(seed)?;
        let cases = cases::read(&Table::from_batch(stack(&self.tables)?)?, &self.options)?;
        let learning = cases.with_volume(learning);
        let validation = cross_validate(&cases.matrix, &learning)?;

        let predictions = predictions::predictions(&cases, &validation, &self.options, seed)?;
        let selection = predictions::selection(&validation)?;
        let provenance = self.provenance(&lineage, seed);
        write_parquet(&predictions, &provenance, &self.path)?;
        write_parquet(&selection, &provenance, &self.selection_path)?;
        Ok(Outputs::none()
            .wrote(&self.path)
            .wrote(&self.selection_path)
            .with(PREDICTIONS, Value::Table(Table::from_batch(predictions)?))
            .with(SELECTION, Value::Table(Table::from_batch(selection)?)))
    }
}

impl Collector {
    fn provenance(&self, lineage: &Key, seed: u64) -> Vec<(String, String)> {
        [
            ("renalflow.version", env!("CARGO_PKG_VERSION").to_owned()),
            (
                "renalflow.stage",
                format!(
                    "{} {}",
                    Classify::DECLARATION.name,
                    Classify::DECLARATION.version
                ),
            ),
            ("renalflow.node", self.node.clone()),
            ("renalflow.options", json!(self.options).to_string()),
            ("renalflow.lineage", lineage.to_string()),
            ("renalflow.seed", seed.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }
}
