//! Texture from voxels and their likes: IBSI's neighbouring grey level dependence matrix
//! (NGLDM), after Sun & Wee, *Comput Vision Graph Image Process* 1983;23:341.
//!
//! A neighbour depends on a voxel where their levels differ by no more than `gldm_alpha`;
//! neighbours are those at distance 1, of which there are 26, or 8 in a slice. The size of a
//! voxel is 1 more than the number of neighbours that depend on it.

mod features;

pub use features::FEATURES;

use crate::{
    Compute, FeatureClass, Roi, Settings,
    error::RadiomicsError,
    level_size::{LevelSizeMatrix, dependence_matrices, mean},
};

/// Neighbouring grey-level dependence.
pub static NGLDM: FeatureClass = FeatureClass {
    name: "ngldm",
    title: "Texture: how many neighbours are like a voxel, by IBSI",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, settings, wanted| {
        Ok(mean(&matrices(roi, settings)?, FEATURES, wanted))
    }),
};

/// The dependence matrices that features are computed on: one, or one a slice.
///
/// # Errors
/// [`RadiomicsError::TooManyVoxels`].
pub fn matrices(roi: &Roi, settings: &Settings) -> Result<Vec<LevelSizeMatrix>, RadiomicsError> {
    dependence_matrices(roi, settings, &[1])
}
