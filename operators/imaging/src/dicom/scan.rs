//! What a folder holds: the image slices of each series, and everything else by name.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;

use super::attributes::{self, Attributes};
use crate::io::{
    ReadError,
    source::{io_error, open_regular},
    stored::Scaling,
};

/// Which series of a folder is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SeriesSelector {
    /// The only one there is; several are an error that lists them.
    #[default]
    Only,
    /// The one with this SeriesInstanceUID.
    Uid(String),
}

/// A series of image slices in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesSummary {
    /// SeriesInstanceUID, empty where it was blanked.
    pub series_uid: String,
    /// Modality, such as `CT`.
    pub modality: String,
    /// SeriesDescription, empty where there is none.
    pub description: String,
    /// Number of slices.
    pub images: usize,
}

impl fmt::Display for SeriesSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            series_uid,
            modality,
            description,
            images,
        } = self;
        write!(
            f,
            "{series_uid} ({modality} \"{description}\", {images} images)"
        )
    }
}

/// A file that is no slice of any series, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// What it is instead.
    pub reason: String,
}

/// One slice, as far as its header says.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    pub(super) path: PathBuf,
    pub(super) series_uid: String,
    modality: String,
    description: String,
    /// Rows and columns.
    pub(super) shape_yx: [usize; 2],
    /// Between rows, between columns.
    pub(super) spacing_yx_mm: [f64; 2],
    /// World direction in which the column index grows (array axis x).
    pub(super) along_x: [f64; 3],
    /// World direction in which the row index grows (array axis y).
    pub(super) along_y: [f64; 3],
    /// Centre of the first pixel.
    pub(super) position_xyz_mm: [f64; 3],
    pub(super) scaling: Scaling,
    pub(super) slice_spacing_mm: Option<f64>,
    pub(super) frame_of_reference_uid: Option<String>,
    /// More bytes of pixels than this cannot come out of the file.
    pub(super) most_pixel_bytes: u64,
}

/// More than any codec makes of a byte: a slice of one value, in JPEG, falls short of it.
const CODEC_RATIO: u64 = 1 << 14;

/// What a folder holds.
pub(super) struct Scan {
    /// Slices by series, in order of file names.
    pub(super) series: BTreeMap<String, Vec<Slice>>,
    pub(super) skipped: Vec<Skipped>,
}

enum Found {
    Slice(Box<Slice>),
    Other(Skipped),
}

/// List the series of image slices in a folder, and the files that are something else.
///
/// Subfolders are not searched. A file is told by its content: what carries DICOM's mark (or
/// the ending `.dcm`) must be a complete DICOM object; anything else is passed over, as are
/// DICOM objects other than CT, MR and PET slices.
///
/// # Errors
/// A folder that cannot be listed, or a DICOM file that cannot be parsed, by name.
pub fn list_series(
    folder: impl AsRef<Path>,
) -> Result<(Vec<SeriesSummary>, Vec<Skipped>), ReadError> {
    let scan = scan(folder.as_ref())?;
    Ok((scan.summaries(), scan.skipped))
}

impl Scan {
    pub(super) fn summaries(&self) -> Vec<SeriesSummary> {
        let summary = |slices: &Vec<Slice>| {
            slices.first().map(|first| SeriesSummary {
                series_uid: first.series_uid.clone(),
                modality: first.modality.clone(),
                description: first.description.clone(),
                images: slices.len(),
            })
        };
        self.series.values().filter_map(summary).collect()
    }

    /// The slices of the series that is meant.
    pub(super) fn select(
        mut self,
        folder: &Path,
        selector: &SeriesSelector,
    ) -> Result<(SeriesSummary, Vec<Slice>, Vec<Skipped>), ReadError> {
        let mut summaries = self.summaries();
        let wanted = match selector {
            SeriesSelector::Only => "any series".to_owned(),
            SeriesSelector::Uid(uid) => format!("series {uid}"),
        };
        if let SeriesSelector::Uid(uid) = selector {
            summaries.retain(|series| series.series_uid == *uid);
        }
        if summaries.len() > 1 {
            return Err(ReadError::SeveralSeries {
                folder: folder.to_owned(),
                series: summaries,
            });
        }
        let slices = summaries
            .first()
            .and_then(|series| self.series.remove(&series.series_uid));
        match (summaries.pop(), slices) {
            (Some(summary), Some(slices)) => Ok((summary, slices, self.skipped)),
            _ => {
                for series in self.summaries() {
                    self.skipped.push(Skipped {
                        path: folder.to_owned(),
                        reason: format!("series {series}"),
                    });
                }
                Err(ReadError::NoImages {
                    folder: folder.to_owned(),
                    wanted,
                    skipped: self.skipped,
                })
            }
        }
    }
}

pub(super) fn scan(folder: &Path) -> Result<Scan, ReadError> {
    let metadata = std::fs::metadata(folder).map_err(|e| io_error(folder, e))?;
    if !metadata.is_dir() {
        return Err(ReadError::Kind {
            path: folder.to_owned(),
            expected: "the folder of a DICOM series, not a file",
        });
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| io_error(folder, e))? {
        paths.push(entry.map_err(|e| io_error(folder, e))?.path());
    }
    paths.sort();
    // All results are collected before the first error is taken: which one is reported must
    // not depend on the threads.
    let found: Vec<_> = paths.par_iter().map(|path| look(path)).collect();
    let mut scan = Scan {
        series: BTreeMap::new(),
        skipped: Vec::new(),
    };
    for found in found {
        match found? {
            Found::Slice(slice) => scan
                .series
                .entry(slice.series_uid.clone())
                .or_default()
                .push(*slice),
            Found::Other(skipped) => scan.skipped.push(skipped),
        }
    }
    Ok(scan)
}

