//! What is wrong with a data set: before the run ([`DatasetError`]) or with one case
//! ([`CaseError`]).

use std::{fmt, io, path::PathBuf};

use renalflow_imaging::{ReadError, WriteError};
use thiserror::Error;

use crate::phantom::PhantomError;

/// A file, and the line in it where that is known (the first line is 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: Option<u64>,
}

impl Location {
    /// A place in a file.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, line: Option<u64>) -> Self {
        Self {
            file: file.into(),
            line,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.line {
            Some(line) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}

/// Why a data set cannot be used; found before any image is read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}; check the path and its permissions", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A YAML file that does not say what is expected.
    #[error("{at}: {cause}{}", suggestion(fix))]
    Yaml {
        /// Where.
        at: Location,
        /// What is wrong.
        cause: String,
        /// What to do about it, if anything better than reading the cause is known.
        fix: Option<String>,
    },
    /// A table (CSV, JSON) that cannot be read or contradicts itself or the files.
    #[error("{at}: {cause}; {fix}")]
    Table {
        /// Where.
        at: Location,
        /// What is wrong.
        cause: String,
        /// What to do about it.
        fix: String,
    },
    /// A data set without cases.
    #[error("{}: no case: {cause}; {fix}", manifest.display())]
    NoCases {
        /// The manifest.
        manifest: PathBuf,
        /// Why none was found.
        cause: String,
        /// What to do about it.
        fix: String,
    },
    /// Real anatomy for fewer patients than the manifest asks for, or the like.
    #[error("{}: {cause}; {fix}", manifest.display())]
    Manifest {
        /// The manifest.
        manifest: PathBuf,
        /// What is wrong.
        cause: String,
        /// What to do about it.
        fix: String,
    },
    /// A split that does not fit the data set.
    #[error("{}: {cause}; {fix}", file.display())]
    Split {
        /// The split file.
        file: PathBuf,
        /// What is wrong.
        cause: String,
        /// What to do about it.
        fix: String,
    },
}

/// Why one case could not be loaded. The cohort goes on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaseError {
    /// A file that the case should have.
    #[error("case {case}: its {role} {} is not there; {fix}", path.display())]
    Missing {
        /// The case.
        case: String,
        /// `image` or `mask`.
        role: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What to do about it.
        fix: String,
    },
    /// A file that cannot be hashed.
    #[error("case {case}: {}: {source}; check the path and its permissions", path.display())]
    Io {
        /// The case.
        case: String,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// An image or mask that its reader refuses.
    #[error("case {case}: {source}")]
    Read {
        /// The case.
        case: String,
        /// The reader's answer, which names the file and the fix.
        source: Box<ReadError>,
    },
    /// Image and mask on different grids.
    #[error(
        "case {case}: image {} ({image_grid}) and mask {} ({mask_grid}) lie on different grids: \
         {difference}; write the mask on the image's grid, or correct the header that is wrong",
        image.display(), mask.display()
    )]
    Grids {
        /// The case.
        case: String,
        /// The image.
        image: PathBuf,
        /// The mask.
        mask: PathBuf,
        /// The image's shape and spacing.
        image_grid: String,
        /// The mask's shape and spacing.
        mask_grid: String,
        /// How far apart.
        difference: String,
    },
    /// A synthetic patient that cannot be made.
    #[error("case {case}: {source}")]
    Phantom {
        /// The case.
        case: String,
        /// Why.
        source: Box<PhantomError>,
    },
}

impl CaseError {
    /// The case that failed.
    #[must_use]
    pub fn case_id(&self) -> &str {
        match self {
            Self::Missing { case, .. }
            | Self::Io { case, .. }
            | Self::Read { case, .. }
            | Self::Grids { case, .. }
            | Self::Phantom { case, .. } => case,
        }
    }
}

/// Why a phantom cohort could not be laid out on disk.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A synthetic patient that cannot be made.
    #[error(transparent)]
    Phantom(#[from] PhantomError),
    /// A volume that cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A folder or file that cannot be made.
    #[error("{}: {source}; choose a folder that can be written", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

fn suggestion(fix: &Option<String>) -> String {
    fix.as_ref()
        .map_or_else(String::new, |fix| format!("; {fix}"))
}
