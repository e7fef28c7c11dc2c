//! What each command does; `run` has a folder of its own.

use std::{path::Path, process::ExitCode};

use renalflow_datasets::{CaseSource, CaseSpec, Manifest, write_kits19};
use renalflow_graph::{CheckOptions, Graph, Set, Severity};
use renalflow_sdk::Role;
use serde_json::{Map, Value as Json};

use crate::{
    bench,
    cli::{self, Cli, Command},
    compare, conformance, radiomics, registry, run, screen,
};

/// Do what the command line asks.
pub fn dispatch(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Run(options) => {
            // The daemon needs it too, and its nodes inherit it.
            renalflow_sdk::launch::complete_environment();
            run::run(&options)
        }
        Command::Check(options) => check(&options),
        Command::Graph(options) => graph(&options),
        Command::Nodes(options) => nodes(&options),
        Command::Node(options) => node(&options),
        Command::Radiomics(options) => radiomics::radiomics(&options),
        Command::Conformance(options) => conformance::conformance(&options),
        Command::Compare(options) => compare::compare(&options),
        Command::Bench(options) => bench::bench(&options),
        Command::Phantom(options) => phantom(&options),
        Command::Dataset(options) => dataset(&options),
    }
}

/// A graph that passed its check.
pub struct Checked {
    /// The graph, `--set` applied.
    pub graph: Graph,
    /// Every option with its default, by node.
    pub options: Map<String, Json>,
    /// Remarks of the stages on their files.
    pub notes: Vec<String>,
}

/// Read and check a graph, printing what is wrong with it. The process works in the graph's
/// folder while it checks, because relative paths in options start there.
pub fn check_graph(path: &Path, sets: &[String]) -> Result<Checked, ()> {
    let sets = sets
        .iter()
        .map(|set| Set::parse(set).map_err(screen::remark))
        .collect::<Result<Vec<_>, ()>>()?;
    let graph = Graph::read(path, &sets, registry::STAGES)
        .map_err(|findings| findings.iter().for_each(screen::remark))?;
    let here = std::env::current_dir();
    if let Err(error) = std::env::set_current_dir(graph.folder()) {
        screen::complain(format!(
            "cannot enter {}: {error}",
            graph.folder().display()
        ));
        return Err(());
    }
    let report = renalflow_graph::check(&graph, registry::STAGES, &CheckOptions::default());
    if let Ok(here) = here
        && let Err(error) = std::env::set_current_dir(&here)
    {
        screen::complain(format!("cannot return to {}: {error}", here.display()));
        return Err(());
    }
    report.findings.iter().for_each(screen::remark);
    let errors = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    if errors > 0 {
        screen::remark(format!(
            "{}: {errors} error(s); nothing was run",
            path.display()
        ));
        return Err(());
    }
    let notes = report
        .notes
        .into_iter()
        .map(|note| format!("{}: {}", note.node, note.text))
        .collect();
    Ok(Checked {
        graph,
        options: report.nodes,
        notes,
    })
}

fn check(options: &cli::Check) -> ExitCode {
    let mut all_pass = true;
    for path in &options.graphs {
        match check_graph(path, &options.sets) {
            Ok(checked) => {
                checked.notes.iter().for_each(screen::remark);
                screen::say(format!(
                    "{}: {} nodes, no errors",
                    path.display(),
                    checked.graph.nodes().len()
                ));
            }
            Err(()) => all_pass = false,
        }
    }
    if all_pass {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn graph(options: &cli::Graph) -> ExitCode {
    let graph = match Graph::read(&options.graph, &[], registry::STAGES) {
        Ok(graph) => graph,
        Err(findings) => {
            findings.iter().for_each(screen::remark);
            return ExitCode::FAILURE;
        }
    };
    let drawn = options
        .output
        .as_ref()
        .is_some_and(|path| path.extension().is_some_and(|ending| ending == "svg"));
    let by_ending = if drawn {
        cli::Picture::Svg
    } else {
        cli::Picture::Mermaid
    };
    let picture = match options.format.unwrap_or(by_ending) {
        cli::Picture::Mermaid => renalflow_graph::mermaid(&graph, registry::STAGES),
        cli::Picture::Svg => renalflow_graph::svg(&graph, registry::STAGES),
    };
    let Some(path) = &options.output else {
        screen::say(picture.trim_end());
        return ExitCode::SUCCESS;
    };
    match std::fs::write(path, picture) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            screen::complain(format!("cannot write {}: {error}", path.display()));
            ExitCode::FAILURE
        }
    }
}

