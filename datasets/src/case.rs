//! One case of a data set: who, where its files are, what is known of it.

use std::{collections::BTreeMap, path::PathBuf};

use renalflow_imaging::LabelNames;

use crate::{phantom::PhantomSpec, record::Record};

/// A case before it is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseSpec {
    /// Unique in the data set.
    pub case_id: String,
    /// Cases of one patient share it; folds are made of patients.
    pub patient_id: String,
    /// Where the image and the mask come from.
    pub source: CaseSource,
    /// Clinical data and labels; every case of a data set has the same names.
    pub record: Record,
    /// The class to predict (`malignant` in all data sets here), if known.
    pub target: Option<bool>,
    /// Names of the mask's labels.
    pub labels: LabelNames,
    /// What is known to be wrong with the case.
    pub known_issue: Option<String>,
}

/// Where a case's image and mask come from.
#[derive(Debug, Clone, PartialEq)]
pub enum CaseSource {
    /// Volumes in files (NIfTI, NRRD). What is `None` the data set does not have.
    Files {
        /// The image.
        image: Option<PathBuf>,
        /// The mask.
        mask: Option<PathBuf>,
    },
    /// A DICOM series, and a mask drawn on its grid.
    Dicom {
        /// Folder of the series.
        image: PathBuf,
        /// The mask, if there is one.
        mask: Option<DicomMask>,
    },
    /// A synthetic patient.
    Phantom(PhantomSpec),
}

/// A mask in a DICOM object.
#[derive(Debug, Clone, PartialEq)]
pub struct DicomMask {
    /// The object.
    pub file: PathBuf,
    /// Of which kind it is.
    pub kind: DicomMaskKind,
    /// Label of each region (RTSTRUCT) or segment (SEG) by its name; where regions overlap,
    /// the higher label wins. Empty for a SEG means: segment numbers are the labels.
    pub rois: BTreeMap<String, u16>,
}

/// Kinds of DICOM masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DicomMaskKind {
    /// RT Structure Set: contours.
    RtStruct,
    /// Segmentation: bit planes.
    Segmentation,
}
