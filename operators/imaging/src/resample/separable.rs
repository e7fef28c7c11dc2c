//! Interpolation between grids whose axes are parallel: one axis after the other.
//!
//! Lines are worked on in blocks of neighbouring lanes that stay in the first caches: a block
//! is read from the volume once, filtered and interpolated there, and written once. In-plane
//! axes are done a slice at a time, so that between memory and caches each volume travels
//! once a pass: source, slices, target.

use ndarray::{ArrayViewMut2, Axis as Dimension};
use rayon::prelude::*;

use super::{
    axis::Axis,
    bspline,
    real::{Real, Values},
    simd::{Kernel, run_widest},
};

/// Lanes that are filtered together; 64 single-precision lanes are four AVX-512 registers.
const LANES: usize = 64;

/// Columns that one task of the pass along z takes, enough to occupy whole pages.
const COLUMNS: usize = 8 * LANES;

/// Interpolate along the three axes: slices first where z grows, z first where it shrinks, so
/// that what lies between the passes is small.
///
/// # Shapes
/// `source`: the axes' source lengths `[z, y, x]`. Returns the axes' numbers of taps.
pub(super) fn resample<F: Real, const K: usize>(
    source: Values<'_>,
    axes: &[Axis<F, K>; 3],
) -> Vec<F> {
    let [z, y, x] = axes;
    let slice = y.source_len * x.source_len;
    let target_slice = y.taps.len() * x.taps.len();
    let mut target = vec![F::default(); z.taps.len() * target_slice];
    if z.taps.len() < z.source_len {
        let mut thinned = vec![F::default(); z.taps.len() * slice];
        along_z(Lines::Of(source), z, &mut thinned);
        in_plane(F::values(&thinned), y, x, &mut target);
    } else {
        // The slices wait in the last part of the target, where the pass along z finds them:
        // it reads a column to its end before it writes it.
        let first = z.taps.len() - z.source_len;
        in_plane(source, y, x, &mut target[first * target_slice..]);
        if !z.is_identity() {
            along_z(Lines::LastOfTarget, z, &mut target);
        }
    }
    target
}

/// Interpolate every slice along y, then x.
///
/// # Shapes
/// `source`: `[slices][y][x]` -> `target`: `[slices][y taps][x taps]`.
fn in_plane<F: Real, const K: usize>(
    source: Values<'_>,
    y: &Axis<F, K>,
    x: &Axis<F, K>,
    target: &mut [F],
) {
    let slice = y.source_len * x.source_len;
    target
        .par_chunks_mut(y.taps.len() * x.taps.len())
        .enumerate()
        .for_each_init(Scratch::default, |scratch, (z, target)| {
            run_widest(Slice {
                source: source.part(z * slice..(z + 1) * slice),
                target,
                y,
                x,
                scratch,
            });
        });
}

/// Interpolate along z.
///
/// # Shapes
/// `source`: `[z][plane]` -> `target`: `[z taps][plane]`.
fn along_z<F: Real, const K: usize>(source: Lines<'_>, z: &Axis<F, K>, target: &mut [F]) {
    let plane = target.len() / z.taps.len();
    let mut view = ArrayViewMut2::from_shape((z.taps.len(), plane), target)
        .expect("the target has z taps times plane values");
    let tasks: Vec<_> = view
        .axis_chunks_iter_mut(Dimension(1), COLUMNS)
        .enumerate()
        .collect();
    tasks
        .into_par_iter()
        .for_each_init(Vec::new, |block, (task, target)| {
            run_widest(Columns {
                source,
                target,
                first: task * COLUMNS,
                plane,
                z,
                block,
            });
        });
}

/// Where the pass along z finds its slices.
#[derive(Clone, Copy)]
enum Lines<'a> {
    /// In a volume of their own.
    Of(Values<'a>),
    /// In the last slices of the target itself.
    LastOfTarget,
}

/// What one thread keeps between slices.
struct Scratch<F> {
    block: Vec<[F; LANES]>,
    /// The slice after y: `[y taps][x]`.
    rows: Vec<F>,
}

impl<F> Default for Scratch<F> {
    fn default() -> Self {
        Self {
            block: Vec::new(),
            rows: Vec::new(),
        }
    }
}

/// One slice, along y and then x.
struct Slice<'a, F, const K: usize> {
    source: Values<'a>,
    target: &'a mut [F],
    y: &'a Axis<F, K>,
    x: &'a Axis<F, K>,
    scratch: &'a mut Scratch<F>,
}

