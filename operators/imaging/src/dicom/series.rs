//! The slices of one series, put in order by where they lie.

use std::path::{Path, PathBuf};

use super::{
    pixels,
    scan::{self, SeriesSelector, SeriesSummary, Skipped, Slice},
};
use crate::{geometry::Geometry, io::ReadError, volume::Image};

/// How far direction cosines of one series may differ between slices.
const ORIENTATION_TOLERANCE: f64 = 1e-4;
/// How far a slice may lie from the even grid, as a part of the distance between slices:
/// what positions written with one decimal make of thin slices.
const EVEN_TOLERANCE: f64 = 0.1;
/// How far slices may shift sideways from first to last, in pixels.
const SHIFT_TOLERANCE_PIXELS: f64 = 0.05;

/// What was read, and what was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesReport {
    /// The series.
    pub series: SeriesSummary,
    /// FrameOfReferenceUID, which contours and segmentations refer to.
    pub frame_of_reference_uid: Option<String>,
    /// Its files in the order of the array's first axis.
    pub files_along_z: Vec<PathBuf>,
    /// Files of the folder that are no image slices.
    pub skipped: Vec<Skipped>,
}

/// Read the image of a folder that holds one DICOM series, one file a slice (CT, MR or PET).
///
/// Slices are sorted by ImagePositionPatient along the slice normal; neither file names nor
/// instance numbers count. The distance between slices is that of their positions. Values are
/// RescaleSlope times stored value plus RescaleIntercept, slice by slice: `i16` if all are
/// whole numbers that fit, else `f32` where that is exact or the rescaling is fractional,
/// else `f64`. Padding values are kept; MONOCHROME1 says how to display, not what was
/// measured, and is read like MONOCHROME2. Compressed slices: JPEG (baseline, lossless), RLE
/// and deflate are decoded; JPEG 2000 and JPEG-LS are refused.
///
/// Files that are not DICOM, and DICOM objects that are no slices, are listed in the report.
///
/// # Errors
/// Several series and no selector; no slices; a slice that is missing, repeated, shifted,
/// of another size or orientation, or cannot be decoded: each by file. A tilted gantry.
pub fn read_series(
    folder: impl AsRef<Path>,
    selector: &SeriesSelector,
) -> Result<(Image, SeriesReport), ReadError> {
    let (geometry, slices, report) = arrange(folder.as_ref(), selector)?;
    let image = pixels::read(folder.as_ref(), geometry, &slices)?;
    Ok((image, report))
}

/// Read where a series lies, from its headers alone.
///
/// # Errors
/// As [`read_series`], as far as the headers show.
pub fn read_series_geometry(
    folder: impl AsRef<Path>,
    selector: &SeriesSelector,
) -> Result<(Geometry, SeriesReport), ReadError> {
    let (geometry, _, report) = arrange(folder.as_ref(), selector)?;
    Ok((geometry, report))
}

fn arrange(
    folder: &Path,
    selector: &SeriesSelector,
) -> Result<(Geometry, Vec<Slice>, SeriesReport), ReadError> {
    let (series, slices, skipped) = scan::scan(folder)?.select(folder, selector)?;
    let (geometry, slices) = stack(folder, slices)?;
    let report = SeriesReport {
        series,
        frame_of_reference_uid: slices
            .first()
            .and_then(|slice| slice.frame_of_reference_uid.clone()),
        files_along_z: slices.iter().map(|slice| slice.path.clone()).collect(),
        skipped,
    };
    Ok((geometry, slices, report))
}

/// Sort slices by position and find the grid that they make.
fn stack(folder: &Path, slices: Vec<Slice>) -> Result<(Geometry, Vec<Slice>), ReadError> {
    let Some(first) = slices.first() else {
        return Err(ReadError::NoImages {
            folder: folder.to_owned(),
            wanted: "any series".to_owned(),
            skipped: Vec::new(),
        });
    };
    for slice in &slices {
        same_plane(first, slice)?;
    }
    let along_x = unit(first.along_x);
    let along_y = unit(first.along_y);
    let normal = unit(cross(along_x, along_y));
    let [ny, nx] = first.shape_yx;
    let [spacing_y_mm, spacing_x_mm] = first.spacing_yx_mm;

    let mut placed: Vec<(f64, Slice)> = slices
        .into_iter()
        .map(|slice| (dot(slice.position_xyz_mm, normal), slice))
        .collect();
    // Ties keep the order of file names, and are refused below.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let spacing_z_mm = slice_spacing(&placed)?;
    no_shift(&placed, normal)?;

    let slices: Vec<Slice> = placed.into_iter().map(|(_, slice)| slice).collect();
    let geometry = Geometry {
        shape_zyx: [slices.len(), ny, nx],
        spacing_zyx_mm: [spacing_z_mm, spacing_y_mm, spacing_x_mm],
        origin_xyz_mm: slices[0].position_xyz_mm,
        direction: std::array::from_fn(|row| [along_x[row], along_y[row], normal[row]]),
    };
    geometry.validate().map_err(|source| ReadError::Geometry {
        path: folder.to_owned(),
        source,
    })?;
    Ok((geometry, slices))
}

