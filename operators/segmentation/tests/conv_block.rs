//! The block of convolution, norm and rectifier against the operations that it stands for.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor, Var};
use renalflow_segmentation::ops::{
    ConvLayer, ConvOptions, NormActivation, Precision, conv_block, conv3d, instance_norm_leaky_relu,
};

fn variable(dims: &[usize]) -> Var {
    Var::from_tensor(&Tensor::randn(0f32, 1.0, dims, &Device::Cpu).unwrap()).unwrap()
}

fn norm(t: &Tensor) -> f32 {
    let squares = t.sqr().unwrap().sum_all().unwrap();
    squares.to_scalar::<f32>().unwrap().sqrt()
}

/// Relative to the reference, in the norm of both as vectors.
fn close(what: &str, ours: &Tensor, reference: &Tensor) {
    assert_eq!(ours.dims(), reference.dims(), "{what}");
    let off = norm(&(ours - reference).unwrap()) / norm(reference);
    assert!(off < 1e-5, "{what}: {off:.1e} off");
}

/// The variables of one block.
struct Layer {
    weight: Var,
    bias: Var,
    gamma: Var,
    beta: Var,
    options: ConvOptions,
}

impl Layer {
    fn new(channels_in: usize, channels_out: usize, stride: [usize; 3]) -> Self {
        Self {
            weight: variable(&[channels_out, channels_in, 3, 3, 3]),
            bias: variable(&[channels_out]),
            gamma: variable(&[channels_out]),
            beta: variable(&[channels_out]),
            options: ConvOptions {
                stride,
                padding: [1; 3],
                precision: Precision::F32,
            },
        }
    }

    fn block(&self, inputs: &[&Tensor]) -> candle_core::Result<Tensor> {
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
            epsilon: 1e-5,
            slope: 0.01,
        }
    }

    fn separate(&self, inputs: &[&Tensor]) -> Tensor {
        let x = Tensor::cat(inputs, 1).unwrap();
        let ConvOptions {
            stride, padding, ..
        } = self.options;
        let y = conv3d(&x, &self.weight, Some(&self.bias), stride, padding).unwrap();
        instance_norm_leaky_relu(&y, &self.gamma, &self.beta, 1e-5, f64::from(0.01f32)).unwrap()
    }
}

#[test]
fn one_input_or_two_are_the_separate_operations() {
    for (channels, stride) in [
        (vec![5], [1; 3]),
        (vec![1], [1; 3]),
        (vec![16], [2; 3]),
        (vec![4, 12], [1; 3]),
        (vec![3, 2], [1, 2, 2]),
    ] {
        let inputs: Vec<Var> = channels
            .iter()
            .map(|&c| variable(&[2, c, 6, 8, 20]))
            .collect();
        let of: Vec<&Tensor> = inputs.iter().map(|x| x.as_tensor()).collect();
        let layer = Layer::new(channels.iter().sum(), 9, stride);
        let (ours, reference) = (layer.block(&of).unwrap(), layer.separate(&of));
        close("y", &ours, &reference);
        // A gradient that differs from voxel to voxel.
        let weights = Tensor::randn(0f32, 1.0, ours.dims(), &Device::Cpu).unwrap();
        let gradients = |y: &Tensor| (y * &weights).unwrap().sum_all().unwrap().backward();
        let (ours, reference) = (gradients(&ours).unwrap(), gradients(&reference).unwrap());
        let Layer {
            weight,
            bias,
            gamma,
            beta,
            ..
        } = &layer;
        for (what, var) in [("weight", weight), ("gamma", gamma), ("beta", beta)] {
            close(what, ours.get(var).unwrap(), reference.get(var).unwrap());
        }
        for (what, input) in ["first", "second"].iter().zip(&inputs) {
            close(
                what,
                ours.get(input).unwrap(),
                reference.get(input).unwrap(),
            );
        }
        // The norm takes the bias out: what the separate operations give it is rounding.
        assert!(norm(ours.get(bias).unwrap()) == 0.0);
        let rounding = norm(reference.get(bias).unwrap());
        assert!(rounding < 1e-3 * norm(reference.get(beta).unwrap()));
    }
}

#[test]
fn gradients_are_computed_for_those_who_ask() {
    let image = Tensor::randn(0f32, 1.0, &[1, 2, 4, 6, 8], &Device::Cpu).unwrap();
    let layer = Layer::new(2, 4, [1; 3]);
    let y = layer.block(&[&image]).unwrap();
    let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&image).is_none());
    assert!(gradients.get(&layer.weight).is_some());
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let x = variable(&[1, 16, 8, 12, 20]);
    let skip = variable(&[1, 16, 8, 12, 20]);
    let layer = Layer::new(32, 16, [1; 3]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let y = layer.block(&[&x, &skip]).unwrap();
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let of = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let vars = [&x, &skip, &layer.weight, &layer.gamma];
            (of(&y), vars.map(|var| of(gradients.get(var).unwrap())))
        })
    };
    let one = run(1);
    assert!((2..5).all(|threads| run(threads) == one));
}

#[test]
fn what_does_not_fit_is_refused() {
    let x = variable(&[1, 4, 4, 6, 8]);
    let other = variable(&[1, 4, 4, 6, 9]);
    let say = |result: candle_core::Result<Tensor>| result.unwrap_err().to_string();
    let layer = Layer::new(8, 4, [1; 3]);
    let said = say(layer.block(&[&x, &other]));
    assert!(said.contains("differ in channels only"), "{said}");
    assert!(layer.block(&[]).is_err());
    let said = say(layer.block(&[&x]));
    assert!(
        said.contains("4 channels and the weights expect 8"),
        "{said}"
    );
    let mut layer = Layer::new(4, 4, [1; 3]);
    layer.gamma = variable(&[5]);
    assert!(say(layer.block(&[&x])).contains("4 output channels"));
}
