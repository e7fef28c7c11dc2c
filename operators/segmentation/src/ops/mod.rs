//! Differentiable 3D operations on candle tensors, `[N, C, D, H, W]`.

mod conv;
mod conv_gradients;
mod conv_transpose;
mod fused;

pub use conv::conv3d;
use conv_gradients::ConvGradients;
pub use conv_transpose::conv_transpose3d;
pub use fused::{Activations, FusedForward, NormActivation};
