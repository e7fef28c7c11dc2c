//! File formats against files: built here byte by byte, written by us, and real ones.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod build;
mod dicom_objects;
mod dicom_series;
mod dispatch;
mod mutation;
mod nifti_read;
mod nifti_write;
mod nrrd_read;
mod shared_data;
