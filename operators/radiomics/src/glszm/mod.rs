//! Texture from zones of equal grey level: the grey-level size zone matrix (GLSZM) of Thibault
//! et al., *Pattern Recognition and Information Processing* 2009:140.
//!
//! A zone is all voxels of one level that hang together, by faces, edges or corners. In 3D, and
//! in slices that are merged, one matrix is counted; else one a slice, and features are
//! averaged.

mod features;

pub use features::FEATURES;

use crate::{
    Compute, FeatureClass, Roi, Settings,
    error::RadiomicsError,
    level_size::{LevelGrid, LevelSizeMatrix, Zones, mean, refuse_too_large, with_words},
};

/// Sizes up to this are counted in a table; most zones are small.
const USUAL_SIZE: usize = 256;

/// Grey-level size zones.
pub static GLSZM: FeatureClass = FeatureClass {
    name: "glszm",
    title: "Texture: how large zones of equal grey level are",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, settings, wanted| {
        Ok(mean(&matrices(roi, settings)?, FEATURES, wanted))
    }),
};

/// The size zone matrices that features are computed on: one, or one a slice.
///
/// # Errors
/// [`RadiomicsError::TooManyVoxels`].
pub fn matrices(roi: &Roi, settings: &Settings) -> Result<Vec<LevelSizeMatrix>, RadiomicsError> {
    refuse_too_large(&roi.region)?;
    let slice_axis = settings.slice_axis();
    let by_slice = settings.aggregation().is_by_slice();
    let levels = &roi.grey_levels.values;
    let zones = with_words!(levels.len(), W => {
        let grid = LevelGrid::<W>::of_places(roi, slice_axis);
        Zones::new(&grid, slice_axis.is_some(), by_slice, None)
    });
    Ok(zones.matrices(levels, USUAL_SIZE, |zone| zone.size as usize))
}
