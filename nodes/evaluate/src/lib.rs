//! Says what out-of-fold predictions are worth, beside the baselines: measures of every
//! repeat and of the mean probabilities, intervals by resampling patients.
//!
//! `predictions` reads the table, `report` measures, `summary` puts the result in words.

mod predictions;
mod report;
mod summary;

use std::path::PathBuf;

use renalflow_frames::{check_writable, detach, stack, write_file};
use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, Outputs, Plugin, Port,
    Problem, Role, Stage, Table, Work, arrow::array::RecordBatch, lineage::Key,
};
use serde::Serialize;

use predictions::Predictions;
use report::Report;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Evaluate>();

/// The stage.
pub struct Evaluate;

/// Its options.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct Options {
    /// Probability from which a case is called positive
    #[arg(long, value_name = "P", default_value_t = 0.5)]
    pub threshold: f64,
    /// Bootstrap replicates of the intervals; 0 leaves intervals out
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub bootstrap: usize,
    /// Coverage of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub confidence: f64,
    /// Seed of the bootstrap; by default made from the predictions' lineage
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// JSON file to write, in the folder of the run
    #[arg(long, value_name = "FILE", default_value = "metrics.json")]
    pub file: PathBuf,
}

impl Options {
    fn learning(&self, seed: u64) -> renalflow_learning::Options {
        renalflow_learning::Options {
            threshold: self.threshold,
            bootstrap_replicates: self.bootstrap,
            confidence: self.confidence,
            seed,
            ..renalflow_learning::Options::default()
        }
    }
}

const PREDICTIONS: &str = "predictions";
const SELECTION: &str = "selection";

impl Stage for Evaluate {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "evaluate",
        version: "1",
        about: "Say what out-of-fold predictions are worth, beside the baselines",
        role: Role::Collecting,
        inputs: &[
            Port::new(
                PREDICTIONS,
                Kind::Table,
                "probabilities by case and repeat, as stage `classify` makes them",
            ),
            Port::new(
                SELECTION,
                Kind::Table,
                "the features that each fold selected",
            )
            .optional(),
        ],
        outputs: &[],
    };
    const NOT_IN_LINEAGE: &'static [&'static str] = &["file"];

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        options.learning(0).validate()?;
        Ok(Vec::new())
    }

    fn build(options: Options, context: &Context) -> Result<Work, Problem> {
        let path = context.run_dir.join(&options.file);
        check_writable(&path)?;
        Ok(Work::Collecting(Box::new(Collector {
            options,
            path,
            ..Collector::default()
        })))
    }
}

#[derive(Default)]
struct Collector {
    options: Options,
    path: PathBuf,
    predictions: Vec<RecordBatch>,
    selection: Vec<RecordBatch>,
    lineage: Vec<String>,
    failure: Option<Failure>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            bootstrap: 2000,
            confidence: 0.95,
            seed: None,
            file: PathBuf::from("metrics.json"),
        }
    }
}

impl Collecting for Collector {
    fn collect(&mut self, _: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        match inputs {
            Ok(mut inputs) => {
                self.lineage
                    .extend(inputs.lineage(PREDICTIONS).map(ToString::to_string));
                self.predictions
                    .push(detach(inputs.table(PREDICTIONS)?.batch())?);
                if inputs.has(SELECTION) {
                    self.selection
                        .push(detach(inputs.table(SELECTION)?.batch())?);
                }
            }
            Err(failure) => self.failure = Some(failure),
        }
        Ok(())
    }

    fn finish(&mut self, _: &Cohort) -> Result<Outputs, Problem> {
        if self.predictions.is_empty() {
            return Err(match &self.failure {
                Some(failure) => {
                    Problem::new(format!("there are no predictions: {}", failure.cause))
                        .fix(&failure.fix)
                }
                None => Problem::new("there are no predictions")
                    .fix("see the logs of the nodes before this one"),
            });
        }
        self.lineage.sort();
        let lineage = Key::of_content(self.lineage.join(";").as_bytes());
        let seed = self.options.seed.unwrap_or_else(|| lineage.seed() >> 32);
        let predictions = Predictions::read(&Table::from_batch(stack(&self.predictions)?)?)?;
        let selection = Table::from_batch(stack(&self.selection)?)?;
        let mut report = Report::new(&predictions, &selection, &self.options.learning(seed))?;
        report.summary = summary::lines(&report);
        let mut json = serde_json::to_string_pretty(&report)?;
        json.push('\n');
        write_file(&self.path, json.as_bytes())?;
        let outputs = Outputs::none().wrote(&self.path);
        Ok(report.summary.into_iter().fold(outputs, Outputs::result))
    }
}
