//! The convolutional filters of the Image Biomarker Standardisation Initiative, chapter 2
//! (arXiv:2006.05470; Whybra et al., *Radiology* 2024;310:e231319).
//!
//! | filter | code | computed as |
//! |---|---|---|
//! | [`Mean`] | `S60F` | 1D convolutions |
//! | [`SampledLog`] | `L6PA` | 1D convolutions; through the Fourier domain with a Riesz order |
//! | [`Laws`] | `JTXT` | 1D convolutions |
//! | [`Gabor`] | `Q88H` | 2D convolutions through the Fourier domain |
//! | [`SeparableWavelet`] | `25BO` | 1D convolutions |
//! | [`NonseparableWavelet`] | `LODD` | products in the Fourier domain of the whole image |
//!
//! Each has a method `derive`. A filter in space reads the window and as far around it as its
//! kernel reaches; beyond the image's border the image goes on as [`Boundary`] says. All is
//! computed in double precision, in an order that does not depend on the number of threads.
//!
//! Kernels are named in the order x, y, z, as in the standard; arrays have the order z, y, x.
//! [`Dimensions::Two`] filters slices across z, or across `Source::force_2d_across_axis`, whose
//! remaining axes then take the parts of x (the later one) and y.

mod block;
mod boundary;
mod fourier;
mod gabor;
mod laws;
mod log;
mod mean;
mod nonseparable_wavelet;
mod riesz;
mod rotation;
mod separable;
mod separable_wavelet;
mod transfer;

use std::{fmt::Write as _, ops::Range};

pub use boundary::Boundary;
pub use gabor::Gabor;
pub use laws::Laws;
pub use log::SampledLog;
pub use mean::Mean;
pub use nonseparable_wavelet::{NonseparableFamily, NonseparableWavelet};
pub use separable_wavelet::SeparableWavelet;
pub use transfer::MAX_FOURIER_VOXELS;

use self::riesz::Riesz;
use super::{Derived, Source};
use crate::{ImageType, RadiomicsError};

/// The farthest that a kernel may reach from its centre.
pub const MAX_RADIUS_VOXELS: usize = 1024;

/// Whether a filter runs within slices or in the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimensions {
    /// Within slices.
    Two,
    /// In the volume.
    Three,
}

/// How the responses to a rotated filter become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// Their average.
    Average,
    /// The largest.
    Maximum,
}

/// Derive the images of a type that is one of these filters; `None` for the other types.
///
/// # Shapes
/// Each image is `source.window` in C order.
///
/// # Errors
/// A parameter that cannot be used; NaN or infinity where the filter reads; a Fourier domain
/// beyond [`MAX_FOURIER_VOXELS`].
pub fn derive(
    image_type: &ImageType,
    source: &Source<'_>,
) -> Result<Option<Vec<Derived>>, RadiomicsError> {
    match image_type {
        ImageType::Mean(filter) => filter.derive(source),
        ImageType::SampledLog(filter) => filter.derive(source),
        ImageType::Laws(filter) => filter.derive(source),
        ImageType::Gabor(filter) => filter.derive(source),
        ImageType::SeparableWavelet(filter) => filter.derive(source),
        ImageType::NonseparableWavelet(filter) => filter.derive(source),
        _ => return Ok(None),
    }
    .map(|derived| Some(vec![derived]))
}

/// Check what of these filters does not depend on the image; the other types pass.
///
/// # Errors
/// [`RadiomicsError::Setting`], by the name of the field.
pub(crate) fn check(image_type: &ImageType) -> Result<(), RadiomicsError> {
    let riesz = |order_xyz: Option<[u32; 3]>, dimensions| match (order_xyz, dimensions) {
        (None, _) => Ok(()),
        (Some(order_xyz), Dimensions::Two) => Riesz::new(order_xyz, &[2, 1]).map(drop),
        (Some(order_xyz), Dimensions::Three) => Riesz::new(order_xyz, &[2, 1, 0]).map(drop),
    };
    match image_type {
        ImageType::Mean(filter) => filter.check(),
        ImageType::SampledLog(filter) => riesz(filter.riesz_order_xyz, filter.dimensions),
        ImageType::Laws(filter) => filter.parse().map(drop),
        ImageType::Gabor(filter) => filter.orientations().map(drop),
        ImageType::SeparableWavelet(filter) => filter.chains().map(drop),
        ImageType::NonseparableWavelet(filter) => riesz(filter.riesz_order_xyz, filter.dimensions),
        _ => Ok(()),
    }
}

