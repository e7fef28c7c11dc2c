//! Schemes of one plan: what is built, what trains, what borrows nothing at the start.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use renalflow_segmentation::{
    network::{
        Domain, FsNet, NetworkError, Parameters, Plan, Scheme, SegmentationNetwork, Use,
        plan::{Fingerprint, LabelSet, PlanOptions},
    },
    ops,
};
use support::{noise, values};

/// Three levels of 4, 8 and 16 features for two-voxel steps.
fn small_plan(deep_supervision: bool) -> Plan {
    let labels = ["background", "kidney", "tumour"]
        .map(str::to_owned)
        .to_vec();
    let mut options = PlanOptions::new("small", LabelSet::Classes(labels));
    options.base_features = 4;
    options.max_levels = 3;
    options.deep_supervision = deep_supervision;
    let fingerprint = Fingerprint {
        spacings_zyx_mm: vec![[1.25; 3]],
        shapes_zyx: vec![[16, 16, 16]],
    };
    Plan::derive(&fingerprint, &options).unwrap()
}

fn build(scheme: Scheme, used_for: Use) -> FsNet {
    FsNet::new(&small_plan(true), scheme, &Parameters::new(7), used_for).unwrap()
}

fn tensors(net: &FsNet) -> BTreeMap<String, Tensor> {
    let all = net.parameters().all().into_iter();
    all.map(|(name, var)| (name, var.as_tensor().copy().unwrap()))
        .collect()
}

fn image() -> Tensor {
    noise(1, &[1, 1, 16, 8, 12])
}

fn target() -> Tensor {
    let labels: Vec<u8> = (0..16 * 8 * 12).map(|k| (k / 7 % 3) as u8).collect();
    Tensor::from_vec(labels, (1, 16, 8, 12), &Device::Cpu).unwrap()
}

fn gradients(net: &FsNet) -> BTreeMap<String, Vec<f32>> {
    let logits = net.forward(&image(), Domain::Primary).unwrap();
    let grads = ops::dice_ce(&logits[0], &target(), None)
        .unwrap()
        .backward()
        .unwrap();
    let trainable = net.trainable().into_iter();
    trainable
        .filter_map(|(name, var)| grads.get(&var).map(|g| (name, values(g))))
        .collect()
}

/// Parameters of the small plan, counted by hand from the layers' shapes.
#[test]
fn parameter_counts_are_pinned() {
    let conv = |i: usize, o: usize| 27 * i * o + o;
    let norm = |o: usize| 2 * o;
    let stage = |i: usize, o: usize| conv(i, o) + norm(o) + conv(o, o) + norm(o);
    let up = |i: usize, o: usize| 8 * i * o + o;
    let encoder = stage(1, 4) + stage(4, 8) + stage(8, 16);
    let decoder = up(16, 8) + stage(16, 8) + up(8, 4) + stage(8, 4);
    let heads = (4 * 3 + 3) + (8 * 3 + 3);
    let unet = encoder + decoder + heads;
    let norms = 2 * (norm(4) + norm(8)) * 2 + 2 * norm(16);
    let adapters = (4 * 4 + 4 + 1) + (8 * 8 + 8 + 1) + (16 * 16 + 16 + 1);
    let second_channel = 27 * 4;
    assert_eq!(unet, 21_554);
    for (scheme, all, trained) in [
        (Scheme::Scratch, unet, unet),
        (Scheme::Finetune, unet, unet),
        (Scheme::Pooled, unet, unet),
        (Scheme::DomainNorm, unet + norms, unet + norms),
        (
            Scheme::TwoColumnFrozen,
            unet + encoder + adapters,
            unet + adapters,
        ),
        (
            Scheme::TwoColumnJoint,
            2 * unet + adapters,
            2 * unet + adapters,
        ),
        (
            Scheme::PriorChannel,
            2 * unet + second_channel,
            unet + second_channel,
        ),
    ] {
        let net = build(scheme, Use::Training);
        assert_eq!(net.parameters().count(), all, "{scheme}");
        let trainable: usize = net.trainable().values().map(|v| v.elem_count()).sum();
        assert_eq!(trainable, trained, "{scheme}");
        assert_eq!(scheme.name().parse::<Scheme>().unwrap(), scheme);
        let as_json = serde_json::to_string(&scheme).unwrap();
        assert_eq!(as_json, format!("\"{scheme}\""));
    }
}

