//! Resampling of images and label maps onto other grids.
//!
//! Values are ITK's: `ResampleImageFilter` with its nearest, linear and cubic B-spline
//! interpolators. A target voxel whose centre lies more than half a voxel beyond the source's
//! border centres is outside and gets a fixed value. Nearer ones belong to the border: linear
//! interpolation holds the border's value, the spline goes on mirrored at the border centres.
//!
//! Where the axes of source and target are parallel (in any order, either way) the work is
//! done one axis after the other; other targets are interpolated voxel by voxel.

mod axis;
mod bspline;
mod grid;
mod mapping;
mod nearest;
mod oblique;
mod real;
mod separable;
mod simd;

use thiserror::Error;

use crate::{
    geometry::{Geometry, GeometryError},
    volume::{Image, LabelMap, Volume},
};
use axis::{Axis, Samples};
use mapping::Mapping;
use nearest::Part;
use real::{Readable, Real};

pub use grid::{GridRule, pyradiomics_grid_around};

/// The largest grid that is resampled to: 2³⁰ voxels, 4 GiB in single precision, 8 GiB in
/// double. At work there is at most one further array, no larger than the larger of source
/// and target.
pub const LARGEST_TARGET_VOXELS: usize = 1 << 30;

/// How values between voxel centres are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The nearest voxel's value, halves upwards (ITK's `NearestNeighborInterpolateImageFunction`).
    Nearest,
    /// Trilinear (ITK's `LinearInterpolateImageFunction`).
    Linear,
    /// The cubic spline through all voxels (ITK's `BSplineInterpolateImageFunction`, order 3).
    CubicBSpline,
}

/// What linear and spline interpolation compute in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// `f32`. On CT the result is within 0.002 HU of [`Self::Double`].
    Single,
    /// `f64`, as ITK.
    Double,
}

/// The voxel type of an interpolated image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Output {
    /// The type that was computed in: `f32` or `f64`.
    Real,
    /// The source's type. `i16` values are cut to its range and towards zero, as ITK casts:
    /// what PyRadiomics feeds its features when an integer image is resampled unnormalised.
    AsInput,
}

/// How an image is resampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampling {
    /// How values between voxel centres are made.
    pub interpolation: Interpolation,
    /// What they are computed in; `f64` images are always computed in double.
    pub precision: Precision,
    /// The voxel type of the result. Nearest keeps the source's type in either case.
    pub output: Output,
    /// The value where the source does not reach; -1000 is air in HU. ITK's default is 0.
    pub outside: f64,
}

impl Resampling {
    /// Single precision in, single precision out, and 0 outside.
    #[must_use]
    pub fn new(interpolation: Interpolation) -> Self {
        Self {
            interpolation,
            precision: Precision::Single,
            output: Output::Real,
            outside: 0.0,
        }
    }
}

/// Why a volume was not resampled.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ResampleError {
    /// A spacing that is not a positive number.
    #[error(
        "spacing_zyx_mm {0:?} cannot be resampled to: each must be a positive, finite number of mm"
    )]
    Spacing([f64; 3]),
    /// More voxels than [`LARGEST_TARGET_VOXELS`].
    #[error(
        "the target grid {shape_zyx:?} at {spacing_zyx_mm:?} mm has more than {LARGEST_TARGET_VOXELS} \
         voxels (4 GiB in single precision): choose a coarser spacing or crop first"
    )]
    TooLarge {
        /// The grid that was asked for.
        shape_zyx: [usize; 3],
        /// Its spacing.
        spacing_zyx_mm: [f64; 3],
    },
    /// NaN or infinity in an image that a spline would spread over whole lines.
    #[error(
        "{count} voxels are NaN or infinite, the first at [z, y, x] = {first_zyx:?}: a cubic B-spline \
         would spread them over the volume; replace them (clip does for infinities) or interpolate linearly"
    )]
    NotFinite {
        /// How many.
        count: usize,
        /// The first of them.
        first_zyx: [usize; 3],
    },
    /// A target that is no grid.
    #[error("the target grid cannot be used: {0}")]
    Target(#[from] GeometryError),
}

/// Resample an image onto a grid.
///
/// Non-finite voxels: nearest and linear carry them to the target voxels that touch them;
/// the spline refuses them.
///
/// # Shapes
/// Returns an image on `target`.
///
/// # Errors
/// A target that [`Geometry::validate`] refuses or that is larger than
/// [`LARGEST_TARGET_VOXELS`]; NaN or infinity before spline interpolation.
pub fn resample_image(
    image: &Image,
    target: &Geometry,
    how: &Resampling,
) -> Result<Image, ResampleError> {
    check_target(target)?;
    if how.interpolation == Interpolation::Nearest {
        return Ok(match image {
            Image::I16(volume) => {
                // The cast saturates, so that an `outside` beyond 16 bits becomes their limit.
                Image::I16(nearest::resample(
                    Part::all_of(volume),
                    target,
                    how.outside as i16,
                ))
            }
            Image::F32(volume) => Image::F32(nearest::resample(
                Part::all_of(volume),
                target,
                how.outside as f32,
            )),
            Image::F64(volume) => {
                Image::F64(nearest::resample(Part::all_of(volume), target, how.outside))
            }
        });
    }
    match (image, how.precision) {
        (Image::I16(volume), Precision::Single) => {
            let result = interpolate::<_, f32>(volume, target, how)?;
            Ok(match how.output {
                Output::Real => Image::F32(result),
                Output::AsInput => Image::I16(result.map(|&v| v as i16)),
            })
        }
        (Image::I16(volume), Precision::Double) => {
            let result = interpolate::<_, f64>(volume, target, how)?;
            Ok(match how.output {
                Output::Real => Image::F64(result),
                Output::AsInput => Image::I16(result.map(|&v| v as i16)),
            })
        }
        (Image::F32(volume), Precision::Single) => {
            check_finite(volume, how, |v| v.is_finite())?;
            Ok(Image::F32(interpolate::<_, f32>(volume, target, how)?))
        }
        (Image::F32(volume), Precision::Double) => {
            check_finite(volume, how, |v| v.is_finite())?;
            let result = interpolate::<_, f64>(volume, target, how)?;
            Ok(match how.output {
                Output::Real => Image::F64(result),
                Output::AsInput => Image::F32(result.map(|&v| v as f32)),
            })
        }
        (Image::F64(volume), _) => {
            check_finite(volume, how, |v| v.is_finite())?;
            Ok(Image::F64(interpolate::<_, f64>(volume, target, how)?))
        }
    }
}

