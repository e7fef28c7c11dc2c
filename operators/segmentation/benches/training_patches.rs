//! Time of one 64³ patch: cut, turned, deformed, and with everything nnU-Net does to it.
//! One sample a step, so one thread.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use renalflow_segmentation::training::{
    augment::{AugmentOptions, Interpolation, patches},
    case::{CaseParts, Domain, TrainingCase},
    sampling::{Sampler, SamplerOptions},
};

fn bench(c: &mut Criterion) {
    let shape_zyx = [128; 3];
    let n = 128 * 128 * 128;
    let parts = CaseParts {
        case_id: "case".to_owned(),
        patient_id: "case".to_owned(),
        domain: Domain::Primary,
        image: (0..n).map(|i| (i as f32 * 0.37).sin()).collect(),
        channels: 1,
        labels: (0..n).map(|i| u8::from(i % 128 > 64)).collect(),
        shape_zyx,
        spacing_zyx_mm: [1.25; 3],
    };
    let cases = [TrainingCase::new(parts, 2).unwrap()];
    let sampler = Sampler::new(
        &cases,
        SamplerOptions {
            batch_size: 1,
            ..SamplerOptions::default()
        },
        1,
    )
    .unwrap();
    let turned = AugmentOptions {
        rotation_probability: 1.0,
        scaling_probability: 1.0,
        ..AugmentOptions::none()
    };
    let deformed = AugmentOptions {
        elastic_probability: 1.0,
        ..turned.clone()
    };
    let cubic = AugmentOptions {
        interpolation: Interpolation::Cubic,
        ..turned.clone()
    };
    let only = |change: fn(&mut AugmentOptions)| {
        let mut options = AugmentOptions::none();
        change(&mut options);
        options
    };
    let mut group = c.benchmark_group("patch_64");
    for (name, options) in [
        ("copied", AugmentOptions::none()),
        ("turned_linear", turned),
        ("turned_cubic", cubic),
        ("deformed_linear", deformed),
        ("noise", only(|o| o.noise_probability = 1.0)),
        (
            "blur",
            only(|o| (o.blur_probability, o.blur_channel_probability) = (1.0, 1.0)),
        ),
        ("contrast", only(|o| o.contrast_probability = 1.0)),
        (
            "low_resolution",
            only(|o| {
                (
                    o.low_resolution_probability,
                    o.low_resolution_channel_probability,
                ) = (1.0, 1.0);
            }),
        ),
        ("gamma", only(|o| o.gamma_probability = 1.0)),
        ("mirrored", only(|o| o.mirror_zyx = [true; 3])),
        ("nnunet_defaults", AugmentOptions::default()),
    ] {
        let mut step = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                step += 1;
                let choices = sampler.choose(0, step, Domain::Primary);
                black_box(patches(&sampler, &choices, 0, step, &options))
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(2));
    targets = bench
}
criterion_main!(benches);