#[test]
fn two_columns_with_shut_gates_are_scratch_to_the_bit() {
    let scratch = build(Scheme::Scratch, Use::Training);
    let expected = scratch.forward(&image(), Domain::Primary).unwrap();
    let own = gradients(&scratch);
    for scheme in [Scheme::TwoColumnFrozen, Scheme::TwoColumnJoint] {
        let net = build(scheme, Use::Training);
        assert_eq!(net.gates(), [(0, 0.0), (1, 0.0), (2, 0.0)]);
        let logits = net.forward(&image(), Domain::Primary).unwrap();
        assert_eq!(logits.len(), 2);
        for (a, b) in logits.iter().zip(&expected) {
            let bits = |t: &Tensor| -> Vec<u32> { values(t).iter().map(|v| v.to_bits()).collect() };
            assert_eq!(bits(a), bits(b), "{scheme}");
        }
        let grads = gradients(&net);
        for (name, grad) in &own {
            assert_eq!(&grads[name], grad, "{scheme}: {name}");
        }
        // A shut gate is pulled at, and what is behind it is not.
        for level in 0..3 {
            assert!(
                grads[&format!("adapter.{level}.gate")][0] != 0.0,
                "{scheme}"
            );
            assert!(
                grads[&format!("adapter.{level}.weight")]
                    .iter()
                    .all(|&g| g == 0.0)
            );
        }
        let behind = grads
            .keys()
            .filter(|name| name.starts_with("auxiliary."))
            .count();
        assert_eq!(behind > 0, scheme == Scheme::TwoColumnJoint);
    }
}

#[test]
fn open_gates_borrow_and_are_read() {
    for scheme in [Scheme::TwoColumnFrozen, Scheme::TwoColumnJoint] {
        let net = build(scheme, Use::Training);
        let shut = values(&net.forward(&image(), Domain::Primary).unwrap()[0]);
        let half = Tensor::new(&[0.5f32], &Device::Cpu).unwrap();
        net.parameters().set("adapter.1.gate", &half).unwrap();
        assert_eq!(net.gates(), [(0, 0.0), (1, 0.5), (2, 0.0)]);
        let open = values(&net.forward(&image(), Domain::Primary).unwrap()[0]);
        assert!(shut.iter().zip(&open).any(|(a, b)| (a - b).abs() > 1e-4));
        // The same through a network for inference on the same values.
        let infer = FsNet::new(net.plan(), scheme, net.parameters(), Use::Inference).unwrap();
        let logits = infer.forward(&image(), Domain::Primary).unwrap();
        assert_eq!(logits.len(), 1);
        assert_eq!(values(&logits[0]), open);
        assert!(!logits[0].track_op());
    }
}

#[test]
fn domains_have_norms_of_their_own_only_where_asked() {
    for scheme in Scheme::ALL {
        let net = build(scheme, Use::Training);
        let primary = net.forward(&image(), Domain::Primary).unwrap();
        assert_eq!(primary[0].dims(), [1, 3, 16, 8, 12]);
        assert_eq!(primary[1].dims(), [1, 3, 8, 4, 6]);
        let auxiliary = net.forward(&image(), Domain::Auxiliary);
        if scheme == Scheme::TwoColumnFrozen {
            assert!(matches!(
                auxiliary,
                Err(NetworkError::NoAuxiliaryPath { .. })
            ));
            continue;
        }
        let same = values(&auxiliary.unwrap()[0]) == values(&primary[0]);
        // Norms of the domains start alike; the other two columns differ from the start.
        let column = matches!(scheme, Scheme::TwoColumnJoint | Scheme::PriorChannel);
        assert_eq!(same, !column, "{scheme}");
    }
    let net = build(Scheme::DomainNorm, Use::Training);
    let before = [Domain::Primary, Domain::Auxiliary]
        .map(|domain| values(&net.forward(&image(), domain).unwrap()[0]));
    let shift = Tensor::full(1f32, 4, &Device::Cpu).unwrap();
    net.parameters()
        .set("encoder.0.norm2.auxiliary.bias", &shift)
        .unwrap();
    assert_eq!(
        values(&net.forward(&image(), Domain::Primary).unwrap()[0]),
        before[0]
    );
    assert_ne!(
        values(&net.forward(&image(), Domain::Auxiliary).unwrap()[0]),
        before[1]
    );
}

