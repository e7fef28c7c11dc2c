//! The U-Net that is timed beside PyTorch: features 16, 32, 64, 128, one input channel, three
//! classes, an input of `[1, 1, 64, 96, 96]`, two blocks a level, strided convolutions down and
//! transposed ones up. 1 402 003 parameters and 63.3 GFLOP forward.
//!
//! The one module of this crate that reads a clock.

use crate::ops::{
    Activations, ConvLayer, ConvOptions, FusedForward, NormActivation, Precision, conv_block,
    conv_transpose3d, conv3d,
};
use candle_core::{Device, Result, Tensor, Var};
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
    /// warm up.
    ///
    /// # Errors
    /// Those of candle.
    pub fn measure(repeats: usize) -> Result<Self> {
        let network = TimedUnet::new()?;
        let mut fused = FusedForward::new();
        Ok(Self {
            forward_s: best(repeats, || network.forward(&mut fused).map(drop))?,
            train_s: best(repeats, || network.train_step().map(drop))?,
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
    weight: Var,
    bias: Var,
    gamma: Var,
    beta: Var,
    stride: [usize; 3],
}

impl Block {
    fn new(channels_in: usize, channels_out: usize, stride: usize) -> Result<Self> {
        let scale = (2.0 / (27 * channels_in) as f64).sqrt();
        let device = &Device::Cpu;
        Ok(Self {
            weight: Var::randn_f64(
                0.0,
                scale,
                (channels_out, channels_in, 3, 3, 3),
                candle_core::DType::F32,
                device,
            )?,
            bias: Var::zeros(channels_out, candle_core::DType::F32, device)?,
            gamma: Var::ones(channels_out, candle_core::DType::F32, device)?,
            beta: Var::zeros(channels_out, candle_core::DType::F32, device)?,
            stride: [stride; 3],
        })
    }

    fn fused(&self, with: &mut FusedForward, inputs: &[&Activations]) -> Result<Activations> {
        with.block(inputs, &self.weight, self.norm(), self.stride, [1; 3])
    }

    fn train(&self, inputs: &[&Tensor]) -> Result<Tensor> {
        let layer = ConvLayer {
            weight: &self.weight,
            bias: &self.bias,
            options: ConvOptions {
                stride: self.stride,
                padding: [1; 3],
                precision: Precision::F32,
            },
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

/// The network and its input.
pub struct TimedUnet {
    input: Tensor,
    down: Vec<[Block; 2]>,
    up: Vec<(Var, Var, [Block; 2])>,
    head: (Var, Var),
}

impl TimedUnet {
    /// The network with random weights and a random input.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new() -> Result<Self> {
        let (dtype, device) = (candle_core::DType::F32, &Device::Cpu);
        let mut down = Vec::new();
        let mut up = Vec::new();
        let mut channels = INPUT[1];
        for (level, features) in FEATURES.into_iter().enumerate() {
            let stride = if level == 0 { 1 } else { 2 };
            down.push([
                Block::new(channels, features, stride)?,
                Block::new(features, features, 1)?,
            ]);
            channels = features;
        }
        for features in FEATURES.into_iter().rev().skip(1) {
            up.push((
                Var::randn_f64(0.0, 0.1, (channels, features, 2, 2, 2), dtype, device)?,
                Var::zeros(features, dtype, device)?,
                [
                    Block::new(2 * features, features, 1)?,
                    Block::new(features, features, 1)?,
                ],
            ));
            channels = features;
        }
        Ok(Self {
            input: Tensor::randn(0f32, 1.0, INPUT.to_vec(), device)?,
            down,
            up,
            head: (
                Var::randn_f64(0.0, 0.1, (CLASSES, channels, 1, 1, 1), dtype, device)?,
                Var::zeros(CLASSES, dtype, device)?,
            ),
        })
    }

    /// The output without gradients, through fused blocks.
    ///
    /// # Shapes
    /// `[1, 3, 64, 96, 96]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn forward(&self, with: &mut FusedForward) -> Result<Tensor> {
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

    /// The output with gradients.
    ///
    /// # Shapes
    /// `[1, 3, 64, 96, 96]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn differentiable(&self) -> Result<Tensor> {
        let mut x = self.input.clone();
        let mut skips = Vec::new();
        for [first, second] in &self.down {
            x = second.train(&[&first.train(&[&x])?])?;
            skips.push(x.clone());
        }
        skips.pop();
        for (weight, bias, [first, second]) in &self.up {
            x = conv_transpose3d(&x, weight, Some(bias), [2; 3])?;
            let skip = skips.pop();
            let inputs: Vec<_> = [&x].into_iter().chain(&skip).collect();
            x = second.train(&[&first.train(&inputs)?])?;
        }
        conv3d(&x, &self.head.0, Some(&self.head.1), [1; 3], [0; 3])
    }

    /// The loss after a forward and a backward pass.
    ///
    /// # Errors
    /// Those of candle.
    pub fn train_step(&self) -> Result<f32> {
        let loss = self.differentiable()?.sqr()?.mean_all()?;
        loss.backward()?;
        loss.to_scalar()
    }
}
