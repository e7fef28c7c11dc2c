//! What a filter returns.

use std::fmt;

use super::Derived;

/// The images that a filter made, in the order of the columns, and those that it did not make.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// The images.
    pub derived: Vec<Derived>,
    /// What was asked for and passed over, for a warning to the user.
    pub skipped: Vec<Skipped>,
}

impl From<Vec<Derived>> for Outcome {
    fn from(derived: Vec<Derived>) -> Self {
        Self {
            derived,
            skipped: Vec::new(),
        }
    }
}

/// Why an image was not made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Skipped {
    /// The recursive filters of the Laplacian of Gaussian need four voxels along each axis.
    ImageBelowFourVoxels {
        /// Shape of the image.
        shape_zyx: [usize; 3],
    },
    /// The image is not larger than the standard deviation of the Gaussian.
    ImageBelowSigma {
        /// The standard deviation.
        sigma_mm: f64,
        /// Shape of the image.
        shape_zyx: [usize; 3],
        /// Distance between its voxels.
        spacing_zyx_mm: [f64; 3],
    },
    /// A standard deviation that is no positive, finite number.
    SigmaNotPositive {
        /// The standard deviation.
        sigma_mm: f64,
    },
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ImageBelowFourVoxels { shape_zyx } => write!(
                f,
                "no Laplacian of Gaussian: the image has {shape_zyx:?} voxels (z, y, x) and the \
                 filter needs 4 along each axis; keep more of the image around the region"
            ),
            Self::ImageBelowSigma {
                sigma_mm,
                shape_zyx,
                spacing_zyx_mm,
            } => write!(
                f,
                "no Laplacian of Gaussian of sigma {sigma_mm} mm: the image has {shape_zyx:?} \
                 voxels (z, y, x) of {spacing_zyx_mm:?} mm, and along each axis it must have 1 \
                 more than sigma in voxels, rounded up; keep more of the image around the \
                 region, or lower sigma"
            ),
            Self::SigmaNotPositive { sigma_mm } => write!(
                f,
                "no Laplacian of Gaussian of sigma {sigma_mm} mm: it must be a positive, finite \
                 number"
            ),
        }
    }
}
