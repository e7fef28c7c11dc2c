//! Texture from voxels and their likes: the grey-level dependence matrix (GLDM), PyRadiomics'
//! reading of Sun & Wee, *Comput Vision Graph Image Process* 1983;23:341.
//!
//! A neighbour depends on a voxel where their levels differ by no more than `gldm_alpha`;
//! neighbours are those at the distances of the settings. The size of a voxel is 1 more than
//! the number of neighbours that depend on it. At distance 1 it is the matrix of
//! [`crate::ngldm`], which has IBSI's names.

mod features;

pub use features::FEATURES;

use crate::{
    Compute, FeatureClass, Roi, Settings,
    error::RadiomicsError,
    level_size::{LevelSizeMatrix, dependence_matrices, mean},
};

/// Grey-level dependence.
pub static GLDM: FeatureClass = FeatureClass {
    name: "gldm",
    title: "Texture: how many neighbours are like a voxel",
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
    dependence_matrices(roi, settings, &settings.distances_voxels)
}
