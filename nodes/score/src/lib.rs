//! Stage `score`: predicted masks against reference masks, region by region.
//!
//! `regions` says what is compared, `rows` is the table, `summary` the cohort in numbers and
//! words. All three also serve stages that score the cases they hold out.

pub mod regions;
pub mod rows;
pub mod summary;

use std::{collections::BTreeMap, path::PathBuf};

use renalflow_frames::{check_writable, write_file, write_parquet};
use renalflow_imaging::metrics::lesions::FOUND_AT_IOU;
use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, Outputs, Plugin, Port,
    Problem, Role, Stage, Work, lineage::Key,
};
use serde::Serialize;
use serde_json::json;

use regions::{Regions, Scoring};
use rows::{COHORT, ScoreRow, failed_row, score_rows};

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Score>();

/// The stage.
pub struct Score;

/// Its options.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct Options {
    /// Regions to score
    #[arg(long, value_enum, default_value_t = Regions::Both)]
    pub regions: Regions,
    /// Tolerance of surface Dice for single labels; the regions of KiTS have their own
    #[arg(long, value_name = "MM", default_value_t = 1.0)]
    pub tolerance_mm: f64,
    /// Intersection over union from which a lesion counts as found
    #[arg(long, value_name = "SHARE", default_value_t = FOUND_AT_IOU)]
    pub found_at_iou: f64,
    /// Table to write, in the folder of the run
    #[arg(long, value_name = "FILE", default_value = "scores.parquet")]
    pub file: PathBuf,
    /// Summary to write, in the folder of the run
    #[arg(long, value_name = "FILE", default_value = "scores.json")]
    pub summary_file: PathBuf,
}

const MASK: &str = "mask";
const REFERENCE: &str = "reference";
const RECORD: &str = "record";

impl Stage for Score {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "score",
        version: "1",
        about: "Compare predicted masks with reference masks: Dice, surfaces, volumes, lesions",
        role: Role::Collecting,
        inputs: &[
            Port::new(MASK, Kind::Labels, "the prediction"),
            Port::new(REFERENCE, Kind::Labels, "the truth, on the same grid"),
            Port::new(
                RECORD,
                Kind::Table,
                "whose `patient_id` goes into the table",
            )
            .optional(),
        ],
        outputs: &[],
    };
    const NOT_IN_LINEAGE: &'static [&'static str] = &["file", "summary_file"];

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        if !(options.tolerance_mm.is_finite() && options.tolerance_mm >= 0.0) {
            return Err(
                Problem::new(format!("--tolerance-mm is {}", options.tolerance_mm))
                    .fix("give a length of 0 mm or more"),
            );
        }
        if !(options.found_at_iou > 0.0 && options.found_at_iou <= 1.0) {
            return Err(
                Problem::new(format!("--found-at-iou is {}", options.found_at_iou))
                    .fix("give a share above 0 and at most 1"),
            );
        }
        if options.file == options.summary_file {
            return Err(Problem::new("--file and --summary-file are one file")
                .fix("give one of them another name"));
        }
        Ok(Vec::new())
    }

    fn build(options: Options, context: &Context) -> Result<Work, Problem> {
        let path = context.run_dir.join(&options.file);
        let summary_path = context.run_dir.join(&options.summary_file);
        check_writable(&path)?;
        check_writable(&summary_path)?;
        let scoring = Scoring {
            regions: options.regions,
            tolerance_mm: options.tolerance_mm,
            found_at_iou: options.found_at_iou,
        };
        Ok(Work::Collecting(Box::new(Collector {
            options,
            scoring,
            path,
            summary_path,
            node: context.node_id.clone(),
            rows: BTreeMap::new(),
            patients: BTreeMap::new(),
            lineage: BTreeMap::new(),
        })))
    }
}

struct Collector {
    options: Options,
    scoring: Scoring,
    path: PathBuf,
    summary_path: PathBuf,
    node: String,
    /// The rows of each case that could be scored.
    rows: BTreeMap<String, Vec<ScoreRow>>,
    /// The patient of each case of which a record came, scored or not.
    patients: BTreeMap<String, String>,
    /// What they were computed from.
    lineage: BTreeMap<String, Key>,
}

