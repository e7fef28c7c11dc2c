//! The command line.

use std::{num::NonZeroU64, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use renalflow_segmentation::{device::DeviceChoice, ops::Precision};

use crate::compare::Metric;

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
    /// Check graphs before anything runs: YAML, ports, types, options, files, acknowledgements.
    Check(Check),
    /// Draw a graph.
    Graph(Graph),
    /// List the stages, or show the ports and options of one.
    Nodes(Nodes),
    /// Run one stage as a node of a dataflow (this is what graphs call).
    #[command(disable_help_flag = true)]
    Node(Node),
    /// Compute radiomic features of an image and a mask, or of a list of cases, without a graph.
    Radiomics(Radiomics),
    /// Compare features with the references of IBSI 1, IBSI 2 and PyRadiomics.
    Conformance(Conformance),
    /// Put runs side by side: metrics over seeds, and paired differences from the first.
    Compare(Compare),
    /// Time a network on this machine: the best of several passes and training steps, in seconds.
    Bench(Bench),
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
    /// The graphs.
    #[arg(required = true, value_name = "GRAPH")]
    pub graphs: Vec<PathBuf>,
    /// Change an option of a node, in each of the graphs; may be repeated.
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

/// Options of `radiomics`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  renalflow radiomics --params P.yaml image.nii.gz mask.nii.gz
  renalflow radiomics --params P.yaml image.nrrd mask.nrrd --label 1,2 -o features.parquet
  renalflow radiomics --params P.yaml cases.csv -j 4 -o features.csv

A list of cases has the columns Image and Mask, Label where it differs from row to row, and any
others, which are carried through. P.yaml is a PyRadiomics parameter file, read as it is.")]
pub struct Radiomics {
    /// An image (NIfTI, NRRD, DICOM folder), or a list of cases (.csv).
    #[arg(value_name = "IMAGE|CASES.csv")]
    pub input: PathBuf,
    /// The mask of the image (NIfTI, NRRD).
    pub mask: Option<PathBuf>,
    /// Parameter file of PyRadiomics, YAML or JSON [default: PyRadiomics' defaults].
    #[arg(long, short = 'p', alias = "param", value_name = "FILE")]
    pub params: Option<PathBuf>,
    /// Labels, each a row of its own [default: the list's, else the parameter file's, else 1].
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub label: Vec<u16>,
    /// Table to write, by its ending .parquet, .csv or .json [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Form of the table, whatever the ending.
    #[arg(long, short, value_enum)]
    pub format: Option<TableFormat>,
    /// Threads [default: one a core].
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// Instead of one value a region, write each feature as a map (NIfTI) into this folder.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "format"])]
    pub maps: Option<PathBuf>,
    /// The most memory that maps may take beyond image and mask [default: 2048].
    #[arg(long, value_name = "MIB", requires = "maps")]
    pub max_memory_mib: Option<NonZeroU64>,
    /// Print errors only.
    #[arg(long, short)]
    pub quiet: bool,
}

/// Forms of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// Columns with types, for Polars, pandas, R.
    Parquet,
    /// Comma-separated text.
    Csv,
    /// A list with one flat object a row.
    Json,
    /// One line a value, to read.
    #[value(alias = "txt")]
    Text,
}

/// Options of `conformance`.
#[derive(Debug, Args)]
#[command(after_help = "\
The folder holds:
  reference/ibsi1/*.csv, data/ibsi/ibsi_1_*          IBSI 1: features of two phantoms
  reference/ibsi2/, data/ibsi/ibsi_2_*               IBSI 2: response maps and filtered features
  reference/pyradiomics/, data/sts, data/pyradiomics PyRadiomics: tables of real cases

Exit code 1 where a value is not within its tolerance, or nothing was compared.")]
pub struct Conformance {
    /// Which references [default: all].
    #[arg(value_enum, value_name = "REFERENCE")]
    pub references: Vec<Reference>,
    /// Folder of references and phantoms.
    #[arg(
        long,
        env = "RENALFLOW_SHARED",
        default_value = "shared",
        value_name = "DIR"
    )]
    pub data: PathBuf,
    /// Print the values that miss only.
    #[arg(long)]
    pub failed: bool,
    /// Also write the whole table, as CSV.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// References.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reference {
    /// Features of the digital phantom and of the CT phantom in configurations A to E.
    Ibsi1,
    /// Response maps of filters, and features of the filtered CT phantom.
    Ibsi2,
    /// Tables that PyRadiomics made of real cases.
    Pyradiomics,
}

/// Options of `compare`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  renalflow compare runs/scratch-seed-* runs/fsnet-seed-*
  renalflow compare runs/a runs/b --metric dice,hd95_mm --region tumour --csv table.csv

Runs that differ in seeds only are replicates of one variant. Each variant is compared with the
first, case by case; the colour of a difference (green better, red worse) needs a terminal.")]
pub struct Compare {
    /// Folders of runs; the first is the one that the others are compared with.
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Metrics [default: Dice, surface Dice, HD95, lesion F1; AUC, balanced accuracy, Brier score].
    #[arg(long, value_enum, value_name = "METRIC", value_delimiter = ',')]
    pub metric: Vec<Metric>,
    /// Regions [default: all that every run has].
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub region: Vec<String>,
    /// Bootstrap replicates; 0 leaves intervals and p out.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub bootstrap: usize,
    /// Coverage of the intervals.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub confidence: f64,
    /// Seed of the bootstrap.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Also write the table, unrounded, as Parquet.
    #[arg(long, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
    /// Also write the table, unrounded, as CSV.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Print Markdown tables.
    #[arg(long)]
    pub markdown: bool,
}

/// Options of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Prints `forward <seconds>` and `train <seconds>`. RAYON_NUM_THREADS sets the threads of the CPU.")]
pub struct Bench {
    /// Which network.
    #[arg(value_enum)]
    pub network: Network,
    /// Runs of each kind, of which the best counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeats: u32,
    /// Where it runs: auto, cpu or cuda:N.
    #[arg(long, default_value_t)]
    pub device: DeviceChoice,
    /// In which numbers a GPU convolves: f32, tf32 or bf16.
    #[arg(long, default_value_t)]
    pub precision: Precision,
}

/// Networks that are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Network {
    /// Four levels of 16 to 128 features, one channel of 64x96x96 voxels in, three classes out.
    Unet,
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
