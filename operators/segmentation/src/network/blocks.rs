//! Layers with their parameters.

use candle_core::{Result, Tensor};
use candle_nn::{
    Init, VarBuilder,
    init::{FanInOut, NonLinearity, NormalOrUniform},
};

use super::{Domain, taps::Taps};
use crate::ops::{
    self, Activations, ConvLayer, ConvOptions, FusedForward, NormActivation, Precision,
};

/// As nnU-Net.
const NORM_EPS: f64 = 1e-5;
/// As nnU-Net.
const SLOPE: f64 = 0.01;

/// He et al. (arXiv:1502.01852) for the leaky rectifier, as nnU-Net: standard deviation
/// `sqrt(2 / (1 + slope^2) / fan_in)`.
fn kaiming() -> Init {
    Init::Kaiming {
        dist: NormalOrUniform::Normal,
        fan: FanInOut::FanIn,
        non_linearity: NonLinearity::ExplicitGain((2.0 / (1.0 + SLOPE * SLOPE)).sqrt()),
    }
}

/// A convolution that keeps the shape but for its stride.
pub(super) struct Conv {
    weight: Tensor,
    bias: Tensor,
    options: ConvOptions,
}

impl Conv {
    pub(super) fn new(
        channels: [usize; 2],
        kernel: [usize; 3],
        stride: [usize; 3],
        precision: Precision,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let [input, output] = channels;
        let [d, h, w] = kernel;
        Ok(Self {
            weight: vb.get_with_hints((output, input, d, h, w), "weight", kaiming())?,
            bias: vb.get_with_hints(output, "bias", Init::Const(0.0))?,
            options: ConvOptions {
                stride,
                padding: kernel.map(|extent| extent / 2),
                precision,
            },
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::conv3d_with(x, &self.weight, Some(&self.bias), self.options)
    }

    fn layer(&self) -> ConvLayer<'_> {
        ConvLayer {
            weight: &self.weight,
            bias: &self.bias,
            options: self.options,
        }
    }

    /// The same without gradients.
    pub(super) fn fused(&self, x: &Activations, with: &mut FusedForward) -> Result<Activations> {
        let bias = Some(&self.bias);
        with.conv3d(
            &[x],
            &self.weight,
            bias,
            self.options.stride,
            self.options.padding,
        )
    }
}

/// A transposed convolution whose kernel is its stride.
pub(super) struct Up {
    weight: Tensor,
    bias: Tensor,
    stride: [usize; 3],
    precision: Precision,
}

impl Up {
    pub(super) fn new(
        channels: [usize; 2],
        stride: [usize; 3],
        precision: Precision,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let [input, output] = channels;
        let [d, h, w] = stride;
        Ok(Self {
            weight: vb.get_with_hints((input, output, d, h, w), "weight", kaiming())?,
            bias: vb.get_with_hints(output, "bias", Init::Const(0.0))?,
            stride,
            precision,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (&self.weight, Some(&self.bias));
        ops::conv_transpose3d_with(x, weight, bias, self.stride, self.precision)
    }

    /// The same without gradients.
    pub(super) fn fused(&self, x: &Activations, with: &mut FusedForward) -> Result<Activations> {
        with.conv_transpose3d(x, &self.weight, Some(&self.bias), self.stride)
    }
}

/// Whether domains share the affine parameters of a normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NormParameters {
    Shared,
    PerDomain,
}

/// What all layers of a network have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) norms: NormParameters,
    /// In which numbers a GPU convolves.
    pub(super) precision: Precision,
}

/// Scale and shift.
struct NormAffine {
    gamma: Tensor,
    beta: Tensor,
}

impl NormAffine {
    fn new(channels: usize, vb: &VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            gamma: vb.get_with_hints(channels, "weight", Init::Const(1.0))?,
            beta: vb.get_with_hints(channels, "bias", Init::Const(0.0))?,
        })
    }
}

/// Instance normalisation and leaky rectifier.
struct NormAct {
    auxiliary: Option<NormAffine>,
    /// Of the primary domain, or of both.
    main: NormAffine,
}

