//! The U-Net that is timed beside PyTorch: features 16, 32, 64, 128, one input channel, three
//! classes, an input of `[1, 1, 64, 96, 96]`, two blocks a level, strided convolutions down and
//! transposed ones up. 1 402 003 parameters and 63.3 GFLOP forward.
//!
//! The one module of this crate that reads a clock.

use crate::ops::{
    Activations, ConvLayer, ConvOptions, FusedForward, NormActivation, Precision, conv_block,
    conv_transpose3d_with, conv3d_with,
};
use candle_core::{DType, Device, Result, Tensor, Var};
use std::time::Instant;

/// Features of each level.
const FEATURES: [usize; 4] = [16, 32, 64, 128];
/// Extents of the input, `[N, C, D, H, W]`.
const INPUT: [usize; 5] = [1, 1, 64, 96, 96];
/// Classes.
const CLASSES: usize = 3;
/// Added to the variance of a norm.
const EPSILON: f64 = 1e-5;
/// Slope of the activation below zero.
const SLOPE: f32 = 0.01;

/// The best time of each kind of step, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnetTiming {
    /// A forward pass without gradients.
    pub forward_s: f64,
    /// A forward pass, a loss (the mean square of the output), and all gradients.
    pub train_s: f64,
}

impl UnetTiming {
    /// The best of `repeats` forward passes and of as many training steps, after one of each to
    /// warm up. A pass on a GPU ends when the GPU has done it.
    ///
    /// # Errors
    /// Those of candle.
    pub fn measure(repeats: usize, device: &Device, precision: Precision) -> Result<Self> {
        let network = TimedUnet::new(device, precision)?;
        let inference = network.without_gradients();
        let mut fused = FusedForward::new();
        let forward = || -> Result<()> {
            let y = match device {
                Device::Cpu => inference.fused(&mut fused),
                _ => inference.unfused(),
            };
            drop(y?);
            device.synchronize()
        };
        Ok(Self {
            forward_s: best(repeats, forward)?,
            train_s: best(repeats, || {
                network.train_step()?;
                device.synchronize()
            })?,
        })
    }
}

