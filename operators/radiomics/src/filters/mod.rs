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

/// How an image goes on beyond its border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Boundary {
    /// With zeros.
    Zero,
    /// With the nearest voxel's value.
    Nearest,
    /// From the other end.
    Periodic,
    /// Mirrored at the border, the border voxel twice.
    #[default]
    Mirror,
}

/// Whether a filter runs within slices or in the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimensions {
    /// Within axial slices.
    Two,
    /// In the volume.
    Three,
}

/// How the responses to a rotated filter become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Their average.
    Average,
    /// The largest.
    Maximum,
}

/// IBSI 2: mean in a cube (or square).
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// Edge of the cube, in voxels; odd.
    pub support_voxels: usize,
    /// Squares in slices or cubes.
    pub dimensions: Dimensions,
    /// How the image goes on beyond its border.
    pub boundary: Boundary,
}

/// IBSI 2: Laplacian of Gaussian with a sampled, truncated kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct SampledLog {
    /// Standard deviation of the Gaussian.
    pub sigma_mm: f64,
    /// Standard deviations after which the kernel ends.
    pub truncate: f64,
    /// In slices or in the volume.
    pub dimensions: Dimensions,
    /// How the image goes on beyond its border.
    pub boundary: Boundary,
}

/// IBSI 2: Laws kernels, and their energy.
#[derive(Debug, Clone, PartialEq)]
pub struct Laws {
    /// Names of the 1D kernels by axis (x, y, z), such as `L5E5S5`; two for slices.
    pub kernels: String,
    /// Pool the responses to all right-angle rotations.
    pub rotation_invariance: Option<Pooling>,
    /// Replace the response by the mean of its magnitude within this distance (infinity norm).
    pub energy_distance_voxels: Option<usize>,
    /// How the image goes on beyond its border.
    pub boundary: Boundary,
}

/// IBSI 2: modulus of the response to a 2D Gabor filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Gabor {
    /// Standard deviation of the Gaussian envelope.
    pub sigma_mm: f64,
    /// Wavelength.
    pub lambda_mm: f64,
    /// Aspect ratio of the envelope.
    pub gamma: f64,
    /// Orientation, in radians.
    pub theta_rad: f64,
    /// Average the responses to all orientations that are this far apart, in radians.
    pub theta_step_rad: Option<f64>,
    /// Average the responses in the three orthogonal planes, instead of axial slices only.
    pub orthogonal_planes: bool,
    /// How the image goes on beyond its border.
    pub boundary: Boundary,
}

/// IBSI 2: a sub-band of a separable wavelet, undecimated.
#[derive(Debug, Clone, PartialEq)]
pub struct SeparableWavelet {
    /// A name of PyWavelets' discrete wavelets.
    pub wavelet: String,
    /// Level of the decomposition, from 1.
    pub level: usize,
    /// Filters by axis (x, y, z): `L` and `H`, three of them, or two for slices.
    pub subband: String,
    /// Pool the responses to all right-angle rotations.
    pub rotation_invariance: Option<Pooling>,
    /// How the image goes on beyond its border.
    pub boundary: Boundary,
}

/// IBSI 2: a band of an isotropic wavelet, or its Riesz transform.
#[derive(Debug, Clone, PartialEq)]
pub struct NonseparableWavelet {
    /// Which wavelet.
    pub family: NonseparableFamily,
    /// Level of the decomposition, from 1.
    pub level: usize,
    /// In slices or in the volume.
    pub dimensions: Dimensions,
    /// How the image goes on beyond its border.
    pub boundary: Boundary,
}

/// Isotropic wavelets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonseparableFamily {
    /// Simoncelli's.
    Simoncelli,
    /// Shannon's.
    Shannon,
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
