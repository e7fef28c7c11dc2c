//! Differentiable 3D operations on candle tensors, `[N, C, D, H, W]`.

mod activation;
mod conv;
mod conv_gradients;
mod conv_transpose;
mod loss;
mod norm;
mod pool;
mod slices;
mod upsample;

pub use activation::{gated_add, leaky_relu};
pub use conv::conv3d;
use conv_gradients::ConvGradients;
pub use conv_transpose::conv_transpose3d;
pub use loss::{dice_bce, dice_ce};
pub use norm::{instance_norm, instance_norm_leaky_relu};
pub use pool::{avg_pool3d, max_pool3d};
pub use upsample::{upsample_nearest, upsample_trilinear};
