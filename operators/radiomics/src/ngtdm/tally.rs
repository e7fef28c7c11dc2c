//! Sums over boxes of voxels.

use std::collections::VecDeque;

use crate::{Region, Roi};

/// A number of voxels and the sum of their levels in one integer, so that both are added up at
/// once. Neither overflows into the other in the sum over a neighbourhood, and a difference of
/// such sums is exact even where one of them wraps.
pub(super) trait Tally: Copy {
    /// No voxel.
    const NONE: Self;

    /// One voxel.
    fn one(level: u32) -> Self;
    /// Both together.
    fn plus(self, other: Self) -> Self;
    /// What is left of one without the other.
    fn minus(self, other: Self) -> Self;
    /// Number of voxels, sum of levels.
    fn parts(self) -> [f64; 2];
}

impl Tally for u32 {
    const NONE: Self = 0;

    #[inline(always)]
    fn one(level: u32) -> Self {
        1 << 24 | level
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline(always)]
    fn parts(self) -> [f64; 2] {
        // Signed integers, which both fit, become floating point in one instruction.
        [self >> 24, self & 0xff_ffff].map(|n| f64::from(n as i32))
    }
}

impl Tally for u64 {
    const NONE: Self = 0;

    #[inline(always)]
    fn one(level: u32) -> Self {
        1 << 40 | Self::from(level)
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline(always)]
    fn parts(self) -> [f64; 2] {
        [self >> 40, self & 0xff_ffff_ffff].map(|n| n as f64)
    }
}

/// The voxels of a region as tallies, plane by plane of z, read as they are needed.
///
/// # Shapes
/// A plane is `[y, x]` with the margins of the region.
pub(super) struct Layers<'a, T> {
    roi: &'a Roi,
    /// The tally of one voxel by the place of its level; of none at 0.
    tallies: Vec<T>,
    /// Which plane is the first held.
    first: usize,
    held: VecDeque<Vec<T>>,
}

impl<'a, T: Tally> Layers<'a, T> {
    pub fn new(roi: &'a Roi) -> Self {
        let levels = roi.grey_levels.values.iter();
        let tallies = levels.map(|&level| T::one(level));
        Self {
            roi,
            tallies: std::iter::once(T::NONE).chain(tallies).collect(),
            first: 0,
            held: VecDeque::new(),
        }
    }

    /// The plane of a z of the bounding box. Asked for in ascending order, and never again
    /// for one that [`Self::at`] has passed.
    #[inline(always)]
    pub fn ahead(&mut self, z: usize) -> &[T] {
        while self.first + self.held.len() <= z {
            let plane = self.read(self.first + self.held.len());
            self.held.push_back(plane);
        }
        &self.held[z - self.first]
    }

    /// The same, letting go of those before.
    #[inline(always)]
    pub fn at(&mut self, z: usize) -> &[T] {
        self.ahead(z);
        self.held.drain(..z - self.first);
        self.first = z;
        &self.held[0]
    }

    #[inline(always)]
    fn read(&self, z: usize) -> Vec<T> {
        let region = &self.roi.region;
        let [_, ny, nx] = region.padded_shape_zyx();
        let start = (z + region.margin_zyx[0]) * ny * nx;
        self.roi.grey_levels.places[start..start + ny * nx]
            .iter()
            .map(|&place| self.tallies[usize::from(place)])
            .collect()
    }
}

/// Sums over boxes around voxels, plane by plane of z.
pub(super) struct Boxes<T> {
    /// Steps from the middle to the border.
    radius_zyx: [usize; 3],
    /// Number of planes of the region.
    planes: usize,
    /// Number of tallies from one row to the next.
    stride: usize,
    /// Which plane is the first held.
    first: usize,
    /// Sums over the rectangles of the boxes within their planes.
    held: VecDeque<Vec<T>>,
}

impl<T: Tally> Boxes<T> {
    pub fn new(region: &Region, radius: usize, slice_axis: Option<usize>) -> Self {
        let radius_zyx = std::array::from_fn(|axis| {
            if slice_axis == Some(axis) {
                0
            } else {
                // Steps longer than the margin lead from no voxel to another.
                radius.min(region.margin_zyx[axis])
            }
        });
        Self {
            radius_zyx,
            planes: region.bounding_box.shape_zyx[0],
            stride: region.padded_shape_zyx()[2],
            first: 0,
            held: VecDeque::new(),
        }
    }

    /// What to add up for the sums of the boxes around a plane of z; asked for in ascending
    /// order.
    #[inline(always)]
    pub fn around(&mut self, z: usize, layers: &mut Layers<T>) -> impl Iterator<Item = &Vec<T>> {
        let [reach, up, along] = self.radius_zyx;
        while self.first + self.held.len() <= (z + reach).min(self.planes - 1) {
            let plane = layers.ahead(self.first + self.held.len());
            let rows = spread(plane, along, 1);
            self.held.push_back(spread(&rows, up, self.stride));
        }
        while self.first + reach < z {
            self.held.pop_front();
            self.first += 1;
        }
        self.held.iter()
    }
}

/// Sums of the tallies up to `radius` steps of length `step` before and after each. Where such
/// a line leaves its row or plane, the sum is not that of anything; margins are as wide as the
/// radius, so that this happens within them only.
#[inline(always)]
fn spread<T: Tally>(plane: &[T], radius: usize, step: usize) -> Vec<T> {
    let mut sums = plane.to_vec();
    for k in 1..=radius {
        let ahead = (k * step).min(plane.len());
        for (sum, &tally) in sums.iter_mut().zip(&plane[ahead..]) {
            *sum = sum.plus(tally);
        }
        for (sum, &tally) in sums[ahead..].iter_mut().zip(plane) {
            *sum = sum.plus(tally);
        }
    }
    sums
}
