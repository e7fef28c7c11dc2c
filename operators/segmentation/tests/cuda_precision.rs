//! What is special to GPUs: numbers of choice, and the same bits on every run. Runs with
//! `RENALFLOW_DEVICE=cuda:N` in a build with the feature `cuda`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use candle_core::{Tensor, Var};
use renalflow_segmentation::{
    network::Parameters,
    ops::{self, ConvOptions, Precision},
};
use support::{close, device, noise_on_device as noise, relative, values};

const OPTIONS: ConvOptions = ConvOptions {
    stride: [1; 3],
    padding: [1; 3],
    precision: Precision::F32,
};

/// Output and gradients of a convolution and what follows it, in numbers of choice.
fn layer(precision: Precision) -> Vec<Tensor> {
    let x = Var::from_tensor(&noise(1, &[2, 16, 12, 20, 24])).unwrap();
    let weight = Var::from_tensor(&noise(2, &[32, 16, 3, 3, 3])).unwrap();
    let up = Var::from_tensor(&noise(3, &[32, 8, 2, 2, 2])).unwrap();
    let bias = Var::from_tensor(&noise(4, &[32])).unwrap();
    let gamma = Var::from_tensor(&noise(5, &[32])).unwrap();
    let options = ConvOptions {
        precision,
        ..OPTIONS
    };
    let y = ops::conv3d_with(&x, &weight, Some(&bias), options).unwrap();
    let y = ops::instance_norm_leaky_relu(&y, &gamma, &bias, 1e-5, 0.01).unwrap();
    let y = ops::conv_transpose3d_with(&y, &up, None, [2; 3], precision).unwrap();
    let grads = y.sqr().unwrap().mean_all().unwrap().backward().unwrap();
    let of = [&x, &weight, &up, &bias, &gamma];
    [y].into_iter()
        .chain(of.map(|v| grads.get(v).unwrap().clone()))
        .collect()
}

/// Skips, with the reason, where the tests run on a CPU.
fn on_gpu() -> bool {
    let gpu = device().is_cuda();
    if !gpu {
        eprintln!("skipped: runs on a CPU; set RENALFLOW_DEVICE=cuda:0 in a build with CUDA");
    }
    gpu
}

#[test]
fn narrow_numbers_stay_near_wide_ones() {
    if !on_gpu() {
        return;
    }
    let wide = layer(Precision::F32);
    for (precision, limit) in [(Precision::Tf32, 5e-3), (Precision::Bf16, 5e-2)] {
        for (k, (narrow, wide)) in layer(precision).iter().zip(&wide).enumerate() {
            close(&format!("{precision} {k}"), narrow, wide, limit);
            // F32 must not be TF32 under another name, nor the other way round. The gradient of
            // a bias in front of a norm is noise, so it is left out.
            if k < 3 {
                assert!(relative(narrow, wide) > 1e-6, "{precision} computes in f32");
            }
        }
    }
}

#[test]
fn the_same_bits_on_every_run() {
    if !on_gpu() {
        return;
    }
    for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
        let first = layer(precision);
        for _ in 0..3 {
            for (a, b) in layer(precision).iter().zip(&first) {
                assert!(values(a) == values(b), "{precision}");
            }
        }
    }
}

#[test]
fn on_a_cpu_every_precision_is_f32() {
    if device().is_cuda() {
        return;
    }
    let wide = layer(Precision::F32);
    for precision in [Precision::Tf32, Precision::Bf16] {
        for (a, b) in layer(precision).iter().zip(&wide) {
            assert!(values(a) == values(b), "{precision}");
        }
    }
}

#[test]
fn parameters_say_where_and_how_they_are_used() {
    let parameters = Parameters::on(3, &device()).with_precision(Precision::Bf16);
    assert!(parameters.device().same_device(&device()));
    assert_eq!(parameters.precision(), Precision::Bf16);
    assert_eq!(Parameters::new(3).precision(), Precision::F32);
    for (word, precision) in [
        ("f32", Precision::F32),
        ("tf32", Precision::Tf32),
        ("bf16", Precision::Bf16),
    ] {
        assert_eq!(word.parse::<Precision>().unwrap(), precision);
        assert_eq!(precision.to_string(), word);
    }
    let error = "fp16".parse::<Precision>().unwrap_err().to_string();
    assert!(error.contains("f32, tf32 or bf16"), "{error}");
}
