//! What the network is shown of a scan to describe a region.

use renalflow_imaging::{Geometry, boxes::BoundingBox};
use thiserror::Error;

/// The largest crop, in patches of the plan: the network sees it in one piece.
pub const MOST_PATCHES: usize = 8;

/// A crop around a region, on the network's grid of the whole scan.
///
/// It is the plan's patch with the region in its middle, moved inwards where the scan ends, so
/// that the network sees what it saw in training. A region that with its margin is longer than
/// the patch makes the crop longer, to the next multiple of the plan's strides. There are no
/// windows to blend: a U-Net is convolutional, so a longer crop needs no other weights, and
/// every activation has one value. Its instance normalisations take their statistics over the
/// crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// First voxel on the grid; negative where the scan is shorter than the crop.
    pub start_zyx: [isize; 3],
    /// Voxels along each axis.
    pub shape_zyx: [usize; 3],
}

/// Why there is no crop.
#[derive(Debug, Clone, PartialEq, Error)]
#[error(
    "the region spans {region_zyx:?} voxels of the network's grid, and the crop {shape_zyx:?} around \
     it is over {MOST_PATCHES} patches of {patch_zyx:?}: choose a smaller region, such as tumour, \
     or check the mask for stray voxels"
)]
pub struct CropError {
    region_zyx: [usize; 3],
    shape_zyx: [usize; 3],
    patch_zyx: [usize; 3],
}

impl Crop {
    /// The crop around a region of a grid.
    ///
    /// # Errors
    /// A crop of more than [`MOST_PATCHES`] patches.
    pub fn around(
        region: &BoundingBox,
        grid: &Geometry,
        margin_mm: f64,
        patch_zyx: [usize; 3],
        stride_zyx: [usize; 3],
    ) -> Result<Self, CropError> {
        let mut crop = Self {
            start_zyx: [0; 3],
            shape_zyx: patch_zyx,
        };
        for axis in 0..3 {
            let margin = (margin_mm.max(0.0) / grid.spacing_zyx_mm[axis]).ceil() as usize;
            let length = region.shape_zyx[axis].saturating_add(margin.saturating_mul(2));
            let size = patch_zyx[axis]
                .max(length)
                .next_multiple_of(stride_zyx[axis].max(1));
            let whole = grid.shape_zyx[axis];
            crop.shape_zyx[axis] = size;
            crop.start_zyx[axis] = if size > whole {
                -(((size - whole) / 2) as isize)
            } else {
                let middle = region.start_zyx[axis] + region.shape_zyx[axis] / 2;
                middle.saturating_sub(size / 2).min(whole - size) as isize
            };
        }
        let voxels = |shape: [usize; 3]| shape.iter().map(|&n| n as f64).product::<f64>();
        if voxels(crop.shape_zyx) > MOST_PATCHES as f64 * voxels(patch_zyx) {
            return Err(CropError {
                region_zyx: region.shape_zyx,
                shape_zyx: crop.shape_zyx,
                patch_zyx,
            });
        }
        Ok(crop)
    }

    /// The crop's own grid.
    #[must_use]
    pub fn geometry(&self, grid: &Geometry) -> Geometry {
        grid.window(self.start_zyx, self.shape_zyx)
    }
}
