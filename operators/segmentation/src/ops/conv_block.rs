//! Convolution, instance norm and leaky rectifier as one differentiable operation.
//!
//! The convolution takes the moments of its result on the way out, inputs side by side in the
//! channels are read where they lie, and on the way back the gradient in front of the norm goes
//! into the convolution's gradients without becoming a tensor of the graph, to which candle would
//! add it up from zeros. Beside its output the operation keeps the raw result of the convolution.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};

use super::{
    ConvOptions, NormActivation,
    conv::{check_bias, conv3d_with, dims5},
    norm::instance_norm_leaky_relu,
    slices::{f32_slice, stored, with_f32},
};
use crate::kernels::{
    conv::{self, ConvShape, PackedConv, Source},
    norm::{self, Affine, Planes, Statistics},
};

/// The weights of a convolution, and how it steps.
#[derive(Debug, Clone, Copy)]
pub struct ConvLayer<'a> {
    /// `[O, I, kD, kH, kW]`.
    pub weight: &'a Tensor,
    /// `[O]`. The norm takes it out again, so that its gradient is zero.
    pub bias: &'a Tensor,
    /// Steps, padding and, on a GPU, the numbers of the products.
    pub options: ConvOptions,
}

/// The convolution of `inputs` side by side in the channels, its instance norm and the leaky
/// rectifier after it. On the CPU in one operation, elsewhere as the three that it stands for.
///
/// # Shapes
/// `inputs` `[N, I_s, D, H, W]` with `I` channels in all; the result is `[N, O, D', H', W']`, as
/// [`super::conv3d`]'s.
///
/// # Errors
/// Shapes that do not fit, an epsilon that is not positive, a slope outside 0 to 1, no input.
pub fn conv_block(
    inputs: &[&Tensor],
    layer: ConvLayer<'_>,
    norm: NormActivation<'_>,
) -> Result<Tensor> {
    let on_cpu = |x: &&Tensor| x.device().is_cpu() && x.dtype() == DType::F32;
    if !(1..=2).contains(&inputs.len()) || !inputs.iter().all(on_cpu) {
        let x = Tensor::cat(inputs, 1)?;
        let y = conv3d_with(&x, layer.weight, Some(layer.bias), layer.options)?;
        let slope = f64::from(norm.slope);
        return instance_norm_leaky_relu(&y, norm.gamma, norm.beta, norm.epsilon, slope);
    }
    norm.check()?;
    let each = inputs.iter().map(|x| dims5("input", x));
    let each = each.collect::<Result<Vec<_>>>()?;
    let shape = ConvShape::new(
        side_by_side(&each)?,
        dims5("weight", layer.weight)?,
        layer.options.stride,
        layer.options.padding,
    )
    .map_err(candle_core::Error::wrap)?;
    for per_channel in [layer.bias, norm.gamma, norm.beta] {
        check_bias(per_channel, shape.channels_out)?;
    }
    // An operation of candle has three operands at most.
    let parameters = Tensor::cat(
        &[
            &layer.weight.flatten_all()?,
            layer.bias,
            norm.gamma,
            norm.beta,
        ],
        0,
    )?;
    let op = ConvBlock {
        shape,
        channels: each.iter().map(|dims| dims[1]).collect(),
        epsilon: norm.epsilon,
        slope: norm.slope,
        kept: OnceLock::new(),
    };
    match inputs {
        [x, skip] => x
            .contiguous()?
            .apply_op3(&skip.contiguous()?, &parameters, op),
        _ => inputs[0].contiguous()?.apply_op2(&parameters, op),
    }
}

/// The extents of tensors laid side by side in the channels.
pub(super) fn side_by_side(all: &[[usize; 5]]) -> Result<[usize; 5]> {
    let Some(&first) = all.first() else {
        bail!("a convolution needs an input");
    };
    let fits = |dims: &[usize; 5]| dims[0] == first[0] && dims[2..] == first[2..];
    if !all.iter().all(fits) {
        bail!("inputs side by side differ in channels only, not {all:?}");
    }
    let [n, _, d, h, w] = first;
    Ok([n, all.iter().map(|dims| dims[1]).sum(), d, h, w])
}

struct ConvBlock {
    shape: ConvShape,
    /// Of each input.
    channels: Vec<usize>,
    epsilon: f64,
    slope: f32,
    /// From the forward pass for the backward pass.
    kept: OnceLock<Kept>,
}

/// The raw result of the convolution, and what normalises it.
struct Kept {
    raw: Vec<f32>,
    statistics: Vec<Statistics>,
}

impl ConvBlock {
    fn planes(&self) -> Planes {
        Planes {
            channels: self.shape.channels_out,
            voxels: self.shape.voxels_out(),
        }
    }

