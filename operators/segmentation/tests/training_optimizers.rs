//! The optimisers beside PyTorch's, and what a saved state is worth.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use renalflow_segmentation::training::optimizer::{
    AdamWOptions, Named, Optimizer, OptimizerOptions, Parameters, Poly, SgdOptions, clip_scale,
    global_norm, named,
};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("data/training_optimizers.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn tensors(golden: &Value, key: &str, dtype: DType) -> Named {
    golden[key]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, values)| {
            let shape: Vec<usize> = numbers(&golden["shapes"][name])
                .iter()
                .map(|n| *n as usize)
                .collect();
            let tensor = Tensor::from_vec(numbers(values), shape, &Device::Cpu).unwrap();
            (name.clone(), tensor.to_dtype(dtype).unwrap())
        })
        .collect()
}

fn parameters(start: &Named) -> Parameters {
    start
        .iter()
        .map(|(name, t)| (name.clone(), Var::from_tensor(&t.copy().unwrap()).unwrap()))
        .collect()
}

fn gradients(golden: &Value, parameters: &Parameters, dtype: DType) -> Named {
    let (target, curvature) = (
        tensors(golden, "target", dtype),
        tensors(golden, "curvature", dtype),
    );
    let mut loss = Tensor::zeros((), dtype, &Device::Cpu).unwrap();
    for (name, p) in parameters {
        let distance = (p.as_tensor() - &target[name]).unwrap().sqr().unwrap();
        let part = (distance * &curvature[name]).unwrap().sum_all().unwrap();
        loss = (loss + (part * 0.5).unwrap()).unwrap();
    }
    named(parameters, &loss.backward().unwrap())
}

fn options(run: &Value) -> OptimizerOptions {
    let o = &run["options"];
    match run["kind"].as_str().unwrap() {
        "sgd" => OptimizerOptions::Sgd(SgdOptions {
            momentum: o["momentum"].as_f64().unwrap(),
            nesterov: o["nesterov"].as_bool().unwrap(),
            weight_decay: o["weight_decay"].as_f64().unwrap(),
        }),
        _ => OptimizerOptions::AdamW(AdamWOptions {
            beta1: o["betas"][0].as_f64().unwrap(),
            beta2: o["betas"][1].as_f64().unwrap(),
            epsilon: o["eps"].as_f64().unwrap(),
            weight_decay: o["weight_decay"].as_f64().unwrap(),
        }),
    }
}

fn one_step(
    golden: &Value,
    run: &Value,
    optimizer: &mut dyn Optimizer,
    parameters: &Parameters,
    step: usize,
    dtype: DType,
) -> f64 {
    let rate = golden["rate"].as_f64().unwrap();
    let schedule = Poly::new(rate, 0.9, 10).unwrap();
    let gradients = gradients(golden, parameters, dtype);
    let norm = global_norm(&gradients).unwrap();
    let scale = if run["clip"].as_bool().unwrap() {
        clip_scale(norm, 3.0)
    } else {
        1.0
    };
    optimizer
        .step(parameters, &gradients, schedule.rate(step), scale)
        .unwrap();
    norm
}

#[test]
fn ten_steps_are_pytorchs() {
    let golden = golden();
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for (dtype, key, tolerance) in [(DType::F64, "f64", 2e-13), (DType::F32, "f32", 2e-6)] {
        for run in golden["runs"].as_array().unwrap() {
            let parameters = parameters(&tensors(&golden, "start", dtype));
            let mut optimizer = options(run).build().unwrap();
            for step in 0..10 {
                let norm = one_step(&golden, run, &mut *optimizer, &parameters, step, dtype);
                let expected = run["norms"][step].as_f64().unwrap();
                assert!(
                    (norm / expected - 1.0).abs() < 10.0 * tolerance,
                    "{norm} {expected}"
                );
                for (name, p) in &parameters {
                    let found = p.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
                    let expected = numbers(&run["steps"][step][name]);
                    for (a, b) in found.to_vec1::<f64>().unwrap().iter().zip(&expected) {
                        let deviation = (a - b).abs() / b.abs().max(1.0);
                        let largest = worst.entry(key).or_default();
                        *largest = largest.max(deviation);
                        assert!(
                            deviation < tolerance,
                            "{key} {} step {step} {name}: {a}, PyTorch {b}",
                            run["name"]
                        );
                    }
                }
            }
        }
    }
    eprintln!("largest deviations from PyTorch: {worst:?}");
}