impl Collecting for Collector {
    fn collect(&mut self, case_id: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        // A failure is on the list that `finish` gets.
        let Ok(mut inputs) = inputs else {
            return Ok(());
        };
        let lineage = inputs.combined_lineage();
        let patient = self.note_patient(case_id, &inputs)?;
        let (predicted, reference) = (inputs.labels(MASK)?, inputs.labels(REFERENCE)?);
        let metrics = self.scoring.score(&reference, &predicted)?;
        let rows = score_rows(case_id, patient.as_deref(), COHORT, None, &metrics);
        self.rows.insert(case_id.to_owned(), rows);
        self.lineage.insert(case_id.to_owned(), lineage);
        Ok(())
    }

    fn collect_failed(
        &mut self,
        case_id: &str,
        _: Failure,
        arrived: Inputs,
    ) -> Result<(), Problem> {
        self.note_patient(case_id, &arrived).map(drop)
    }

    fn finish(&mut self, cohort: &Cohort) -> Result<Outputs, Problem> {
        let mut rows = Vec::new();
        for case_id in names(cohort, &self.rows) {
            match self.rows.remove(&case_id) {
                Some(scored) => rows.extend(scored),
                None => {
                    let patient = self.patients.get(&case_id).map(String::as_str);
                    let cause = cause(cohort, &case_id);
                    rows.push(failed_row(&case_id, patient, COHORT, None, &cause));
                }
            }
        }
        let nothing_scored = self.lineage.is_empty();
        write_parquet(&rows::table(&rows)?, &self.provenance(cohort), &self.path)?;
        let sets = summary::summaries(&rows);
        let mut json = serde_json::to_string_pretty(&json!({
            "version": env!("CARGO_PKG_VERSION"),
            "found_at_iou": self.options.found_at_iou,
            "sets": &sets,
        }))?;
        json.push('\n');
        write_file(&self.summary_path, json.as_bytes())?;
        if nothing_scored {
            return Err(nothing(cohort).context(format!("{} has no scores", self.path.display())));
        }
        let lines = sets.iter().flat_map(summary::SetSummary::lines);
        let outputs = Outputs::none().wrote(&self.path).wrote(&self.summary_path);
        Ok(lines.fold(outputs, Outputs::result))
    }
}

impl Collector {
    /// Keep the patient of a case, which its row names even if the case fails.
    fn note_patient(&mut self, case_id: &str, inputs: &Inputs) -> Result<Option<String>, Problem> {
        let patient = inputs.patient_id(RECORD)?;
        if let Some(patient) = &patient {
            self.patients.insert(case_id.to_owned(), patient.clone());
        }
        Ok(patient)
    }

    /// What the file says of itself. Nothing here depends on when or where it was made.
    fn provenance(&self, cohort: &Cohort) -> Vec<(String, String)> {
        let keys: Vec<String> = self
            .lineage
            .iter()
            .map(|(case, key)| format!("{case}={key}"))
            .collect();
        let Declaration { name, version, .. } = Score::DECLARATION;
        [
            ("renalflow.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("renalflow.stage", format!("{name} {version}")),
            ("renalflow.node", self.node.clone()),
            ("renalflow.options", json!(self.options).to_string()),
            (
                "renalflow.lineage",
                Key::of_content(keys.join(";").as_bytes()).to_string(),
            ),
            ("renalflow.cases", cohort.cases.len().to_string()),
            ("renalflow.failed_cases", cohort.failures.len().to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }
}

/// The cohort in the order of its source, then whatever it did not announce.
fn names(cohort: &Cohort, scored: &BTreeMap<String, Vec<ScoreRow>>) -> Vec<String> {
    let mut names = cohort.cases.clone();
    for name in scored.keys().chain(cohort.failures.keys()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn cause(cohort: &Cohort, case_id: &str) -> String {
    cohort.failures.get(case_id).map_or_else(
        || "nothing arrived for this case".to_owned(),
        |failure| format!("{}: {}", failure.node, failure.cause),
    )
}

fn nothing(cohort: &Cohort) -> Problem {
    let first = cohort
        .cases
        .iter()
        .find_map(|case| cohort.failures.get(case));
    match first {
        Some(first) => Problem::new(format!(
            "all {} cases failed, the first one so: {first}",
            cohort.cases.len()
        )),
        None => Problem::new("no case arrived").fix("see the log of the source"),
    }
}
