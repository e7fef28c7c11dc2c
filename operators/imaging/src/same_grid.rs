//! Two volumes that must lie on one grid.

use thiserror::Error;

use crate::geometry::{GRID_TOLERANCE_VOXELS, Geometry};

/// Two volumes that belong together but lie on different grids.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GridMismatch {
    /// They have different numbers of voxels.
    #[error(
        "{second} is not on the grid of {first}: shape [z, y, x] {second_shape:?} against {first_shape:?}. \
         Resample the mask onto the image's grid, or correct the header that is wrong"
    )]
    Shape {
        /// What the first volume is called.
        first: String,
        /// What the second volume is called.
        second: String,
        /// Voxels of the first.
        first_shape: [usize; 3],
        /// Voxels of the second.
        second_shape: [usize; 3],
    },
    /// They lie elsewhere in the patient.
    #[error(
        "{second} is not on the grid of {first}: their corners lie up to {mm:.3} mm apart \
         ({voxels:.4} voxels; {GRID_TOLERANCE_VOXELS} are allowed). \
         Resample the mask onto the image's grid, or correct the header that is wrong"
    )]
    Place {
        /// What the first volume is called.
        first: String,
        /// What the second volume is called.
        second: String,
        /// Largest distance between corresponding corners.
        mm: f64,
        /// The same along the worst axis, in voxels of the first.
        voxels: f64,
    },
}

/// Check that two volumes lie on one grid, to 1e-3 of a voxel at every corner.
///
/// `first` and `second` name them in the error: file names where there are any.
///
/// # Errors
/// [`GridMismatch`], with the difference in mm and voxels.
pub fn check_same_grid(
    (first, first_grid): (&str, &Geometry),
    (second, second_grid): (&str, &Geometry),
) -> Result<(), GridMismatch> {
    let Some(distance) = first_grid.distance(second_grid) else {
        return Err(GridMismatch::Shape {
            first: first.to_owned(),
            second: second.to_owned(),
            first_shape: first_grid.shape_zyx,
            second_shape: second_grid.shape_zyx,
        });
    };
    // A direction or an origin that is NaN must not pass.
    if distance.voxels <= GRID_TOLERANCE_VOXELS {
        return Ok(());
    }
    Err(GridMismatch::Place {
        first: first.to_owned(),
        second: second.to_owned(),
        mm: distance.mm,
        voxels: distance.voxels,
    })
}
