//! What a renalflow stage is built on, and all that a plugin author depends on.
//!
//! A stage declares its ports and options once ([`Stage`]); the harness runs that declaration
//! as a dora node ([`Plugin::run`]), describes it as JSON ([`Plugin::describe`]), checks
//! options before a run ([`Plugin::check`]) and replays it without a daemon ([`replay`]).
//!
//! - [`value`], [`table`]: what travels on an edge, typed;
//! - [`envelope`], [`codec`]: how it travels, as Arrow arrays of at most 32 MiB with metadata;
//! - [`lineage`]: the key that says what a value was computed from;
//! - [`declare`], [`stage`]: what an author writes;
//! - [`harness`]: joins by case, credits and acknowledgements, sequence numbers;
//! - [`launch`]: what a process needs of its environment, for dora to lose nothing;
//! - [`memory`]: what the allocator keeps, for stages that run networks;
//! - [`journal`]: what a node records of every case, read by the command while it runs.

pub mod codec;
pub mod declare;
pub mod envelope;
pub mod harness;
pub mod journal;
pub mod launch;
pub mod lineage;
pub mod memory;
mod plugin;
pub mod replay;
pub mod stage;
pub mod table;
pub mod transport;
pub mod value;

pub use declare::{Declaration, Port, Role};
pub use plugin::{CheckError, GRAPH_DIR, NodeError, Plugin, RUN_DIR, STRICT};
pub use stage::{
    Cohort, Collecting, Context, Inputs, Outputs, PerCase, Problem, Source, Stage, Work,
};
pub use table::Table;
pub use value::{Failure, Kind, Value, Weights};

/// The Arrow version of every payload.
pub use arrow;
/// The option parser of every stage.
pub use clap;
