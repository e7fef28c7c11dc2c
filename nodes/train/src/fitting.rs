//! One network, from its first weights to its last.

use std::{
    cell::RefCell,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Instant,
};

use candle_core::Device;
use renalflow_imaging::{Geometry, Volume};
use renalflow_sdk::{Problem, journal::Progress};
use renalflow_segmentation::{
    inference::{Decision, LabelSlices, NetworkPredictor, PatchPredictor, SlidingWindow, slide},
    network::{FsNet, Parameters, Plan, Scheme, SegmentationNetwork, Use, plan::LabelSet},
    ops::Precision,
    training::{
        case::TrainingCase,
        checkpoint::Checkpoint,
        memory::{Footprint, check_step},
        progress::EpochRow,
        session::{FitOptions, Hooks, Observer, Outcome, StepEvent, fit},
    },
    weights,
};

use crate::{
    options::Keep,
    record::{Epoch, Record, read_gates},
};

/// What is to be trained.
pub struct Job<'a> {
    /// Name of its files: `auxiliary`, `fold-0`, `all`.
    pub name: String,
    /// Its name on the progress line.
    pub title: String,
    /// How many networks of the run are done, and how many there are.
    pub turn: [usize; 2],
    pub plan: &'a Plan,
    pub scheme: Scheme,
    pub seed: u64,
    pub cases: &'a [TrainingCase],
    pub held_out: &'a [TrainingCase],
    /// What the scheme starts from.
    pub auxiliary: Option<&'a weights::Checkpoint>,
    pub fit: FitOptions,
    pub keep: Keep,
    /// Whether to validate at all.
    pub validate: bool,
}

/// Where things go, and what has been written.
pub struct Desk<'a> {
    pub folder: &'a Path,
    pub resume: Option<&'a Path>,
    pub device: Device,
    pub precision: Precision,
    pub available_bytes: u64,
    pub progress: RefCell<Progress>,
    pub record: RefCell<Record>,
}

/// A network that is trained.
pub struct Trained {
    pub parameters: Parameters,
    pub outcome: Outcome,
}

impl Desk<'_> {
    /// Train a network, or go on where an earlier run stopped.
    pub fn train(&self, job: Job<'_>) -> Result<Trained, Problem> {
        let parameters = Parameters::on(job.seed, &self.device).with_precision(self.precision);
        let network = FsNet::new(job.plan, job.scheme, &parameters, Use::Training)?;
        if let Some(checkpoint) = job.auxiliary {
            network
                .load_auxiliary(&checkpoint.tensors)
                .map_err(|error| {
                    Problem::from(error).context("--auxiliary-weights").fix(
                        "train the auxiliary network with this plan: give its plan.json to both",
                    )
                })?;
        }
        let footprint = Footprint::of(&network, job.fit.optimizer.slots());
        check_step(
            &footprint,
            job.fit.sampler.batch_size,
            job.plan.patch_zyx.value,
            self.available_bytes,
        )
        .map_err(|error| {
            Problem::from(error)
                .fix("--max-patch-voxels, --batch-size and --base-features make it smaller")
        })?;
        let folder = self.folder.join("checkpoints").join(&job.name);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Problem::from(error).context(folder.display()))?;
        let resume = self.earlier(&job, &folder)?;
        let mut watch = Watch {
            desk: self,
            job: &job,
            network: &network,
            mean_loss: None,
            dice: None,
            problem: None,
        };
        let clock = Instant::now();
        let seconds = || clock.elapsed().as_secs_f64();
        let inference = FsNet::new(job.plan, job.scheme, &parameters, Use::Inference)?;
        let mut validate = |_: &FsNet, _: usize| {
            let by_crop: Result<Vec<_>, String> = job
                .held_out
                .iter()
                .map(|crop| counts(&inference, crop))
                .collect();
            Ok(by_patient(job.held_out, &by_crop?))
        };
        let validates = job.validate && !job.held_out.is_empty();
        let hooks = Hooks {
            observer: &mut watch,
            validate: if validates { Some(&mut validate) } else { None },
            seconds: &seconds,
            device: self.device.clone(),
        };
        let mut options = job.fit.clone();
        options.run_folder = Some(folder.clone());
        let outcome = fit(&network, job.cases, &options, hooks, resume.as_ref())
            .map_err(|error| Problem::from(error).context(&job.title))?;
        if let Some(problem) = watch.problem {
            return Err(
                problem.fix("free the disk, and go on with --resume and the folder of this run")
            );
        }
        if job.keep == Keep::Best && outcome.best.is_some() {
            Checkpoint::read(&folder.join("best.safetensors"))?.apply(&network.trainable())?;
        }
        Ok(Trained {
            parameters,
            outcome,
        })
    }

    /// The checkpoint of an earlier run, with its files and its part of the record.
    fn earlier(&self, job: &Job<'_>, folder: &Path) -> Result<Option<Checkpoint>, Problem> {
        let Some(run) = self.resume else {
            return Ok(None);
        };
        let old = run.join("checkpoints").join(&job.name);
        let last = old.join("last.safetensors");
        if !last.exists() {
            return Ok(None);
        }
        let checkpoint = Checkpoint::read(&last)?;
        for name in ["last.safetensors", "best.safetensors", "history.csv"] {
            let from = old.join(name);
            if from.exists() {
                std::fs::copy(&from, folder.join(name))
                    .map_err(|error| Problem::from(error).context(from.display()))?;
            }
        }
        let gates = read_gates(&run.join("gates.csv"), &job.name);
        let mut record = self.record.borrow_mut();
        for row in &checkpoint.progress.history {
            let of_epoch = gates.iter().filter(|(epoch, ..)| *epoch == row.epoch);
            record.epochs.push(Epoch {
                network: job.name.clone(),
                row: row.clone(),
                gates: of_epoch.map(|(_, _, gate)| *gate).collect(),
            });
        }
        Ok(Some(checkpoint))
    }
}