    /// Weights, gamma and beta among the parameters.
    fn parts<'a>(&self, parameters: &'a [f32]) -> (&'a [f32], Affine<'a>) {
        let (weight, rest) = parameters.split_at(self.shape.len_weight());
        let (_bias, rest) = rest.split_at(self.shape.channels_out);
        let (gamma, beta) = rest.split_at(self.shape.channels_out);
        let slope = self.slope;
        (weight, Affine { gamma, beta, slope })
    }

    fn sources<'a>(&self, inputs: &[&'a [f32]]) -> Vec<Source<'a>> {
        let each = inputs.iter().zip(&self.channels);
        each.map(|(x, &channels)| Source::plain(x, channels))
            .collect()
    }

    fn forward(&self, inputs: &[&[f32]], parameters: &[f32]) -> Result<(CpuStorage, Shape)> {
        let (weight, affine) = self.parts(parameters);
        let kept = self.kept.get_or_init(|| {
            let mut raw = vec![0f32; self.shape.len_out()];
            let conv = PackedConv::new(&self.shape, weight);
            let moments = conv.run(&self.sources(inputs), None, &mut raw, true);
            let normalising = |moments: conv::Moments| {
                let (mean, inverse_deviation) = moments.mean_and_rstd(self.epsilon);
                Statistics {
                    mean,
                    inverse_deviation,
                }
            };
            Kept {
                raw,
                statistics: moments.into_iter().map(normalising).collect(),
            }
        });
        let mut y = vec![0f32; kept.raw.len()];
        norm::normalize(&kept.raw, self.planes(), &kept.statistics, affine, &mut y);
        let [d, h, w] = self.shape.size_out;
        let dims = (self.shape.batch, self.shape.channels_out, d, h, w);
        stored(y, &Shape::from(dims))
    }

    /// The gradients to the inputs that want one, and to the parameters likewise.
    fn backward(
        &self,
        inputs: &[&Tensor],
        parameters: &Tensor,
        grad_y: &Tensor,
    ) -> Result<(Vec<Option<Tensor>>, Option<Tensor>)> {
        let Some(kept) = self.kept.get() else {
            bail!("{NAME} has no forward pass to go back through");
        };
        let shape = &self.shape;
        let mut grad_raw = vec![0f32; kept.raw.len()];
        let mut to_inputs = vec![None; inputs.len()];
        let mut grad_parameters = None;
        with_f32(NAME, parameters, |values| {
            let (weight, affine) = self.parts(values);
            let (grad_gamma, grad_beta) = with_f32(NAME, grad_y, |grad_y| {
                Ok(norm::gradients(
                    &kept.raw,
                    grad_y,
                    self.planes(),
                    &kept.statistics,
                    affine,
                    &mut grad_raw,
                ))
            })?;
            if inputs.iter().any(|x| x.track_op()) {
                let mut grad = vec![0f32; shape.len_in()];
                conv::backward_input(shape, &grad_raw, weight, None, &mut grad);
                let [d, h, w] = shape.size_in;
                let dims = (shape.batch, shape.channels_in, d, h, w);
                let grad = Tensor::from_vec(grad, dims, inputs[0].device())?;
                let mut first = 0;
                for ((to, x), &channels) in to_inputs.iter_mut().zip(inputs).zip(&self.channels) {
                    if x.track_op() {
                        *to = Some(grad.narrow(1, first, channels)?);
                    }
                    first += channels;
                }
            }
            if parameters.track_op() {
                let mut grad = vec![0f32; shape.len_weight()];
                let contiguous = inputs.iter().map(|x| x.contiguous());
                let contiguous = contiguous.collect::<Result<Vec<_>>>()?;
                self.with_sources(&contiguous, |sources| {
                    conv::backward_weight_of(shape, sources, &grad_raw, &mut grad);
                })?;
                grad.extend(std::iter::repeat_n(0.0, shape.channels_out));
                grad.extend(grad_gamma);
                grad.extend(grad_beta);
                grad_parameters = Some(Tensor::from_vec(
                    grad,
                    parameters.shape(),
                    parameters.device(),
                )?);
            }
            Ok(())
        })?;
        Ok((to_inputs, grad_parameters))
    }

    /// Call `f` with the values of one or two inputs.
    fn with_sources(&self, inputs: &[Tensor], f: impl FnOnce(&[Source<'_>])) -> Result<()> {
        let Some((first, rest)) = inputs.split_first() else {
            return Ok(());
        };
        with_f32(NAME, first, |x| match rest.first() {
            Some(skip) => with_f32(NAME, skip, |skip| {
                f(&self.sources(&[x, skip]));
                Ok(())
            }),
            None => {
                f(&self.sources(&[x]));
                Ok(())
            }
        })
    }
}

/// In messages.
const NAME: &str = "conv_block";

impl CustomOp2 for ConvBlock {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(
            &[f32_slice(NAME, x, x_layout)?],
            f32_slice(NAME, parameters, parameters_layout)?,
        )
    }

    fn bwd(
        &self,
        x: &Tensor,
        parameters: &Tensor,
        _y: &Tensor,
        grad_y: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (mut to, parameters) = self.backward(&[x], parameters, grad_y)?;
        Ok((to.pop().flatten(), parameters))
    }
}

impl CustomOp3 for ConvBlock {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        skip: &CpuStorage,
        skip_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(
            &[
                f32_slice(NAME, x, x_layout)?,
                f32_slice(NAME, skip, skip_layout)?,
            ],
            f32_slice(NAME, parameters, parameters_layout)?,
        )
    }

    fn bwd(
        &self,
        x: &Tensor,
        skip: &Tensor,
        parameters: &Tensor,
        _y: &Tensor,
        grad_y: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (mut to, parameters) = self.backward(&[x, skip], parameters, grad_y)?;
        let to_skip = to.pop().flatten();
        Ok((to.pop().flatten(), to_skip, parameters))
    }
}
