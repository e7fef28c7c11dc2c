//! Texture from runs of equal grey level: the grey-level run length matrix (GLRLM) of Galloway,
//! *Comput Graph Image Process* 1975;4:172.
//!
//! A run is all voxels of one level that follow each other along a direction; there are 13
//! directions, 4 in a slice. One matrix a direction is counted and features are averaged over
//! them, or directions, slices or both are merged first (setting `aggregation`). With a
//! weighting norm directions are merged, each times its length in mm; the number of voxels is
//! then weighted likewise.

mod features;
mod runs;

pub use features::FEATURES;
pub use runs::matrices;

use crate::{Compute, FeatureClass, Region, Settings, Standard, level_size::mean};

/// Grey-level run lengths.
pub static GLRLM: FeatureClass = FeatureClass {
    name: "glrlm",
    title: "Texture: how long runs of equal grey level are",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, settings, wanted| {
        let matrices = matrices(roi, settings)?;
        if matrices.is_empty() && is_zero_where_empty(&roi.region, settings) {
            let zero = ["RunEntropy", "RunVariance"];
            let value = |&feature: &usize| {
                let is_zero = zero.contains(&FEATURES[feature].doc.name);
                if is_zero { 0.0 } else { f64::NAN }
            };
            return Ok(wanted.iter().map(value).collect());
        }
        Ok(mean(&matrices, FEATURES, wanted))
    }),
};

/// Whether PyRadiomics, on a region without runs, gives 0 for the two features that it sums
/// over the lengths that occur and NaN for the others, instead of NaN for all: it does where it
/// has one matrix, since it leaves out empty ones only where there are several.
fn is_zero_where_empty(region: &Region, settings: &Settings) -> bool {
    let matrices = match runs::directions_within(region, settings) {
        0 => 0,
        _ if settings.weighting_norm.is_some() => 1,
        directions => directions,
    };
    settings.standard == Standard::PyRadiomics && matrices == 1
}
