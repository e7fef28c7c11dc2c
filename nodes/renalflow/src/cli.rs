//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Studies of kidney tumours in CT as YAML graphs: every step a dora node, Arrow on the edges.
#[derive(Debug, Parser)]
#[command(
    name = "renalflow",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a graph, run it, and leave tables, metrics, logs and provenance in a folder.
    Run(Run),
    /// Check a graph before anything runs: YAML, ports, types, options, files, acknowledgements.
    Check(Check),
    /// Draw a graph.
    Graph(Graph),
    /// List the stages, or show the ports and options of one.
    Nodes(Nodes),
    /// Run one stage as a node of a dataflow (this is what graphs call).
    #[command(disable_help_flag = true)]
    Node(Node),
    /// Generate the synthetic cohort as files in KiTS19's layout.
    Phantom(Phantom),
    /// Show the cases of a data set: labels, files, and problems that others have reported.
    Dataset(Dataset),
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The graph.
    pub graph: PathBuf,
    /// Change an option of a node; may be repeated.
    #[arg(long = "set", value_name = "NODE.OPTION=VALUE")]
    pub sets: Vec<String>,
    /// Name of the run's folder [default: the graph's name].
    #[arg(long)]
    pub name: Option<String>,
    /// Folder in which runs are kept.
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub out: PathBuf,
    /// Stop at the first case that fails.
    #[arg(long)]
    pub strict: bool,
    /// Print errors and the final lines only.
    #[arg(long, short)]
    pub quiet: bool,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The graph.
    pub graph: PathBuf,
    /// Change an option of a node; may be repeated.
    #[arg(long = "set", value_name = "NODE.OPTION=VALUE")]
    pub sets: Vec<String>,
}

/// Options of `graph`.
#[derive(Debug, Args)]
pub struct Graph {
    /// The graph.
    pub graph: PathBuf,
    /// Kind of picture [default: by the ending of --output, else mermaid].
    #[arg(long, value_enum)]
    pub format: Option<Picture>,
    /// Where to write it [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Kinds of picture.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Picture {
    /// Text that GitHub and many editors draw.
    Mermaid,
    /// A drawing.
    Svg,
}

/// Options of `nodes`.
#[derive(Debug, Args)]
pub struct Nodes {
    /// One stage.
    pub stage: Option<String>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `node`.
#[derive(Debug, Args)]
pub struct Node {
    /// The stage; `renalflow nodes` lists them.
    pub stage: String,
    /// Its options.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// Options of `phantom`.
#[derive(Debug, Args)]
pub struct Phantom {
    /// Manifest of a phantom data set.
    #[arg(long, value_name = "MANIFEST")]
    pub dataset: PathBuf,
    /// Take kidney and tumour shapes from real masks in KiTS19's layout.
    #[arg(long, value_name = "DIR")]
    pub anatomy: Option<PathBuf>,
    /// Folder to write.
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
}

/// Options of `dataset`.
#[derive(Debug, Args)]
pub struct Dataset {
    /// The manifest.
    pub manifest: PathBuf,
}

/// Parse the command line; errors and help end the process as clap does.
pub fn parse() -> Cli {
    Cli::parse()
}
