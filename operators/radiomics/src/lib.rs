//! Radiomic features of a region of interest.
//!
//! [`extract`] takes an image, a label map, a label and [`Settings`], and returns an ordered
//! list of named values ([`Features`]). The definitions are those of PyRadiomics (van
//! Griethuysen et al., *Cancer Research* 2017;77:e104), column names included, so that a table
//! made here can replace one made there. Where the Image Biomarker Standardisation Initiative
//! (IBSI, arXiv:1612.07003) defines the same feature, its code stands in the declaration.
//!
//! How an extraction runs:
//! 1. [`Region`]: find the label, crop to its bounding box, list its voxels as runs.
//! 2. [`Roi`]: read the intensities of those voxels as `f64` and discretise them once.
//! 3. Each selected [`FeatureClass`] computes its features from the region or the ROI.
//!
//! A class is an entry of [`CLASSES`]; a feature is declared once, with its documentation and
//! the function that computes it side by side ([`Feature`]). To add a class, write its
//! declarations in a module of its own and add it to that list.
//!
//! ```
//! use renalflow_imaging::{Geometry, Image, LabelMap, LabelNames, Volume};
//! use renalflow_radiomics::{Settings, extract};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let grid = Geometry::upright([2, 2, 3], [2.5, 0.8, 0.8])?;
//! let hounsfield = vec![10i16, 40, 35, 20, 60, 80, 15, 30, 45, 25, 50, 90];
//! let image = Image::I16(Volume::new(grid.clone(), hounsfield)?);
//! let mask = LabelMap {
//!     volume: Volume::new(grid, vec![2u16; 12])?,
//!     names: LabelNames::from([(2, "tumour".to_owned())]),
//! };
//! let features = extract(&image, &mask, 2, &Settings::default())?;
//! assert_eq!(features.get("original_firstorder_Maximum"), Some(90.0));
//! assert_eq!(features.diagnostics.voxel_count, 12);
//! # Ok(())
//! # }
//! ```
//!
//! Everything here is a function from values to values, and gives the same bits whatever the
//! number of threads: work is shared out by class and by direction, counts are integers, and
//! every floating-point sum has one fixed order.

mod diagnostics;
mod error;
mod extract;
mod extraction;
mod feature;
mod grey_levels;
mod mask;
mod parameters;
mod prepare;
mod region;
mod roi;
mod selection;
mod settings;
mod simd;
mod statistics;

pub mod conformance;
pub mod filters;
pub mod firstorder;
pub mod glcm;
pub mod gldm;
pub mod gldzm;
pub mod glrlm;
pub mod glszm;
pub mod intensity_histogram;
pub mod intensity_volume_histogram;
pub mod level_size;
pub mod local_intensity;
pub mod maps;
pub mod morphology;
pub mod ngldm;
pub mod ngtdm;
pub mod reference;
pub mod shape;
pub mod shape2d;
pub mod spatial;

pub use diagnostics::{Diagnostic, DiagnosticValue};
pub use error::RadiomicsError;
pub use extract::{
    Diagnostics, FeatureValue, Features, columns, columns_from_mask, extract, extract_from_mask,
};
pub use extraction::{Extraction, FEW_GREY_LEVELS, MANY_GREY_LEVELS};
pub use feature::{
    CLASSES, Compute, ComputeFrom, Feature, FeatureClass, FeatureDoc, Ibsi, PyRadiomics,
};
pub use grey_levels::{GreyLevels, MAX_GREY_LEVELS, MAX_OCCURRING_LEVELS};
pub use mask::Mask;
pub use parameters::{
    ImageParameters, ImageType, Interpolator, LogSigma, Normalisation, ParameterError, Parameters,
    Preprocessing, ResamplingParameters, Resegmentation, ThresholdMode, VoxelParameters, Warning,
    WarningKind,
};
pub use region::{Region, Run, Slice};
pub use renalflow_imaging::boxes::BoundingBox;
pub use roi::{Roi, Surroundings};
pub use settings::{
    Aggregation, ClassSelection, Discretisation, MAX_DISTANCE_VOXELS, Settings, Standard,
    WeightingNorm,
};
