//! Stage `train`: trains segmentation networks on the cases of a graph, by any of the schemes
//! of how auxiliary cases may help, and scores them on cases that they have not seen.
//!
//! | module | what it holds |
//! |---|---|
//! | `options` | the options, and what the library makes of them |
//! | `study` | a case as it came |
//! | `grids` | from a case to what the network is shown of it |
//! | `cohort` | all cases: their classes, the plan, and which of them cannot be used |
//! | `folds` | who is held out when, and whom a network has seen |
//! | `training` | the networks, one after the other |
//! | `fitting` | one network, from its first weights to its last |
//! | `scoring` | whole volumes, segmented and scored |
//! | `record`, `curves` | what is written while networks train |

mod cohort;
mod curves;
mod fitting;
mod folds;
mod grids;
mod options;
mod record;
mod scoring;
mod study;
mod training;

use std::collections::BTreeMap;

use renalflow_datasets::Split;
use renalflow_frames::check_writable;
use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, Outputs, Plugin, Port,
    Problem, Role, Stage, Work,
};
use renalflow_segmentation::{
    device,
    network::{AuxiliaryWeights, Plan},
    weights,
};

use folds::check_only;
pub use options::Options;
use options::classes_of;
use study::{Set, Study};

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Train>();

/// The stage.
pub struct Train;

const AUXILIARY: &str = "auxiliary";
const TEST: &str = "test";

impl Stage for Train {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "train",
        version: "2",
        about: "Train segmentation networks, and score them on cases that they have not seen",
        role: Role::Collecting,
        inputs: &[
            Port::new("image", Kind::Image, "CT in HU of the primary cases"),
            Port::new("mask", Kind::Labels, "their labels, on the image's grid"),
            Port::new(
                "record",
                Kind::Table,
                "their patients, where one has several cases",
            )
            .optional(),
            Port::new(
                "auxiliary-image",
                Kind::Image,
                "CT in HU of the auxiliary cases",
            )
            .group(AUXILIARY),
            Port::new("auxiliary-mask", Kind::Labels, "their labels").group(AUXILIARY),
            Port::new("auxiliary-record", Kind::Table, "their patients")
                .group(AUXILIARY)
                .optional(),
            Port::new(
                "test-image",
                Kind::Image,
                "CT in HU of cases that are only scored",
            )
            .group(TEST),
            Port::new("test-mask", Kind::Labels, "their labels").group(TEST),
            Port::new("test-record", Kind::Table, "their patients")
                .group(TEST)
                .optional(),
        ],
        outputs: &[],
    };
    const NOT_IN_LINEAGE: &'static [&'static str] = &[
        "resume",
        "max_memory_mib",
        "plan",
        "split",
        "auxiliary_weights",
        "device",
    ];

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        options.check()?;
        let mut notes = Vec::new();
        if let Some(plan) = options.read_plan()? {
            let classes = classes_of(&plan)?;
            if !options.labels.is_empty() && options.labels != classes {
                return Err(Problem::new(format!(
                    "--labels are {}, the plan has {}",
                    options.labels.join(", "),
                    classes.join(", ")
                ))
                .fix("leave --labels out, or take another plan"));
            }
            notes.push(format!(
                "plan `{}` of {} levels",
                plan.name,
                plan.levels.len()
            ));
        }
        let mut folds = options.folds.unwrap_or_default();
        if let Some(path) = &options.split {
            let split = Split::read(path)?;
            folds = split.folds;
            if options.folds.is_some_and(|folds| folds != split.folds) {
                return Err(Problem::new(format!(
                    "--folds is {}, {} has {}",
                    options.folds.unwrap_or_default(),
                    path.display(),
                    split.folds
                ))
                .fix("leave --folds out, or take another split"));
            }
        }
        check_only(&options.only_folds, folds)?;
        if let Some(path) = &options.auxiliary_weights {
            if options.scheme.auxiliary_weights() == AuxiliaryWeights::Unused {
                return Err(Problem::new(format!(
                    "--auxiliary-weights: {} starts from its seed and takes none",
                    options.scheme
                ))
                .fix("leave them out, or choose another --scheme"));
            }
            let checkpoint = weights::load(path)?;
            training::check_auxiliary(path, &checkpoint, options.read_plan()?.as_ref())?;
        }
        if let Some(folder) = &options.resume
            && !folder.join("checkpoints").is_dir()
        {
            return Err(Problem::new(format!(
                "--resume {}: there are no checkpoints",
                folder.display()
            ))
            .fix("give the folder of a run of this stage; the path is read from the folder of the graph"));
        }
        Ok(notes)
    }

    fn check_wiring(options: &Options, inputs: &[String]) -> Result<(), Problem> {
        let auxiliary = inputs.iter().any(|input| input == "auxiliary-image");
        let scheme = options.scheme;
        let connect =
            "connect `auxiliary-image` and `auxiliary-mask` to a node that loads other cases";
        if scheme.trains_on_auxiliary() && !auxiliary {
            return Err(Problem::new(format!(
                "--scheme {scheme} trains on auxiliary cases, and none are connected"
            ))
            .fix(connect));
        }
        if scheme.auxiliary_weights() == AuxiliaryWeights::Required
            && options.auxiliary_weights.is_none()
            && !auxiliary
        {
            return Err(Problem::new(format!(
                "--scheme {scheme} starts from a network of the auxiliary cases, and there is none"
            ))
            .fix(format!("give --auxiliary-weights, or {connect}")));
        }
        if options.auxiliary_epochs.is_some() && !auxiliary {
            return Err(
                Problem::new("--auxiliary-epochs, and no auxiliary cases are connected")
                    .fix(connect),
            );
        }
        Ok(())
    }

    fn build(options: Options, context: &Context) -> Result<Work, Problem> {
        // A training takes and gives back the same large blocks at every step.
        renalflow_sdk::memory::keep_freed(1 << 30, i32::MAX);
        check_writable(&context.run_dir.join("plan.json"))?;
        // `auto` is the CPU where no GPU answers, which is slow and is not to go unnoticed.
        let place = device::name(&options.device.open_for(options.precision)?);
        tracing::info!("networks on {place}, convolutions in {}", options.precision);
        Ok(Work::Collecting(Box::new(Collector {
            plan: options.read_plan()?,
            options,
            context: context.clone(),
            studies: Vec::new(),
            failed: BTreeMap::new(),
        })))
    }
}

