//! What can be wrong with a table or its file.

use std::path::PathBuf;

use arrow::error::ArrowError;
use polars::prelude::PolarsError;
use thiserror::Error;

/// Why tables cannot be joined, read or written.
#[derive(Debug, Error)]
pub enum FrameError {
    /// A column of a type that tables do not have.
    #[error("column `{column}` has type {found}; cast it to float64, int64, bool or utf8")]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// A key that a table lacks.
    #[error("there is no column `{key}` to join on; the table has: {available}")]
    NoKey {
        /// The key.
        key: String,
        /// The columns that there are.
        available: String,
    },
    /// A column that both tables have and that is no key.
    #[error("both tables have a column `{0}`; rename one of them")]
    Clash(String),
    /// A column twice in one table.
    #[error("column `{0}` is in the table twice; rename one of them")]
    Twice(String),
    /// Several rows of the right table for one of the left.
    #[error(
        "rows of the second table share the same {on}; a left join needs at most one row a key"
    )]
    SharedKey {
        /// The key columns.
        on: String,
    },
    /// A file that cannot be written. Nothing of it is left behind.
    #[error(
        "cannot write {path}: {cause}; nothing was written. Free space in its folder, or choose \
         another that you may write to"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A file that cannot be opened.
    #[error("cannot open {path}: {cause}; check the path")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A file that is no Parquet, or a damaged one.
    #[error("{path} cannot be read as Parquet: {cause}; write it again")]
    NotParquet {
        /// The file.
        path: PathBuf,
        /// What Polars says.
        cause: String,
    },
    /// Whatever else Arrow refuses.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// Whatever else Polars refuses.
    #[error(transparent)]
    Polars(#[from] PolarsError),
}
