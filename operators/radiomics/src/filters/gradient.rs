//! Magnitude of the gradient.

use rayon::prelude::*;
use renalflow_imaging::with_image;

use super::{Derived, Source};
use crate::BoundingBox;
use crate::simd::{Kernel, run_widest};

/// The length of the vector of central differences, per mm or per voxel, in the window.
///
/// As ITK's `GradientMagnitudeImageFilter`: the image goes on beyond its border with the
/// nearest voxel's value; computed in double precision and rounded to single.
#[must_use]
pub fn gradient_magnitude(source: &Source<'_>, use_spacing: bool) -> Derived {
    let geometry = source.image.geometry();
    let weights_zyx = geometry
        .spacing_zyx_mm
        .map(|mm| if use_spacing { 0.5 * (1.0 / mm) } else { 0.5 });
    let [_, ny, nx] = source.window.shape_zyx;
    let mut values = vec![0.0; source.window.shape_zyx.iter().product()];
    with_image!(source.image, volume => {
        values
            .par_chunks_mut(ny * nx)
            .enumerate()
            .for_each(|(z, slice)| {
                run_widest(Slice {
                    voxels: volume.voxels(),
                    shape_zyx: geometry.shape_zyx,
                    window: source.window,
                    z: source.window.start_zyx[0] + z,
                    weights_zyx,
                    values: slice,
                });
            });
    });
    Derived {
        name: "gradient".to_owned(),
        values,
    }
}

struct Slice<'a, T> {
    voxels: &'a [T],
    shape_zyx: [usize; 3],
    window: &'a BoundingBox,
    z: usize,
    weights_zyx: [f64; 3],
    values: &'a mut [f64],
}

impl<T: Copy + Into<f64>> Kernel for Slice<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [image_nz, image_ny, image_nx] = self.shape_zyx;
        let [wz, wy, wx] = self.weights_zyx;
        let [_, y0, x0] = self.window.start_zyx;
        let nx = self.window.shape_zyx[2];
        let row_of = |z: usize, y: usize| {
            let start = (z * image_ny + y) * image_nx;
            &self.voxels[start..start + image_nx]
        };
        let [below, above] = [self.z.saturating_sub(1), (self.z + 1).min(image_nz - 1)];
        // The row with one voxel more at both ends.
        let mut row = vec![0.0; nx + 2];
        for (i, values) in self.values.chunks_exact_mut(nx).enumerate() {
            let y = y0 + i;
            let centre = row_of(self.z, y);
            row[0] = centre[x0.saturating_sub(1)].into();
            row[nx + 1] = centre[(x0 + nx).min(image_nx - 1)].into();
            for (value, &voxel) in row[1..=nx].iter_mut().zip(&centre[x0..x0 + nx]) {
                *value = voxel.into();
            }
            let before_y = &row_of(self.z, y.saturating_sub(1))[x0..x0 + nx];
            let after_y = &row_of(self.z, (y + 1).min(image_ny - 1))[x0..x0 + nx];
            let before_z = &row_of(below, y)[x0..x0 + nx];
            let after_z = &row_of(above, y)[x0..x0 + nx];
            for x in 0..nx {
                let gx = wx * row[x + 2] - wx * row[x];
                let gy = wy * f64_of(after_y[x]) - wy * f64_of(before_y[x]);
                let gz = wz * f64_of(after_z[x]) - wz * f64_of(before_z[x]);
                values[x] = f64::from((gx * gx + gy * gy + gz * gz).sqrt() as f32);
            }
        }
    }
}

#[inline(always)]
fn f64_of(voxel: impl Into<f64>) -> f64 {
    voxel.into()
}
