//! The loop: it learns, goes on from a checkpoint bit for bit, and says what went wrong.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, ops::ControlFlow, path::Path};

use candle_core::{Device, Result, Tensor, Var};
use renalflow_segmentation::{
    ops::{conv3d, leaky_relu},
    training::{
        TrainingError,
        augment::AugmentOptions,
        case::{CaseParts, Domain, TrainingCase},
        checkpoint::Checkpoint,
        folds::fold_cases,
        memory::{Footprint, Level, check_step, step_bytes},
        optimizer::{OptimizerOptions, Parameters, SgdOptions},
        sampling::{Mixture, SamplerOptions},
        session::{
            EarlyStop, Ended, FitOptions, Hooks, Observer, Outcome, StepEvent, Trainable, Validate,
            fit,
        },
    },
};

/// Two convolutions.
struct Tiny(Parameters);

impl Tiny {
    fn new(classes: usize) -> Self {
        let var = |shape: &[usize], seed: usize| {
            let n: usize = shape.iter().product();
            let values: Vec<f32> = (0..n)
                .map(|i| (((i + seed) * 7919 % 1000) as f32 / 1000.0 - 0.5) * 0.3)
                .collect();
            Var::from_vec(values, shape, &Device::Cpu).unwrap()
        };
        Self(BTreeMap::from([
            ("a.weight".to_owned(), var(&[8, 1, 3, 3, 3], 1)),
            ("a.bias".to_owned(), var(&[8], 2)),
            ("b.weight".to_owned(), var(&[classes, 8, 3, 3, 3], 3)),
            ("b.bias".to_owned(), var(&[classes], 4)),
        ]))
    }

    fn bits(&self) -> Vec<u32> {
        self.0
            .values()
            .flat_map(|p| p.flatten_all().unwrap().to_vec1::<f32>().unwrap())
            .map(f32::to_bits)
            .collect()
    }
}

impl Trainable for Tiny {
    fn logits(&self, images: &Tensor, _: Domain) -> Result<Vec<Tensor>> {
        let p = &self.0;
        let x = conv3d(images, &p["a.weight"], Some(&p["a.bias"]), [1; 3], [1; 3])?;
        let x = leaky_relu(&x, 0.01)?;
        Ok(vec![conv3d(
            &x,
            &p["b.weight"],
            Some(&p["b.bias"]),
            [1; 3],
            [1; 3],
        )?])
    }
    fn parameters(&self) -> Parameters {
        self.0.clone()
    }
}

/// A bright ball in noise.
fn case(id: usize, domain: Domain, classes: usize) -> TrainingCase {
    let n = 20;
    let (mut image, mut labels) = (Vec::new(), Vec::new());
    for i in 0..n * n * n {
        let at = [i / (n * n), i / n % n, i % n].map(|c| c as f32);
        let centre = [8 + id % 4, 9, 7 + id % 5].map(|c| c as f32);
        let d2: f32 = at.iter().zip(centre).map(|(a, c)| (a - c).powi(2)).sum();
        let inside = d2 < 30.0;
        let noise = ((i * 7919 + id * 104_729) % 1000) as f32 / 1000.0 - 0.5;
        image.push(noise + if inside { 1.5 } else { -0.2 });
        labels.push(u8::from(inside));
    }
    TrainingCase::new(
        CaseParts {
            case_id: format!("{}_{id}", domain.name()),
            patient_id: format!("{}_{id}", domain.name()),
            domain,
            image,
            channels: 1,
            labels,
            shape_zyx: [n; 3],
            spacing_zyx_mm: [1.0; 3],
        },
        classes,
    )
    .unwrap()
}

fn cases() -> Vec<TrainingCase> {
    (0..3)
        .map(|i| case(i, Domain::Primary, 2))
        .chain((0..3).map(|i| case(i, Domain::Auxiliary, 2)))
        .collect()
}

fn options(folder: Option<&Path>) -> FitOptions {
    FitOptions {
        seed: 5,
        epochs: 2,
        steps_per_epoch: 3,
        sampler: SamplerOptions {
            patch_zyx: [16; 3],
            mixture: Mixture::Alternating {
                primary: 2,
                auxiliary: 1,
            },
            ..SamplerOptions::default()
        },
        optimizer: OptimizerOptions::Sgd(SgdOptions {
            momentum: 0.9,
            ..SgdOptions::default()
        }),
        run_folder: folder.map(Path::to_owned),
        ..FitOptions::default()
    }
}