fn nodes(options: &cli::Nodes) -> ExitCode {
    let Some(name) = &options.stage else {
        if options.json {
            let all: Vec<_> = registry::STAGES
                .iter()
                .map(renalflow_sdk::Plugin::describe)
                .collect();
            screen::say(serde_json::to_string_pretty(&all).unwrap_or_default());
            return ExitCode::SUCCESS;
        }
        let names = registry::STAGES
            .iter()
            .map(|plugin| plugin.declaration().name);
        let width = names.map(str::len).max().unwrap_or_default();
        for plugin in registry::STAGES {
            let declaration = plugin.declaration();
            let role = match declaration.role {
                Role::Source => "source",
                Role::PerCase => "per case",
                Role::Collecting => "collecting",
            };
            let ports = |ports: Vec<renalflow_sdk::Port>| {
                ports
                    .iter()
                    .map(|port| port.name)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            screen::say(format!(
                "{:<width$} {role:<11} {}\n{:<width$} {:<11} in: {}   out: {}",
                declaration.name,
                declaration.about,
                "",
                "",
                ports(declaration.all_inputs()),
                ports(declaration.all_outputs()),
            ));
        }
        screen::say(
            "\n`renalflow nodes STAGE` shows ports and options of one, `--json` all as JSON",
        );
        return ExitCode::SUCCESS;
    };
    let Some(plugin) = find(name) else {
        return ExitCode::FAILURE;
    };
    if options.json {
        screen::say(serde_json::to_string_pretty(&plugin.describe()).unwrap_or_default());
        return ExitCode::SUCCESS;
    }
    let declaration = plugin.declaration();
    for (title, ports) in [
        ("inputs", declaration.all_inputs()),
        ("outputs", declaration.all_outputs()),
    ] {
        screen::say(format!("{title}:"));
        for port in ports {
            let optional = if title == "inputs" && !port.required {
                " (optional)"
            } else {
                ""
            };
            screen::say(format!(
                "  {:<12} {:<7} {}{optional}",
                port.name,
                port.kind.name(),
                port.about
            ));
        }
    }
    screen::say(plugin.command().render_long_help());
    ExitCode::SUCCESS
}

fn find(name: &str) -> Option<&'static renalflow_sdk::Plugin> {
    let plugin = registry::find(name);
    if plugin.is_none() {
        let names: Vec<_> = registry::STAGES
            .iter()
            .map(|plugin| plugin.declaration().name)
            .collect();
        let nearest = names
            .iter()
            .max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)))
            .copied()
            .unwrap_or_default();
        screen::complain(format!(
            "there is no stage `{name}`; did you mean `{nearest}`?\n  stages: {}",
            names.join(", ")
        ));
    }
    plugin
}

fn node(options: &cli::Node) -> ExitCode {
    find(&options.stage).map_or(ExitCode::FAILURE, |plugin| plugin.main_with(&options.args))
}

/// Read a manifest and its cases; what is wrong is printed.
fn dataset_cases(path: &Path, anatomy: Option<&Path>) -> Result<(Manifest, Vec<CaseSpec>), ()> {
    // Variables are read from where the user stands, not from the manifest's folder.
    let variable = |name: &str| {
        let value = std::env::var(name).ok()?;
        Some(std::path::absolute(value).ok()?.display().to_string())
    };
    Manifest::read(path, &variable)
        .and_then(|manifest| match anatomy {
            Some(folder) => manifest.with_anatomy(folder.to_owned()),
            None => Ok(manifest),
        })
        .and_then(|manifest| manifest.cases().map(|cases| (manifest, cases)))
        .map_err(screen::complain)
}

fn dataset(options: &cli::Dataset) -> ExitCode {
    let Ok((manifest, cases)) = dataset_cases(&options.manifest, None) else {
        return ExitCode::FAILURE;
    };
    screen::say(format!(
        "{}: {} cases ({})",
        manifest.name,
        cases.len(),
        manifest.kind()
    ));
    if let Some(description) = &manifest.description {
        screen::say(description);
    }
    for (label, name) in &manifest.labels {
        screen::say(format!("label {label}: {name}"));
    }
    for case in &cases {
        let target = match (&manifest.target, case.target) {
            (Some(target), Some(value)) => format!("{target}={value}"),
            (Some(target), None) => format!("{target} unknown"),
            (None, _) => String::new(),
        };
        let issue = case
            .known_issue
            .as_ref()
            .map_or_else(String::new, |issue| format!("known issue: {issue}"));
        screen::say(format!("{}  {target}  {issue}", case.case_id).trim_end());
    }
    match manifest.known_issues() {
        Ok(issues) => {
            let absent: Vec<_> = issues
                .iter()
                .filter(|issue| !cases.iter().any(|case| case.case_id == issue.case))
                .collect();
            if !absent.is_empty() {
                screen::say("\nknown issues of cases that are not here, or are left out:");
            }
            for issue in absent {
                screen::say(format!(
                    "{}  {} ({})",
                    issue.case,
                    issue.what,
                    issue.sources.join(", ")
                ));
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            screen::complain(error);
            ExitCode::FAILURE
        }
    }
}

fn phantom(options: &cli::Phantom) -> ExitCode {
    let Ok((manifest, cases)) = dataset_cases(&options.dataset, options.anatomy.as_deref()) else {
        return ExitCode::FAILURE;
    };
    let specs: Vec<_> = cases
        .into_iter()
        .filter_map(|case| match case.source {
            CaseSource::Phantom(spec) => Some(spec),
            _ => None,
        })
        .collect();
    if specs.is_empty() {
        screen::complain(format!(
            "{} is a data set of kind {}, not of phantoms\n  fix: name a manifest with `source: phantom`, \
             such as datasets/phantom-primary.yml",
            options.dataset.display(),
            manifest.kind()
        ));
        return ExitCode::FAILURE;
    }
    match write_kits19(&options.output, &specs) {
        Ok(()) => {
            screen::say(format!(
                "{} cases in {}",
                specs.len(),
                options.output.display()
            ));
            ExitCode::SUCCESS
        }
        Err(error) => {
            screen::complain(error);
            ExitCode::FAILURE
        }
    }
}
