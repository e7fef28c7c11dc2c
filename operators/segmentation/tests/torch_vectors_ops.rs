//! Normalisation, activation, pooling, resizing and the loss against PyTorch in float64, and
//! what PyTorch's vectors do not reach.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use candle_core::{DType, Device, Tensor, Var};
use renalflow_segmentation::ops;
use support::{close, device, noise_on_device as noise, values, vectors};

const LIMIT: f64 = 1e-5;

/// The gradient of `sum(y gy)`.
fn gradient(y: &Tensor, gy: &Tensor, of: &Var) -> Tensor {
    let grads = (y * gy).unwrap().sum_all().unwrap().backward().unwrap();
    grads.get(of).unwrap().clone()
}

#[test]
fn torch_vectors_instance_norm() {
    let Some(v) = vectors() else { return };
    let eps = v.number("instance_norm", "eps");
    let [x, gamma, beta] = ["x", "weight", "bias"].map(|n| v.var(&format!("instance_norm.{n}")));
    let y = ops::instance_norm(&x, &gamma, &beta, eps).unwrap();
    close("y", &y, v.get("instance_norm.y"), LIMIT);
    let gy = v.get("instance_norm.gy");
    for (of, name) in [
        (&x, "grad_x"),
        (&gamma, "grad_weight"),
        (&beta, "grad_bias"),
    ] {
        let expected = v.get(&format!("instance_norm.{name}"));
        close(name, &gradient(&y, gy, of), expected, LIMIT);
    }
}

#[test]
fn torch_vectors_leaky_relu() {
    let Some(v) = vectors() else { return };
    let x = v.var("leaky_relu.x");
    let y = ops::leaky_relu(&x, v.number("leaky_relu", "negative_slope")).unwrap();
    close("y", &y, v.get("leaky_relu.y"), LIMIT);
    let grad = gradient(&y, v.get("leaky_relu.gy"), &x);
    close("grad_x", &grad, v.get("leaky_relu.grad_x"), LIMIT);
}

#[test]
fn torch_vectors_fused_norm_and_rectifier_are_the_two_in_turn() {
    let Some(v) = vectors() else { return };
    let eps = v.number("instance_norm", "eps");
    let slope = v.number("leaky_relu", "negative_slope");
    let [x, gamma, beta] = ["x", "weight", "bias"].map(|n| v.var(&format!("instance_norm.{n}")));
    let fused = ops::instance_norm_leaky_relu(&x, &gamma, &beta, eps, slope).unwrap();
    let turns = ops::instance_norm(&x, &gamma, &beta, eps).unwrap();
    let turns = ops::leaky_relu(&turns, slope).unwrap();
    assert_eq!(values(&fused), values(&turns));
    let gy = v.get("instance_norm.gy");
    for of in [&x, &gamma, &beta] {
        assert_eq!(
            values(&gradient(&fused, gy, of)),
            values(&gradient(&turns, gy, of))
        );
    }
}

#[test]
fn torch_vectors_pooling() {
    let Some(v) = vectors() else { return };
    type Pool = fn(&Tensor, [usize; 3], [usize; 3]) -> candle_core::Result<Tensor>;
    for (case, pool) in [
        ("max_pool3d", ops::max_pool3d as Pool),
        ("avg_pool3d", ops::avg_pool3d),
    ] {
        let kernel = [v.number(case, "kernel") as usize; 3];
        let x = v.var(&format!("{case}.x"));
        let y = pool(&x, kernel, kernel).unwrap();
        assert_eq!(y.dims(), v.get(&format!("{case}.y")).dims());
        close(case, &y, v.get(&format!("{case}.y")), LIMIT);
        let grad = gradient(&y, v.get(&format!("{case}.gy")), &x);
        close(case, &grad, v.get(&format!("{case}.grad_x")), LIMIT);
    }
}

#[test]
fn torch_vectors_upsample_trilinear() {
    let Some(v) = vectors() else { return };
    let x = v.var("upsample_trilinear.x");
    let scale = v.settings["upsample_trilinear"]["scale"]
        .as_array()
        .unwrap();
    let size = [0, 1, 2].map(|a| x.dims()[2 + a] * scale[a].as_u64().unwrap() as usize);
    let y = ops::upsample_trilinear(&x, size).unwrap();
    close("y", &y, v.get("upsample_trilinear.y"), LIMIT);
    let grad = gradient(&y, v.get("upsample_trilinear.gy"), &x);
    close("grad_x", &grad, v.get("upsample_trilinear.grad_x"), LIMIT);
}

