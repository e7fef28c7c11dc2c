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
    level_size::{LevelGrid, LevelSizeMatrix, Tally, mean, refuse_too_large, with_words, zones},
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
    let groups = with_words!(levels.len(), W => {
        let grid = LevelGrid::<W>::of_places(roi, slice_axis);
        zones(&grid, slice_axis.is_some(), by_slice, None)
    });
    let mut tally = Tally::new(levels.len(), USUAL_SIZE);
    let by_group = groups.iter().filter_map(|zones| {
        let mut voxel_count = 0;
        for zone in zones {
            tally.add(zone.place as usize, zone.size as usize);
            voxel_count += zone.size as usize;
        }
        tally.take(levels, voxel_count)
    });
    Ok(by_group.collect())
}
