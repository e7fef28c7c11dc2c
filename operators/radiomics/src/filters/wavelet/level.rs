//! One level of the transform.

use std::ops::{Add, Mul};

use rayon::prelude::*;

use super::{
    FilterBank,
    convolve::{Taps, combine},
};
use crate::simd::{Kernel, run_widest};

/// The precisions that a transform can run in.
pub(super) trait Real:
    Copy + Add<Output = Self> + Mul<Output = Self> + Into<f64> + Send + Sync
{
    const ZERO: Self;
    /// Low-pass and high-pass of a wavelet in this precision.
    fn taps(bank: &FilterBank) -> [Vec<Self>; 2];
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    fn taps(bank: &FilterBank) -> [Vec<Self>; 2] {
        [bank.in_single(&bank.low), bank.in_single(&bank.high)]
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    fn taps(bank: &FilterBank) -> [Vec<Self>; 2] {
        [bank.low.clone(), bank.high.clone()]
    }
}

/// A stretch of a periodic axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Position of its first value, below `period`.
    pub(super) start: usize,
    /// Number of values.
    pub(super) len: usize,
    /// Length of the axis.
    pub(super) period: usize,
}

impl Extent {
    /// Position of the `i`th value on the axis.
    pub(super) fn position(self, i: usize) -> usize {
        (self.start + i) % self.period
    }

    /// What filters of `taps` taps read to fill this stretch; at most the whole axis.
    pub(super) fn support(self, taps: usize) -> Self {
        let len = self.len + taps - 1;
        if len >= self.period {
            return Self {
                start: 0,
                len: self.period,
                ..self
            };
        }
        Self {
            start: (self.start + self.period - (taps / 2 - 1)) % self.period,
            len,
            ..self
        }
    }

    /// Positions that filters of `taps` taps read, one after the other.
    fn support_positions(self, taps: usize) -> impl Iterator<Item = usize> {
        let before = (taps / 2 - 1) % self.period;
        let start = self.start + self.period - before;
        (0..self.len + taps - 1).map(move |i| (start + i) % self.period)
    }
}

/// Values on a box of a periodic volume, in C order.
pub(super) struct Array<'a, V> {
    values: &'a [V],
    /// Stretches along z, y and x. Where the volume was padded by its first voxel, the stretch
    /// ends before it.
    extents: [Extent; 3],
}

impl<'a, V> Array<'a, V> {
    /// A whole image, padded to even lengths by its first voxels.
    pub(super) fn whole(values: &'a [V], shape_zyx: [usize; 3]) -> Self {
        let extents = shape_zyx.map(|len| Extent {
            start: 0,
            len,
            period: len + len % 2,
        });
        Self { values, extents }
    }

    /// Values that an earlier level gave.
    pub(super) fn of(values: &'a [V], extents: &[Extent; 3]) -> Self {
        Self {
            values,
            extents: *extents,
        }
    }

    /// Where the values at a position of an axis are along it.
    fn place(&self, axis: usize, position: usize) -> usize {
        let extent = self.extents[axis];
        let place = (position + extent.period - extent.start) % extent.period;
        if place < extent.len { place } else { 0 }
    }
}

/// A level: filters, the axes they run along, and what is wanted of the sub-bands.
pub(super) struct Level<'a> {
    pub(super) bank: &'a FilterBank,
    pub(super) is_filtered: [bool; 3],
    pub(super) output: [Extent; 3],
}

