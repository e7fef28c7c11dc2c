//! Values of the splines on spheres around many voxels.
//!
//! The offsets from voxel to sample are the same for every voxel, so that sampling is a bank of
//! filters. Each is separable, and samples share coordinates: the coefficients are combined
//! along z once a distinct z, of these along y once a distinct (z, y), and only then along x
//! for each sample. For 42 samples that is 13, 25 and 42 times 4 products instead of 42 times
//! 64.

use super::{
    LANES,
    spline::{Coefficients, weights},
};

/// Coordinates that are closer are taken for equal, and for whole numbers.
const SAME: f64 = 1e-12;

/// Where four coefficients lie, and what they count.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tap {
    /// Offset from the voxel of the second coefficient.
    base: isize,
    /// Offset from there of the sample.
    fraction: f64,
    weights: [f64; 4],
}

impl Tap {
    fn new(coordinate: f64) -> Self {
        let whole = coordinate.round();
        let base = if (coordinate - whole).abs() < SAME {
            whole
        } else {
            coordinate.floor()
        };
        let fraction = (coordinate - base).max(0.0);
        Self {
            base: base as isize,
            fraction,
            weights: weights(fraction),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.base == other.base && (self.fraction - other.fraction).abs() < SAME
    }
}

/// A tap and where its input is among what the axis before left behind.
#[derive(Debug, Clone, Copy)]
struct Step {
    input: usize,
    tap: Tap,
}

/// The samples around every voxel.
pub(super) struct Sphere {
    /// Offsets from the voxel, along z, y and x.
    pub(super) vertices_zyx: Vec<[f64; 3]>,
    along_z: Vec<Tap>,
    along_y: Vec<Step>,
    along_x: Vec<Step>,
    /// Voxels beyond which no sample and no coefficient of it lies.
    pub(super) margin: usize,
}

impl Sphere {
    pub(super) fn new(vertices_zyx: Vec<[f64; 3]>, radius: f64) -> Self {
        let mut along_z: Vec<Tap> = Vec::new();
        let mut along_y: Vec<Step> = Vec::new();
        let mut along_x = Vec::new();
        for vertex in &vertices_zyx {
            let [z, y, x] = vertex.map(Tap::new);
            let input = place(&mut along_z, z, Tap::is_same);
            let step = Step { input, tap: y };
            let is_same = |a: &Step, b: &Step| a.input == b.input && a.tap.is_same(&b.tap);
            let input = place(&mut along_y, step, is_same);
            along_x.push(Step { input, tap: x });
        }
        Self {
            vertices_zyx,
            along_z,
            along_y,
            along_x,
            margin: radius.ceil() as usize + 2,
        }
    }

