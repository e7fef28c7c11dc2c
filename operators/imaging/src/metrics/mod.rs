//! How well a predicted mask agrees with a reference.
//!
//! | | both masks empty | one empty |
//! |---|---|---|
//! | Dice, surface Dice, F1 of lesions | 1 | 0 |
//! | Hausdorff, ASSD (mm) | 0 | infinite |
//! | relative volume error | none | none if the reference is empty, else -1 |
//!
//! An absent tumour that is predicted absent is right, so both empty is perfect agreement. A
//! distance to nothing is infinite, not a number that averages well; report medians, or say
//! how many were infinite.

mod distance;
pub mod lesions;
pub mod regions;
mod surface;
mod surfels;

use crate::{
    components::voxel_ml,
    same_grid::{GridMismatch, check_same_grid},
    volume::Volume,
};

pub use surface::SurfaceDistances;

/// Voxel counts of two masks on one grid, and what follows from them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// Voxels of the reference.
    pub reference_voxels: usize,
    /// Voxels of the prediction.
    pub predicted_voxels: usize,
    /// Voxels of both.
    pub common_voxels: usize,
    /// Volume of one voxel.
    pub voxel_ml: f64,
}

impl Overlap {
    /// Count the voxels of two masks.
    ///
    /// # Shapes
    /// Both masks `[z, y, x]`, on one grid.
    ///
    /// # Errors
    /// Masks on different grids.
    pub fn new(reference: &Volume<bool>, predicted: &Volume<bool>) -> Result<Self, GridMismatch> {
        check_masks(reference, predicted)?;
        let mut overlap = Self {
            reference_voxels: 0,
            predicted_voxels: 0,
            common_voxels: 0,
            voxel_ml: voxel_ml(reference.geometry()),
        };
        for (&a, &b) in reference.voxels().iter().zip(predicted.voxels()) {
            overlap.reference_voxels += usize::from(a);
            overlap.predicted_voxels += usize::from(b);
            overlap.common_voxels += usize::from(a && b);
        }
        Ok(overlap)
    }

    /// `2 |A ∩ B| / (|A| + |B|)` (Dice, Ecology 1945;26:297-302); 1 if both are empty.
    #[must_use]
    pub fn dice(&self) -> f64 {
        let both = self.reference_voxels + self.predicted_voxels;
        if both == 0 {
            1.0
        } else {
            2.0 * self.common_voxels as f64 / both as f64
        }
    }

    /// Predicted volume less the reference's, in mL: positive where too much is predicted.
    #[must_use]
    pub fn volume_error_ml(&self) -> f64 {
        (self.predicted_voxels as f64 - self.reference_voxels as f64) * self.voxel_ml
    }

    /// Volume error as a fraction of the reference's volume; `None` for an empty reference.
    #[must_use]
    pub fn relative_volume_error(&self) -> Option<f64> {
        (self.reference_voxels > 0)
            .then(|| self.predicted_voxels as f64 / self.reference_voxels as f64 - 1.0)
    }
}

fn check_masks(reference: &Volume<bool>, predicted: &Volume<bool>) -> Result<(), GridMismatch> {
    check_same_grid(
        ("the reference mask", reference.geometry()),
        ("the predicted mask", predicted.geometry()),
    )
}
