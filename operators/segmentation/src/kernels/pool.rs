//! Maximum and mean over windows, without padding.

use rayon::prelude::*;

/// What is pooled. Windows that would leave the input are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolShape {
    /// Input `[D, H, W]`.
    pub input: [usize; 3],
    /// Window.
    pub kernel: [usize; 3],
    /// Step from window to window.
    pub stride: [usize; 3],
    /// Output, `(input - kernel) / stride + 1`.
    pub output: [usize; 3],
}

impl PoolShape {
    /// The shape of a pooling, or `None` where an extent is 0 or the window exceeds the input.
    #[must_use]
    pub fn new(input: [usize; 3], kernel: [usize; 3], stride: [usize; 3]) -> Option<Self> {
        let mut output = [0; 3];
        for axis in 0..3 {
            if kernel[axis] == 0 || stride[axis] == 0 || kernel[axis] > input[axis] {
                return None;
            }
            output[axis] = (input[axis] - kernel[axis]) / stride[axis] + 1;
        }
        Some(Self {
            input,
            kernel,
            stride,
            output,
        })
    }

    fn voxels_in(&self) -> usize {
        self.input.iter().product()
    }

    fn voxels_out(&self) -> usize {
        self.output.iter().product()
    }

    /// Call `f` with each output voxel and the first input voxel of its window, in order.
    #[inline(always)]
    fn for_each_window(&self, mut f: impl FnMut(usize, usize)) {
        let [_, rows, columns] = self.input;
        let mut out = 0;
        for z in 0..self.output[0] {
            for y in 0..self.output[1] {
                let row = (z * self.stride[0] * rows + y * self.stride[1]) * columns;
                for x in 0..self.output[2] {
                    f(out, row + x * self.stride[2]);
                    out += 1;
                }
            }
        }
    }

    /// Call `f` with each input voxel of the window that starts at `first`, in order.
    #[inline(always)]
    fn for_each_voxel(&self, first: usize, mut f: impl FnMut(usize)) {
        let [_, rows, columns] = self.input;
        for z in 0..self.kernel[0] {
            for y in 0..self.kernel[1] {
                let row = first + (z * rows + y) * columns;
                for voxel in row..row + self.kernel[2] {
                    f(voxel);
                }
            }
        }
    }

    /// The first voxel of the window that holds its maximum. A NaN counts as largest.
    #[inline(always)]
    fn argmax(&self, x: &[f32], first: usize) -> usize {
        let (mut best, mut value) = (first, x[first]);
        self.for_each_voxel(first, |voxel| {
            let v = x[voxel];
            if v > value || (v.is_nan() && !value.is_nan()) {
                (best, value) = (voxel, v);
            }
        });
        best
    }
}

/// The largest value of each window.
///
/// # Shapes
/// `x` `[N C, input]`, `y` `[N C, output]`.
pub fn max(shape: &PoolShape, x: &[f32], y: &mut [f32]) {
    y.par_chunks_mut(shape.voxels_out())
        .zip(x.par_chunks(shape.voxels_in()))
        .for_each(|(y, x)| {
            shape.for_each_window(|out, first| y[out] = x[shape.argmax(x, first)]);
        });
}

/// The gradient of [`max`]: it goes to the first of equal maxima, as in PyTorch. The maxima
/// are looked up again, which costs less than the memory to remember them.
///
/// # Shapes
/// `x` and `grad_x` `[N C, input]`, `grad_y` `[N C, output]`; `grad_x` is zero on entry.
pub fn max_gradient(shape: &PoolShape, x: &[f32], grad_y: &[f32], grad_x: &mut [f32]) {
    grad_x
        .par_chunks_mut(shape.voxels_in())
        .zip(x.par_chunks(shape.voxels_in()))
        .zip(grad_y.par_chunks(shape.voxels_out()))
        .for_each(|((grad_x, x), grad_y)| {
            shape.for_each_window(|out, first| grad_x[shape.argmax(x, first)] += grad_y[out]);
        });
}

/// The mean of each window.
///
/// # Shapes
/// As [`max`].
pub fn mean(shape: &PoolShape, x: &[f32], y: &mut [f32]) {
    let scale = 1.0 / shape.kernel.iter().product::<usize>() as f32;
    y.par_chunks_mut(shape.voxels_out())
        .zip(x.par_chunks(shape.voxels_in()))
        .for_each(|(y, x)| {
            shape.for_each_window(|out, first| {
                let mut sum = 0.0;
                shape.for_each_voxel(first, |voxel| sum += x[voxel]);
                y[out] = sum * scale;
            });
        });
}

/// The gradient of [`mean`].
///
/// # Shapes
/// As [`max_gradient`].
pub fn mean_gradient(shape: &PoolShape, grad_y: &[f32], grad_x: &mut [f32]) {
    let scale = 1.0 / shape.kernel.iter().product::<usize>() as f32;
    grad_x
        .par_chunks_mut(shape.voxels_in())
        .zip(grad_y.par_chunks(shape.voxels_out()))
        .for_each(|(grad_x, grad_y)| {
            shape.for_each_window(|out, first| {
                let g = grad_y[out] * scale;
                shape.for_each_voxel(first, |voxel| grad_x[voxel] += g);
            });
        });
}
