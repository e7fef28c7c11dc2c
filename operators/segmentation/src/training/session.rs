//! The loop: batches, loss, step, validation, checkpoints.

use std::{collections::BTreeMap, ops::ControlFlow, path::PathBuf};

use candle_core::{Device, Result as TensorResult, Tensor};

use super::{
    augment::{AugmentOptions, Patch, patches},
    case::{Domain, TrainingCase},
    checkpoint::{Checkpoint, write_whole},
    error::{TrainingError, check},
    optimizer::{Named, OptimizerOptions, Parameters, Poly, clip_scale, global_norm, named},
    progress::{Best, EpochRow, Progress, Sums},
    sampling::{Sampler, SamplerOptions},
    supervision::{guilty, scalar, supervised, tensors},
};

/// What can be trained.
pub trait Trainable {
    /// Logits from the highest resolution down.
    ///
    /// # Shapes
    /// `images` `[N, C, D, H, W]` to `[N, classes, D, H, W]` and coarser ones.
    ///
    /// # Errors
    /// A tensor operation that failed.
    fn logits(&self, images: &Tensor, domain: Domain) -> TensorResult<Vec<Tensor>>;

    /// The parameters to train, by name.
    fn parameters(&self) -> Parameters;

    /// The labels of each nested region, the outermost first, where logits are of regions and
    /// not of classes that exclude each other.
    fn regions(&self) -> Option<Vec<Vec<u32>>> {
        None
    }
}

/// When to stop before the last epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyStop {
    /// Epochs without a better validation.
    pub patience_epochs: usize,
    /// How much better counts, in mean foreground Dice.
    pub minimum_gain: f64,
}

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// Seed of everything random.
    pub seed: u64,
    /// Epochs.
    pub epochs: usize,
    /// Steps of an epoch.
    pub steps_per_epoch: usize,
    /// How patches are drawn.
    pub sampler: SamplerOptions,
    /// How they are changed.
    pub augment: AugmentOptions,
    /// What moves the parameters.
    pub optimizer: OptimizerOptions,
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// Exponent of the polynomial decay.
    pub poly_exponent: f64,
    /// Longest gradient over all parameters; longer ones are shortened to it.
    pub clip_norm: Option<f64>,
    /// Validate after every so many epochs, and after the last.
    pub validate_every_epochs: usize,
    /// When to stop early; wants validation.
    pub early_stop: Option<EarlyStop>,
    /// Where `last.safetensors`, `best.safetensors` and `history.csv` go.
    pub run_folder: Option<PathBuf>,
}

impl Default for FitOptions {
    /// nnU-Net's, for a shorter training.
    fn default() -> Self {
        Self {
            seed: 0,
            epochs: 200,
            steps_per_epoch: 250,
            sampler: SamplerOptions::default(),
            augment: AugmentOptions::default(),
            optimizer: OptimizerOptions::default(),
            learning_rate: 0.01,
            poly_exponent: 0.9,
            clip_norm: Some(12.0),
            validate_every_epochs: 10,
            early_stop: None,
            run_folder: None,
        }
    }
}

/// One step, as it is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepEvent {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Step of the epoch, from 0.
    pub step: usize,
    /// Domain of its batch.
    pub domain: Domain,
    /// Its loss.
    pub loss: f64,
    /// Length of its gradient before clipping.
    pub gradient_norm: f64,
    /// Steps a second since this call began, by the caller's clock; 0 where it stands still.
    pub steps_per_second: f64,
    /// At that rate, to the end of the last epoch.
    pub seconds_left: f64,
}

/// Hears of steps and epochs.
pub trait Observer {
    /// A step is done. `Break` saves a checkpoint and ends.
    fn step(&mut self, _event: &StepEvent) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    /// An epoch is done.
    fn epoch(&mut self, _row: &EpochRow) {}
}

/// Validates the network on whole volumes: the Dice of each foreground class, by case.
pub type Validate<'a, M> = dyn FnMut(&M, usize) -> Result<Vec<Vec<Option<f64>>>, String> + 'a;

/// What comes from outside.
pub struct Hooks<'a, M> {
    /// Hears of steps and epochs.
    pub observer: &'a mut dyn Observer,
    /// Validates after an epoch.
    pub validate: Option<&'a mut Validate<'a, M>>,
    /// Seconds since any moment: nothing here reads a clock.
    pub seconds: &'a dyn Fn() -> f64,
    /// Where the network is.
    pub device: Device,
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All epochs are done.
    Completed,
    /// Validation got no better.
    Early,
    /// The observer said so.
    Interrupted,
}

