//! 3D convolution as a differentiable operation.

use super::{ConvGradients, Precision};
use crate::kernels::conv::ConvShape;
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};

/// The 3D convolution (cross-correlation, as in every framework) of `x` with `weight`.
///
/// # Shapes
/// `x` `[N, I, D, H, W]`, `weight` `[O, I, kD, kH, kW]`, `bias` `[O]`; the result is
/// `[N, O, D', H', W']` with `D' = (D + 2 padding - kD) / stride + 1`.
///
/// Differentiable in all three. `f32` runs on the fast kernels, `f64` on the portable one.
///
/// # Errors
/// Ranks, channels or data types that do not fit, and a kernel larger than the padded input.
pub fn conv3d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 3],
    padding: [usize; 3],
) -> Result<Tensor> {
    let options = ConvOptions {
        stride,
        padding,
        precision: Precision::F32,
    };
    conv3d_with(x, weight, bias, options)
}

/// How a convolution steps, and in which numbers a GPU computes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvOptions {
    /// Steps of the kernel, `[z, y, x]`.
    pub stride: [usize; 3],
    /// Zeros before and after each dimension, `[z, y, x]`.
    pub padding: [usize; 3],
    /// Of the products, forward and backward; on a CPU it makes no difference.
    pub precision: Precision,
}

/// [`conv3d`] in numbers of choice.
///
/// # Shapes
/// As [`conv3d`].
///
/// # Errors
/// As [`conv3d`], and sizes or numbers that cuDNN has no deterministic algorithm for.
pub fn conv3d_with(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: ConvOptions,
) -> Result<Tensor> {
    let shape = ConvShape::new(
        dims5("input", x)?,
        dims5("weight", weight)?,
        options.stride,
        options.padding,
    )
    .map_err(candle_core::Error::wrap)?;
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let op = Conv3d {
        shape,
        precision: options.precision,
    };
    match bias {
        None => x.apply_op2(&weight, op),
        Some(bias) => {
            check_bias(bias, shape.channels_out)?;
            x.apply_op3(&weight, &bias.contiguous()?, op)
        }
    }
}

/// The extents of a tensor of rank 5, or what it should have been.
pub(super) fn dims5(what: &str, tensor: &Tensor) -> Result<[usize; 5]> {
    match *tensor.dims() {
        [n, c, d, h, w] => Ok([n, c, d, h, w]),
        _ => bail!(
            "the {what} of a 3D convolution has five dimensions, not {:?}: add the missing ones with unsqueeze",
            tensor.dims()
        ),
    }
}

/// A bias has one number a channel.
pub(super) fn check_bias(bias: &Tensor, channels: usize) -> Result<()> {
    if bias.dims() != [channels] {
        bail!(
            "the bias has shape {:?}, the convolution {channels} output channels: pass a bias [{channels}]",
            bias.dims()
        );
    }
    Ok(())
}

/// What [`conv3d`] hangs on the graph.
struct Conv3d {
    shape: ConvShape,
    precision: Precision,
}

impl Conv3d {
    fn run(
        &self,
        x: Part<'_>,
        weight: Part<'_>,
        bias: Option<Part<'_>>,
    ) -> Result<(CpuStorage, Shape)> {
        use crate::kernels::conv;
        let shape = &self.shape;
        let y = match (x.0, weight.0) {
            (CpuStorage::F32(_), CpuStorage::F32(_)) => {
                let mut y = vec![0f32; shape.len_out()];
                let bias = bias.map(|b| b.f32()).transpose()?;
                conv::forward(shape, x.f32()?, weight.f32()?, bias, &mut y);
                CpuStorage::F32(y)
            }
            _ => {
                let mut y = vec![0f64; shape.len_out()];
                let bias = bias.map(|b| b.f64()).transpose()?;
                conv::portable::forward(shape, x.f64()?, weight.f64()?, bias, &mut y);
                CpuStorage::F64(y)
            }
        };
        Ok((y, output_shape(shape)))
    }

    fn gradients(
        &self,
        x: &Tensor,
        weight: &Tensor,
        gy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gy = gy.contiguous()?;
        let of = ConvGradients {
            shape: self.shape,
            precision: self.precision,
        };
        Ok((
            x.track_op().then(|| of.to_input(&gy, weight)).transpose()?,
            weight
                .track_op()
                .then(|| of.to_weight(x, &gy))
                .transpose()?,
        ))
    }
}

impl CustomOp2 for Conv3d {
    fn name(&self) -> &'static str {
        "conv3d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.run(Part(x, x_layout), Part(weight, weight_layout), None)
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        weight: &CudaStorage,
        weight_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let weight = (weight, weight_layout);
        super::cuda::conv_forward(&self.shape, self.precision, (x, x_layout), weight, None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _y: &Tensor,
        gy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.gradients(x, weight, gy)
    }
}

impl CustomOp3 for Conv3d {
    fn name(&self) -> &'static str {
        "conv3d_bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let bias = Part(bias, bias_layout);
        self.run(Part(x, x_layout), Part(weight, weight_layout), Some(bias))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        weight: &CudaStorage,
        weight_layout: &Layout,
        bias: &CudaStorage,
        bias_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (weight, bias) = ((weight, weight_layout), Some((bias, bias_layout)));
        super::cuda::conv_forward(&self.shape, self.precision, (x, x_layout), weight, bias)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        gy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (gx, gw) = self.gradients(x, weight, gy)?;
        let gb = bias
            .track_op()
            .then(|| super::conv_gradients::to_bias(gy))
            .transpose()?;
        Ok((gx, gw, gb))
    }
}

/// The shape of the output, for candle.
fn output_shape(shape: &ConvShape) -> Shape {
    let [d, h, w] = shape.size_out;
    Shape::from((shape.batch, shape.channels_out, d, h, w))
}

/// A storage and where in it a contiguous tensor lies.
#[derive(Clone, Copy)]
pub(super) struct Part<'a>(pub &'a CpuStorage, pub &'a Layout);

impl<'a> Part<'a> {
    pub(super) fn f32(self) -> Result<&'a [f32]> {
        self.slice(self.0.as_slice::<f32>()?)
    }

    pub(super) fn f64(self) -> Result<&'a [f64]> {
        self.slice(self.0.as_slice::<f64>()?)
    }

    fn slice<T>(self, all: &'a [T]) -> Result<&'a [T]> {
        match self.1.contiguous_offsets() {
            Some((start, end)) => Ok(&all[start..end]),
            None => bail!("a convolution reads contiguous tensors: call contiguous() first"),
        }
    }
}
