//! Texture from how far a voxel is from its surroundings: the neighbourhood grey-tone
//! difference matrix (NGTDM) of Amadasun & King, *IEEE Trans Syst Man Cybern* 1989;19:1264.
//!
//! The difference of a voxel is how far its grey level is from the average level of its
//! neighbours within the region. The matrix says for each level how many voxels have it and
//! what their differences add up to: one matrix for the region, or one a slice where the
//! aggregation is by slice, each feature then being averaged over slices. Directions, which
//! some aggregations merge, do not come in.
//!
//! A voxel without a neighbour differs by nothing. PyRadiomics counts it all the same; under
//! [`crate::Standard::Ibsi`] it is left out, as the manual asks.

mod differences;
mod features;
mod tally;
mod terms;

pub use differences::differences;
pub use features::FEATURES;
pub use terms::NgtdmTerms;

use rayon::prelude::*;

use crate::{Compute, FeatureClass, Roi, Settings, Slice, error::RadiomicsError};

/// Differences from the neighbourhood.
pub static NGTDM: FeatureClass = FeatureClass {
    name: "ngtdm",
    title: "Texture: how far voxels are from the average of their neighbours",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(compute),
};

fn compute(roi: &Roi, settings: &Settings, wanted: &[usize]) -> Result<Vec<f64>, RadiomicsError> {
    let differences = differences(roi, settings)?;
    let slices: Vec<Option<Slice>> = match settings.slice_axis() {
        Some(axis) if settings.aggregation().is_by_slice() => {
            roi.region.slices(axis).into_iter().map(Some).collect()
        }
        _ => vec![None],
    };
    let by_slice: Vec<Vec<f64>> = slices
        .into_par_iter()
        .filter_map(|slice| NgtdmTerms::of(roi, &differences, slice, settings.standard))
        .map(|terms| {
            wanted
                .iter()
                .map(|&feature| (FEATURES[feature].value)(&terms))
                .collect()
        })
        .collect();
    let count = by_slice.len() as f64;
    Ok((0..wanted.len())
        .map(|i| by_slice.iter().map(|values| values[i]).sum::<f64>() / count)
        .collect())
}
