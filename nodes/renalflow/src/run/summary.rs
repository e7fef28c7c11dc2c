//! The last lines of a run: what became of the cases, the result, where the tables are.

use std::{fmt::Write, path::Path};

use renalflow_graph::Graph;

use super::{
    Outcome,
    account::Account,
    folder::{LOGS, RunFolder},
};
use crate::screen;

/// The most cases that are named one by one.
const NAMED: usize = 10;

/// Print the end of a run.
pub fn print(graph: &Graph, folder: &RunFolder, outcome: &Outcome, account: &Account, quiet: bool) {
    let mut text = String::new();
    if !quiet {
        nodes(&mut text, graph, outcome);
    }
    cases(&mut text, account);
    for (id, how) in &account.broken {
        let _ = writeln!(text, "error: node `{id}`: {}", indented(how));
        let log = folder.shown.join(LOGS).join(format!("{id}.log"));
        let _ = writeln!(text, "  log: {}", log.display());
    }
    if let Some(why) = &account.stopped {
        let _ = writeln!(text, "error: {why}");
    }
    results(&mut text, graph, outcome);
    files(&mut text, graph, folder, outcome);
    let _ = write!(
        text,
        "\n{}: {} of {} cases in {:.1} s",
        if account.is_complete() {
            "done"
        } else {
            "incomplete"
        },
        account.ok(),
        account.cases.len(),
        outcome.seconds
    );
    screen::say(text.trim_start_matches('\n'));
}

fn nodes(text: &mut String, graph: &Graph, outcome: &Outcome) {
    let ids = ids(graph);
    let width = ids
        .iter()
        .map(|id| id.chars().count())
        .max()
        .unwrap_or(0)
        .max(4);
    let _ = writeln!(
        text,
        "\n{:width$}  {:>9}  {:>8}  {:>11}",
        "node", "cases", "at work", "peak memory"
    );
    for id in ids {
        let Some(state) = outcome.watch.nodes.get(&id) else {
            continue;
        };
        let end = state.end.clone().unwrap_or_default();
        let memory = end
            .peak_memory_mib
            .map_or_else(|| "-".to_owned(), |mib| format!("{mib:.0} MiB"));
        let _ = writeln!(
            text,
            "{id:width$}  {:>4}/{:<4}  {:>6.1} s  {memory:>11}",
            state.cases_done(),
            state.cohort.len(),
            end.busy_seconds,
        );
    }
}

fn cases(text: &mut String, account: &Account) {
    if !account.failed.is_empty() {
        let _ = writeln!(
            text,
            "\n{} case(s) failed and are rows with status `failed`:",
            account.failed.len()
        );
        for (case, failure) in account.failed.iter().take(NAMED) {
            let _ = writeln!(
                text,
                "  {case} in `{}`: {}",
                failure.node,
                indented(&failure.cause)
            );
            if !failure.fix.is_empty() {
                let _ = writeln!(text, "    fix: {}", indented(&failure.fix));
            }
        }
        more(text, account.failed.len());
    }
    if !account.missing.is_empty() {
        let _ = writeln!(
            text,
            "\nerror: {} case(s) have no result:",
            account.missing.len()
        );
        for (case, what) in account.missing.iter().take(NAMED) {
            let _ = writeln!(text, "  {case}: {}", indented(what));
        }
        more(text, account.missing.len());
    }
}

fn more(text: &mut String, count: usize) {
    if count > NAMED {
        let _ = writeln!(text, "  and {} more, all in run.json", count - NAMED);
    }
}

fn results(text: &mut String, graph: &Graph, outcome: &Outcome) {
    let lines: Vec<_> = ids(graph)
        .iter()
        .filter_map(|id| outcome.watch.nodes.get(id))
        .flat_map(|state| state.results.iter())
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(text, "\nresult");
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
}

fn files(text: &mut String, graph: &Graph, folder: &RunFolder, outcome: &Outcome) {
    let _ = writeln!(text, "\nfiles");
    let written: Vec<_> = ids(graph)
        .iter()
        .filter_map(|id| outcome.watch.nodes.get(id))
        .flat_map(|state| state.wrote.iter())
        .map(|path| shown(path, folder))
        .collect();
    for path in written.iter().take(NAMED) {
        let _ = writeln!(text, "  {path}");
    }
    if written.len() > NAMED {
        let _ = writeln!(text, "  and {} more", written.len() - NAMED);
    }
    let _ = writeln!(text, "  {}", folder.shown.join("run.json").display());
    let _ = writeln!(text, "  {}/", folder.shown.join(LOGS).display());
}

/// A path below the run's folder, as the user gave that folder.
fn shown(path: &Path, folder: &RunFolder) -> String {
    path.strip_prefix(&folder.path)
        .map_or_else(|_| path.to_owned(), |inner| folder.shown.join(inner))
        .display()
        .to_string()
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

fn ids(graph: &Graph) -> Vec<String> {
    graph
        .nodes()
        .iter()
        .map(|node| node.id().to_owned())
        .collect()
}
