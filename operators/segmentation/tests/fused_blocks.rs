//! Fused blocks against the operations that they replace.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor};
use renalflow_segmentation::{
    bench::TimedUnet,
    ops::{FusedForward, NormActivation, Precision, conv_transpose3d, conv3d},
};

fn normal(dims: &[usize]) -> Tensor {
    Tensor::randn(0f32, 1.0, dims, &Device::Cpu).unwrap()
}

/// Instance norm and leaky rectifier from candle's own operations.
fn norm(x: &Tensor, gamma: &Tensor, beta: &Tensor) -> Tensor {
    let (n, c, d, h, w) = x.dims5().unwrap();
    let flat = x.reshape((n, c, d * h * w)).unwrap();
    let centred = flat.broadcast_sub(&flat.mean_keepdim(2).unwrap()).unwrap();
    let variance = centred.sqr().unwrap().mean_keepdim(2).unwrap();
    let y = centred
        .broadcast_div(&(variance + 1e-5).unwrap().sqrt().unwrap())
        .unwrap();
    let channel = |t: &Tensor| t.reshape((1, c, 1)).unwrap();
    let y = y
        .broadcast_mul(&channel(gamma))
        .unwrap()
        .broadcast_add(&channel(beta))
        .unwrap();
    let y = y.maximum(&(&y * 0.01).unwrap()).unwrap();
    y.reshape((n, c, d, h, w)).unwrap()
}

fn relative(a: &Tensor, b: &Tensor) -> f32 {
    let norm = |t: &Tensor| {
        t.sqr()
            .unwrap()
            .sum_all()
            .unwrap()
            .to_scalar::<f32>()
            .unwrap()
            .sqrt()
    };
    norm(&(a - b).unwrap()) / norm(b)
}

#[test]
fn a_small_network_is_the_same_fused() {
    let (x, gamma, beta) = (normal(&[2, 1, 8, 12, 20]), normal(&[8]), normal(&[8]));
    let (w0, w1) = (normal(&[8, 1, 3, 3, 3]), normal(&[8, 8, 3, 3, 3]));
    let (up, up_bias) = (normal(&[8, 4, 2, 2, 2]), normal(&[4]));
    let (w2, head, head_bias) = (
        normal(&[8, 12, 3, 3, 3]),
        normal(&[3, 8, 1, 1, 1]),
        normal(&[3]),
    );

    let a = norm(
        &conv3d(&x, &w0, None, [1; 3], [1; 3]).unwrap(),
        &gamma,
        &beta,
    );
    let b = norm(
        &conv3d(&a, &w1, None, [2; 3], [1; 3]).unwrap(),
        &gamma,
        &beta,
    );
    let u = conv_transpose3d(&b, &up, Some(&up_bias), [2; 3]).unwrap();
    let cat = Tensor::cat(&[&u, &a], 1).unwrap();
    let c = norm(
        &conv3d(&cat, &w2, None, [1; 3], [1; 3]).unwrap(),
        &gamma,
        &beta,
    );
    let y = conv3d(&c, &head, Some(&head_bias), [1; 3], [0; 3]).unwrap();

    let after = NormActivation {
        gamma: &gamma,
        beta: &beta,
        epsilon: 1e-5,
        slope: 0.01,
    };
    let mut fused = FusedForward::new();
    for _ in 0..2 {
        // The second round runs in memory that the first one used.
        let x = fused.input(&x).unwrap();
        let a = fused.block(&[&x], &w0, after, [1; 3], [1; 3]).unwrap();
        let b = fused.block(&[&a], &w1, after, [2; 3], [1; 3]).unwrap();
        let u = fused
            .conv_transpose3d(&b, &up, Some(&up_bias), [2; 3])
            .unwrap();
        let c = fused.block(&[&u, &a], &w2, after, [1; 3], [1; 3]).unwrap();
        let z = fused
            .conv3d(&[&c], &head, Some(&head_bias), [1; 3], [0; 3])
            .unwrap();
        let off = relative(&z.clone().into_tensor().unwrap(), &y);
        assert!(off < 3e-6, "{off:.1e}");
        let off = relative(
            &c.clone().into_tensor().unwrap(),
            &norm(
                &conv3d(&cat, &w2, None, [1; 3], [1; 3]).unwrap(),
                &gamma,
                &beta,
            ),
        );
        assert!(off < 3e-6, "{off:.1e}");
        for done in [x, a, b, u, c, z] {
            fused.give_back(done);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut fused = FusedForward::new();
    let a = fused.input(&normal(&[1, 2, 4, 4, 4])).unwrap();
    let b = fused.input(&normal(&[1, 2, 4, 4, 5])).unwrap();
    let weight = normal(&[3, 4, 3, 3, 3]);
    let say = fused
        .conv3d(&[&a, &b], &weight, None, [1; 3], [1; 3])
        .unwrap_err()
        .to_string();
    assert!(say.contains("differ in channels only"), "{say}");
    assert!(fused.conv3d(&[], &weight, None, [1; 3], [1; 3]).is_err());
}

#[test]
fn the_timed_network_is_the_same_fused() {
    let network = TimedUnet::new(&Device::Cpu, Precision::F32).unwrap();
    let inference = network.without_gradients();
    let y = inference.fused(&mut FusedForward::new()).unwrap();
    let truth = network.unfused().unwrap();
    assert!(truth.track_op() && !inference.unfused().unwrap().track_op());
    let off = relative(&y, &truth);
    eprintln!("{off:.1e} off");
    assert!(off < 1e-5, "{off:.1e}");
}
