//! Whether the values here are those of the standards.
//!
//! Three references: IBSI 1 (features of a digital and a CT phantom, arXiv:1612.07003), IBSI 2
//! (response maps and features of filtered images, arXiv:2006.05470), and tables that
//! PyRadiomics made of real cases. Each comparison is a [`Check`]; nothing is left out: a
//! reference without a feature here is a check that fails.
//!
//! The references lie in a folder that the caller names:
//!
//! | path | what |
//! |---|---|
//! | `reference/ibsi1/*.csv`, `data/ibsi/ibsi_1_*` | IBSI 1 |
//! | `reference/ibsi2/`, `data/ibsi/ibsi_2_*` | IBSI 2 |
//! | `reference/pyradiomics/*.csv` and `params/*.yaml`, `data/sts`, `data/pyradiomics` | PyRadiomics |

mod ibsi1;
pub mod ibsi2;
mod pyradiomics;
mod tags;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use ibsi1::ibsi_1;
pub use ibsi2::ibsi_2;
pub use pyradiomics::pyradiomics;

/// One value beside its reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Which reference: `IBSI 1`, `IBSI 2`, `PyRadiomics`.
    pub standard: &'static str,
    /// Configuration, filter or case.
    pub configuration: String,
    /// The feature, as the reference names it.
    pub feature: String,
    /// The value it should have.
    pub reference: f64,
    /// How far from it a value may be.
    pub tolerance: f64,
    /// The value here; `None` where there is no such feature, or its computation failed.
    pub ours: Option<f64>,
    /// Whether it is near enough.
    pub pass: bool,
}

/// Why a reference could not be compared with.
#[derive(Debug, Error)]
pub enum ConformanceError {
    /// A file of the reference that is not there.
    #[error(
        "{path}: {cause}; the folder must hold the references as `renalflow conformance --help` lists them"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A volume that cannot be read.
    #[error(transparent)]
    Read(#[from] renalflow_imaging::ReadError),
    /// A parameter file that cannot be read.
    #[error(transparent)]
    Parameters(#[from] crate::ParameterError),
    /// Features that cannot be computed.
    #[error("{what}: {source}")]
    Extraction {
        /// Configuration or case.
        what: String,
        /// Why.
        source: crate::RadiomicsError,
    },
    /// A table that is not as expected.
    #[error("{path}: {what}")]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

fn read_text(path: &Path) -> Result<String, ConformanceError> {
    std::fs::read_to_string(path).map_err(|cause| ConformanceError::Missing {
        path: path.to_owned(),
        cause,
    })
}

/// Whether a value is within a tolerance of a reference that is printed with three significant
/// digits: the value is rounded to as many first, as IBSI's own comparisons do.
fn within(ours: f64, reference: f64, tolerance: f64) -> bool {
    let rounded = to_significant(ours, 3);
    // Both are decimal numbers of few digits, so the rounding of their difference is all that
    // this allows for.
    let slack = 1e-9 * reference.abs().max(1e-9);
    [ours, rounded]
        .iter()
        .any(|value| (value - reference).abs() <= tolerance + slack)
}

/// A number with so many significant decimal digits.
fn to_significant(value: f64, digits: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let shift = 10f64.powi(digits - 1 - value.abs().log10().floor() as i32);
    (value * shift).round() / shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_three_digits_are_compared_with_three_digits() {
        assert!(within(0.64149, 0.641, 0.0));
        assert!(!within(0.6416, 0.641, 0.0));
        assert!(within(-46.94, -46.9, 0.0));
        assert!(within(1379.0, 1380.0, 10.0));
        assert!(within(0.0, 0.0, 0.0));
        assert!(!within(f64::NAN, 0.0, 1.0));
    }
}
