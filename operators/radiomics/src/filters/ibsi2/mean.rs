//! Mean filter.

use super::{
    Boundary, Derived, Dimensions, MAX_RADIUS_VOXELS, Name, Source, filtered_axes, refused,
    separable::{Chain, Combination, Kernel, respond},
    window_of,
};
use crate::RadiomicsError;

/// IBSI 2: mean in a cube, or in a square of each slice (`S60F`).
///
/// `g = 1 / M^D` on `M^D` voxels, `M` the support, `D` the dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// Edge of the cube (`YNOF`), in voxels; odd.
    pub support_voxels: usize,
    /// Squares in slices or cubes.
    pub dimensions: Dimensions,
    /// How the image goes on beyond its border.
    pub boundary: Boundary,
}

impl Mean {
    /// Refuse a support without a centre, or one that is too large.
    pub(super) fn check(&self) -> Result<(), RadiomicsError> {
        if self.support_voxels.is_multiple_of(2) || self.support_voxels / 2 > MAX_RADIUS_VOXELS {
            return Err(refused(
                "support_voxels",
                self.support_voxels,
                "it must be an odd number of voxels, at most 2049",
            ));
        }
        Ok(())
    }

    pub(super) fn name(&self) -> String {
        Name::of("mean")
            .word(self.support_voxels.to_string())
            .dimensions(self.dimensions)
            .boundary(self.boundary)
            .0
    }

    /// Filter an image.
    ///
    /// Memory: about four times the window with half a support around it, in `f64`.
    ///
    /// # Shapes
    /// Returns `source.window` in C order.
    ///
    /// # Errors
    /// An even support or one beyond 2049 voxels; NaN or infinity where the filter reads.
    pub fn derive(&self, source: &Source<'_>) -> Result<Derived, RadiomicsError> {
        let window = window_of(source)?;
        self.check()?;
        let name = self.name();
        let mut filter: [Chain; 3] = Default::default();
        for axis in filtered_axes(self.dimensions, source) {
            filter[axis] = vec![Kernel::mean(self.support_voxels)];
        }
        let response = respond(
            source,
            window,
            &[filter],
            Combination::Sum,
            self.boundary,
            &name,
        )?;
        Ok(Derived {
            name,
            values: response.values,
        })
    }
}