#[test]
fn torch_vectors_dice_ce() {
    let Some(v) = vectors() else { return };
    let logits = v.var("dice_ce.logits");
    for dtype in [DType::F32, DType::U8, DType::U32, DType::I64] {
        let target = v.get("dice_ce.target").to_dtype(dtype).unwrap();
        let loss = ops::dice_ce(&logits, &target, None).unwrap();
        close("loss", &loss, v.get("dice_ce.loss"), LIMIT);
        let grads = loss.backward().unwrap();
        let grad = grads.get(&logits).unwrap();
        close("grad_logits", grad, v.get("dice_ce.grad_logits"), LIMIT);
    }
}

/// The binary loss of regions, written with candle's own operations.
fn dice_bce_by_definition(logits: &Tensor, inside: &Tensor) -> Tensor {
    let p = candle_nn::ops::sigmoid(logits).unwrap();
    let entropy = ((inside * p.log().unwrap()).unwrap()
        + ((1.0 - inside).unwrap() * (1.0 - &p).unwrap().log().unwrap()).unwrap())
    .unwrap();
    let sum = |t: Tensor| t.flatten_from(2).unwrap().sum(2).unwrap();
    let above = (2.0 * sum((&p * inside).unwrap())).unwrap();
    let below = (sum(p) + sum(inside.clone())).unwrap();
    let dice = ((above + 1e-5).unwrap() / (below + 1e-5).unwrap()).unwrap();
    (entropy.mean_all().unwrap().neg().unwrap() - dice.mean_all().unwrap()).unwrap()
}

#[test]
fn regions_follow_their_definition() {
    let logits = Var::from_tensor(&(noise(1, &[2, 2, 3, 5, 107]) * 4.0).unwrap()).unwrap();
    let labels: Vec<u32> = (0..2 * 3 * 5 * 107).map(|k| (k * 7 + k / 11) % 3).collect();
    let inside: Vec<f32> = labels
        .chunks(3 * 5 * 107)
        .flat_map(|sample| {
            let outer = sample.iter().map(|&l| f32::from(l > 0));
            outer.chain(sample.iter().map(|&l| f32::from(l == 2)))
        })
        .collect();
    let inside = Tensor::from_vec(inside, logits.shape(), &device()).unwrap();
    let labels = Tensor::from_vec(labels, (2, 3, 5, 107), &device()).unwrap();
    let loss = ops::dice_bce(&logits, &labels, &[vec![1, 2], vec![2]], None).unwrap();
    let expected = dice_bce_by_definition(&logits, &inside);
    close("loss", &loss, &expected, LIMIT);
    let (grads, wanted) = (loss.backward().unwrap(), expected.backward().unwrap());
    close(
        "grad",
        grads.get(&logits).unwrap(),
        wanted.get(&logits).unwrap(),
        LIMIT,
    );
}

#[test]
fn ignored_voxels_count_nowhere() {
    // The same voxels once with ignored ones between them, which hold anything.
    let kept = noise(2, &[1, 3, 1, 1, 1500]);
    let other = (noise(3, &[1, 3, 1, 1, 1500]) * f64::INFINITY).unwrap();
    let both = Tensor::stack(&[&kept, &other], 5)
        .unwrap()
        .reshape((1, 3, 1, 1, 3000))
        .unwrap();
    let labels: Vec<u8> = (0..1500).map(|k| (k % 3) as u8).collect();
    let mixed: Vec<u8> = labels.iter().flat_map(|&l| [l, 255]).collect();
    let labels = Tensor::from_vec(labels, (1, 1, 1, 1500), &device()).unwrap();
    let mixed = Tensor::from_vec(mixed, (1, 1, 1, 3000), &device()).unwrap();
    let regions = [vec![1, 2], vec![2]];
    let (kept, both) = (
        Var::from_tensor(&kept).unwrap(),
        Var::from_tensor(&both).unwrap(),
    );
    let two = |t: &Tensor| t.narrow(1, 0, 2).unwrap();
    let pairs = [
        (
            ops::dice_ce(&kept, &labels, None).unwrap(),
            ops::dice_ce(&both, &mixed, Some(255)).unwrap(),
        ),
        (
            ops::dice_bce(&two(&kept), &labels, &regions, None).unwrap(),
            ops::dice_bce(&two(&both), &mixed, &regions, Some(255)).unwrap(),
        ),
    ];
    for (without, with) in pairs {
        close("loss", &with, &without, LIMIT);
        let grad = with.backward().unwrap().get(&both).unwrap().clone();
        let grad = grad.reshape((3, 1500, 2)).unwrap();
        let expected = without.backward().unwrap().get(&kept).unwrap().clone();
        close(
            "grad",
            &grad.narrow(2, 0, 1).unwrap().contiguous().unwrap(),
            &expected,
            LIMIT,
        );
        let ignored = values(&grad.narrow(2, 1, 1).unwrap().contiguous().unwrap());
        assert!(ignored.iter().all(|&g| g == 0.0));
    }
}

