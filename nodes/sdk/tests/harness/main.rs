//! The rules of the harness, on stages that run without a daemon.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod cohort;
mod groups;
mod node;
mod per_case;
mod support;
