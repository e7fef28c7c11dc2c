//! What the author of a stage writes.

use std::{any::Any, collections::BTreeMap, error::Error, fmt, path::PathBuf};

use renalflow_imaging::{Image, LabelMap};
use serde::Serialize;

use crate::{
    declare::Declaration,
    journal::Progress,
    lineage::Key,
    table::Table,
    value::{Failure, Kind, Value, Weights},
};

/// A stage: one declaration, one set of options, one way to build it.
pub trait Stage: 'static {
    /// Options by clap; their serialised form is part of every lineage key.
    type Options: clap::Args + Serialize;

    /// Ports, role, name and version.
    const DECLARATION: Declaration;

    /// Names of options that do not change results (where to write, how many at a time), left
    /// out of the lineage key.
    const NOT_IN_LINEAGE: &'static [&'static str] = &[];

    /// Check, before anything runs, what the option parser cannot: that files are there and
    /// read, that values fit each other. Returns notes worth showing.
    ///
    /// # Errors
    /// What is wrong and the fix.
    fn check(_options: &Self::Options) -> Result<Vec<String>, Problem> {
        Ok(Vec::new())
    }

    /// Check, before anything runs, that these options make sense with the inputs that the
    /// graph connects.
    ///
    /// # Errors
    /// What is missing and the fix.
    fn check_wiring(_options: &Self::Options, _inputs: &[String]) -> Result<(), Problem> {
        Ok(())
    }

    /// Build the stage.
    ///
    /// # Errors
    /// What is wrong and the fix.
    fn build(options: Self::Options, context: &Context) -> Result<Work, Problem>;
}

/// A built stage, by role.
pub enum Work {
    /// See [`Source`].
    Source(Box<dyn Source>),
    /// See [`PerCase`].
    PerCase(Box<dyn PerCase>),
    /// See [`Collecting`].
    Collecting(Box<dyn Collecting>),
}

/// Names the cases and loads them.
pub trait Source {
    /// Names of all cases, in the order in which rows will stand.
    fn cases(&self) -> Vec<String>;

    /// Load one case. The key of its content becomes the lineage of its outputs.
    ///
    /// # Errors
    /// Why this case cannot be loaded; the cohort goes on without it.
    fn load(&mut self, case_id: &str) -> Result<(Outputs, Key), Problem>;
}

/// Computes the outputs of one case from its inputs.
pub trait PerCase {
    /// Compute one case.
    ///
    /// # Errors
    /// Why this case cannot be done; the cohort goes on without it.
    fn process(&mut self, case_id: &str, inputs: Inputs) -> Result<Outputs, Problem>;
}

/// Takes in every case; may give outputs of the whole cohort.
pub trait Collecting {
    /// Take in one case, or the failure that stands in for it.
    ///
    /// # Errors
    /// Why this case cannot be taken in; it is recorded and the cohort goes on.
    fn collect(&mut self, case_id: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem>;

    /// Take in a failed case together with the inputs that did arrive, such as its clinical
    /// record. By default these are dropped.
    ///
    /// # Errors
    /// As [`Self::collect`].
    fn collect_failed(
        &mut self,
        case_id: &str,
        failure: Failure,
        _arrived: Inputs,
    ) -> Result<(), Problem> {
        self.collect(case_id, Err(failure))
    }

    /// All cases are in.
    ///
    /// # Errors
    /// Why the cohort gives no output.
    fn finish(&mut self, cohort: &Cohort) -> Result<Outputs, Problem>;
}

/// What a collecting stage knows at the end.
#[derive(Debug, Clone, Default)]
pub struct Cohort {
    /// Names of all cases, in the order of the source.
    pub cases: Vec<String>,
    /// The failures, by case.
    pub failures: BTreeMap<String, Failure>,
}

/// Where a node runs.
#[derive(Debug, Clone)]
pub struct Context {
    /// Id of the node in the graph.
    pub node_id: String,
    /// Folder of the run: tables, logs, journals.
    pub run_dir: PathBuf,
    /// Stop at the first failed case.
    pub strict: bool,
    /// Names of the inputs that the graph connects.
    pub inputs: Vec<String>,
    /// Names of the outputs that the graph declares.
    pub outputs: Vec<String>,
}

impl Context {
    /// A line on which a stage says how far it is within a long step; `renalflow run` shows it
    /// beside the node.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::open(&self.run_dir, &self.node_id)
    }
}

/// Something that cannot be done: the cause and the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What went wrong, with the causes of the cause.
    pub cause: String,
    /// What the user can do about it.
    pub fix: String,
}

impl Problem {
    /// A cause without a fix yet.
    #[must_use]
    pub fn new(cause: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            fix: String::new(),
        }
    }

    /// A panic of `what`, with its message.
    #[must_use]
    pub fn of_panic(what: &str, panic: &(dyn Any + Send)) -> Self {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Self::new(format!("{what} panicked: {message}"))
    }

    /// Say what to do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// Say where it happened.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.cause = format!("{what}: {}", self.cause);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)?;
        if !self.fix.is_empty() {
            write!(f, "\n  fix: {}", self.fix)?;
        }
        Ok(())
    }
}

impl<E: Error> From<E> for Problem {
    fn from(error: E) -> Self {
        let mut cause = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let text = inner.to_string();
            // Transparent wrappers repeat what they wrap.
            if !cause.contains(&text) {
                cause = format!("{cause}: {text}");
            }
            source = inner.source();
        }
        Self::new(cause)
    }
}

