//! Images derived from an image.
//!
//! A filter reads a whole image and returns values on a [`BoundingBox`] of it, the window: the
//! part that features are computed on. It looks no farther around the window than its support
//! reaches, so a small region in a large volume costs what a small volume costs.
//!
//! The filters of PyRadiomics give its values, those of IBSI 2 (arXiv:2006.05470) the response
//! maps of that standard.

use renalflow_imaging::Image;

use crate::BoundingBox;

pub mod ibsi2;

pub use ibsi2::{
    Boundary, Dimensions, Gabor, Laws, Mean, NonseparableFamily, NonseparableWavelet, Pooling,
    SampledLog, SeparableWavelet,
};

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

/// What a filter made, and what it could not make.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// The images.
    pub derived: Vec<Derived>,
    /// The images that are missing, and why.
    pub skipped: Vec<String>,
}

/// Derive the images of a type.
///
/// # Errors
/// A type that cannot be made of this image.
pub fn derive(
    image_type: &crate::ImageType,
    _source: &Source<'_>,
) -> Result<Outcome, crate::RadiomicsError> {
    Err(crate::RadiomicsError::Filter {
        image_type: format!("{image_type:?}"),
        why: "not yet".to_owned(),
    })
}

/// The name of an IBSI 2 image type.
#[must_use]
pub fn ibsi2_name(image_type: &crate::ImageType) -> String {
    format!("{image_type:?}")
}
