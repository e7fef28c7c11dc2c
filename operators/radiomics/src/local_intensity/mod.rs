//! The brightest cubic centimetre in and around a region.
//!
//! Definitions are those of the IBSI reference manual (arXiv:1612.07003), chapter Local
//! intensity features: the mean over a sphere of 1 cm³ around a voxel of the region, in which
//! all voxels of the image count. Spheres end at the border of the image, and voxels that are
//! not finite do not count. [`margin_voxels`] says how much image the classes' caller has to
//! provide around the region ([`crate::Surroundings`]).
//!
//! A sphere is a stack of rows along x. For each slice of the image, the sums of rows of every
//! half-width are made from one another and added to the spheres that the slice cuts, so the
//! cost of a voxel is that of adding one number a row of the sphere, and no sum is ever a
//! difference of large ones.

mod features;

pub use features::FEATURES;

use std::f64::consts::PI;

use crate::{Compute, FeatureClass, Region, Roi, Surroundings};

/// Volume of the sphere.
const SPHERE_MM3: f64 = 1000.0;

fn radius_mm() -> f64 {
    (3.0 * SPHERE_MM3 / (4.0 * PI)).cbrt()
}

/// How many voxels beyond the region's box a sphere around one of its voxels reaches, along
/// each axis.
#[must_use]
pub fn margin_voxels(spacing_zyx_mm: [f64; 3]) -> [usize; 3] {
    spacing_zyx_mm.map(|mm| (radius_mm() / mm).floor() as usize)
}

/// The highest means over spheres of 1 cm³, in units of the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeakTerms {
    /// Around the brightest voxels of the region.
    pub local: f64,
    /// Around any voxel of the region.
    pub global: f64,
}

impl PeakTerms {
    /// Measure a region; NaN where the image around it is not known.
    #[must_use]
    pub fn of(roi: &Roi) -> Self {
        let means = roi
            .surroundings
            .as_ref()
            .and_then(|surroundings| sphere_means(&roi.region, surroundings));
        let Some(means) = means else {
            return Self {
                local: f64::NAN,
                global: f64::NAN,
            };
        };
        let maximum = roi
            .intensities
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let mut peaks = Self {
            local: f64::NEG_INFINITY,
            global: f64::NEG_INFINITY,
        };
        for (&mean, &intensity) in means.iter().zip(&roi.intensities) {
            peaks.global = peaks.global.max(mean);
            if intensity == maximum {
                peaks.local = peaks.local.max(mean);
            }
        }
        peaks
    }
}

/// The mean over the sphere around each voxel of a region, in the order of its runs; `None`
/// where the region is not within the window.
fn sphere_means(region: &Region, surroundings: &Surroundings) -> Option<Vec<f64>> {
    let sphere = Sphere::new(region.spacing_zyx_mm);
    let window = &surroundings.window;
    let values = &surroundings.values;
    let mut offset_zyx = [0; 3];
    let mut is_clipped = false;
    for axis in 0..3 {
        let (start, len) = (
            region.bounding_box.start_zyx[axis],
            region.bounding_box.shape_zyx[axis],
        );
        let offset = start.checked_sub(window.start_zyx[axis])?;
        let after = window.shape_zyx[axis].checked_sub(offset + len)?;
        offset_zyx[axis] = offset;
        is_clipped |= offset.min(after) < sphere.reach_zyx[axis];
    }
    if values.len() != window.shape_zyx.iter().product::<usize>() {
        return None;
    }

    let sums = sphere.sums(region, window.shape_zyx, offset_zyx, |i| {
        if values[i].is_finite() {
            values[i]
        } else {
            0.0
        }
    });
    if !is_clipped && values.iter().all(|value| value.is_finite()) {
        let count = sphere.count();
        return Some(sums.into_iter().map(|sum| sum / count).collect());
    }
    let counts = sphere.sums(region, window.shape_zyx, offset_zyx, |i| {
        f64::from(u8::from(values[i].is_finite()))
    });
    Some(
        sums.into_iter()
            .zip(counts)
            .map(|(sum, n)| sum / n)
            .collect(),
    )
}

/// The rows that make up a sphere.
struct Sphere {
    /// How far from the centre it has voxels along each axis.
    reach_zyx: [usize; 3],
    /// `[|dz|][|dy|]`: voxels from the middle of the row to its end; `None` outside.
    half_widths: Vec<Vec<Option<usize>>>,
}

impl Sphere {
    fn new(spacing_zyx_mm: [f64; 3]) -> Self {
        let reach_zyx = margin_voxels(spacing_zyx_mm);
        let squared_mm2 = |steps: usize, axis: usize| (steps as f64 * spacing_zyx_mm[axis]).powi(2);
        let half_width = |dz: usize, dy: usize| {
            let rest_mm2 = radius_mm().powi(2) - squared_mm2(dz, 0) - squared_mm2(dy, 1);
            (0..=reach_zyx[2])
                .rev()
                .find(|&dx| squared_mm2(dx, 2) <= rest_mm2)
        };
        Self {
            reach_zyx,
            half_widths: (0..=reach_zyx[0])
                .map(|dz| (0..=reach_zyx[1]).map(|dy| half_width(dz, dy)).collect())
                .collect(),
        }
    }

