//! From cases to labels: a network is trained, written with its card, read again, and slid over
//! a volume that it has not seen.
#![allow(clippy::unwrap_used, missing_docs)]

use std::ops::ControlFlow;

use candle_core::Device;
use renalflow_imaging::{Geometry, Volume, metrics::Overlap};
use renalflow_segmentation::{
    inference::{Decision, LabelSlices, NetworkPredictor, PatchPredictor, SlidingWindow, slide},
    network::{
        Domain, FsNet, Parameters, Plan, Scheme, SegmentationNetwork, Use,
        plan::{Fingerprint, LabelSet, PlanOptions},
    },
    training::{
        augment::AugmentOptions,
        case::{CaseParts, TrainingCase},
        memory::{Footprint, check_step},
        sampling::{Mixture, SamplerOptions},
        session::{FitOptions, Hooks, Observer, StepEvent, fit},
    },
    weights::{self, Card, Expected},
};

const SIDE: usize = 24;

/// A bright ball in noise, and where it is.
fn ball(id: usize) -> (Vec<f32>, Vec<u8>) {
    let centre = [9 + id % 6, 12, 10 + id % 5].map(|c| c as f32);
    (0..SIDE * SIDE * SIDE)
        .map(|i| {
            let at = [i / (SIDE * SIDE), i / SIDE % SIDE, i % SIDE].map(|c| c as f32);
            let d2: f32 = at.iter().zip(centre).map(|(a, c)| (a - c).powi(2)).sum();
            let noise = ((i * 7919 + id * 104_729) % 1000) as f32 / 1000.0 - 0.5;
            (
                noise + if d2 < 36.0 { 1.0 } else { 0.0 },
                u8::from(d2 < 36.0),
            )
        })
        .unzip()
}

fn case(id: usize, domain: Domain) -> TrainingCase {
    let (image, labels) = ball(id);
    let name = format!("{}_{id}", domain.name());
    let parts = CaseParts {
        case_id: name.clone(),
        patient_id: name,
        domain,
        image,
        channels: 1,
        labels,
        shape_zyx: [SIDE; 3],
        spacing_zyx_mm: [1.0; 3],
    };
    TrainingCase::new(parts, 2).unwrap()
}

fn plan() -> Plan {
    let labels = ["background", "ball"].map(str::to_owned).to_vec();
    let mut options = PlanOptions::new("ball", LabelSet::Classes(labels));
    options.base_features = 8;
    options.max_levels = 2;
    options.deep_supervision = true;
    options.max_patch_voxels = 16 * 16 * 16;
    let fingerprint = Fingerprint {
        spacings_zyx_mm: vec![[1.0; 3]],
        shapes_zyx: vec![[SIDE; 3]],
    };
    Plan::derive(&fingerprint, &options).unwrap()
}

struct Quiet;

impl Observer for Quiet {
    fn step(&mut self, _: &StepEvent) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Dice on a case that training has not seen, after training by a scheme.
fn dice_of(scheme: Scheme, folder: &std::path::Path) -> f64 {
    let plan = plan();
    let network = FsNet::new(&plan, scheme, &Parameters::new(3), Use::Training).unwrap();
    let patch_zyx = plan.patch_zyx.value;
    check_step(&Footprint::of(&network, 1), 2, patch_zyx, 4 << 30).unwrap();
    let cases: Vec<_> = (0..4)
        .flat_map(|id| [case(id, Domain::Primary), case(id + 20, Domain::Auxiliary)])
        .collect();
    let mixture = if scheme.trains_on_auxiliary() {
        Mixture::Alternating {
            primary: 1,
            auxiliary: 1,
        }
    } else {
        Mixture::PrimaryOnly
    };
    let options = FitOptions {
        seed: 11,
        epochs: 3,
        steps_per_epoch: 20,
        learning_rate: 0.02,
        sampler: SamplerOptions {
            patch_zyx,
            mixture,
            ..SamplerOptions::default()
        },
        augment: AugmentOptions::none(),
        ..FitOptions::default()
    };
    let hooks = Hooks {
        observer: &mut Quiet,
        validate: None,
        seconds: &|| 0.0,
        device: Device::Cpu,
    };
    fit(&network, &cases, &options, hooks, None).unwrap();

    let path = folder.join(format!("{scheme}.safetensors"));
    let card = Card::new(plan.clone(), scheme, "key");
    weights::save(&path, SegmentationNetwork::parameters(&network), card).unwrap();
    let checkpoint = weights::load(&path).unwrap();
    let expected = Expected {
        plan: &plan,
        scheme,
        lineage_key: Some("key"),
    };
    checkpoint.check(&path, expected).unwrap();
    // Another seed: what is predicted comes from the file.
    let loaded = FsNet::new(&plan, scheme, &Parameters::new(4), Use::Inference).unwrap();
    checkpoint
        .apply(&path, SegmentationNetwork::parameters(&loaded))
        .unwrap();

    let (image, labels) = ball(41);
    let geometry = Geometry::upright([SIDE; 3], [1.0; 3]).unwrap();
    let image = Volume::new(geometry.clone(), image).unwrap();
    let predictors = [NetworkPredictor::new(&loaded, Domain::Primary)];
    assert!(predictors[0].forward_bytes() > 0);
    let windows = SlidingWindow::default().plan(&image, &predictors).unwrap();
    assert!(windows.forwards() > 1);
    let mut sink = LabelSlices::new(&geometry, 2, Decision::classes(2)).unwrap();
    slide(&windows, &image, &predictors, &mut sink).unwrap();
    let predicted = sink.finish().unwrap().map(|label| *label == 1);
    let labels: Vec<bool> = labels.into_iter().map(|label| label == 1).collect();
    let reference = Volume::new(geometry, labels).unwrap();
    Overlap::new(&reference, &predicted).unwrap().dice()
}

#[test]
fn schemes_learn_a_ball_and_find_it_in_another_volume() {
    let folder = tempfile::tempdir().unwrap();
    for scheme in [Scheme::Scratch, Scheme::DomainNorm, Scheme::TwoColumnJoint] {
        let dice = dice_of(scheme, folder.path());
        eprintln!("{scheme}: Dice {dice:.3}");
        // All foreground would be 0.12.
        assert!(dice > 0.8, "{scheme}: {dice}");
    }
}
