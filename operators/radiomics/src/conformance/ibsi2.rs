//! The tests of IBSI 2 (arXiv:2006.05470).
//!
//! Phase 1 compares response maps of digital phantoms voxel by voxel
//! ([`response_map_tests`]), phase 2 the first-order statistics of response maps of a CT
//! ([`value_tests`]). The configurations are the manual's, as the reference implementation
//! (MIRP) tests itself with them; those of the Riesz transforms, which it does not test, were
//! confirmed by reproducing the published maps 9.a and 10.b.1.

mod maps;
mod values;

use renalflow_imaging::resample::ResampleError;
use thiserror::Error;

use crate::RadiomicsError;

pub use maps::{MAP_TOLERANCE, MapResult, ResponseMapTest, response_map_tests};
pub use values::{
    Configuration, Prepared, ReferenceValue, ValueResult, ValueTest, parse_reference_values,
    prepare, value_tests,
};

/// Why a test could not be run.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ConformanceError {
    /// The extraction failed.
    #[error(transparent)]
    Radiomics(#[from] RadiomicsError),
    /// The image or the mask could not be resampled.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// A reference map on another grid than its phantom.
    #[error(
        "test {id}: the phantom has {phantom_zyx:?} voxels (z, y, x) and the reference map \
         {reference_zyx:?}: take both from the same release of the data"
    )]
    OtherGrid {
        /// The test.
        id: &'static str,
        /// Shape of the phantom.
        phantom_zyx: [usize; 3],
        /// Shape of the map.
        reference_zyx: [usize; 3],
    },
    /// A line of the table of reference values that cannot be read.
    #[error(
        "line {line} of the reference values, '{text}', is not \
         'filter_id;feature;feature_tag;consensus_value;tolerance'"
    )]
    Reference {
        /// Number of the line, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A feature of the table that is not among the first-order statistics.
    #[error("the reference values name a feature '{tag}' that is none of the 18 statistics")]
    UnknownFeature {
        /// The feature's tag.
        tag: String,
    },
}
