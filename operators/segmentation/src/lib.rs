//! Segmentation of kidneys and tumours in 3D: network operations on candle, the networks,
//! their training, whole-volume inference and deep features.
//!
//! | module | what it holds |
//! |---|---|
//! | [`kernels`] | the arithmetic of 3D operations on plain `f32` slices, for CPUs |
//! | [`ops`] | the same as differentiable operations on candle tensors, `[N, C, D, H, W]` |
//! | [`network`] | plans, U-Net, FS-Net and its rivals |
//! | [`weights`] | checkpoints and the card that a loader enforces |
//! | [`training`] | patches, augmentation, optimisers, the loop |
//! | [`mod@bench`] | the U-Net that is timed beside PyTorch |
//! | [`prepare`] | from a scan to what a network is shown, for training and inference |
//! | [`device`] | where networks run |
//! | [`inference`] | sliding windows, coarse boxes, clean-up of predictions |
//! | [`deep_features`] | layers of a network, pooled over regions |
//!
//! Tensors are `[N, C, D, H, W]` with `W` fastest, where `D, H, W` are the `z, y, x` of a
//! volume. Nothing here but [`mod@bench`] reads a clock, nothing reads the environment, and on a CPU
//! the same inputs and seed give the same bits whatever the number of threads.

pub mod bench;
pub mod deep_features;
pub mod device;
pub mod inference;
pub mod kernels;
pub mod network;
pub mod ops;
pub mod prepare;
mod random;
pub mod training;
pub mod weights;