/// Stops after some steps, and keeps what it hears.
#[derive(Default)]
struct Watch {
    stop_after: Option<usize>,
    events: Vec<StepEvent>,
}

impl Observer for Watch {
    fn step(&mut self, event: &StepEvent) -> ControlFlow<()> {
        self.events.push(*event);
        if self.stop_after == Some(self.events.len()) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

fn run(
    model: &Tiny,
    cases: &[TrainingCase],
    options: &FitOptions,
    watch: &mut Watch,
    validate: Option<&mut Validate<'_, Tiny>>,
    resume: Option<&Checkpoint>,
) -> std::result::Result<Outcome, TrainingError> {
    let ticks = std::cell::Cell::new(0.0);
    let seconds = || {
        ticks.set(ticks.get() + 0.5);
        ticks.get()
    };
    // A closure of its own, so that its lifetime is this call's.
    let mut forward = validate.map(|v| move |m: &Tiny, epoch: usize| v(m, epoch));
    let hooks = Hooks {
        observer: watch,
        validate: forward.as_mut().map(|f| f as &mut Validate<'_, Tiny>),
        seconds: &seconds,
        device: Device::Cpu,
    };
    fit(model, cases, options, hooks, resume)
}

#[test]
fn it_learns_a_ball_that_chance_cannot_find() {
    let (model, cases) = (Tiny::new(2), cases());
    let options = FitOptions {
        epochs: 4,
        steps_per_epoch: 15,
        learning_rate: 0.05,
        augment: AugmentOptions {
            gamma_probability: 0.0,
            inverted_gamma_probability: 0.0,
            ..AugmentOptions::default()
        },
        ..options(None)
    };
    let mut watch = Watch::default();
    let outcome = run(&model, &cases, &options, &mut watch, None, None).unwrap();
    let dice: Vec<_> = outcome
        .history
        .iter()
        .map(|r| r.patch_dice[0].unwrap())
        .collect();
    eprintln!("Dice by epoch {dice:?}");
    assert_eq!(outcome.ended, Ended::Completed);
    // Everything foreground would be about 0.2.
    assert!(dice[3] > 0.8, "{dice:?}");
    assert!(outcome.history[3].loss < outcome.history[0].loss);
    assert!(watch.events.iter().all(|e| e.steps_per_second > 0.0));
    assert_eq!(watch.events.last().unwrap().seconds_left, 0.0);
}

#[test]
fn a_training_goes_on_bit_for_bit_from_the_end_and_the_middle_of_an_epoch() {
    let cases = cases();
    let whole = Tiny::new(2);
    let expected = run(
        &whole,
        &cases,
        &options(None),
        &mut Watch::default(),
        None,
        None,
    )
    .unwrap();
    for stop in [2, 3, 4] {
        let folder = tempfile::tempdir().unwrap();
        let options = options(Some(folder.path()));
        let first = Tiny::new(2);
        let mut watch = Watch {
            stop_after: Some(stop),
            ..Watch::default()
        };
        let outcome = run(&first, &cases, &options, &mut watch, None, None).unwrap();
        assert_eq!(outcome.ended, Ended::Interrupted);
        assert_ne!(first.bits(), whole.bits());
        let checkpoint = Checkpoint::read(&folder.path().join("last.safetensors")).unwrap();
        let second = Tiny::new(2);
        let mut watch = Watch::default();
        let outcome = run(
            &second,
            &cases,
            &options,
            &mut watch,
            None,
            Some(&checkpoint),
        )
        .unwrap();
        assert_eq!(watch.events.len(), 6 - stop);
        assert_eq!(second.bits(), whole.bits(), "stopped after {stop}");
        assert_eq!(outcome.history, expected.history);
        // With other options the numbers would not go on.
        let other = FitOptions {
            learning_rate: 0.02,
            ..options.clone()
        };
        let error = run(
            &second,
            &cases,
            &other,
            &mut Watch::default(),
            None,
            Some(&checkpoint),
        );
        assert!(error.unwrap_err().to_string().contains("learning_rate"));
    }
}

#[test]
fn a_loss_that_is_no_number_names_case_and_step_and_leaves_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    let options = options(Some(folder.path()));
    let model = Tiny::new(2);
    let mut watch = Watch {
        stop_after: Some(3),
        ..Watch::default()
    };
    run(&model, &cases, &options, &mut watch, None, None).unwrap();
    let file = folder.path().join("last.safetensors");
    let before = fs::read(&file).unwrap();
    let mut checkpoint = Checkpoint::read(&file).unwrap();
    let nan = Tensor::full(f32::NAN, 2, &Device::Cpu).unwrap();
    checkpoint.parameters.insert("b.bias".to_owned(), nan);
    let error = run(
        &model,
        &cases,
        &options,
        &mut Watch::default(),
        None,
        Some(&checkpoint),
    );
    let message = error.unwrap_err().to_string();
    assert!(message.contains("epoch 1, step 0"), "{message}");
    assert!(message.contains("primary_"), "{message}");
    assert!(message.contains("last.safetensors"), "{message}");
    assert!(fs::read(&file).unwrap() == before);
}

#[test]
fn validation_chooses_the_best_and_stops_early_and_absent_classes_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<_> = (0..2).map(|i| case(i, Domain::Primary, 3)).collect();
    let options = FitOptions {
        epochs: 20,
        steps_per_epoch: 1,
        validate_every_epochs: 1,
        early_stop: Some(EarlyStop {
            patience_epochs: 2,
            minimum_gain: 0.0,
        }),
        sampler: SamplerOptions {
            patch_zyx: [16; 3],
            ..SamplerOptions::default()
        },
        ..options(Some(folder.path()))
    };
    let scores = [0.1, 0.5, 0.4, 0.5, 0.9];
    let mut validate = |_: &Tiny, epoch: usize| -> std::result::Result<_, String> {
        Ok(vec![vec![Some(scores[epoch]), None]])
    };
    let model = Tiny::new(3);
    let outcome = run(
        &model,
        &cases,
        &options,
        &mut Watch::default(),
        Some(&mut validate),
        None,
    )
    .unwrap();
    assert_eq!(outcome.ended, Ended::Early);
    assert_eq!(outcome.history.len(), 4);
    assert_eq!(outcome.best.unwrap().epoch, 1);
    let best = Checkpoint::read(&folder.path().join("best.safetensors")).unwrap();
    assert_eq!(best.progress.epoch, 2);
    assert!(
        outcome
            .warnings
            .iter()
            .any(|w| w.contains("class 2 was never sampled"))
    );
    let csv = fs::read_to_string(folder.path().join("history.csv")).unwrap();
    assert_eq!(csv.lines().count(), 5);
    assert!(!csv.contains("NaN"), "{csv}");
}

#[test]
fn checkpoints_that_are_damaged_or_cannot_be_written_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last.safetensors");
    let options = options(Some(folder.path()));
    run(
        &Tiny::new(2),
        &cases(),
        &options,
        &mut Watch::default(),
        None,
        None,
    )
    .unwrap();
    let good = fs::read(&file).unwrap();
    let checkpoint = Checkpoint::read(&file).unwrap();
    for length in [0, 4, 100, good.len() / 2, good.len() - 1] {
        fs::write(&file, &good[..length]).unwrap();
        assert!(Checkpoint::read(&file).is_err(), "cut at {length}");
    }
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&file, &changed).unwrap();
    assert!(
        Checkpoint::read(&file)
            .unwrap_err()
            .to_string()
            .contains("digest")
    );
    // What a kill leaves beside a good file is passed over and replaced.
    fs::write(&file, &good).unwrap();
    fs::write(folder.path().join("last.safetensors.part"), &good[..50]).unwrap();
    assert!(Checkpoint::read(&file).is_ok());
    checkpoint.write(&file).unwrap();
    assert!(!folder.path().join("last.safetensors.part").exists());
    // A write that fails leaves the old file: here the name beside it is taken by a folder.
    fs::create_dir(folder.path().join("last.safetensors.part")).unwrap();
    let message = checkpoint.write(&file).unwrap_err().to_string();
    assert!(message.contains("the one before is untouched"), "{message}");
    assert!(fs::read(&file).unwrap() == good);
}

