//! Every parameter of the augmentation.

use crate::training::error::{TrainingError, check};

/// How image values between voxels are found. Labels are always the nearest voxel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interpolation {
    /// Trilinear, 8 voxels.
    #[default]
    Linear,
    /// Cubic convolution with a = -1/2 (Keys, IEEE Trans Acoust 1981;29:1153), 64 voxels: about
    /// as sharp as the original, about twice the time.
    Cubic,
}

/// Every parameter of the augmentation, in the order in which it is applied.
///
/// The defaults are those of nnU-Net (Isensee et al., Nature Methods 2021;18:203, its second
/// version): probabilities are per patch, ranges are uniform. Intensities are expected about
/// mean 0 and deviation 1; for another normalisation `noise_deviation` and `outside_value` want
/// its unit. Ranges are `[low, high]`.
#[derive(Debug, Clone, PartialEq)]
pub struct AugmentOptions {
    /// Probability of a rotation.
    pub rotation_probability: f64,
    /// Largest angle about the z, the y and the x axis, either way. About the patch's centre and
    /// in millimetres, so that anatomy is not sheared on an anisotropic grid.
    pub rotation_degrees_zyx: [f64; 3],
    /// Probability of a change of size.
    pub scaling_probability: f64,
    /// How much more than the patch's extent is shown in it: above 1 the anatomy gets smaller.
    /// One factor for all axes.
    pub scaling_range: [f64; 2],
    /// Probability of an elastic deformation; nnU-Net leaves it off.
    pub elastic_probability: f64,
    /// Distance of the control points of the cubic B-spline that deforms.
    pub elastic_spacing_mm: f64,
    /// Deviation of the control points' normal shifts. A shift is cut at 0.4 of the spacing,
    /// under which the deformation cannot fold (Choi and Lee, 2000).
    pub elastic_deviation_mm: [f64; 2],
    /// Interpolation of the one resampling that does rotation, scaling and deformation.
    pub interpolation: Interpolation,
    /// Value of the image outside the case. Labels are background there.
    pub outside_value: f32,
    /// The first so many channels are intensities; the others (a map of another network) are
    /// moved with them and otherwise left alone.
    pub intensity_channels: usize,
    /// Probability of added Gaussian noise.
    pub noise_probability: f64,
    /// Its deviation, in the image's unit.
    pub noise_deviation: [f64; 2],
    /// Probability of a Gaussian blur.
    pub blur_probability: f64,
    /// Probability that a channel takes part in it.
    pub blur_channel_probability: f64,
    /// Its deviation in voxels.
    pub blur_sigma_voxels: [f64; 2],
    /// Probability of a factor on all values.
    pub brightness_probability: f64,
    /// The factor.
    pub brightness_factor: [f64; 2],
    /// Probability of a factor on the distance from the mean, within the old range of values.
    pub contrast_probability: f64,
    /// The factor; below 1 as often as above.
    pub contrast_factor: [f64; 2],
    /// Probability of a lower resolution: sampled coarser (nearest) and back (linear).
    pub low_resolution_probability: f64,
    /// Probability that a channel takes part in it.
    pub low_resolution_channel_probability: f64,
    /// Voxels kept along each axis, as a share.
    pub low_resolution_scale: [f64; 2],
    /// Probability of a gamma curve on the inverted values.
    pub inverted_gamma_probability: f64,
    /// Probability of a gamma curve.
    pub gamma_probability: f64,
    /// The exponent; below 1 as often as above. Mean and deviation are kept.
    pub gamma_range: [f64; 2],
    /// Axes that are mirrored, each with probability 1/2.
    pub mirror_zyx: [bool; 3],
}

