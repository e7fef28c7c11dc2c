//! Dependence: how many neighbours of a voxel have its grey level, or nearly so.

use super::{
    LevelGrid, LevelSizeMatrix, Row, Tally, Word, boxes, grid::axes, refuse_too_large, with_words,
};
use crate::{Roi, Settings, error::RadiomicsError};

/// Sort the voxels of a region by their level and by 1 more than the number of neighbours that
/// depend on them: the matrix of each slice or that of all voxels.
///
/// # Shapes
/// `distances_voxels`: how far apart neighbours may be, in voxels of the infinity norm.
///
/// # Errors
/// [`RadiomicsError::TooManyVoxels`].
pub(crate) fn dependence_matrices(
    roi: &Roi,
    settings: &Settings,
    distances_voxels: &[usize],
) -> Result<Vec<LevelSizeMatrix>, RadiomicsError> {
    refuse_too_large(&roi.region)?;
    let levels = &roi.grey_levels;
    let largest = levels.maximum() as usize;
    // Levels differ by whole numbers, and never by more than the largest.
    let alpha = settings.gldm_alpha.min(largest as f64) as usize;
    let reaches = reaches(roi, settings, distances_voxels);
    let neighbours: usize = reaches.iter().map(|reach| 2 * reach + 1).product();
    if neighbours > NEIGHBOURS_A_LEVEL * levels.values.len() {
        return Ok(from_boxes(roi, settings, distances_voxels, alpha));
    }
    let steps = steps(reaches, distances_voxels);
    Ok(with_words!(largest + alpha, W => {
        // Levels are moved up so that outside, at 0, is too far from all of them.
        let words: Vec<W> = std::iter::once(0)
            .chain(levels.values.iter().map(|&level| level as usize + alpha))
            .map(W::from_usize)
            .collect();
        let margin = std::array::from_fn(|i| {
            steps.iter().map(|step| step[i].unsigned_abs()).max().unwrap_or(0)
        });
        let grid = LevelGrid::new(roi, settings.slice_axis(), margin, &words);
        let mut places = vec![0; largest + alpha + 1];
        for (place, word) in words.iter().enumerate() {
            places[word.to_usize()] = place;
        }
        let neighbourhood = Neighbourhood {
            offsets: steps.iter().map(|&step| grid.offset(step)).collect(),
            alpha: W::from_usize(alpha),
            places,
            grid,
        };
        let by_slice = settings.aggregation().is_by_slice();
        if steps.len() <= usize::from(u8::MAX) {
            neighbourhood.matrices::<u8>(&levels.values, by_slice)
        } else {
            neighbourhood.matrices::<u32>(&levels.values, by_slice)
        }
    }))
}

/// Neighbours are looked at one by one, many voxels at a time, up to so many for each level;
/// of more, tables are quicker.
const NEIGHBOURS_A_LEVEL: usize = 40;

/// How far neighbours lie along the grid's axes, within the region's box.
fn reaches(roi: &Roi, settings: &Settings, distances_voxels: &[usize]) -> [usize; 3] {
    let slice_axis = settings.slice_axis();
    let longest = distances_voxels.iter().max().copied().unwrap_or(0);
    axes(slice_axis).map(|axis| {
        let within_box = roi.region.bounding_box.shape_zyx[axis].saturating_sub(1);
        if slice_axis == Some(axis) {
            0
        } else {
            longest.min(within_box)
        }
    })
}

/// The steps to every neighbour, by the grid's axes. Steps that leave the region's box from
/// every voxel are left out.
fn steps(reaches: [usize; 3], distances_voxels: &[usize]) -> Vec<[isize; 3]> {
    let [z, y, x] = reaches.map(|reach| -(reach as isize)..=reach as isize);
    let mut steps = Vec::new();
    for z in z {
        for y in y.clone() {
            for x in x.clone() {
                let step: [isize; 3] = [z, y, x];
                let distance = step.iter().map(|d| d.unsigned_abs()).max().unwrap_or(0);
                if distance > 0 && distances_voxels.contains(&distance) {
                    steps.push(step);
                }
            }
        }
    }
    steps
}

/// The matrices, counted by [`boxes`].
fn from_boxes(
    roi: &Roi,
    settings: &Settings,
    distances_voxels: &[usize],
    alpha: usize,
) -> Vec<LevelSizeMatrix> {
    let levels = &roi.grey_levels.values;
    let slice_axis = settings.slice_axis();
    let grid = LevelGrid::<u32>::of_places(roi, slice_axis);
    let reach = axes(slice_axis).map(|axis| slice_axis != Some(axis));
    let dependents = boxes::dependents(&grid, levels, alpha, distances_voxels, reach);
    let [_, rows, columns] = grid.shape;
    let most = dependents.iter().max().copied().unwrap_or(0);
    let mut tally = Tally::new(levels.len(), most as usize + 1);
    grid.groups(settings.aggregation().is_by_slice())
        .into_iter()
        .filter_map(|group| {
            for row in group {
                let [z, y, x] = row.index;
                let first = (z * rows + y) * columns + x;
                let here = grid.beside(row, 0);
                for (&place, &count) in here.iter().zip(&dependents[first..]) {
                    tally.add(place as usize, count as usize + 1);
                }
            }
            tally.take(levels, grid.voxel_count(group))
        })
        .collect()
}

struct Neighbourhood<W> {
    grid: LevelGrid<W>,
    offsets: Vec<isize>,
    alpha: W,
    /// The place of the level that each word stands for.
    places: Vec<usize>,
}

impl<W: Word> Neighbourhood<W> {
    /// Count in integers `C`, which hold the number of neighbours.
    fn matrices<C: Word>(&self, levels: &[u32], by_slice: bool) -> Vec<LevelSizeMatrix> {
        let mut tally = Tally::new(levels.len(), self.offsets.len() + 1);
        let mut counts = vec![C::ZERO; self.grid.shape[2]];
        self.grid
            .groups(by_slice)
            .into_iter()
            .filter_map(|rows| {
                for row in rows {
                    self.count(row, &mut counts);
                    let here = self.grid.beside(row, 0);
                    for (word, dependent) in here.iter().zip(&counts) {
                        let place = self.places[word.to_usize()];
                        tally.add(place, dependent.to_usize() + 1);
                    }
                }
                tally.take(levels, self.grid.voxel_count(rows))
            })
            .collect()
    }

    /// How many neighbours depend on each voxel of a row.
    fn count<C: Word>(&self, row: &Row, counts: &mut [C]) {
        let here = self.grid.beside(row, 0);
        let counts = &mut counts[..row.len];
        counts.fill(C::ZERO);
        for &offset in &self.offsets {
            let there = self.grid.beside(row, offset);
            for ((count, &a), &b) in counts.iter_mut().zip(here).zip(there) {
                let depends = a.abs_diff(b) <= self.alpha;
                *count = count.wrapping_add(if depends { C::ONE } else { C::ZERO });
            }
        }
    }
}
