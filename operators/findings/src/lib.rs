//! What is wrong with a text that a person wrote, said so that it can be corrected without a
//! manual: file, line, column, what was found, and the nearest valid name.
//!
//! Graphs and parameter files are read with it.

mod finding;
mod names;
mod source;

pub use finding::{Finding, Place, Severity};
pub use names::{did_you_mean, nearest};
pub use source::{Source, Spot};
