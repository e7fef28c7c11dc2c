//! Volumes of CT studies: where they lie in the patient, how they are read, written,
//! resampled, windowed, cropped and compared.
//!
//! Arrays are indexed `[z, y, x]` with `x` fastest; the world is LPS in millimetres, as in
//! DICOM and ITK. Everything here is a function from values to values: no environment, no
//! clock, no global state, and the same bits whatever the number of threads.

pub mod boxes;
pub mod components;
pub mod crop;
pub mod dicom;
pub mod geometry;
pub mod intensity;
pub mod io;
pub mod metrics;
pub mod nifti;
pub mod nrrd;
pub mod orientation;
pub mod resample;
pub mod same_grid;
pub mod volume;

pub use geometry::{Geometry, GeometryError};
pub use io::{ReadError, WriteError};
pub use volume::{Image, LabelMap, LabelNames, UnknownLabel, Volume, Voxels};