/// What a training came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// Its epochs.
    pub history: Vec<EpochRow>,
    /// The best validation.
    pub best: Option<Best>,
    /// In words: what a reader of the result must know.
    pub warnings: Vec<String>,
}

/// Train a network, or go on from a checkpoint as if it had never stopped.
///
/// The parameters end as after the last step; the best are in `best.safetensors`.
///
/// # Errors
/// Options out of range, cases that do not fit, a checkpoint of another training, a loss or
/// gradient that is no number (the parameters and files are then as after the last good step),
/// a checkpoint that cannot be written, a validation that failed.
pub fn fit<M: Trainable>(
    model: &M,
    cases: &[TrainingCase],
    options: &FitOptions,
    mut hooks: Hooks<'_, M>,
    resume: Option<&Checkpoint>,
) -> Result<Outcome, TrainingError> {
    options.augment.validate()?;
    check(
        options.steps_per_epoch > 0,
        "steps_per_epoch",
        options.steps_per_epoch,
        "at least 1",
    )?;
    check(
        options.validate_every_epochs > 0,
        "validate_every_epochs",
        options.validate_every_epochs,
        "at least 1",
    )?;
    check(
        options.clip_norm.is_none_or(|n| n > 0.0),
        "clip_norm",
        options.clip_norm,
        "positive, or absent",
    )?;
    let schedule = Poly::new(options.learning_rate, options.poly_exponent, options.epochs)?;
    let sampler = Sampler::new(cases, options.sampler.clone(), options.seed)?;
    let classes = cases.first().map_or(0, TrainingCase::classes);
    let parameters = model.parameters();
    let regions = model.regions();
    let mut optimizer = options.optimizer.build()?;
    let fixed = fixed(cases, options);
    let mut progress = if let Some(checkpoint) = resume {
        same(&checkpoint.progress.fixed, &fixed)?;
        checkpoint.apply(&parameters)?;
        optimizer.restore(&parameters, &checkpoint.optimizer)?;
        checkpoint.progress.clone()
    } else {
        Progress {
            epoch: 0,
            step: 0,
            best: None,
            history: Vec::new(),
            fixed,
            running: Sums::new(classes),
        }
    };
    let file = |name: &str| options.run_folder.as_ref().map(|folder| folder.join(name));
    let save = |name: &str, progress: &Progress, state: Named| -> Result<(), TrainingError> {
        let Some(file) = file(name) else {
            return Ok(());
        };
        let parameters = parameters
            .iter()
            .map(|(name, p)| (name.clone(), p.as_tensor().clone()))
            .collect();
        Checkpoint {
            parameters,
            optimizer: state,
            progress: progress.clone(),
        }
        .write(&file)
    };
    let started = (hooks.seconds)();
    let mut done = 0usize;
    let mut ended = Ended::Completed;
    'epochs: while progress.epoch < options.epochs {
        if stale(&progress, options) {
            ended = Ended::Early;
            break;
        }
        let (epoch, rate) = (progress.epoch, schedule.rate(progress.epoch));
        while progress.step < options.steps_per_epoch {
            let step = progress.step;
            let domain = sampler.domain(epoch, step, options.steps_per_epoch);
            let choices = sampler.choose(epoch, step, domain);
            let batch = patches(&sampler, &choices, epoch, step, &options.augment);
            let (images, labels) = tensors(&batch, &hooks.device)?;
            let logits = model.logits(&images, domain)?;
            let loss = supervised(&logits, &labels, regions.as_deref())?;
            let value = scalar(&loss)?;
            let not_finite = |what, value, guilty: Vec<usize>| TrainingError::NotFinite {
                what,
                value,
                epoch,
                step,
                case_ids: guilty
                    .iter()
                    .filter_map(|&i| Some(cases.get(choices.get(i)?.case)?.case_id().to_owned()))
                    .collect(),
                checkpoint: file("last.safetensors").filter(|f| f.exists()),
            };
            if !value.is_finite() {
                let guilty = guilty(&logits, &labels, regions.as_deref())?;
                return Err(not_finite("the loss", value, guilty));
            }
            let gradients = named(&parameters, &loss.backward()?);
            let norm = global_norm(&gradients)?;
            if !norm.is_finite() {
                let all = (0..choices.len()).collect();
                return Err(not_finite("the length of the gradient", norm, all));
            }
            let scale = options
                .clip_norm
                .map_or(1.0, |longest| clip_scale(norm, longest));
            optimizer.step(&parameters, &gradients, rate, scale)?;
            progress.running.loss += value;
            progress.running.gradient_norm += norm;
            tally(
                &mut progress.running,
                &batch,
                &logits[0],
                regions.as_deref(),
            )?;
            progress.running.patches_without_foreground +=
                choices.iter().filter(|c| c.without_foreground).count() as u64;
            progress.step += 1;
            done += 1;
            let elapsed = (hooks.seconds)() - started;
            let per_second = if elapsed > 0.0 {
                done as f64 / elapsed
            } else {
                0.0
            };
            let left = options.epochs * options.steps_per_epoch
                - (epoch * options.steps_per_epoch + step + 1);
            let event = StepEvent {
                epoch,
                step,
                domain,
                loss: value,
                gradient_norm: norm,
                steps_per_second: per_second,
                seconds_left: if per_second > 0.0 {
                    left as f64 / per_second
                } else {
                    0.0
                },
            };
            // At the end of an epoch the epoch is finished first.
            if hooks.observer.step(&event).is_break() {
                ended = Ended::Interrupted;
                if progress.step < options.steps_per_epoch {
                    save("last.safetensors", &progress, optimizer.state())?;
                    break 'epochs;
                }
            }
        }
        let mut row = row(&progress, rate, options.steps_per_epoch);
        let validates = (epoch + 1).is_multiple_of(options.validate_every_epochs)
            || epoch + 1 == options.epochs;
        if let Some(validate) = hooks.validate.as_mut().filter(|_| validates) {
            let by_case = validate(model, epoch)
                .map_err(|cause| TrainingError::Validation { epoch, cause })?;
            row.validation_dice = mean_by_class(&by_case, classes);
        }
        let gain = options.early_stop.map_or(0.0, |early| early.minimum_gain);
        let better = row
            .score()
            .filter(|score| progress.best.is_none_or(|best| *score > best.score + gain));
        hooks.observer.epoch(&row);
        progress.history.push(row);
        progress.running = Sums::new(classes);
        (progress.epoch, progress.step) = (epoch + 1, 0);
        if let Some(score) = better {
            progress.best = Some(Best { epoch, score });
            save("best.safetensors", &progress, optimizer.state())?;
        }
        save("last.safetensors", &progress, optimizer.state())?;
        if let Some(file) = file("history.csv") {
            write_whole(&file, csv(&progress.history).as_bytes()).map_err(|e| {
                TrainingError::Write {
                    file,
                    cause: e.to_string(),
                }
            })?;
        }
        if ended == Ended::Interrupted {
            break;
        }
    }
    Ok(Outcome {
        ended,
        warnings: warnings(&progress, &sampler, classes),
        best: progress.best,
        history: progress.history,
    })
}