#[test]
fn auxiliary_weights_go_where_the_scheme_says() {
    let trained = FsNet::new(
        &small_plan(true),
        Scheme::Scratch,
        &Parameters::new(99),
        Use::Training,
    )
    .unwrap();
    let weights = tensors(&trained);
    for (scheme, prefix, takes) in [
        (Scheme::Finetune, "", "encoder.0.conv1.weight"),
        (
            Scheme::TwoColumnFrozen,
            "auxiliary.",
            "encoder.2.norm1.bias",
        ),
        (Scheme::TwoColumnJoint, "auxiliary.", "head.1.weight"),
        (Scheme::PriorChannel, "auxiliary.", "decoder.0.up.weight"),
    ] {
        let net = build(scheme, Use::Training);
        net.load_auxiliary(&weights).unwrap();
        let now = tensors(&net);
        assert_eq!(
            values(&now[&format!("{prefix}{takes}")]),
            values(&weights[takes])
        );
        if !prefix.is_empty() {
            assert_ne!(
                values(&now["encoder.0.conv1.weight"]),
                values(&weights["encoder.0.conv1.weight"])
            );
        }
        // The prior network says what the trained one says.
        if scheme == Scheme::PriorChannel {
            let prior = net.forward(&image(), Domain::Auxiliary).unwrap();
            let own = trained.forward(&image(), Domain::Primary).unwrap();
            assert_eq!(values(&prior[0]), values(&own[0]));
        }
        let mut worse = weights.clone();
        worse.remove("encoder.1.conv1.bias");
        worse.insert(
            "encoder.9.bias".to_owned(),
            Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap(),
        );
        worse.insert(
            "encoder.0.norm1.bias".to_owned(),
            Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap(),
        );
        let message = net.load_auxiliary(&worse).unwrap_err().to_string();
        for says in [
            "encoder.1.conv1.bias is missing",
            "encoder.9.bias is not in",
            "[3]",
        ] {
            assert!(message.contains(says), "{message}");
        }
        assert_eq!(tensors(&net).len(), now.len());
    }
    for scheme in [Scheme::Scratch, Scheme::Pooled, Scheme::DomainNorm] {
        let message = build(scheme, Use::Training)
            .load_auxiliary(&weights)
            .unwrap_err();
        assert!(message.to_string().contains("takes no auxiliary weights"));
    }
}

#[test]
fn activations_are_read_by_name() {
    let net = build(Scheme::TwoColumnJoint, Use::Training);
    let names = net.tap_names();
    for name in [
        "encoder.2",
        "encoder.0.conv1",
        "decoder.1",
        "head.0",
        "auxiliary.encoder.2",
    ] {
        assert!(names.iter().any(|n| n == name), "{name} of {names:?}");
    }
    let taps = ["encoder.2", "auxiliary.encoder.1", "head.0"];
    let (logits, found) = net
        .forward_with_taps(&image(), Domain::Primary, &taps)
        .unwrap();
    assert_eq!(found["encoder.2"].dims(), [1, 16, 4, 2, 3]);
    assert_eq!(found["auxiliary.encoder.1"].dims(), [1, 8, 8, 4, 6]);
    assert_eq!(values(&found["head.0"]), values(&logits[0]));
    let fail = |name| {
        let result = net.forward_with_taps(&image(), Domain::Primary, &[name]);
        result.unwrap_err().to_string()
    };
    assert!(fail("encoder.7").contains("there are: encoder.0.conv1, "));
    assert!(fail("auxiliary.decoder.0").contains("takes no part in this pass"));
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let net = build(Scheme::Scratch, Use::Inference);
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    for (x, says) in [
        (zeros(&[1, 1, 16, 16, 18]), "18 along x is no multiple of 4"),
        (zeros(&[1, 2, 16, 16, 16]), "1 input channel"),
        (zeros(&[1, 16, 16, 16]), "[N, C, D, H, W]"),
        (zeros(&[0, 1, 16, 16, 16]), "at least one voxel"),
        (zeros(&[1, 1, 4, 4, 4]).to_dtype(DType::F64).unwrap(), "f32"),
    ] {
        let message = net.forward(&x, Domain::Primary).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn initial_values_depend_on_seed_and_name_alone() {
    let [a, b] = [
        build(Scheme::Scratch, Use::Training),
        build(Scheme::PriorChannel, Use::Training),
    ];
    let name = "encoder.2.conv2.weight";
    assert_eq!(values(&tensors(&a)[name]), values(&tensors(&b)[name]));
    let other = FsNet::new(
        &small_plan(true),
        Scheme::Scratch,
        &Parameters::new(8),
        Use::Training,
    );
    assert_ne!(
        values(&tensors(&a)[name]),
        values(&tensors(&other.unwrap())[name])
    );
    // Kaiming: variance 2 / (1 + 0.01^2) / fan-in.
    let w = values(&tensors(&a)[name]);
    let variance: f32 = w.iter().map(|v| v * v).sum::<f32>() / w.len() as f32;
    let expected = 2.0 / 1.0001 / (27.0 * 16.0);
    assert!(
        (variance / expected - 1.0).abs() < 0.05,
        "{variance} {expected}"
    );
}
