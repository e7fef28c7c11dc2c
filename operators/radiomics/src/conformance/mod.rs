//! Tests of reference data sets, as data: what is computed, from which images, and what comes
//! out beside what should.
//!
//! The images and the reference values are not here; whoever runs a test reads them.

pub mod ibsi2;
