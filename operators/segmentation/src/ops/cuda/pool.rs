//! Maximum and mean over windows.

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
use crate::{kernels::pool::PoolShape, ops::pool::Kind};

/// Input, window, step and output, as `struct Pool` reads them.
fn upload(device: &CudaDevice, shape: &PoolShape) -> Result<CudaSlice<i32>> {
    let numbers = [shape.input, shape.kernel, shape.stride, shape.output];
    let numbers: Result<Vec<i32>> = numbers.into_iter().flatten().map(int).collect();
    device.clone_htod(&numbers?)
}

fn scale(shape: &PoolShape) -> f32 {
    1.0 / shape.kernel.iter().product::<usize>() as f32
}

pub(in crate::ops) fn pool_forward(
    name: &str,
    kind: Kind,
    pool: &PoolShape,
    planes: [usize; 2],
    x: &CudaStorage,
    layout: &Layout,
) -> Result<(CudaStorage, Shape)> {
    let device = &x.device;
    let x = f32_view(name, x, layout)?;
    let [depth, height, width] = pool.output;
    let shape = Shape::from((planes[0], planes[1], depth, height, width));
    let length = shape.elem_count();
    let mut y = scratch::<f32>(device, length)?;
    let sizes = upload(device, pool)?;
    let (elements, scale) = (length as i64, scale(pool));
    let config = threads(length)?;
    match kind {
        Kind::Max => {
            launch!(
                device,
                POOL,
                "max_pool",
                config,
                [&x, &sizes, &elements, &mut y]
            );
        }
        Kind::Mean => {
            launch!(
                device,
                POOL,
                "mean_pool",
                config,
                [&x, &sizes, &elements, &scale, &mut y]
            );
        }
    }
    Ok(stored(y, device, shape))
}

pub(in crate::ops) fn pool_gradient(
    name: &str,
    kind: Kind,
    pool: &PoolShape,
    x: &Tensor,
    grad_y: &Tensor,
) -> Result<Tensor> {
    let grad_y = grad_y.contiguous()?;
    let (x_storage, x_layout) = x.storage_and_layout();
    let (g_storage, g_layout) = grad_y.storage_and_layout();
    let x_storage = on_gpu(name, &x_storage)?;
    let device = &x_storage.device;
    let x_view = f32_view(name, x_storage, x_layout)?;
    let g_view = f32_view(name, on_gpu(name, &g_storage)?, g_layout)?;
    let length = x.elem_count();
    let mut grad_x = scratch::<f32>(device, length)?;
    let sizes = upload(device, pool)?;
    let (elements, scale) = (length as i64, scale(pool));
    let config = threads(length)?;
    match kind {
        Kind::Max => {
            launch!(
                device,
                POOL,
                "max_pool_gradient",
                config,
                [&x_view, &g_view, &sizes, &elements, &mut grad_x]
            );
        }
        Kind::Mean => {
            launch!(
                device,
                POOL,
                "mean_pool_gradient",
                config,
                [&g_view, &sizes, &elements, &scale, &mut grad_x]
            );
        }
    }
    Ok(tensor(grad_x, device, x.shape()))
}
