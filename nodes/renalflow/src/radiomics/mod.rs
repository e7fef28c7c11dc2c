//! `renalflow radiomics`: features of a case, or of a list of cases, without a graph.

mod cases;
mod maps;
mod output;
mod work;

use std::{process::ExitCode, time::Instant};

use renalflow_radiomics::Parameters;
use renalflow_stage_radiomics::rows;

pub use self::output::csv_text;
use crate::{cli, screen};

/// Do what the command line asks: 0 where every row has its features, 1 otherwise.
pub fn radiomics(options: &cli::Radiomics) -> ExitCode {
    // Derived images and matrices come and go many times a case; volumes are larger.
    renalflow_sdk::memory::keep_freed(24 << 20, 96 << 20);
    match run(options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            screen::complain(message);
            ExitCode::FAILURE
        }
    }
}

/// Read parameters, cases and destination before anything is computed; then compute and write.
/// Returns the number of rows that failed.
fn run(options: &cli::Radiomics) -> Result<usize, String> {
    let parameters = parameters(options)?;
    let columns = parameters.columns().map_err(|error| error.to_string())?;
    let cases = cases::read(options, &parameters)?;
    let destination = output::Destination::of(options, cases.len())?;
    if let Some(folder) = &options.maps {
        return Ok(maps::run(&cases, &parameters, folder, options));
    }

    let started = Instant::now();
    let results = work::run(&cases, &parameters, options);
    let failed = results.iter().filter(|row| row.error.is_some()).count();
    for row in &results {
        let name = &row.name;
        if let Some(error) = &row.error {
            screen::complain(format!("{name}: {error}"));
        }
        if !options.quiet {
            for warning in &row.warnings {
                screen::remark(format!("warning: {name}: {warning}"));
            }
        }
    }
    let cells: Vec<rows::Cells> = results.into_iter().map(|row| row.cells).collect();
    let table = rows::table(&cells).map_err(|error| error.to_string())?;
    destination.write(&table)?;
    if !options.quiet && (cells.len() > 1 || failed > 0) {
        screen::remark(format!(
            "{} of {} rows with {} features in {:.1} s{}",
            cells.len() - failed,
            cells.len(),
            columns.len(),
            started.elapsed().as_secs_f64(),
            match destination.path() {
                Some(path) => format!(": {}", path.display()),
                None => String::new(),
            }
        ));
    }
    Ok(failed)
}

/// The parameters of a file, or the defaults; its errors and warnings are printed.
fn parameters(options: &cli::Radiomics) -> Result<Parameters, String> {
    let Some(path) = &options.params else {
        return Ok(Parameters::default());
    };
    let (parameters, warnings) = Parameters::read(path).map_err(|error| error.to_string())?;
    if !options.quiet {
        for warning in warnings {
            screen::remark(format!("warning: {warning}"));
        }
    }
    Ok(parameters)
}
