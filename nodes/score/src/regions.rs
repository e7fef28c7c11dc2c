//! Which regions are scored, with labels matched by name.

use std::collections::BTreeMap;

use clap::ValueEnum;
use renalflow_imaging::{
    LabelMap, LabelNames,
    boxes::BoundingBox,
    crop::crop_labels,
    metrics::regions::{Region, RegionMetrics, evaluate_regions, kits_regions, label_regions},
    same_grid::check_same_grid,
};
use renalflow_sdk::Problem;
use serde::Serialize;

/// Families of regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regions {
    /// Those of KiTS: kidney and masses, masses, tumour, each with its published tolerance
    Kits,
    /// Each label of the reference by itself
    Labels,
    /// Each label, and the regions of KiTS where the reference has kidney and tumour
    Both,
}

/// How masks are scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scoring {
    /// Which regions.
    pub regions: Regions,
    /// Tolerance of surface Dice for plain labels, in mm.
    pub tolerance_mm: f64,
    /// Intersection over union from which a lesion counts as found.
    pub found_at_iou: f64,
}

impl Scoring {
    /// Score a predicted case against its reference, labels matched by name.
    ///
    /// # Shapes
    /// Both maps `[z, y, x]` on one grid. Returns one value a region.
    ///
    /// # Errors
    /// Maps on different grids, labels that cannot be matched, regions that the reference does
    /// not have, a tolerance or a threshold out of range.
    pub fn score(
        &self,
        reference: &LabelMap,
        predicted: &LabelMap,
    ) -> Result<Vec<RegionMetrics>, Problem> {
        check_same_grid(
            ("the reference mask", reference.geometry()),
            ("the predicted mask", predicted.geometry()),
        )?;
        // All metrics look at the masks alone, and masks are a small part of a CT.
        let [mut reference, mut predicted] = around_both(reference, predicted)?;
        let own_names = match_names(&mut reference, &mut predicted)?;
        let regions = self.regions_of(&own_names, &reference.names)?;
        Ok(evaluate_regions(
            &reference,
            &predicted,
            &regions,
            self.found_at_iou,
        )?)
    }

    /// The regions for a reference that defines the labels `own`, where reference and
    /// prediction together define `all`.
    fn regions_of(&self, own: &LabelNames, all: &LabelNames) -> Result<Vec<Region>, Problem> {
        let numbered = |names: &LabelNames, wanted: &[&str]| {
            names
                .iter()
                .find(|(_, name)| wanted.contains(&name.to_lowercase().as_str()))
                .map(|(label, _)| *label)
        };
        let tumour = ["tumour", "tumor"];
        let kits = match (numbered(own, &["kidney"]), numbered(own, &tumour)) {
            // A predicted cyst is a mass, whether or not the reference tells cysts apart.
            (Some(kidney), Some(tumour)) => kits_regions(kidney, tumour, numbered(all, &["cyst"])),
            _ => Vec::new(),
        };
        let labels = label_regions(own, self.tolerance_mm);
        match self.regions {
            Regions::Kits if kits.is_empty() => Err(Problem::new(format!(
                "the regions of KiTS need the labels kidney and tumour; the reference has: {}",
                listed(own)
            ))
            .fix("name the labels so in the data set's manifest, or give `--regions labels`")),
            Regions::Kits => Ok(kits),
            Regions::Labels => Ok(labels),
            Regions::Both => Ok(kits.into_iter().chain(labels).collect()),
        }
    }
}

/// Both maps, cut to the box around all that either marks.
fn around_both(reference: &LabelMap, predicted: &LabelMap) -> Result<[LabelMap; 2], Problem> {
    let boxes =
        [reference, predicted].map(|map| BoundingBox::around(&map.volume, |&label| label > 0));
    let region = match boxes {
        [Some(a), Some(b)] => a.union(&b),
        [Some(only), None] | [None, Some(only)] => only,
        // Nothing is marked: one voxel says so as well as all do.
        [None, None] => BoundingBox {
            start_zyx: [0; 3],
            shape_zyx: [1; 3],
        },
    };
    Ok([
        crop_labels(reference, &region)?,
        crop_labels(predicted, &region)?,
    ])
}

/// Renumber the prediction as the reference is numbered, by name, and give both the names of
/// all labels. Returns the names that the reference defines.
///
/// # Errors
/// Labels without a name, where the other map has names.
fn match_names(reference: &mut LabelMap, predicted: &mut LabelMap) -> Result<LabelNames, Problem> {
    if reference.names.is_empty() && predicted.names.is_empty() {
        // Numbers are all that there is.
        let found = reference
            .counts()
            .into_keys()
            .chain(predicted.counts().into_keys());
        let names: LabelNames = found.map(|label| (label, label.to_string())).collect();
        reference.names.clone_from(&names);
        predicted.names.clone_from(&names);
        return Ok(names);
    }
    for (what, map) in [("reference", &*reference), ("predicted", &*predicted)] {
        let unnamed = map
            .counts()
            .into_keys()
            .find(|label| !map.names.contains_key(label));
        if let Some(label) = unnamed {
            return Err(Problem::new(format!(
                "the {what} mask has voxels of label {label}, which has no name (named: {}); labels \
                 are matched by name",
                listed(&map.names)
            ))
            .fix("name every label in the data set's manifest, such as `labels: {1: kidney}`"));
        }
    }
    let own = reference.names.clone();
    let mut all = own.clone();
    let mut number_of: BTreeMap<u16, u16> = BTreeMap::new();
    for (&label, name) in predicted.names.iter().filter(|&(&label, _)| label > 0) {
        let known = all.iter().find(|(_, known)| *known == name);
        let number = match known {
            Some((&number, _)) => number,
            None => {
                let free = (1..=u16::MAX)
                    .find(|number| !all.contains_key(number))
                    .ok_or_else(|| Problem::new("there are more than 65,535 labels"))?;
                all.insert(free, name.clone());
                free
            }
        };
        number_of.insert(label, number);
    }
    if number_of.iter().any(|(from, to)| from != to) {
        predicted.volume = predicted
            .volume
            .map(|label| number_of.get(label).copied().unwrap_or(*label));
    }
    reference.names.clone_from(&all);
    predicted.names = all;
    Ok(own)
}

fn listed(names: &LabelNames) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<&str> = names.values().map(String::as_str).collect();
    names.join(", ")
}