impl Level<'_> {
    /// The sub-bands, the approximation first; only that unless `with_details`.
    pub(super) fn transform<T: Real, V: Copy + Into<T> + Sync>(
        &self,
        input: &Array<'_, V>,
        with_details: bool,
    ) -> Vec<Vec<T>> {
        let taps = self.bank.low.len();
        let [_, ny, nx] = self.output.map(|extent| extent.len);
        let planes = Planes {
            level: self,
            input,
            with_details,
            y: Axis::new(self, 1),
            x_places: self
                .positions(2)
                .into_iter()
                .map(|position| input.place(2, position))
                .collect(),
        };
        let positions = |axis: usize| {
            if self.is_filtered[axis] {
                self.output[axis].support(taps)
            } else {
                self.output[axis]
            }
        };
        let z_input = positions(0);
        let bands = planes.bands();
        let mut filtered = vec![T::ZERO; z_input.len * bands * ny * nx];
        filtered
            .par_chunks_mut(bands * ny * nx)
            .enumerate()
            .for_each(|(z, output)| {
                run_widest(Plane {
                    planes: &planes,
                    z: input.place(0, z_input.position(z)),
                    output,
                });
            });

        let z = Axis::new(self, 0);
        (0..bands)
            .into_par_iter()
            .flat_map_iter(|band| {
                run_widest(Column {
                    z: &z,
                    with_details,
                    input: &filtered,
                    plane: bands * ny * nx,
                    band: band * ny * nx..(band + 1) * ny * nx,
                })
            })
            .collect()
    }

    /// Positions that are read along an axis, for the outputs one after the other.
    fn positions(&self, axis: usize) -> Vec<usize> {
        let output = self.output[axis];
        if self.is_filtered[axis] {
            output.support_positions(self.bank.low.len()).collect()
        } else {
            (0..output.len).map(|i| output.position(i)).collect()
        }
    }
}

/// How rows or planes along an axis are combined.
struct Axis<T> {
    taps: Option<Taps<T>>,
    count: usize,
    /// Where the values that are read one after the other lie in the support.
    places: Vec<usize>,
}

impl<T: Real> Axis<T> {
    fn new(level: &Level<'_>, axis: usize) -> Self {
        let output = level.output[axis];
        if !level.is_filtered[axis] {
            return Self {
                taps: None,
                count: output.len,
                places: (0..output.len).collect(),
            };
        }
        let support = output.support(level.bank.low.len());
        let place = |position| (position + support.period - support.start) % support.period;
        Self {
            taps: Some(Taps::new(level.bank, output)),
            count: output.len,
            places: level.positions(axis).into_iter().map(place).collect(),
        }
    }
}

/// Filtering along x and y, plane by plane.
struct Planes<'a, T, V> {
    level: &'a Level<'a>,
    input: &'a Array<'a, V>,
    with_details: bool,
    y: Axis<T>,
    /// Where the values of a row that are read one after the other lie in the input.
    x_places: Vec<usize>,
}

impl<T: Real, V> Planes<'_, T, V> {
    /// Number of sub-bands along an axis.
    fn bands_along(&self, axis: usize) -> usize {
        if self.with_details && self.level.is_filtered[axis] {
            2
        } else {
            1
        }
    }

    fn bands(&self) -> usize {
        self.bands_along(1) * self.bands_along(2)
    }
}

struct Plane<'a, T, V> {
    planes: &'a Planes<'a, T, V>,
    z: usize,
    output: &'a mut [T],
}

impl<T: Real, V: Copy + Into<T>> Kernel for Plane<'_, T, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let planes = self.planes;
        let level = planes.level;
        let [_, y_output, x_output] = level.output;
        let nx = x_output.len;
        let y_input = if level.is_filtered[1] {
            y_output.support(level.bank.low.len())
        } else {
            y_output
        };
        let [_, input_ny, input_nx] = planes.input.extents.map(|extent| extent.len);
        let x_taps = level.is_filtered[2].then(|| Taps::new(level.bank, x_output));
        let x_in_order = x_taps.as_ref().map(Taps::in_order).unwrap_or_default();

        // Along x, whole rows after each other; the high-pass rows follow the low-pass ones.
        let along_x = planes.bands_along(2);
        let mut rows = vec![T::ZERO; along_x * y_input.len * nx];
        let (rows_low, rows_high) = rows.split_at_mut(y_input.len * nx);
        let mut row = vec![T::ZERO; planes.x_places.len()];
        let mut taps = Vec::new();
        for y in 0..y_input.len {
            let input_y = planes.input.place(1, y_input.position(y));
            let start = (self.z * input_ny + input_y) * input_nx;
            let voxels = &planes.input.values[start..start + input_nx];
            for (value, &place) in row.iter_mut().zip(&planes.x_places) {
                *value = voxels[place].into();
            }
            let low = &mut rows_low[y * nx..(y + 1) * nx];
            let Some(x_taps) = &x_taps else {
                low.copy_from_slice(&row);
                continue;
            };
            let high = if along_x == 2 {
                &mut rows_high[y * nx..(y + 1) * nx]
            } else {
                &mut []
            };
            combine(&row, &x_in_order, low, high);
            for x in (0..nx).filter(|&x| x_taps.is_reordered(x)) {
                x_taps.at(x, |place| place, &mut taps);
                let high = if along_x == 2 {
                    &mut high[x..=x]
                } else {
                    &mut []
                };
                combine(&row, &taps, &mut low[x..=x], high);
            }
        }

        // Along y, rows at a time.
        let plane = y_output.len * nx;
        let along_y = planes.bands_along(1);
        for (band, output) in self.output.chunks_exact_mut(along_y * plane).enumerate() {
            let rows = &rows[band * y_input.len * nx..][..y_input.len * nx];
            let (lows, highs) = output.split_at_mut(plane);
            let Some(y_taps) = &planes.y.taps else {
                lows.copy_from_slice(rows);
                continue;
            };
            for y in 0..y_output.len {
                y_taps.at(y, |place| planes.y.places[place] * nx, &mut taps);
                let high = if along_y == 2 {
                    &mut highs[y * nx..(y + 1) * nx]
                } else {
                    &mut []
                };
                combine(rows, &taps, &mut lows[y * nx..(y + 1) * nx], high);
            }
        }
    }
}

