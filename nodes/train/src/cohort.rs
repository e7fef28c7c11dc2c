//! All cases: their classes, the plan, and which of them cannot be used.

use std::collections::{BTreeMap, BTreeSet};

use renalflow_imaging::orientation::Reorientation;
use renalflow_sdk::{Cohort, Problem};
use renalflow_segmentation::network::{
    Plan,
    plan::{Chosen, Fingerprint},
};
use renalflow_stage_score::rows::{HELD_OUT, ScoreRow, TEST, failed_row};

use crate::{
    Known,
    grids::{crop_size_mm, cut},
    options::{Crop, Options, classes_of},
    study::{Set, Study},
};

/// All cases that came.
pub struct Came<'a> {
    /// Those that can be used.
    pub studies: Vec<Study>,
    /// What is known of those that failed.
    pub failed: &'a BTreeMap<String, Known>,
    /// All names, and why some failed.
    pub cohort: &'a Cohort,
}

/// A case that was taken in and could not be used after all.
pub struct Lost {
    pub case_id: String,
    pub patient_id: Option<String>,
    pub set: Set,
    pub fold: Option<usize>,
    pub problem: Problem,
}

impl Lost {
    pub fn new(study: &Study, problem: Problem) -> Self {
        Self {
            case_id: study.case_id.clone(),
            patient_id: study.patient_id.clone(),
            set: study.set,
            fold: None,
            problem,
        }
    }

    /// Its row, where its set is scored.
    pub fn row(&self, options: &Options) -> Option<ScoreRow> {
        options.scores(self.set).then(|| {
            let patient = self.patient_id.as_deref();
            let set = scored_set(self.set);
            failed_row(&self.case_id, patient, set, self.fold, &self.problem.cause)
        })
    }
}

/// Name of a set in the table of scores.
pub fn scored_set(set: Set) -> &'static str {
    if set == Set::Test { TEST } else { HELD_OUT }
}

/// The rows of cases that failed before or when they came.
pub fn failed_rows(
    came: &BTreeMap<String, Known>,
    cohort: &Cohort,
    options: &Options,
) -> Vec<ScoreRow> {
    let rows = cohort.failures.iter().filter_map(|(case_id, failure)| {
        let known = came.get(case_id);
        // A case of which nothing arrived is taken for a primary one.
        let set = known.map_or(Set::Primary, |known| known.set);
        let patient = known.and_then(|known| known.patient_id.as_deref());
        let cause = format!("{}: {}", failure.node, failure.cause);
        options
            .scores(set)
            .then(|| failed_row(case_id, patient, scored_set(set), None, &cause))
    });
    rows.collect()
}

/// The classes of all cases that train, which must be the same.
///
/// # Errors
/// No primary case, cases with other labels than the first, other labels than a given plan.
pub fn classes(
    studies: &[Study],
    plan: Option<&Plan>,
    cohort: &Cohort,
) -> Result<Vec<String>, Problem> {
    let Some(first) = studies.iter().find(|study| study.set == Set::Primary) else {
        let cause = cohort.failures.values().next().map_or_else(
            || "none came".to_owned(),
            |failure| format!("{}: {}", failure.case_id, failure.cause),
        );
        return Err(
            Problem::new(format!("there is no primary case to train on: {cause}"))
                .fix("see the failures above, and the log of the node that loads the cases"),
        );
    };
    let tested = |study: &&Study| study.set == Set::Test;
    // Of cases that are only scored one may be wrong, but not all.
    let all_tests_differ = studies.iter().any(|study| tested(&study))
        && !studies
            .iter()
            .filter(tested)
            .any(|study| study.classes == first.classes);
    if let Some(problem) = studies
        .iter()
        .filter(|study| !tested(study) || all_tests_differ)
        .find_map(|other| same_classes(other, first).err())
    {
        return Err(problem);
    }
    if let Some(plan) = plan
        && classes_of(plan)? != first.classes
    {
        return Err(Problem::new(format!(
            "the plan has the labels {}, the cases {}",
            classes_of(plan)?.join(", "),
            first.classes.join(", ")
        ))
        .fix("take another plan, or map the labels with --merge"));
    }
    Ok(first.classes.clone())
}

