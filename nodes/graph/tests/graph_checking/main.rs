//! What is wrong with a graph is found before it runs, and said with the fix.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod executables;
mod options;
mod ports;
mod streams;

use common::{bad, one, report};
use renalflow_graph::Finding;

fn errors(yaml: &str) -> Vec<Finding> {
    report(yaml).findings
}

#[track_caller]
fn wrong(old: &str, new: &str, line: usize, phrases: &[&str]) {
    one(&errors(&bad(old, new)), line, phrases);
}
