//! Differentiable 3D operations on candle tensors, `[N, C, D, H, W]`, on CPUs and, with the
//! feature `cuda`, on NVIDIA GPUs. The fused blocks of [`FusedForward`] are for CPUs alone.

mod activation;
mod conv;
mod conv_block;
mod conv_gradients;
mod conv_transpose;
#[cfg(feature = "cuda")]
mod cuda;
mod fused;
mod loss;
mod norm;
mod pool;
mod precision;
mod slices;
mod upsample;

pub use activation::{gated_add, leaky_relu};
pub use conv::{ConvOptions, conv3d, conv3d_with};
pub use conv_block::{ConvLayer, conv_block};
use conv_gradients::ConvGradients;
pub use conv_transpose::{conv_transpose3d, conv_transpose3d_with};
pub use fused::{Activations, FusedForward, NormActivation};
pub use loss::{dice_bce, dice_ce};
pub use norm::{instance_norm, instance_norm_leaky_relu};
pub use pool::{avg_pool3d, max_pool3d};
pub use precision::{Precision, UnknownPrecision};
pub use upsample::{upsample_nearest, upsample_trilinear};
