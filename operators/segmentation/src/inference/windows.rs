//! Where windows lie, what they weigh, and what they cost.

use super::{error::InferenceError, predictor::PatchPredictor, source::PatchSource};

/// How windows are laid over a volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlidingWindow {
    /// The largest step between windows as a fraction of the patch, over 0 and at most 1.
    pub step_fraction: f64,
    /// Axes along which patches are also predicted mirrored: two forwards for each axis set.
    pub mirror_zyx: [bool; 3],
    /// What lies around a volume that is smaller than the patch, in the network's units: 0 is
    /// the mean of a normalised image.
    pub padding: f32,
}

impl Default for SlidingWindow {
    /// Half a patch a step, no mirroring, padded with 0.
    fn default() -> Self {
        Self {
            step_fraction: 0.5,
            mirror_zyx: [false; 3],
            padding: 0.0,
        }
    }
}

/// The windows of one volume, and what they will cost.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowPlan {
    pub(super) how: SlidingWindow,
    pub(super) shape_zyx: [usize; 3],
    pub(super) patch_zyx: [usize; 3],
    pub(super) channels: usize,
    pub(super) classes: usize,
    pub(super) predictors: usize,
    forward_bytes: usize,
    /// First voxels of the windows along each axis; negative where the volume is padded.
    pub(super) starts_zyx: [Vec<isize>; 3],
}

impl SlidingWindow {
    /// Lay windows over a volume, for all networks of an ensemble.
    ///
    /// Along each axis there are `ceil((n - p) / (p · step_fraction)) + 1` windows, spread
    /// evenly from border to border: the rule of nnU-Net (Isensee et al., Nat Methods
    /// 2021;18:203-211). A volume smaller than the patch lies in its middle.
    ///
    /// # Errors
    /// No network, networks of different plans, another number of channels than theirs, a
    /// step out of range, padding that is no number, or a volume without a voxel.
    pub fn plan<P: PatchPredictor>(
        &self,
        source: &dyn PatchSource,
        predictors: &[P],
    ) -> Result<WindowPlan, InferenceError> {
        let first = predictors.first().ok_or(InferenceError::NoPredictor)?;
        let (channels, classes) = (first.input_channels(), first.classes());
        let patch_zyx = first.patch_zyx();
        if channels == 0 || classes == 0 || patch_zyx.contains(&0) {
            return Err(InferenceError::EmptyPredictor {
                channels,
                classes,
                patch_zyx,
            });
        }
        for (index, other) in predictors.iter().enumerate() {
            let (expected, found) = (describe(first), describe(other));
            if expected != found {
                return Err(InferenceError::Ensemble {
                    index,
                    expected,
                    found,
                });
            }
        }
        if source.channels() != channels {
            return Err(InferenceError::Channels {
                input: source.channels(),
                network: channels,
            });
        }
        if !(self.step_fraction > 0.0 && self.step_fraction <= 1.0) {
            return Err(InferenceError::Step(self.step_fraction));
        }
        if !self.padding.is_finite() {
            return Err(InferenceError::Padding(self.padding));
        }
        let shape_zyx = source.shape_zyx();
        let countable = [shape_zyx, patch_zyx].iter().all(|shape| {
            let values = shape
                .iter()
                .try_fold(classes.max(channels), |all, &n| all.checked_mul(n));
            values.is_some_and(|n| n <= isize::MAX as usize / 16)
        });
        if shape_zyx.contains(&0) || !countable {
            return Err(InferenceError::Shape(shape_zyx));
        }
        Ok(WindowPlan {
            how: *self,
            shape_zyx,
            patch_zyx,
            channels,
            classes,
            predictors: predictors.len(),
            forward_bytes: predictors
                .iter()
                .map(PatchPredictor::forward_bytes)
                .max()
                .unwrap_or(0),
            starts_zyx: std::array::from_fn(|axis| {
                starts(shape_zyx[axis], patch_zyx[axis], self.step_fraction)
            }),
        })
    }
}

fn describe(predictor: &impl PatchPredictor) -> String {
    format!(
        "{} input channels, {} classes and patches of {:?} voxels",
        predictor.input_channels(),
        predictor.classes(),
        predictor.patch_zyx()
    )
}

