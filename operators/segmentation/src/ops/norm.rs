//! Instance normalisation as a differentiable operation.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
#[cfg(feature = "cuda")]
use candle_core::{CudaStorage, cuda_backend::cudarc::driver::CudaSlice};

#[cfg(feature = "cuda")]
use super::cuda;
use super::slices::{dims5, f32_slice, stored, tensor, with_f32};
use crate::kernels::norm::{self, Affine, Planes, Statistics};

/// `gamma (x - mean) / sqrt(variance + eps) + beta` over the voxels of each channel of each
/// sample (see [`crate::kernels::norm`]). A constant channel, or one of one voxel, becomes
/// `beta`.
///
/// # Shapes
/// `x` `[N, C, D, H, W]`, `gamma` and `beta` `[C]`; the result is as `x`.
///
/// # Errors
/// Other ranks, channel counts or data types, and an `eps` that is not positive.
pub fn instance_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<Tensor> {
    run("instance_norm", x, gamma, beta, eps, 1.0)
}

/// [`instance_norm`] and the leaky rectifier after it in one pass over the memory.
///
/// # Shapes
/// As [`instance_norm`].
///
/// # Errors
/// As [`instance_norm`].
pub fn instance_norm_leaky_relu(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    slope: f64,
) -> Result<Tensor> {
    run("instance_norm_leaky_relu", x, gamma, beta, eps, slope)
}

fn run(
    name: &'static str,
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    slope: f64,
) -> Result<Tensor> {
    let [_, channels, depth, height, width] = dims5(name, x)?;
    for (what, parameter) in [("gamma", gamma), ("beta", beta)] {
        if parameter.dims() != [channels] {
            bail!(
                "{name}: {what} has shape {:?}, the input {channels} channels: pass [{channels}]",
                parameter.dims()
            );
        }
    }
    if !(eps > 0.0 && eps.is_finite()) {
        bail!("{name}: eps is {eps}, must be positive: a constant channel would be 0/0");
    }
    let planes = Planes {
        channels,
        voxels: depth * height * width,
    };
    let op = InstanceNorm {
        name,
        planes,
        eps,
        slope: slope as f32,
        statistics: OnceLock::new(),
        #[cfg(feature = "cuda")]
        statistics_on_gpu: OnceLock::new(),
    };
    x.contiguous()?
        .apply_op3(&gamma.contiguous()?, &beta.contiguous()?, op)
}

struct InstanceNorm {
    name: &'static str,
    planes: Planes,
    eps: f64,
    slope: f32,
    /// Kept from the forward pass for the backward pass.
    statistics: OnceLock<Vec<Statistics>>,
    /// The same where the tensors are on a GPU, `[N C, 2]`.
    #[cfg(feature = "cuda")]
    statistics_on_gpu: OnceLock<CudaSlice<f32>>,
}

#[cfg(feature = "cuda")]
impl InstanceNorm {
    fn plan(&self) -> cuda::NormPlan {
        cuda::NormPlan {
            name: self.name,
            channels: self.planes.channels,
            voxels: self.planes.voxels,
            eps: self.eps,
            slope: self.slope,
        }
    }
}

impl CustomOp3 for InstanceNorm {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
        beta: &CpuStorage,
        beta_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = f32_slice(self.name, x, x_layout)?;
        let gamma = f32_slice(self.name, gamma, gamma_layout)?;
        let beta = f32_slice(self.name, beta, beta_layout)?;
        let statistics = self
            .statistics
            .get_or_init(|| norm::statistics(x, self.planes, self.eps));
        let affine = Affine {
            gamma,
            beta,
            slope: self.slope,
        };
        let mut y = vec![0f32; x.len()];
        norm::normalize(x, self.planes, statistics, affine, &mut y);
        stored(y, x_layout.shape())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        gamma: &CudaStorage,
        gamma_layout: &Layout,
        beta: &CudaStorage,
        beta_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (gamma, beta) = ((gamma, gamma_layout), (beta, beta_layout));
        let (y, shape, statistics) = cuda::norm_forward(self.plan(), (x, x_layout), gamma, beta)?;
        self.statistics_on_gpu.get_or_init(|| statistics);
        Ok((y, shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _y: &Tensor,
        grad_y: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            let kept = self.statistics_on_gpu.get();
            let (x, gamma, beta) = cuda::norm_gradients(self.plan(), x, gamma, beta, grad_y, kept)?;
            return Ok((Some(x), Some(gamma), Some(beta)));
        }
        let name = self.name;
        let mut grad_x = vec![0f32; x.elem_count()];
        let (grad_gamma, grad_beta) = with_f32(name, x, |x| {
            with_f32(name, grad_y, |grad_y| {
                with_f32(name, gamma, |gamma| {
                    with_f32(name, beta, |beta| {
                        let statistics = self
                            .statistics
                            .get_or_init(|| norm::statistics(x, self.planes, self.eps));
                        let affine = Affine {
                            gamma,
                            beta,
                            slope: self.slope,
                        };
                        Ok(norm::gradients(
                            x,
                            grad_y,
                            self.planes,
                            statistics,
                            affine,
                            &mut grad_x,
                        ))
                    })
                })
            })
        })?;
        Ok((
            Some(tensor(grad_x, x)?),
            Some(tensor(grad_gamma, gamma)?),
            Some(tensor(grad_beta, beta)?),
        ))
    }
}
