//! Parameter files: what is accepted and what it means, what is refused and how that is said.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod accepted;
mod canonical;
mod columns;
mod errors;
mod ibsi;
mod properties;
mod reference_page;
mod shared_files;
mod warnings;

use renalflow_radiomics::{Parameters, WarningKind};

/// Parameters of a text that gives no warning.
fn read(text: &str) -> Parameters {
    let (parameters, warnings) = read_with_warnings(text);
    assert_eq!(warnings, [], "{text}");
    parameters
}

fn read_with_warnings(text: &str) -> (Parameters, Vec<WarningKind>) {
    match Parameters::from_text(text, "params.yaml") {
        Ok((parameters, warnings)) => (parameters, warnings.into_iter().map(|w| w.kind).collect()),
        Err(error) => panic!("{error}"),
    }
}

/// What is said of a text that is refused, as a command prints it.
fn refusal(text: &str) -> String {
    match Parameters::from_text(text, "params.yaml") {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => format!("error: {error}"),
    }
}