/// That a case has the labels of another.
fn same_classes(other: &Study, first: &Study) -> Result<(), Problem> {
    if other.classes == first.classes {
        return Ok(());
    }
    Err(Problem::new(format!(
        "{} case {} has the labels {}, {} case {} has {}",
        first.set.name(),
        first.case_id,
        first.classes.join(", "),
        other.set.name(),
        other.case_id,
        other.classes.join(", ")
    ))
    .fix("name in --labels what to learn from all of them, with --merge where they are made of parts"))
}

/// Set test cases aside that have other labels than the cases that train.
pub fn set_other_labels_aside(studies: &mut Vec<Study>, lost: &mut Vec<Lost>) {
    let (tests, others): (Vec<Study>, Vec<Study>) = std::mem::take(studies)
        .into_iter()
        .partition(|study| study.set == Set::Test);
    *studies = others;
    let first = studies.iter().position(|study| study.set == Set::Primary);
    for test in tests {
        match first.map_or(Ok(()), |first| same_classes(&test, &studies[first])) {
            Ok(()) => studies.push(test),
            Err(problem) => lost.push(Lost::new(&test, problem)),
        }
    }
}

/// Cut the crops of all cases that train, and drop the volumes that nobody will ask for. A case
/// that cannot be cut is set aside, and the others train.
pub fn cut_all(studies: &mut Vec<Study>, options: &Options, plan: &Plan, lost: &mut Vec<Lost>) {
    studies.retain_mut(|study| {
        let has_crops = !study.crops.is_empty() || study.set == Set::Test;
        if !has_crops && let Err(problem) = cut(study, options, plan) {
            lost.push(Lost::new(study, problem));
            return false;
        }
        if !options.scores(study.set) {
            study.volume = None;
        }
        true
    });
}

/// What a reader must know of the cases.
pub fn notes(studies: &[Study]) -> Vec<String> {
    let left_out: BTreeSet<&str> = studies
        .iter()
        .flat_map(|study| study.left_out.iter().map(String::as_str))
        .collect();
    if left_out.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = left_out.into_iter().collect();
    vec![format!("labels taken as background: {}", names.join(", "))]
}

/// A plan whose spacing and window are what the options say, before all cases are there.
pub fn plan_of(options: &Options, study: &Study) -> Result<Plan, Problem> {
    derive(options, std::iter::once(study), &study.classes)
}

/// A plan from cases.
pub fn derive<'a>(
    options: &Options,
    studies: impl Iterator<Item = &'a Study>,
    classes: &[String],
) -> Result<Plan, Problem> {
    let mut fingerprint = Fingerprint::default();
    for study in studies {
        // Along the axes of the grids that the network is shown.
        let seen = Reorientation::towards(&study.geometry, "LPS")?.geometry(&study.geometry);
        let spacing = seen.spacing_zyx_mm;
        let shape = match options.crop {
            Crop::None => seen.shape_zyx,
            Crop::Kidneys => {
                let size = crop_size_mm(study, options);
                std::array::from_fn(|axis| (size[axis] / spacing[axis]).round().max(1.0) as usize)
            }
        };
        for _ in &study.boxes {
            fingerprint.spacings_zyx_mm.push(spacing);
            fingerprint.shapes_zyx.push(shape);
        }
    }
    let mut plan = Plan::derive(&fingerprint, &options.plan_options(classes)).map_err(|error| {
        Problem::from(error)
            .fix("--spacing-mm, --max-patch-voxels, --base-features and --max-levels set it")
    })?;
    if options.crop == Crop::Kidneys {
        let reason = format!(
            "{}; crops of {} mm around each kidney",
            plan.patch_zyx.reason, options.crop_size_mm
        );
        plan.patch_zyx = Chosen::new(plan.patch_zyx.value, reason);
    }
    Ok(plan)
}
