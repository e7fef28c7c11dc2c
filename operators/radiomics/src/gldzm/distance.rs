//! How deep voxels lie in the morphological mask.

use crate::{
    Roi,
    level_size::{LevelGrid, Word},
};

/// The distance of each voxel to the nearest one outside the morphological mask, in steps
/// across faces, within slices or in 3D. Beyond the image is outside.
///
/// City-block distance splits into axes: what lies within reach along one of them is refined
/// along the next.
///
/// 16 bits hold any distance: all voxels that are nearer than `d` to one at distance `d` are
/// inside, in slices 2d² or so, which beyond 16 bits would be more than the largest region has.
///
/// # Shapes
/// Returns one number a value of the grid: 0 outside the mask, though 1 outside its box; none is
/// read outside the region.
pub(super) fn to_border<W: Word>(roi: &Roi, grid: &LevelGrid<W>, in_plane: bool) -> Vec<u16> {
    let mask = &roi.morphological;
    let shape = grid.axes.map(|axis| mask.bounding_box.shape_zyx[axis]);
    let row = shape[2] + 2;
    let slice = row * (shape[1] + 2);
    let position = |[z, y, x]: [usize; 3]| (z + 1) * slice + (y + 1) * row + x + 1;

    // By the mask's runs, along x: exact along that axis, if it is one to look along.
    let along_x = grid.axes.iter().position(|&axis| axis == 2).unwrap_or(2);
    let across_x = in_plane && along_x == 0;
    let step = [slice, row, 1][along_x];
    let mut distances = vec![0; slice * (shape[0] + 2)];
    for run in &mask.runs {
        let start = position(grid.axes.map(|axis| run.start_zyx[axis]));
        let voxels = distances[start..].iter_mut().step_by(step).take(run.len);
        for (i, distance) in voxels.enumerate() {
            let along = (i + 1).min(run.len - i).min(usize::from(u16::MAX)) as u16;
            *distance = if across_x { u16::MAX } else { along };
        }
    }
    let skip = usize::from(in_plane);
    for (axis, stride) in [slice, row, 1].into_iter().enumerate().skip(skip) {
        if axis != along_x {
            sweep(&mut distances, stride);
        }
    }

    let from_mask: [isize; 3] = std::array::from_fn(|i| {
        let axis = grid.axes[i];
        let region = roi.region.bounding_box.start_zyx[axis] as isize;
        region - mask.bounding_box.start_zyx[axis] as isize
    });
    if from_mask == [0; 3] && shape == grid.shape && grid.margin == [1; 3] {
        return distances;
    }
    // Voxels that the mask does not reach, in no sensible pair of masks, are at its border.
    let mut of_grid = vec![1; grid.values.len()];
    for at in &grid.rows {
        let [z, y, x]: [isize; 3] = std::array::from_fn(|i| at.index[i] as isize + from_mask[i]);
        let (Ok(z), Ok(y)) = (usize::try_from(z), usize::try_from(y)) else {
            continue;
        };
        // The columns of the row that lie in the mask's box.
        let first = x.clamp(0, shape[2] as isize) as usize;
        let end = (x + at.len as isize).clamp(0, shape[2] as isize) as usize;
        if z >= shape[0] || y >= shape[1] || first >= end {
            continue;
        }
        let from = position([z, y, first]);
        let to = at.start.wrapping_add_signed(first as isize - x);
        let in_mask = &distances[from..from + end - first];
        for (to, &distance) in of_grid[to..].iter_mut().zip(in_mask) {
            *to = distance;
        }
    }
    of_grid
}

/// Let no voxel be farther from the border than its neighbours along an axis and 1, forth and
/// back.
fn sweep(distances: &mut [u16], stride: usize) {
    let nearer = |here: &mut [u16], beside: &[u16]| {
        for (here, &beside) in here.iter_mut().zip(beside) {
            *here = (*here).min(beside.saturating_add(1));
        }
    };
    // The margin of 0 ends each line.
    for start in (stride..distances.len()).step_by(stride) {
        let (before, here) = distances.split_at_mut(start);
        nearer(here, &before[start - stride..]);
    }
    for start in (stride..distances.len()).step_by(stride).rev() {
        let (before, here) = distances.split_at_mut(start);
        nearer(&mut before[start - stride..], here);
    }
}