    fn half_width(&self, dz: usize, dy: usize) -> Option<usize> {
        self.half_widths.get(dz)?.get(dy).copied().flatten()
    }

    /// Number of voxels of a sphere that nothing clips.
    fn count(&self) -> f64 {
        let both = |steps: usize| if steps == 0 { 1 } else { 2 };
        let mut count = 0;
        for (dz, rows) in self.half_widths.iter().enumerate() {
            for (dy, half_width) in rows.iter().enumerate() {
                count += both(dz) * both(dy) * half_width.map_or(0, |steps| 2 * steps + 1);
            }
        }
        count as f64
    }

    /// The sum over the sphere around each voxel of a region, in the order of its runs; voxels
    /// outside the window count as 0.
    ///
    /// # Shapes
    /// `value`: of a voxel by its place in the window, whose shape is `window_zyx`; the region's
    /// box starts at `offset_zyx` in it.
    fn sums(
        &self,
        region: &Region,
        window_zyx: [usize; 3],
        offset_zyx: [usize; 3],
        value: impl Fn(usize) -> f64,
    ) -> Vec<f64> {
        // A sphere larger than the window sees no more than the window.
        let [reach_z, reach_y, reach_x]: [usize; 3] =
            std::array::from_fn(|axis| self.reach_zyx[axis].min(window_zyx[axis] - 1));
        let [nz, ny, nx] = window_zyx;
        let [bz, by, bx] = region.bounding_box.shape_zyx;
        let [z0, y0, x0] = offset_zyx;
        let runs_by_slice = runs_by_slice(region);
        let mut sums = vec![0.0; region.voxel_count];

        // Rows around the box with zeros where the window does not go, and their sums over each
        // half-width, for the x of the box.
        let (rows, columns) = (by + 2 * reach_y, bx + 2 * reach_x);
        let mut slice = vec![0.0; rows * columns];
        let mut row_sums = vec![vec![0.0; rows * bx]; reach_x + 1];
        for z in z0.saturating_sub(reach_z)..nz.min(z0 + bz + reach_z) {
            for row in 0..rows {
                let Some(y) = (y0 + row).checked_sub(reach_y).filter(|&y| y < ny) else {
                    continue;
                };
                for column in 0..columns {
                    if let Some(x) = (x0 + column).checked_sub(reach_x).filter(|&x| x < nx) {
                        slice[row * columns + column] = value((z * ny + y) * nx + x);
                    }
                }
            }
            widen(&slice, &mut row_sums, columns, reach_x);

            let cut = z.saturating_sub(z0 + reach_z)..bz.min((z + reach_z + 1).saturating_sub(z0));
            for region_z in cut {
                let dz = (z0 + region_z).abs_diff(z);
                for &(run, first) in &runs_by_slice[region_z] {
                    let [_, run_y, run_x] = run.start_zyx;
                    let sums = &mut sums[first..first + run.len];
                    for row in run_y..=run_y + 2 * reach_y {
                        let dy = row.abs_diff(run_y + reach_y);
                        if let Some(half_width) = self.half_width(dz, dy) {
                            let added =
                                &row_sums[half_width.min(reach_x)][row * bx + run_x..][..run.len];
                            for (sum, added) in sums.iter_mut().zip(added) {
                                *sum += added;
                            }
                        }
                    }
                }
            }
        }
        sums
    }
}

/// Sums over rows, each half-width made from the one below.
///
/// # Shapes
/// `slice`: rows of `columns`, `reach_x` more at each end than the rows of `row_sums[half]`.
fn widen(slice: &[f64], row_sums: &mut [Vec<f64>], columns: usize, reach_x: usize) {
    let box_columns = columns - 2 * reach_x;
    for (row, values) in slice.chunks_exact(columns).enumerate() {
        let cells = row * box_columns..(row + 1) * box_columns;
        for half in 0..row_sums.len() {
            let (narrower, wider) = row_sums.split_at_mut(half);
            let wider = &mut wider[0][cells.clone()];
            let right = &values[reach_x + half..][..box_columns];
            match narrower.last() {
                None => wider.copy_from_slice(right),
                Some(narrower) => {
                    let left = &values[reach_x - half..][..box_columns];
                    let narrower = &narrower[cells.clone()];
                    for x in 0..box_columns {
                        wider[x] = narrower[x] + left[x] + right[x];
                    }
                }
            }
        }
    }
}

/// The runs of each slice of the region's box, each with the place of its first voxel.
fn runs_by_slice(region: &Region) -> Vec<Vec<(crate::Run, usize)>> {
    let mut slices = vec![Vec::new(); region.bounding_box.shape_zyx[0]];
    let mut first = 0;
    for run in &region.runs {
        slices[run.start_zyx[0]].push((*run, first));
        first += run.len;
    }
    slices
}

/// Local intensity.
pub static LOCAL_INTENSITY: FeatureClass = FeatureClass {
    name: "localintensity",
    title: "The brightest cubic centimetre in and around the region",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, _, wanted| {
        let terms = PeakTerms::of(roi);
        Ok(wanted
            .iter()
            .map(|&feature| (FEATURES[feature].value)(&terms))
            .collect())
    }),
};
