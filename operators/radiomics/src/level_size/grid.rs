//! The grey levels of a region in narrow integers, slice by slice and row by row.
//!
//! Counting compares each voxel with up to 26 neighbours, which a processor does for 16 or 32
//! voxels at a time if they lie side by side in bytes. Few regions have more than 255 levels;
//! those that do are counted in wider integers by the same code.

use crate::Roi;

/// An unsigned integer that a grid can be made of.
pub(crate) trait Word: Copy + Eq + Ord + Send + Sync {
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// A number that is known to fit.
    fn from_usize(n: usize) -> Self;
    /// The same number.
    fn to_usize(self) -> usize;
    /// The sum, modulo the word's range.
    fn wrapping_add(self, other: Self) -> Self;
    /// The distance between two numbers.
    fn abs_diff(self, other: Self) -> Self;
}

macro_rules! word {
    ($($word:ty)*) => {$(
        impl Word for $word {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            fn from_usize(n: usize) -> Self {
                n as Self
            }
            fn to_usize(self) -> usize {
                self as usize
            }
            fn wrapping_add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn abs_diff(self, other: Self) -> Self {
                self.abs_diff(other)
            }
        }
    )*};
}
word!(u8 u16 u32);

/// Evaluate an expression with a type name bound to the narrowest word that holds a number.
macro_rules! with_words {
    ($largest:expr, $word:ident => $body:expr) => {{
        let largest: usize = $largest;
        if largest <= usize::from(u8::MAX) {
            type $word = u8;
            $body
        } else if largest <= usize::from(u16::MAX) {
            type $word = u16;
            $body
        } else {
            type $word = u32;
            $body
        }
    }};
}
pub(crate) use with_words;

/// A row of a grid, from its first voxel of the region to its last; there may be gaps between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// Index of its first voxel in the region's box: slice, row, column.
    pub index: [usize; 3],
    /// The same, in the grid's values.
    pub start: usize,
    /// Number of voxels.
    pub len: usize,
}

/// A region with a word at every voxel and margins of 0 around its box.
///
/// # Shapes
/// `values`: `[slice, row, column]` in C order, with `margin` on both sides of each axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LevelGrid<W> {
    /// The volume's axis (0 is z) that slices, rows and columns are counted along. Slices are
    /// taken across the first, so that rows of a slice follow each other.
    pub axes: [usize; 3],
    /// Shape of the box, by the grid's axes.
    pub shape: [usize; 3],
    /// Background around it, by the grid's axes.
    pub margin: [usize; 3],
    /// The words, 0 outside the region.
    pub values: Vec<W>,
    /// The rows that have a voxel of the region, in C order.
    pub rows: Vec<Row>,
}

/// The volume's axes in the order slice, row, column.
pub(crate) fn axes(slice_axis: Option<usize>) -> [usize; 3] {
    match slice_axis {
        Some(1) => [1, 0, 2],
        Some(2) => [2, 0, 1],
        _ => [0, 1, 2],
    }
}

impl<W: Word> LevelGrid<W> {
    /// Lay out a region.
    ///
    /// # Shapes
    /// `margin`: by the grid's axes. `words`: the word for a voxel outside the region, 0, then
    /// for each level that occurs.
    pub fn new(roi: &Roi, slice_axis: Option<usize>, margin: [usize; 3], words: &[W]) -> Self {
        let region = &roi.region;
        let axes = axes(slice_axis);
        let shape = axes.map(|axis| region.bounding_box.shape_zyx[axis]);
        let padded: [usize; 3] = std::array::from_fn(|i| shape[i] + 2 * margin[i]);
        let mut grid = Self {
            axes,
            shape,
            margin,
            values: vec![W::ZERO; padded.iter().product()],
            rows: Vec::new(),
        };
        // First and last column of each row.
        let mut spans = vec![[usize::MAX, 0]; shape[0] * shape[1]];
        let along_x: [usize; 3] = std::array::from_fn(|i| usize::from(axes[i] == 2));
        let step = grid.offset(along_x.map(|n| n as isize)).unsigned_abs();
        for run in &region.runs {
            let from = region.padded_index(run.start_zyx);
            let places = &roi.grey_levels.places[from..from + run.len];
            let index = axes.map(|axis| run.start_zyx[axis]);
            let to = grid.position(index);
            for (value, &place) in grid.values[to..].iter_mut().step_by(step).zip(places) {
                *value = words[place as usize];
            }
            let mut widen = |along: usize| {
                let [slice, row, column]: [usize; 3] =
                    std::array::from_fn(|i| index[i] + along * along_x[i]);
                let [first, last] = &mut spans[slice * shape[1] + row];
                *first = column.min(*first);
                *last = column.max(*last);
            };
            if step == 1 {
                widen(0);
                widen(run.len - 1);
            } else {
                (0..run.len).for_each(widen);
            }
        }
        for (i, &[first, last]) in spans.iter().enumerate() {
            if first <= last {
                let index = [i / shape[1], i % shape[1], first];
                let start = grid.position(index);
                grid.rows.push(Row {
                    index,
                    start,
                    len: last - first + 1,
                });
            }
        }
        grid
    }

    /// Lay out the places of a region's levels, counted from 1, with a margin of one voxel.
    pub fn of_places(roi: &Roi, slice_axis: Option<usize>) -> Self {
        let words: Vec<W> = (0..=roi.grey_levels.values.len())
            .map(W::from_usize)
            .collect();
        Self::new(roi, slice_axis, [1; 3], &words)
    }

    /// Number of values in a row and in a slice, margins included.
    pub fn strides(&self) -> [usize; 2] {
        let row = self.shape[2] + 2 * self.margin[2];
        [row, row * (self.shape[1] + 2 * self.margin[1])]
    }

    /// Where a voxel of the box is among the values.
    pub fn position(&self, index: [usize; 3]) -> usize {
        let [row, slice] = self.strides();
        let [z, y, x]: [usize; 3] = std::array::from_fn(|i| index[i] + self.margin[i]);
        z * slice + y * row + x
    }

    /// How far apart two voxels are among the values.
    pub fn offset(&self, [z, y, x]: [isize; 3]) -> isize {
        let [row, slice] = self.strides().map(|stride| stride as isize);
        z * slice + y * row + x
    }

    /// As many values as a row has, a step away from it.
    pub fn beside(&self, row: &Row, offset: isize) -> &[W] {
        let start = row.start.wrapping_add_signed(offset);
        &self.values[start..start + row.len]
    }

    /// The rows that are counted together: those of each slice, or all.
    pub fn groups(&self, by_slice: bool) -> Vec<&[Row]> {
        if by_slice {
            self.rows
                .chunk_by(|a, b| a.index[0] == b.index[0])
                .collect()
        } else {
            vec![&self.rows]
        }
    }

    /// Number of voxels of the region in some rows.
    pub fn voxel_count(&self, rows: &[Row]) -> usize {
        rows.iter()
            .map(|row| {
                let inside = self.beside(row, 0).iter().filter(|&&v| v != W::ZERO);
                inside.count()
            })
            .sum()
    }
}
