//! A stage with its type erased: what the command keeps a list of, and what a third party's
//! `main` runs.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, FromArgMatches, error::ErrorKind};
use serde_json::{Value as Json, json};
use thiserror::Error;

use crate::{
    declare::{Declaration, Role},
    harness::{self, Bench, HarnessError},
    journal::{Entry, Journal},
    lineage::StageKey,
    stage::{Context, Problem, Stage, Work},
    transport::{DoraTransport, Transport, TransportError},
};

/// The window that sources have where none is given: cases in flight.
pub const DEFAULT_WINDOW: usize = 3;

/// Variable that names the folder of the run; `runs/<dataflow id>` where it is not set.
pub const RUN_DIR: &str = "RENALFLOW_RUN_DIR";
/// Variable that names the folder against which relative paths in options are read.
pub const GRAPH_DIR: &str = "RENALFLOW_GRAPH_DIR";
/// Variable that makes the first failed case stop the run.
pub const STRICT: &str = "RENALFLOW_STRICT";

/// Every option with its value, and notes.
type CheckFn = fn(&clap::ArgMatches) -> Result<(Json, Vec<String>), Problem>;
/// Whether the options make sense with the connected inputs.
type WiringFn = fn(&clap::ArgMatches, &[String]) -> Result<(), Problem>;
/// The stage, and the digest of its name, version and options.
type BuildFn = fn(&clap::ArgMatches, &Context) -> Result<(Work, StageKey), Problem>;

/// A stage with its type erased.
#[derive(Debug, Clone, Copy)]
pub struct Plugin {
    declaration: Declaration,
    augment: fn(clap::Command) -> clap::Command,
    check: CheckFn,
    check_wiring: WiringFn,
    build: BuildFn,
}

/// Why options do not pass.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The parser refuses them.
    #[error("{0}")]
    Options(Box<clap::Error>),
    /// The stage refuses them.
    #[error("{0}")]
    Stage(Problem),
}

/// Why a node ended with an error.
#[derive(Debug, Error)]
pub enum NodeError {
    /// See [`TransportError`].
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// See [`HarnessError`].
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// Options that do not pass, or a stage that cannot be built.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A port that the stage does not have.
    #[error("stage `{stage}` has no {direction} `{port}`; it has: {available}")]
    Port {
        /// The stage.
        stage: &'static str,
        /// `input` or `output`.
        direction: &'static str,
        /// The name in the graph.
        port: String,
        /// The names that there are.
        available: String,
    },
    /// The folder of the run cannot be used.
    #[error(
        "cannot use {path}: {cause}\n  fix: give a folder that can be written with `--out`, or set {RUN_DIR}"
    )]
    RunDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

impl Plugin {
    /// Erase the type of a stage.
    #[must_use]
    pub const fn of<S: Stage>() -> Self {
        Self {
            declaration: S::DECLARATION,
            augment: S::Options::augment_args,
            check: check::<S>,
            check_wiring: check_wiring::<S>,
            build: build::<S>,
        }
    }

    /// Ports, role, name and version.
    #[must_use]
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// The option parser, with the options that every stage of its role has.
    #[must_use]
    pub fn command(&self) -> clap::Command {
        let mut command = clap::Command::new(self.declaration.name)
            .about(self.declaration.about)
            .version(self.declaration.version)
            .no_binary_name(true)
            .disable_version_flag(true);
        // clap takes the options' own comment for a description of the stage.
        command = (self.augment)(command)
            .about(self.declaration.about)
            .long_about(None);
        if self.declaration.role == Role::Source {
            command = command.arg(
                clap::Arg::new("window")
                    .long("window")
                    .value_name("CASES")
                    .help(
                        "Cases in flight: sent and not yet acknowledged by every collecting stage",
                    )
                    .default_value("3")
                    .value_parser(clap::value_parser!(u16).range(1..=64)),
            );
        }
        command.arg(
            clap::Arg::new("describe")
                .long("describe")
                .action(clap::ArgAction::SetTrue)
                .help("Print ports, types and options as JSON and exit"),
        )
    }

    /// Ports, types and options as JSON.
    #[must_use]
    pub fn describe(&self) -> Json {
        let mut command = self.command();
        command.build();
        self.declaration.describe(&command)
    }

