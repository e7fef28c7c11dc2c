//! 3D convolution: `y[n,o,d] = bias[o] + sum over i, k of w[o,i,k] * x[n,i, d * stride + k - padding]`,
//! where `d`, `k` are positions in three dimensions and `x` is zero outside its box.
//!
//! Arrays are `[N, C, D, H, W]`, weights `[O, I, kD, kH, kW]`, contiguous. Every function here
//! gives the same bits whatever the number of threads: the work is cut by the shape alone, and
//! partial sums are added in the order of the pieces.

mod direct;
mod fast;
pub mod portable;
mod source;
mod tile;
mod winograd;

pub use fast::{
    PackedConv, backward_input, backward_weight, backward_weight_of, forward, transpose,
};
pub use source::{Affine, Moments, Source};

use thiserror::Error;

/// Why shapes do not make a convolution.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConvShapeError {
    /// The weights expect another number of input channels.
    #[error(
        "the input has {input} channels and the weights expect {weight}: pass weights [O, {input}, kD, kH, kW]"
    )]
    Channels {
        /// Channels of the input.
        input: usize,
        /// Channels that the weights read.
        weight: usize,
    },
    /// A kernel extent or stride is zero.
    #[error("kernel {kernel:?} and stride {stride:?} must be at least 1 in each dimension")]
    Zero {
        /// Extents of the kernel.
        kernel: [usize; 3],
        /// Steps of the kernel.
        stride: [usize; 3],
    },
    /// The kernel is larger than the padded input.
    #[error(
        "the kernel {kernel:?} is larger than the input {size:?} with padding {padding:?}: pad more, or give a larger patch"
    )]
    KernelTooLarge {
        /// Extents of the kernel.
        kernel: [usize; 3],
        /// Extents of the input, `[D, H, W]`.
        size: [usize; 3],
        /// Zeros before and after each dimension.
        padding: [usize; 3],
    },
    /// A kernel and stride that the transposed convolution does not do.
    #[error(
        "a transposed convolution here has kernel = stride (each input voxel paints its own block), not kernel {kernel:?} with stride {stride:?}"
    )]
    OverlappingTranspose {
        /// Extents of the kernel.
        kernel: [usize; 3],
        /// Steps of the kernel.
        stride: [usize; 3],
    },
}

/// The sizes of one convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Samples, N.
    pub batch: usize,
    /// Input channels, I.
    pub channels_in: usize,
    /// Output channels, O.
    pub channels_out: usize,
    /// Input extents, `[D, H, W]`.
    pub size_in: [usize; 3],
    /// Output extents, `[D, H, W]`.
    pub size_out: [usize; 3],
    /// Kernel extents.
    pub kernel: [usize; 3],
    /// Steps of the kernel, in input voxels.
    pub stride: [usize; 3],
    /// Zeros before and after each dimension.
    pub padding: [usize; 3],
}

impl ConvShape {
    /// The sizes of the convolution of `x` with `weight`.
    ///
    /// # Shapes
    /// `x` `[N, I, D, H, W]`, `weight` `[O, I, kD, kH, kW]`.
    ///
    /// # Errors
    /// Channels that differ, zero extents, a kernel larger than the padded input.
    pub fn new(
        x: [usize; 5],
        weight: [usize; 5],
        stride: [usize; 3],
        padding: [usize; 3],
    ) -> Result<Self, ConvShapeError> {
        let size_in = [x[2], x[3], x[4]];
        let kernel = [weight[2], weight[3], weight[4]];
        if x[1] != weight[1] {
            return Err(ConvShapeError::Channels {
                input: x[1],
                weight: weight[1],
            });
        }
        if kernel.contains(&0) || stride.contains(&0) {
            return Err(ConvShapeError::Zero { kernel, stride });
        }
        let mut size_out = [0; 3];
        for a in 0..3 {
            let Some(room) = (size_in[a] + 2 * padding[a]).checked_sub(kernel[a]) else {
                return Err(ConvShapeError::KernelTooLarge {
                    kernel,
                    size: size_in,
                    padding,
                });
            };
            size_out[a] = room / stride[a] + 1;
        }
        Ok(Self {
            batch: x[0],
            channels_in: x[1],
            channels_out: weight[0],
            size_in,
            size_out,
            kernel,
            stride,
            padding,
        })
    }

    /// The convolution whose gradient to its input is the transposed convolution of `x` with
    /// `weight`: its output has the shape of `x`.
    ///
    /// # Shapes
    /// `x` `[N, I, D, H, W]`, `weight` `[I, O, kD, kH, kW]`.
    ///
    /// # Errors
    /// Channels that differ, zero extents, a kernel other than the stride.
    pub fn of_transpose(
        x: [usize; 5],
        weight: [usize; 5],
        stride: [usize; 3],
    ) -> Result<Self, ConvShapeError> {
        let kernel = [weight[2], weight[3], weight[4]];
        if x[1] != weight[0] {
            return Err(ConvShapeError::Channels {
                input: x[1],
                weight: weight[0],
            });
        }
        if kernel.contains(&0) {
            return Err(ConvShapeError::Zero { kernel, stride });
        }
        if kernel != stride {
            return Err(ConvShapeError::OverlappingTranspose { kernel, stride });
        }
        let size_out = [x[2], x[3], x[4]];
        Ok(Self {
            batch: x[0],
            channels_in: weight[1],
            channels_out: weight[0],
            size_in: [0, 1, 2].map(|a| size_out[a] * stride[a]),
            size_out,
            kernel,
            stride,
            padding: [0; 3],
        })
    }

    /// Voxels of one channel of the input.
    #[must_use]
    pub fn voxels_in(&self) -> usize {
        self.size_in.iter().product()
    }

    /// Voxels of one channel of the output.
    #[must_use]
    pub fn voxels_out(&self) -> usize {
        self.size_out.iter().product()
    }

    /// Taps of the kernel for one pair of channels.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Values of the input, `[N, I, D, H, W]`.
    #[must_use]
    pub fn len_in(&self) -> usize {
        self.batch * self.channels_in * self.voxels_in()
    }

    /// Values of the output, `[N, O, D, H, W]`.
    #[must_use]
    pub fn len_out(&self) -> usize {
        self.batch * self.channels_out * self.voxels_out()
    }

    /// Values of the weights, `[O, I, kD, kH, kW]`.
    #[must_use]
    pub fn len_weight(&self) -> usize {
        self.channels_out * self.channels_in * self.taps()
    }

    /// The outputs `first..end` along axis `a` that tap `k` reads from inside the input.
    pub(crate) fn inside(&self, a: usize, k: usize) -> (usize, usize) {
        let first = self.padding[a].saturating_sub(k).div_ceil(self.stride[a]);
        let last = (self.size_in[a] + self.padding[a])
            .checked_sub(k + 1)
            .map_or(0, |room| room / self.stride[a] + 1);
        (
            first.min(self.size_out[a]),
            last.clamp(first.min(self.size_out[a]), self.size_out[a]),
        )
    }

    /// The input position that tap `k` of output `out` reads along axis `a`, if inside.
    pub(crate) fn source(&self, a: usize, out: usize, k: usize) -> Option<usize> {
        (out * self.stride[a] + k)
            .checked_sub(self.padding[a])
            .filter(|&p| p < self.size_in[a])
    }
}
