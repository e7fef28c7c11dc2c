//! Why a scan cannot be shown to a network.

use renalflow_imaging::{
    GeometryError, boxes::BoxError, orientation::OrientationError, resample::ResampleError,
};
use thiserror::Error;

/// Why a scan cannot be shown to a network.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PrepareError {
    /// A crop without voxels.
    #[error(
        "a crop of {size_zyx_mm:?} mm at the plan's {spacing_zyx_mm:?} mm is no grid: give the \
         size in mm, along each axis at least one voxel and at most 65536"
    )]
    CropSize {
        /// Its size.
        size_zyx_mm: [f64; 3],
        /// The plan's spacing.
        spacing_zyx_mm: [f64; 3],
    },
    /// Intensities that cannot be told apart.
    #[error(
        "the window {low_hu} to {high_hu} HU is empty: its ends must be finite, the lower first"
    )]
    Window {
        /// Lower end.
        low_hu: f64,
        /// Upper end.
        high_hu: f64,
    },
    /// A class of the plan that the label map does not define.
    #[error(
        "the plan tells apart {name:?}, which the label map does not define; it defines: {known}. \
         Name the map's labels as the plan does (several that are one class are joined by +, \
         such as kidney+tumour)"
    )]
    NotInMap {
        /// The plan's name.
        name: String,
        /// The map's names.
        known: String,
    },
    /// Two classes of the plan that mean one label of the map.
    #[error(
        "label {label} of the map belongs to {first:?} and to {second:?} of the plan: name it in one"
    )]
    Twice {
        /// The label.
        label: u16,
        /// One class.
        first: String,
        /// The other.
        second: String,
    },
    /// A label that occurs and has no class.
    #[error(
        "the label map has {voxels} voxel(s) of label {label} ({name}), which the plan does not \
         know; it knows: {known}. Add it to a class of the plan (kidney+{name}), or map it to \
         background where the labels are loaded"
    )]
    NotInPlan {
        /// The label.
        label: u16,
        /// Its name.
        name: String,
        /// Its voxels, on the map's grid.
        voxels: usize,
        /// The plan's names.
        known: String,
    },
    /// More classes than a byte counts.
    #[error("the plan has label {0}: labels of a network are 0 to 255")]
    LabelNumber(u32),
    /// A box that is not on the scan.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// A grid that is none.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// A grid that is too large.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// Axes without a name.
    #[error(transparent)]
    Orientation(#[from] OrientationError),
}