#[test]
fn folds_hold_out_by_patient() {
    let cases = cases();
    let folds: BTreeMap<String, u32> = [("primary_0", 0), ("primary_1", 1), ("primary_2", 0)]
        .map(|(p, f)| (p.to_owned(), f))
        .into();
    let found = fold_cases(&cases, &folds, 0).unwrap();
    assert_eq!(
        (found.validation, found.train),
        (vec![0, 2], vec![1, 3, 4, 5])
    );
    let message = |cases: &[TrainingCase], folds: &BTreeMap<String, u32>, fold| {
        fold_cases(cases, folds, fold).unwrap_err().to_string()
    };
    assert!(message(&cases, &folds, 7).contains("fold 7 holds out 0 of 6"));
    assert!(message(&cases, &BTreeMap::new(), 0).contains("primary_0, primary_1, primary_2"));
    let twice = [cases.clone(), vec![cases[1].clone()]].concat();
    assert!(message(&twice, &folds, 0).contains("primary_1 is there twice"));
}

#[test]
fn memory_is_estimated_and_refused_with_a_patch_that_fits() {
    let footprint = Footprint {
        levels: [32, 64, 128, 256]
            .iter()
            .enumerate()
            .map(|(l, &features)| Level {
                features,
                stride_zyx: [if l == 0 { 1 } else { 2 }; 3],
                convolutions: 2,
                lent: 0,
            })
            .collect(),
        channels: 1,
        classes: 3,
        parameters: 6_000_000,
        optimizer_slots: 1,
    };
    let small = step_bytes(&footprint, 1, [64; 3]);
    assert!(step_bytes(&footprint, 2, [64; 3]) < 2 * small);
    assert!(step_bytes(&footprint, 2, [128; 3]) > 12 * small);
    assert_eq!(check_step(&footprint, 1, [64; 3], small).unwrap(), small);
    let message = check_step(&footprint, 1, [128; 3], small)
        .unwrap_err()
        .to_string();
    assert!(message.contains("[64, 64, 64] would fit"), "{message}");
}

