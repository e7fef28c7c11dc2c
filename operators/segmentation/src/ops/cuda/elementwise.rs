//! The leaky rectifier and the gated sum.

use candle_core::{CudaStorage, Layout, Result, Shape, Tensor};

use super::{
    f32_view,
    launch::{launch, threads},
    on_gpu, stored,
    sums::{dot, scratch},
    tensor,
};

pub(in crate::ops) fn leaky_relu(
    x: &CudaStorage,
    layout: &Layout,
    slope: f32,
) -> Result<(CudaStorage, Shape)> {
    let device = &x.device;
    let x = f32_view("leaky_relu", x, layout)?;
    let length = layout.shape().elem_count();
    let mut y = scratch::<f32>(device, length)?;
    let elements = length as i64;
    let config = threads(length)?;
    launch!(
        device,
        ELEMENTWISE,
        "leaky_relu",
        config,
        [&x, &elements, &slope, &mut y]
    );
    Ok(stored(y, device, layout.shape()))
}

pub(in crate::ops) fn leaky_relu_gradient(
    x: &Tensor,
    grad_y: &Tensor,
    slope: f32,
) -> Result<Tensor> {
    let op = "leaky_relu";
    let grad_y = grad_y.contiguous()?;
    let (x_storage, x_layout) = x.storage_and_layout();
    let (g_storage, g_layout) = grad_y.storage_and_layout();
    let x_storage = on_gpu(op, &x_storage)?;
    let device = &x_storage.device;
    let x_view = f32_view(op, x_storage, x_layout)?;
    let g_view = f32_view(op, on_gpu(op, &g_storage)?, g_layout)?;
    let length = x.elem_count();
    let mut out = scratch::<f32>(device, length)?;
    let elements = length as i64;
    launch!(
        device,
        ELEMENTWISE,
        "leaky_relu_gradient",
        threads(length)?,
        [&x_view, &g_view, &elements, &slope, &mut out]
    );
    Ok(tensor(out, device, x.shape()))
}

pub(in crate::ops) fn gated_add(
    x: (&CudaStorage, &Layout),
    a: (&CudaStorage, &Layout),
    gate: (&CudaStorage, &Layout),
) -> Result<(CudaStorage, Shape)> {
    let op = "gated_add";
    let (device, shape) = (&x.0.device, x.1.shape());
    let x = f32_view(op, x.0, x.1)?;
    let a = f32_view(op, a.0, a.1)?;
    let gate = f32_view(op, gate.0, gate.1)?;
    let length = shape.elem_count();
    let mut y = scratch::<f32>(device, length)?;
    let elements = length as i64;
    let config = threads(length)?;
    launch!(
        device,
        ELEMENTWISE,
        "gated_add",
        config,
        [&x, &a, &gate, &elements, &mut y]
    );
    Ok(stored(y, device, shape))
}

/// The gradients to what is added and to the gate.
pub(in crate::ops) fn gated_add_gradient(
    a: &Tensor,
    gate: &Tensor,
    grad_y: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let op = "gated_add";
    let grad_y = grad_y.contiguous()?;
    let (a_storage, a_layout) = a.storage_and_layout();
    let (gate_storage, gate_layout) = gate.storage_and_layout();
    let (g_storage, g_layout) = grad_y.storage_and_layout();
    let a_storage = on_gpu(op, &a_storage)?;
    let device = &a_storage.device;
    let a_view = f32_view(op, a_storage, a_layout)?;
    let gate_view = f32_view(op, on_gpu(op, &gate_storage)?, gate_layout)?;
    let g_view = f32_view(op, on_gpu(op, &g_storage)?, g_layout)?;
    let length = a.elem_count();
    let mut grad_a = scratch::<f32>(device, length)?;
    let elements = length as i64;
    launch!(
        device,
        ELEMENTWISE,
        "scale_by",
        threads(length)?,
        [&g_view, &gate_view, &elements, &mut grad_a]
    );
    let grad_gate = dot(device, &g_view, &a_view, length)?;
    Ok((
        tensor(grad_a, device, a.shape()),
        tensor(grad_gate, device, gate.shape()),
    ))
}
