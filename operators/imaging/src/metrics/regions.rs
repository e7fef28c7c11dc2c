//! All metrics of one case, region by region.
//!
//! KiTS scores three nested regions, not labels: its "kidney" is kidney with everything in
//! it. So each row names its region, and the labels that it unites.

use thiserror::Error;

use crate::volume::{LabelMap, LabelNames};

use super::{
    Overlap, SurfaceDistances,
    lesions::{LesionDetection, LesionsError},
};
use crate::{components::label_mask, same_grid::GridMismatch};

/// Labels that are scored as one mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// What tables call it.
    pub name: String,
    /// The labels that it unites.
    pub labels: Vec<u16>,
    /// Surfaces closer than this agree, for surface Dice.
    pub tolerance_mm: f64,
}

/// Surface tolerance of KiTS for kidney and masses, in mm: 95 % of the distances between its
/// annotators, as the challenge published them (KiTS21, `configuration/labels.py`).
pub const KITS_KIDNEY_AND_MASSES_MM: f64 = 1.033_077_253_239_082_6;
/// The same for masses (tumour and cyst).
pub const KITS_MASSES_MM: f64 = 1.132_879_648_859_876_2;
/// The same for tumour.
pub const KITS_TUMOUR_MM: f64 = 1.149_819_836_143_482_8;

/// The regions of KiTS: kidney and masses, masses, tumour.
///
/// KiTS19 has no label for cysts; without `cyst` masses and tumour are one mask and differ
/// only in their tolerances.
#[must_use]
pub fn kits_regions(kidney: u16, tumour: u16, cyst: Option<u16>) -> Vec<Region> {
    let with_cyst = |mut labels: Vec<u16>| {
        labels.extend(cyst);
        labels
    };
    [
        (
            "kidney and masses",
            with_cyst(vec![kidney, tumour]),
            KITS_KIDNEY_AND_MASSES_MM,
        ),
        ("masses", with_cyst(vec![tumour]), KITS_MASSES_MM),
        ("tumour", vec![tumour], KITS_TUMOUR_MM),
    ]
    .into_iter()
    .map(|(name, labels, tolerance_mm)| Region {
        name: name.to_owned(),
        labels,
        tolerance_mm,
    })
    .collect()
}

/// Every named label as its own region, called `label NAME` so that no table takes a plain
/// kidney for that of KiTS.
#[must_use]
pub fn label_regions(names: &LabelNames, tolerance_mm: f64) -> Vec<Region> {
    names
        .iter()
        .filter(|&(&label, _)| label != 0)
        .map(|(&label, name)| Region {
            name: format!("label {name}"),
            labels: vec![label],
            tolerance_mm,
        })
        .collect()
}

/// Why a case was not scored.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum EvaluationError {
    /// Masks on different grids.
    #[error(transparent)]
    Grid(#[from] GridMismatch),
    /// Lesions that could not be counted.
    #[error(transparent)]
    Lesions(#[from] LesionsError),
    /// A region that cannot be scored.
    #[error(
        "the region `{name}` has the labels {labels:?} and a tolerance of {tolerance_mm} mm: it \
         needs a label other than 0, the background, and a finite tolerance of 0 mm or more"
    )]
    Region {
        /// Its name.
        name: String,
        /// Its labels.
        labels: Vec<u16>,
        /// Its tolerance.
        tolerance_mm: f64,
    },
}

/// What one region of one case scores; empty masks as the parent module says.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionMetrics {
    /// What was scored, and with which tolerance.
    pub region: Region,
    /// Volume of the reference, in mL.
    pub reference_ml: f64,
    /// Volume of the prediction, in mL.
    pub predicted_ml: f64,
    /// [`Overlap::dice`].
    pub dice: f64,
    /// [`SurfaceDistances::surface_dice`] at the region's tolerance.
    pub surface_dice: f64,
    /// 95th percentile of the Hausdorff distance, in mm.
    pub hd95_mm: f64,
    /// Average symmetric surface distance, in mm.
    pub assd_mm: f64,
    /// Predicted less reference, in mL.
    pub volume_error_ml: f64,
    /// The same over the reference's volume; `None` for an empty reference.
    pub relative_volume_error: Option<f64>,
    /// Lesions found, missed and invented: for the kidney, kidneys.
    pub lesions: LesionDetection,
}

/// Score a predicted case against its reference.
///
/// # Shapes
/// Both maps `[z, y, x]`, on one grid. Returns one row a region, in their order.
///
/// # Errors
/// Maps on different grids, a region without labels or with a tolerance that is no length, a
/// threshold outside `(0, 1]`.
pub fn evaluate_regions(
    reference: &LabelMap,
    predicted: &LabelMap,
    regions: &[Region],
    found_at_iou: f64,
) -> Result<Vec<RegionMetrics>, EvaluationError> {
    regions
        .iter()
        .map(|region| {
            let length = region.tolerance_mm.is_finite() && region.tolerance_mm >= 0.0;
            if region.labels.is_empty() || region.labels.contains(&0) || !length {
                return Err(EvaluationError::Region {
                    name: region.name.clone(),
                    labels: region.labels.clone(),
                    tolerance_mm: region.tolerance_mm,
                });
            }
            let [a, b] = [reference, predicted].map(|map| label_mask(map, &region.labels));
            let overlap = Overlap::new(&a, &b)?;
            let surfaces = SurfaceDistances::new(&a, &b)?;
            Ok(RegionMetrics {
                reference_ml: overlap.reference_voxels as f64 * overlap.voxel_ml,
                predicted_ml: overlap.predicted_voxels as f64 * overlap.voxel_ml,
                dice: overlap.dice(),
                surface_dice: surfaces.surface_dice(region.tolerance_mm),
                hd95_mm: surfaces.hausdorff_mm(95.0),
                assd_mm: surfaces.assd_mm(),
                volume_error_ml: overlap.volume_error_ml(),
                relative_volume_error: overlap.relative_volume_error(),
                lesions: LesionDetection::new(&a, &b, found_at_iou)?,
                region: region.clone(),
            })
        })
        .collect()
}