fn look(path: &Path) -> Result<Found, ReadError> {
    let skipped = |reason: &str| {
        Ok(Found::Other(Skipped {
            path: path.to_owned(),
            reason: reason.to_owned(),
        }))
    };
    if std::fs::metadata(path)
        .map_err(|e| io_error(path, e))?
        .is_dir()
    {
        return skipped("a folder");
    }
    let (mut file, length) = open_regular(path)?;
    let named_dicom = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("dcm"));
    if !named_dicom && !has_mark(&mut file).map_err(|e| io_error(path, e))? {
        return skipped("not DICOM");
    }
    drop(file);
    let object = attributes::open(path, Some(tags::PIXEL_DATA))?;
    let attributes = Attributes::new(path, &object);
    let class = object.meta().media_storage_sop_class_uid();
    let class = class.trim_end_matches(['\0', ' ']);
    match class {
        uids::CT_IMAGE_STORAGE
        | uids::MR_IMAGE_STORAGE
        | uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE => {
            let syntax = object.meta().transfer_syntax();
            let native = [
                uids::IMPLICIT_VR_LITTLE_ENDIAN,
                uids::EXPLICIT_VR_LITTLE_ENDIAN,
            ]
            .contains(&syntax.trim_end_matches(['\0', ' ']));
            let ratio = if native { 1 } else { CODEC_RATIO };
            slice(attributes, length.saturating_mul(ratio))
                .map(|slice| Found::Slice(Box::new(slice)))
        }
        uids::ENHANCED_CT_IMAGE_STORAGE
        | uids::ENHANCED_MR_IMAGE_STORAGE
        | uids::ENHANCED_PET_IMAGE_STORAGE
        | uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE
        | uids::LEGACY_CONVERTED_ENHANCED_MR_IMAGE_STORAGE
        | uids::LEGACY_CONVERTED_ENHANCED_PET_IMAGE_STORAGE => Err(ReadError::Unsupported {
            path: path.to_owned(),
            what: "an enhanced (multi-frame) image".to_owned(),
            fix: "convert it to NIfTI (dcm2niix) or to one file a slice (dcm4che's emf2sf)",
        }),
        uids::RT_STRUCTURE_SET_STORAGE => skipped("RTSTRUCT"),
        uids::SEGMENTATION_STORAGE | uids::LABEL_MAP_SEGMENTATION_STORAGE => skipped("DICOM-SEG"),
        uids::MEDIA_STORAGE_DIRECTORY_STORAGE => skipped("DICOMDIR"),
        other => skipped(&format!("DICOM object of class {other}")),
    }
}

/// Whether the file carries `DICM` behind its preamble.
fn has_mark(file: &mut File) -> std::io::Result<bool> {
    let mut mark = Vec::new();
    file.seek(SeekFrom::Start(128))?;
    file.take(4).read_to_end(&mut mark)?;
    Ok(mark == b"DICM")
}

fn slice(attributes: Attributes<'_>, most_pixel_bytes: u64) -> Result<Slice, ReadError> {
    if attributes.integer(tags::NUMBER_OF_FRAMES)?.unwrap_or(1) != 1 {
        return Err(attributes.wrong(tags::NUMBER_OF_FRAMES, "more than one image in a file"));
    }
    if attributes.item(tags::MODALITY_LUT_SEQUENCE).is_some() {
        return Err(ReadError::Unsupported {
            path: attributes.path.to_owned(),
            what: "a modality look-up table".to_owned(),
            fix: "export the series with RescaleSlope and RescaleIntercept",
        });
    }
    let orientation: [f64; 6] = attributes.need_numbers(tags::IMAGE_ORIENTATION_PATIENT)?;
    let [rx, ry, rz, cx, cy, cz] = orientation;
    Ok(Slice {
        path: attributes.path.to_owned(),
        // Some anonymisers blank it: slices without one count as one series.
        series_uid: attributes
            .text(tags::SERIES_INSTANCE_UID)
            .unwrap_or_default(),
        modality: attributes.text(tags::MODALITY).unwrap_or_default(),
        description: attributes
            .text(tags::SERIES_DESCRIPTION)
            .unwrap_or_default(),
        shape_yx: [
            attributes.need_integer::<u16>(tags::ROWS)?.into(),
            attributes.need_integer::<u16>(tags::COLUMNS)?.into(),
        ],
        // The distance between rows comes first (10.7.1.3).
        spacing_yx_mm: attributes.need_numbers(tags::PIXEL_SPACING)?,
        along_x: [rx, ry, rz],
        along_y: [cx, cy, cz],
        position_xyz_mm: attributes.need_numbers(tags::IMAGE_POSITION_PATIENT)?,
        scaling: Scaling {
            slope: attributes.number(tags::RESCALE_SLOPE)?.unwrap_or(1.0),
            intercept: attributes.number(tags::RESCALE_INTERCEPT)?.unwrap_or(0.0),
        },
        slice_spacing_mm: match attributes.number(tags::SPACING_BETWEEN_SLICES)? {
            Some(spacing) => Some(spacing.abs()),
            None => attributes.number(tags::SLICE_THICKNESS)?,
        },
        frame_of_reference_uid: attributes.text(tags::FRAME_OF_REFERENCE_UID),
        most_pixel_bytes,
    })
}