#[test]
fn no_nan_at_the_edges() {
    let finite = |t: &Tensor| assert!(values(t).iter().all(|v| v.is_finite()), "{t}");
    let [gamma, beta] = [2.0f32, 0.5].map(|v| Tensor::full(v, 3, &device()).unwrap());
    for dims in [[1, 3, 4, 4, 4], [2, 3, 1, 1, 1]] {
        let x = Var::from_tensor(&Tensor::full(1e6f32, &dims, &device()).unwrap()).unwrap();
        let y = ops::instance_norm_leaky_relu(&x, &gamma, &beta, 1e-5, 0.01).unwrap();
        assert!(values(&y).iter().all(|&v| v == 0.5));
        finite(&gradient(&y, &y.ones_like().unwrap(), &x));
    }
    // Classes that are absent, one voxel, and logits far out.
    for scale in [1.0, 1e4, 1e30] {
        for dims in [[1, 3, 2, 3, 4], [1, 3, 1, 1, 1]] {
            let logits = Var::from_tensor(&(noise(4, &dims) * scale).unwrap()).unwrap();
            for label in [0u8, 1] {
                let target = Tensor::full(label, (1, dims[2], dims[3], dims[4]), &device());
                let target = target.unwrap();
                let regions = [vec![1, 2], vec![2], vec![1]];
                for loss in [
                    ops::dice_ce(&logits, &target, None).unwrap(),
                    ops::dice_ce(&logits, &target, Some(u32::from(label))).unwrap(),
                    ops::dice_bce(&logits, &target, &regions, None).unwrap(),
                ] {
                    finite(&loss);
                    finite(loss.backward().unwrap().get(&logits).unwrap());
                }
            }
        }
    }
}

#[test]
fn large_means_keep_their_digits() {
    let x = noise(5, &[1, 1, 1, 1, 300_001]);
    let far = (&x + 4096.0).unwrap();
    let near = (&far - 4096.0).unwrap(); // rounded alike
    let [gamma, beta] = [1.0f32, 0.0].map(|v| Tensor::full(v, 1, &device()).unwrap());
    let [far, near] = [far, near].map(|x| ops::instance_norm(&x, &gamma, &beta, 1e-5).unwrap());
    // What remains is the mean itself, which f32 holds to 2e-4 here.
    close("far", &far, &near, 1e-3);
    let spread = (far
        .sqr()
        .unwrap()
        .mean_all()
        .unwrap()
        .to_vec0::<f32>()
        .unwrap()
        - 1.0)
        .abs();
    assert!(spread < 1e-3, "{spread}");
}

#[test]
fn resizing_is_adjoint_to_its_gradient_and_nearest_copies() {
    for size in [[7, 3, 9], [2, 2, 2], [1, 11, 4], [3, 4, 5]] {
        let x = Var::from_tensor(&noise(6, &[2, 3, 3, 4, 5])).unwrap();
        let gy = noise(7, &[2, 3, size[0], size[1], size[2]]);
        for y in [
            ops::upsample_trilinear(&x, size),
            ops::upsample_nearest(&x, size),
        ] {
            let y = y.unwrap();
            // Linear in x: <y, gy> = <x, gradient>.
            let left: f64 = values(&y)
                .iter()
                .zip(values(&gy))
                .map(|(a, b)| f64::from(a * b))
                .sum();
            let right: f64 = values(&x)
                .iter()
                .zip(values(&gradient(&y, &gy, &x)))
                .map(|(a, b)| f64::from(a * b))
                .sum();
            assert!(
                (left - right).abs() < 1e-4 * left.abs().max(1.0),
                "{left} {right}"
            );
        }
    }
    let x = noise(8, &[1, 1, 3, 4, 5]);
    assert_eq!(
        values(&ops::upsample_nearest(&x, [3, 4, 5]).unwrap()),
        values(&x)
    );
    assert_eq!(
        values(&ops::upsample_trilinear(&x, [3, 4, 5]).unwrap()),
        values(&x)
    );
    let twice = ops::upsample_nearest(&x, [6, 8, 10]).unwrap();
    for (index, value) in values(&twice).into_iter().enumerate() {
        let [z, y, w] = [index / 80, index / 10 % 8, index % 10].map(|k| k / 2);
        assert_eq!(value, values(&x)[(z * 4 + y) * 5 + w]);
    }
}

