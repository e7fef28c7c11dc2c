//! Options of `train`, and what the library makes of them.

use std::{ops::RangeInclusive, path::PathBuf};

use clap::{Args, ValueEnum};
use renalflow_sdk::{Problem, clap};
use renalflow_segmentation::{
    device::DeviceChoice,
    network::{
        Plan, Scheme,
        plan::{LabelSet, PlanOptions, Region, Window},
    },
    ops::Precision,
    prepare::meanings,
    training::{
        augment::AugmentOptions,
        optimizer::{AdamWOptions, OptimizerOptions, SgdOptions},
        sampling::{Mixture, SamplerOptions},
        session::{EarlyStop, FitOptions},
    },
};
use serde::Serialize;

use crate::study::Set;

/// Options of `train`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// How the auxiliary cases help: scratch, finetune, pooled, domain-norm, two-column-frozen,
    /// two-column-joint or prior-channel
    #[arg(long, value_name = "SCHEME", default_value_t = Scheme::Scratch)]
    pub scheme: Scheme,
    /// Weights that were trained on the auxiliary cases before; where a scheme needs some and
    /// none are given, they are trained first, in the same run
    #[arg(long, value_name = "FILE")]
    pub auxiliary_weights: Option<PathBuf>,
    /// Epochs of the training on the auxiliary cases [default: --epochs]; two-column-joint,
    /// which may do without, trains them only where this is given
    #[arg(long, value_name = "N")]
    pub auxiliary_epochs: Option<usize>,

    /// Plan of the network, such as the plan.json of another run; by default derived from the
    /// primary cases and the options
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Spacing to resample to, one number or z,y,x; by default the median of the primary cases,
    /// for which all volumes are held until the last has come
    #[arg(long, value_name = "MM", value_delimiter = ',')]
    pub spacing_mm: Vec<f64>,
    /// Most voxels of a patch
    #[arg(long, value_name = "VOXELS", default_value_t = 128 * 128 * 128)]
    pub max_patch_voxels: usize,
    /// Features of the finest level; each coarser one has twice as many
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub base_features: usize,
    /// Most levels
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub max_levels: usize,
    /// Centre of the intensities that are told apart
    #[arg(
        long,
        value_name = "HU",
        default_value_t = 40.0,
        allow_negative_numbers = true
    )]
    pub window_center_hu: f64,
    /// Width of the intensities that are told apart
    #[arg(long, value_name = "HU", default_value_t = 400.0)]
    pub window_width_hu: f64,

    /// Labels to learn, by name, in the order of their classes; by default those that the cases
    /// name. Others are background
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// What a label is made of, such as kidney=kidney+tumour
    #[arg(long, value_name = "NAME=A+B", value_delimiter = ',')]
    pub merge: Vec<String>,
    /// Learn nested regions, each label with all that come after it in --labels, by Dice and
    /// binary cross-entropy, in place of classes that exclude each other
    #[arg(long)]
    pub regions: bool,
    /// What is cut out of a case
    #[arg(long, value_enum, default_value_t = Crop::Kidneys)]
    pub crop: Crop,
    /// Edge of the crop around a kidney
    #[arg(long, value_name = "MM", default_value_t = 160.0)]
    pub crop_size_mm: f64,
    /// Least distance of a kidney from the border of its crop, which grows where it must
    #[arg(long, value_name = "MM", default_value_t = 10.0)]
    pub crop_margin_mm: f64,

    /// Folds of the cross-validation over the primary patients; 0 trains one network on all
    /// [default: those of --split, or 0]
    #[arg(long, value_name = "K")]
    pub folds: Option<u32>,
    /// Which patient is in which fold, as in datasets/splits; by default drawn from the seed and
    /// written beside the weights
    #[arg(long, value_name = "FILE")]
    pub split: Option<PathBuf>,
    /// Train only these folds, from 0
    #[arg(long, value_name = "FOLDS", value_delimiter = ',')]
    pub only_folds: Vec<u32>,

    /// Epochs
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub epochs: usize,
    /// Steps of an epoch
    #[arg(long, value_name = "N", default_value_t = 250)]
    pub steps_per_epoch: usize,
    /// Patches of a step
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub batch_size: usize,
    /// Learning rate of the first epoch; it decays to 0 as (1 - epoch/epochs)^0.9
    /// [default: 0.01 for sgd, 0.001 for adamw]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// What moves the weights
    #[arg(long, value_enum, default_value_t = Optimizer::Sgd)]
    pub optimizer: Optimizer,
    /// Weight decay [default: 0.00003 for sgd, 0.01 for adamw]
    #[arg(long, value_name = "RATE")]
    pub weight_decay: Option<f64>,
    /// Share of the patches that are centred on a label
    #[arg(long, value_name = "SHARE", default_value_t = 0.33)]
    pub foreground_fraction: f64,
    /// How patches are changed at random
    #[arg(long, value_enum, default_value_t = Augment::Full)]
    pub augment: Augment,
    /// Longest gradient; 0 leaves gradients as they are
    #[arg(long, value_name = "NORM", default_value_t = 12.0)]
    pub clip_norm: f64,
    /// Stop after so many epochs without a better validation
    #[arg(long, value_name = "N")]
    pub early_stop_epochs: Option<usize>,
    /// Validate on the crops of the held-out cases after every so many epochs; 0 never does
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub validate_every_epochs: usize,
    /// Which weights are written and scored; `best` chooses by the held-out cases, whose scores
    /// are then too good
    #[arg(long, value_enum, default_value_t = Keep::Last)]
    pub keep: Keep,

    /// Where the networks run: auto, cpu or cuda:N
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,
    /// Numbers in which a GPU convolves: f32, tf32 or bf16; a CPU has f32 alone
    #[arg(long, value_name = "NUMBERS", default_value_t)]
    #[serde(skip_serializing_if = "Precision::is_f32")]
    pub precision: Precision,
    /// Seed of everything random
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Folder of a run that was stopped: its trainings go on with the same numbers
    #[arg(long, value_name = "FOLDER")]
    pub resume: Option<PathBuf>,
    /// Memory that a step may take [default: what the machine has left]
    #[arg(long, value_name = "MIB")]
    pub max_memory_mib: Option<u64>,
}

