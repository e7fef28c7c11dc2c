//! The image on a working grid.

use rayon::prelude::*;
use renalflow_imaging::{
    Geometry, Image, Volume,
    orientation::Reorientation,
    resample::{Interpolation, LARGEST_TARGET_VOXELS, ResampleError, Resampling, resample_image},
    with_image,
};

use super::{PrepareError, taps::Taps};
use crate::network::plan::Window;

/// Axes that stray less than this over the whole working grid are parallel, in voxels.
const PARALLEL_VOXELS: f64 = 1e-3;

/// An image on a working grid, clipped to a window and mapped to 0..1; what lies outside the
/// scan is the window's lower end, 0.
///
/// Where the working grid is finer than the scan along an axis, values are interpolated
/// linearly; where it is coarser, they are the mean under a triangle two working voxels wide,
/// so that nothing between working voxels is skipped. Intensities are windowed after that: a
/// voxel that is half bone and half fat is what a coarser scanner would have measured. `f32`
/// throughout; a working grid that is not parallel to the scan (none of
/// [`working_grid`](super::working_grid)'s) is interpolated linearly, coarser or not.
///
/// NaN stays NaN in the voxels that it touches.
///
/// # Shapes
/// Returns `[z, y, x]` of `working`.
///
/// # Errors
/// An empty window, or a working grid that is none or has more than 2³⁰ voxels.
pub fn image_on(
    image: &Image,
    working: &Geometry,
    window: &Window,
) -> Result<Volume<f32>, PrepareError> {
    let [low_hu, high_hu] = window.ends_hu();
    if !(low_hu.is_finite() && high_hu.is_finite() && low_hu < high_hu) {
        return Err(PrepareError::Window { low_hu, high_hu });
    }
    working.validate()?;
    if working.len() > LARGEST_TARGET_VOXELS {
        return Err(ResampleError::TooLarge {
            shape_zyx: working.shape_zyx,
            spacing_zyx_mm: working.spacing_zyx_mm,
        }
        .into());
    }
    let (low, width) = (low_hu as f32, (high_hu - low_hu) as f32);
    let unit = |v: f32| (v.clamp(low, low + width) - low) / width;
    let Some(path) = Path::new(image.geometry(), working) else {
        let how = Resampling {
            outside: low_hu,
            ..Resampling::new(Interpolation::Linear)
        };
        let resampled = resample_image(image, working, &how)?;
        let (_, mut values) = to_f32(resampled);
        values.par_iter_mut().for_each(|v| *v = unit(*v));
        return Ok(Volume::new(working.clone(), values)?);
    };
    let stored = with_image!(image, volume => path.resample(volume.voxels(), low, unit));
    if path.turn.source_axis == [0, 1, 2] {
        return Ok(Volume::new(working.clone(), stored)?);
    }
    // In the scan's order of axes; the counts alone matter for turning it.
    let counts = path.counts();
    let in_scan_order = Volume::new(Geometry::upright(counts, [1.0; 3])?, stored)?;
    let (_, values) = path.turn.volume(&in_scan_order).into_parts();
    Ok(Volume::new(working.clone(), values)?)
}

/// Most bytes that [`image_on`] allocates, its result included.
#[must_use]
pub fn image_bytes(original: &Geometry, working: &Geometry) -> usize {
    let voxels = working.len();
    let Some(path) = Path::new(original, working) else {
        return voxels * size_of::<f32>();
    };
    let [_, rows, columns] = path.counts();
    let between = path.taps[0].reach().len() * rows * columns;
    let turned = if path.turn.source_axis == [0, 1, 2] {
        0
    } else {
        voxels
    };
    // Taps, and rows of the slices that are at work.
    let small = 1 << 20;
    (voxels + between.max(turned)) * size_of::<f32>() + small
}

fn to_f32(image: Image) -> (Geometry, Vec<f32>) {
    match image {
        Image::I16(volume) => {
            let (geometry, values) = volume.into_parts();
            (geometry, values.iter().map(|&v| f32::from(v)).collect())
        }
        Image::F32(volume) => {
            let (geometry, values) = volume.into_parts();
            (geometry, values.into_vec())
        }
        Image::F64(volume) => {
            let (geometry, values) = volume.into_parts();
            (geometry, values.iter().map(|&v| v as f32).collect())
        }
    }
}

/// A voxel as `f32`.
trait Stored: Copy + Sync {
    fn value(self) -> f32;
}

impl Stored for i16 {
    fn value(self) -> f32 {
        f32::from(self)
    }
}

impl Stored for f32 {
    fn value(self) -> f32 {
        self
    }
}

impl Stored for f64 {
    fn value(self) -> f32 {
        self as f32
    }
}

/// The way from a scan to a working grid parallel to it.
struct Path {
    shape_zyx: [usize; 3],
    /// Along each axis of the scan, as it is stored.
    taps: [Taps; 3],
    /// From the scan's order of axes to the working grid's; reverses nothing, since the taps do.
    turn: Reorientation,
}