    /// The answer to `--describe`: ports, types and options, and under `refused` what is wrong
    /// with the other arguments, so that a graph's check need not know this stage.
    fn answer(&self, args: &[String]) -> Json {
        let mut answer = self.describe();
        let others: Vec<_> = args
            .iter()
            .filter(|arg| *arg != "--describe")
            .cloned()
            .collect();
        if !others.is_empty()
            && let Err(error) = self.check(&others)
            && let Some(map) = answer.as_object_mut()
        {
            map.insert("refused".to_owned(), error.to_string().into());
        }
        answer
    }

    /// Check options before anything runs. Returns every option with the value in force, and
    /// notes worth showing.
    ///
    /// # Errors
    /// Options that the parser or the stage refuses.
    pub fn check(&self, args: &[String]) -> Result<(Json, Vec<String>), CheckError> {
        (self.check)(&self.parse(args)?).map_err(CheckError::Stage)
    }

    /// Check, before anything runs, that options make sense with the inputs that a graph connects.
    ///
    /// # Errors
    /// Options that the parser or the stage refuses.
    pub fn check_wiring(&self, args: &[String], inputs: &[String]) -> Result<(), CheckError> {
        (self.check_wiring)(&self.parse(args)?, inputs).map_err(CheckError::Stage)
    }

    /// The window that these options give a source.
    #[must_use]
    pub fn window(&self, args: &[String]) -> usize {
        self.parse(args)
            .map_or(DEFAULT_WINDOW, |matches| window(&matches))
    }

    /// The `main` of an executable that is this stage and nothing else: answers `--describe`
    /// and `--help`, and otherwise runs as a node.
    #[must_use]
    pub fn main(&self) -> ExitCode {
        self.main_with(&std::env::args().skip(1).collect::<Vec<_>>())
    }

    /// [`Self::main`] with these arguments.
    #[allow(
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "this is a process's `main`"
    )]
    #[must_use]
    pub fn main_with(&self, args: &[String]) -> ExitCode {
        if args.iter().any(|arg| arg == "--describe") {
            println!("{:#}", self.answer(args));
            return ExitCode::SUCCESS;
        }
        if args.iter().any(|arg| arg == "--help" || arg == "-h") {
            println!("{}", self.command().render_long_help());
            return ExitCode::SUCCESS;
        }
        log_to_stderr();
        crate::launch::complete_environment();
        match self.run(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        }
    }

    /// Run as the node that a daemon started this process for.
    ///
    /// # Errors
    /// Whatever cannot be said of a single case; see [`HarnessError`].
    pub fn run(&self, args: &[String]) -> Result<(), NodeError> {
        // Join first: a node that dies before it subscribes can hang the graph.
        let mut transport = DoraTransport::join()?;
        let run_dir = std::env::var_os(RUN_DIR).map_or_else(
            || PathBuf::from("runs").join(transport.dataflow_id()),
            PathBuf::from,
        );
        let run_dir = std::fs::create_dir_all(&run_dir)
            .and_then(|()| std::path::absolute(&run_dir))
            .map_err(|cause| NodeError::RunDir {
                path: run_dir,
                cause,
            })?;
        if let Some(graph_dir) = std::env::var_os(GRAPH_DIR) {
            std::env::set_current_dir(&graph_dir).map_err(|cause| NodeError::RunDir {
                path: graph_dir.into(),
                cause,
            })?;
        }
        let context = Context {
            node_id: transport.node_id(),
            run_dir,
            strict: std::env::var_os(STRICT).is_some_and(|value| value == "1"),
            inputs: transport.inputs().into_keys().collect(),
            outputs: transport.outputs(),
        };
        let mut journal = Journal::open(&context.run_dir, &context.node_id);
        let result = self.run_on(&mut transport, args, &context, &mut journal);
        journal.end(result.as_ref().err().map(ToString::to_string));
        result
    }

    /// Run on any transport, such as [`crate::replay::Replay`].
    ///
    /// # Errors
    /// See [`Self::run`].
    pub fn run_on(
        &self,
        transport: &mut dyn Transport,
        args: &[String],
        context: &Context,
        journal: &mut Journal,
    ) -> Result<(), NodeError> {
        self.check_ports(transport)?;
        let matches = self.parse(args)?;
        let (options, _) = (self.check)(&matches).map_err(CheckError::Stage)?;
        let inputs: Vec<_> = transport.inputs().into_keys().collect();
        (self.check_wiring)(&matches, &inputs).map_err(CheckError::Stage)?;
        journal.write(&Entry::Start {
            stage: self.declaration.name.to_owned(),
            version: self.declaration.version.to_owned(),
            pid: std::process::id(),
            options,
        });
        let (work, key) = (self.build)(&matches, context).map_err(CheckError::Stage)?;
        let mut bench = Bench {
            context,
            key: &key,
            declaration: &self.declaration,
            journal,
        };
        match work {
            Work::Source(mut work) => {
                harness::run_source(work.as_mut(), window(&matches), transport, &mut bench)?;
            }
            Work::PerCase(mut work) => harness::run_per_case(work.as_mut(), transport, &mut bench)?,
            Work::Collecting(mut work) => {
                harness::run_collecting(work.as_mut(), transport, &mut bench)?
            }
        }
        Ok(())
    }

    fn parse(&self, args: &[String]) -> Result<clap::ArgMatches, CheckError> {
        self.command()
            .try_get_matches_from(args)
            .map_err(|error| CheckError::Options(Box::new(error)))
    }

    fn check_ports(&self, transport: &dyn Transport) -> Result<(), NodeError> {
        let unknown = |direction, port: String, ports: &[crate::Port]| NodeError::Port {
            stage: self.declaration.name,
            direction,
            port,
            available: ports
                .iter()
                .map(|port| port.name)
                .collect::<Vec<_>>()
                .join(", "),
        };
        let ports = self.declaration.all_inputs();
        for input in transport.inputs().into_keys() {
            if !ports.iter().any(|port| port.matches(&input)) {
                return Err(unknown("input", input, &ports));
            }
        }
        let ports = self.declaration.all_outputs();
        for output in transport.outputs() {
            if !ports.iter().any(|port| port.matches(&output)) {
                return Err(unknown("output", output, &ports));
            }
        }
        Ok(())
    }
}

