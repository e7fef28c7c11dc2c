//! Patches cut out of cases and changed at random.
//!
//! Rotation, scaling and elastic deformation are composed into one map from the patch to the
//! whole case, and the case is resampled once: nothing is blurred twice, and what turns into the
//! patch is the anatomy beside it, not padding.

mod blur;
mod elastic;
mod intensity;
mod low_resolution;
mod mirror;
mod noise;
mod options;
mod resample;
mod spatial;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{
    case::TrainingCase,
    sampling::{PatchChoice, Sampler},
};
use crate::random::{Purpose, between, chance, factor, stream};
pub use blur::blur;
pub use elastic::ElasticField;
pub use intensity::{brightness, contrast, gamma};
pub use low_resolution::low_resolution;
pub use mirror::mirror;
pub use noise::noise;
pub use options::{AugmentOptions, Interpolation};
pub use resample::cut;
pub use spatial::{SpatialMap, rotation_zyx};

/// A piece of a case, as the network sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// Image values `[channel, z, y, x]`.
    pub image: Vec<f32>,
    /// Channels of the image.
    pub channels: usize,
    /// Classes `[z, y, x]`.
    pub labels: Vec<u8>,
    /// Shape.
    pub shape_zyx: [usize; 3],
}

/// The patches that were chosen for a step, augmented. The same bits whatever the number of
/// threads: each patch draws from a stream of its own.
///
/// # Shapes
/// One patch `[channels, d, h, w]` a choice, in their order.
#[must_use]
pub fn patches(
    sampler: &Sampler<'_>,
    choices: &[PatchChoice],
    epoch: usize,
    step: usize,
    options: &AugmentOptions,
) -> Vec<Patch> {
    choices
        .par_iter()
        .enumerate()
        .filter_map(|(sample, choice)| {
            let case = sampler.cases().get(choice.case)?;
            let mut rng = stream(sampler.key(epoch, step, sample), Purpose::Augmentation);
            Some(augment(
                case,
                choice.start_zyx,
                sampler.options().patch_zyx,
                options,
                &mut rng,
            ))
        })
        .collect()
}

/// One patch that starts at a voxel of a case, augmented.
///
/// # Shapes
/// `[channels, d, h, w]` with `patch_zyx` as `d, h, w`.
pub(crate) fn augment(
    case: &TrainingCase,
    start_zyx: [isize; 3],
    patch_zyx: [usize; 3],
    options: &AugmentOptions,
    rng: &mut ChaCha8Rng,
) -> Patch {
    let map = SpatialMap::draw(case.spacing_zyx_mm(), start_zyx, patch_zyx, options, rng);
    let mut patch = cut(
        case,
        &map,
        patch_zyx,
        options.interpolation,
        options.outside_value,
    );
    intensities(&mut patch, options, rng);
    for axis in 0..3 {
        if options.mirror_zyx[axis] && chance(rng, 0.5) {
            for channel in patch.image.chunks_exact_mut(patch.labels.len()) {
                mirror(channel, patch_zyx, axis);
            }
            mirror(&mut patch.labels, patch_zyx, axis);
        }
    }
    patch
}

fn intensities(patch: &mut Patch, options: &AugmentOptions, rng: &mut ChaCha8Rng) {
    let shape = patch.shape_zyx;
    let mut channels: Vec<&mut [f32]> = patch
        .image
        .chunks_exact_mut(patch.labels.len())
        .take(options.intensity_channels)
        .collect();
    if chance(rng, options.noise_probability) {
        let deviation = between(rng, options.noise_deviation);
        for channel in &mut channels {
            noise(channel, deviation, rng);
        }
    }
    if chance(rng, options.blur_probability) {
        for channel in &mut channels {
            if chance(rng, options.blur_channel_probability) {
                blur(channel, shape, between(rng, options.blur_sigma_voxels));
            }
        }
    }
    if chance(rng, options.brightness_probability) {
        for channel in &mut channels {
            brightness(channel, between(rng, options.brightness_factor));
        }
    }
    if chance(rng, options.contrast_probability) {
        for channel in &mut channels {
            contrast(channel, factor(rng, options.contrast_factor));
        }
    }
    if chance(rng, options.low_resolution_probability) {
        for channel in &mut channels {
            if chance(rng, options.low_resolution_channel_probability) {
                low_resolution(channel, shape, between(rng, options.low_resolution_scale));
            }
        }
    }
    for (probability, inverted) in [
        (options.inverted_gamma_probability, true),
        (options.gamma_probability, false),
    ] {
        if chance(rng, probability) {
            for channel in &mut channels {
                gamma(channel, factor(rng, options.gamma_range), inverted);
            }
        }
    }
}
