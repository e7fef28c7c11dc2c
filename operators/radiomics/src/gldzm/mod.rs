//! Texture from zones of equal grey level and where they lie: IBSI's grey level distance zone
//! matrix (GLDZM), after Thibault et al., *IEEE Trans Biomed Eng* 2014;61:630.
//!
//! A zone is all voxels of one level that hang together, by faces, edges or corners. Its
//! distance is that of its voxel nearest to the border of the morphological mask, counted in
//! steps across faces; a voxel at the border has distance 1.

mod distance;
mod features;

pub use features::FEATURES;

use crate::{
    Compute, FeatureClass, Roi, Settings,
    error::RadiomicsError,
    level_size::{LevelGrid, LevelSizeMatrix, Zones, mean, refuse_too_large, with_words},
};

/// Distances up to this are counted in a table.
const USUAL_DISTANCE: usize = 256;

/// Grey-level distance zones.
pub static GLDZM: FeatureClass = FeatureClass {
    name: "gldzm",
    title: "Texture: how far from the border zones of equal grey level are",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, settings, wanted| {
        Ok(mean(&matrices(roi, settings)?, FEATURES, wanted))
    }),
};

/// The distance zone matrices that features are computed on: one, or one a slice.
///
/// # Errors
/// [`RadiomicsError::TooManyVoxels`].
pub fn matrices(roi: &Roi, settings: &Settings) -> Result<Vec<LevelSizeMatrix>, RadiomicsError> {
    refuse_too_large(&roi.region)?;
    refuse_too_large(&roi.morphological)?;
    let slice_axis = settings.slice_axis();
    let by_slice = settings.aggregation().is_by_slice();
    let levels = &roi.grey_levels.values;
    let zones = with_words!(levels.len(), W => {
        let grid = LevelGrid::<W>::of_places(roi, slice_axis);
        let distances = distance::to_border(roi, &grid, slice_axis.is_some());
        Zones::new(&grid, slice_axis.is_some(), by_slice, Some(&distances))
    });
    Ok(zones.matrices(levels, USUAL_DISTANCE, |zone| {
        // A region that is not within its mask, which makes no sense, is at the border.
        usize::from(zone.distance.max(1))
    }))
}
