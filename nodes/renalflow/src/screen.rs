//! The one place that prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Display;

/// What was asked for.
pub fn say(text: impl Display) {
    println!("{text}");
}

/// An error: what, why and the fix.
pub fn complain(text: impl Display) {
    eprintln!("error: {text}");
}

/// Something beside the answer.
pub fn remark(text: impl Display) {
    eprintln!("{text}");
}
