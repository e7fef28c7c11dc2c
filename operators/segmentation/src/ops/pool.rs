//! Pooling as differentiable operations.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

#[cfg(feature = "cuda")]
use super::cuda;
use super::slices::{dims5, f32_slice, stored, tensor, with_f32};
use crate::kernels::pool::{self, PoolShape};

/// The largest value of each window, without padding; windows that would leave the input are
/// not taken. The gradient goes to the first of equal maxima.
///
/// # Shapes
/// `x` `[N, C, D, H, W]`; the result is `[N, C, D', H', W']`, `D' = (D - kernel) / stride + 1`.
///
/// # Errors
/// Another rank or data type, a window or stride of 0, a window larger than the input.
pub fn max_pool3d(x: &Tensor, kernel: [usize; 3], stride: [usize; 3]) -> Result<Tensor> {
    run("max_pool3d", x, kernel, stride, Kind::Max)
}

/// The mean of each window, otherwise as [`max_pool3d`].
///
/// # Shapes
/// As [`max_pool3d`].
///
/// # Errors
/// As [`max_pool3d`].
pub fn avg_pool3d(x: &Tensor, kernel: [usize; 3], stride: [usize; 3]) -> Result<Tensor> {
    run("avg_pool3d", x, kernel, stride, Kind::Mean)
}

fn run(
    name: &'static str,
    x: &Tensor,
    kernel: [usize; 3],
    stride: [usize; 3],
    kind: Kind,
) -> Result<Tensor> {
    let [samples, channels, depth, height, width] = dims5(name, x)?;
    let input = [depth, height, width];
    let Some(shape) = PoolShape::new(input, kernel, stride) else {
        bail!(
            "{name}: a window {kernel:?} by steps {stride:?} does not fit the input {input:?}: \
             both must be at least 1, the window at most the input"
        );
    };
    x.contiguous()?.apply_op1(Pool {
        name,
        shape,
        kind,
        planes: [samples, channels],
    })
}

/// What is taken of a window.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Max,
    Mean,
}

struct Pool {
    name: &'static str,
    shape: PoolShape,
    kind: Kind,
    planes: [usize; 2],
}

impl CustomOp1 for Pool {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = f32_slice(self.name, x, layout)?;
        let [samples, channels] = self.planes;
        let [depth, height, width] = self.shape.output;
        let shape = Shape::from((samples, channels, depth, height, width));
        let mut y = vec![0f32; shape.elem_count()];
        match self.kind {
            Kind::Max => pool::max(&self.shape, x, &mut y),
            Kind::Mean => pool::mean(&self.shape, x, &mut y),
        }
        stored(y, &shape)
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        cuda::pool_forward(self.name, self.kind, &self.shape, self.planes, x, layout)
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad_y: &Tensor) -> Result<Option<Tensor>> {
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            return cuda::pool_gradient(self.name, self.kind, &self.shape, x, grad_y).map(Some);
        }
        let mut grad_x = vec![0f32; x.elem_count()];
        with_f32(self.name, grad_y, |grad_y| match self.kind {
            Kind::Max => with_f32(self.name, x, |x| {
                pool::max_gradient(&self.shape, x, grad_y, &mut grad_x);
                Ok(())
            }),
            Kind::Mean => {
                pool::mean_gradient(&self.shape, grad_y, &mut grad_x);
                Ok(())
            }
        })?;
        Ok(Some(tensor(grad_x, x)?))
    }
}
