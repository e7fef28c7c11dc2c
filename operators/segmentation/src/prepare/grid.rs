//! The grid that a network sees.

use renalflow_imaging::{
    Geometry, boxes::BoundingBox, orientation::Reorientation, resample::GridRule,
};

use super::PrepareError;
use crate::network::Plan;

/// The part of a scan that a network sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Region {
    /// All of it.
    Whole,
    /// A box of the scan's voxels, grown around its middle to the plan's patch where it is
    /// smaller: a window shows what lies around the box, not padding.
    Box(BoundingBox),
    /// A size in mm around the middle of a box of the scan's voxels. It may reach beyond the
    /// scan; what of the box lies beyond the crop is [`beyond_zyx_mm`].
    Fixed {
        /// The box.
        around: BoundingBox,
        /// Size along the working grid's axes (nearest to S, P and L).
        size_zyx_mm: [f64; 3],
    },
}

/// The grid that a network sees: at the plan's spacing, along the scan's own axes in the order
/// and direction nearest to LPS.
///
/// # Shapes
/// [`Region::Whole`] and [`Region::Box`]: `ceil(extent / spacing)` voxels around the middle of
/// the region (the rule of the IBSI manual), a box at least the plan's patch;
/// [`Region::Fixed`]: `round(size / spacing)` voxels around the middle of its box.
///
/// # Errors
/// A scan's grid that is none, a box that is not on it, a size that is no grid, or one of more
/// than 2³⁰ voxels.
pub fn working_grid(
    original: &Geometry,
    region: Region,
    plan: &Plan,
) -> Result<Geometry, PrepareError> {
    original.validate()?;
    let spacing = plan.spacing_zyx_mm.value;
    let seen = match region {
        Region::Whole => original.clone(),
        Region::Box(region) | Region::Fixed { around: region, .. } => region.geometry(original)?,
    };
    let seen = Reorientation::towards(&seen, "LPS")?.geometry(&seen);
    let covering = GridRule::Ibsi.grid(&seen, spacing)?;
    let shape_zyx = match region {
        Region::Whole => return Ok(covering),
        Region::Box(_) => {
            let patch = plan.patch_zyx.value;
            std::array::from_fn(|axis| covering.shape_zyx[axis].max(patch[axis]))
        }
        Region::Fixed { size_zyx_mm, .. } => {
            let voxels: [f64; 3] =
                std::array::from_fn(|axis| (size_zyx_mm[axis] / spacing[axis]).round());
            // An axis of more than 2¹⁶ voxels is a mistake in the units. NaN is refused too.
            if !voxels.iter().all(|n| (1.0..=65_536.0).contains(n)) {
                return Err(PrepareError::CropSize {
                    size_zyx_mm,
                    spacing_zyx_mm: spacing,
                });
            }
            voxels.map(|n| n as usize)
        }
    };
    Ok(around_the_middle(&covering, shape_zyx)?)
}

/// A grid of another shape with the same middle, axes and spacing.
fn around_the_middle(
    grid: &Geometry,
    shape_zyx: [usize; 3],
) -> Result<Geometry, renalflow_imaging::GeometryError> {
    let first =
        std::array::from_fn(|axis| (grid.shape_zyx[axis] as f64 - shape_zyx[axis] as f64) / 2.0);
    let moved = Geometry {
        shape_zyx,
        origin_xyz_mm: grid.world_from_voxel(first),
        ..grid.clone()
    };
    moved.validate()?;
    Ok(moved)
}

/// How far a box of the scan reaches beyond a working grid, along the grid's axes: 0 where it
/// fits.
///
/// # Errors
/// A box that is not on the scan.
pub fn beyond_zyx_mm(
    region: &BoundingBox,
    original: &Geometry,
    working: &Geometry,
) -> Result<[f64; 3], PrepareError> {
    let part = region.geometry(original)?;
    let mut beyond = [0.0f64; 3];
    for corner in 0..8 {
        let index = std::array::from_fn(|axis| {
            let voxels = part.shape_zyx[axis] as f64;
            if corner >> axis & 1 == 1 {
                voxels - 0.5
            } else {
                -0.5
            }
        });
        let there = working.voxel_from_world(part.world_from_voxel(index));
        for axis in 0..3 {
            let over =
                (-0.5 - there[axis]).max(there[axis] - (working.shape_zyx[axis] as f64 - 0.5));
            let mm = over * working.spacing_zyx_mm[axis];
            // Rounding is no loss.
            if mm > 1e-6 {
                beyond[axis] = beyond[axis].max(mm);
            }
        }
    }
    Ok(beyond)
}
