//! The operations on NVIDIA GPUs: convolutions by cuDNN, everything else by kernels of ours.
//!
//! The kernels are the CUDA sources in `kernels/`, compiled when a device first wants them. They
//! follow the arithmetic of [`crate::kernels`], and like it give the same bits on every run on
//! the same card: no sum is left to the order in which threads arrive, and cuDNN is asked only
//! for algorithms that its documentation calls deterministic.

mod conv;
mod cudnn;
mod elementwise;
mod launch;
mod loss;
mod norm;
mod pool;
mod sums;
mod upsample;

pub(super) use conv::{
    conv_forward, conv_to_bias, conv_to_input, conv_to_weight, transpose_forward,
};
pub(super) use elementwise::{gated_add, gated_add_gradient, leaky_relu, leaky_relu_gradient};
pub(super) use loss::{loss_gradient, loss_sums};
pub(super) use norm::{NormPlan, norm_forward, norm_gradients};
pub(super) use pool::{pool_forward, pool_gradient};
pub(super) use upsample::{resize_forward, resize_gradient};

use candle_core::{
    CudaDevice, CudaStorage, Layout, Result, Shape, Storage, Tensor, bail,
    cuda_backend::{
        CudaDType,
        cudarc::driver::{CudaSlice, CudaView},
    },
    op::BackpropOp,
};

/// The elements of a contiguous tensor.
fn view<'a, T: CudaDType>(
    op: &str,
    storage: &'a CudaStorage,
    layout: &Layout,
) -> Result<CudaView<'a, T>> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("{op} wants contiguous inputs: call contiguous() first")
    };
    let all = storage.as_cuda_slice::<T>()?;
    match all.try_slice(start..end) {
        Some(part) => Ok(part),
        None => bail!("{op}: a tensor that reaches beyond its memory"),
    }
}

/// As [`view`], of operations that compute in `f32` only.
fn f32_view<'a>(op: &str, storage: &'a CudaStorage, layout: &Layout) -> Result<CudaView<'a, f32>> {
    if storage.as_cuda_slice::<f32>().is_err() {
        bail!("{op} computes in f32: convert its inputs with to_dtype(DType::F32)")
    }
    view(op, storage, layout)
}

/// The storage of a tensor that should be on a GPU.
fn on_gpu<'a>(op: &str, storage: &'a Storage) -> Result<&'a CudaStorage> {
    match storage {
        Storage::Cuda(storage) => Ok(storage),
        _ => bail!("{op}: some inputs are on a GPU and some are not: move them with to_device"),
    }
}

/// What a custom operation returns.
fn stored<T: CudaDType>(
    values: CudaSlice<T>,
    device: &CudaDevice,
    shape: impl Into<Shape>,
) -> (CudaStorage, Shape) {
    (
        CudaStorage::wrap_cuda_slice(values, device.clone()),
        shape.into(),
    )
}

/// A constant tensor of these values.
fn tensor<T: CudaDType>(values: CudaSlice<T>, device: &CudaDevice, shape: &Shape) -> Tensor {
    let storage = CudaStorage::wrap_cuda_slice(values, device.clone());
    Tensor::from_storage(
        Storage::Cuda(storage),
        shape.clone(),
        BackpropOp::none(),
        false,
    )
}
