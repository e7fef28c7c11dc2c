//! Where a region lies on the network's grid, and what the network is shown there.

use renalflow_imaging::{Geometry, LabelMap, boxes::BoundingBox, resample::resample_labels};
use renalflow_sdk::Problem;
use renalflow_segmentation::inference::coarse::box_on;

/// Where the region is, by the nearest voxel of the mask.
///
/// # Errors
/// A region that lies between the grid's voxels.
pub fn mask_on(grid: &Geometry, mask: &LabelMap, labels: &[u16]) -> Result<Vec<bool>, Problem> {
    let there = resample_labels(mask, grid)?;
    let inside: Vec<bool> = there
        .volume
        .voxels()
        .iter()
        .map(|label| labels.contains(label))
        .collect();
    if !inside.contains(&true) {
        return Err(Problem::new(format!(
            "it is too small for the network's grid of {:?} mm: no voxel of it is left",
            grid.spacing_zyx_mm
        ))
        .fix("look at the mask; a region of a voxel or two is seldom one"));
    }
    Ok(inside)
}

/// The box of a region on another grid: all voxels that it touches there.
///
/// # Errors
/// Labels that do not occur, a grid that they are not on.
pub fn region_on(grid: &Geometry, mask: &LabelMap, labels: &[u16]) -> Result<BoundingBox, Problem> {
    let own = BoundingBox::of_labels(mask, labels).map_err(|error| {
        Problem::from(error)
            .fix("a case without the region has no features of it; look at the mask, or name another region")
    })?;
    box_on(&own, mask.geometry(), grid)
        .ok_or_else(|| Problem::new("it lies outside the network's grid"))
}
