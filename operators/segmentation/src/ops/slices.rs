//! From candle's storages to plain slices and back.

use candle_core::{CpuStorage, Layout, Result, Shape, Storage, Tensor, bail};

/// The elements of a contiguous `f32` storage.
pub(super) fn f32_slice<'a>(
    op: &'static str,
    storage: &'a CpuStorage,
    layout: &Layout,
) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else {
        bail!("{op} computes in f32: convert its inputs with to_dtype(DType::F32)")
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("{op} wants contiguous inputs: call contiguous() first"),
    }
}

/// Call `f` with the elements of an `f32` tensor on the CPU.
pub(super) fn with_f32<R>(
    op: &'static str,
    tensor: &Tensor,
    f: impl FnOnce(&[f32]) -> Result<R>,
) -> Result<R> {
    // Gradients arrive broadcast where the loss was a sum.
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        bail!("{op} runs on the CPU only: move its inputs with to_device(&Device::Cpu)")
    };
    f(f32_slice(op, storage, layout)?)
}

/// What a custom operation returns.
pub(super) fn stored(values: Vec<f32>, shape: &Shape) -> Result<(CpuStorage, Shape)> {
    Ok((CpuStorage::F32(values), shape.clone()))
}

/// A constant tensor of these values.
pub(super) fn tensor(values: Vec<f32>, like: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, like.shape(), like.device())
}

/// The extents of a tensor `[N, C, D, H, W]` with at least one element.
pub(super) fn dims5(op: &'static str, x: &Tensor) -> Result<[usize; 5]> {
    match *x.dims() {
        [n, c, d, h, w] if x.elem_count() > 0 => Ok([n, c, d, h, w]),
        [_, _, _, _, _] => bail!("{op} of {:?}: there is no voxel; check the crop", x.dims()),
        _ => bail!(
            "{op} wants [N, C, D, H, W], not {:?}: add missing dimensions with unsqueeze",
            x.dims()
        ),
    }
}