/// First voxels of the windows along one axis.
fn starts(voxels: usize, patch: usize, step_fraction: f64) -> Vec<isize> {
    if voxels <= patch {
        return vec![-(((patch - voxels) / 2) as isize)];
    }
    let room = (voxels - patch) as f64;
    // A step of less than a voxel would only repeat windows.
    let steps = (room / (patch as f64 * step_fraction).max(1.0)).ceil();
    (0..=steps as usize)
        .map(|i| (room / steps * i as f64).round_ties_even() as isize)
        .collect()
}

/// What voxels of a patch weigh along one axis: a Gaussian of an eighth of the patch around
/// its middle, so that a border, where the network lacks context, counts `exp(-8)`.
///
/// The importance of a voxel is the product over the three axes.
pub(super) fn importance(patch: usize) -> Vec<f32> {
    let (middle, sigma) = ((patch as f64 - 1.0) / 2.0, patch as f64 / 8.0);
    (0..patch)
        .map(|i| (-0.5 * ((i as f64 - middle) / sigma).powi(2)).exp() as f32)
        .collect()
}

impl WindowPlan {
    /// Channels of the networks' output.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of windows.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.starts_zyx.iter().map(Vec::len).product()
    }

    /// Times that each network sees each window: 1, 2, 4 or 8.
    #[must_use]
    pub fn mirrorings(&self) -> usize {
        1 << self.how.mirror_zyx.iter().filter(|&&m| m).count()
    }

    /// Forward passes that sliding will take: windows x mirrorings x networks.
    #[must_use]
    pub fn forwards(&self) -> usize {
        self.windows() * self.mirrorings() * self.predictors
    }

    /// First voxels of the windows along each axis; negative where the volume is padded.
    #[must_use]
    pub fn starts_zyx(&self) -> &[Vec<isize>; 3] {
        &self.starts_zyx
    }

    /// Slices whose probabilities are held at one time.
    pub(super) fn open_slices(&self) -> usize {
        self.patch_zyx[0].min(self.shape_zyx[0])
    }

    /// Most bytes that sliding allocates: the probabilities of the slices that a row of
    /// windows reaches (`classes x patch z x Y x X`), the patch and its predictions, and what
    /// a forward is said to take. The input volume and whatever the sink makes of the slices
    /// come on top.
    ///
    /// A CT of 512 x 512 x 600 voxels, three classes and patches of 128³: 0.43 GiB and the
    /// network. With the volume in single precision (0.59 GiB) and its labels (0.29 GiB) a
    /// network may take 2.6 GiB to stay within 4 GiB.
    #[must_use]
    pub fn peak_bytes(&self) -> usize {
        let voxels: usize = self.patch_zyx.iter().product();
        let slice = self.classes * self.shape_zyx[1] * self.shape_zyx[2];
        // Patch and prediction, and the same again: one mirrored, one averaged.
        let patch = 2 * (self.channels + self.classes) * voxels;
        // Softmax and blending keep rows and blocks of a few classes; the axes' weights.
        let small = 1 << 20;
        (self.open_slices() * slice + patch) * size_of::<f32>() + small + self.forward_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_spread_evenly_from_border_to_border() {
        // Worked by hand: 300 - 128 = 172 in steps of at most 64 are three of 57.33.
        assert_eq!(starts(300, 128, 0.5), [0, 57, 115, 172]);
        assert_eq!(starts(128, 128, 0.5), [0]);
        assert_eq!(starts(129, 128, 0.5), [0, 1]);
        assert_eq!(starts(256, 128, 1.0), [0, 128]);
        assert_eq!(starts(100, 128, 0.5), [-14]);
        assert_eq!(starts(4, 1, 0.25), [0, 1, 2, 3]);
    }

    #[test]
    fn importance_is_symmetric_and_never_zero() {
        for patch in [1, 2, 7, 64, 128] {
            let weights = importance(patch);
            assert!(weights.iter().eq(weights.iter().rev()));
            assert!(weights.iter().all(|w| (3.3e-4..=1.0).contains(w)));
        }
    }
}
