//! What training takes in memory, counted, against what was stated before it.
#![allow(clippy::unwrap_used)]

#[path = "support/counting.rs"]
mod counting;

use std::ops::ControlFlow;

use candle_core::Device;
use counting::{Counting, peak, restart};
use renalflow_segmentation::{
    network::{
        Domain, FsNet, Parameters, Plan, Scheme, Use,
        plan::{Fingerprint, LabelSet, PlanOptions},
    },
    training::{
        augment::AugmentOptions,
        case::{CaseParts, TrainingCase},
        memory::{Footprint, step_bytes},
        optimizer::OptimizerOptions,
        sampling::{Mixture, SamplerOptions},
        session::{FitOptions, Hooks, Observer, StepEvent, fit},
    },
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SIDE: usize = 64;

fn case() -> TrainingCase {
    let voxels = SIDE * SIDE * SIDE;
    let parts = CaseParts {
        case_id: "case".to_owned(),
        patient_id: "patient".to_owned(),
        domain: Domain::Primary,
        image: (0..voxels)
            .map(|i| (i * 7919 % 1000) as f32 / 1000.0)
            .collect(),
        channels: 1,
        labels: (0..voxels).map(|i| (i % SIDE * 3 / SIDE) as u8).collect(),
        shape_zyx: [SIDE; 3],
        spacing_zyx_mm: [1.0; 3],
    };
    TrainingCase::new(parts, 3).unwrap()
}

struct Quiet;

impl Observer for Quiet {
    fn step(&mut self, _: &StepEvent) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

struct Setup {
    scheme: Scheme,
    features: usize,
    levels: usize,
    patch: usize,
    batch: usize,
    deep_supervision: bool,
}

/// Bytes taken by two steps, and bytes stated.
fn measured(setup: &Setup, cases: &[TrainingCase]) -> [usize; 2] {
    let labels = ["background", "kidney", "tumour"].map(str::to_owned);
    let mut options = PlanOptions::new("memory", LabelSet::Classes(labels.to_vec()));
    options.base_features = setup.features;
    options.max_levels = setup.levels;
    options.deep_supervision = setup.deep_supervision;
    options.max_patch_voxels = setup.patch.pow(3);
    let fingerprint = Fingerprint {
        spacings_zyx_mm: vec![[1.0; 3]],
        shapes_zyx: vec![[SIDE; 3]],
    };
    let plan = Plan::derive(&fingerprint, &options).unwrap();
    let patch_zyx = plan.patch_zyx.value;
    assert_eq!(patch_zyx, [setup.patch; 3]);
    let before = restart();
    let network = FsNet::new(&plan, setup.scheme, &Parameters::new(3), Use::Training).unwrap();
    let optimizer = OptimizerOptions::default();
    let stated = step_bytes(
        &Footprint::of(&network, optimizer.slots()),
        setup.batch,
        patch_zyx,
    );
    let options = FitOptions {
        epochs: 1,
        steps_per_epoch: 2,
        sampler: SamplerOptions {
            batch_size: setup.batch,
            patch_zyx,
            mixture: Mixture::PrimaryOnly,
            ..SamplerOptions::default()
        },
        augment: AugmentOptions::none(),
        optimizer,
        ..FitOptions::default()
    };
    let hooks = Hooks {
        observer: &mut Quiet,
        validate: None,
        seconds: &|| 0.0,
        device: Device::Cpu,
    };
    fit(&network, cases, &options, hooks, None).unwrap();
    [peak() - before, usize::try_from(stated).unwrap()]
}

#[test]
fn a_step_takes_about_what_is_stated() {
    let cases = [case()];
    let setup = |scheme, features, levels, patch, batch, deep_supervision| Setup {
        scheme,
        features,
        levels,
        patch,
        batch,
        deep_supervision,
    };
    for setup in [
        setup(Scheme::Scratch, 16, 3, 64, 1, false),
        setup(Scheme::Scratch, 8, 4, 64, 2, true),
        setup(Scheme::Scratch, 32, 2, 32, 2, false),
        setup(Scheme::Scratch, 16, 1, 32, 1, false),
        setup(Scheme::TwoColumnFrozen, 8, 3, 64, 2, true),
        setup(Scheme::TwoColumnJoint, 8, 3, 64, 2, true),
        setup(Scheme::PriorChannel, 8, 3, 64, 2, true),
    ] {
        let [taken, stated] = measured(&setup, &cases);
        let Setup {
            scheme,
            features,
            levels,
            patch,
            batch,
            ..
        } = setup;
        let about = format!(
            "{scheme}, {features} features, {levels} levels, {batch} of {patch}³: \
             {taken} bytes taken, {stated} stated ({:.2})",
            stated as f64 / taken as f64
        );
        eprintln!("{about}");
        // Scratch of every thread comes on top.
        assert!(taken * 10 <= stated * 11, "{about}");
        assert!(stated * 3 <= taken * 4, "{about}");
    }
}
