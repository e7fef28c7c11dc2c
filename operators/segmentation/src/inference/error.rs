//! What can go wrong between a volume and its labels.

use std::path::PathBuf;

use renalflow_imaging::GeometryError;
use thiserror::Error;

use crate::{
    network::{NetworkError, Scheme},
    prepare::PrepareError,
    weights::WeightsError,
};

/// An error of a network or of whoever takes the slices.
pub type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Why a volume was not segmented.
#[derive(Debug, Error)]
pub enum InferenceError {
    /// No network.
    #[error("there is no network to predict with: give at least one")]
    NoPredictor,
    /// A network that predicts nothing, or patches without a voxel.
    #[error(
        "a network of {channels} input channels, {classes} classes and patches of \
         {patch_zyx:?} voxels predicts nothing: each must be at least 1"
    )]
    EmptyPredictor {
        /// Its input channels.
        channels: usize,
        /// Its classes.
        classes: usize,
        /// Its patch.
        patch_zyx: [usize; 3],
    },
    /// Networks that do not belong to one ensemble.
    #[error(
        "network {index} of the ensemble has {found}, the first has {expected}: only networks \
         of one plan can be averaged"
    )]
    Ensemble {
        /// Which network, from 0.
        index: usize,
        /// What the first is like.
        expected: String,
        /// What this one is like.
        found: String,
    },
    /// A volume with another number of channels.
    #[error("the input has {input} channels, but the network was built for {network}")]
    Channels {
        /// Channels of the volume.
        input: usize,
        /// Channels of the network.
        network: usize,
    },
    /// Channels of different shapes.
    #[error(
        "channel {channel} of the input has the shape {found:?}, the first {expected:?}: \
         resample them onto one grid"
    )]
    ChannelShape {
        /// Which channel, from 0.
        channel: usize,
        /// The first one's shape.
        expected: [usize; 3],
        /// This one's shape.
        found: [usize; 3],
    },
    /// A step that never arrives or leaves gaps.
    #[error("step_fraction is {0}: it must be over 0 and at most 1 (a half is usual)")]
    Step(f64),
    /// Padding that is no number.
    #[error("padding is {0}: it must be finite (0 is the mean of a normalised image)")]
    Padding(f32),
    /// A volume without a voxel, or one too large to count.
    #[error("a volume of {0:?} voxels cannot be segmented: every axis needs at least one voxel")]
    Shape([usize; 3]),
    /// A plan that was made for something else.
    #[error("the plan was made for {planned}, but this is {given}: make the plan anew")]
    OtherPlan {
        /// What was planned.
        planned: String,
        /// What came.
        given: String,
    },
    /// NaN or infinity in the volume.
    #[error(
        "channel {channel} of the input is NaN or infinite at [z, y, x] = {voxel_zyx:?}: one such \
         voxel spoils every prediction that sees it; replace it (clip does for infinities)"
    )]
    InputNotFinite {
        /// Which channel.
        channel: usize,
        /// The first such voxel that was met.
        voxel_zyx: [usize; 3],
    },
    /// NaN or infinity from a network.
    #[error(
        "network {index} of the ensemble predicts NaN or infinity in the window at \
         [z, y, x] = {start_zyx:?}: its weights are damaged or its training diverged"
    )]
    OutputNotFinite {
        /// Which network, from 0.
        index: usize,
        /// First voxel of the window.
        start_zyx: [isize; 3],
    },
    /// A network that failed.
    #[error("network {index} of the ensemble failed in the window at [z, y, x] = {start_zyx:?}")]
    Predict {
        /// Which network, from 0.
        index: usize,
        /// First voxel of the window.
        start_zyx: [isize; 3],
        /// Its own error.
        source: BoxedError,
    },
    /// Whoever took the slices failed.
    #[error("slice {z} of the prediction could not be taken")]
    Sink {
        /// Which slice.
        z: usize,
        /// Its own error.
        source: BoxedError,
    },
    /// A slice out of turn or of another size.
    #[error("expected slice {expected_z} of {expected_len} values, got slice {z} of {len}")]
    Slice {
        /// The slice that was due.
        expected_z: usize,
        /// Its values.
        expected_len: usize,
        /// The slice that came.
        z: usize,
        /// Its values.
        len: usize,
    },
    /// Slices are missing.
    #[error("only {got} of {expected} slices were predicted")]
    Unfinished {
        /// Slices that came.
        got: usize,
        /// Slices of the volume.
        expected: usize,
    },
    /// Labels for another number of classes.
    #[error("{labels} labels were given for {classes} classes: give one for each")]
    Labels {
        /// Labels of the decision.
        labels: usize,
        /// Classes of the network.
        classes: usize,
    },
    /// A grid that is none.
    #[error("the grid cannot be used: {0}")]
    Grid(#[from] GeometryError),
    /// A scan that cannot be shown to the network.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Weights that cannot be read or do not fit together.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A network that cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A domain that the scheme has no way for.
    #[error(
        "{} was trained by {scheme}, which has no way for {domain} images: take the primary \
         domain, or weights of another scheme",
        path.display()
    )]
    Domain {
        /// The file.
        path: PathBuf,
        /// Its scheme.
        scheme: Scheme,
        /// The domain.
        domain: &'static str,
    },
}
