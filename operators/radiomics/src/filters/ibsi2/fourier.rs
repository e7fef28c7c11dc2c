//! Discrete Fourier transforms of volumes.
//!
//! On one machine the results do not depend on the number of threads: each line is transformed
//! whole, by one plan. Machines with different vector units may differ in the last bits.

use std::{ops::Range, sync::Arc};

use rayon::prelude::*;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner, num_complex::Complex64};

/// Lines that are transposed and transformed together: eight complex numbers are two cache
/// lines.
const TOGETHER: usize = 8;

/// Transform of real volumes of one shape, and back.
///
/// # Shapes
/// Spectra are `[z, y, x / 2 + 1]` in C order: a real volume's spectrum has the rest twice.
pub(super) struct RealTransform {
    shape_zyx: [usize; 3],
    forward_x: Arc<dyn RealToComplex<f64>>,
    inverse_x: Arc<dyn ComplexToReal<f64>>,
    forward_zy: [Arc<dyn Fft<f64>>; 2],
    inverse_zy: [Arc<dyn Fft<f64>>; 2],
}

impl RealTransform {
    pub fn new(shape_zyx: [usize; 3]) -> Self {
        let [nz, ny, nx] = shape_zyx;
        let mut real = RealFftPlanner::new();
        let mut complex = FftPlanner::new();
        Self {
            shape_zyx,
            forward_x: real.plan_fft_forward(nx),
            inverse_x: real.plan_fft_inverse(nx),
            forward_zy: [nz, ny].map(|n| complex.plan_fft_forward(n)),
            inverse_zy: [nz, ny].map(|n| complex.plan_fft_inverse(n)),
        }
    }

    pub fn shape_zyx(&self) -> [usize; 3] {
        self.shape_zyx
    }

    fn row_len(&self) -> usize {
        self.shape_zyx[2] / 2 + 1
    }

    /// The spectrum of a volume whose rows along x are filled in one after another.
    pub fn forward(&self, fill_row: impl Fn(usize, usize, &mut [f64]) + Sync) -> Vec<Complex64> {
        let [nz, ny, _] = self.shape_zyx;
        let row_len = self.row_len();
        let mut values = vec![Complex64::default(); nz * ny * row_len];
        let rows = values.par_chunks_mut(row_len).enumerate().with_min_len(16);
        rows.for_each_init(
            || {
                (
                    self.forward_x.make_input_vec(),
                    self.forward_x.make_scratch_vec(),
                )
            },
            |(real, scratch), (row, out)| {
                fill_row(row / ny, row % ny, real);
                // It fails on other lengths than the plan's only, and these are the plan's.
                let done = self.forward_x.process_with_scratch(real, out, scratch);
                debug_assert!(done.is_ok());
            },
        );
        for plane in values.chunks_mut(ny * row_len) {
            transform_columns(plane, ny, &self.forward_zy[1]);
        }
        transform_columns(&mut values, nz, &self.forward_zy[0]);
        values
    }

    /// Multiply a spectrum by a function of the place `[z, y, x]` in it.
    pub fn multiply(
        &self,
        values: &mut [Complex64],
        factor: impl Fn([usize; 3]) -> Complex64 + Sync,
    ) {
        let ny = self.shape_zyx[1];
        let rows = values.par_chunks_mut(self.row_len()).enumerate();
        rows.for_each(|(row, out)| {
            for (x, value) in out.iter_mut().enumerate() {
                *value *= factor([row / ny, row % ny, x]);
            }
        });
    }

    /// A box of the volume that has this spectrum, in C order.
    pub fn inverse(&self, mut values: Vec<Complex64>, within: &[Range<usize>; 3]) -> Vec<f64> {
        let [nz, ny, nx] = self.shape_zyx;
        let row_len = self.row_len();
        transform_columns(&mut values, nz, &self.inverse_zy[0]);
        let planes = &mut values[within[0].start * ny * row_len..within[0].end * ny * row_len];
        for plane in planes.chunks_mut(ny * row_len) {
            transform_columns(plane, ny, &self.inverse_zy[1]);
        }
        let scale = 1.0 / (nz * ny * nx) as f64;
        let (rows, columns) = (within[1].len(), within[2].len());
        let mut real = vec![0.0; within[0].len() * rows * columns];
        let out = real.par_chunks_mut(columns).enumerate().with_min_len(16);
        out.for_each_init(
            || {
                let plan = &self.inverse_x;
                (
                    plan.make_input_vec(),
                    plan.make_output_vec(),
                    plan.make_scratch_vec(),
                )
            },
            |(spectrum, line, scratch), (row, out)| {
                let (z, y) = (row / rows, within[1].start + row % rows);
                let start = (z * ny + y) * row_len;
                spectrum.copy_from_slice(&planes[start..start + row_len]);
                // Rounding leaves something here that a real line cannot have.
                spectrum[0].im = 0.0;
                if nx.is_multiple_of(2) {
                    spectrum[row_len - 1].im = 0.0;
                }
                let done = self.inverse_x.process_with_scratch(spectrum, line, scratch);
                debug_assert!(done.is_ok());
                for (value, &x) in out.iter_mut().zip(&line[within[2].clone()]) {
                    *value = x * scale;
                }
            },
        );
        real
    }
}

