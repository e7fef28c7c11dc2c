//! `renalflow run`: check, run, follow, account for every case, record.

mod account;
mod descriptor;
mod folder;
mod progress;
mod record;
mod summary;
mod warnings;
mod watch;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use renalflow_daemon::{DaemonError, LogLine, NodeEnd};
use renalflow_graph::Graph;
use serde_json::{Map, Value as Json};

use self::{folder::RunFolder, progress::Bars, warnings::Warnings, watch::Watch};
use crate::{cli, commands, screen};

/// How often journals are read and bars drawn.
const TICK: Duration = Duration::from_millis(100);

/// How long the rest of a graph may take to notice that a node is gone. The harness needs a
/// second; this is for nodes that are not built on it, and for nodes that died before they
/// joined, which can leave the others waiting for ever.
const AFTERMATH: Duration = Duration::from_secs(30);

/// A finished run.
pub struct Outcome {
    /// Wall-clock seconds.
    pub seconds: f64,
    /// When it began.
    pub started: SystemTime,
    /// What the journals say.
    pub watch: Watch,
    /// How each process ended.
    pub ends: BTreeMap<String, NodeEnd>,
    /// Whether the user stopped it, or a deadlock was broken.
    pub stopped: Option<String>,
}

/// Run a graph.
pub fn run(options: &cli::Run) -> ExitCode {
    let checked = match commands::check_graph(&options.graph, &options.sets) {
        Ok(checked) => checked,
        Err(()) => return ExitCode::FAILURE,
    };
    if !options.quiet {
        for note in &checked.notes {
            screen::remark(note);
        }
    }
    let name = options
        .name
        .clone()
        .unwrap_or_else(|| graph_name(&options.graph));
    let folder = match RunFolder::create(&options.out, &name) {
        Ok(folder) => folder,
        Err(error) => {
            screen::complain(error);
            return ExitCode::FAILURE;
        }
    };
    if let Some(kept) = &folder.earlier
        && !options.quiet
    {
        screen::remark(format!(
            "the earlier run of this name is kept as {}",
            kept.display()
        ));
    }
    match execute(&checked.graph, &folder, options) {
        Ok(outcome) => conclude(&checked.graph, &checked.options, &folder, &outcome, options),
        Err(error) => {
            screen::complain(error);
            ExitCode::FAILURE
        }
    }
}

fn execute(graph: &Graph, folder: &RunFolder, options: &cli::Run) -> Result<Outcome, DaemonError> {
    let started = SystemTime::now();
    let clock = Instant::now();
    let descriptor = descriptor::for_run(graph, &folder.path, options.strict);
    let (log_sender, log_receiver) = flume::unbounded();
    let daemon = {
        let (descriptor, graph_path, work_dir) =
            (descriptor, options.graph.clone(), folder.path.clone());
        std::thread::spawn(move || {
            renalflow_daemon::run(&descriptor, &graph_path, &work_dir, log_sender)
        })
    };
    let ids: Vec<_> = graph
        .nodes()
        .iter()
        .map(|node| node.id().to_owned())
        .collect();
    let bars = Bars::new(&ids, options.quiet);
    let mut logs = folder::NodeLogs::create(&folder.path);
    let mut watch = Watch::new(&folder.path, ids.iter().map(String::as_str));
    let mut warnings = Warnings::default();
    let mut stopped = None;
    let mut first_death: Option<Instant> = None;
    let mut last_news = Instant::now();
    while !daemon.is_finished() {
        std::thread::sleep(TICK);
        for line in log_receiver.try_iter() {
            logs.write(&line);
            if !options.quiet {
                show(&bars, &line, &mut warnings);
            }
            if process_ended_badly(&line) {
                first_death.get_or_insert_with(Instant::now);
            }
        }
        if watch.poll() {
            last_news = Instant::now();
        }
        bars.update(&watch);
        let quiet_since_death = first_death
            .is_some_and(|at| at.elapsed() > AFTERMATH && last_news.elapsed() > AFTERMATH);
        if quiet_since_death && stopped.is_none() {
            stopped =
                Some("a node was gone and the others did not end; the run was stopped".to_owned());
            stop_dataflow();
        }
    }
    for line in log_receiver.try_iter() {
        logs.write(&line);
        if !options.quiet {
            show(&bars, &line, &mut warnings);
        }
    }
    watch.poll();
    bars.update(&watch);
    for line in warnings.lines() {
        bars.println(&line);
    }
    bars.finish();
    let ended = daemon
        .join()
        .unwrap_or_else(|_| Err(DaemonError::Daemon("it panicked".to_owned())));
    let ends = match ended {
        Ok(ends) => ends,
        // A second Ctrl-C ends the daemon at once. What the nodes did until then is worth a record.
        Err(error) if watch.nodes.values().any(|node| node.started.is_some()) => {
            stopped.get_or_insert(error.to_string());
            BTreeMap::new()
        }
        Err(error) => return Err(error),
    };
    folder.tidy();
    Ok(Outcome {
        seconds: clock.elapsed().as_secs_f64(),
        started,
        watch,
        ends,
        stopped,
    })
}

fn conclude(
    graph: &Graph,
    options_by_node: &Map<String, Json>,
    folder: &RunFolder,
    outcome: &Outcome,
    options: &cli::Run,
) -> ExitCode {
    let account = account::Account::of(graph, outcome);
    if let Err(error) = record::write(graph, options_by_node, folder, outcome, &account) {
        screen::complain(error);
        return ExitCode::FAILURE;
    }
    summary::print(graph, folder, outcome, &account, options.quiet);
    if account.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Warnings and errors of stages are worth the user's eyes while the run goes on; the rest, and
/// what dora's transport says of links that come and go, is in the node's log. A warning that is
/// said of many cases is shown of the first.
fn show(bars: &Bars, line: &LogLine, warnings: &mut Warnings) {
    let Some(node) = &line.node else { return };
    let text = line.text.trim();
    let Some((level, said)) = text.split_once(' ') else {
        return;
    };
    if !matches!(level, "ERROR" | "WARN") || said.starts_with("zenoh") {
        return;
    }
    // `module::path: words` is for the log; the words are for the user.
    let words = match said.split_once(": ") {
        Some((module, words)) if !module.contains(' ') => words,
        _ => said,
    };
    if level == "ERROR" || warnings.is_new(node, words) {
        bars.println(&format!("{node}: {} {words}", level.to_lowercase()));
    }
}

/// Whether the daemon says that a process is gone without having succeeded.
fn process_ended_badly(line: &LogLine) -> bool {
    line.level == "ERROR" && line.node.is_some() && line.text.contains("exited")
}

/// Ask the daemon in this process to stop the dataflow, as SIGTERM from outside would.
fn stop_dataflow() {
    if let Err(error) =
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)
    {
        screen::remark(format!("cannot stop the dataflow: {error}"));
    }
}

fn graph_name(graph: &Path) -> String {
    graph.file_stem().map_or_else(
        || "run".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// Where a run's own files are.
pub fn path_in(folder: &RunFolder, name: &str) -> PathBuf {
    folder.path.join(name)
}
