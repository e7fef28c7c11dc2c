//! The leaky rectifier and the gated sum as differentiable operations.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor, bail};

#[cfg(feature = "cuda")]
use super::cuda;
use super::slices::{f32_slice, stored, tensor, with_f32};
use crate::kernels::activation;

/// `x` where positive, `slope x` elsewhere (Maas et al., ICML 2013).
///
/// # Shapes
/// Any; the result is as `x`.
///
/// # Errors
/// A data type other than `f32`.
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    x.contiguous()?.apply_op1(LeakyRelu {
        slope: slope as f32,
    })
}

struct LeakyRelu {
    slope: f32,
}

impl CustomOp1 for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky_relu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = f32_slice(self.name(), x, layout)?;
        let mut y = vec![0f32; x.len()];
        activation::leaky_relu(x, self.slope, &mut y);
        stored(y, layout.shape())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        cuda::leaky_relu(x, layout, self.slope)
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad_y: &Tensor) -> Result<Option<Tensor>> {
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            return cuda::leaky_relu_gradient(x, grad_y, self.slope).map(Some);
        }
        let mut grad_x = vec![0f32; x.elem_count()];
        with_f32(self.name(), x, |x| {
            with_f32(self.name(), grad_y, |grad_y| {
                activation::leaky_relu_gradient(x, grad_y, self.slope, &mut grad_x);
                Ok(())
            })
        })?;
        Ok(Some(tensor(grad_x, x)?))
    }
}

/// `x + gate a`. A gate of zero gives `x` to the bit, whatever is in `a`.
///
/// # Shapes
/// `x` and `a` alike, `gate` `[1]`; the result is as `x`.
///
/// # Errors
/// Shapes that differ, a gate of another shape, a data type other than `f32`.
pub fn gated_add(x: &Tensor, a: &Tensor, gate: &Tensor) -> Result<Tensor> {
    if x.dims() != a.dims() {
        bail!(
            "gated_add: what is added has shape {:?}, what it is added to {:?}: they must agree",
            a.dims(),
            x.dims()
        );
    }
    if gate.dims() != [1] {
        bail!(
            "gated_add: the gate has shape {:?}, must have [1]",
            gate.dims()
        );
    }
    x.contiguous()?.apply_op3(&a.contiguous()?, gate, GatedAdd)
}

struct GatedAdd;

impl CustomOp3 for GatedAdd {
    fn name(&self) -> &'static str {
        "gated_add"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        a: &CpuStorage,
        a_layout: &Layout,
        gate: &CpuStorage,
        gate_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = f32_slice(self.name(), x, x_layout)?;
        let a = f32_slice(self.name(), a, a_layout)?;
        let gate = f32_slice(self.name(), gate, gate_layout)?[0];
        let mut y = vec![0f32; x.len()];
        activation::gated_add(x, a, gate, &mut y);
        stored(y, x_layout.shape())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        a: &CudaStorage,
        a_layout: &Layout,
        gate: &CudaStorage,
        gate_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        cuda::gated_add((x, x_layout), (a, a_layout), (gate, gate_layout))
    }

    fn bwd(
        &self,
        _x: &Tensor,
        a: &Tensor,
        gate: &Tensor,
        _y: &Tensor,
        grad_y: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        #[cfg(feature = "cuda")]
        if a.device().is_cuda() {
            let (grad_a, grad_gate) = cuda::gated_add_gradient(a, gate, grad_y)?;
            return Ok((Some(grad_y.clone()), Some(grad_a), Some(grad_gate)));
        }
        let name = self.name();
        let value = with_f32(name, gate, |gate| Ok(gate[0]))?;
        let mut grad_a = vec![0f32; a.elem_count()];
        let grad_gate = with_f32(name, grad_y, |grad_y| {
            activation::scale(grad_y, value, &mut grad_a);
            with_f32(name, a, |a| Ok(activation::dot(grad_y, a)))
        })?;
        Ok((
            Some(grad_y.clone()),
            Some(tensor(grad_a, a)?),
            Some(tensor(vec![grad_gate as f32], gate)?),
        ))
    }
}
