//! What a training step costs, and which share of it is the preparation of its patches.
//!
//!     cargo run --release -p renalflow-segmentation --example training_step -- [PATCH] [FEATURES] [LEVELS]
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{hint::black_box, time::Instant};

use candle_core::Device;
use renalflow_segmentation::{
    network::{
        Domain, FsNet, Parameters, Plan, Scheme, Use,
        plan::{Fingerprint, LabelSet, PlanOptions},
    },
    training::{
        augment::{AugmentOptions, patches},
        case::{CaseParts, TrainingCase},
        sampling::{Sampler, SamplerOptions},
        session::{FitOptions, Hooks, Observer, fit},
    },
};

const STEPS: usize = 30;

struct Quiet;

impl Observer for Quiet {}

fn case(id: usize, side: usize) -> TrainingCase {
    let n = side * side * side;
    let noise = |i: usize| ((i * 7919 + id * 104_729) % 1000) as f32 / 1000.0;
    let parts = CaseParts {
        case_id: id.to_string(),
        patient_id: id.to_string(),
        domain: Domain::Primary,
        image: (0..n).map(noise).collect(),
        channels: 1,
        labels: (0..n)
            .map(|i| {
                if i % side < side / 3 {
                    1 + (i / n * 2) as u8
                } else {
                    0
                }
            })
            .collect(),
        shape_zyx: [side; 3],
        spacing_zyx_mm: [3.0; 3],
    };
    TrainingCase::new(parts, 3).unwrap()
}

fn main() {
    let mut given = std::env::args()
        .skip(1)
        .map(|text| text.parse::<usize>().unwrap());
    let patch = given.next().unwrap_or(48);
    let features = given.next().unwrap_or(8);
    let levels = given.next().unwrap_or(3);
    let side = patch + patch / 8;
    let names = ["background", "kidney", "tumour"]
        .map(str::to_owned)
        .to_vec();
    let mut options = PlanOptions::new("step", LabelSet::Classes(names));
    options.base_features = features;
    options.max_levels = levels;
    options.max_patch_voxels = patch * patch * patch;
    let fingerprint = Fingerprint {
        spacings_zyx_mm: vec![[3.0; 3]],
        shapes_zyx: vec![[side; 3]],
    };
    let plan = Plan::derive(&fingerprint, &options).unwrap();
    let cases: Vec<TrainingCase> = (0..4).map(|id| case(id, side)).collect();
    let sampler = SamplerOptions {
        patch_zyx: plan.patch_zyx.value,
        ..SamplerOptions::default()
    };
    println!(
        "patch {:?}, features {features}.., {levels} levels, batch 2",
        plan.patch_zyx.value
    );
    for (name, augment) in [
        ("none", AugmentOptions::none()),
        ("full", AugmentOptions::default()),
    ] {
        let drawn = Sampler::new(&cases, sampler.clone(), 1).unwrap();
        let clock = Instant::now();
        for step in 0..STEPS {
            let choices = drawn.choose(0, step, Domain::Primary);
            black_box(patches(&drawn, &choices, 0, step, &augment));
        }
        let preparing = clock.elapsed().as_secs_f64() / STEPS as f64;
        let network =
            FsNet::new(&plan, Scheme::Scratch, &Parameters::new(1), Use::Training).unwrap();
        let fit_options = FitOptions {
            epochs: 1,
            steps_per_epoch: STEPS,
            sampler: sampler.clone(),
            augment,
            ..FitOptions::default()
        };
        let hooks = Hooks {
            observer: &mut Quiet,
            validate: None,
            seconds: &|| 0.0,
            device: Device::Cpu,
        };
        let clock = Instant::now();
        fit(&network, &cases, &fit_options, hooks, None).unwrap();
        let step = clock.elapsed().as_secs_f64() / STEPS as f64;
        println!(
            "augmentation {name}: {:.1} ms a step, of which patches take {:.1} ms ({:.0} %) where nothing runs beside",
            1e3 * step,
            1e3 * preparing,
            100.0 * preparing / step
        );
    }
}
