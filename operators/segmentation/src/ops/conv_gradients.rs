//! The gradients of a 3D convolution, as operations of their own.

use super::{Precision, conv::Part};
use crate::kernels::conv::{self, ConvShape, portable};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

/// The gradients of one convolution.
pub(super) struct ConvGradients {
    /// Its sizes.
    pub shape: ConvShape,
    /// In which numbers a GPU computes them.
    pub precision: Precision,
}

impl ConvGradients {
    /// The gradient to the input, `[N, I, D, H, W]`, from that to the output.
    pub(super) fn to_input(&self, gy: &Tensor, weight: &Tensor) -> Result<Tensor> {
        gy.apply_op2_no_bwd(weight, &ToInput(self.shape, self.precision))
    }

    /// The gradient to the weights, `[O, I, kD, kH, kW]`.
    pub(super) fn to_weight(&self, x: &Tensor, gy: &Tensor) -> Result<Tensor> {
        x.apply_op2_no_bwd(gy, &ToWeight(self.shape, self.precision))
    }
}

/// The gradient to a bias, `[C]`, from that to an output `[N, C, D, H, W]`.
pub(super) fn to_bias(gy: &Tensor) -> Result<Tensor> {
    gy.contiguous()?.apply_op1_no_bwd(&ToBias)
}

#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
struct ToInput(ConvShape, Precision);

impl CustomOp2 for ToInput {
    fn name(&self) -> &'static str {
        "conv3d_gradient_to_input"
    }

    fn cpu_fwd(
        &self,
        gy: &CpuStorage,
        gy_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = &self.0;
        let (gy, weight) = (Part(gy, gy_layout), Part(weight, weight_layout));
        let gx = match gy.0 {
            CpuStorage::F32(_) => {
                let mut gx = vec![0f32; shape.len_in()];
                conv::backward_input(shape, gy.f32()?, weight.f32()?, None, &mut gx);
                CpuStorage::F32(gx)
            }
            _ => {
                let mut gx = vec![0f64; shape.len_in()];
                portable::backward_input(shape, gy.f64()?, weight.f64()?, &mut gx);
                CpuStorage::F64(gx)
            }
        };
        let [d, h, w] = shape.size_in;
        Ok((gx, Shape::from((shape.batch, shape.channels_in, d, h, w))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        gy: &CudaStorage,
        gy_layout: &Layout,
        weight: &CudaStorage,
        weight_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        super::cuda::conv_to_input(&self.0, self.1, (gy, gy_layout), (weight, weight_layout))
    }
}

#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
struct ToWeight(ConvShape, Precision);

impl CustomOp2 for ToWeight {
    fn name(&self) -> &'static str {
        "conv3d_gradient_to_weight"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gy: &CpuStorage,
        gy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = &self.0;
        let (x, gy) = (Part(x, x_layout), Part(gy, gy_layout));
        let gw = match x.0 {
            CpuStorage::F32(_) => {
                let mut gw = vec![0f32; shape.len_weight()];
                conv::backward_weight(shape, x.f32()?, gy.f32()?, &mut gw);
                CpuStorage::F32(gw)
            }
            _ => {
                let mut gw = vec![0f64; shape.len_weight()];
                portable::backward_weight(shape, x.f64()?, gy.f64()?, &mut gw);
                CpuStorage::F64(gw)
            }
        };
        let [kd, kh, kw] = shape.kernel;
        let all = (shape.channels_out, shape.channels_in, kd, kh, kw);
        Ok((gw, Shape::from(all)))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        gy: &CudaStorage,
        gy_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        super::cuda::conv_to_weight(&self.0, self.1, (x, x_layout), (gy, gy_layout))
    }
}

struct ToBias;

impl CustomOp1 for ToBias {
    fn name(&self) -> &'static str {
        "conv3d_gradient_to_bias"
    }

    fn cpu_fwd(&self, gy: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let channels = layout.dims().get(1).copied().unwrap_or(0);
        let voxels = layout.dims().iter().skip(2).product();
        let gy = Part(gy, layout);
        let gb = match gy.0 {
            CpuStorage::F32(_) => {
                let mut gb = vec![0f32; channels];
                portable::backward_bias(channels, voxels, gy.f32()?, &mut gb);
                CpuStorage::F32(gb)
            }
            _ => {
                let mut gb = vec![0f64; channels];
                portable::backward_bias(channels, voxels, gy.f64()?, &mut gb);
                CpuStorage::F64(gb)
            }
        };
        Ok((gb, Shape::from(channels)))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, gy: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        super::cuda::conv_to_bias(gy, layout)
    }
}