/// The name of the image that one of these filters derives; `None` for the other types.
#[must_use]
pub fn name(image_type: &ImageType) -> Option<String> {
    match image_type {
        ImageType::Mean(filter) => Some(filter.name()),
        ImageType::SampledLog(filter) => Some(filter.name()),
        ImageType::Laws(filter) => Some(filter.name()),
        ImageType::Gabor(filter) => Some(filter.name()),
        ImageType::SeparableWavelet(filter) => Some(filter.name()),
        ImageType::NonseparableWavelet(filter) => Some(filter.name()),
        _ => None,
    }
}

/// The array axes that a filter runs along, in the standard's order: x, y, z.
fn filtered_axes(dimensions: Dimensions, source: &Source<'_>) -> Vec<usize> {
    match dimensions {
        Dimensions::Three => vec![2, 1, 0],
        Dimensions::Two => (0..3).rev().filter(|&a| a != slice_axis(source)).collect(),
    }
}

/// The array axis across which slices are taken.
fn slice_axis(source: &Source<'_>) -> usize {
    source.force_2d_across_axis.unwrap_or(0)
}

/// The window as index ranges of the image, checked to lie within it.
fn window_of(source: &Source<'_>) -> Result<[Range<usize>; 3], RadiomicsError> {
    let window = source.window;
    let shape_zyx = source.image.geometry().shape_zyx;
    let within = (0..3).all(|axis| {
        window.start_zyx[axis]
            .checked_add(window.shape_zyx[axis])
            .is_some_and(|end| end <= shape_zyx[axis])
    });
    if !within || window.shape_zyx.contains(&0) {
        return Err(refused(
            "window",
            format!("{:?} from {:?}", window.shape_zyx, window.start_zyx),
            "it must lie within the image and hold a voxel",
        ));
    }
    if source.force_2d_across_axis.is_some_and(|axis| axis > 2) {
        return Err(refused(
            "force_2d_across_axis",
            format!("{:?}", source.force_2d_across_axis),
            "it must be 0 (z), 1 (y) or 2 (x)",
        ));
    }
    Ok(std::array::from_fn(|axis| {
        let start = window.start_zyx[axis];
        start..start + window.shape_zyx[axis]
    }))
}

fn refused(name: &'static str, value: impl ToString, rule: &'static str) -> RadiomicsError {
    RadiomicsError::Setting {
        name,
        value: value.to_string(),
        rule,
    }
}

/// Refuse a length or a factor that is not positive and finite.
fn check_positive(name: &'static str, value: f64) -> Result<(), RadiomicsError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(refused(name, value, "it must be a positive, finite number"))
}

/// A number of voxels that a kernel may reach, rounded already.
fn checked_radius(name: &'static str, voxels: f64) -> Result<usize, RadiomicsError> {
    if voxels <= MAX_RADIUS_VOXELS as f64 {
        return Ok(voxels as usize);
    }
    Err(refused(
        name,
        format!("{voxels} voxels from the kernel's centre to its border"),
        "it must be at most 1024 voxels: use a smaller filter or larger voxels",
    ))
}

/// The name of a derived image, put together from its filter's parameters.
struct Name(String);

impl Name {
    fn of(filter: &str) -> Self {
        Self(filter.to_owned())
    }

    fn word(mut self, word: impl AsRef<str>) -> Self {
        self.0.push('-');
        self.0.push_str(word.as_ref());
        self
    }

    /// A number as PyRadiomics writes it in names: `1.5` as `1-5`.
    fn number(self, name: &str, value: f64) -> Self {
        self.word(name).word(format!("{value:?}").replace('.', "-"))
    }

    fn dimensions(self, dimensions: Dimensions) -> Self {
        self.word(match dimensions {
            Dimensions::Two => "2D",
            Dimensions::Three => "3D",
        })
    }

    fn rotations(self, pooling: Option<Pooling>) -> Self {
        match pooling {
            None => self,
            Some(Pooling::Average) => self.word("rot-mean"),
            Some(Pooling::Maximum) => self.word("rot-max"),
        }
    }

    fn riesz(self, order_xyz: Option<[u32; 3]>) -> Self {
        let Some(order) = order_xyz else {
            return self;
        };
        let mut name = self.word("riesz");
        for l in order {
            // Writing to a string cannot fail.
            let _ = write!(name.0, "-{l}");
        }
        name
    }

    /// Only where it is not the default.
    fn boundary(self, boundary: Boundary) -> Self {
        match boundary {
            Boundary::Mirror => self,
            Boundary::Zero => self.word("zero"),
            Boundary::Nearest => self.word("nearest"),
            Boundary::Periodic => self.word("periodic"),
        }
    }
}
