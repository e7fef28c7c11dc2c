//! Tables of features: stacking, joining, and Parquet files with provenance.
//!
//! Tables come and go as Arrow record batches with columns of four types (`float64`, `int64`,
//! `bool`, `utf8`; any value may be missing). Polars joins them and reads and writes the files,
//! and this is the only crate that calls it: whoever uses a table compiles against Arrow alone.
//!
//! - [`stack`]: tables below one another, columns by name;
//! - [`left_join`]: columns of a second table beside those of a first, by key;
//! - [`write_parquet`], [`read_parquet`]: files, with text metadata in the footer;
//! - [`write_file`], [`check_writable`]: any file, whole or not at all;
//! - [`detach`]: a copy that does not hold on to the message that a table arrived in.
//!
//! A missing value (null) and NaN are two things, and stay two things everywhere: a missing
//! value was not measured, NaN is the result of a measurement that has no number.

mod convert;
mod error;
mod file;
mod parquet;
mod rows;

pub use error::FrameError;
pub use file::{check_writable, write_file};
pub use parquet::{Metadata, read_parquet, write_parquet};
pub use rows::{detach, left_join, stack};