#[test]
fn overlapping_windows_share_their_gradient() {
    let x = Var::from_tensor(&noise(9, &[1, 2, 5, 6, 7])).unwrap();
    let y = ops::avg_pool3d(&x, [3, 2, 3], [1, 2, 2]).unwrap();
    assert_eq!(y.dims(), [1, 2, 3, 3, 3]);
    let grad = gradient(&y, &y.ones_like().unwrap(), &x);
    let total: f32 = values(&grad).iter().sum();
    assert!((total - 54.0).abs() < 1e-3, "{total}");
    // Equal values: the first of the window takes it all.
    let flat = Var::from_tensor(&Tensor::ones((1, 1, 3, 3, 3), DType::F32, &device()).unwrap());
    let flat = flat.unwrap();
    let y = ops::max_pool3d(&flat, [2, 2, 2], [1, 1, 1]).unwrap();
    let grad = values(&gradient(&y, &y.ones_like().unwrap(), &flat));
    assert_eq!(grad.iter().filter(|&&g| g == 1.0).count(), 8);
    assert_eq!(grad[26], 0.0);
}

#[test]
fn a_gate_adds_and_is_exact_at_zero() {
    let (x, a) = (
        Var::from_tensor(&noise(10, &[1, 2, 3, 4, 5])),
        noise(11, &[1, 2, 3, 4, 5]),
    );
    let (x, a) = (x.unwrap(), Var::from_tensor(&a).unwrap());
    let gy = noise(12, &[1, 2, 3, 4, 5]);
    let shut = Var::zeros(1, DType::F32, &device()).unwrap();
    let infinite = (a.as_tensor() * f64::INFINITY).unwrap();
    assert_eq!(
        values(&ops::gated_add(&x, &infinite, &shut).unwrap()),
        values(&x)
    );
    let gate = Var::from_vec(vec![0.5f32], 1, &device()).unwrap();
    let y = ops::gated_add(&x, &a, &gate).unwrap();
    close(
        "y",
        &y,
        &(x.as_tensor() + (a.as_tensor() * 0.5).unwrap()).unwrap(),
        1e-7,
    );
    assert_eq!(values(&gradient(&y, &gy, &x)), values(&gy));
    close(
        "grad_a",
        &gradient(&y, &gy, &a),
        &(&gy * 0.5).unwrap(),
        1e-7,
    );
    let product = (&gy * a.as_tensor()).unwrap().sum_all().unwrap();
    close("grad_gate", &gradient(&y, &gy, &gate), &product, 1e-5);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let x = Var::from_tensor(&noise(13, &[2, 3, 40, 50, 45])).unwrap();
            let [gamma, beta] = [1.5f32, 0.1]
                .map(|v| Var::from_tensor(&Tensor::full(v, 3, &device()).unwrap()).unwrap());
            let y = ops::instance_norm_leaky_relu(&x, &gamma, &beta, 1e-5, 0.01).unwrap();
            let y = ops::upsample_trilinear(&y, [20, 70, 45]).unwrap();
            let labels: Vec<u8> = (0..2 * 20 * 70 * 45).map(|k| (k / 5 % 3) as u8).collect();
            let labels = Tensor::from_vec(labels, (2, 20, 70, 45), &device()).unwrap();
            let loss = ops::dice_ce(&y, &labels, None).unwrap();
            let grads = loss.backward().unwrap();
            [&x, &gamma, &beta].map(|v| values(grads.get(v).unwrap()))
        })
    };
    assert!(run(1) == run(5));
}

#[test]
fn mistakes_are_named() {
    let x = noise(14, &[1, 2, 3, 4, 5]);
    let two = Tensor::ones(2, DType::F32, &device()).unwrap();
    let three = Tensor::ones(3, DType::F32, &device()).unwrap();
    let labels = Tensor::full(7u8, (1, 3, 4, 5), &device()).unwrap();
    let none = Tensor::zeros((1, 2, 0, 4, 5), DType::F32, &Device::Cpu).unwrap();
    for (result, says) in [
        (
            ops::instance_norm(&x, &three, &two, 1e-5),
            "gamma has shape [3]",
        ),
        (ops::instance_norm(&x, &two, &two, 0.0), "eps is 0"),
        (
            ops::instance_norm(&none, &two, &two, 1e-5),
            "there is no voxel",
        ),
        (
            ops::leaky_relu(&x.to_dtype(DType::F64).unwrap(), 0.1),
            "computes in f32",
        ),
        (
            ops::max_pool3d(&x, [4, 1, 1], [1, 1, 1]),
            "does not fit the input [3, 4, 5]",
        ),
        (ops::upsample_nearest(&x, [0, 1, 1]), "extent of 0"),
        (ops::dice_ce(&x, &labels, None), "label 7"),
        (
            ops::dice_ce(&x, &labels.squeeze(0).unwrap(), None),
            "must be [1, 3, 4, 5]",
        ),
        (
            ops::dice_bce(&x, &labels, &[vec![1]], None),
            "1 regions for 2 channels",
        ),
    ] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}
