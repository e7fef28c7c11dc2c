//! Arithmetic of the 3D operations on plain `f32` slices: no candle, no allocation that a caller could own.

pub mod activation;
pub mod conv;
pub mod conv_transpose;
mod exp;
pub mod loss;
pub mod norm;
pub mod pool;
pub mod simd;
mod sums;
pub mod upsample;