#[test]
fn a_restored_state_goes_on_bit_for_bit() {
    let golden = golden();
    let bits = |parameters: &Parameters| -> Vec<u32> {
        parameters
            .values()
            .flat_map(|p| p.flatten_all().unwrap().to_vec1::<f32>().unwrap())
            .map(f32::to_bits)
            .collect()
    };
    for run in golden["runs"].as_array().unwrap() {
        let parameters_a = parameters(&tensors(&golden, "start", DType::F32));
        let mut a = options(run).build().unwrap();
        for step in 0..3 {
            one_step(&golden, run, &mut *a, &parameters_a, step, DType::F32);
        }
        let parameters_b = parameters(
            &parameters_a
                .iter()
                .map(|(n, p)| (n.clone(), p.as_tensor().clone()))
                .collect(),
        );
        let mut b = options(run).build().unwrap();
        b.restore(&parameters_b, &a.state()).unwrap();
        let mut forgetful = options(run).build().unwrap();
        let parameters_c = parameters(
            &parameters_a
                .iter()
                .map(|(n, p)| (n.clone(), p.as_tensor().clone()))
                .collect(),
        );
        for step in 3..6 {
            one_step(&golden, run, &mut *a, &parameters_a, step, DType::F32);
            one_step(&golden, run, &mut *b, &parameters_b, step, DType::F32);
            one_step(
                &golden,
                run,
                &mut *forgetful,
                &parameters_c,
                step,
                DType::F32,
            );
        }
        assert_eq!(bits(&parameters_a), bits(&parameters_b), "{}", run["name"]);
        if run["name"] != "sgd plain" {
            assert_ne!(bits(&parameters_a), bits(&parameters_c), "{}", run["name"]);
        }
    }
}

#[test]
fn states_of_another_network_are_refused_by_name() {
    let golden = golden();
    let parameters = parameters(&tensors(&golden, "start", DType::F32));
    for options in [
        OptimizerOptions::default(),
        OptimizerOptions::AdamW(AdamWOptions::default()),
    ] {
        let kind = if options == OptimizerOptions::default() {
            "momentum"
        } else {
            "mean"
        };
        let mut optimizer = options.build().unwrap();
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        let unknown = Named::from([(format!("{kind}/c.weight"), zeros(&[2]))]);
        let message = optimizer.restore(&parameters, &unknown).unwrap_err();
        assert!(message.to_string().contains("c.weight"), "{message}");
        let shape = Named::from([(format!("{kind}/b.bias"), zeros(&[6]))]);
        let message = optimizer.restore(&parameters, &shape).unwrap_err();
        assert!(message.to_string().contains("[6]"), "{message}");
        assert!(optimizer.state().is_empty());
    }
}

#[test]
fn without_a_gradient_nothing_moves() {
    let golden = golden();
    let parameters = parameters(&tensors(&golden, "start", DType::F32));
    let mut gradients = gradients(&golden, &parameters, DType::F32);
    gradients.remove("a.weight");
    let before = parameters["a.weight"].to_vec2::<f32>().unwrap();
    let mut optimizer = OptimizerOptions::AdamW(AdamWOptions::default())
        .build()
        .unwrap();
    optimizer.step(&parameters, &gradients, 0.1, 1.0).unwrap();
    assert_eq!(parameters["a.weight"].to_vec2::<f32>().unwrap(), before);
    assert!(!optimizer.state().contains_key("mean/a.weight"));
}

#[test]
fn options_out_of_range_are_refused() {
    for (momentum, nesterov, weight_decay) in [
        (1.0, false, 0.0),
        (f64::NAN, false, 0.0),
        (0.0, true, 0.0),
        (0.9, true, -1.0),
    ] {
        let options = SgdOptions {
            momentum,
            nesterov,
            weight_decay,
        };
        assert!(
            OptimizerOptions::Sgd(options).build().is_err(),
            "{options:?}"
        );
    }
    for (rate, exponent, epochs) in [
        (0.0, 0.9, 1),
        (f64::NAN, 0.9, 1),
        (0.1, -1.0, 1),
        (0.1, 0.9, 0),
    ] {
        assert!(Poly::new(rate, exponent, epochs).is_err());
    }
    let schedule = Poly::new(0.01, 0.9, 1000).unwrap();
    assert_eq!(schedule.rate(0), 0.01);
    assert!((schedule.rate(500) - 0.01 * 0.5f64.powf(0.9)).abs() < 1e-18);
    assert_eq!(schedule.rate(1000), 0.0);
    assert_eq!(schedule.rate(2000), 0.0);
}