/// Resample a label map onto a grid: the nearest voxel's label, background outside.
///
/// # Shapes
/// Returns a label map on `target` with the source's names.
///
/// # Errors
/// A target that [`Geometry::validate`] refuses or that is larger than
/// [`LARGEST_TARGET_VOXELS`].
pub fn resample_labels(labels: &LabelMap, target: &Geometry) -> Result<LabelMap, ResampleError> {
    resample_label_part(labels, labels.geometry(), [0; 3], target)
}

/// Resample a label map of which only a part is kept, the rest being background: voxel for
/// voxel what [`resample_labels`] makes of the whole.
///
/// # Shapes
/// `part`: `[z, y, x]`, at `start_zyx` of the grid `whole`. Returns a label map on `target`
/// with the part's names.
///
/// # Errors
/// As [`resample_labels`].
pub fn resample_label_part(
    part: &LabelMap,
    whole: &Geometry,
    start_zyx: [usize; 3],
    target: &Geometry,
) -> Result<LabelMap, ResampleError> {
    check_target(target)?;
    let source = Part {
        part: &part.volume,
        whole,
        start_zyx,
    };
    Ok(LabelMap {
        volume: nearest::resample(source, target, 0),
        names: part.names.clone(),
    })
}

fn check_target(target: &Geometry) -> Result<(), ResampleError> {
    let voxels = target
        .shape_zyx
        .iter()
        .try_fold(1usize, |product, &n| product.checked_mul(n));
    if voxels.is_none_or(|n| n > LARGEST_TARGET_VOXELS) {
        return Err(ResampleError::TooLarge {
            shape_zyx: target.shape_zyx,
            spacing_zyx_mm: target.spacing_zyx_mm,
        });
    }
    Ok(target.validate()?)
}

fn check_finite<T>(
    volume: &Volume<T>,
    how: &Resampling,
    is_finite: impl Fn(&T) -> bool,
) -> Result<(), ResampleError> {
    if how.interpolation != Interpolation::CubicBSpline || volume.voxels().iter().all(&is_finite) {
        return Ok(());
    }
    let mut bad = volume
        .voxels()
        .iter()
        .enumerate()
        .filter(|(_, v)| !is_finite(v));
    let first = bad.next().map_or(0, |(at, _)| at);
    let [_, rows, columns] = volume.geometry().shape_zyx;
    Err(ResampleError::NotFinite {
        count: 1 + bad.count(),
        first_zyx: [
            first / (rows * columns),
            first / columns % rows,
            first % columns,
        ],
    })
}

fn interpolate<T: Readable, F: Real>(
    source: &Volume<T>,
    target: &Geometry,
    how: &Resampling,
) -> Result<Volume<F>, ResampleError> {
    let outside = F::from_f64(how.outside);
    let voxels = match Mapping::new(source.geometry(), target) {
        Mapping::Oblique(map) => oblique::resample(
            T::values(source.voxels()),
            source.geometry().shape_zyx,
            target.shape_zyx,
            &map,
            how.interpolation,
            outside,
        ),
        Mapping::Parallel { turn, samples } => {
            let permuted;
            let source = if turn.source_axis == [0, 1, 2] {
                source
            } else {
                permuted = turn.volume(source);
                &permuted
            };
            if samples.iter().any(|axis| axis.inside.is_empty()) {
                vec![outside; target.len()]
            } else {
                let inside = if how.interpolation == Interpolation::Linear {
                    separable::resample(
                        T::values(source.voxels()),
                        &samples.each_ref().map(Axis::linear),
                    )
                } else {
                    separable::resample(
                        T::values(source.voxels()),
                        &samples.each_ref().map(Axis::cubic),
                    )
                };
                embed(inside, &samples, target.shape_zyx, outside)
            }
        }
    };
    Ok(Volume::new(target.clone(), voxels)?)
}

/// Put what lies inside the source into the whole target.
fn embed<F: Real>(
    inside: Vec<F>,
    samples: &[Samples; 3],
    shape_zyx: [usize; 3],
    outside: F,
) -> Vec<F> {
    let [z, y, x] = samples.each_ref().map(|axis| axis.inside.clone());
    if [z.len(), y.len(), x.len()] == shape_zyx {
        return inside;
    }
    let mut target = vec![outside; shape_zyx.iter().product()];
    let rows = (z.clone()).flat_map(|at_z| y.clone().map(move |at_y| (at_z, at_y)));
    for ((at_z, at_y), row) in rows.zip(inside.chunks_exact(x.len())) {
        let first = (at_z * shape_zyx[1] + at_y) * shape_zyx[2] + x.start;
        target[first..first + row.len()].copy_from_slice(row);
    }
    target
}
