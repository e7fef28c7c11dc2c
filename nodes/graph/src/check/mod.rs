//! Everything that can be known of a graph before a case is read.

mod executable;
mod flow;
mod options;
mod ports;

use std::time::Duration;

use renalflow_findings::{Finding, Severity};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::{graph::Graph, stage::Registry};

/// How far a check goes.
#[derive(Debug, Clone, Copy)]
pub struct CheckOptions {
    /// How long an executable that is not ours may take to answer `--describe`.
    pub describe_timeout: Duration,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            describe_timeout: Duration::from_secs(5),
        }
    }
}

/// Something that a stage has to say of its options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The node.
    pub node: String,
    /// What its stage says.
    pub text: String,
}

/// What a check found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What is wrong: errors first, each in the order of the file.
    pub findings: Vec<Finding>,
    /// Every option with the value in force, by node, in the order of the file.
    pub nodes: Map<String, Json>,
    /// What stages say of their options.
    pub notes: Vec<Note>,
}

impl Report {
    /// Whether the graph can run.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity != Severity::Error)
    }
}

/// Check a graph: stages, options, files, ports, types, queues, cycles, acknowledgements.
///
/// Stages read relative paths in their options against the current folder of the process, so the
/// caller changes to [`Graph::folder`] before. Executables that are not ours are started, with
/// `--describe`, in that folder.
#[must_use]
pub fn check(graph: &Graph, plugins: &Registry, options: &CheckOptions) -> Report {
    let mut report = Report::default();
    let known = executable::resolve(graph, plugins, options, &mut report.findings);
    options::check(graph, &known, &mut report);
    let before = report.findings.len();
    ports::check(graph, &known, &mut report.findings);
    // A connection that is missing or wrong is why values do not arrive: say that, not both.
    let wired = report.findings[before..]
        .iter()
        .all(|finding| finding.severity != Severity::Error)
        && known
            .iter()
            .zip(&graph.nodes)
            .all(|(known, node)| known.spec.is_some() || !node.is_ours());
    flow::check(graph, &known, wired, &mut report.findings);
    report.findings.sort_by_key(|finding| {
        (
            finding.severity,
            finding
                .place
                .as_ref()
                .map(|place| (place.line, place.column)),
        )
    });
    report
}