/// Not a test of its own: the child that the next one kills.
#[test]
fn writes_until_it_is_killed() {
    let Ok(folder) = std::env::var("RENALFLOW_TEST_WRITE_CHECKPOINTS") else {
        return;
    };
    let file = Path::new(&folder).join("last.safetensors");
    let mut checkpoint = Checkpoint::read(&file).unwrap();
    let large = Tensor::zeros(4_000_000, candle_core::DType::F32, &Device::Cpu).unwrap();
    checkpoint.parameters.insert("large".to_owned(), large);
    loop {
        checkpoint.write(&file).unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_a_whole_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last.safetensors");
    let options = options(Some(folder.path()));
    run(
        &Tiny::new(2),
        &cases(),
        &options,
        &mut Watch::default(),
        None,
        None,
    )
    .unwrap();
    let mut cut_short = 0;
    for round in 0..12 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writes_until_it_is_killed"])
            .env("RENALFLOW_TEST_WRITE_CHECKPOINTS", folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(60 + 17 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        cut_short += usize::from(folder.path().join("last.safetensors.part").exists());
        Checkpoint::read(&file).unwrap();
    }
    eprintln!("{cut_short} of 12 kills were in the middle of a write");
}

/// The disk is full for the child: it may write no file above a few blocks.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_checkpoint_before_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last.safetensors");
    let options = options(Some(folder.path()));
    run(
        &Tiny::new(2),
        &cases(),
        &options,
        &mut Watch::default(),
        None,
        None,
    )
    .unwrap();
    let before = fs::read(&file).unwrap();
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 200; exec \"$0\" --exact writes_until_it_is_killed",
        ])
        .arg(std::env::current_exe().unwrap())
        .env("RENALFLOW_TEST_WRITE_CHECKPOINTS", folder.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("File too large"), "{said}");
    assert!(fs::read(&file).unwrap() == before);
    assert!(!folder.path().join("last.safetensors.part").exists());
}
