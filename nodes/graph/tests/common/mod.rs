//! Small stages, and graphs of them in files.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use renalflow_graph::{CheckOptions, Finding, Graph, Report, Set, Severity, check};
use renalflow_sdk::{
    Collecting, Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role,
    Source, Stage, Work, clap, lineage::Key,
};
use serde::Serialize;

#[derive(clap::Args, Serialize)]
pub struct LoadOptions {
    /// Manifest of the cohort.
    #[arg(long, default_value = "cohort.yml")]
    manifest: PathBuf,
}

#[derive(clap::Args, Serialize)]
pub struct ResampleOptions {
    /// Edge of a voxel.
    #[arg(long, value_name = "MM", default_value_t = 1.0)]
    spacing_mm: f64,
    /// Interpolation of images.
    #[arg(long, default_value = "linear", value_parser = ["nearest", "linear", "cubic"])]
    order: String,
    /// Value outside of the image.
    #[arg(long, value_name = "HU", default_value_t = -1024.0, allow_negative_numbers = true)]
    pad_hu: f64,
    /// Keep the grid of the labels.
    #[arg(long)]
    keep_grid: bool,
}

#[derive(clap::Args, Serialize)]
pub struct TableOptions {
    /// Clinical records.
    #[arg(long, value_name = "CSV")]
    clinical: Option<PathBuf>,
}

#[derive(clap::Args, Serialize)]
pub struct NoOptions {}

struct Nothing;

impl Source for Nothing {
    fn cases(&self) -> Vec<String> {
        Vec::new()
    }
    fn load(&mut self, _: &str) -> Result<(Outputs, Key), Problem> {
        Err(Problem::new("no cases"))
    }
}

impl PerCase for Nothing {
    fn process(&mut self, _: &str, _: Inputs) -> Result<Outputs, Problem> {
        Ok(Outputs::none())
    }
}

impl Collecting for Nothing {
    fn collect(
        &mut self,
        _: &str,
        _: Result<Inputs, renalflow_sdk::Failure>,
    ) -> Result<(), Problem> {
        Ok(())
    }
    fn finish(&mut self, _: &renalflow_sdk::Cohort) -> Result<Outputs, Problem> {
        Ok(Outputs::none())
    }
}

macro_rules! stage {
    ($type:ident, $options:ty, $name:literal, $role:ident, $inputs:expr, $outputs:expr $(, $check:expr)?) => {
        struct $type;
        impl Stage for $type {
            type Options = $options;
            const DECLARATION: Declaration = Declaration {
                name: $name,
                version: "1",
                about: "A stage for tests",
                role: Role::$role,
                inputs: $inputs,
                outputs: $outputs,
            };
            $(fn check(options: &Self::Options) -> Result<Vec<String>, Problem> {
                let check: fn(&Self::Options) -> Result<Vec<String>, Problem> = $check;
                check(options)
            })?
            fn build(_: Self::Options, _: &Context) -> Result<Work, Problem> {
                Ok(Work::$role(Box::new(Nothing)))
            }
        }
    };
}

const IMAGE: Port = Port::new("image", Kind::Image, "CT");
const LABELS: Port = Port::new("labels", Kind::Labels, "tumour");
const FEATURES: Port = Port::new("features", Kind::Table, "one row a case");

stage!(
    Load,
    LoadOptions,
    "load",
    Source,
    &[],
    &[IMAGE, LABELS, Port::new("clinical", Kind::Table, "records")],
    |options| {
        if options.manifest.is_file() || options.manifest.as_os_str() == "cohort.yml" {
            Ok(vec!["20 cases".to_owned()])
        } else {
            Err(Problem::new(format!(
                "manifest {} is not there",
                options.manifest.display()
            ))
            .fix("write one, or correct the path"))
        }
    }
);
stage!(
    Resample,
    ResampleOptions,
    "resample",
    PerCase,
    &[IMAGE, LABELS.optional()],
    &[IMAGE, LABELS.needs("labels")]
);
stage!(
    Radiomics,
    NoOptions,
    "radiomics",
    PerCase,
    &[IMAGE, LABELS],
    &[FEATURES]
);
stage!(
    Table,
    TableOptions,
    "table",
    Collecting,
    &[
        FEATURES.many(),
        Port::new("clinical", Kind::Table, "records").optional()
    ],
    &[Port::new("table", Kind::Table, "all rows")]
);
stage!(
    Classify,
    NoOptions,
    "classify",
    Collecting,
    &[Port::new("table", Kind::Table, "all rows")],
    &[Port::new("predictions", Kind::Table, "a row a case")]
);
stage!(
    Export,
    NoOptions,
    "export",
    Collecting,
    &[IMAGE.optional().many(), LABELS.optional().many()],
    &[]
);