impl Path {
    fn new(scan: &Geometry, working: &Geometry) -> Option<Self> {
        let at = |index: [f64; 3]| scan.voxel_from_world(working.world_from_voxel(index));
        let origin = at([0.0; 3]);
        let mut source_axis = [0; 3];
        let mut taken = [false; 3];
        let mut taps = [const { None }; 3];
        for target in 0..3 {
            let count = working.shape_zyx[target];
            let mut end = [0.0; 3];
            end[target] = count as f64;
            let end = at(end);
            let moved: [f64; 3] = std::array::from_fn(|axis| end[axis] - origin[axis]);
            let main = (0..3).max_by(|&a, &b| moved[a].abs().total_cmp(&moved[b].abs()))?;
            let stray = (0..3).any(|axis| axis != main && moved[axis].abs() > PARALLEL_VOXELS);
            if stray || std::mem::replace(&mut taken[main], true) {
                return None;
            }
            source_axis[target] = main;
            let step = moved[main] / count as f64;
            taps[main] = Some(Taps::new(scan.shape_zyx[main], origin[main], step, count));
        }
        let [Some(z), Some(y), Some(x)] = taps else {
            return None;
        };
        Some(Self {
            shape_zyx: scan.shape_zyx,
            taps: [z, y, x],
            turn: Reorientation {
                source_axis,
                reversed: [false; 3],
            },
        })
    }

    /// Target voxels along the scan's axes.
    fn counts(&self) -> [usize; 3] {
        self.taps.each_ref().map(Taps::len)
    }

    /// Resample: rows and columns of each slice first, then slices.
    ///
    /// # Shapes
    /// `scan`: `shape_zyx`; returns [`Self::counts`].
    fn resample<T: Stored>(
        &self,
        scan: &[T],
        outside: f32,
        finish: impl Fn(f32) -> f32 + Sync,
    ) -> Vec<f32> {
        let [_, rows, columns] = self.shape_zyx;
        let [_, to_rows, to_columns] = self.counts();
        let plane = to_rows * to_columns;
        let [along_z, along_y, along_x] = &self.taps;
        let reach = along_z.reach();
        let row_reach = along_y.reach();
        let mut between = vec![0.0f32; reach.len() * plane];
        between
            .par_chunks_mut(plane.max(1))
            .enumerate()
            .for_each_init(
                || vec![0.0f32; row_reach.len() * to_columns],
                |narrow, (slice, target)| {
                    let first = (reach.start + slice) * rows * columns;
                    for (row, line) in row_reach.clone().zip(narrow.chunks_exact_mut(to_columns)) {
                        let from = &scan[first + row * columns..first + (row + 1) * columns];
                        for (x, value) in line.iter_mut().enumerate() {
                            let (at, weights) = along_x.of(x);
                            *value =
                                sum(weights.iter().zip(&from[at..]).map(|(w, v)| w * v.value()));
                        }
                    }
                    for (y, line) in target.chunks_exact_mut(to_columns).enumerate() {
                        let (at, weights) = along_y.of(y);
                        for (row, &weight) in weights.iter().enumerate() {
                            let row = at - row_reach.start + row;
                            let from = &narrow[row * to_columns..(row + 1) * to_columns];
                            accumulate(line, from, weight, row + row_reach.start == at);
                        }
                    }
                },
            );
        let mut result = vec![0.0f32; along_z.len() * plane];
        result
            .par_chunks_mut(plane.max(1))
            .enumerate()
            .for_each(|(z, target)| {
                let (at, weights) = along_z.of(z);
                for (slice, &weight) in weights.iter().enumerate() {
                    let first = (at - reach.start + slice) * plane;
                    accumulate(target, &between[first..first + plane], weight, slice == 0);
                }
                for (y, line) in target.chunks_exact_mut(to_columns).enumerate() {
                    let outside_here = weights.is_empty() || along_y.of(y).1.is_empty();
                    for (x, value) in line.iter_mut().enumerate() {
                        if outside_here || along_x.of(x).1.is_empty() {
                            *value = outside;
                        }
                        *value = finish(*value);
                    }
                }
            });
        result
    }
}

/// In order, so that every machine adds the same way.
#[inline(always)]
fn sum(values: impl Iterator<Item = f32>) -> f32 {
    values.fold(0.0, |sum, v| sum + v)
}

/// `target (+)= weight · from`.
#[inline(always)]
fn accumulate(target: &mut [f32], from: &[f32], weight: f32, first: bool) {
    if first {
        for (target, &from) in target.iter_mut().zip(from) {
            *target = weight * from;
        }
    } else {
        for (target, &from) in target.iter_mut().zip(from) {
            *target += weight * from;
        }
    }
}