/// The inputs of one case, by port.
#[derive(Debug, Clone, Default)]
pub struct Inputs(pub(crate) BTreeMap<String, (Value, Key)>);

impl Inputs {
    /// Inputs for a test or a tool.
    #[must_use]
    pub fn from_values(values: impl IntoIterator<Item = (String, Value)>) -> Self {
        let key = Key::of_content(b"");
        Self(
            values
                .into_iter()
                .map(|(port, value)| (port, (value, key.clone())))
                .collect(),
        )
    }

    /// Take the image on a port.
    ///
    /// # Errors
    /// No such input for this case.
    pub fn image(&mut self, port: &str) -> Result<Image, Problem> {
        match self.take(port)? {
            Value::Image(image) => Ok(image),
            other => Err(wrong(port, Kind::Image, &other)),
        }
    }

    /// Take the label map on a port.
    ///
    /// # Errors
    /// No such input for this case.
    pub fn labels(&mut self, port: &str) -> Result<LabelMap, Problem> {
        match self.take(port)? {
            Value::Labels(labels) => Ok(labels),
            other => Err(wrong(port, Kind::Labels, &other)),
        }
    }

    /// Take the table on a port.
    ///
    /// # Errors
    /// No such input for this case.
    pub fn table(&mut self, port: &str) -> Result<Table, Problem> {
        match self.take(port)? {
            Value::Table(table) => Ok(table),
            other => Err(wrong(port, Kind::Table, &other)),
        }
    }

    /// Take the weights on a port.
    ///
    /// # Errors
    /// No such input for this case.
    pub fn weights(&mut self, port: &str) -> Result<Weights, Problem> {
        match self.take(port)? {
            Value::Weights(weights) => Ok(weights),
            other => Err(wrong(port, Kind::Weights, &other)),
        }
    }

    /// The patient that the record on a port names, as stage `load` sends it in `patient_id`;
    /// `None` where there is no record or it names none. The record stays where it is.
    ///
    /// # Errors
    /// Another kind of value, or a record that has not one row.
    pub fn patient_id(&self, port: &str) -> Result<Option<String>, Problem> {
        let Some((value, _)) = self.0.get(port) else {
            return Ok(None);
        };
        let Value::Table(record) = value else {
            return Err(wrong(port, Kind::Table, value));
        };
        if record.len() != 1 {
            return Err(Problem::new(format!(
                "input `{port}` has {} rows for this case",
                record.len()
            ))
            .fix("give one row a case, as output `record` of stage `load` has"));
        }
        let column = record.texts("patient_id").unwrap_or_default();
        Ok(column.into_iter().flatten().next())
    }

    /// Whether a port has a value.
    #[must_use]
    pub fn has(&self, port: &str) -> bool {
        self.0.contains_key(port)
    }

    /// The ports that have a value, in order of name.
    #[must_use]
    pub fn ports(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// What the value on a port was computed from.
    #[must_use]
    pub fn lineage(&self, port: &str) -> Option<&Key> {
        self.0.get(port).map(|(_, key)| key)
    }

    /// One key over all inputs.
    #[must_use]
    pub fn combined_lineage(&self) -> Key {
        let text: Vec<_> = self
            .0
            .iter()
            .map(|(port, (_, key))| format!("{port}={key}"))
            .collect();
        Key::of_content(text.join(";").as_bytes())
    }

    fn take(&mut self, port: &str) -> Result<Value, Problem> {
        self.0.remove(port).map(|(value, _)| value).ok_or_else(|| {
            Problem::new(format!("no value on input `{port}`")).fix("connect it in the graph")
        })
    }
}

fn wrong(port: &str, expected: Kind, found: &Value) -> Problem {
    Problem::new(format!(
        "input `{port}` carries {}, not {expected}",
        found.kind()
    ))
}

/// The outputs of one case, by port, and what else it left behind.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    values: BTreeMap<String, Value>,
    wrote: Vec<PathBuf>,
    results: Vec<String>,
    lost: Vec<(String, Problem)>,
}

impl Outputs {
    /// No outputs.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Add a value.
    #[must_use]
    pub fn with(mut self, port: &str, value: Value) -> Self {
        self.values.insert(port.to_owned(), value);
        self
    }

    /// Say that a file was written, so that the run lists it.
    #[must_use]
    pub fn wrote(mut self, path: impl Into<PathBuf>) -> Self {
        self.wrote.push(path.into());
        self
    }

    /// Say something that the user should read at the end of the run: a line of the result.
    #[must_use]
    pub fn result(mut self, line: impl Into<String>) -> Self {
        self.results.push(line.into());
        self
    }

    /// Say, when the cohort is finished, that a case which was taken in could not be used after
    /// all. It counts as failed in this node, as if taking it in had failed.
    #[must_use]
    pub fn lost(mut self, case_id: impl Into<String>, problem: Problem) -> Self {
        self.lost.push((case_id.into(), problem));
        self
    }

    /// The values, by port.
    #[must_use]
    pub fn into_values(self) -> BTreeMap<String, Value> {
        self.values
    }

    /// The files that were written.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.wrote
    }

    /// The cases that could not be used after all, and why.
    #[must_use]
    pub fn lost_cases(&self) -> &[(String, Problem)] {
        &self.lost
    }

    /// The lines for the end of the run.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.results
    }
}
