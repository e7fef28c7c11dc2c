//! How many voxels of some levels lie around each voxel, for neighbourhoods of many voxels.
//!
//! A neighbourhood of distance 50 has a million voxels, too many to look at one by one. Voxels
//! at distances `from` to `to` of the infinity norm fill a box without a smaller one, and the
//! number of voxels in a box is the sum of eight corners of a table of sums from the origin
//! (Crow, *SIGGRAPH* 1984). A table holds the voxels of one level and of those near it, so the
//! cost is that of the levels times the box of the region, whatever the distances.

use super::LevelGrid;

/// For each voxel of the region's box, how many voxels depend on it: their levels differ by no
/// more than `alpha`, and they lie at one of the distances. 0 outside the region.
///
/// # Shapes
/// `grid`: places of levels from 1. `levels`: the level of each place, ascending. `reach`: by
/// the grid's axes, whether neighbours lie along each. Returns `[slice, row, column]` of the
/// region's box.
pub(super) fn dependents(
    grid: &LevelGrid<u32>,
    levels: &[u32],
    alpha: usize,
    distances_voxels: &[usize],
    reach: [bool; 3],
) -> Vec<u32> {
    let [slices, rows, columns] = grid.shape;
    let shells = shells(distances_voxels, grid.shape);
    let mut table = Table::new(grid.shape);
    let mut counts = vec![0; slices * rows * columns];
    for (place, &level) in (1u32..).zip(levels) {
        let near = |&other: &u32| level.abs_diff(other) as usize <= alpha;
        // Levels ascend, so the places of those that are near follow each other.
        let first = levels.iter().take_while(|level| !near(level)).count() as u32 + 1;
        let end = first + levels.iter().filter(|level| near(level)).count() as u32;
        table.fill(|index| (first..end).contains(&grid.values[grid.position(index)]));
        let mut at = 0;
        for z in 0..slices {
            for y in 0..rows {
                for x in 0..columns {
                    if grid.values[grid.position([z, y, x])] == place {
                        let within = |distance| table.around([z, y, x], distance, reach);
                        counts[at] = shells
                            .iter()
                            .map(|&[from, to]| within(to) - within(from - 1))
                            .sum();
                    }
                    at += 1;
                }
            }
        }
    }
    counts
}

/// Distances as ranges from first to last, without those that leave every box.
fn shells(distances_voxels: &[usize], shape: [usize; 3]) -> Vec<[usize; 2]> {
    let longest = shape.into_iter().max().unwrap_or(0);
    let mut distances: Vec<usize> = distances_voxels
        .iter()
        .copied()
        .filter(|&distance| (1..longest).contains(&distance))
        .collect();
    distances.sort_unstable();
    distances.dedup();
    distances
        .chunk_by(|a, b| a + 1 == *b)
        .map(|range| [range[0], range[range.len() - 1]])
        .collect()
}

/// How many voxels lie before each corner of the box.
///
/// # Shapes
/// `sums`: `[slice, row, column]` of the corners, one more than voxels along each axis.
struct Table {
    shape: [usize; 3],
    sums: Vec<u32>,
}

impl Table {
    fn new(shape: [usize; 3]) -> Self {
        Self {
            shape,
            sums: vec![0; shape.iter().map(|n| n + 1).product()],
        }
    }

    fn at(&self, [z, y, x]: [usize; 3]) -> usize {
        (z * (self.shape[1] + 1) + y) * (self.shape[2] + 1) + x
    }

    fn fill(&mut self, counts: impl Fn([usize; 3]) -> bool) {
        let [slices, rows, columns] = self.shape;
        for z in 0..slices {
            for y in 0..rows {
                let mut row = 0;
                let [here, above, before, across] =
                    [[1, 1], [1, 0], [0, 1], [0, 0]].map(|[dz, dy]| self.at([z + dz, y + dy, 0]));
                for x in 0..columns {
                    row += u32::from(counts([z, y, x]));
                    // Sums of two may be beyond 32 bits where the result is not.
                    self.sums[here + x + 1] = self.sums[above + x + 1]
                        .wrapping_add(self.sums[before + x + 1])
                        .wrapping_sub(self.sums[across + x + 1])
                        .wrapping_add(row);
                }
            }
        }
    }

    /// How many lie no further than so many voxels from one, itself included.
    fn around(&self, index: [usize; 3], distance: usize, reach: [bool; 3]) -> u32 {
        let [[z0, z1], [y0, y1], [x0, x1]]: [[usize; 2]; 3] = std::array::from_fn(|axis| {
            let distance = if reach[axis] { distance } else { 0 };
            [
                index[axis].saturating_sub(distance),
                (index[axis] + distance + 1).min(self.shape[axis]),
            ]
        });
        let in_slices = |z: usize| {
            let sum = |y, x| self.sums[self.at([z, y, x])];
            sum(y1, x1)
                .wrapping_add(sum(y0, x0))
                .wrapping_sub(sum(y0, x1))
                .wrapping_sub(sum(y1, x0))
        };
        in_slices(z1).wrapping_sub(in_slices(z0))
    }
}
