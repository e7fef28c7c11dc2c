//! Stage `load`: the cases of a data set, with what is known of each.

use std::path::{Path, PathBuf};

use clap::Args;
use renalflow_datasets::{CaseSpec, Manifest, Record, Value as Known, load_case};
use renalflow_sdk::{
    Context, Declaration, Kind, Outputs, Plugin, Port, Problem, Role, Source, Stage, Table, Value,
    Work, clap, lineage::Key, table::Row,
};
use serde::Serialize;
use serde_json::Value as Json;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Load>();

/// Loads the cases of a data set.
pub struct Load {
    cases: Vec<CaseSpec>,
    outputs: Vec<String>,
}

/// Options of `load`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// Manifest of the data set, relative to the graph's folder
    #[arg(long, value_name = "MANIFEST")]
    dataset: PathBuf,
    /// Phantoms only: take kidneys and tumours from real masks, in a folder in KiTS19's layout
    #[arg(long, value_name = "DIR")]
    anatomy: Option<PathBuf>,
    /// Take only these cases
    #[arg(long, value_name = "CASE", value_delimiter = ',')]
    cases: Vec<String>,
    /// Take only the first so many cases
    #[arg(long, value_name = "N")]
    first: Option<usize>,
}

impl Stage for Load {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "load",
        version: "1",
        about: "Load the cases of a data set: image, mask, and what is known of the patient",
        role: Role::Source,
        inputs: &[],
        outputs: &[
            Port::new("image", Kind::Image, "intensities, in HU for CT"),
            Port::new(
                "mask",
                Kind::Labels,
                "labels on the image's grid, with the data set's names",
            ),
            Port::new(
                "record",
                Kind::Table,
                "one row: identity, label, clinical data",
            ),
        ],
    };

    /// The lineage of a case is its content, not the name of the list that it stands in.
    const NOT_IN_LINEAGE: &'static [&'static str] = &["dataset", "anatomy", "cases", "first"];

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        let (manifest, cases) = cases(options)?;
        let mut notes = vec![format!(
            "{}: {} cases ({})",
            manifest.name,
            cases.len(),
            manifest.kind()
        )];
        for case in &cases {
            if let Some(issue) = &case.known_issue {
                notes.push(format!("{}: {issue}", case.case_id));
            }
        }
        Ok(notes)
    }

    fn build(options: Options, context: &Context) -> Result<Work, Problem> {
        let (_, cases) = cases(&options)?;
        Ok(Work::Source(Box::new(Self {
            cases,
            outputs: context.outputs.clone(),
        })))
    }
}

fn cases(options: &Options) -> Result<(Manifest, Vec<CaseSpec>), Problem> {
    let mut manifest = Manifest::read(&options.dataset, &variable)?;
    if let Some(folder) = &options.anatomy {
        manifest = manifest.with_anatomy(folder.clone())?;
    }
    let mut cases = manifest.cases().map_err(|error| {
        let problem = Problem::from(error);
        let elsewhere = std::fs::read_to_string(&options.dataset).is_ok_and(|text| text.contains(DATA_FOLDER));
        if elsewhere && problem.fix.is_empty() {
            problem.fix(format!("set {DATA_FOLDER} to the folder that has `data/`; the manifest says what it expects there"))
        } else {
            problem
        }
    })?;
    for wanted in &options.cases {
        if !cases.iter().any(|case| case.case_id == *wanted) {
            let known: Vec<_> = cases
                .iter()
                .map(|case| case.case_id.as_str())
                .take(8)
                .collect();
            return Err(Problem::new(format!(
                "--cases names `{wanted}`, which {} does not have",
                options.dataset.display()
            ))
            .fix(format!(
                "it has {} cases: {}, ...",
                cases.len(),
                known.join(", ")
            )));
        }
    }
    if !options.cases.is_empty() {
        cases.retain(|case| options.cases.contains(&case.case_id));
    }
    cases.truncate(options.first.unwrap_or(usize::MAX));
    if cases.is_empty() {
        return Err(
            Problem::new(format!("{} has no cases", options.dataset.display()))
                .fix("see its `source` and `exclude`, and --first"),
        );
    }
    Ok((manifest, cases))
}

/// Names the folder of real data in the manifests that the project ships.
const DATA_FOLDER: &str = "RENALFLOW_SHARED";

/// A variable of the environment, for the paths of manifests. A relative path in it starts
/// where the user stood, not in the graph's folder, where nodes work.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    let started_in = std::env::var("PWD").unwrap_or_default();
    Some(Path::new(&started_in).join(value).display().to_string())
}

impl Source for Load {
    fn cases(&self) -> Vec<String> {
        self.cases.iter().map(|case| case.case_id.clone()).collect()
    }

    fn load(&mut self, case_id: &str) -> Result<(Outputs, Key), Problem> {
        let case = self
            .cases
            .iter()
            .find(|case| case.case_id == case_id)
            .ok_or_else(|| Problem::new(format!("{case_id} is not in the data set")))?;
        let loaded = load_case(case)?;
        let wanted = |port: &str| self.outputs.iter().any(|output| output == port);
        let missing = |what: &str| {
            Problem::new(format!("the data set has no {what} for this case")).fix(format!(
                "drop output `{what}` from the graph, or choose another data set"
            ))
        };
        let mut outputs = Outputs::none();
        if wanted("image") {
            outputs = outputs.with(
                "image",
                Value::Image(loaded.image.ok_or_else(|| missing("image"))?),
            );
        }
        if wanted("mask") {
            outputs = outputs.with(
                "mask",
                Value::Labels(loaded.mask.ok_or_else(|| missing("mask"))?),
            );
        }
        if wanted("record") {
            outputs = outputs.with(
                "record",
                Value::Table(Table::from_rows(&[row(case, &loaded.record)])?),
            );
        }
        Ok((outputs, Key::of_content(loaded.content_digest.as_bytes())))
    }
}

fn row(case: &CaseSpec, record: &Record) -> Row {
    let mut row = Row::new();
    row.insert("case_id".to_owned(), case.case_id.clone().into());
    row.insert("patient_id".to_owned(), case.patient_id.clone().into());
    for (name, value) in record.iter() {
        row.entry(name).or_insert_with(|| match value {
            Known::Missing => Json::Null,
            Known::Bool(value) => (*value).into(),
            Known::Int(value) => (*value).into(),
            Known::Float(value) => (*value).into(),
            Known::Text(value) => value.clone().into(),
        });
    }
    if let Some(issue) = &case.known_issue {
        row.insert("known_issue".to_owned(), issue.clone().into());
    }
    row
}
