//! Any supported file or folder to a volume: the format is told from the path.

pub mod error;
pub(crate) mod source;
pub(crate) mod stored;
mod whole;

use std::path::Path;

pub use error::{ReadError, SUPPORTED_FORMATS, WriteError};

use crate::{
    dicom::{self, SeriesSelector},
    geometry::Geometry,
    nifti, nrrd,
    volume::{Image, LabelMap, LabelNames},
};

/// What a path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Nifti,
    Nrrd,
    DicomFolder,
}

impl Format {
    /// By the ending of the name (any case), or, for a folder, by being one.
    fn of(path: &Path) -> Result<Self, ReadError> {
        let metadata = std::fs::metadata(path).map_err(|e| source::io_error(path, e))?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_ascii_lowercase();
        if metadata.is_dir() {
            Ok(Self::DicomFolder)
        } else if name.ends_with(".nii") || name.ends_with(".nii.gz") {
            Ok(Self::Nifti)
        } else if name.ends_with(".nrrd") || name.ends_with(".nhdr") {
            Ok(Self::Nrrd)
        } else {
            Err(ReadError::UnknownFormat {
                path: path.to_owned(),
            })
        }
    }
}

/// Read an image from a NIfTI file, an NRRD file, or a folder with one DICOM series.
///
/// While a gzip file is read it takes the memory of its voxels and of its compressed bytes, these
/// up to half as much (a file that shrank less is streamed), and no other.
///
/// # Errors
/// A path of no supported format, and whatever the format's own reader refuses:
/// [`nifti::read_image`], [`nrrd::read_image`], [`dicom::read_series`].
pub fn read_image(path: impl AsRef<Path>) -> Result<Image, ReadError> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Nifti => nifti::read_image(path),
        Format::Nrrd => nrrd::read_image(path),
        Format::DicomFolder => {
            dicom::read_series(path, &SeriesSelector::Only).map(|(image, _)| image)
        }
    }
}

/// Read a label map from a NIfTI or an NRRD file and give its labels names.
///
/// DICOM's segmentations need more than a path: see [`dicom::RtStruct`] and
/// [`dicom::read_segmentation`].
///
/// # Errors
/// A path of no such format, and whatever the format's own reader refuses:
/// [`nifti::read_label_map`], [`nrrd::read_label_map`].
pub fn read_label_map(path: impl AsRef<Path>, names: LabelNames) -> Result<LabelMap, ReadError> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Nifti => nifti::read_label_map(path, names),
        Format::Nrrd => nrrd::read_label_map(path, names),
        Format::DicomFolder => Err(ReadError::Unsupported {
            path: path.to_owned(),
            what: "a folder as a label map".to_owned(),
            fix: "give a NIfTI or NRRD file, or name the RTSTRUCT or DICOM-SEG file itself",
        }),
    }
}

/// Read one channel of a label map; formats without channels have channel 0.
///
/// # Errors
/// As [`read_label_map`]; a channel that the file does not have.
pub fn read_label_channel(
    path: impl AsRef<Path>,
    names: LabelNames,
    channel: usize,
) -> Result<LabelMap, ReadError> {
    let path = path.as_ref();
    match (Format::of(path)?, channel) {
        (Format::Nrrd, _) => nrrd::read_label_channel(path, names, channel),
        (_, 0) => read_label_map(path, names),
        _ => Err(ReadError::Unsupported {
            path: path.to_owned(),
            what: format!("channel {channel} of a label map in a format without channels"),
            fix: "choose channel 0, or give a segmentation in NRRD (.seg.nrrd)",
        }),
    }
}

/// Read where a volume lies without decoding its voxels.
///
/// # Errors
/// As [`read_image`], as far as the headers show.
pub fn read_geometry(path: impl AsRef<Path>) -> Result<Geometry, ReadError> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Nifti => nifti::read_geometry(path),
        Format::Nrrd => nrrd::read_geometry(path),
        Format::DicomFolder => {
            dicom::read_series_geometry(path, &SeriesSelector::Only).map(|(geometry, _)| geometry)
        }
    }
}