/// What is cut out of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crop {
    /// A box around each kidney of the reference
    Kidneys,
    /// Nothing: the whole volume
    None,
}

/// Names of optimisers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Gradient descent with Nesterov momentum 0.99
    Sgd,
    /// Adam with decoupled weight decay
    #[value(name = "adamw")]
    AdamW,
}

/// How much is changed at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Augment {
    /// Nothing
    None,
    /// Mirrored, turned and scaled
    Light,
    /// As nnU-Net: also noise, blur, brightness, contrast, resolution and gamma
    Full,
}

/// Which weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those after the last step
    Last,
    /// Those of the best validation
    Best,
}

/// Ranges of numbers, none of which holds NaN.
const ABOVE_ZERO: RangeInclusive<f64> = f64::MIN_POSITIVE..=f64::MAX;
const FROM_ZERO: RangeInclusive<f64> = 0.0..=f64::MAX;

impl Options {
    /// Check what can be checked before a case is there.
    pub fn check(&self) -> Result<(), Problem> {
        let wrong =
            |cause: String, fix: &str| -> Result<(), Problem> { Err(Problem::new(cause).fix(fix)) };
        if !self.precision.is_f32() {
            self.device
                .open_for(self.precision)
                .map_err(|error| Problem::from(error).context("--precision"))?;
        }
        if !matches!(self.spacing_mm.len(), 0 | 1 | 3)
            || self
                .spacing_mm
                .iter()
                .any(|mm| !(*mm > 0.0 && mm.is_finite()))
        {
            return wrong(
                format!("--spacing-mm is {:?}", self.spacing_mm),
                "give one positive number of mm, or three for z,y,x",
            );
        }
        for (name, value, range, fix) in [
            (
                "--crop-size-mm",
                Some(self.crop_size_mm),
                0.0..=2000.0,
                "give 0 to 2000 mm",
            ),
            (
                "--crop-margin-mm",
                Some(self.crop_margin_mm),
                0.0..=2000.0,
                "give 0 to 2000 mm",
            ),
            (
                "--window-center-hu",
                Some(self.window_center_hu),
                f64::MIN..=f64::MAX,
                "give HU",
            ),
            (
                "--window-width-hu",
                Some(self.window_width_hu),
                ABOVE_ZERO,
                "give HU, over 0",
            ),
            (
                "--learning-rate",
                self.learning_rate,
                ABOVE_ZERO,
                "give a number over 0",
            ),
            (
                "--weight-decay",
                self.weight_decay,
                FROM_ZERO,
                "give 0 or more",
            ),
            (
                "--clip-norm",
                Some(self.clip_norm),
                FROM_ZERO,
                "give 0, for none, or more",
            ),
            (
                "--foreground-fraction",
                Some(self.foreground_fraction),
                0.0..=1.0,
                "give 0 to 1",
            ),
        ] {
            if let Some(value) = value
                && !range.contains(&value)
            {
                return wrong(format!("{name} is {value}"), fix);
            }
        }
        for (name, value) in [
            ("--epochs", Some(self.epochs)),
            ("--auxiliary-epochs", self.auxiliary_epochs),
            ("--early-stop-epochs", self.early_stop_epochs),
            ("--steps-per-epoch", Some(self.steps_per_epoch)),
            ("--batch-size", Some(self.batch_size)),
            ("--base-features", Some(self.base_features)),
            ("--max-levels", Some(self.max_levels)),
            ("--max-patch-voxels", Some(self.max_patch_voxels)),
        ] {
            if value == Some(0) {
                return wrong(format!("{name} is 0"), "give at least 1");
            }
        }
        let needs_held_out = if self.early_stop_epochs.is_some() {
            Some("--early-stop-epochs")
        } else {
            (self.keep == Keep::Best).then_some("--keep best")
        };
        if let Some(option) = needs_held_out {
            if self.validate_every_epochs == 0 {
                return wrong(
                    format!("{option} wants validation, and --validate-every-epochs is 0"),
                    "validate, or leave it out",
                );
            }
            if !self.has_folds() {
                return wrong(
                    format!("{option} wants held-out cases, and without folds there are none"),
                    "give --folds or --split, or leave it out",
                );
            }
        }
        if self.folds == Some(1) {
            return wrong(
                "--folds is 1".to_owned(),
                "give 2 or more, or 0 to train on all cases",
            );
        }
        let unknown = self
            .merges()?
            .into_iter()
            .find(|(name, _)| !self.labels.is_empty() && !self.labels.contains(name));
        if let Some((name, _)) = unknown {
            return wrong(
                format!("--merge makes `{name}`, which --labels does not list"),
                "list it, or take it out of --merge",
            );
        }
        Ok(())
    }