impl NormAct {
    fn new(channels: usize, norms: NormParameters, vb: &VarBuilder<'_>) -> Result<Self> {
        Ok(match norms {
            NormParameters::Shared => Self {
                auxiliary: None,
                main: NormAffine::new(channels, vb)?,
            },
            NormParameters::PerDomain => Self {
                auxiliary: Some(NormAffine::new(channels, &vb.pp(Domain::Auxiliary.name()))?),
                main: NormAffine::new(channels, &vb.pp(Domain::Primary.name()))?,
            },
        })
    }

    fn affine(&self, domain: Domain) -> &NormAffine {
        match (domain, &self.auxiliary) {
            (Domain::Auxiliary, Some(auxiliary)) => auxiliary,
            _ => &self.main,
        }
    }

    fn after_conv(&self, domain: Domain) -> NormActivation<'_> {
        let NormAffine { gamma, beta } = self.affine(domain);
        NormActivation {
            gamma,
            beta,
            epsilon: NORM_EPS,
            slope: SLOPE as f32,
        }
    }
}

fn no_layers<T>() -> Result<T> {
    candle_core::bail!("a stage without convolutions has no output")
}

/// The convolutions of one level, each with its normalisation and rectifier.
pub(super) struct Stage {
    layers: Vec<(String, Conv, NormAct)>,
}

/// What a stage is made of.
#[derive(Clone, Copy)]
pub(super) struct StageShape {
    pub(super) channels: [usize; 2],
    pub(super) kernel: [usize; 3],
    /// Of the first convolution.
    pub(super) stride: [usize; 3],
    pub(super) convs: usize,
    pub(super) style: Style,
}

impl Stage {
    pub(super) fn new(shape: StageShape, vb: &VarBuilder<'_>) -> Result<Self> {
        let [input, output] = shape.channels;
        let mut layers = Vec::with_capacity(shape.convs);
        for k in 0..shape.convs {
            let (input, stride) = if k == 0 {
                (input, shape.stride)
            } else {
                (output, [1; 3])
            };
            let vb_conv = vb.pp(format!("conv{}", k + 1));
            let conv = Conv::new(
                [input, output],
                shape.kernel,
                stride,
                shape.style.precision,
                &vb_conv,
            )?;
            let norm = NormAct::new(output, shape.style.norms, &vb.pp(format!("norm{}", k + 1)))?;
            layers.push((vb_conv.prefix(), conv, norm));
        }
        Ok(Self { layers })
    }

    /// On inputs side by side in the channels.
    pub(super) fn forward(
        &self,
        inputs: &[&Tensor],
        domain: Domain,
        taps: &mut Taps,
    ) -> Result<Tensor> {
        let mut x: Option<Tensor> = None;
        for (name, conv, norm) in &self.layers {
            let norm = norm.after_conv(domain);
            let y = match &x {
                Some(x) => ops::conv_block(&[x], conv.layer(), norm)?,
                None => ops::conv_block(inputs, conv.layer(), norm)?,
            };
            taps.pass(name, &y);
            x = Some(y);
        }
        x.map_or_else(no_layers, Ok)
    }

    /// The same without gradients and taps.
    pub(super) fn fused(
        &self,
        inputs: &[&Activations],
        domain: Domain,
        with: &mut FusedForward,
    ) -> Result<Activations> {
        let mut x: Option<Activations> = None;
        for (_, conv, norm) in &self.layers {
            let norm = norm.after_conv(domain);
            let (weight, stride, padding) =
                (&conv.weight, conv.options.stride, conv.options.padding);
            // The norm takes the convolution's bias out again.
            let y = match &x {
                Some(x) => with.block(&[x], weight, norm, stride, padding)?,
                None => with.block(inputs, weight, norm, stride, padding)?,
            };
            if let Some(done) = x.replace(y) {
                with.give_back(done);
            }
        }
        x.map_or_else(no_layers, Ok)
    }

    /// Names of the activations that can be read.
    pub(super) fn tap_names(&self) -> impl Iterator<Item = &String> {
        self.layers.iter().map(|layer| &layer.0)
    }
}
