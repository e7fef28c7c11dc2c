//! Instance normalisation with the leaky rectifier after it.

use candle_core::{
    CudaDevice, CudaStorage, Layout, Result, Shape, Tensor,
    cuda_backend::cudarc::driver::{CudaSlice, CudaView},
};

use super::{
    f32_view,
    launch::{blocks, launch, parts, threads},
    on_gpu, stored,
    sums::{scratch, sum_parts},
    tensor,
};

/// What a normalisation is.
#[derive(Clone, Copy)]
pub(in crate::ops) struct NormPlan {
    pub(in crate::ops) name: &'static str,
    pub(in crate::ops) channels: usize,
    /// Voxels of one channel of one sample.
    pub(in crate::ops) voxels: usize,
    pub(in crate::ops) eps: f64,
    pub(in crate::ops) slope: f32,
}

impl NormPlan {
    /// Mean and inverse deviation of each channel of each sample, `[rows, 2]`.
    fn statistics(
        &self,
        device: &CudaDevice,
        x: &CudaView<'_, f32>,
        rows: usize,
    ) -> Result<CudaSlice<f32>> {
        let count = parts(self.voxels);
        let mut moments = scratch::<f64>(device, rows * count * 2)?;
        let (voxels, per_row, all) = (self.voxels as i64, count as i64, rows as i64);
        launch!(
            device,
            NORM,
            "norm_moments",
            blocks(rows * count)?,
            [x, &voxels, &per_row, &mut moments]
        );
        let mut statistics = scratch::<f32>(device, rows * 2)?;
        launch!(
            device,
            NORM,
            "norm_statistics",
            threads(rows)?,
            [
                &moments,
                &all,
                &voxels,
                &per_row,
                &self.eps,
                &mut statistics
            ]
        );
        Ok(statistics)
    }
}

/// The normalised values, and the statistics `[rows, 2]` that the gradients want.
pub(in crate::ops) fn norm_forward(
    plan: NormPlan,
    x: (&CudaStorage, &Layout),
    gamma: (&CudaStorage, &Layout),
    beta: (&CudaStorage, &Layout),
) -> Result<(CudaStorage, Shape, CudaSlice<f32>)> {
    let (device, shape) = (&x.0.device, x.1.shape());
    let x = f32_view(plan.name, x.0, x.1)?;
    let gamma = f32_view(plan.name, gamma.0, gamma.1)?;
    let beta = f32_view(plan.name, beta.0, beta.1)?;
    let rows = shape.elem_count() / plan.voxels;
    let statistics = plan.statistics(device, &x, rows)?;
    let count = parts(plan.voxels);
    let mut y = scratch::<f32>(device, shape.elem_count())?;
    let (channels, voxels, per_row) = (plan.channels as i64, plan.voxels as i64, count as i64);
    launch!(
        device,
        NORM,
        "norm_forward",
        blocks(rows * count)?,
        [
            &x,
            &statistics,
            &gamma,
            &beta,
            &channels,
            &voxels,
            &per_row,
            &plan.slope,
            &mut y
        ]
    );
    let (storage, shape) = stored(y, device, shape);
    Ok((storage, shape, statistics))
}

/// The gradients to input, scale and shift.
pub(in crate::ops) fn norm_gradients(
    plan: NormPlan,
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    grad_y: &Tensor,
    statistics: Option<&CudaSlice<f32>>,
) -> Result<(Tensor, Tensor, Tensor)> {
    let grad_y = grad_y.contiguous()?;
    let (x_storage, x_layout) = x.storage_and_layout();
    let (gamma_storage, gamma_layout) = gamma.storage_and_layout();
    let (beta_storage, beta_layout) = beta.storage_and_layout();
    let (g_storage, g_layout) = grad_y.storage_and_layout();
    let x_storage = on_gpu(plan.name, &x_storage)?;
    let device = &x_storage.device;
    let x_view = f32_view(plan.name, x_storage, x_layout)?;
    let gamma_view = f32_view(plan.name, on_gpu(plan.name, &gamma_storage)?, gamma_layout)?;
    let beta_view = f32_view(plan.name, on_gpu(plan.name, &beta_storage)?, beta_layout)?;
    let g_view = f32_view(plan.name, on_gpu(plan.name, &g_storage)?, g_layout)?;
    let rows = x.elem_count() / plan.voxels;
    let samples = rows / plan.channels;
    let computed;
    let statistics = match statistics {
        Some(kept) => kept,
        None => {
            computed = plan.statistics(device, &x_view, rows)?;
            &computed
        }
    };
    let count = parts(plan.voxels);
    let (channels, voxels, per_row) = (plan.channels as i64, plan.voxels as i64, count as i64);
    let mut partial = scratch::<f64>(device, rows * count * 2)?;
    launch!(
        device,
        NORM,
        "norm_gradient_parts",
        blocks(rows * count)?,
        [
            &x_view,
            &g_view,
            statistics,
            &gamma_view,
            &beta_view,
            &channels,
            &voxels,
            &per_row,
            &plan.slope,
            &mut partial
        ]
    );
    let sums = sum_parts(device, &partial, rows, count, 2)?;
    let mut grad_x = scratch::<f32>(device, x.elem_count())?;
    launch!(
        device,
        NORM,
        "norm_gradient_input",
        blocks(rows * count)?,
        [
            &x_view,
            &g_view,
            statistics,
            &gamma_view,
            &beta_view,
            &sums,
            &channels,
            &voxels,
            &per_row,
            &plan.slope,
            &mut grad_x
        ]
    );
    let mut grad_gamma = scratch::<f32>(device, plan.channels)?;
    let mut grad_beta = scratch::<f32>(device, plan.channels)?;
    let all = samples as i64;
    launch!(
        device,
        NORM,
        "norm_gradient_affine",
        threads(plan.channels)?,
        [&sums, &all, &channels, &mut grad_gamma, &mut grad_beta]
    );
    Ok((
        tensor(grad_x, device, x.shape()),
        tensor(grad_gamma, device, gamma.shape()),
        tensor(grad_beta, device, beta.shape()),
    ))
}