    /// The sample at a vertex around a voxel of the image as scipy computes it, products and sums
    /// in its order.
    pub(super) fn sample_as_scipy(
        &self,
        vertex: usize,
        voxel_zyx: [usize; 3],
        coefficients: &Coefficients,
    ) -> f64 {
        let at: [f64; 3] =
            std::array::from_fn(|axis| voxel_zyx[axis] as f64 + self.vertices_zyx[vertex][axis]);
        let [wz, wy, wx] = at.map(|at| weights(at - at.floor()));
        let [z, y, x]: [usize; 3] = std::array::from_fn(|axis| {
            let first = at[axis].floor() as isize - 1 - coefficients.start_zyx[axis];
            (first.max(0) as usize).min(coefficients.shape_zyx[axis].saturating_sub(4))
        });
        let [_, ny, nx] = coefficients.shape_zyx;
        let mut sum = 0.0;
        for (k, wz) in wz.into_iter().enumerate() {
            for (j, wy) in wy.into_iter().enumerate() {
                let row = &coefficients.values[((z + k) * ny + y + j) * nx + x..];
                for (&c, wx) in row.iter().zip(wx) {
                    sum += c * wz * wy * wx;
                }
            }
        }
        sum
    }
}

/// The index of a value in a list, appended where it is not there.
fn place<T>(list: &mut Vec<T>, value: T, is_same: impl Fn(&T, &T) -> bool) -> usize {
    match list.iter().position(|known| is_same(known, &value)) {
        Some(index) => index,
        None => {
            list.push(value);
            list.len() - 1
        }
    }
}

/// What is between coefficients and samples, for a part of a slice.
#[derive(Default)]
pub(super) struct Scratch {
    /// Along z combined: `[distinct z, rows, width]`.
    planes: Vec<f64>,
    /// Along y, too: `[distinct (z, y), width]`.
    rows: Vec<f64>,
    /// First row and column of `planes` in the window, and their shape with margins.
    first: [usize; 2],
    shape: [usize; 2],
    width: usize,
}

impl Scratch {
    /// Combine coefficients along z, for rows and columns `yx` (first, count) of the window's
    /// slice `z`.
    #[inline(always)]
    pub(super) fn combine_z(
        &mut self,
        sphere: &Sphere,
        coefficients: &Coefficients,
        z: usize,
        yx: [[usize; 2]; 2],
    ) {
        let [[y0, rows], [x0, columns]] = yx;
        let margin = sphere.margin;
        self.first = [y0, x0];
        self.shape = [
            rows + 2 * margin,
            columns.next_multiple_of(LANES) + 2 * margin,
        ];
        let [rows, width] = self.shape;
        let [_, ny, nx] = coefficients.shape_zyx;
        self.planes.resize(sphere.along_z.len() * rows * width, 0.0);
        for (tap, plane) in sphere
            .along_z
            .iter()
            .zip(self.planes.chunks_exact_mut(rows * width))
        {
            let first = (z + margin).wrapping_add_signed(tap.base - 1);
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                let inputs = [0, 1, 2, 3].map(|k| {
                    // The window's columns come after the margin of the coefficients, whose
                    // rows the last vector may overrun.
                    let start = ((first + k) * ny + y0 + y) * nx + x0;
                    let end = (start + width).min(coefficients.values.len());
                    &coefficients.values[start..end]
                });
                combine(inputs, &tap.weights, row);
            }
        }
    }

    /// Combine along y, for `count` columns from `x` on of the window's row `y`.
    #[inline(always)]
    pub(super) fn combine_y(&mut self, sphere: &Sphere, y: usize, x: usize, count: usize) {
        let [rows, plane_width] = self.shape;
        let [y0, x0] = self.first;
        self.width =
            (count.next_multiple_of(LANES) + 2 * sphere.margin).min(plane_width - (x - x0));
        self.rows.resize(sphere.along_y.len() * plane_width, 0.0);
        for (step, row) in sphere
            .along_y
            .iter()
            .zip(self.rows.chunks_exact_mut(plane_width))
        {
            let first = (y - y0 + sphere.margin).wrapping_add_signed(step.tap.base - 1);
            let inputs = [0, 1, 2, 3].map(|k| {
                let start = (step.input * rows + first + k) * plane_width + x - x0;
                &self.planes[start..start + self.width]
            });
            combine(inputs, &step.tap.weights, &mut row[..self.width]);
        }
    }

    /// The samples around [`LANES`] voxels of the row, the first of them `column` columns after
    /// the first of [`Self::combine_y`].
    #[inline(always)]
    pub(super) fn samples(&self, sphere: &Sphere, column: usize, samples: &mut [[f64; LANES]]) {
        let plane_width = self.shape[1];
        for (step, samples) in sphere.along_x.iter().zip(samples) {
            let first = (column + sphere.margin).wrapping_add_signed(step.tap.base - 1);
            let start = step.input * plane_width + first;
            let row = &self.rows[start..start + LANES + 3];
            let w = &step.tap.weights;
            for l in 0..LANES {
                samples[l] =
                    row[l] * w[0] + row[l + 1] * w[1] + row[l + 2] * w[2] + row[l + 3] * w[3];
            }
        }
    }
}

#[inline(always)]
fn combine(inputs: [&[f64]; 4], w: &[f64; 4], output: &mut [f64]) {
    let [a, b, c, d] = inputs;
    for ((((output, a), b), c), d) in output.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *output = a * w[0] + b * w[1] + c * w[2] + d * w[3];
    }
}
