//! Parquet files with provenance in the footer.

use std::{io::Cursor, path::Path};

use arrow::array::RecordBatch;
use polars::prelude::{
    KeyValueMetadata, ParquetCompression, ParquetReader, ParquetWriter, SerReader,
};

use crate::{
    FrameError,
    convert::{to_batch, to_frame},
    write_file,
};

/// Text by key in a file's footer; pyarrow shows it as `ParquetFile(path).metadata.metadata`,
/// Polars as `read_parquet_metadata(path)`.
pub type Metadata = Vec<(String, String)>;

/// Key under which writers keep Arrow's own schema, which is not the user's metadata.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// Write a table: columns in the order given, Zstandard-compressed, one row group for each
/// 262,144 rows. The same table and metadata give the same bytes. The file is there whole or
/// not at all.
///
/// # Shapes
/// `batch`: any number of rows and columns of `float64`, `int64`, `bool` and `utf8`.
///
/// # Errors
/// A column of another type or twice; a folder that cannot be written, a full disk.
pub fn write_parquet(
    batch: &RecordBatch,
    metadata: &[(String, String)],
    path: &Path,
) -> Result<(), FrameError> {
    check_names(batch)?;
    let mut frame = to_frame(batch)?;
    // Into memory first: the file then fails as a file, with the system's own error.
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(metadata.to_vec())))
        .finish(&mut frame)?;
    write_file(path, &bytes)
}

/// Read a table and the metadata in its footer, sorted by key. Narrower numbers widen to
/// `float64` and `int64`.
///
/// # Shapes
/// Rows and columns as in the file.
///
/// # Errors
/// No such file, no Parquet, a truncated or damaged one, a column of another type.
pub fn read_parquet(path: &Path) -> Result<(RecordBatch, Metadata), FrameError> {
    let bytes = std::fs::read(path).map_err(|cause| FrameError::Open {
        path: path.to_owned(),
        cause,
    })?;
    let damaged = |cause: String| FrameError::NotParquet {
        path: path.to_owned(),
        cause,
    };
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let footer = reader
        .get_metadata()
        .map_err(|error| damaged(error.to_string()))?;
    let mut metadata: Metadata = footer
        .key_value_metadata()
        .iter()
        .flatten()
        .filter(|entry| entry.key != ARROW_SCHEMA)
        .map(|entry| (entry.key.clone(), entry.value.clone().unwrap_or_default()))
        .collect();
    metadata.sort();
    let frame = reader
        .finish()
        .map_err(|error| damaged(error.to_string()))?;
    Ok((to_batch(&frame)?, metadata))
}

fn check_names(batch: &RecordBatch) -> Result<(), FrameError> {
    let mut names: Vec<_> = batch
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(FrameError::Twice(pair[0].to_owned())),
        None => Ok(()),
    }
}
