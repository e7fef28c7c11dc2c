//! Texture from pairs of neighbouring voxels: the grey-level co-occurrence matrix (GLCM) of
//! Haralick et al., *IEEE Trans Syst Man Cybern* 1973;3:610.
//!
//! One matrix a direction is counted, all directions in one pass over the region. Each is made
//! symmetric (setting `symmetric_glcm`) and divided by its sum. A feature is computed on every
//! matrix and averaged over the directions that have at least one pair. With a weighting norm
//! the directions are pooled into one matrix first. Where no direction has a pair, every
//! feature is NaN.

mod counts;
mod features;
mod mcc;
mod terms;

pub use counts::{Cooccurrences, MAX_MATRIX_BYTES, directions};
pub use features::FEATURES;
pub use terms::GlcmTerms;

pub(crate) use counts::weight;

use rayon::prelude::*;

use crate::{Compute, FeatureClass};

/// Grey-level co-occurrence.
pub static GLCM: FeatureClass = FeatureClass {
    name: "glcm",
    title: "Texture: which grey levels are neighbours",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, settings, wanted| {
        let cooccurrences = Cooccurrences::count(roi, settings)?;
        let matrices = cooccurrences.matrices(settings, roi.region.spacing_zyx_mm);
        let by_matrix: Vec<Vec<f64>> = matrices
            .par_iter()
            .map(|matrix| {
                let terms = GlcmTerms::new(&roi.grey_levels.values, matrix);
                wanted
                    .iter()
                    .map(|&feature| (FEATURES[feature].value)(&terms))
                    .collect()
            })
            .collect();
        let count = by_matrix.len() as f64;
        Ok((0..wanted.len())
            .map(|i| by_matrix.iter().map(|values| values[i]).sum::<f64>() / count)
            .collect())
    }),
};