/// Slices of one series have one size, one spacing and one orientation.
fn same_plane(first: &Slice, slice: &Slice) -> Result<(), ReadError> {
    let differs = |cause: String| {
        Err(ReadError::Header {
            path: slice.path.clone(),
            cause: format!("{cause}, in {}", first.path.display()),
            fix: "a localiser or a second acquisition in the series? move it to another folder",
        })
    };
    if slice.shape_yx != first.shape_yx {
        return differs(format!(
            "rows and columns are {:?} here and {:?}",
            slice.shape_yx, first.shape_yx
        ));
    }
    let far = |a: f64, b: f64, tolerance: f64| (a - b).abs() > tolerance;
    if (0..2).any(|i| {
        far(
            slice.spacing_yx_mm[i],
            first.spacing_yx_mm[i],
            1e-4 * first.spacing_yx_mm[i].abs(),
        )
    }) {
        return differs(format!(
            "pixels are {:?} mm here and {:?} mm",
            slice.spacing_yx_mm, first.spacing_yx_mm
        ));
    }
    if (0..3).any(|i| {
        far(slice.along_x[i], first.along_x[i], ORIENTATION_TOLERANCE)
            || far(slice.along_y[i], first.along_y[i], ORIENTATION_TOLERANCE)
    }) {
        return differs(format!(
            "rows and columns run along {:?} and {:?} here, along {:?} and {:?}",
            slice.along_x, slice.along_y, first.along_x, first.along_y
        ));
    }
    Ok(())
}

/// The distance between slices, which are sorted; gaps, repeats and uneven steps are errors.
fn slice_spacing(placed: &[(f64, Slice)]) -> Result<f64, ReadError> {
    let [(start, first), .., (end, _)] = placed else {
        return match placed.first() {
            Some((_, only)) => only.slice_spacing_mm.ok_or_else(|| ReadError::Header {
                path: only.path.clone(),
                cause: "a single slice without SpacingBetweenSlices or SliceThickness".to_owned(),
                fix: "give at least two slices",
            }),
            None => Ok(0.0),
        };
    };
    let mut steps: Vec<f64> = placed
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .collect();
    for (pair, step) in placed.windows(2).zip(&steps) {
        if *step < 1e-3 {
            return Err(ReadError::DuplicateSlice {
                first: pair[0].1.path.clone(),
                second: pair[1].1.path.clone(),
                position_mm: pair[0].0,
            });
        }
    }
    steps.sort_by(f64::total_cmp);
    let usual = steps[steps.len() / 2];
    for pair in placed.windows(2) {
        let step = pair[1].0 - pair[0].0;
        if step > 1.5 * usual {
            return Err(ReadError::MissingSlices {
                before: pair[0].1.path.clone(),
                after: pair[1].1.path.clone(),
                from_mm: pair[0].0,
                to_mm: pair[1].0,
                spacing_mm: usual,
                missing: ((step / usual).round() as usize).saturating_sub(1),
            });
        }
    }
    let spacing = (end - start) / (placed.len() - 1) as f64;
    for (i, (position, slice)) in placed.iter().enumerate() {
        let off_mm = position - (start + i as f64 * spacing);
        if off_mm.abs() > EVEN_TOLERANCE * spacing {
            return Err(ReadError::Header {
                path: slice.path.clone(),
                cause: format!(
                    "it lies {off_mm:.3} mm off the even grid of {spacing:.3} mm that starts with {}",
                    first.path.display()
                ),
                fix: "slices are unevenly spaced: export an evenly reconstructed series",
            });
        }
    }
    Ok(spacing)
}

/// Slices follow each other along their normal: a tilted gantry shifts them sideways.
fn no_shift(placed: &[(f64, Slice)], normal: [f64; 3]) -> Result<(), ReadError> {
    let Some((start, first)) = placed.first() else {
        return Ok(());
    };
    let pixel_mm = first.spacing_yx_mm[0].min(first.spacing_yx_mm[1]);
    for (position, slice) in placed {
        let shift_mm = (0..3)
            .map(|i| {
                let along = (position - start) * normal[i];
                (slice.position_xyz_mm[i] - first.position_xyz_mm[i] - along).powi(2)
            })
            .sum::<f64>()
            .sqrt();
        if shift_mm > SHIFT_TOLERANCE_PIXELS * pixel_mm {
            return Err(ReadError::Header {
                path: slice.path.clone(),
                cause: format!(
                    "it lies {shift_mm:.3} mm sideways of {}: a tilted gantry or a moved table",
                    first.path.display()
                ),
                fix: "resample the series to an upright grid first (dcm2niix does)",
            });
        }
    }
    Ok(())
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| a[i] * b[i]).sum()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| {
        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
        a[j] * b[k] - a[k] * b[j]
    })
}

/// A vector of length 1; of a zero vector NaN, which the grid's check refuses.
fn unit(v: [f64; 3]) -> [f64; 3] {
    let length = dot(v, v).sqrt();
    v.map(|x| x / length)
}
