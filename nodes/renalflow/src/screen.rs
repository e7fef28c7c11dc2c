//! The one place that prints.

use std::{
    fmt::Display,
    io::{Write, stderr, stdout},
};

// A reader that has gone (`| head`) is no reason to panic, which is what `println!` does.

/// What was asked for.
pub fn say(text: impl Display) {
    let _ = writeln!(stdout(), "{text}");
}

/// An error: what, why and the fix.
pub fn complain(text: impl Display) {
    let _ = writeln!(stderr(), "error: {text}");
}

/// Something beside the answer.
pub fn remark(text: impl Display) {
    let _ = writeln!(stderr(), "{text}");
}
