//! Filtering along one axis of a volume, many lines at a time.
//!
//! A recursion cannot go faster along its own line, since every value waits for the one before.
//! Across lines nothing waits, so [`LANES`] neighbouring lines are gathered into a buffer with
//! one value of each line side by side and filtered together.

use std::ops::Range;

use crate::BoundingBox;
use crate::simd::{Kernel, run_widest};

/// Lines filtered at a time.
pub(super) const LANES: usize = 16;

/// Values that are gathered at a time where lines run along x, and lie apart in the buffer.
const TOGETHER: usize = 4;

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

/// Room for lines, kept from pass to pass: memory that the system has to hand out and clean
/// costs as much as a pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    data: Vec<Lanes>,
    filtered: Vec<Lanes>,
}

/// The first `count` values of a buffer, whatever they are.
pub(super) fn room<T: Copy>(buffer: &mut Vec<T>, count: usize, filler: T) -> &mut [T] {
    if buffer.len() < count {
        buffer.resize(count, filler);
    }
    &mut buffer[..count]
}

/// Filter a block along an axis.
///
/// # Shapes
/// Lines run over `line` of the volume, which lies within the block, and their values within
/// `output` are written to `values`, in C order; `output` lies within the block along the other
/// axes and within `line` along this one.
pub(super) fn along_axis<S, O, F>(
    input: Block<'_, S>,
    axis: usize,
    line: Range<usize>,
    filter: &F,
    scratch: &mut Scratch,
    output: &BoundingBox,
    values: &mut [O],
) where
    S: Copy + Into<f64>,
    O: Store,
    F: LineFilter,
{
    run_widest(Pass {
        input,
        axis,
        line,
        filter,
        scratch,
        output,
        values,
    });
}

struct Pass<'a, S, O, F> {
    input: Block<'a, S>,
    axis: usize,
    line: Range<usize>,
    filter: &'a F,
    scratch: &'a mut Scratch,
    output: &'a BoundingBox,
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
            filter,
            scratch,
            output,
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
        // All lines side by side are gathered before they are filtered, so that memory is read
        // and written row by row.
        let side_by_side = output.shape_zyx[across];
        let blocks = side_by_side.div_ceil(LANES);
        let (length, kept) = (line.len(), output.shape_zyx[axis]);
        let data = room(&mut scratch.data, blocks * length, Lanes::ZERO);
        let filtered = room(&mut scratch.filtered, blocks * kept, Lanes::ZERO);

        for o in 0..output.shape_zyx[outer] {
            let mut at_zyx = output.start_zyx;
            at_zyx[axis] = line.start;
            at_zyx[outer] += o;
            let read = &input.values[input.index(at_zyx)..];
            let write = &mut values[o * to[outer]..];
            if axis == 2 {
                for (block, data) in data.chunks_exact_mut(length).enumerate() {
                    let lines = &read[block * LANES * from[1]..];
                    let width = LANES.min(side_by_side - block * LANES);
                    load_along(lines, from[1], width, data);
                }
            } else {
                load_across(read, from[axis], side_by_side, length, data);
            }
            for (data, filtered) in data
                .chunks_exact_mut(length)
                .zip(filtered.chunks_exact_mut(kept))
            {
                filter.filter(data, first, filtered);
            }
            if axis == 2 {
                for (block, filtered) in filtered.chunks_exact(kept).enumerate() {
                    let lines = &mut write[block * LANES * to[1]..];
                    let width = LANES.min(side_by_side - block * LANES);
                    store_along(filtered, to[1], width, lines);
                }
            } else {
                store_across(filtered, to[axis], side_by_side, kept, write);
            }
        }
    }
}

/// Gather lines that lie side by side: rows of `width` values, `stride` apart, become `length`
/// lanes of each block.
#[inline(always)]
fn load_across<S: Copy + Into<f64>>(
    values: &[S],
    stride: usize,
    width: usize,
    length: usize,
    data: &mut [Lanes],
) {
    for i in 0..length {
        let (blocks, rest) = values[i * stride..i * stride + width].as_chunks::<LANES>();
        for (block, values) in blocks.iter().enumerate() {
            data[block * length + i] = Lanes(values.map(Into::into));
        }
        if !rest.is_empty() {
            let lanes = &mut data[blocks.len() * length + i];
            for (lane, &value) in lanes.0.iter_mut().zip(rest) {
                *lane = value.into();
            }
        }
    }
}

/// Put back what [`load_across`] gathered.
#[inline(always)]
fn store_across<O: Store>(
    filtered: &[Lanes],
    stride: usize,
    width: usize,
    length: usize,
    values: &mut [O],
) {
    for i in 0..length {
        let row = &mut values[i * stride..i * stride + width];
        for (block, values) in row.chunks_mut(LANES).enumerate() {
            let lanes = &filtered[block * length + i];
            if let Some(values) = values.first_chunk_mut::<LANES>() {
                *values = lanes.0.map(O::of);
            } else {
                for (value, &lane) in values.iter_mut().zip(&lanes.0) {
                    *value = O::of(lane);
                }
            }
        }
    }
}

/// Gather `width` lines that lie after each other, `stride` apart. Lanes without a line repeat
/// the last.
#[inline(always)]
fn load_along<S: Copy + Into<f64>>(values: &[S], stride: usize, width: usize, data: &mut [Lanes]) {
    let count = data.len();
    for l in (0..LANES).step_by(TOGETHER) {
        let lines: [&[S]; TOGETHER] = std::array::from_fn(|k| {
            let start = (l + k).min(width - 1) * stride;
            &values[start..start + count]
        });
        for (i, lanes) in data.iter_mut().enumerate() {
            let values = lines.map(|line| line[i].into());
            lanes.0[l..l + TOGETHER].copy_from_slice(&values);
        }
    }
}

/// Put back what [`load_along`] gathered.
#[inline(always)]
fn store_along<O: Store>(filtered: &[Lanes], stride: usize, width: usize, values: &mut [O]) {
    let (fours, rest) = filtered.as_chunks::<TOGETHER>();
    for l in 0..width {
        let line = &mut values[l * stride..l * stride + filtered.len()];
        let (line, line_rest) = line.as_chunks_mut::<TOGETHER>();
        for (values, lanes) in line.iter_mut().zip(fours) {
            *values = lanes.each_ref().map(|lanes| O::of(lanes.0[l]));
        }
        for (value, lanes) in line_rest.iter_mut().zip(rest) {
            *value = O::of(lanes.0[l]);
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
