//! Sums of the parts that blocks leave.

use candle_core::{
    CudaDevice, Result,
    cuda_backend::cudarc::driver::{CudaSlice, CudaView},
};

use super::launch::{blocks, launch, parts};

/// Memory for `len` numbers, whatever is in it.
pub(super) fn scratch<T: candle_core::cuda_backend::cudarc::driver::DeviceRepr>(
    device: &CudaDevice,
    len: usize,
) -> Result<CudaSlice<T>> {
    // SAFETY: every caller hands it to a kernel that writes all of it before anyone reads.
    unsafe { device.alloc::<T>(len) }
}

/// `[rows, parts, width]` to `[rows, width]`.
pub(super) fn sum_parts(
    device: &CudaDevice,
    values: &CudaSlice<f64>,
    rows: usize,
    count: usize,
    width: usize,
) -> Result<CudaSlice<f64>> {
    let mut out = scratch::<f64>(device, rows * width)?;
    let (count, columns) = (count as i64, width as i64);
    let config = blocks(rows * width)?;
    launch!(
        device,
        SUMS,
        "sum_parts_f64",
        config,
        [values, &count, &columns, &mut out]
    );
    Ok(out)
}

/// As [`sum_parts`], rounded to `f32`.
pub(super) fn sum_parts_f32(
    device: &CudaDevice,
    values: &CudaSlice<f64>,
    rows: usize,
    count: usize,
    width: usize,
) -> Result<CudaSlice<f32>> {
    let mut out = scratch::<f32>(device, rows * width)?;
    let (count, columns) = (count as i64, width as i64);
    let config = blocks(rows * width)?;
    launch!(
        device,
        SUMS,
        "sum_parts_f32",
        config,
        [values, &count, &columns, &mut out]
    );
    Ok(out)
}

/// `sum a b`, `[1]`.
pub(super) fn dot(
    device: &CudaDevice,
    a: &CudaView<'_, f32>,
    b: &CudaView<'_, f32>,
    length: usize,
) -> Result<CudaSlice<f32>> {
    let count = parts(length);
    let mut partial = scratch::<f64>(device, count)?;
    let (elements, per_row) = (length as i64, count as i64);
    launch!(
        device,
        SUMS,
        "dot_parts",
        blocks(count)?,
        [a, b, &elements, &per_row, &mut partial]
    );
    sum_parts_f32(device, &partial, 1, count, 1)
}