    /// `--merge` as name and sum.
    pub fn merges(&self) -> Result<Vec<(String, String)>, Problem> {
        self.merge
            .iter()
            .map(|text| {
                let (name, sum) = text.split_once('=').ok_or_else(|| {
                    Problem::new(format!("--merge does not know what `{text}` is"))
                        .fix("write NAME=A+B, such as kidney=kidney+tumour")
                })?;
                Ok((name.trim().to_owned(), sum.trim().to_owned()))
            })
            .collect()
    }

    /// The spacing that is asked for.
    pub fn spacing_zyx_mm(&self) -> Option<[f64; 3]> {
        match self.spacing_mm.as_slice() {
            [mm] => Some([*mm; 3]),
            [z, y, x] => Some([*z, *y, *x]),
            _ => None,
        }
    }

    /// The intensities that are told apart, where no plan says.
    pub fn window(&self) -> Window {
        Window::Center {
            center_hu: self.window_center_hu,
            width_hu: self.window_width_hu,
        }
    }

    /// Whether primary cases are held out.
    pub fn has_folds(&self) -> bool {
        self.folds.map_or(self.split.is_some(), |folds| folds > 0)
    }

    /// Whether cases of a set are scored on whole volumes in the end.
    pub fn scores(&self, set: Set) -> bool {
        match set {
            Set::Primary => self.has_folds(),
            Set::Auxiliary => false,
            Set::Test => true,
        }
    }

