//! Differentiable 3D operations on candle tensors, `[N, C, D, H, W]`.