impl<F: Real, const K: usize> Kernel for Slice<'_, F, K> {
    #[inline(always)]
    fn run(self) {
        let Self {
            source,
            target,
            y,
            x,
            scratch: Scratch { block, rows },
        } = self;
        let width = x.source_len;
        rows.resize(y.taps.len() * width, F::default());
        block.resize(y.source_len.max(width), [F::default(); LANES]);

        for first in (0..width).step_by(LANES) {
            let lanes = LANES.min(width - first);
            let lines = &mut block[..y.source_len];
            for (row, line) in lines.iter_mut().enumerate() {
                source.read(row * width + first, &mut line[..lanes]);
            }
            interpolate(lines, y, |at, values| {
                let start = at * width + first;
                rows[start..start + lanes].copy_from_slice(&values[..lanes]);
            });
        }

        let target_width = x.taps.len();
        for (rows, target) in rows
            .chunks(LANES * width)
            .zip(target.chunks_mut(LANES * target_width))
        {
            let lines = &mut block[..width];
            transpose_in(rows, lines);
            interpolate(lines, x, |at, values| {
                for (row, value) in target.chunks_exact_mut(target_width).zip(values) {
                    row[at] = *value;
                }
            });
        }
    }
}

/// Neighbouring columns of a volume, along z.
struct Columns<'a, 't, F, const K: usize> {
    source: Lines<'a>,
    target: ArrayViewMut2<'t, F>,
    first: usize,
    plane: usize,
    z: &'a Axis<F, K>,
    block: &'a mut Vec<[F; LANES]>,
}

impl<F: Real, const K: usize> Kernel for Columns<'_, '_, F, K> {
    #[inline(always)]
    fn run(self) {
        let Self {
            source,
            mut target,
            first,
            plane,
            z,
            block,
        } = self;
        block.resize(z.source_len, [F::default(); LANES]);
        let (slices, columns) = target.dim();
        for offset in (0..columns).step_by(LANES) {
            let lanes = offset..columns.min(offset + LANES);
            for (slice, line) in block.iter_mut().enumerate() {
                let line = &mut line[..lanes.len()];
                match source {
                    Lines::Of(values) => values.read(slice * plane + first + offset, line),
                    Lines::LastOfTarget => {
                        let slice = slices - z.source_len + slice;
                        line.copy_from_slice(&row(&mut target, slice)[lanes.clone()]);
                    }
                }
            }
            interpolate(block, z, |at, values| {
                row(&mut target, at)[lanes.clone()].copy_from_slice(&values[..lanes.len()]);
            });
        }
    }
}

/// One row of a chunk of columns.
#[inline(always)]
fn row<'a, F>(target: &'a mut ArrayViewMut2<'_, F>, at: usize) -> &'a mut [F] {
    let row = target.index_axis_mut(Dimension(0), at);
    row.into_slice()
        .expect("a chunk of columns keeps its rows contiguous")
}

/// Rows become lanes.
///
/// # Shapes
/// `rows`: `[at most LANES][n]` -> `lines`: `[n][LANES]`.
#[inline(always)]
fn transpose_in<F: Real>(rows: &[F], lines: &mut [[F; LANES]]) {
    let width = lines.len();
    for (lane, row) in rows.chunks_exact(width).enumerate() {
        for (line, value) in lines.iter_mut().zip(row) {
            line[lane] = *value;
        }
    }
}

/// Filter the lines where the axis asks for it, and hand out each target voxel's lanes.
#[inline(always)]
fn interpolate<F: Real, const K: usize>(
    lines: &mut [[F; LANES]],
    axis: &Axis<F, K>,
    mut write: impl FnMut(usize, &[F; LANES]),
) {
    if axis.prefilter {
        bspline::prefilter(lines);
    }
    for (at, tap) in axis.taps.iter().enumerate() {
        if axis.copies {
            write(at, &lines[tap.index[0]]);
            continue;
        }
        let mut values = lines[tap.index[0]];
        for value in &mut values {
            *value = tap.weight[0] * *value;
        }
        for (index, &weight) in tap.index.iter().zip(&tap.weight).skip(1) {
            for (value, &sample) in values.iter_mut().zip(&lines[*index]) {
                *value = *value + weight * sample;
            }
        }
        write(at, &values);
    }
}
