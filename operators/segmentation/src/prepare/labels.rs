//! The labels on a working grid, as a plan numbers them.

use std::collections::BTreeMap;

use rayon::prelude::*;
use renalflow_imaging::{Geometry, LabelMap, Volume, resample::resample_labels};

use super::PrepareError;
use crate::network::plan::LabelSet;

/// A label of a network's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// Its number in label maps.
    pub label: u8,
    /// What it stands for.
    pub name: String,
}

/// What the labels of a plan stand for, background left out.
///
/// Classes are numbered in their order. Of nested regions, each label is what its region has
/// and the next one within has not, under the number that only that region lists; its name is
/// the region's without the parts of the next: of `kidney+tumour` (1, 2) and `tumour` (2)
/// label 1 is `kidney` and label 2 `tumour`.
///
/// # Errors
/// Numbers over 255.
pub fn meanings(set: &LabelSet) -> Result<Vec<Meaning>, PrepareError> {
    match set {
        LabelSet::Classes(names) => names
            .iter()
            .enumerate()
            .skip(1)
            .map(|(label, name)| {
                Ok(Meaning {
                    label: number(label as u32)?,
                    name: name.clone(),
                })
            })
            .collect(),
        LabelSet::Regions(regions) => regions
            .iter()
            .enumerate()
            .map(|(r, region)| {
                let within = regions.get(r + 1);
                let in_next = |label: &u32| within.is_some_and(|next| next.labels.contains(label));
                let own = region.labels.iter().find(|label| !in_next(label));
                let next_parts: Vec<&str> =
                    within.map(|next| parts(&next.name)).unwrap_or_default();
                let own_parts: Vec<&str> = parts(&region.name)
                    .into_iter()
                    .filter(|part| !next_parts.contains(part))
                    .collect();
                Ok(Meaning {
                    label: number(own.copied().unwrap_or(r as u32 + 1))?,
                    name: if own_parts.is_empty() {
                        region.name.clone()
                    } else {
                        own_parts.join("+")
                    },
                })
            })
            .collect(),
    }
}

fn parts(name: &str) -> Vec<&str> {
    name.split('+').map(str::trim).collect()
}

fn number(label: u32) -> Result<u8, PrepareError> {
    u8::try_from(label).map_err(|_| PrepareError::LabelNumber(label))
}

/// Labels on a working grid: resampled as labels (the nearest voxel's, background outside) and
/// numbered as the plan does, matched by name.
///
/// A name of the plan may join several of the map's: `kidney+tumour` is one class of both. A
/// name that the map does not define is an error, because nothing would ever be of that class;
/// so is a label that occurs in the map and belongs to no class. Labels that the map defines
/// but no voxel has are no matter, and 0 is background on both sides.
///
/// # Shapes
/// Returns `[z, y, x]` of `working`.
///
/// # Errors
/// Names that do not match, and a working grid that is none.
pub fn labels_on(
    labels: &LabelMap,
    working: &Geometry,
    set: &LabelSet,
) -> Result<Volume<u8>, PrepareError> {
    let meanings = meanings(set)?;
    let mut target = vec![None; usize::from(u16::MAX) + 1];
    target[0] = Some(0);
    let mut owners: BTreeMap<u16, &str> = BTreeMap::new();
    for meaning in &meanings {
        let wanted = labels
            .region(&meaning.name)
            .map_err(|_| PrepareError::NotInMap {
                name: meaning.name.clone(),
                known: list(labels.names.values().map(String::as_str)),
            })?;
        for label in wanted {
            if let Some(first) = owners.insert(label, &meaning.name) {
                return Err(PrepareError::Twice {
                    label,
                    first: first.to_owned(),
                    second: meaning.name.clone(),
                });
            }
            target[usize::from(label)] = Some(meaning.label);
        }
    }
    let stranger = labels
        .counts()
        .into_iter()
        .find(|(label, _)| target[usize::from(*label)].is_none());
    if let Some((label, voxels)) = stranger {
        return Err(PrepareError::NotInPlan {
            label,
            name: match labels.names.get(&label) {
                Some(name) => name.clone(),
                None => "without a name".to_owned(),
            },
            voxels,
            known: list(meanings.iter().map(|meaning| meaning.name.as_str())),
        });
    }
    let resampled = resample_labels(labels, working)?;
    let numbered = resampled
        .volume
        .voxels()
        .par_iter()
        .map(|label| target[usize::from(*label)].unwrap_or(0))
        .collect::<Vec<u8>>();
    Ok(Volume::new(working.clone(), numbered)?)
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}
