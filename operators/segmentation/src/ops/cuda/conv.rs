//! Convolutions: numbers chosen, biases added.

use candle_core::{
    CudaDevice, CudaStorage, DType, Layout, Result, Shape,
    backend::BackendStorage,
    bail,
    cuda_backend::{
        CudaDType, CudaStorageSlice as Slice,
        cudarc::{
            cudnn::{CudnnDataType, sys::cudnnMathType_t as Math},
            driver::{CudaSlice, CudaView},
        },
    },
};

use super::{
    cudnn::{Convolution, Number},
    launch::{blocks, launch, parts},
    stored,
    sums::{scratch, sum_parts, sum_parts_f32},
    view,
};
use crate::{kernels::conv::ConvShape, ops::Precision};

/// A storage and where in it a contiguous tensor lies.
type Part<'a> = (&'a CudaStorage, &'a Layout);

/// What is made of two tensors.
#[derive(Clone, Copy)]
enum Pass {
    /// Of input and weights.
    Forward,
    /// Of the gradient to the output and weights.
    ToInput,
    /// Of input and gradient to the output.
    ToWeight,
}

/// `[N, O, D', H', W']`.
pub(in crate::ops) fn conv_forward(
    shape: &ConvShape,
    precision: Precision,
    x: Part<'_>,
    weight: Part<'_>,
    bias: Option<Part<'_>>,
) -> Result<(CudaStorage, Shape)> {
    let mut y = run(Pass::Forward, shape, precision, x, weight)?;
    add_bias(&mut y, bias, shape.channels_out, shape.voxels_out())?;
    let [d, h, w] = shape.size_out;
    Ok((y, Shape::from((shape.batch, shape.channels_out, d, h, w))))
}

/// The transposed convolution that is the gradient to the input of the convolution `shape`.
pub(in crate::ops) fn transpose_forward(
    shape: &ConvShape,
    precision: Precision,
    x: Part<'_>,
    weight: Part<'_>,
    bias: Option<Part<'_>>,
) -> Result<(CudaStorage, Shape)> {
    let (mut y, all) = conv_to_input(shape, precision, x, weight)?;
    add_bias(&mut y, bias, shape.channels_in, shape.voxels_in())?;
    Ok((y, all))
}

/// `[N, I, D, H, W]`.
pub(in crate::ops) fn conv_to_input(
    shape: &ConvShape,
    precision: Precision,
    grad_y: Part<'_>,
    weight: Part<'_>,
) -> Result<(CudaStorage, Shape)> {
    let [d, h, w] = shape.size_in;
    Ok((
        run(Pass::ToInput, shape, precision, grad_y, weight)?,
        Shape::from((shape.batch, shape.channels_in, d, h, w)),
    ))
}

/// `[O, I, kD, kH, kW]`.
pub(in crate::ops) fn conv_to_weight(
    shape: &ConvShape,
    precision: Precision,
    x: Part<'_>,
    grad_y: Part<'_>,
) -> Result<(CudaStorage, Shape)> {
    let [d, h, w] = shape.kernel;
    Ok((
        run(Pass::ToWeight, shape, precision, x, grad_y)?,
        Shape::from((shape.channels_out, shape.channels_in, d, h, w)),
    ))
}

/// `[C]` of `[N, C, voxels]`.
pub(in crate::ops) fn conv_to_bias(
    grad_y: &CudaStorage,
    layout: &Layout,
) -> Result<(CudaStorage, Shape)> {
    let op = "the gradient to a bias";
    let device = &grad_y.device;
    let [samples, channels, voxels @ ..] = layout.dims() else {
        bail!("{op} wants [N, C, D, H, W], not {:?}", layout.dims())
    };
    let (samples, channels) = (*samples, *channels);
    let voxels: usize = voxels.iter().product();
    let count = parts(voxels);
    let mut partial = scratch::<f64>(device, samples * channels * count)?;
    let config = blocks(samples * channels * count)?;
    let (all_channels, all_samples) = (channels as i64, samples as i64);
    let (per_row, all_parts) = (voxels as i64, count as i64);
    match &grad_y.slice {
        Slice::F32(_) => {
            let grad_y = view::<f32>(op, grad_y, layout)?;
            launch!(
                device,
                SUMS,
                "channel_parts_f32",
                config,
                [
                    &grad_y,
                    &all_channels,
                    &all_samples,
                    &per_row,
                    &all_parts,
                    &mut partial
                ]
            );
            let sums = sum_parts_f32(device, &partial, channels, samples * count, 1)?;
            Ok(stored(sums, device, channels))
        }
        _ => {
            let grad_y = view::<f64>(op, grad_y, layout)?;
            launch!(
                device,
                SUMS,
                "channel_parts_f64",
                config,
                [
                    &grad_y,
                    &all_channels,
                    &all_samples,
                    &per_row,
                    &all_parts,
                    &mut partial
                ]
            );
            let sums = sum_parts(device, &partial, channels, samples * count, 1)?;
            Ok(stored(sums, device, channels))
        }
    }
}

