//! Images derived from an image.
//!
//! A filter reads a whole image and returns values on a [`BoundingBox`] of it, the window: the
//! part that features are computed on. It looks no farther around the window than its support
//! reaches, so a small region in a large volume costs what a small volume costs.
//!
//! The filters of PyRadiomics give its values, those of IBSI 2 (arXiv:2006.05470) the response
//! maps of that standard.

pub mod ibsi2;

mod gradient;
mod intensity_maps;
pub(crate) mod lbp2d;
pub(crate) mod lbp3d;
mod lines;
mod log;
mod outcome;
mod recursive_gaussian;

mod wavelet;

pub use ibsi2::{
    Boundary, Dimensions, Gabor, Laws, Mean, NonseparableFamily, NonseparableWavelet, Pooling,
    SampledLog, SeparableWavelet,
};

pub use gradient::gradient_magnitude;
pub use intensity_maps::{IntensityMap, IntensityScale, map_intensities};
pub use lbp2d::local_binary_pattern_2d;
pub use lbp3d::local_binary_pattern_3d;
pub use log::laplacian_of_gaussian;
pub use outcome::{Outcome, Skipped};
pub use wavelet::{FilterBank, stationary_wavelet, wavelet_names};

use std::ops::Range;

use renalflow_imaging::{Image, with_image};

use crate::{BoundingBox, ImageType, error::RadiomicsError};

/// What a filter works on.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The image, preprocessed.
    pub image: &'a Image,
    /// Where values are wanted, within the image.
    pub window: &'a BoundingBox,
    /// 1 where a value will be read, 0 elsewhere; the window in C order. Filters that work
    /// voxel by voxel may leave the rest 0.
    pub inside: &'a [u8],
    /// The array axis across which slices are taken (PyRadiomics' `force2D` and
    /// `force2Ddimension`), `None` in 3D.
    pub force_2d_across_axis: Option<usize>,
}

/// An image that a filter made.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// The first part of its columns' names, such as `wavelet-LLH`.
    pub name: String,
    /// The window in C order.
    pub values: Vec<f64>,
}

/// Derive the images of one type.
///
/// # Shapes
/// Every image returned has the source's window.
///
/// # Errors
/// A window that does not lie within the image, settings that a filter cannot work with, an
/// unknown wavelet. What the image is too small for is no error: see [`Outcome::skipped`].
pub fn derive(image_type: &ImageType, source: &Source<'_>) -> Result<Outcome, RadiomicsError> {
    source.validate()?;
    let map = |map| {
        let scale = IntensityScale::of(source.image);
        Ok(vec![map_intensities(source, map, scale)].into())
    };
    match image_type {
        ImageType::Original => Ok(vec![source.original()].into()),
        ImageType::LoG { sigmas } => Ok(laplacian_of_gaussian(source, sigmas)),
        ImageType::Wavelet {
            wavelet,
            start_level,
            levels,
        } => Ok(stationary_wavelet(source, wavelet, *start_level, *levels)?.into()),
        ImageType::Square => map(IntensityMap::Square),
        ImageType::SquareRoot => map(IntensityMap::SquareRoot),
        ImageType::Logarithm => map(IntensityMap::Logarithm),
        ImageType::Exponential => map(IntensityMap::Exponential),
        ImageType::Gradient { use_spacing } => {
            Ok(vec![gradient_magnitude(source, *use_spacing)].into())
        }
        ImageType::Lbp2d {
            radius_voxels,
            samples,
            method,
            slice_axis,
        } => Ok(vec![local_binary_pattern_2d(
            &Source {
                force_2d_across_axis: source.force_2d_across_axis.or(*slice_axis),
                ..*source
            },
            *radius_voxels,
            *samples,
            *method,
        )?]
        .into()),
        ImageType::Lbp3d {
            levels,
            radius_voxels,
            subdivisions,
        } => Ok(local_binary_pattern_3d(source, *levels, *radius_voxels, *subdivisions)?.into()),
        ImageType::Mean(_)
        | ImageType::SampledLog(_)
        | ImageType::Laws(_)
        | ImageType::Gabor(_)
        | ImageType::SeparableWavelet(_)
        | ImageType::NonseparableWavelet(_) => Ok(ibsi2::derive(image_type, source)?
            .unwrap_or_default()
            .into()),
    }
}

impl Source<'_> {
    /// Refuse a window outside the image, and a mask of another shape.
    fn validate(&self) -> Result<(), RadiomicsError> {
        let image_zyx = self.image.geometry().shape_zyx;
        let within = (0..3).all(|axis| {
            let (start, count) = (self.window.start_zyx[axis], self.window.shape_zyx[axis]);
            count > 0
                && start
                    .checked_add(count)
                    .is_some_and(|end| end <= image_zyx[axis])
        });
        if within && self.inside.len() == self.window.shape_zyx.iter().product::<usize>() {
            Ok(())
        } else {
            Err(RadiomicsError::Window {
                start_zyx: self.window.start_zyx,
                shape_zyx: self.window.shape_zyx,
                mask_voxels: self.inside.len(),
                image_zyx,
            })
        }
    }

    /// The window of the image as it is.
    fn original(&self) -> Derived {
        let mut values = Vec::with_capacity(self.inside.len());
        for zy in rows(self.window) {
            read_row(self.image, zy, columns(self.window), &mut values);
        }
        Derived {
            name: "original".to_owned(),
            values,
        }
    }
}

/// Append a part of a row of an image.
fn read_row(image: &Image, [z, y]: [usize; 2], columns: Range<usize>, values: &mut Vec<f64>) {
    fn append<T: Copy + Into<f64>>(row: &[T], values: &mut Vec<f64>) {
        values.extend(row.iter().map(|&voxel| voxel.into()));
    }
    let [_, ny, nx] = image.geometry().shape_zyx;
    let start = (z * ny + y) * nx;
    let row = start + columns.start..start + columns.end;
    with_image!(image, volume => append(&volume.voxels()[row], values));
}

/// Indices in the image of the columns of a window.
fn columns(window: &BoundingBox) -> Range<usize> {
    window.start_zyx[2]..window.start_zyx[2] + window.shape_zyx[2]
}

/// Indices (z, y) in the image of the rows of a window, in C order.
fn rows(window: &BoundingBox) -> impl Iterator<Item = [usize; 2]> {
    let [z0, y0, _] = window.start_zyx;
    let [nz, ny, _] = window.shape_zyx;
    (z0..z0 + nz).flat_map(move |z| (y0..y0 + ny).map(move |y| [z, y]))
}

/// How a local binary pattern becomes a number (scikit-image's methods).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lbp2dMethod {
    /// The pattern's bits as they are.
    Default,
    /// The smallest number among the rotations of the pattern.
    Ror,
    /// Uniform patterns by their number of ones, all others as one.
    #[default]
    Uniform,
    /// Uniform patterns apart by rotation, all others as one.
    NriUniform,
    /// The variance of the samples.
    Var,
}
