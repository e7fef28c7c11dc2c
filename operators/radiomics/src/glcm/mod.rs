//! Texture from pairs of neighbouring voxels: the grey-level co-occurrence matrix (GLCM) of
//! Haralick et al., *IEEE Trans Syst Man Cybern* 1973;3:610.
//!
//! One matrix a direction is counted, all directions in one pass over the region, or over each
//! slice of it where the aggregation is by slice. Each is made symmetric (setting
//! `symmetric_glcm`) and divided by its sum. With a weighting norm, or an aggregation that
//! merges directions, the directions are pooled into one matrix first. A feature is computed
//! on every matrix that has at least one pair and averaged; where none has, every feature is
//! NaN.

mod counts;
mod features;
mod lanczos;
mod mcc;
mod terms;

pub use counts::{Cooccurrences, MAX_MATRIX_BYTES, directions};
pub use features::FEATURES;
pub use terms::GlcmTerms;

pub(crate) use counts::weight;

use rayon::prelude::*;

use crate::{Compute, FeatureClass, Roi, Settings, Slice, error::RadiomicsError};

/// Grey-level co-occurrence.
pub static GLCM: FeatureClass = FeatureClass {
    name: "glcm",
    title: "Texture: which grey levels are neighbours",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(compute),
};

fn compute(roi: &Roi, settings: &Settings, wanted: &[usize]) -> Result<Vec<f64>, RadiomicsError> {
    let by_slice: Vec<Vec<Vec<f64>>> = match settings.slice_axis() {
        Some(axis) if settings.aggregation().is_by_slice() => roi
            .region
            .slices(axis)
            .into_par_iter()
            .map(|slice| by_matrix(roi, Some(slice), settings, wanted))
            .collect::<Result<_, _>>()?,
        _ => vec![by_matrix(roi, None, settings, wanted)?],
    };
    let by_matrix: Vec<Vec<f64>> = by_slice.into_iter().flatten().collect();
    let count = by_matrix.len() as f64;
    Ok((0..wanted.len())
        .map(|i| by_matrix.iter().map(|values| values[i]).sum::<f64>() / count)
        .collect())
}

/// The features wanted of each matrix.
fn by_matrix(
    roi: &Roi,
    slice: Option<Slice>,
    settings: &Settings,
    wanted: &[usize],
) -> Result<Vec<Vec<f64>>, RadiomicsError> {
    let cooccurrences = Cooccurrences::count_within(roi, slice, settings)?;
    let matrices = cooccurrences.matrices(settings, roi.region.spacing_zyx_mm);
    Ok(matrices
        .par_iter()
        .map(|matrix| {
            let terms = GlcmTerms::new(&roi.grey_levels.values, matrix);
            wanted
                .iter()
                .map(|&feature| (FEATURES[feature].value)(&terms))
                .collect()
        })
        .collect())
}
