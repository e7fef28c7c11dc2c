//! Co-occurrence features of a window that moves: its pairs, counted by direction.

use std::ops::Range;

use crate::{
    BoundingBox, Region, Settings,
    error::RadiomicsError,
    glcm::{FEATURES, GlcmTerms, directions, weight},
};

use super::{
    neighbourhoods::Neighbourhoods,
    window::{Follower, Window},
};

/// A step to a neighbour and the pairs of levels that are this step apart.
struct Direction {
    step_zyx: [isize; 3],
    /// What the step adds to an index.
    offset: isize,
    /// 1, or the weight of the direction where directions are pooled.
    weight: f64,
    /// `[first][second]` over places, 0 (no part of the neighbourhood) included.
    counts: Vec<u32>,
}

pub(super) struct GlcmFollower<'a> {
    settings: &'a Settings,
    wanted: &'a [usize],
    columns: Range<usize>,
    /// The levels of the image, ascending.
    all_levels: &'a [u32],
    directions: Vec<Direction>,
    /// Rows of `counts`: one more than there are levels.
    stride: usize,
    /// How many voxels of the window have each place.
    histogram: Vec<u32>,
    /// Room for the places that occur in a window and a matrix over them; for the rows of the
    /// matrix that are used, and their levels.
    occurring: Vec<usize>,
    matrix: Vec<f64>,
    used: Vec<usize>,
    levels: Vec<u32>,
}

/// The steps that two voxels of a window can be apart, one of each opposite pair.
pub(super) fn steps(settings: &Settings, window_zyx: [usize; 3]) -> Vec<[isize; 3]> {
    let bounding_box = BoundingBox {
        start_zyx: [0; 3],
        shape_zyx: window_zyx,
    };
    directions(
        &Region::fill(bounding_box, [1.0; 3], 1, |_, _, _| ()),
        settings,
    )
}

/// Memory that the counts of one window take.
pub(super) fn counts_bytes(directions: usize, level_count: usize) -> u64 {
    let rows = level_count as u64 + 1;
    (directions as u64).saturating_mul(rows.saturating_mul(rows) * size_of::<u32>() as u64)
}