/// Says how far a training is, and writes its curves.
struct Watch<'a> {
    desk: &'a Desk<'a>,
    job: &'a Job<'a>,
    network: &'a FsNet,
    mean_loss: Option<f64>,
    dice: Option<f64>,
    problem: Option<Problem>,
}

impl Observer for Watch<'_> {
    fn step(&mut self, event: &StepEvent) -> ControlFlow<()> {
        let mean = self.mean_loss.unwrap_or(event.loss);
        let mean = 0.9 * mean + 0.1 * event.loss;
        self.mean_loss = Some(mean);
        let fit = &self.job.fit;
        let steps = (fit.epochs * fit.steps_per_epoch) as f64;
        let done = (event.epoch * fit.steps_per_epoch + event.step + 1) as f64 / steps;
        let [before, networks] = self.job.turn.map(|n| n as f64);
        let text = || {
            let dice = self
                .dice
                .map_or(String::new(), |dice| format!(" Dice {dice:.2}"));
            format!(
                "{} epoch {}/{} loss {mean:.2}{dice} {:.1} steps/s {} left",
                self.job.title,
                event.epoch + 1,
                fit.epochs,
                event.steps_per_second,
                duration(event.seconds_left),
            )
        };
        self.desk
            .progress
            .borrow_mut()
            .say(text, Some((before + done) / networks));
        if self.problem.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn epoch(&mut self, row: &EpochRow) {
        self.dice = row.score().or(self.dice);
        let mut record = self.desk.record.borrow_mut();
        record.epochs.push(Epoch {
            network: self.job.name.clone(),
            row: row.clone(),
            gates: self
                .network
                .gates()
                .into_iter()
                .map(|(_, gate)| gate)
                .collect(),
        });
        if let Err(problem) = record.write() {
            self.problem = Some(problem);
        }
    }
}

/// A time as a reader says it.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// From probabilities to classes 1, 2, ...
pub fn decision(plan: &Plan) -> Decision {
    let channels = plan.labels.value.channels();
    match plan.labels.value {
        LabelSet::Classes(_) => Decision::classes(channels),
        LabelSet::Regions(_) => Decision::nested(channels),
    }
}

/// Voxels in both, in the prediction and in the labels, for each class.
fn counts(network: &FsNet, crop: &TrainingCase) -> Result<Vec<[u64; 3]>, String> {
    let text = |error: &dyn std::fmt::Display| format!("{}: {error}", crop.case_id());
    let geometry =
        Geometry::upright(crop.shape_zyx(), crop.spacing_zyx_mm()).map_err(|e| text(&e))?;
    let image = Volume::new(geometry.clone(), crop.channel(0).to_vec()).map_err(|e| text(&e))?;
    let predictors = [NetworkPredictor::new(network, crop.domain())];
    let windows = SlidingWindow::default()
        .plan(&image, &predictors)
        .map_err(|e| text(&e))?;
    let classes = predictors[0].classes();
    let mut sink =
        LabelSlices::new(&geometry, classes, decision(network.plan())).map_err(|e| text(&e))?;
    slide(&windows, &image, &predictors, &mut sink).map_err(|e| text(&e))?;
    let predicted = sink.finish().map_err(|e| text(&e))?;
    let mut counts = vec![[0; 3]; crop.classes().saturating_sub(1)];
    for (&p, &l) in predicted.voxels().iter().zip(crop.labels()) {
        for (class, count) in (1u16..).zip(&mut counts) {
            let (p, l) = (p == class, u16::from(l) == class);
            count[0] += u64::from(p && l);
            count[1] += u64::from(p);
            count[2] += u64::from(l);
        }
    }
    Ok(counts)
}

/// The Dice of each class over all crops of a patient together.
fn by_patient(crops: &[TrainingCase], counts: &[Vec<[u64; 3]>]) -> Vec<Vec<Option<f64>>> {
    let mut sums: std::collections::BTreeMap<&str, Vec<[u64; 3]>> = Default::default();
    for (crop, counts) in crops.iter().zip(counts) {
        let sum = sums
            .entry(crop.patient_id())
            .or_insert_with(|| vec![[0; 3]; counts.len()]);
        for (sum, count) in sum.iter_mut().zip(counts) {
            (0..3).for_each(|i| sum[i] += count[i]);
        }
    }
    sums.into_values()
        .map(|sums| {
            sums.into_iter()
                .map(|[both, predicted, labelled]| {
                    let sum = predicted + labelled;
                    (sum > 0).then(|| 2.0 * both as f64 / sum as f64)
                })
                .collect()
        })
        .collect()
}

/// Where the weights of a network go.
pub fn weights_file(folder: &Path, name: &str) -> PathBuf {
    folder.join("weights").join(format!("{name}.safetensors"))
}
