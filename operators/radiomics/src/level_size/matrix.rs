//! How often a level and a size come together.

use super::Word;

/// A combination of level and size that occurs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// The grey level, from 1.
    pub level: u32,
    /// The size, from 1.
    pub size: u32,
    /// How often it occurs; a whole number unless directions were weighted.
    pub count: f64,
}

/// The combinations of level and size that occur.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelSizeMatrix {
    /// By level, then by size.
    pub cells: Vec<Cell>,
    /// Number of voxels that were counted, once for every matrix merged into this one and
    /// weighted as that was.
    pub voxel_count: f64,
}

impl LevelSizeMatrix {
    /// Add up matrices, each times its weight.
    #[must_use]
    pub fn merge<'a>(weighted: impl IntoIterator<Item = (&'a Self, f64)>) -> Self {
        let mut cells: Vec<Cell> = Vec::new();
        let mut voxel_count = 0.0;
        for (matrix, weight) in weighted {
            voxel_count += matrix.voxel_count * weight;
            cells.extend(matrix.cells.iter().map(|cell| Cell {
                count: cell.count * weight,
                ..*cell
            }));
        }
        // Stable, so that weighted counts are added in the order of the matrices.
        cells.sort_by_key(|cell| (cell.level, cell.size));
        cells.dedup_by(|next, sum| {
            let same = (next.level, next.size) == (sum.level, sum.size);
            if same {
                sum.count += next.count;
            }
            same
        });
        Self { cells, voxel_count }
    }
}

/// Counts while a region is read: small sizes in a table, the few large ones in a list, so that
/// neither many levels nor large sizes cost memory.
///
/// # Shapes
/// `table`: `[place][size]` with places from 0 and sizes from 0. Place 0 is outside the region
/// and size 0 is nothing to count; neither is read, so that counting needs no branch for them.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    stride: usize,
    table: Vec<u32>,
    large: Vec<[u32; 2]>,
}

impl Tally {
    /// A table larger than this takes longer to read than a list.
    const MAX_TABLE: usize = 1 << 18;

    /// Prepare for places up to `levels` and sizes that seldom exceed `usual_size`.
    pub fn new(levels: usize, usual_size: usize) -> Self {
        let stride = (usual_size + 1).min(Self::MAX_TABLE / (levels + 1)).max(2);
        Self {
            stride,
            table: vec![0; (levels + 1) * stride],
            large: Vec::new(),
        }
    }

    /// Count one thing a place, all of sizes up to `largest`; a size of 0 is none.
    pub fn add_all<W: Word>(&mut self, places: &[W], sizes: &[W], largest: usize) {
        let things = places.iter().zip(sizes);
        let (table, stride) = (self.table.as_mut_slice(), self.stride);
        if largest < stride {
            for (place, size) in things {
                table[place.to_usize() * stride + size.to_usize()] += 1;
            }
        } else {
            for (place, size) in things.filter(|(_, size)| **size != W::ZERO) {
                self.add(place.to_usize(), size.to_usize());
            }
        }
    }

    /// Count one thing; the size is at least 1.
    pub fn add(&mut self, place: usize, size: usize) {
        if size < self.stride {
            self.table[place * self.stride + size] += 1;
        } else {
            self.large.push([place as u32, size as u32]);
        }
    }

    /// Hand over what was counted and start again from nothing; `None` if nothing was.
    ///
    /// # Shapes
    /// `levels`: the grey level of each place from 1.
    pub fn take(&mut self, levels: &[u32], voxel_count: usize) -> Option<LevelSizeMatrix> {
        self.large.sort_unstable();
        let mut large = self.large.chunk_by(|a, b| a == b).peekable();
        let mut cells = Vec::new();
        let rows = self.table.chunks_exact_mut(self.stride).skip(1);
        for ((row, place), &level) in rows.zip(1u32..).zip(levels) {
            for (size, count) in row.iter().enumerate().skip(1) {
                if *count > 0 {
                    cells.push(Cell {
                        level,
                        size: size as u32,
                        count: f64::from(*count),
                    });
                }
            }
            row.fill(0);
            while let Some(same) = large.next_if(|same| same[0][0] == place) {
                cells.push(Cell {
                    level,
                    size: same[0][1],
                    count: same.len() as f64,
                });
            }
        }
        self.table[..self.stride].fill(0);
        self.large.clear();
        (!cells.is_empty()).then_some(LevelSizeMatrix {
            cells,
            voxel_count: voxel_count as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_keeps_small_and_large_sizes_apart_and_in_order() {
        let mut tally = Tally::new(3, 4);
        for (place, size) in [(3, 900), (1, 2), (3, 1), (1, 2), (3, 900), (1, 5)] {
            tally.add(place, size);
        }
        let matrix = tally.take(&[2, 5, 9], 11).unwrap();
        let cells: Vec<_> = matrix
            .cells
            .iter()
            .map(|c| (c.level, c.size, c.count))
            .collect();
        assert_eq!(
            cells,
            [(2, 2, 2.0), (2, 5, 1.0), (9, 1, 1.0), (9, 900, 2.0)]
        );
        assert_eq!(matrix.voxel_count, 11.0);
        assert_eq!(tally.take(&[2, 5, 9], 11), None, "it starts again");
    }

    #[test]
    fn merging_adds_up_weighted_counts() {
        let matrix = |cells: &[(u32, u32, f64)]| LevelSizeMatrix {
            cells: cells
                .iter()
                .map(|&(level, size, count)| Cell { level, size, count })
                .collect(),
            voxel_count: 10.0,
        };
        let a = matrix(&[(1, 1, 2.0), (2, 3, 1.0)]);
        let b = matrix(&[(1, 1, 1.0), (1, 2, 4.0)]);
        let merged = LevelSizeMatrix::merge([(&a, 1.0), (&b, 0.5)]);
        assert_eq!(
            merged.cells,
            matrix(&[(1, 1, 2.5), (1, 2, 2.0), (2, 3, 1.0)]).cells
        );
        assert_eq!(merged.voxel_count, 15.0);
    }
}
