//! From a volume to labels: sliding windows, boxes of a coarse network, clean-up.
//!
//! | module | what it does |
//! |---|---|
//! | [`predictor`] | what a network must offer to be slid over a volume |
//! | [`source`] | where its patches are read from |
//! | [`windows`] | where the windows lie, how many forwards and how much memory that is |
//! | [`sliding_window`] | blends the windows and releases each slice as soon as it is final |
//! | [`decision`] | from probabilities to labels |
//! | [`original_grid`] | the same on the scan's own grid, slice by slice |
//! | [`coarse`] | from coarse labels to the boxes of the kidneys |
//! | [`scan`] | all of it: a CT and boxes in, labels on its own grid out |
//! | [`files`] | networks from weights on disk |
//! | [`postprocess`] | rules that a segmentation of kidneys must keep, and what they removed |
//!
//! Nothing here ever holds classes x volume: probabilities exist for the slices that windows
//! still reach, and leave as labels.

pub mod coarse;
pub mod decision;
mod error;
pub mod files;
mod network;
pub mod original_grid;
pub mod postprocess;
pub mod predictor;
pub mod scan;
pub mod sliding_window;
pub mod source;
pub mod windows;

pub use decision::{Decision, LabelSlices};
pub use error::{BoxedError, InferenceError};
pub use files::{networks_from_files, networks_on_device};
pub use network::NetworkPredictor;
pub use original_grid::OriginalGrid;
pub use predictor::{Activation, PatchPredictor};
pub use scan::{ScanOptions, ScanPlan, plan_scan, segment_on_working_grid, segment_scan};
pub use sliding_window::{SliceSink, slide};
pub use source::{PatchSource, Stacked};
pub use windows::{SlidingWindow, WindowPlan};
