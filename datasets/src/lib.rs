//! Data sets of a study: manifests, clinical tables, label names, known problems, frozen
//! splits, and a generator of synthetic patients.
//!
//! A [`Manifest`] is read once and checked before anything runs; it gives [`CaseSpec`]s,
//! which [`load_case`] turns into volumes one by one. What is wrong with the data set is a
//! [`DatasetError`] before the run; what is wrong with one case is a [`CaseError`] of that
//! case alone.

mod case;
mod error;
mod files;
mod known_issues;
mod load;
mod manifest;
pub mod phantom;
mod phantom_cohort;
mod record;
mod split;
mod table;
mod variables;
mod yaml;

pub use case::{CaseSource, CaseSpec, DicomMask, DicomMaskKind};
pub use error::{CaseError, DatasetError, ExportError, Location};
pub use known_issues::{Action, KnownIssue};
pub use load::{LoadedCase, load_case};
pub use manifest::Manifest;
pub use phantom_cohort::write_kits19;
pub use record::{Record, Value};
pub use split::{Scheme, Split};
pub use variables::Lookup;