/// One pass, in the numbers that the tensors and the precision ask for.
fn run(
    pass: Pass,
    shape: &ConvShape,
    precision: Precision,
    a: Part<'_>,
    b: Part<'_>,
) -> Result<CudaStorage> {
    let device = &a.0.device;
    let op = "a convolution";
    match (&a.0.slice, &b.0.slice, precision) {
        (Slice::F64(_), Slice::F64(_), _) => {
            let (a, b) = (view::<f64>(op, a.0, a.1)?, view::<f64>(op, b.0, b.1)?);
            typed::<f64, f64>(pass, device, shape, Math::CUDNN_DEFAULT_MATH, &a, &b)
        }
        (Slice::F32(_), Slice::F32(_), Precision::F32 | Precision::Tf32) => {
            // The default lets cuDNN round factors to TF32.
            let math = match precision {
                Precision::F32 => Math::CUDNN_FMA_MATH,
                _ => Math::CUDNN_DEFAULT_MATH,
            };
            let (a, b) = (view::<f32>(op, a.0, a.1)?, view::<f32>(op, b.0, b.1)?);
            typed::<f32, f32>(pass, device, shape, math, &a, &b)
        }
        (Slice::F32(_), Slice::F32(_), Precision::Bf16) => {
            let a = a.0.to_dtype(a.1, DType::BF16)?;
            let b = b.0.to_dtype(b.1, DType::BF16)?;
            let (Slice::BF16(a), Slice::BF16(b)) = (&a.slice, &b.slice) else {
                bail!("{op}: a conversion to bf16 that gave other numbers");
            };
            let math = Math::CUDNN_TENSOR_OP_MATH;
            let narrow = typed::<_, f32>(pass, device, shape, math, &a.as_view(), &b.as_view())?;
            narrow.to_dtype(&Layout::contiguous(result(pass, shape)), DType::F32)
        }
        _ => bail!(
            "{op} takes two tensors of f32 or two of f64, not {:?} and {:?}: convert with to_dtype",
            a.0.dtype(),
            b.0.dtype()
        ),
    }
}

/// Elements that a pass gives.
fn result(pass: Pass, shape: &ConvShape) -> usize {
    match pass {
        Pass::Forward => shape.len_out(),
        Pass::ToInput => shape.len_in(),
        Pass::ToWeight => shape.len_weight(),
    }
}

fn typed<T: Number, C: CudnnDataType>(
    pass: Pass,
    device: &CudaDevice,
    shape: &ConvShape,
    math: Math,
    a: &CudaView<'_, T>,
    b: &CudaView<'_, T>,
) -> Result<CudaStorage> {
    let (len_a, len_b) = match pass {
        Pass::Forward => (shape.len_in(), shape.len_weight()),
        Pass::ToInput => (shape.len_out(), shape.len_weight()),
        Pass::ToWeight => (shape.len_in(), shape.len_out()),
    };
    // What follows is not checked by anyone else.
    if a.len() != len_a || b.len() != len_b {
        bail!(
            "a convolution of {shape:?} reads {len_a} and {len_b} elements, not {} and {}",
            a.len(),
            b.len()
        );
    }
    let convolution = Convolution::<T, C>::new(device, shape, math)?;
    let out = match pass {
        Pass::Forward => convolution.forward(a, b),
        Pass::ToInput => convolution.to_input(a, b),
        Pass::ToWeight => convolution.to_weight(a, b),
    }?;
    Ok(CudaStorage::wrap_cuda_slice(out, device.clone()))
}

/// Add one number to each channel of `y` `[N, C, voxels]`.
fn add_bias(
    y: &mut CudaStorage,
    bias: Option<Part<'_>>,
    channels: usize,
    voxels: usize,
) -> Result<()> {
    let Some((bias, layout)) = bias else {
        return Ok(());
    };
    let device = y.device.clone();
    match &mut y.slice {
        Slice::F32(y) => {
            let bias = view::<f32>("a bias", bias, layout)?;
            launch_bias("add_bias_f32", &device, y, &bias, channels, voxels)
        }
        Slice::F64(y) => {
            let bias = view::<f64>("a bias", bias, layout)?;
            launch_bias("add_bias_f64", &device, y, &bias, channels, voxels)
        }
        _ => bail!("a convolution adds biases to f32 and f64 only"),
    }
}

fn launch_bias<T: CudaDType>(
    kernel: &str,
    device: &CudaDevice,
    y: &mut CudaSlice<T>,
    bias: &CudaView<'_, T>,
    channels: usize,
    voxels: usize,
) -> Result<()> {
    if bias.len() != channels {
        bail!("a bias of {} numbers for {channels} channels", bias.len());
    }
    let count = parts(voxels);
    let config = blocks(y.len() / voxels * count)?;
    let (all_channels, per_row, all_parts) = (channels as i64, voxels as i64, count as i64);
    launch!(
        device,
        SUMS,
        kernel,
        config,
        [y, bias, &all_channels, &per_row, &all_parts]
    );
    Ok(())
}
