//! Filtering along one axis of a volume, many lines at a time.
//!
//! A recursion cannot go faster along its own line, since every value waits for the one before.
//! Across lines nothing waits, so [`LANES`] neighbouring lines are gathered into a buffer with
//! one value of each line side by side and filtered together.

use std::ops::Range;

use super::simd::{Kernel, run_widest};
use crate::BoundingBox;

/// Lines filtered at a time.
pub(super) const LANES: usize = 16;

/// One value of each of [`LANES`] lines.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Lanes(pub(super) [f64; LANES]);

impl Lanes {
    pub(super) const ZERO: Self = Self([0.0; LANES]);
}

/// A filter of lines.
pub(super) trait LineFilter: Sync {
    /// Filter lines; implementations are `#[inline(always)]`.
    ///
    /// # Shapes
    /// `data`: the lines, may be overwritten. `out`: receives the values of `data` from `first`
    /// on.
    fn filter(&self, data: &mut [Lanes], first: usize, out: &mut [Lanes]);
}

/// A number that a pass can leave behind.
pub(super) trait Store: Copy + Send {
    /// Round to this type.
    fn of(value: f64) -> Self;
}

impl Store for f32 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as Self
    }
}

impl Store for f64 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }
}

/// A box of a volume and its voxels in C order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a, T> {
    /// Where the voxels lie in the volume.
    pub(super) window: BoundingBox,
    /// The voxels.
    pub(super) values: &'a [T],
}

impl<T> Block<'_, T> {
    /// Where a voxel of the volume is in `values`.
    #[inline(always)]
    fn index(&self, at_zyx: [usize; 3]) -> usize {
        let [z, y, x]: [usize; 3] =
            std::array::from_fn(|axis| at_zyx[axis] - self.window.start_zyx[axis]);
        let [_, ny, nx] = self.window.shape_zyx;
        (z * ny + y) * nx + x
    }
}

/// Filter a block along an axis.
///
/// # Shapes
/// Lines run over `line` of the volume, which lies within the block, and their values within
/// `output` are returned, in C order; `output` lies within the block along the other axes and
/// within `line` along this one.
pub(super) fn along_axis<S, O, F>(
    input: Block<'_, S>,
    axis: usize,
    line: Range<usize>,
    output: &BoundingBox,
    filter: &F,
) -> Vec<O>
where
    S: Copy + Into<f64> + Sync,
    O: Store,
    F: LineFilter,
{
    let count: usize = output.shape_zyx.iter().product();
    let mut values = vec![O::of(0.0); count];
    run_widest(Pass {
        input,
        axis,
        line,
        output,
        filter,
        values: &mut values,
    });
    values
}

struct Pass<'a, S, O, F> {
    input: Block<'a, S>,
    axis: usize,
    line: Range<usize>,
    output: &'a BoundingBox,
    filter: &'a F,
    values: &'a mut [O],
}

impl<S, O, F> Kernel for Pass<'_, S, O, F>
where
    S: Copy + Into<f64>,
    O: Store,
    F: LineFilter,
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self {
            input,
            axis,
            line,
            output,
            filter,
            values,
        } = self;
        // Lines lie side by side along x, or, where they run along x, along y.
        let (across, outer) = match axis {
            0 => (2, 1),
            1 => (2, 0),
            _ => (1, 0),
        };
        let strides = |shape_zyx: [usize; 3]| [shape_zyx[1] * shape_zyx[2], shape_zyx[2], 1];
        let (from, to) = (strides(input.window.shape_zyx), strides(output.shape_zyx));
        let first = output.start_zyx[axis] - line.start;
        let mut data = vec![Lanes::ZERO; line.len()];
        let mut filtered = vec![Lanes::ZERO; output.shape_zyx[axis]];

        for o in 0..output.shape_zyx[outer] {
            for a in (0..output.shape_zyx[across]).step_by(LANES) {
                let width = LANES.min(output.shape_zyx[across] - a);
                let mut at_zyx = output.start_zyx;
                at_zyx[axis] = line.start;
                at_zyx[outer] += o;
                at_zyx[across] += a;
                let read = input.index(at_zyx);
                load(
                    &input.values[read..],
                    [from[axis], from[across]],
                    width,
                    &mut data,
                );
                filter.filter(&mut data, first, &mut filtered);
                let write = o * to[outer] + a * to[across];
                store(
                    &filtered,
                    [to[axis], to[across]],
                    width,
                    &mut values[write..],
                );
            }
        }
    }
}

/// Gather lines; strides are along and across them. Lanes without a line stay as they are.
#[inline(always)]
fn load<S: Copy + Into<f64>>(
    values: &[S],
    [along, across]: [usize; 2],
    width: usize,
    data: &mut [Lanes],
) {
    if across == 1 {
        for (i, lanes) in data.iter_mut().enumerate() {
            let row = &values[i * along..];
            if width == LANES {
                for (lane, &value) in lanes.0.iter_mut().zip(&row[..LANES]) {
                    *lane = value.into();
                }
            } else {
                for (lane, &value) in lanes.0.iter_mut().zip(&row[..width]) {
                    *lane = value.into();
                }
            }
        }
    } else {
        for l in 0..width {
            let row = &values[l * across..];
            for (lanes, &value) in data.iter_mut().zip(row) {
                lanes.0[l] = value.into();
            }
        }
    }
}

/// Put lines back; strides are along and across them.
#[inline(always)]
fn store<O: Store>(
    filtered: &[Lanes],
    [along, across]: [usize; 2],
    width: usize,
    values: &mut [O],
) {
    if across == 1 {
        for (i, lanes) in filtered.iter().enumerate() {
            let row = &mut values[i * along..];
            if width == LANES {
                for (value, &lane) in row[..LANES].iter_mut().zip(&lanes.0) {
                    *value = O::of(lane);
                }
            } else {
                for (value, &lane) in row[..width].iter_mut().zip(&lanes.0) {
                    *value = O::of(lane);
                }
            }
        }
    } else {
        for l in 0..width {
            let row = &mut values[l * across..];
            for (value, lanes) in row.iter_mut().zip(filtered) {
                *value = O::of(lanes.0[l]);
            }
        }
    }
}

/// A window with a margin along each axis, cut off where the volume ends.
pub(super) fn widen(
    window: &BoundingBox,
    margin_zyx: [usize; 3],
    shape_zyx: [usize; 3],
) -> BoundingBox {
    let start_zyx: [usize; 3] =
        std::array::from_fn(|axis| window.start_zyx[axis].saturating_sub(margin_zyx[axis]));
    let shape_zyx = std::array::from_fn(|axis| {
        let end = window.start_zyx[axis] + window.shape_zyx[axis];
        end.saturating_add(margin_zyx[axis]).min(shape_zyx[axis]) - start_zyx[axis]
    });
    BoundingBox {
        start_zyx,
        shape_zyx,
    }
}