stage!(
    Learn,
    NoOptions,
    "learn",
    Collecting,
    &[
        IMAGE,
        LABELS,
        Port::new("more-image", Kind::Image, "CT").group("more"),
        Port::new("more-labels", Kind::Labels, "tumour").group("more"),
    ],
    &[]
);

pub fn plugins() -> Vec<Plugin> {
    vec![
        Plugin::of::<Load>(),
        Plugin::of::<Resample>(),
        Plugin::of::<Radiomics>(),
        Plugin::of::<Table>(),
        Plugin::of::<Classify>(),
        Plugin::of::<Export>(),
        Plugin::of::<Learn>(),
    ]
}

/// A graph that passes.
pub const GOOD: &str = "\
nodes:
  - id: load
    path: renalflow
    args: node load
    inputs:
      ack: table/ack
    outputs:
      - image
      - labels

  - id: resample
    path: renalflow
    args: node resample --spacing-mm 2.5 --order cubic
    inputs:
      image: {source: load/image, queue_size: 194}
      labels: {source: load/labels, queue_size: 194}
    outputs: [image, labels]

  - id: radiomics
    path: renalflow
    args: node radiomics
    inputs:
      image: {source: resample/image, queue_size: 194}
      labels: {source: resample/labels, queue_size: 194}
    outputs:
      - features

  - id: table
    path: renalflow
    args: node table
    inputs:
      features: radiomics/features
      ack: classify/ack
    outputs:
      - table
      - ack

  - id: classify
    path: renalflow
    args: node classify
    inputs:
      table: table/table
    outputs:
      - ack
";

/// Two sources into the two groups of one stage, which passes.
pub const TWO_GROUPS: &str = "\
nodes:
  - id: load
    path: renalflow
    args: node load
    inputs:
      ack: learn/ack
    outputs: [image, labels]

  - id: load-more
    path: renalflow
    args: node load --window 2
    inputs:
      ack: learn/ack-more
    outputs: [image, labels]

  - id: learn
    path: renalflow
    args: node learn
    inputs:
      image: {source: load/image, queue_size: 194}
      labels: {source: load/labels, queue_size: 194}
      more-image: {source: load-more/image, queue_size: 194}
      more-labels: {source: load-more/labels, queue_size: 194}
    outputs: [ack, ack-more]
";

/// A graph in a file of a folder of its own.
pub struct OnDisk {
    pub folder: tempfile::TempDir,
    pub file: PathBuf,
}

pub fn on_disk(yaml: &str) -> OnDisk {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study.yml");
    std::fs::write(&file, yaml).unwrap();
    OnDisk { folder, file }
}

pub fn read(yaml: &str, sets: &[&str]) -> Result<Graph, Vec<Finding>> {
    let sets: Vec<_> = sets.iter().map(|text| Set::parse(text).unwrap()).collect();
    Graph::read(&on_disk(yaml).file, &sets, &plugins())
}

pub fn report(yaml: &str) -> Report {
    let graph = read(yaml, &[]).unwrap_or_else(|findings| panic!("not read:\n{}", text(&findings)));
    check(&graph, &plugins(), &CheckOptions::default())
}

pub fn text(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// [`GOOD`] with one thing changed.
pub fn bad(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "the good graph has no `{old}`");
    GOOD.replacen(old, new, 1)
}

/// The one finding of a graph, which must say every phrase, at `line`, in at most ten lines.
#[track_caller]
pub fn one(findings: &[Finding], line: usize, phrases: &[&str]) {
    let shown = text(findings);
    assert_eq!(findings.len(), 1, "{} findings:\n{shown}", findings.len());
    said(&findings[0], line, phrases);
}

#[track_caller]
pub fn said(finding: &Finding, line: usize, phrases: &[&str]) {
    let shown = finding.to_string();
    for phrase in phrases {
        assert!(shown.contains(phrase), "`{phrase}` is not in\n{shown}");
    }
    assert_eq!(finding.severity, Severity::Error, "{shown}");
    assert_eq!(
        finding.place.as_ref().map_or(0, |place| place.line),
        line,
        "line of\n{shown}"
    );
    assert!(shown.lines().count() <= 10, "more than ten lines:\n{shown}");
    assert!(!finding.fix.is_empty(), "no fix:\n{shown}");
}
