//! RTSTRUCT: contours drawn on slices, to a label map on the image's grid.

use std::path::{Path, PathBuf};

use dicom_dictionary_std::{tags, uids};

use super::{
    attributes::{self, Attributes},
    polygon::flip_inside,
};
use crate::{
    geometry::Geometry,
    io::ReadError,
    volume::{LabelMap, LabelNames, Volume},
};

/// How far a contour may lie from the plane of voxel centres, in slices.
const PLANE_TOLERANCE_SLICES: f64 = 0.1;

/// A region of interest: closed planar contours in the patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// ROIName.
    pub name: String,
    /// ROINumber.
    pub number: i64,
    /// The contours, each a list of points in LPS, in mm.
    pub contours_xyz_mm: Vec<Vec<[f64; 3]>>,
    /// Contours of another type than closed planar (points, open lines), which enclose nothing.
    pub other_contours: usize,
}

/// A structure set.
#[derive(Debug, Clone, PartialEq)]
pub struct RtStruct {
    path: PathBuf,
    /// FrameOfReferenceUID of the images it was drawn on, where it says so.
    pub frame_of_reference_uid: Option<String>,
    /// The regions in the file's order.
    pub regions: Vec<Region>,
}

impl RtStruct {
    /// Read a structure set (C.8.8.5, C.8.8.6).
    ///
    /// # Errors
    /// A file that is no complete DICOM object or no RTSTRUCT, or contours that are no points.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        let object = attributes::open(path, None)?;
        let set = Attributes::new(path, &object);
        if set.text(tags::SOP_CLASS_UID).as_deref() != Some(uids::RT_STRUCTURE_SET_STORAGE) {
            return Err(set.wrong(tags::SOP_CLASS_UID, "not that of an RTSTRUCT"));
        }
        let mut regions = Vec::new();
        for item in set.items(tags::STRUCTURE_SET_ROI_SEQUENCE) {
            regions.push(Region {
                name: item.text(tags::ROI_NAME).unwrap_or_default(),
                number: item.need_integer(tags::ROI_NUMBER)?,
                contours_xyz_mm: Vec::new(),
                other_contours: 0,
            });
        }
        for item in set.items(tags::ROI_CONTOUR_SEQUENCE) {
            let number: i64 = item.need_integer(tags::REFERENCED_ROI_NUMBER)?;
            let Some(region) = regions.iter_mut().find(|region| region.number == number) else {
                continue;
            };
            for contour in item.items(tags::CONTOUR_SEQUENCE) {
                match contour.need_text(tags::CONTOUR_GEOMETRIC_TYPE)?.as_str() {
                    "CLOSED_PLANAR" | "CLOSEDPLANAR_XOR" => {
                        region.contours_xyz_mm.push(points(contour)?);
                    }
                    _ => region.other_contours += 1,
                }
            }
        }
        let frame_of_reference_uid = set
            .item(tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE)
            .and_then(|item| item.text(tags::FRAME_OF_REFERENCE_UID));
        Ok(Self {
            path: path.to_owned(),
            frame_of_reference_uid,
            regions,
        })
    }

    /// The region of a name.
    ///
    /// # Errors
    /// No such region; the message lists those there are, nearest name first.
    pub fn region(&self, name: &str) -> Result<&Region, ReadError> {
        self.regions
            .iter()
            .find(|region| region.name == name)
            .ok_or_else(|| {
                let mut known: Vec<String> = self
                    .regions
                    .iter()
                    .map(|region| region.name.clone())
                    .collect();
                let lower = name.to_lowercase();
                known.sort_by_key(|known| {
                    strsim::damerau_levenshtein(&known.to_lowercase(), &lower)
                });
                ReadError::UnknownRegion {
                    path: self.path.clone(),
                    wanted: name.to_owned(),
                    known,
                }
            })
    }

    /// Draw regions on the grid of an image: the first gets label 1, the second 2, and so on;
    /// a later region covers an earlier one, so organs come before their lesions.
    ///
    /// A voxel belongs to a region if its centre lies inside by the even-odd rule over all
    /// contours of its plane, so a contour within another is a hole. Contours may lie on the
    /// planes of any array axis (the grid need not be axial), each within a tenth of a slice
    /// of voxel centres. Parts beyond the edges of a plane are cut off.
    ///
    /// # Errors
    /// A name that the set does not hold; a region without closed contours; a contour that
    /// lies between slices or beyond the first or last one.
    pub fn label_map(&self, names: &[&str], grid: &Geometry) -> Result<LabelMap, ReadError> {
        let geometry_error = |source| ReadError::Geometry {
            path: self.path.clone(),
            source,
        };
        grid.validate().map_err(geometry_error)?;
        let mut voxels = vec![0u16; grid.len()];
        let mut labels = LabelNames::new();
        for (name, label) in names.iter().zip(1u16..) {
            self.draw(self.region(name)?, grid, |index| voxels[index] = label)?;
            labels.insert(label, (*name).to_owned());
        }
        Ok(LabelMap {
            volume: Volume::new(grid.clone(), voxels).map_err(geometry_error)?,
            names: labels,
        })
    }

    /// Call `set` with the flat index of each voxel inside the region.
    fn draw(
        &self,
        region: &Region,
        grid: &Geometry,
        mut set: impl FnMut(usize),
    ) -> Result<(), ReadError> {
        if region.contours_xyz_mm.is_empty() {
            return Err(ReadError::OffGrid {
                path: self.path.clone(),
                what: format!("region \"{}\"", region.name),
                cause: format!(
                    "it has no closed contour ({} points or open lines)",
                    region.other_contours
                ),
            });
        }
        let contours: Vec<Vec<[f64; 3]>> = region
            .contours_xyz_mm
            .iter()
            .map(|contour| contour.iter().map(|&p| grid.voxel_from_world(p)).collect())
            .collect();
        let axis = self.plane_axis(region, grid, &contours)?;
        let (row_axis, column_axis) = match axis {
            0 => (1, 2),
            1 => (0, 2),
            _ => (0, 1),
        };
        let shape = [grid.shape_zyx[row_axis], grid.shape_zyx[column_axis]];
        let stride = [grid.shape_zyx[1] * grid.shape_zyx[2], grid.shape_zyx[2], 1];

        let mut order: Vec<(usize, &Vec<[f64; 3]>)> = contours
            .iter()
            .map(|contour| (mean(contour, axis).round().max(0.0) as usize, contour))
            .collect();
        order.sort_by_key(|(plane, _)| *plane);
        let mut mask = vec![false; shape[0] * shape[1]];
        for same_plane in order.chunk_by(|a, b| a.0 == b.0) {
            mask.fill(false);
            for (_, contour) in same_plane {
                let vertices: Vec<[f64; 2]> = contour
                    .iter()
                    .map(|index| [index[row_axis], index[column_axis]])
                    .collect();
                flip_inside(&mut mask, shape, &vertices);
            }
            let start = same_plane[0].0 * stride[axis];
            for pixel in (0..mask.len()).filter(|&pixel| mask[pixel]) {
                let (row, column) = (pixel / shape[1], pixel % shape[1]);
                set(start + row * stride[row_axis] + column * stride[column_axis]);
            }
        }
        Ok(())
    }

    /// The array axis that all contours stand across, each in a plane of voxel centres.
    fn plane_axis(
        &self,
        region: &Region,
        grid: &Geometry,
        contours_zyx: &[Vec<[f64; 3]>],
    ) -> Result<usize, ReadError> {
        let flat = |axis: usize| {
            contours_zyx.iter().all(|contour| {
                let plane = mean(contour, axis);
                contour
                    .iter()
                    .all(|index| (index[axis] - plane).abs() <= PLANE_TOLERANCE_SLICES)
            })
        };
        let off_grid = |i: usize, cause: String| ReadError::OffGrid {
            path: self.path.clone(),
            what: format!("contour {} of region \"{}\"", i + 1, region.name),
            cause,
        };
        let axis = (0..3).find(|&axis| flat(axis)).ok_or_else(|| {
            off_grid(
                0,
                "the contours do not run along planes of the image's array".to_owned(),
            )
        })?;
        for (i, contour) in contours_zyx.iter().enumerate() {
            let plane = mean(contour, axis);
            let count = grid.shape_zyx[axis];
            let off_mm = (plane - plane.round()) * grid.spacing_zyx_mm[axis];
            if plane.round() < 0.0 || plane.round() > (count - 1) as f64 {
                return Err(off_grid(
                    i,
                    format!("it lies at slice {plane:.2} of 0 to {}", count - 1),
                ));
            }
            if (plane - plane.round()).abs() > PLANE_TOLERANCE_SLICES {
                return Err(off_grid(
                    i,
                    format!(
                        "it lies {off_mm:.3} mm from the nearest slice ({}), where a tenth of \
                         {:.3} mm is allowed",
                        plane.round(),
                        grid.spacing_zyx_mm[axis]
                    ),
                ));
            }
        }
        Ok(axis)
    }
}

fn mean(contour: &[[f64; 3]], axis: usize) -> f64 {
    contour.iter().map(|index| index[axis]).sum::<f64>() / contour.len() as f64
}

/// ContourData: x, y, z of each point.
fn points(contour: Attributes<'_>) -> Result<Vec<[f64; 3]>, ReadError> {
    let numbers = contour
        .numbers(tags::CONTOUR_DATA)?
        .ok_or_else(|| contour.missing(tags::CONTOUR_DATA))?;
    let (points, rest) = numbers.as_chunks::<3>();
    if points.is_empty() || !rest.is_empty() {
        return Err(contour.wrong(
            tags::CONTOUR_DATA,
            "not a list of points with 3 coordinates",
        ));
    }
    Ok(points.to_vec())
}
