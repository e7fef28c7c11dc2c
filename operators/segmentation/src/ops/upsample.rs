//! Resizing as differentiable operations.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

#[cfg(feature = "cuda")]
use super::cuda;
use super::slices::{dims5, f32_slice, stored, tensor, with_f32};
use crate::kernels::upsample::{Interpolation, Resize};

/// Resize to `size_zyx`, linear along each axis, voxel centres at `index + 1/2`
/// (`align_corners` false), the border repeated. It does not smooth before it shrinks.
///
/// # Shapes
/// `x` `[N, C, D, H, W]`; the result is `[N, C]` with `size_zyx`.
///
/// # Errors
/// Another rank or data type, a size of 0.
pub fn upsample_trilinear(x: &Tensor, size_zyx: [usize; 3]) -> Result<Tensor> {
    run("upsample_trilinear", x, size_zyx, Interpolation::Trilinear)
}

/// Resize to `size_zyx`, each voxel a copy of the input voxel at `floor(index * input / size)`.
///
/// # Shapes
/// As [`upsample_trilinear`].
///
/// # Errors
/// As [`upsample_trilinear`].
pub fn upsample_nearest(x: &Tensor, size_zyx: [usize; 3]) -> Result<Tensor> {
    run("upsample_nearest", x, size_zyx, Interpolation::Nearest)
}

fn run(name: &'static str, x: &Tensor, size_zyx: [usize; 3], by: Interpolation) -> Result<Tensor> {
    let [samples, channels, depth, height, width] = dims5(name, x)?;
    let Some(resize) = Resize::new([depth, height, width], size_zyx, by) else {
        bail!("{name}: the size {size_zyx:?} has an extent of 0: ask for at least one voxel");
    };
    let [depth, height, width] = size_zyx;
    let shape = Shape::from((samples, channels, depth, height, width));
    x.contiguous()?.apply_op1(Upsample {
        name,
        resize,
        shape,
    })
}

struct Upsample {
    name: &'static str,
    resize: Resize,
    shape: Shape,
}

impl CustomOp1 for Upsample {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = f32_slice(self.name, x, layout)?;
        let mut y = vec![0f32; self.shape.elem_count()];
        self.resize.forward(x, &mut y);
        stored(y, &self.shape)
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        cuda::resize_forward(self.name, &self.resize, &self.shape, x, layout)
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad_y: &Tensor) -> Result<Option<Tensor>> {
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            return cuda::resize_gradient(self.name, &self.resize, x, grad_y).map(Some);
        }
        let mut grad_x = vec![0f32; x.elem_count()];
        with_f32(self.name, grad_y, |grad_y| {
            self.resize.gradient(grad_y, &mut grad_x);
            Ok(())
        })?;
        Ok(Some(tensor(grad_x, x)?))
    }
}