impl<'a> GlcmFollower<'a> {
    pub fn new(
        settings: &'a Settings,
        around: &'a Neighbourhoods,
        wanted: &'a [usize],
        columns: Range<usize>,
    ) -> Self {
        let [_, ny, nx] = around.shape_zyx.map(|n| n as isize);
        let stride = around.levels.len() + 1;
        let directions = steps(settings, around.window_shape_zyx())
            .into_iter()
            .map(|step_zyx| Direction {
                step_zyx,
                offset: (step_zyx[0] * ny + step_zyx[1]) * nx + step_zyx[2],
                weight: settings
                    .weighting_norm
                    .map_or(1.0, |norm| weight(step_zyx, around.spacing_zyx_mm, norm)),
                counts: vec![0; stride * stride],
            })
            .collect();
        Self {
            settings,
            wanted,
            columns,
            all_levels: &around.levels,
            directions,
            stride,
            histogram: vec![0; stride],
            occurring: Vec::new(),
            matrix: Vec::new(),
            used: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// Add to the counts, or take off, what a plane at the end of the window contributes: its
    /// voxels, and the pairs that have one of theirs in it.
    fn count(&mut self, around: &Neighbourhoods, window: &Window, x: usize, change: u32) {
        for z in window.z.clone() {
            for y in window.y.clone() {
                let place = around.places[around.index(z, y, x)] as usize;
                self.histogram[place] = self.histogram[place].wrapping_add(change);
            }
        }
        for direction in &mut self.directions {
            let [dz, dy, dx] = direction.step_zyx;
            let as_first = inside(&window.x, x, dx).then_some(x);
            // A step within the plane is counted from its first voxel alone.
            let as_second = dx != 0 && inside(&window.x, x, -dx);
            let as_second = as_second.then(|| x.wrapping_add_signed(-dx));
            let (zs, ys) = (starts(&window.z, dz), starts(&window.y, dy));
            for x in as_first.into_iter().chain(as_second) {
                for z in zs.clone() {
                    for y in ys.clone() {
                        let voxel = around.index(z, y, x);
                        let first = around.places[voxel] as usize;
                        let second = voxel.wrapping_add_signed(direction.offset);
                        let second = around.places[second] as usize;
                        let count = &mut direction.counts[first * self.stride + second];
                        *count = count.wrapping_add(change);
                    }
                }
            }
        }
    }

    /// The places that occur in the window, and, where that is one of several in the image,
    /// another. PyRadiomics has all of them in every matrix, and its MCC is 1 by convention only
    /// where there is a single one.
    fn find_occurring(&mut self) {
        self.occurring.clear();
        let places = self.histogram.iter().enumerate().skip(1);
        let occurring = places.filter(|(_, count)| **count > 0);
        self.occurring.extend(occurring.map(|(place, _)| place));
        add_another(&mut self.occurring, 1..self.stride);
    }

    /// Add the counts of a direction to the matrix.
    fn pool(&mut self, direction: usize) {
        let Direction { weight, counts, .. } = &self.directions[direction];
        let rows = self.matrix.chunks_exact_mut(self.occurring.len().max(1));
        for (row, &i) in rows.zip(&self.occurring) {
            for (cell, &j) in row.iter_mut().zip(&self.occurring) {
                let mut pairs = counts[i * self.stride + j];
                if self.settings.symmetric_glcm {
                    pairs += counts[j * self.stride + i];
                }
                *cell += weight * f64::from(pairs);
            }
        }
    }

    fn empty_matrix(&mut self) {
        self.matrix.clear();
        self.matrix.resize(self.occurring.len().pow(2), 0.0);
    }

    /// Leave levels without a pair out of the matrix, which has fewer pairs than the window has
    /// voxels; but keep two, where there are several.
    fn leave_out_unused(&mut self) {
        let n = self.occurring.len();
        let matrix = &self.matrix;
        let is_used = |i: usize| (0..n).any(|j| matrix[i * n + j] + matrix[j * n + i] > 0.0);
        self.used.clear();
        self.used.extend((0..n).filter(|&i| is_used(i)));
        add_another(&mut self.used, 0..n);
        self.levels.clear();
        let used = self.used.iter().map(|&i| self.occurring[i]);
        self.levels
            .extend(used.map(|place| self.all_levels[place - 1]));
        // Cells move towards the front, past none that is still to be read.
        let mut to = 0;
        for &i in &self.used {
            for &j in &self.used {
                self.matrix[to] = self.matrix[i * n + j];
                to += 1;
            }
        }
        self.matrix.truncate(to);
    }

    /// Add the features of the matrix to `sums`; whether it has a pair.
    fn add_features(&mut self, sums: &mut [f64]) -> bool {
        let pairs: f64 = self.matrix.iter().sum();
        if pairs.is_nan() || pairs <= 0.0 {
            return false;
        }
        self.leave_out_unused();
        for share in &mut self.matrix {
            *share /= pairs;
        }
        let mut terms = GlcmTerms::new(&self.levels, &self.matrix);
        // Of the image, whatever the window holds.
        terms.n_levels = self
            .all_levels
            .last()
            .map_or(0.0, |&level| f64::from(level));
        for (sum, &feature) in sums.iter_mut().zip(self.wanted) {
            *sum += (FEATURES[feature].value)(&terms);
        }
        true
    }
}

impl Follower for GlcmFollower<'_> {
    fn enter(&mut self, around: &Neighbourhoods, window: &Window) {
        self.count(around, window, window.x.end - 1, 1);
    }

    fn leave(&mut self, around: &Neighbourhoods, window: &Window) {
        self.count(around, window, window.x.start, u32::MAX);
    }

    fn clear(&mut self, around: &Neighbourhoods, window: &Window) {
        let mut rest = window.clone();
        while !rest.x.is_empty() {
            self.leave(around, &rest);
            rest.x.start += 1;
        }
    }

    fn measure(
        &mut self,
        _: &Neighbourhoods,
        _: &Window,
        columns: &mut [f64],
    ) -> Result<(), RadiomicsError> {
        self.find_occurring();
        let sums = &mut columns[self.columns.clone()];
        sums.fill(0.0);
        let mut matrices = 0;
        self.empty_matrix();
        for direction in 0..self.directions.len() {
            self.pool(direction);
            if self.settings.weighting_norm.is_none() {
                matrices += u32::from(self.add_features(sums));
                self.empty_matrix();
            }
        }
        if self.settings.weighting_norm.is_some() {
            matrices += u32::from(self.add_features(sums));
        }
        // Without a pair there is no matrix, and no number: 0 / 0.
        for sum in sums {
            *sum /= f64::from(matrices);
        }
        Ok(())
    }
}

/// Put a second index beside a single one, where there are several.
fn add_another(indices: &mut Vec<usize>, all: Range<usize>) {
    if let [only] = indices[..]
        && all.len() > 1
    {
        let other = if only == all.start {
            only + 1
        } else {
            only - 1
        };
        indices.push(other);
        indices.sort_unstable();
    }
}

/// Whether a step along x from a plane stays inside the window.
fn inside(planes: &Range<usize>, x: usize, step: isize) -> bool {
    x.checked_add_signed(step)
        .is_some_and(|x| planes.contains(&x))
}

/// From where a step stays inside a range.
fn starts(range: &Range<usize>, step: isize) -> Range<usize> {
    let step_back = |end: usize| end.saturating_add_signed(-step);
    range.start.max(step_back(range.start))..range.end.min(step_back(range.end))
}