struct Collector {
    options: Options,
    context: Context,
    /// The plan, where it is given.
    plan: Option<Plan>,
    studies: Vec<Study>,
    /// What is known of the cases that failed.
    failed: BTreeMap<String, Known>,
}

/// What is known of a case whatever becomes of it.
struct Known {
    set: Set,
    patient_id: Option<String>,
}

impl Collecting for Collector {
    fn collect(&mut self, case_id: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        // A failure is on the list that `finish` gets.
        let Ok(mut inputs) = inputs else {
            return Ok(());
        };
        let patient_id = self.note(case_id, &inputs)?;
        let Some((set, image, mask)) = Set::ALL.into_iter().find(|(_, image, _)| inputs.has(image))
        else {
            return Err(Problem::new("no image came for this case"));
        };
        let mut options = self.options.clone();
        if let Some(plan) = &self.plan {
            options.labels = classes_of(plan)?;
        }
        let lineage = inputs.combined_lineage().to_string();
        let image = inputs.image(image)?;
        let labels = inputs.labels(mask)?;
        let mut study = Study::new(case_id, set, image, &labels, &options)?;
        drop(labels);
        study.lineage = lineage;
        study.patient_id = patient_id;
        // With a plan or a spacing the crops are all that is needed of a case that is not scored.
        let shown = match &self.plan {
            Some(plan) => Some(plan.clone()),
            None if options.spacing_zyx_mm().is_some() => Some(cohort::plan_of(&options, &study)?),
            None => None,
        };
        if let Some(plan) = shown {
            if set != Set::Test {
                grids::cut(&mut study, &options, &plan)?;
            }
            if !self.options.scores(set) {
                study.volume = None;
            }
        }
        self.studies.push(study);
        self.failed.remove(case_id);
        Ok(())
    }

    fn collect_failed(
        &mut self,
        case_id: &str,
        _: Failure,
        arrived: Inputs,
    ) -> Result<(), Problem> {
        self.note(case_id, &arrived).map(drop)
    }

    fn finish(&mut self, cohort: &Cohort) -> Result<Outputs, Problem> {
        let studies = std::mem::take(&mut self.studies);
        let came = cohort::Came {
            studies,
            failed: &self.failed,
            cohort,
        };
        training::run(&self.options, self.plan.take(), &self.context, came)
    }
}

impl Collector {
    /// Note set and patient of a case, which count where it fails; returns the patient.
    fn note(&mut self, case_id: &str, inputs: &Inputs) -> Result<Option<String>, Problem> {
        let came = |(set, image, mask): &(Set, &str, &str)| {
            [image, mask, set.record()]
                .into_iter()
                .any(|input| inputs.has(input))
        };
        let Some((set, ..)) = Set::ALL.into_iter().find(came) else {
            return Ok(None);
        };
        let patient_id = inputs.patient_id(set.record());
        let known = Known {
            set,
            patient_id: patient_id.clone().unwrap_or_default(),
        };
        self.failed.insert(case_id.to_owned(), known);
        patient_id
    }
}