/// What the numbers depend on.
fn fixed(cases: &[TrainingCase], options: &FitOptions) -> BTreeMap<String, String> {
    let mut hasher = blake3::Hasher::new();
    for case in cases {
        hasher.update(format!("{}\n{:?}\n", case.case_id(), case.domain()).as_bytes());
        hasher.update(format!("{:?}{:?}", case.shape_zyx(), case.spacing_zyx_mm()).as_bytes());
        hasher.update(case.labels());
        for channel in 0..case.channels() {
            hasher.update(bytemuck::cast_slice(case.channel(channel)));
        }
    }
    [
        ("seed", options.seed.to_string()),
        ("epochs", options.epochs.to_string()),
        ("steps_per_epoch", options.steps_per_epoch.to_string()),
        ("sampler", format!("{:?}", options.sampler)),
        ("augment", format!("{:?}", options.augment)),
        ("optimizer", format!("{:?}", options.optimizer)),
        ("learning_rate", format!("{:?}", options.learning_rate)),
        ("poly_exponent", format!("{:?}", options.poly_exponent)),
        ("clip_norm", format!("{:?}", options.clip_norm)),
        ("cases", hasher.finalize().to_hex().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn same(
    saved: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Result<(), TrainingError> {
    match now
        .iter()
        .find(|&(name, value)| saved.get(name) != Some(value))
    {
        None => Ok(()),
        Some((name, value)) => Err(TrainingError::State {
            what: "option",
            name: name.clone(),
            cause: format!(
                "it was {} and is {value}, so the numbers would not go on: resume with the old \
                 one, or start anew",
                saved.get(name).map_or("absent", String::as_str)
            ),
        }),
    }
}

fn stale(progress: &Progress, options: &FitOptions) -> bool {
    options.early_stop.is_some_and(|early| {
        progress
            .best
            .is_some_and(|best| progress.epoch > best.epoch + early.patience_epochs)
    })
}

/// Count the voxels of each class in the labels, in the prediction and in both.
fn tally(
    sums: &mut Sums,
    batch: &[Patch],
    logits: &Tensor,
    regions: Option<&[Vec<u32>]>,
) -> TensorResult<()> {
    // The label that a region has and none within it.
    let of_region = |r: usize, regions: &[Vec<u32>]| {
        let own = regions[r]
            .iter()
            .find(|label| !regions[r + 1..].iter().flatten().any(|l| l == *label));
        own.map_or(0, |label| *label as usize)
    };
    let labels_of_regions: Option<Vec<usize>> =
        regions.map(|regions| (0..regions.len()).map(|r| of_region(r, regions)).collect());
    let logits = logits.detach().to_device(&Device::Cpu)?;
    for (sample, patch) in batch.iter().enumerate() {
        let sample = logits.get(sample)?.flatten_from(1)?.to_vec2::<f32>()?;
        let mut present = vec![false; sums.overlap.len()];
        for (voxel, &label) in patch.labels.iter().enumerate() {
            let mut predicted = 0;
            if let Some(labels) = &labels_of_regions {
                // As inference decides: the last region that is more probable than not.
                for (logits, &label) in sample.iter().zip(labels) {
                    if logits[voxel] > 0.0 {
                        predicted = label;
                    }
                }
            } else {
                for class in 1..sample.len() {
                    if sample[class][voxel] > sample[predicted][voxel] {
                        predicted = class;
                    }
                }
            }
            let label = usize::from(label);
            for (class, overlap) in (1..).zip(&mut sums.overlap) {
                overlap[0] += u64::from(predicted == class && label == class);
                overlap[1] += u64::from(predicted == class);
                overlap[2] += u64::from(label == class);
            }
            if label > 0 {
                present[label - 1] = true;
            }
        }
        for (count, present) in sums.patches_with_class.iter_mut().zip(present) {
            *count += u64::from(present);
        }
    }
    Ok(())
}

fn row(progress: &Progress, learning_rate: f64, steps: usize) -> EpochRow {
    let sums = &progress.running;
    EpochRow {
        epoch: progress.epoch,
        learning_rate,
        loss: sums.loss / steps as f64,
        gradient_norm: sums.gradient_norm / steps as f64,
        patch_dice: sums.dice(),
        validation_dice: Vec::new(),
        patches_with_class: sums.patches_with_class.clone(),
        patches_without_foreground: sums.patches_without_foreground,
    }
}

fn mean_by_class(by_case: &[Vec<Option<f64>>], classes: usize) -> Vec<Option<f64>> {
    (0..classes.saturating_sub(1))
        .map(|class| {
            let known: Vec<f64> = by_case
                .iter()
                .filter_map(|case| *case.get(class)?)
                .collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        })
        .collect()
}

fn csv(history: &[EpochRow]) -> String {
    let classes = history.first().map_or(0, |row| row.patch_dice.len());
    let mut text = "epoch,learning_rate,loss,gradient_norm".to_owned();
    for what in ["patch_dice", "validation_dice"] {
        (1..=classes).for_each(|class| text.push_str(&format!(",{what}_{class}")));
    }
    text.push('\n');
    for row in history {
        text.push_str(&format!(
            "{},{},{},{}",
            row.epoch, row.learning_rate, row.loss, row.gradient_norm
        ));
        for list in [&row.patch_dice, &row.validation_dice] {
            for class in 0..classes {
                let cell = list.get(class).copied().flatten();
                text.push_str(&cell.map_or(",".to_owned(), |dice| format!(",{dice}")));
            }
        }
        text.push('\n');
    }
    text
}

fn warnings(progress: &Progress, sampler: &Sampler<'_>, classes: usize) -> Vec<String> {
    let absent = sampler.absent_classes();
    let mut warnings = Vec::new();
    for class in 1..classes {
        let seen: u64 = progress
            .history
            .iter()
            .filter_map(|row| row.patches_with_class.get(class - 1))
            .sum();
        if absent.iter().any(|a| usize::from(*a) == class) {
            warnings.push(format!(
                "class {class} was never sampled: no training case has it"
            ));
        } else if seen == 0 && !progress.history.is_empty() {
            warnings.push(format!(
                "class {class} was never sampled: train longer or raise foreground_fraction"
            ));
        }
    }
    let without: u64 = progress
        .history
        .iter()
        .map(|row| row.patches_without_foreground)
        .sum();
    if without > 0 {
        warnings.push(format!(
            "{without} patch(es) should have been put on foreground and their cases have none"
        ));
    }
    warnings
}