/// A node's standard error is its log. dora's own notes at each message it sends are not of
/// interest there, and colour codes do not belong there.
fn log_to_stderr() {
    use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};
    let levels = Targets::new()
        .with_default(tracing::Level::WARN)
        .with_target("renalflow", tracing::Level::INFO)
        .with_target("dora_node_api", tracing::Level::ERROR)
        .with_target("zenoh", tracing::Level::ERROR);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time();
    // A second subscriber in one process would be a test's own.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(levels)
        .try_init();
}

impl CheckError {
    /// Whether this is the answer to `--help` rather than an error.
    #[must_use]
    pub fn is_help(&self) -> bool {
        matches!(self, Self::Options(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion))
    }
}

fn window(matches: &clap::ArgMatches) -> usize {
    matches
        .try_get_one::<u16>("window")
        .ok()
        .flatten()
        .map_or(DEFAULT_WINDOW, |&window| usize::from(window))
}

fn options<S: Stage>(matches: &clap::ArgMatches) -> Result<(S::Options, Json), Problem> {
    let options = S::Options::from_arg_matches(matches)?;
    let json = serde_json::to_value(&options)?;
    Ok((options, json))
}

fn check<S: Stage>(matches: &clap::ArgMatches) -> Result<(Json, Vec<String>), Problem> {
    let (options, mut json) = options::<S>(matches)?;
    let notes = S::check(&options)?;
    if S::DECLARATION.role == Role::Source
        && let Some(map) = json.as_object_mut()
    {
        map.insert("window".to_owned(), json!(window(matches)));
    }
    Ok((json, notes))
}

fn check_wiring<S: Stage>(matches: &clap::ArgMatches, inputs: &[String]) -> Result<(), Problem> {
    S::check_wiring(&options::<S>(matches)?.0, inputs)
}

fn build<S: Stage>(
    matches: &clap::ArgMatches,
    context: &Context,
) -> Result<(Work, StageKey), Problem> {
    let (options, mut json) = options::<S>(matches)?;
    if let Some(map) = json.as_object_mut() {
        map.retain(|name, _| !S::NOT_IN_LINEAGE.contains(&name.as_str()));
    }
    let key = StageKey::new(S::DECLARATION.name, S::DECLARATION.version, &json);
    Ok((S::build(options, context)?, key))
}
