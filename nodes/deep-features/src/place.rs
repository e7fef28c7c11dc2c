//! Where a region lies on the network's grid, and what the network is shown there.

use renalflow_imaging::{Geometry, LabelMap, boxes::BoundingBox, resample::resample_labels};
use renalflow_sdk::Problem;

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

/// The box of a region on another grid, widened to whole voxels and cut off at the border.
///
/// # Errors
/// Labels that do not occur.
pub fn region_on(grid: &Geometry, mask: &LabelMap, labels: &[u16]) -> Result<BoundingBox, Problem> {
    let own = BoundingBox::of_labels(mask, labels).map_err(|error| {
        Problem::from(error)
            .fix("a case without the region has no features of it; look at the mask, or name another region")
    })?;
    let (start, end) = (own.start_zyx, own.end_zyx());
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for corner in 0..8usize {
        // From face to face, half a voxel beyond the centres.
        let index = std::array::from_fn(|axis| {
            let face = if corner >> axis & 1 == 0 { start } else { end };
            face[axis] as f64 - 0.5
        });
        let there = grid.voxel_from_world(mask.geometry().world_from_voxel(index));
        for axis in 0..3 {
            low[axis] = low[axis].min(there[axis] + 0.5);
            high[axis] = high[axis].max(there[axis] + 0.5);
        }
    }
    let mut region = BoundingBox {
        start_zyx: [0; 3],
        shape_zyx: [1; 3],
    };
    for axis in 0..3 {
        let last = grid.shape_zyx[axis].saturating_sub(1);
        // Negative becomes 0.
        let first = (low[axis].floor() as usize).min(last);
        let end = (high[axis].ceil() as usize).clamp(first + 1, last + 1);
        region.start_zyx[axis] = first;
        region.shape_zyx[axis] = end - first;
    }
    Ok(region)
}
