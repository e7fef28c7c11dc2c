//! DICOM: a folder of slices to an image, contours and segmentation objects to label maps.
//!
//! Sections named in this module are those of the standard's part 3,
//! <https://dicom.nema.org/medical/dicom/current/output/html/part03.html>.

mod attributes;
mod lengths;
mod pixels;
mod polygon;
mod rle;
mod rtstruct;
mod scan;
mod segmentation;
mod series;

pub use rtstruct::{Region, RtStruct};
pub use scan::{SeriesSelector, SeriesSummary, Skipped, list_series};
pub use segmentation::read_segmentation;
pub use series::{SeriesReport, read_series, read_series_geometry};
