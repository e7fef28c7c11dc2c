//! Arithmetic of the 3D operations on plain `f32` slices: no candle, no allocation that a caller could own.

pub mod conv;
pub mod conv_transpose;
pub mod simd;
