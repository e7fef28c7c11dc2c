//! 3D transposed convolution as a differentiable operation.

use super::{
    ConvGradients, ConvOptions, Precision,
    conv::{Part, check_bias, conv3d_with, dims5},
    conv_gradients::to_bias,
};
use crate::kernels::{
    conv::{self, ConvShape},
    conv_transpose,
};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

/// The transposed 3D convolution whose kernel is its stride: every input voxel paints a block
/// of `stride` output voxels, so that the result is `stride` times larger.
///
/// # Shapes
/// `x` `[N, I, D, H, W]`, `weight` `[I, O, kD, kH, kW]` with `k = stride`, `bias` `[O]`; the
/// result is `[N, O, D * kD, H * kH, W * kW]`.
///
/// Differentiable in all three.
///
/// # Errors
/// Ranks, channels or data types that do not fit, and a kernel other than the stride.
pub fn conv_transpose3d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 3],
) -> Result<Tensor> {
    conv_transpose3d_with(x, weight, bias, stride, Precision::F32)
}

/// [`conv_transpose3d`] in numbers of choice.
///
/// # Shapes
/// As [`conv_transpose3d`].
///
/// # Errors
/// As [`conv_transpose3d`], and sizes or numbers that cuDNN has no deterministic algorithm for.
pub fn conv_transpose3d_with(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 3],
    precision: Precision,
) -> Result<Tensor> {
    let shape = ConvShape::of_transpose(dims5("input", x)?, dims5("weight", weight)?, stride)
        .map_err(candle_core::Error::wrap)?;
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let op = ConvTranspose3d { shape, precision };
    match bias {
        None => x.apply_op2(&weight, op),
        Some(bias) => {
            check_bias(bias, shape.channels_in)?;
            x.apply_op3(&weight, &bias.contiguous()?, op)
        }
    }
}

/// What [`conv_transpose3d`] hangs on the graph, with the sizes of the convolution that it is
/// the gradient of.
struct ConvTranspose3d {
    shape: ConvShape,
    precision: Precision,
}

impl ConvTranspose3d {
    fn run(
        &self,
        x: Part<'_>,
        weight: Part<'_>,
        bias: Option<Part<'_>>,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = &self.shape;
        let y = match (x.0, weight.0) {
            (CpuStorage::F32(_), CpuStorage::F32(_)) => {
                let mut y = vec![0f32; shape.len_in()];
                let bias = bias.map(|b| b.f32()).transpose()?;
                conv::backward_input(shape, x.f32()?, weight.f32()?, bias, &mut y);
                CpuStorage::F32(y)
            }
            _ => {
                let mut y = vec![0f64; shape.len_in()];
                let bias = bias.map(|b| b.f64()).transpose()?;
                conv_transpose::forward(shape, x.f64()?, weight.f64()?, bias, &mut y);
                CpuStorage::F64(y)
            }
        };
        let [d, h, w] = shape.size_in;
        Ok((y, Shape::from((shape.batch, shape.channels_in, d, h, w))))
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
        let options = ConvOptions {
            stride: self.shape.stride,
            padding: [0; 3],
            precision: self.precision,
        };
        Ok((
            x.track_op()
                .then(|| conv3d_with(&gy.detach(), &weight.detach(), None, options))
                .transpose()?,
            weight
                .track_op()
                .then(|| of.to_weight(&gy, x))
                .transpose()?,
        ))
    }
}

impl CustomOp2 for ConvTranspose3d {
    fn name(&self) -> &'static str {
        "conv_transpose3d"
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
        super::cuda::transpose_forward(&self.shape, self.precision, (x, x_layout), weight, None)
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

impl CustomOp3 for ConvTranspose3d {
    fn name(&self) -> &'static str {
        "conv_transpose3d_bias"
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
        super::cuda::transpose_forward(&self.shape, self.precision, (x, x_layout), weight, bias)
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
        let gb = bias.track_op().then(|| to_bias(gy)).transpose()?;
        Ok((gx, gw, gb))
    }
}