/// Filtering one sub-band along z.
struct Column<'a, T> {
    z: &'a Axis<T>,
    with_details: bool,
    input: &'a [T],
    /// From a plane to the next.
    plane: usize,
    /// Where the sub-band is in a plane.
    band: std::ops::Range<usize>,
}

impl<T: Real> Kernel for Column<'_, T> {
    type Output = Vec<Vec<T>>;

    #[inline(always)]
    fn run(self) -> Vec<Vec<T>> {
        let rows = self.band.len();
        let Some(z_taps) = &self.z.taps else {
            let mut values = Vec::with_capacity(self.z.count * rows);
            for z in 0..self.z.count {
                values.extend_from_slice(&self.input[z * self.plane..][self.band.clone()]);
            }
            return vec![values];
        };
        let mut lows = vec![T::ZERO; self.z.count * rows];
        let mut highs = if self.with_details {
            vec![T::ZERO; self.z.count * rows]
        } else {
            Vec::new()
        };
        let mut taps = Vec::new();
        for z in 0..self.z.count {
            z_taps.at(z, |place| self.z.places[place] * self.plane, &mut taps);
            let high = if self.with_details {
                &mut highs[z * rows..(z + 1) * rows]
            } else {
                &mut []
            };
            let low = &mut lows[z * rows..(z + 1) * rows];
            combine(&self.input[self.band.start..], &taps, low, high);
        }
        if self.with_details {
            vec![lows, highs]
        } else {
            vec![lows]
        }
    }
}

/// A window of a dense array.
pub(super) fn cut<T: Real>(values: &[T], extents: &[Extent; 3], window: &[Extent; 3]) -> Vec<f64> {
    cut_array::<T, T>(&Array::of(values, extents), window)
}

/// A window of an array.
pub(super) fn cut_array<T: Real, V: Copy + Into<T>>(
    array: &Array<'_, V>,
    window: &[Extent; 3],
) -> Vec<f64> {
    let [nz, ny, nx] = window.map(|extent| extent.len);
    let [_, array_ny, array_nx] = array.extents.map(|extent| extent.len);
    let x0 = array.place(2, window[2].start);
    let is_contiguous = x0 + nx <= array_nx;
    let mut cut = Vec::with_capacity(nz * ny * nx);
    for z in 0..nz {
        let z = array.place(0, window[0].position(z));
        for y in 0..ny {
            let y = array.place(1, window[1].position(y));
            let row = &array.values[(z * array_ny + y) * array_nx..][..array_nx];
            let value = |voxel: V| -> f64 {
                let voxel: T = voxel.into();
                voxel.into()
            };
            if is_contiguous {
                cut.extend(row[x0..x0 + nx].iter().map(|&voxel| value(voxel)));
            } else {
                cut.extend((0..nx).map(|x| value(row[array.place(2, window[2].position(x))])));
            }
        }
    }
    cut
}
