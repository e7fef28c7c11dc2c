//! `renalflow compare`: runs side by side, replicates over seeds put together, and what sets a
//! variant apart from the first, by the paired bootstrap.
//!
//! `folder` reads a run, `variants` finds replicates, `scores` and `predictions` compare,
//! `text` and `output` show.

mod block;
mod folder;
mod gates;
mod metric;
mod output;
mod predictions;
mod scores;
mod text;
mod variants;

use std::{
    io::{IsTerminal, stdout},
    process::ExitCode,
};

use renalflow_frames::{check_writable, write_file, write_parquet};
use renalflow_sdk::Problem;

pub use self::metric::Metric;
use self::{
    block::{Block, Method},
    folder::Run,
    variants::Variant,
};
use crate::{cli, radiomics, screen};

/// Everything that is shown.
pub struct Comparison {
    /// The variants; the first is what the others are compared with.
    pub variants: Vec<Variant>,
    /// The tables.
    pub blocks: Vec<Block>,
    /// What the tables do not say.
    pub notes: Vec<String>,
    /// How it was made.
    pub method: Method,
}

/// Do what the command line asks.
pub fn compare(options: &cli::Compare) -> ExitCode {
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            screen::complain(problem);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &cli::Compare) -> Result<(), Problem> {
    if options.runs.len() < 2 {
        return Err(
            Problem::new("there is one run and nothing to compare it with")
                .fix("give two or more, the one to compare with first"),
        );
    }
    if !(options.confidence > 0.0 && options.confidence < 1.0) {
        return Err(
            Problem::new(format!("--confidence is {}", options.confidence))
                .fix("give a share above 0 and below 1"),
        );
    }
    for file in [&options.parquet, &options.csv].into_iter().flatten() {
        check_writable(file)?;
    }
    let runs = options
        .runs
        .iter()
        .map(|path| Run::read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let comparison = compared(runs, options)?;
    let table = output::table(&comparison)?;
    if let Some(file) = &options.parquet {
        let version = concat!("renalflow ", env!("CARGO_PKG_VERSION")).to_owned();
        write_parquet(&table, &[("made_by".to_owned(), version)], file)?;
    }
    if let Some(file) = &options.csv {
        let text = radiomics::csv_text(&table).map_err(Problem::new)?;
        write_file(file, text.as_bytes())?;
    }
    if options.markdown {
        screen::say(text::markdown(&comparison));
    } else {
        let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        screen::say(text::terminal(&comparison, colour));
    }
    Ok(())
}

fn compared(runs: Vec<Run>, options: &cli::Compare) -> Result<Comparison, Problem> {
    let mut notes = Vec::new();
    let with = |has: fn(&Run) -> bool| -> Vec<bool> { runs.iter().map(has).collect() };
    let scored = with(|run| run.scores.is_some());
    let predicted = with(|run| run.predictions.is_some());
    let all = |has: &[bool]| has.iter().all(|&has| has);
    if !all(&scored) && !all(&predicted) {
        let lists: Vec<String> = runs
            .iter()
            .map(|run| {
                let what = match (&run.scores, &run.predictions) {
                    (Some(_), Some(_)) => "both",
                    (Some(_), None) => "scores of masks",
                    _ => "predictions of a classifier",
                };
                format!("{} has {what}", run.name)
            })
            .collect();
        return Err(Problem::new(format!(
            "the runs have no metric in common: {}",
            lists.join(", ")
        ))
        .fix("compare runs of one kind"));
    }
    for (has, what) in [(&scored, "scores of masks"), (&predicted, "predictions")] {
        if !all(has) && has.contains(&true) {
            notes.push(format!("{what} are not compared: not every run has them"));
        }
    }
    let metrics = if options.metric.is_empty() {
        Metric::USUAL.to_vec()
    } else {
        options.metric.clone()
    };
    let method = Method {
        metrics,
        regions: options.region.clone(),
        replicates: options.bootstrap,
        confidence: options.confidence,
        seed: options.seed,
    };
    let variants = variants::group(runs)?;
    let mut blocks = Vec::new();
    if all(&scored) {
        blocks.extend(scores::compare(&variants, &method, &mut notes)?);
    }
    if all(&predicted) {
        blocks.extend(predictions::compare(&variants, &method, &mut notes)?);
    }
    if blocks.is_empty() {
        let names: Vec<&str> = method
            .metrics
            .iter()
            .map(|metric| metric.column())
            .collect();
        return Err(Problem::new(format!(
            "the runs do not have the metric {}",
            names.join(", ")
        ))
        .fix("leave --metric out to see what they have"));
    }
    Ok(Comparison {
        variants,
        blocks,
        notes,
        method,
    })
}
