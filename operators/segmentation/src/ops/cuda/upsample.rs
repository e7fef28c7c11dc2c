//! Resizing by two taps along each axis.

use candle_core::{
    CudaDevice, CudaStorage, Layout, Result, Shape, Tensor, cuda_backend::cudarc::driver::CudaSlice,
};

use super::{
    f32_view,
    launch::{int, launch, threads},
    on_gpu, stored,
    sums::scratch,
    tensor,
};
use crate::kernels::upsample::Resize;

/// The tables of a resizing on a device.
struct Tables {
    /// Input, then output, `z, y, x`.
    shape: CudaSlice<i32>,
    /// Low input indices of all three axes, then the high ones.
    indices: CudaSlice<i32>,
    /// Two weights an output index.
    weights: CudaSlice<f32>,
}

impl Tables {
    fn new(device: &CudaDevice, resize: &Resize) -> Result<Self> {
        let shape: Result<Vec<i32>> = resize.extents().into_iter().flatten().map(int).collect();
        let taps: Vec<([usize; 2], [f32; 2])> = resize.taps().collect();
        let index = |tap: usize| taps.iter().map(move |(indices, _)| int(indices[tap]));
        let indices: Result<Vec<i32>> = index(0).chain(index(1)).collect();
        let weights: Vec<f32> = taps.iter().flat_map(|(_, weights)| *weights).collect();
        Ok(Self {
            shape: device.clone_htod(&shape?)?,
            indices: device.clone_htod(&indices?)?,
            weights: device.clone_htod(&weights)?,
        })
    }
}

pub(in crate::ops) fn resize_forward(
    name: &str,
    resize: &Resize,
    shape: &Shape,
    x: &CudaStorage,
    layout: &Layout,
) -> Result<(CudaStorage, Shape)> {
    let device = &x.device;
    let x = f32_view(name, x, layout)?;
    let length = shape.elem_count();
    let mut y = scratch::<f32>(device, length)?;
    let tables = Tables::new(device, resize)?;
    let elements = length as i64;
    launch!(
        device,
        UPSAMPLE,
        "resize",
        threads(length)?,
        [
            &x,
            &tables.shape,
            &tables.indices,
            &tables.weights,
            &elements,
            &mut y
        ]
    );
    Ok(stored(y, device, shape))
}

pub(in crate::ops) fn resize_gradient(
    name: &str,
    resize: &Resize,
    x: &Tensor,
    grad_y: &Tensor,
) -> Result<Tensor> {
    let grad_y = grad_y.contiguous()?;
    let (storage, layout) = grad_y.storage_and_layout();
    let storage = on_gpu(name, &storage)?;
    let device = &storage.device;
    let g_view = f32_view(name, storage, layout)?;
    let length = x.elem_count();
    let mut grad_x = scratch::<f32>(device, length)?;
    let tables = Tables::new(device, resize)?;
    let elements = length as i64;
    launch!(
        device,
        UPSAMPLE,
        "resize_gradient",
        threads(length)?,
        [
            &g_view,
            &tables.shape,
            &tables.indices,
            &tables.weights,
            &elements,
            &mut grad_x
        ]
    );
    Ok(tensor(grad_x, device, x.shape()))
}
