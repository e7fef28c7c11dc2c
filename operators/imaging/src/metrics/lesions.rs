//! Lesions found, missed and invented.
//!
//! A lesion is a component of a mask, connected by faces, edges or corners. A reference
//! lesion and a predicted one may be matched if their intersection over union is at least a
//! threshold; pairs are matched one to one by falling intersection over union, so that one
//! large prediction does not find two lesions, nor two fragments one lesion twice. Equal
//! pairs are matched in the order of their components. What is left of the reference is
//! missed, what is left of the prediction is invented. 0.1, far below the Dice that a
//! good contour has, asks whether a lesion was found and leaves how well to the other metrics.

use thiserror::Error;

use crate::{
    components::{ComponentsError, Connectivity, connected_components},
    same_grid::GridMismatch,
    volume::Volume,
};

use super::check_masks;

/// The usual threshold of intersection over union for "found".
pub const FOUND_AT_IOU: f64 = 0.1;

/// Why lesions were not counted.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LesionsError {
    /// Masks on different grids.
    #[error(transparent)]
    Grid(#[from] GridMismatch),
    /// Too many voxels.
    #[error(transparent)]
    Components(#[from] ComponentsError),
    /// A threshold that no pair, or any pair, meets.
    #[error(
        "the intersection over union from which a lesion counts as found is {0}: it must be \
         over 0 and at most 1 ({FOUND_AT_IOU} is usual)"
    )]
    Threshold(f64),
}

/// A lesion of the reference and the predicted one that found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LesionMatch {
    /// Component of the reference, from 1.
    pub reference: u32,
    /// Component of the prediction, from 1.
    pub predicted: u32,
    /// Their intersection over union.
    pub iou: f64,
}

/// How many lesions were found.
#[derive(Debug, Clone, PartialEq)]
pub struct LesionDetection {
    /// Volume of each lesion of the reference, in mL.
    pub reference_ml: Vec<f64>,
    /// Volume of each predicted lesion, in mL.
    pub predicted_ml: Vec<f64>,
    /// Which found which, by falling intersection over union.
    pub matches: Vec<LesionMatch>,
}

impl LesionDetection {
    /// Match the components of two masks; see the module for the rule.
    ///
    /// # Shapes
    /// Both masks `[z, y, x]`, on one grid.
    ///
    /// # Errors
    /// Masks on different grids or of 2³² voxels, a threshold outside `(0, 1]`.
    pub fn new(
        reference: &Volume<bool>,
        predicted: &Volume<bool>,
        found_at_iou: f64,
    ) -> Result<Self, LesionsError> {
        check_masks(reference, predicted)?;
        if !(found_at_iou > 0.0 && found_at_iou <= 1.0) {
            return Err(LesionsError::Threshold(found_at_iou));
        }
        let reference = connected_components(reference, Connectivity::Corners)?;
        let predicted = connected_components(predicted, Connectivity::Corners)?;
        let mut both: Vec<(u32, u32)> = reference
            .volume
            .voxels()
            .iter()
            .zip(predicted.volume.voxels())
            .filter(|&(&a, &b)| a > 0 && b > 0)
            .map(|(&a, &b)| (a, b))
            .collect();
        both.sort_unstable();
        let mut pairs: Vec<LesionMatch> = both
            .chunk_by(|a, b| a == b)
            .map(|chunk| {
                let (a, b) = chunk[0];
                let all = reference.voxels[a as usize - 1] + predicted.voxels[b as usize - 1];
                LesionMatch {
                    reference: a,
                    predicted: b,
                    iou: chunk.len() as f64 / (all - chunk.len()) as f64,
                }
            })
            .filter(|pair| pair.iou >= found_at_iou)
            .collect();
        // Stable: equals stay in the order of their components.
        pairs.sort_by(|a, b| b.iou.total_cmp(&a.iou));
        let mut found = vec![false; reference.len() + 1];
        let mut used = vec![false; predicted.len() + 1];
        pairs.retain(|pair| {
            let free = !found[pair.reference as usize] && !used[pair.predicted as usize];
            if free {
                found[pair.reference as usize] = true;
                used[pair.predicted as usize] = true;
            }
            free
        });
        Ok(Self {
            reference_ml: reference.volumes_ml(),
            predicted_ml: predicted.volumes_ml(),
            matches: pairs,
        })
    }

    /// Lesions of the reference that were found.
    #[must_use]
    pub fn found(&self) -> usize {
        self.matches.len()
    }

    /// Lesions of the reference that were not.
    #[must_use]
    pub fn missed(&self) -> usize {
        self.reference_ml.len() - self.matches.len()
    }

    /// Predicted lesions that are none.
    #[must_use]
    pub fn invented(&self) -> usize {
        self.predicted_ml.len() - self.matches.len()
    }

    /// `2 found / (2 found + missed + invented)`: 1 where neither mask has a lesion, 0 where
    /// one has.
    #[must_use]
    pub fn f1(&self) -> f64 {
        let all = self.reference_ml.len() + self.predicted_ml.len();
        if all == 0 {
            1.0
        } else {
            2.0 * self.found() as f64 / all as f64
        }
    }
}
