//! IBSI 2 (arXiv:2006.05470).
//!
//! Phase 1 compares response maps of digital phantoms voxel by voxel, phase 2 the first-order
//! statistics of response maps of a CT. The configurations are the manual's, as the reference
//! implementation (MIRP) tests itself with them; those of the Riesz transforms, which it does
//! not test, were confirmed by reproducing the published maps 9.a and 10.b.1.

mod maps;
mod values;

use std::path::Path;

use renalflow_imaging::{LabelNames, io};

use super::{Check, ConformanceError, read_text};

pub use maps::{MAP_TOLERANCE_PERCENT, ResponseMapTest, response_map_tests};
pub use values::{Configuration, ValueTest, value_tests};

/// Compare every published response map and every feature value of IBSI 2.
///
/// # Errors
/// References or phantoms that are not there, filters that refuse them.
pub fn ibsi_2(root: &Path) -> Result<Vec<Check>, ConformanceError> {
    let mut checks = Vec::new();
    for test in response_map_tests() {
        checks.extend(test.check(root)?);
    }
    let folder = root.join("data/ibsi/ibsi_1_ct_radiomics_phantom/nifti");
    let image = io::read_image(folder.join("image/phantom.nii.gz"))?;
    let mask = io::read_label_map(folder.join("mask/mask.nii.gz"), LabelNames::new())?;
    let table = root.join("reference/ibsi2/reference_values.csv");
    let references = values::parse_reference_values(&read_text(&table)?).map_err(|line| {
        ConformanceError::Table {
            path: table,
            what: format!(
                "`{line}` is not `filter_id;feature;feature_tag;consensus_value;tolerance`"
            ),
        }
    })?;
    for test in value_tests() {
        checks.extend(test.check(&image, &mask, &references)?);
    }
    Ok(checks)
}
