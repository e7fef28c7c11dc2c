//! What the texture matrices of grey level and size have in common.
//!
//! Run lengths ([`crate::glrlm`]), zone sizes ([`crate::glszm`]), zone distances
//! ([`crate::gldzm`]) and dependence counts ([`crate::gldm`], [`crate::ngldm`]) all sort things
//! of one grey level by a whole number from 1, called the size here. The classes differ in what
//! they count; the matrix, the formulas and how matrices become one value are written once:
//!
//! - [`LevelSizeMatrix`] holds the combinations of level and size that occur, and only these:
//!   a region has no more of them than voxels, however many levels or sizes there are.
//! - [`LevelSizeTerms`] are the shares and marginals that the formulas read.
//! - [`definitions`] are the formulas.
//!
//! Each feature is computed on every matrix that counted anything and averaged. Where none
//! did, it is NaN.

mod boxes;
pub mod definitions;
mod dependence;
mod grid;
mod matrix;
mod terms;
mod zones;

pub use matrix::{Cell, LevelSizeMatrix};
pub use terms::LevelSizeTerms;

pub(crate) use dependence::dependence_matrices;
pub(crate) use grid::{LevelGrid, Row, Word, axes, with_words};
pub(crate) use matrix::Tally;
pub(crate) use zones::Zones;

use rayon::prelude::*;

use crate::{Feature, Region, error::RadiomicsError};

/// The largest region that is counted: counts are 32-bit integers.
pub const MAX_VOXELS: usize = u32::MAX as usize;

/// The features at the given places of a declaration, averaged over matrices.
pub(crate) fn mean(
    matrices: &[LevelSizeMatrix],
    features: &[Feature<LevelSizeTerms>],
    wanted: &[usize],
) -> Vec<f64> {
    let by_matrix: Vec<Vec<f64>> = matrices
        .par_iter()
        .map(|matrix| {
            let terms = LevelSizeTerms::new(matrix);
            wanted
                .iter()
                .map(|&feature| (features[feature].value)(&terms))
                .collect()
        })
        .collect();
    let count = by_matrix.len() as f64;
    (0..wanted.len())
        .map(|i| by_matrix.iter().map(|values| values[i]).sum::<f64>() / count)
        .collect()
}

/// Refuse what 32-bit counts cannot hold.
pub(crate) fn refuse_too_large(region: &Region) -> Result<(), RadiomicsError> {
    if region.voxel_count > MAX_VOXELS {
        return Err(RadiomicsError::TooManyVoxels {
            voxel_count: region.voxel_count,
            bound: MAX_VOXELS,
        });
    }
    Ok(())
}
