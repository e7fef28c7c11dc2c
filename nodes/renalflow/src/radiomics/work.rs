//! Cases on threads.

use std::{
    io::IsTerminal,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::atomic::{AtomicUsize, Ordering},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::{ThreadPool, ThreadPoolBuilder};
use renalflow_imaging::{LabelNames, io};
use renalflow_radiomics::{Extraction, Mask, Parameters};
use renalflow_sdk::Problem;
use renalflow_stage_radiomics::rows::{Cells, extraction_cells};

use super::cases::{Case, Row};
use crate::cli;

/// A finished row.
pub struct Finished {
    place: usize,
    /// Image, mask and label, for messages.
    pub name: String,
    /// What goes into the table.
    pub cells: Cells,
    /// Why there are no features.
    pub error: Option<String>,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// Compute every row; they come back in the order of the list, whatever the order in which
/// they were done.
pub fn run(cases: &[Case], parameters: &Parameters, options: &cli::Radiomics) -> Vec<Finished> {
    let mut finished: Vec<Finished> = each(cases, options, |case| one_case(case, parameters))
        .into_iter()
        .flatten()
        .collect();
    finished.sort_by_key(|row| row.place);
    finished
}

/// Do something on as many threads as are asked for, by default one a core.
pub(super) fn on_threads<T: Send>(jobs: Option<usize>, work: impl FnOnce() -> T + Send) -> T {
    // Without a pool of its own it runs on the process's, which has a thread a core.
    let pool = jobs.and_then(|jobs| ThreadPoolBuilder::new().num_threads(jobs).build().ok());
    within(pool.as_ref(), work)
}

/// Do something with each case on as many threads as are asked for: a case a thread where there
/// are enough cases, several threads a case otherwise.
fn each<T: Send>(
    cases: &[Case],
    options: &cli::Radiomics,
    work: impl Fn(&Case) -> T + Sync,
) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = options.jobs.unwrap_or(cores).max(1);
    let workers = threads.min(cases.len()).max(1);
    let bar = progress(cases.len() as u64, options.quiet);
    let next = AtomicUsize::new(0);
    let work_as = |worker: usize| {
        // What the division leaves over goes to the first workers.
        let share = threads / workers + usize::from(worker < threads % workers);
        let pool = ThreadPoolBuilder::new().num_threads(share).build().ok();
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(at) else { break };
            bar.set_message(name(case));
            done.push((at, within(pool.as_ref(), || work(case))));
            bar.inc(1);
        }
        done
    };
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let work_as = &work_as;
        let others: Vec<_> = (1..workers)
            .map(|worker| scope.spawn(move || work_as(worker)))
            .collect();
        let mut done = work_as(0);
        for other in others {
            // A case that panics is a row; whatever else panics is not to be passed over.
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    bar.finish_and_clear();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn within<T: Send>(pool: Option<&ThreadPool>, work: impl FnOnce() -> T + Send) -> T {
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

fn name(case: &Case) -> String {
    let mut name = case.image.display().to_string();
    if let Some(folder) = case.image.parent().and_then(|folder| folder.file_name()) {
        let file = case.image.file_name().unwrap_or_default();
        name = format!("{}/{}", folder.display(), file.display());
    }
    name
}

fn progress(cases: u64, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new(cases);
    if quiet || cases < 2 || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template(
        "{bar:24.cyan/dim} {pos:>4}/{len}  {per_sec:>9}  {eta:>4} left  {msg:.dim}",
    );
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("━━╌"));
    }
    bar
}

/// What became of one label.
type OfLabel = Result<Extraction, String>;

fn one_case(case: &Case, parameters: &Parameters) -> Vec<Finished> {
    let labels: Vec<u16> = case.rows.iter().map(|row| row.label).collect();
    let results = each_answered(labels.len(), || extract(case, parameters, &labels));
    case.rows
        .iter()
        .zip(results)
        .map(|(row, result)| finish(case, row, result))
        .collect()
}

/// One result a label, whatever happens.
fn each_answered(
    labels: usize,
    work: impl FnOnce() -> Result<Vec<OfLabel>, String>,
) -> Vec<OfLabel> {
    guarded(work).unwrap_or_else(|error| vec![Err(error); labels])
}

/// A panic is a failure of the case, like any other.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(Problem::of_panic("the extraction", &*panic)
            .fix("this is a defect of renalflow: report it with the files, if you may")
            .to_string())
    })
}

/// One result a label, or why there is none for any.
fn extract(case: &Case, parameters: &Parameters, labels: &[u16]) -> Result<Vec<OfLabel>, String> {
    let read_mask = || -> Result<_, String> {
        let labels = io::read_label_channel(&case.mask, LabelNames::new(), case.label_channel)
            .map_err(|error| error.to_string())?;
        Mask::of(&labels).map_err(|error| error.to_string())
    };
    let read_image = || io::read_image(&case.image).map_err(|error| error.to_string());
    let (mask, image) = if rayon::current_num_threads() == 1 {
        // Once the mask is cut to its labels, there is room for the image.
        (read_mask(), read_image())
    } else {
        // The image takes longer, so it does not wait for another thread to wake.
        let (image, mask) = rayon::join(read_image, read_mask);
        (mask, image)
    };
    let (mask, image) = (mask?, image?);
    Ok(parameters
        .extract_labels(&image, &mask, labels)
        .into_iter()
        .map(|result| result.map_err(|error| error.to_string()))
        .collect())
}

fn finish(case: &Case, row: &Row, result: OfLabel) -> Finished {
    let mut cells = row.carried.clone();
    let mut put = |name: &str, text: &str| cells.push((name.to_owned(), text.into()));
    let mut warnings = Vec::new();
    let error = match result {
        Ok(extraction) => {
            put("status", "ok");
            if !extraction.warnings.is_empty() {
                put("warnings", &extraction.warnings.join("; "));
            }
            cells.extend(extraction_cells(&extraction));
            warnings = extraction.warnings;
            None
        }
        Err(error) => {
            put("status", "failed");
            put("error", &error);
            Some(error)
        }
    };
    Finished {
        place: row.place,
        name: case.with_label(row.label),
        cells,
        error,
        warnings,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    #[test]
    fn a_case_that_panics_has_all_its_rows() {
        let results = each_answered(3, || panic!("index {} of {}", 7, 5));
        assert_eq!(results.len(), 3);
        for result in results {
            let error = result.err().unwrap_or_default();
            assert!(
                error.contains("panicked: index 7 of 5") && error.contains("report it"),
                "{error}"
            );
        }
    }
}
