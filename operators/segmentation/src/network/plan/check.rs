//! Every mistake of a plan at once.

use std::{collections::BTreeSet, fmt};

use thiserror::Error;

use super::{LabelSet, PLAN_FORMAT, Plan, Region};
use crate::kernels::loss::Membership;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanMistake {
    /// Path of the field.
    pub field: String,
    /// What is wrong and what is right.
    pub problem: String,
}

/// All mistakes of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct PlanMistakes(pub Vec<PlanMistake>);

impl fmt::Display for PlanMistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plan has {} mistake(s)", self.0.len())?;
        for mistake in &self.0 {
            write!(f, "\n  {}: {}", mistake.field, mistake.problem)?;
        }
        Ok(())
    }
}

const AXES: [&str; 3] = ["z", "y", "x"];

struct Mistakes(Vec<PlanMistake>);

impl Mistakes {
    fn unless(&mut self, holds: bool, field: impl Into<String>, problem: impl Into<String>) {
        if !holds {
            self.0.push(PlanMistake {
                field: field.into(),
                problem: problem.into(),
            });
        }
    }
}

impl Plan {
    /// Whether this is the plan of a network.
    ///
    /// # Errors
    /// Every mistake, not the first alone.
    pub fn check(&self) -> Result<(), PlanMistakes> {
        let mut found = Mistakes(Vec::new());
        found.unless(
            self.format == PLAN_FORMAT,
            "format",
            format!(
                "{} is not {PLAN_FORMAT}: derive the plan again",
                self.format
            ),
        );
        found.unless(
            !self.name.trim().is_empty(),
            "name",
            "is empty: name the plan",
        );
        found.unless(
            (1..=64).contains(&self.channels_in),
            "channels_in",
            format!("{} must be 1 to 64; 1 for a CT", self.channels_in),
        );
        self.check_reasons(&mut found);
        for (axis, &mm) in AXES.iter().zip(&self.spacing_zyx_mm.value) {
            found.unless(
                mm > 0.0 && mm.is_finite(),
                format!("spacing_zyx_mm.value ({axis})"),
                format!("{mm} mm must be positive"),
            );
        }
        let [low, high] = self.window.value.ends_hu();
        found.unless(
            low.is_finite() && high.is_finite() && low < high,
            "window.value",
            format!("{low} to {high} HU is empty: the upper end must exceed the lower"),
        );
        let convs = self.convs_per_level.value;
        found.unless(
            (1..=8).contains(&convs),
            "convs_per_level.value",
            format!("{convs} must be 1 to 8; nnU-Net takes 2"),
        );
        self.check_levels(&mut found);
        self.check_labels(&mut found);
        if found.0.is_empty() {
            Ok(())
        } else {
            Err(PlanMistakes(found.0))
        }
    }

    fn check_reasons(&self, found: &mut Mistakes) {
        let reasons = [
            ("spacing_zyx_mm.reason", &self.spacing_zyx_mm.reason),
            ("patch_zyx.reason", &self.patch_zyx.reason),
            ("window.reason", &self.window.reason),
            ("convs_per_level.reason", &self.convs_per_level.reason),
            ("labels.reason", &self.labels.reason),
            ("deep_supervision.reason", &self.deep_supervision.reason),
        ];
        let levels = self.levels.iter().enumerate();
        let levels = levels.map(|(l, level)| (format!("levels[{l}].reason"), &level.reason));
        for (field, reason) in reasons
            .map(|(f, r)| (f.to_owned(), r))
            .into_iter()
            .chain(levels)
        {
            found.unless(
                !reason.trim().is_empty(),
                field,
                "is empty: say why, if only \"set by hand\"",
            );
        }
    }

    fn check_levels(&self, found: &mut Mistakes) {
        found.unless(
            (1..=10).contains(&self.levels.len()),
            "levels",
            format!("there are {}, must be 1 to 10", self.levels.len()),
        );
        for (l, level) in self.levels.iter().enumerate() {
            found.unless(
                (1..=4096).contains(&level.features),
                format!("levels[{l}].features"),
                format!("{} must be 1 to 4096", level.features),
            );
            for (axis, name) in AXES.iter().enumerate() {
                let (kernel, stride) = (level.kernel_zyx[axis], level.stride_zyx[axis]);
                found.unless(
                    kernel % 2 == 1 && kernel <= 7,
                    format!("levels[{l}].kernel_zyx ({name})"),
                    format!("{kernel} must be 1, 3, 5 or 7: others shift the image"),
                );
                let (largest, why) = match l {
                    0 => (1, "must be 1: logits have the resolution of the image"),
                    _ => (4, "must be 1 to 4"),
                };
                found.unless(
                    (1..=largest).contains(&stride),
                    format!("levels[{l}].stride_zyx ({name})"),
                    format!("{stride} {why}"),
                );
            }
        }
        let stride = self.total_stride_zyx();
        for (axis, name) in AXES.iter().enumerate() {
            let (patch, stride) = (self.patch_zyx.value[axis], stride[axis]);
            let steps = (patch / stride.max(1)).max(1);
            found.unless(
                patch > 0 && stride > 0 && patch.is_multiple_of(stride),
                format!("patch_zyx.value ({name})"),
                format!(
                    "{patch} must be a positive multiple of {stride}, the product of the strides; \
                     near are {} and {}",
                    steps.saturating_mul(stride),
                    (steps + 1).saturating_mul(stride)
                ),
            );
        }
    }

    fn check_labels(&self, found: &mut Mistakes) {
        let labels = &self.labels.value;
        let fewest = match labels {
            LabelSet::Classes(_) => 2,
            LabelSet::Regions(_) => 1,
        };
        found.unless(
            (fewest..=Membership::MAX_CHANNELS).contains(&labels.channels()),
            "labels.value",
            format!(
                "there are {}, must be {fewest} to {}; classes include the background",
                labels.channels(),
                Membership::MAX_CHANNELS
            ),
        );
        let mut seen = BTreeSet::new();
        for (k, name) in labels.names().into_iter().enumerate() {
            let field = format!("labels.value[{k}]");
            found.unless(!name.trim().is_empty(), field.clone(), "has no name");
            found.unless(
                seen.insert(name),
                field,
                format!("the name {name:?} is taken"),
            );
        }
        if let LabelSet::Regions(regions) = labels {
            for (k, region) in regions.iter().enumerate() {
                check_region(k, region, &regions[..k], found);
            }
        }
    }
}

fn check_region(k: usize, region: &Region, outer: &[Region], found: &mut Mistakes) {
    let field = || format!("labels.value[{k}].labels");
    found.unless(
        !region.labels.is_empty(),
        field(),
        "is empty: name its labels",
    );
    found.unless(
        region
            .labels
            .iter()
            .all(|l| (1..=Membership::MAX_LABEL).contains(l)),
        field(),
        format!(
            "labels must be 1 to {}; 0 is the background",
            Membership::MAX_LABEL
        ),
    );
    // Inside an outer region or apart from it; half inside is a mistake.
    for other in outer {
        let common = region
            .labels
            .iter()
            .filter(|l| other.labels.contains(l))
            .count();
        found.unless(
            common == 0 || common == region.labels.len(),
            field(),
            format!(
                "{:?} is half inside {:?}: put the outer region first, or list the labels of both",
                region.name, other.name
            ),
        );
    }
}
