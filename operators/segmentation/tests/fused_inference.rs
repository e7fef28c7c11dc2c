//! Networks for inference run through fused blocks: the same values, sooner.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/bright.rs"]
mod bright;

use std::time::Instant;

use bright::tiny_plan;
use candle_core::{Device, Tensor};
use renalflow_segmentation::network::{
    Domain, FsNet, NetworkError, Parameters, Scheme, SegmentationNetwork, Use,
};

fn image(side: usize) -> Tensor {
    let values: Vec<f32> = (0..side * side * side)
        .map(|i| ((i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 16_777_216.0)
        .collect();
    Tensor::from_vec(values, (1, 1, side, side, side), &Device::Cpu).unwrap()
}

fn finest(network: &FsNet, x: &Tensor, domain: Domain) -> Result<Vec<f32>, NetworkError> {
    let logits = network.forward(x, domain)?;
    Ok(logits[0].flatten_all()?.to_vec1()?)
}

#[test]
fn fused_and_plain_networks_agree() {
    let plan = tiny_plan(&["background", "kidney", "tumour"], 1.0, 32, 3);
    let x = image(32);
    for scheme in Scheme::ALL {
        let parameters = Parameters::new(7);
        let plain = FsNet::new(&plan, scheme, &parameters, Use::Training).unwrap();
        // Biases and norms as training leaves them, so that leaving one out would show.
        for (k, (name, var)) in parameters.all().into_iter().enumerate() {
            if name.ends_with("bias") || name.contains("norm") || name.ends_with("gate") {
                let shift = 0.1 + 0.07 * (k % 5) as f64;
                parameters
                    .set(&name, &(var.as_tensor() + shift).unwrap())
                    .unwrap();
            }
        }
        let fused = FsNet::new(&plan, scheme, &parameters, Use::Inference).unwrap();
        for domain in [Domain::Primary, Domain::Auxiliary] {
            let (Ok(a), Ok(b)) = (finest(&plain, &x, domain), finest(&fused, &x, domain)) else {
                assert_eq!(
                    (scheme, domain),
                    (Scheme::TwoColumnFrozen, Domain::Auxiliary)
                );
                continue;
            };
            let largest = a.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            let worst = a
                .iter()
                .zip(&b)
                .fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
            eprintln!("{scheme}, {}: {worst:.1e} of {largest:.2}", domain.name());
            assert!(largest > 0.1);
            assert!(worst <= 1e-5 * largest.max(1.0), "{scheme}: {worst}");
            // The same each time.
            assert_eq!(finest(&fused, &x, domain).unwrap(), b);
        }
    }
}

/// Not a test of speed, which a busy machine cannot be asked for: it prints the ratio.
#[test]
fn how_much_sooner() {
    let mut plan = tiny_plan(&["background", "kidney", "tumour"], 1.0, 64, 4);
    for (l, level) in plan.levels.iter_mut().enumerate() {
        level.features = 16 << l;
    }
    let network = FsNet::new(&plan, Scheme::Scratch, &Parameters::new(1), Use::Inference).unwrap();
    let x = image(64);
    let best = |taps: &[&str]| {
        (0..3)
            .map(|_| {
                let start = Instant::now();
                network
                    .forward_with_taps(&x, Domain::Primary, taps)
                    .unwrap();
                start.elapsed().as_secs_f64()
            })
            .fold(f64::INFINITY, f64::min)
    };
    // A tap on the smallest layer makes the network run layer by layer.
    let (plain, fused) = (best(&["encoder.3"]), best(&[]));
    eprintln!(
        "64 cubed, 16 to 128 features: plain {plain:.3} s, fused {fused:.3} s, ratio {:.2}",
        plain / fused
    );
}