    /// The plan of `--plan`.
    pub fn read_plan(&self) -> Result<Option<Plan>, Problem> {
        let Some(path) = &self.plan else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::new(format!("--plan {}: {error}", path.display()))
                .fix("the path is read from the folder of the graph")
        })?;
        let plan =
            Plan::from_json(&text).map_err(|error| Problem::from(error).context(path.display()))?;
        Ok(Some(plan))
    }

    /// What a plan is derived with.
    pub fn plan_options(&self, classes: &[String]) -> PlanOptions {
        let mut options = PlanOptions::new("fine", label_set(classes, self.regions));
        options.window = self.window();
        options.spacing_zyx_mm = self.spacing_zyx_mm();
        options.max_patch_voxels = self.max_patch_voxels;
        options.base_features = self.base_features;
        options.max_features = options.max_features.max(self.base_features);
        options.max_levels = self.max_levels;
        options
    }

    /// How a network is trained.
    pub fn fit(&self, plan: &Plan, mixture: Mixture, epochs: usize) -> FitOptions {
        FitOptions {
            seed: self.seed,
            epochs,
            steps_per_epoch: self.steps_per_epoch,
            sampler: SamplerOptions {
                batch_size: self.batch_size,
                patch_zyx: plan.patch_zyx.value,
                foreground_fraction: self.foreground_fraction,
                mixture,
            },
            augment: self.augment.options(),
            optimizer: self.optimizer(),
            learning_rate: self.learning_rate.unwrap_or(match self.optimizer {
                Optimizer::Sgd => 0.01,
                Optimizer::AdamW => 0.001,
            }),
            clip_norm: (self.clip_norm > 0.0).then_some(self.clip_norm),
            validate_every_epochs: self.validate_every_epochs.max(1),
            early_stop: self.early_stop_epochs.map(|patience_epochs| EarlyStop {
                patience_epochs,
                minimum_gain: 0.0,
            }),
            ..FitOptions::default()
        }
    }

    fn optimizer(&self) -> OptimizerOptions {
        match self.optimizer {
            Optimizer::Sgd => {
                let mut sgd = SgdOptions::default();
                sgd.weight_decay = self.weight_decay.unwrap_or(sgd.weight_decay);
                OptimizerOptions::Sgd(sgd)
            }
            Optimizer::AdamW => {
                let mut adamw = AdamWOptions::default();
                adamw.weight_decay = self.weight_decay.unwrap_or(adamw.weight_decay);
                OptimizerOptions::AdamW(adamw)
            }
        }
    }

    /// From which cases the steps of a scheme draw.
    pub fn mixture(&self) -> Mixture {
        match self.scheme {
            Scheme::Pooled | Scheme::DomainNorm => Mixture::Pooled,
            Scheme::TwoColumnJoint => Mixture::Alternating {
                primary: 1,
                auxiliary: 1,
            },
            _ => Mixture::PrimaryOnly,
        }
    }
}

impl Augment {
    /// Images are mapped to 0..1 by the window, so noise is given in a quarter of nnU-Net's unit,
    /// the deviation of such an image, and what lies outside is air, 0.
    fn options(self) -> AugmentOptions {
        let full = AugmentOptions {
            noise_deviation: [0.0, 0.025],
            ..AugmentOptions::default()
        };
        match self {
            Self::Full => full,
            Self::None => AugmentOptions::none(),
            Self::Light => AugmentOptions {
                rotation_probability: full.rotation_probability,
                scaling_probability: full.scaling_probability,
                mirror_zyx: full.mirror_zyx,
                ..AugmentOptions::none()
            },
        }
    }
}

/// What a network of these classes tells apart.
fn label_set(classes: &[String], regions: bool) -> LabelSet {
    if regions {
        let last = classes.len() as u32;
        // Named by what they are made of, which is how inference finds the names of labels.
        let region = |(k, _): (usize, &String)| Region {
            name: classes[k..].join("+"),
            labels: (k as u32 + 1..=last).collect(),
        };
        LabelSet::Regions(classes.iter().enumerate().map(region).collect())
    } else {
        let background = std::iter::once("background".to_owned());
        LabelSet::Classes(background.chain(classes.iter().cloned()).collect())
    }
}

/// Names of the classes of a plan, without the background.
pub fn classes_of(plan: &Plan) -> Result<Vec<String>, Problem> {
    let meanings = meanings(&plan.labels.value)?;
    if let Some((k, other)) = (1..).zip(&meanings).find(|(k, m)| m.label != *k) {
        return Err(Problem::new(format!(
            "the plan numbers its labels otherwise than 1, 2, ...: number {k} is {}",
            other.label
        ))
        .fix("derive the plan with this stage"));
    }
    Ok(meanings.into_iter().map(|meaning| meaning.name).collect())
}
