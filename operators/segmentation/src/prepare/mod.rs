//! From a scan to what a network is shown, for training and inference alike, so that the two
//! cannot disagree.
//!
//! | function | what it makes |
//! |---|---|
//! | [`working_grid`] | the grid at the plan's spacing, over the scan or a part of it |
//! | [`image_on`] | the image on that grid, its window mapped to 0..1 |
//! | [`labels_on`] | the labels on that grid, as the plan numbers them |
//! | [`meanings`] | what those numbers stand for |
//!
//! A working grid lies along the scan's own axes, permuted and reversed to be as near to LPS
//! as they come: a network sees every patient the same way up however the file stores its
//! slices (KiTS19's masks are stored sagittal slice first), and an oblique scan is not
//! interpolated a second time only to be upright.

mod error;
mod grid;
mod image;
mod labels;
mod taps;

pub use error::PrepareError;
pub use grid::{Region, beyond_zyx_mm, working_grid};
pub use image::{image_bytes, image_on};
pub use labels::{Meaning, labels_on, meanings};
