//! Blocks of convolution, instance norm and leaky rectifier without gradients and without the
//! passes over memory between them.
//!
//! A convolution writes its raw result and takes its mean and variance on the way out; whoever
//! reads it next normalises and activates on the way in. Two inputs side by side in the channels
//! are read where they lie, not concatenated. A bias before an instance norm cancels and is not
//! an argument.

use super::{
    conv::{Part, check_bias, dims5},
    conv_block::side_by_side,
};
use crate::kernels::conv::{self, Affine, ConvShape, Moments, PackedConv, Source};
use candle_core::{CpuStorage, Device, Result, Storage, Tensor, bail};

/// A tensor `[N, C, D, H, W]` that may still have to be normalised and activated.
#[derive(Debug, Clone)]
pub struct Activations {
    raw: Vec<f32>,
    dims: [usize; 5],
    /// Scale and shift of each sample and channel, `[N, C]`, and the slope below zero.
    affine: Option<(Vec<f32>, Vec<f32>, f32)>,
    statistics: Vec<(f32, f32)>,
}

impl Activations {
    /// `[N, C, D, H, W]`.
    #[must_use]
    pub fn dims(&self) -> [usize; 5] {
        self.dims
    }

    /// `(mean, 1 / sqrt(variance + epsilon))` of each sample and channel of the raw values,
    /// `[N, C]`; empty where there is no norm to come.
    #[must_use]
    pub fn statistics(&self) -> &[(f32, f32)] {
        &self.statistics
    }

    fn source(&self) -> Source<'_> {
        Source {
            data: &self.raw,
            channels: self.dims[1],
            affine: self.affine.as_ref().map(|(scale, shift, slope)| Affine {
                scale,
                shift,
                slope: *slope,
            }),
        }
    }

    /// The values, normalised and activated.
    ///
    /// # Errors
    /// None of its own; those of candle.
    pub fn into_tensor(mut self) -> Result<Tensor> {
        let voxels: usize = self.dims[2..].iter().product();
        if let Some((scale, shift, slope)) = &self.affine
            && voxels > 0
        {
            for (at, values) in self.raw.chunks_mut(voxels).enumerate() {
                for value in values {
                    let y = value.mul_add(scale[at], shift[at]);
                    *value = y.max(y * slope);
                }
            }
        }
        Tensor::from_vec(self.raw, self.dims.to_vec(), &Device::Cpu)
    }
}

/// The norm and activation after a convolution.
#[derive(Debug, Clone, Copy)]
pub struct NormActivation<'a> {
    /// Factor of each channel, `[O]`.
    pub gamma: &'a Tensor,
    /// Term of each channel, `[O]`.
    pub beta: &'a Tensor,
    /// Added to the variance.
    pub epsilon: f64,
    /// Slope below zero, from 0 to 1.
    pub slope: f32,
}

impl NormActivation<'_> {
    /// Refuses numbers that make no norm or no rectifier.
    pub(super) fn check(&self) -> Result<()> {
        let Self { epsilon, slope, .. } = *self;
        if !(0.0..=1.0).contains(&slope) {
            bail!("a leaky rectifier here has a slope from 0 to 1, not {slope}");
        }
        if !(epsilon > 0.0 && epsilon.is_finite()) {
            bail!("a norm's epsilon is positive, not {epsilon}: a constant channel would be 0/0");
        }
        Ok(())
    }
}

/// Runs fused blocks on the CPU and keeps the memory of results that are done with.
#[derive(Debug, Default)]
pub struct FusedForward {
    free: Vec<Vec<f32>>,
}

impl FusedForward {
    /// Without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A tensor as it is.
    ///
    /// # Shapes
    /// `[N, C, D, H, W]`.
    ///
    /// # Errors
    /// Another rank, or data that are not `f32` on the CPU.
    pub fn input(&mut self, x: &Tensor) -> Result<Activations> {
        let dims = dims5("input", x)?;
        let mut raw = self.take(x.elem_count());
        read(x, |x| raw.copy_from_slice(x))?;
        Ok(Activations {
            raw,
            dims,
            affine: None,
            statistics: Vec::new(),
        })
    }

    /// Takes back the memory of a result.
    pub fn give_back(&mut self, done: Activations) {
        self.free.push(done.raw);
    }

