//! Reads a dataflow graph, checks it against what its stages declare, and draws it.
//!
//! A graph is a plain dora descriptor. Everything that can be known before a case is read is
//! found here, with file, line, the nearest valid name and the fix:
//!
//! - [`Graph::read`]: YAML with positions, keys that dora knows, `--set`;
//! - [`check()`]: stages, ports, types, options, files, queues, cycles and the acknowledgement loop;
//! - [`svg`], [`mermaid`]: a picture.

mod check;
mod draw;
mod graph;
mod read;
mod set;
mod source;
mod stage;
mod yaml;

pub use check::{CheckOptions, Note, Report, check};
pub use draw::{mermaid, svg};
pub use graph::{COMMAND, Edge, Graph, Input, Node};
pub use renalflow_findings::{Finding, Place, Severity};
pub use set::Set;
pub use stage::Registry;
