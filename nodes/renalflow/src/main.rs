//! `renalflow`: run, check and draw studies of kidney tumours in CT that are YAML graphs.

mod bench;
mod cli;
mod commands;
mod compare;
mod conformance;
mod radiomics;
mod registry;
mod run;
mod screen;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::dispatch(cli::parse())
}