    /// A convolution of `inputs` side by side in the channels, with the norm and activation that
    /// follow it.
    ///
    /// # Shapes
    /// `inputs` `[N, I_s, D, H, W]` with `I` channels in all, `weight` `[O, I, kD, kH, kW]`; the
    /// result is `[N, O, D', H', W']`.
    ///
    /// # Errors
    /// Shapes that do not fit, a slope outside 0 to 1, data that are not `f32` on the CPU.
    pub fn block(
        &mut self,
        inputs: &[&Activations],
        weight: &Tensor,
        norm: NormActivation<'_>,
        stride: [usize; 3],
        padding: [usize; 3],
    ) -> Result<Activations> {
        norm.check()?;
        let (mut result, moments) = self.convolve(inputs, weight, None, stride, padding, true)?;
        let channels = result.dims[1];
        check_bias(norm.gamma, channels)?;
        check_bias(norm.beta, channels)?;
        let (gamma, beta) = (norm.gamma.to_vec1::<f32>()?, norm.beta.to_vec1::<f32>()?);
        let (mut scale, mut shift) = (Vec::new(), Vec::new());
        for (at, moments) in moments.iter().enumerate() {
            let (mean, rstd) = moments.mean_and_rstd(norm.epsilon);
            scale.push(gamma[at % channels] * rstd);
            shift.push(beta[at % channels] - mean * gamma[at % channels] * rstd);
            result.statistics.push((mean, rstd));
        }
        result.affine = Some((scale, shift, norm.slope));
        Ok(result)
    }

    /// A convolution with nothing after it.
    ///
    /// # Shapes
    /// As [`FusedForward::block`], `bias` `[O]`.
    ///
    /// # Errors
    /// As [`FusedForward::block`].
    pub fn conv3d(
        &mut self,
        inputs: &[&Activations],
        weight: &Tensor,
        bias: Option<&Tensor>,
        stride: [usize; 3],
        padding: [usize; 3],
    ) -> Result<Activations> {
        Ok(self
            .convolve(inputs, weight, bias, stride, padding, false)?
            .0)
    }

    /// A transposed convolution whose kernel is its stride.
    ///
    /// # Shapes
    /// `x` `[N, I, D, H, W]`, `weight` `[I, O, kD, kH, kW]`, `bias` `[O]`; the result is
    /// `[N, O, D * kD, H * kH, W * kW]`.
    ///
    /// # Errors
    /// As [`super::conv_transpose3d`].
    pub fn conv_transpose3d(
        &mut self,
        x: &Activations,
        weight: &Tensor,
        bias: Option<&Tensor>,
        stride: [usize; 3],
    ) -> Result<Activations> {
        let shape = ConvShape::of_transpose(x.dims, dims5("weight", weight)?, stride)
            .map_err(candle_core::Error::wrap)?;
        let bias = self.bias(bias, shape.channels_in)?;
        let mut raw = self.take(shape.len_in());
        read(weight, |weight| {
            conv::transpose(&shape, &[x.source()], weight, bias.as_deref(), &mut raw);
        })?;
        let [d, h, w] = shape.size_in;
        Ok(Activations {
            raw,
            dims: [shape.batch, shape.channels_in, d, h, w],
            affine: None,
            statistics: Vec::new(),
        })
    }

    fn convolve(
        &mut self,
        inputs: &[&Activations],
        weight: &Tensor,
        bias: Option<&Tensor>,
        stride: [usize; 3],
        padding: [usize; 3],
        with_moments: bool,
    ) -> Result<(Activations, Vec<Moments>)> {
        let each: Vec<_> = inputs.iter().map(|input| input.dims).collect();
        let dims = side_by_side(&each)?;
        let shape = ConvShape::new(dims, dims5("weight", weight)?, stride, padding)
            .map_err(candle_core::Error::wrap)?;
        let bias = self.bias(bias, shape.channels_out)?;
        let mut raw = self.take(shape.len_out());
        let sources: Vec<_> = inputs.iter().map(|i| i.source()).collect();
        let moments = read(weight, |weight| {
            PackedConv::new(&shape, weight).run(&sources, bias.as_deref(), &mut raw, with_moments)
        })?;
        let [d, h, w] = shape.size_out;
        let result = Activations {
            raw,
            dims: [shape.batch, shape.channels_out, d, h, w],
            affine: None,
            statistics: Vec::new(),
        };
        Ok((result, moments))
    }

    fn bias(&self, bias: Option<&Tensor>, channels: usize) -> Result<Option<Vec<f32>>> {
        let Some(bias) = bias else { return Ok(None) };
        check_bias(bias, channels)?;
        Ok(Some(bias.to_vec1()?))
    }

    /// Memory of `len` numbers, whatever they are.
    fn take(&mut self, len: usize) -> Vec<f32> {
        match self.free.iter().position(|f| f.len() == len) {
            Some(at) => self.free.swap_remove(at),
            None => vec![0.0; len],
        }
    }
}

/// Calls `with` on the numbers of a tensor.
fn read<T>(tensor: &Tensor, with: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(cpu @ CpuStorage::F32(_)) => Ok(with(Part(cpu, layout).f32()?)),
        _ => {
            bail!("fused blocks run on f32 tensors on the CPU: convert with to_dtype and to_device")
        }
    }
}
