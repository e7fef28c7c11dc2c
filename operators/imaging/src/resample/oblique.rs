//! Interpolation between grids whose axes are not parallel: voxel by voxel.

use rayon::prelude::*;

use super::{
    Interpolation,
    axis::{Axis, cubic_tap, linear_tap},
    mapping::{IndexMap, is_inside},
    real::{Real, Values},
    separable,
    simd::{Kernel, run_widest},
};

/// Interpolate at every voxel of the target.
///
/// # Shapes
/// `source`: `source_shape` in C order; returns `target_shape` in C order.
pub(super) fn resample<F: Real>(
    source: Values<'_>,
    source_shape: [usize; 3],
    target_shape: [usize; 3],
    map: &IndexMap,
    interpolation: Interpolation,
    outside: F,
) -> Vec<F> {
    let values = if interpolation == Interpolation::CubicBSpline {
        let axes = source_shape.map(Axis::<F, 4>::coefficients);
        separable::resample(source, &axes)
    } else {
        source.to_vec()
    };
    let [_, rows, columns] = target_shape;
    let mut target = vec![F::default(); target_shape.iter().product()];
    target
        .par_chunks_mut(columns)
        .enumerate()
        .for_each(|(row, target)| {
            let line = Line {
                values: &values,
                shape: source_shape,
                map,
                z: row / rows,
                y: row % rows,
                outside,
                target,
            };
            if interpolation == Interpolation::CubicBSpline {
                run_widest(Cubic(line));
            } else {
                run_widest(Linear(line));
            }
        });
    target
}

/// One row of the target.
struct Line<'a, F> {
    values: &'a [F],
    shape: [usize; 3],
    map: &'a IndexMap,
    z: usize,
    y: usize,
    outside: F,
    target: &'a mut [F],
}

struct Linear<'a, F>(Line<'a, F>);

impl<F: Real> Kernel for Linear<'_, F> {
    #[inline(always)]
    fn run(self) {
        self.0.evaluate(linear_tap);
    }
}

struct Cubic<'a, F>(Line<'a, F>);

impl<F: Real> Kernel for Cubic<'_, F> {
    #[inline(always)]
    fn run(self) {
        self.0.evaluate(cubic_tap);
    }
}

impl<F: Real> Line<'_, F> {
    /// `Σ weight · value` over the `K`³ neighbours that `tap` names on each axis.
    #[inline(always)]
    fn evaluate<const K: usize>(self, tap: impl Fn(f64, usize) -> ([usize; K], [f64; K])) {
        let [_, rows, columns] = self.shape;
        let row = self.map.row(self.z, self.y);
        for (x, voxel) in self.target.iter_mut().enumerate() {
            let position = row.position(x);
            if !is_inside(position, self.shape) {
                *voxel = self.outside;
                continue;
            }
            let taps: [_; 3] = std::array::from_fn(|axis| tap(position[axis], self.shape[axis]));
            let weights = taps.map(|(_, weights)| weights.map(F::from_f64));
            let mut sum = F::default();
            for (&at_z, &weight_z) in taps[0].0.iter().zip(&weights[0]) {
                for (&at_y, &weight_y) in taps[1].0.iter().zip(&weights[1]) {
                    let first = (at_z * rows + at_y) * columns;
                    let line = &self.values[first..first + columns];
                    let mut along_x = F::default();
                    for (&at_x, &weight_x) in taps[2].0.iter().zip(&weights[2]) {
                        along_x = along_x + weight_x * line[at_x];
                    }
                    sum = sum + weight_z * weight_y * along_x;
                }
            }
            *voxel = sum;
        }
    }
}