impl Default for AugmentOptions {
    fn default() -> Self {
        Self {
            rotation_probability: 0.2,
            rotation_degrees_zyx: [30.0; 3],
            scaling_probability: 0.2,
            scaling_range: [0.7, 1.4],
            elastic_probability: 0.0,
            elastic_spacing_mm: 40.0,
            elastic_deviation_mm: [2.0, 8.0],
            interpolation: Interpolation::Linear,
            outside_value: 0.0,
            intensity_channels: 1,
            noise_probability: 0.1,
            noise_deviation: [0.0, 0.1],
            blur_probability: 0.2,
            blur_channel_probability: 0.5,
            blur_sigma_voxels: [0.5, 1.0],
            brightness_probability: 0.15,
            brightness_factor: [0.75, 1.25],
            contrast_probability: 0.15,
            contrast_factor: [0.75, 1.25],
            low_resolution_probability: 0.25,
            low_resolution_channel_probability: 0.5,
            low_resolution_scale: [0.5, 1.0],
            inverted_gamma_probability: 0.1,
            gamma_probability: 0.3,
            gamma_range: [0.7, 1.5],
            mirror_zyx: [true; 3],
        }
    }
}

impl AugmentOptions {
    /// Nothing at all: patches are copies of the case.
    #[must_use]
    pub fn none() -> Self {
        Self {
            rotation_probability: 0.0,
            scaling_probability: 0.0,
            elastic_probability: 0.0,
            noise_probability: 0.0,
            blur_probability: 0.0,
            brightness_probability: 0.0,
            contrast_probability: 0.0,
            low_resolution_probability: 0.0,
            inverted_gamma_probability: 0.0,
            gamma_probability: 0.0,
            mirror_zyx: [false; 3],
            ..Self::default()
        }
    }

    /// Check every option.
    ///
    /// # Errors
    /// The first that is out of range, with what it may be.
    pub fn validate(&self) -> Result<(), TrainingError> {
        for (option, probability) in [
            ("rotation_probability", self.rotation_probability),
            ("scaling_probability", self.scaling_probability),
            ("elastic_probability", self.elastic_probability),
            ("noise_probability", self.noise_probability),
            ("blur_probability", self.blur_probability),
            ("blur_channel_probability", self.blur_channel_probability),
            ("brightness_probability", self.brightness_probability),
            ("contrast_probability", self.contrast_probability),
            (
                "low_resolution_probability",
                self.low_resolution_probability,
            ),
            (
                "low_resolution_channel_probability",
                self.low_resolution_channel_probability,
            ),
            (
                "inverted_gamma_probability",
                self.inverted_gamma_probability,
            ),
            ("gamma_probability", self.gamma_probability),
        ] {
            check(
                (0.0..=1.0).contains(&probability),
                option,
                probability,
                "between 0 and 1",
            )?;
        }
        let ordered = |[low, high]: [f64; 2]| low.is_finite() && high.is_finite() && low <= high;
        for (option, range, least) in [
            ("scaling_range", self.scaling_range, 0.01),
            ("elastic_deviation_mm", self.elastic_deviation_mm, 0.0),
            ("noise_deviation", self.noise_deviation, 0.0),
            ("blur_sigma_voxels", self.blur_sigma_voxels, 0.0),
            ("brightness_factor", self.brightness_factor, 0.0),
            ("contrast_factor", self.contrast_factor, 0.0),
            ("gamma_range", self.gamma_range, 0.01),
        ] {
            check(
                ordered(range) && range[0] >= least && range[1] <= 1000.0,
                option,
                range,
                "[low, high], finite, low not above high, neither negative (0.01 at least for \
                 scaling and gamma) nor above 1000",
            )?;
        }
        check(
            ordered(self.low_resolution_scale)
                && self.low_resolution_scale[0] > 0.0
                && self.low_resolution_scale[1] <= 1.0,
            "low_resolution_scale",
            self.low_resolution_scale,
            "[low, high] above 0 and at most 1",
        )?;
        check(
            self.blur_sigma_voxels[1] <= 32.0,
            "blur_sigma_voxels",
            self.blur_sigma_voxels,
            "at most 32 voxels",
        )?;
        check(
            self.rotation_degrees_zyx
                .iter()
                .all(|d| (0.0..=180.0).contains(d)),
            "rotation_degrees_zyx",
            self.rotation_degrees_zyx,
            "between 0 and 180",
        )?;
        check(
            self.elastic_spacing_mm.is_finite() && self.elastic_spacing_mm > 0.0,
            "elastic_spacing_mm",
            self.elastic_spacing_mm,
            "positive and finite",
        )?;
        check(
            self.outside_value.is_finite(),
            "outside_value",
            self.outside_value,
            "finite",
        )
    }
}
