//! What can go wrong between a file and a volume: which file, why, and what to do.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{
    dicom::{SeriesSummary, Skipped},
    geometry::GeometryError,
};

/// The formats that [`crate::io::read_image`] understands, for messages.
pub const SUPPORTED_FORMATS: &str =
    "NIfTI-1/2 (.nii, .nii.gz), NRRD (.nrrd, .nhdr) and a folder with one DICOM series";

/// Why a volume could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("{path}: {source}; check the path and its permissions")]
    Io {
        /// File or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A folder or a device where a file is needed, or a file where a folder is needed.
    #[error("{path}: expected {expected}; give one")]
    Kind {
        /// What was given.
        path: PathBuf,
        /// What is needed.
        expected: &'static str,
    },
    /// No format that is known.
    #[error("{path}: not a volume that can be read; supported are {SUPPORTED_FORMATS}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A header that contradicts itself or the standard.
    #[error("{path}: {cause}; {fix}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        cause: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// A legal file of a kind that this crate does not read.
    #[error("{path}: {what} is not supported; {fix}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The kind.
        what: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// Fewer bytes than the header promises.
    #[error(
        "{path}: the header promises {expected_bytes} bytes, the file holds {} {available_bytes}; \
         copy or download it again",
        if *exact { "only" } else { "at most" }
    )]
    Short {
        /// The file.
        path: PathBuf,
        /// Bytes up to the end of the voxels, uncompressed.
        expected_bytes: u128,
        /// Bytes there are, or can be at most where the file is compressed.
        available_bytes: u64,
        /// Whether `available_bytes` was counted or is the bound of the compression.
        exact: bool,
    },
    /// A gzip stream that is cut short or damaged.
    #[error(
        "{path}: the gzip stream is cut short or damaged ({source}); copy or download it again"
    )]
    Compression {
        /// The file.
        path: PathBuf,
        /// The decoder's answer.
        source: io::Error,
    },
    /// A grid that cannot be computed with.
    #[error("{path}: {source}")]
    Geometry {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: GeometryError,
    },
    /// A voxel of a label map that is no label.
    #[error(
        "{path}: voxel [z, y, x] = {voxel_zyx:?} is {value}, and a label is a whole number from 0 \
         to 65535; is this file an image or a probability map?"
    )]
    Label {
        /// The file.
        path: PathBuf,
        /// Where.
        voxel_zyx: [usize; 3],
        /// What stands there, scaled as the header says.
        value: f64,
    },
    /// A 64-bit integer that no voxel type of [`crate::Image`] can hold.
    #[error(
        "{path}: voxel [z, y, x] = {voxel_zyx:?} is an integer beyond 2^53, which double precision \
         cannot hold; store the image in 32 bits"
    )]
    Inexact {
        /// The file.
        path: PathBuf,
        /// Where.
        voxel_zyx: [usize; 3],
    },
    /// Memory ran out.
    #[error(
        "{path}: no memory for {bytes} bytes of voxels; close other programs or crop the volume"
    )]
    Memory {
        /// The file or folder.
        path: PathBuf,
        /// What was asked for.
        bytes: u128,
    },
    /// A DICOM file that cannot be decoded.
    #[error("{path}: not a complete DICOM object ({cause}); {fix}")]
    Dicom {
        /// The file.
        path: PathBuf,
        /// The decoder's answer.
        cause: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// A folder without image slices, or without those of the series that was asked for.
    #[error(
        "{folder}: no DICOM image slices of {wanted}; files passed over: {}; give the folder that \
         holds the slices themselves (subfolders are not searched)",
        brief(skipped.iter().map(|file| format!("{} ({})", file.path.file_name().unwrap_or_default().display(), file.reason)))
    )]
    NoImages {
        /// The folder.
        folder: PathBuf,
        /// `any series` or the UID asked for.
        wanted: String,
        /// What was there instead.
        skipped: Vec<Skipped>,
    },
    /// A folder with several series and no word on which.
    #[error(
        "{folder}: {} series where one is expected: {}; \
         name one by its SeriesInstanceUID, or move each into a folder of its own",
        series.len(), brief(series.iter().map(ToString::to_string))
    )]
    SeveralSeries {
        /// The folder.
        folder: PathBuf,
        /// What it holds.
        series: Vec<SeriesSummary>,
    },
    /// Slices missing within a series.
    #[error(
        "{before}: {missing} slice(s) missing after this one, at {from_mm:.3} mm along the normal, \
         and before {} at {to_mm:.3} mm, where slices lie {spacing_mm:.3} mm apart; export the \
         series again", after.display()
    )]
    MissingSlices {
        /// The last slice before the gap.
        before: PathBuf,
        /// The first slice after it.
        after: PathBuf,
        /// Position of `before` along the slice normal.
        from_mm: f64,
        /// Position of `after` along the slice normal.
        to_mm: f64,
        /// The usual distance between slices of this series.
        spacing_mm: f64,
        /// How many slices fit into the gap.
        missing: usize,
    },
    /// Two slices of a series in one place.
    #[error(
        "{first} and {}: two slices at the same position ({position_mm:.3} mm along the normal); \
         remove the repeated one, or split the folder if it holds several phases", second.display()
    )]
    DuplicateSlice {
        /// One slice.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// Where both lie.
        position_mm: f64,
    },
    /// A region of interest that the structure set does not hold.
    #[error("{path}: no region named \"{wanted}\"; it holds {}", brief(known.iter().map(|name| format!("\"{name}\""))))]
    UnknownRegion {
        /// The structure set.
        path: PathBuf,
        /// The name asked for.
        wanted: String,
        /// The names it has, nearest first.
        known: Vec<String>,
    },
    /// A contour or a frame that does not lie on the image's grid.
    #[error(
        "{path}: {what} does not lie on the image's grid: {cause}; give the image it was drawn on"
    )]
    OffGrid {
        /// The structure set or segmentation.
        path: PathBuf,
        /// Which contour or frame.
        what: String,
        /// How far off.
        cause: String,
    },
}

/// Why a volume could not be written. No partial file is left behind.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The operating system refused.
    #[error("{path}: {source}; check that the folder exists, is writable and has space left")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A name that is not NIfTI's.
    #[error("{path}: volumes are written as NIfTI; end the name in .nii or .nii.gz")]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// More voxels along an axis than NIfTI-1 can say.
    #[error(
        "{path}: shape_zyx is {shape_zyx:?}, and NIfTI-1 holds up to 32767 voxels an axis; crop it first"
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The volume's shape.
        shape_zyx: [usize; 3],
    },
    /// Slabs that do not add up to the volume.
    #[error(
        "{path}: {missing} voxels of the grid were still to come where the slabs ended or one \
         had more than these; append each slab of the volume once, in order"
    )]
    VoxelCount {
        /// The file.
        path: PathBuf,
        /// Voxels that were still to come.
        missing: usize,
    },
}

/// At most eight items of a list, so that a message stays short.
fn brief(items: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 8;
    let count = items.len();
    if count == 0 {
        return "none".to_owned();
    }
    let mut text = items.take(SHOWN).collect::<Vec<_>>().join(", ");
    if count > SHOWN {
        text.push_str(&format!(" and {} more", count - SHOWN));
    }
    text
}
