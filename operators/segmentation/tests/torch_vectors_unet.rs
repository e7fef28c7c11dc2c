//! The U-Net of PyTorch's vectors: its logits and its first eight steps of training, and the
//! size of the U-Net that the benchmark times.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;

use candle_core::{DType, Tensor, Var};
use renalflow_segmentation::{
    network::{
        Domain, FsNet, Parameters, Plan, Scheme, SegmentationNetwork, Use,
        plan::{Chosen, LabelSet, Level, PLAN_FORMAT, Window},
    },
    ops,
};
use support::{Vectors, close, device, values, vectors};

fn plan(channels_in: usize, features: &[usize], classes: usize, patch: usize) -> Plan {
    let set = "set by hand";
    let levels = features.iter().enumerate().map(|(l, &features)| Level {
        kernel_zyx: [3; 3],
        stride_zyx: [if l == 0 { 1 } else { 2 }; 3],
        features,
        reason: set.to_owned(),
    });
    Plan {
        format: PLAN_FORMAT,
        name: "by hand".to_owned(),
        channels_in,
        spacing_zyx_mm: Chosen::new([1.0; 3], set),
        patch_zyx: Chosen::new([patch; 3], set),
        window: Chosen::new(
            Window::Ends {
                low_hu: -160.0,
                high_hu: 240.0,
            },
            set,
        ),
        levels: levels.collect(),
        convs_per_level: Chosen::new(2, set),
        labels: Chosen::new(
            LabelSet::Classes((0..classes).map(|c| format!("class {c}")).collect()),
            set,
        ),
        deep_supervision: Chosen::new(false, set),
    }
}

/// PyTorch's name of a parameter of ours: `enc.{level}.{block}.{0 conv, 1 norm}`, decoder
/// levels and ups counted from the coarsest.
fn torch_name(ours: &str, levels: usize) -> String {
    let parts: Vec<&str> = ours.split('.').collect();
    let layer = |name: &str| {
        let (kind, block) = name.split_at(4);
        let block = block.parse::<usize>().unwrap() - 1;
        format!("{block}.{}", usize::from(kind == "norm"))
    };
    let from_coarsest = |l: &str| levels - 2 - l.parse::<usize>().unwrap();
    match *parts {
        ["encoder", l, name, end] => format!("enc.{l}.{}.{end}", layer(name)),
        ["decoder", l, "up", end] => format!("up.{}.{end}", from_coarsest(l)),
        ["decoder", l, name, end] => format!("dec.{}.{}.{end}", from_coarsest(l), layer(name)),
        ["head", "0", end] => format!("head.{end}"),
        _ => panic!("{ours}"),
    }
}

fn network(v: &Vectors) -> FsNet {
    let features: Vec<usize> =
        serde_json::from_value(v.settings["unet"]["features"].clone()).unwrap();
    let x = v.get("unet.x").dims();
    let plan = plan(x[1], &features, v.get("unet.y0").dims()[1], x[2]);
    let parameters = Parameters::on(0, &device());
    let net = FsNet::new(&plan, Scheme::Scratch, &parameters, Use::Training).unwrap();
    let names = net.parameters().all();
    let of_torch = v
        .tensors
        .keys()
        .filter(|name| name.starts_with("unet.init."))
        .count();
    assert_eq!(names.len(), of_torch);
    for name in names.keys() {
        let torch = v.get(&format!("unet.init.{}", torch_name(name, features.len())));
        net.parameters().set(name, torch).unwrap();
    }
    net
}

/// PyTorch's SGD: `g += decay w; m = momentum m + g; w -= rate (g + momentum m)`.
struct Sgd {
    rate: f64,
    momentum: f64,
    decay: f64,
    moments: BTreeMap<String, Tensor>,
}

impl Sgd {
    /// From the sentence in the vectors' settings.
    fn read(text: &str) -> Self {
        let after = |word: &str| -> f64 {
            let rest = text.split(word).nth(1).unwrap().trim_start();
            let end = rest.find([',', ' ']).unwrap_or(rest.len());
            rest[..end].parse().unwrap()
        };
        Self {
            rate: after("lr"),
            momentum: after("Nesterov momentum"),
            decay: after("weight decay"),
            moments: BTreeMap::new(),
        }
    }

    fn step(&mut self, name: &str, var: &Var, grad: &Tensor) {
        let w = var.as_tensor().detach();
        let g = (grad.detach() + (&w * self.decay).unwrap()).unwrap();
        let m = match self.moments.get(name) {
            Some(m) => ((m * self.momentum).unwrap() + &g).unwrap(),
            None => g.clone(),
        };
        let step = (g + (&m * self.momentum).unwrap()).unwrap();
        var.set(&(w - (step * self.rate).unwrap()).unwrap())
            .unwrap();
        self.moments.insert(name.to_owned(), m);
    }
}

#[test]
fn torch_vectors_unet() {
    let Some(v) = vectors() else { return };
    let net = network(&v);
    let x = v.get("unet.x");
    let target = v.get("unet.target").to_dtype(DType::U8).unwrap();
    let y0 = net.forward(x, Domain::Primary).unwrap();
    close("y0", &y0[0], v.get("unet.y0"), 1e-5);

    let mut sgd = Sgd::read(v.settings["unet"]["optimiser"].as_str().unwrap());
    let losses: Vec<f64> = serde_json::from_value(v.settings["unet"]["losses"].clone()).unwrap();
    assert_eq!(losses.len(), values(v.get("unet.losses")).len());
    for (step, expected) in losses.iter().enumerate() {
        let logits = net.forward(x, Domain::Primary).unwrap();
        let loss = ops::dice_ce(&logits[0], &target, None).unwrap();
        let value = f64::from(loss.to_vec0::<f32>().unwrap());
        println!("step {step}: {value} off by {:.1e}", value - expected);
        assert!(
            (value - expected).abs() < 1e-4,
            "step {step}: {value}, PyTorch {expected}"
        );
        let grads = loss.backward().unwrap();
        for (name, var) in net.trainable() {
            sgd.step(&name, &var, grads.get(&var).unwrap());
        }
    }
    let y8 = net.forward(x, Domain::Primary).unwrap();
    // Rounding can put one activation on the other side of the rectifier's kink, and momentum
    // carries that on: PyTorch in float64 from initial weights disturbed by 3e-7 ends between
    // 1e-6 and 1.3e-3 from these vectors (16 draws, two of them above 9e-4).
    close("y8", &y8[0], v.get("unet.y8"), 3e-3);
    let levels = net.plan().levels.len();
    for (name, var) in net.parameters().all() {
        let torch = v.get(&format!("unet.after8.{}", torch_name(&name, levels)));
        // Shifts of normalisations start at 0 and are but the sum of eight small steps.
        let shift = name.contains(".norm") && name.ends_with(".bias");
        close(&name, &var, torch, if shift { 3e-2 } else { 1e-3 });
    }
}

/// The network of the benchmark: features 16, 32, 64 and 128, one channel in, three out.
#[test]
fn the_benchmarked_network_has_its_parameters() {
    let plan = plan(1, &[16, 32, 64, 128], 3, 64);
    let net = FsNet::new(&plan, Scheme::Scratch, &Parameters::new(0), Use::Training).unwrap();
    // PyTorch: sum(p.numel() for p in UNet().parameters()).
    assert_eq!(net.parameters().count(), 1_402_003);
}