/// The best time of `repeats` runs after one to warm up, in seconds.
fn best(repeats: usize, mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    run()?;
    let mut best = f64::INFINITY;
    for _ in 0..repeats {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// A convolution, and the norm after it.
struct Block {
    weight: Tensor,
    bias: Tensor,
    gamma: Tensor,
    beta: Tensor,
    options: ConvOptions,
}

impl Block {
    fn new(channels_in: usize, channels_out: usize, stride: usize, on: &On) -> Result<Self> {
        let scale = (2.0 / (27 * channels_in) as f64).sqrt();
        Ok(Self {
            weight: on.normal(scale, &[channels_out, channels_in, 3, 3, 3])?,
            bias: on.zeros(channels_out)?,
            gamma: Var::ones(channels_out, DType::F32, &on.device)?.into_inner(),
            beta: on.zeros(channels_out)?,
            options: ConvOptions {
                stride: [stride; 3],
                padding: [1; 3],
                precision: on.precision,
            },
        })
    }

    fn without_gradients(&self) -> Self {
        Self {
            weight: self.weight.detach(),
            bias: self.bias.detach(),
            gamma: self.gamma.detach(),
            beta: self.beta.detach(),
            options: self.options,
        }
    }

    fn fused(&self, with: &mut FusedForward, inputs: &[&Activations]) -> Result<Activations> {
        let ConvOptions {
            stride, padding, ..
        } = self.options;
        with.block(inputs, &self.weight, self.norm(), stride, padding)
    }

    fn unfused(&self, inputs: &[&Tensor]) -> Result<Tensor> {
        let layer = ConvLayer {
            weight: &self.weight,
            bias: &self.bias,
            options: self.options,
        };
        conv_block(inputs, layer, self.norm())
    }

    fn norm(&self) -> NormActivation<'_> {
        NormActivation {
            gamma: &self.gamma,
            beta: &self.beta,
            epsilon: EPSILON,
            slope: SLOPE,
        }
    }
}

/// Where a network lies, and in which numbers it convolves.
struct On {
    device: Device,
    precision: Precision,
}

impl On {
    /// A parameter of normal noise.
    fn normal(&self, deviation: f64, shape: &[usize]) -> Result<Tensor> {
        Var::randn_f64(0.0, deviation, shape, DType::F32, &self.device).map(Var::into_inner)
    }

    /// A parameter of zeros.
    fn zeros(&self, len: usize) -> Result<Tensor> {
        Var::zeros(len, DType::F32, &self.device).map(Var::into_inner)
    }
}

/// The network and its input.
pub struct TimedUnet {
    input: Tensor,
    down: Vec<[Block; 2]>,
    up: Vec<(Tensor, Tensor, [Block; 2])>,
    head: (Tensor, Tensor),
    precision: Precision,
}

impl TimedUnet {
    /// The network with random weights and a random input.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(device: &Device, precision: Precision) -> Result<Self> {
        let on = &On {
            device: device.clone(),
            precision,
        };
        let mut down = Vec::new();
        let mut up = Vec::new();
        let mut channels = INPUT[1];
        for (level, features) in FEATURES.into_iter().enumerate() {
            let stride = if level == 0 { 1 } else { 2 };
            down.push([
                Block::new(channels, features, stride, on)?,
                Block::new(features, features, 1, on)?,
            ]);
            channels = features;
        }
        for features in FEATURES.into_iter().rev().skip(1) {
            up.push((
                on.normal(0.1, &[channels, features, 2, 2, 2])?,
                on.zeros(features)?,
                [
                    Block::new(2 * features, features, 1, on)?,
                    Block::new(features, features, 1, on)?,
                ],
            ));
            channels = features;
        }
        Ok(Self {
            input: Tensor::randn(0f32, 1.0, INPUT.to_vec(), device)?,
            down,
            up,
            head: (
                on.normal(0.1, &[CLASSES, channels, 1, 1, 1])?,
                on.zeros(CLASSES)?,
            ),
            precision,
        })
    }

    /// The same network with parameters that want no gradients.
    #[must_use]
    pub fn without_gradients(&self) -> Self {
        let blocks = |two: &[Block; 2]| two.each_ref().map(Block::without_gradients);
        let up = |(weight, bias, two): &(Tensor, Tensor, _)| {
            (weight.detach(), bias.detach(), blocks(two))
        };
        Self {
            input: self.input.clone(),
            down: self.down.iter().map(blocks).collect(),
            up: self.up.iter().map(up).collect(),
            head: (self.head.0.detach(), self.head.1.detach()),
            precision: self.precision,
        }
    }

    /// The output through fused blocks, which know no gradients. On the CPU.
    ///
    /// # Shapes
    /// `[1, 3, 64, 96, 96]`.
    ///
    /// # Errors
    /// Those of candle; a network on another device.
    pub fn fused(&self, with: &mut FusedForward) -> Result<Tensor> {
        let mut x = with.input(&self.input)?;
        let mut skips = Vec::new();
        for [first, second] in &self.down {
            let a = first.fused(with, &[&x])?;
            let b = second.fused(with, &[&a])?;
            with.give_back(a);
            skips.push(std::mem::replace(&mut x, b));
        }
        for (weight, bias, [first, second]) in &self.up {
            let u = with.conv_transpose3d(&x, weight, Some(bias), [2; 3])?;
            with.give_back(x);
            let inputs: Vec<_> = [&u].into_iter().chain(skips.last()).collect();
            let a = first.fused(with, &inputs)?;
            with.give_back(u);
            if let Some(skip) = skips.pop() {
                with.give_back(skip);
            }
            x = second.fused(with, &[&a])?;
            with.give_back(a);
        }
        let y = with.conv3d(&[&x], &self.head.0, Some(&self.head.1), [1; 3], [0; 3])?;
        with.give_back(x);
        for skip in skips {
            with.give_back(skip);
        }
        y.into_tensor()
    }

    /// The output through candle's graph, on any device.
    ///
    /// # Shapes
    /// `[1, 3, 64, 96, 96]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn unfused(&self) -> Result<Tensor> {
        let mut x = self.input.clone();
        let mut skips = Vec::new();
        for [first, second] in &self.down {
            x = second.unfused(&[&first.unfused(&[&x])?])?;
            skips.push(x.clone());
        }
        skips.pop();
        for (weight, bias, [first, second]) in &self.up {
            x = conv_transpose3d_with(&x, weight, Some(bias), [2; 3], self.precision)?;
            let skip = skips.pop();
            let inputs: Vec<_> = [&x].into_iter().chain(&skip).collect();
            x = second.unfused(&[&first.unfused(&inputs)?])?;
        }
        let options = ConvOptions {
            stride: [1; 3],
            padding: [0; 3],
            precision: self.precision,
        };
        conv3d_with(&x, &self.head.0, Some(&self.head.1), options)
    }

    /// The loss after a forward and a backward pass.
    ///
    /// # Errors
    /// Those of candle.
    pub fn train_step(&self) -> Result<f32> {
        let loss = self.unfused()?.sqr()?.mean_all()?;
        loss.backward()?;
        loss.to_scalar()
    }
}