/// Transform complex slices of one shape, and back without scaling.
///
/// # Shapes
/// Slices and spectra are `[rows, columns]` in C order.
pub(super) struct ComplexTransform {
    shape: [usize; 2],
    forward: [Arc<dyn Fft<f64>>; 2],
    inverse: [Arc<dyn Fft<f64>>; 2],
}

impl ComplexTransform {
    pub fn new(shape: [usize; 2]) -> Self {
        let mut planner = FftPlanner::new();
        Self {
            shape,
            forward: shape.map(|n| planner.plan_fft_forward(n)),
            inverse: shape.map(|n| planner.plan_fft_inverse(n)),
        }
    }

    pub fn forward(&self, slice: &mut [Complex64]) {
        self.forward[1].process(slice);
        transform_columns(slice, self.shape[0], &self.forward[0]);
    }

    pub fn inverse(&self, slice: &mut [Complex64]) {
        self.inverse[1].process(slice);
        transform_columns(slice, self.shape[0], &self.inverse[0]);
    }
}

/// The next number of samples, from `n` on, that has no prime factor beyond 5.
pub(super) fn next_fast_len(n: usize) -> usize {
    (n..)
        .find(|&candidate| {
            let mut rest = candidate;
            for prime in [2, 3, 5] {
                while rest > 1 && rest.is_multiple_of(prime) {
                    rest /= prime;
                }
            }
            rest == 1
        })
        .unwrap_or(n)
}

/// Transform along the first axis of an array, in place.
///
/// # Shapes
/// `values`: `[n, columns]` in C order, `plan` for `n` samples.
fn transform_columns(values: &mut [Complex64], n: usize, plan: &Arc<dyn Fft<f64>>) {
    if n == 1 {
        return;
    }
    let columns = values.len() / n;
    // Some hundred columns at a time, so that many threads find work and the copy stays small.
    let batch = TOGETHER * 64;
    let mut lines = vec![Complex64::default(); n * batch.min(columns)];
    for first in (0..columns).step_by(batch) {
        let count = batch.min(columns - first);
        let lines = &mut lines[..n * count];
        let groups = lines.par_chunks_mut(n * TOGETHER).enumerate();
        groups.for_each_init(
            || vec![Complex64::default(); plan.get_inplace_scratch_len()],
            |scratch, (group, lines)| {
                let start = first + group * TOGETHER;
                let width = lines.len() / n;
                for k in 0..n {
                    let row = &values[k * columns + start..k * columns + start + width];
                    for (line, &value) in row.iter().enumerate() {
                        lines[line * n + k] = value;
                    }
                }
                plan.process_with_scratch(lines, scratch);
            },
        );
        let rows = values.par_chunks_mut(columns).enumerate().with_min_len(16);
        rows.for_each(|(k, row)| {
            for (line, value) in row[first..first + count].iter_mut().enumerate() {
                *value = lines[line * n + k];
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_same() {
        for shape in [[4, 6, 5], [1, 7, 8], [3, 1, 1], [5, 4, 2]] {
            let [_, ny, nx] = shape;
            let value = |z: usize, y: usize, x: usize| ((z * 7 + y * 3 + x * x) % 11) as f64;
            let transform = RealTransform::new(shape);
            let spectrum = transform.forward(|z, y, row| {
                for (x, cell) in row.iter_mut().enumerate() {
                    *cell = value(z, y, x);
                }
            });
            let total: f64 = (0..shape.iter().product())
                .map(|i: usize| value(i / nx / ny, i / nx % ny, i % nx))
                .sum();
            assert!((spectrum[0].re - total).abs() < 1e-9);
            let within = shape.map(|n| n / 3..n);
            let back = transform.inverse(spectrum, &within);
            let mut i = 0;
            for z in within[0].clone() {
                for y in within[1].clone() {
                    for x in within[2].clone() {
                        assert!((back[i] - value(z, y, x)).abs() < 1e-12);
                        i += 1;
                    }
                }
            }
            assert_eq!(i, back.len());
        }
    }

    #[test]
    fn fast_lengths() {
        assert_eq!([1, 7, 11, 31, 97].map(next_fast_len), [1, 8, 12, 32, 100]);
    }
}
