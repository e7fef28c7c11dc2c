//! Counting runs: neighbouring voxels of one grey level along a direction.

use rayon::prelude::*;

use crate::{
    Region, Roi, Settings, Standard, WeightingNorm,
    error::RadiomicsError,
    level_size::{
        LevelGrid, LevelSizeMatrix, Row, Tally, Word, axes, refuse_too_large, with_words,
    },
};

/// One of each pair of opposite steps between neighbours, those within slices first: slice,
/// row, column.
const DIRECTIONS: [[isize; 3]; 13] = [
    [0, 0, 1],
    [0, 1, -1],
    [0, 1, 0],
    [0, 1, 1],
    [1, -1, -1],
    [1, -1, 0],
    [1, -1, 1],
    [1, 0, -1],
    [1, 0, 0],
    [1, 0, 1],
    [1, 1, -1],
    [1, 1, 0],
    [1, 1, 1],
];

/// The run length matrices that features are computed on.
///
/// One is counted a direction and, where slices have matrices of their own, a slice. Those of
/// one slice, or of all, are merged where the aggregation merges directions or a weighting norm
/// is set. PyRadiomics leaves out a direction along which no line through the region meets two
/// of its voxels.
///
/// # Errors
/// [`RadiomicsError::TooManyVoxels`].
pub fn matrices(roi: &Roi, settings: &Settings) -> Result<Vec<LevelSizeMatrix>, RadiomicsError> {
    refuse_too_large(&roi.region)?;
    let longest = roi.region.bounding_box.shape_zyx.into_iter().max();
    let largest = longest.unwrap_or(0).max(roi.grey_levels.values.len());
    Ok(with_words!(largest, W => matrices_in::<W>(roi, settings)))
}

/// The directions to look along, by the grid's axes.
fn directions(settings: &Settings) -> &'static [[isize; 3]] {
    let in_plane = settings.slice_axis().is_some();
    &DIRECTIONS[..if in_plane { 4 } else { 13 }]
}

/// Number of directions that do not leave the region's box from every voxel.
pub(super) fn directions_within(region: &Region, settings: &Settings) -> usize {
    let shape = axes(settings.slice_axis()).map(|axis| region.bounding_box.shape_zyx[axis]);
    let within = |step: &&[isize; 3]| (0..3).all(|i| step[i].unsigned_abs() < shape[i]);
    directions(settings).iter().filter(within).count()
}

fn matrices_in<W: Word>(roi: &Roi, settings: &Settings) -> Vec<LevelSizeMatrix> {
    let slice_axis = settings.slice_axis();
    let aggregation = settings.aggregation();
    let grid = LevelGrid::<W>::of_places(roi, slice_axis);
    let directions = directions(settings);
    let groups = grid.groups(aggregation.is_by_slice());
    let voxel_counts: Vec<usize> = groups.iter().map(|rows| grid.voxel_count(rows)).collect();
    // By direction, then by slice or for all.
    let mut counted: Vec<Vec<Option<LevelSizeMatrix>>> = directions
        .par_iter()
        .map(|&direction| {
            let mut runs = Runs::new(&grid, direction, roi.grey_levels.values.len());
            groups
                .iter()
                .zip(&voxel_counts)
                .map(|(rows, &voxel_count)| {
                    rows.iter().for_each(|row| runs.count(row));
                    let matrix = runs.tally.take(&roi.grey_levels.values, voxel_count)?;
                    let kept = settings.standard == Standard::Ibsi
                        || matrix.cells.iter().any(|cell| cell.size > 1)
                        || share_a_line(&grid, rows, direction);
                    kept.then_some(matrix)
                })
                .collect()
        })
        .collect();
    if settings.weighting_norm.is_none() && !aggregation.merges_directions() {
        return counted.into_iter().flatten().flatten().collect();
    }
    let spacing_mm = grid.axes.map(|axis| roi.region.spacing_zyx_mm[axis]);
    let merged = (0..groups.len()).filter_map(|group| {
        let of_group: Vec<_> = counted
            .iter_mut()
            .zip(directions)
            .filter_map(|(groups, &step)| {
                let weight = weight(step, spacing_mm, settings.weighting_norm);
                Some((groups[group].take()?, weight))
            })
            .collect();
        let weighted = of_group.iter().map(|(matrix, weight)| (matrix, *weight));
        (!of_group.is_empty()).then(|| LevelSizeMatrix::merge(weighted))
    });
    merged.collect()
}

/// The length of a direction, in mm, or 1 where directions count the same. Unlike that of the
/// co-occurrence matrix, the weight grows with distance.
fn weight(step: [isize; 3], spacing_mm: [f64; 3], norm: Option<WeightingNorm>) -> f64 {
    let mm: [f64; 3] =
        std::array::from_fn(|axis| step[axis].unsigned_abs() as f64 * spacing_mm[axis]);
    match norm {
        Some(WeightingNorm::Manhattan) => mm.iter().sum(),
        Some(WeightingNorm::Euclidean) => mm.iter().map(|mm| mm * mm).sum::<f64>().sqrt(),
        Some(WeightingNorm::Infinity) => mm.iter().copied().fold(0.0, f64::max),
        Some(WeightingNorm::NoWeighting) | None => 1.0,
    }
}

/// Whether a line along a direction meets two voxels of the rows, with or without a gap between.
fn share_a_line<W: Word>(grid: &LevelGrid<W>, rows: &[Row], direction: [isize; 3]) -> bool {
    let back = -grid.offset(direction);
    let inside = |word: &W| *word != W::ZERO;
    let touch = rows.iter().any(|row| {
        let pairs = grid.beside(row, 0).iter().zip(grid.beside(row, back));
        pairs.into_iter().any(|(a, b)| inside(a) && inside(b))
    });
    if touch {
        return true;
    }
    // Where the line through each voxel meets the plane 0 of the direction's first axis.
    let axis = direction.iter().position(|&d| d != 0).unwrap_or(0);
    let mut lines: Vec<[isize; 3]> = Vec::new();
    for row in rows {
        let voxels = grid.beside(row, 0).iter().enumerate();
        lines.extend(voxels.filter(|(_, word)| inside(word)).map(|(i, _)| {
            let [z, y, x] = row.index;
            let voxel = [z, y, x + i].map(|n| n as isize);
            std::array::from_fn(|k| voxel[k] - voxel[axis] * direction[k])
        }));
    }
    lines.sort_unstable();
    lines.windows(2).any(|pair| pair[0] == pair[1])
}

/// Counts the runs along one direction, row by row in C order.
struct Runs<'a, W> {
    grid: &'a LevelGrid<W>,
    direction: [isize; 3],
    offset: isize,
    /// How far the run that each voxel is in has come, in this slice and the one before: even
    /// slices in the first half.
    lengths: Vec<W>,
    /// The same, of the row at hand.
    row_lengths: Vec<W>,
    /// Lengths of the runs that end in the row at hand, 0 elsewhere.
    ended: Vec<W>,
    tally: Tally,
}

impl<'a, W: Word> Runs<'a, W> {
    fn new(grid: &'a LevelGrid<W>, direction: [isize; 3], level_count: usize) -> Self {
        let [_, slice] = grid.strides();
        let longest = grid.shape.into_iter().max().unwrap_or(1);
        Self {
            grid,
            direction,
            offset: grid.offset(direction),
            lengths: vec![W::ZERO; 2 * slice],
            row_lengths: vec![W::ZERO; grid.shape[2]],
            ended: vec![W::ZERO; grid.shape[2]],
            tally: Tally::new(level_count, longest),
        }
    }

    fn count(&mut self, row: &Row) {
        let here = self.grid.beside(row, 0);
        let before = self.grid.beside(row, -self.offset);
        let after = self.grid.beside(row, self.offset);
        let lengths = &mut self.row_lengths[..row.len];
        if self.direction == [0, 0, 1] {
            let mut length = W::ZERO;
            for ((to, a), b) in lengths.iter_mut().zip(here).zip(before) {
                let goes_on = if a == b { length } else { W::ZERO };
                length = goes_on.wrapping_add(W::ONE);
                *to = length;
            }
        } else {
            let [_, slice] = self.grid.strides();
            let half = |z: usize| z % 2 * slice;
            let at = half(row.index[0]) + row.start % slice;
            // Slices alternate; steps within a slice stay in its half.
            let [z, y, x] = self.direction;
            let from = (half(row.index[0] + z.unsigned_abs()) + row.start % slice)
                .wrapping_add_signed(-self.grid.offset([0, y, x]));
            let so_far = &self.lengths[from..from + row.len];
            for (((to, &length), a), b) in lengths.iter_mut().zip(so_far).zip(here).zip(before) {
                let goes_on = if a == b { length } else { W::ZERO };
                *to = goes_on.wrapping_add(W::ONE);
            }
            self.lengths[at..at + row.len].copy_from_slice(lengths);
        }
        let ended = &mut self.ended[..row.len];
        for (((to, &length), &a), &b) in ended.iter_mut().zip(&*lengths).zip(here).zip(after) {
            let ends = (a != b) & (a != W::ZERO);
            *to = if ends { length } else { W::ZERO };
        }
        let longest = self.grid.shape.into_iter().max().unwrap_or(0);
        self.tally.add_all(here, ended, longest);
    }
}
