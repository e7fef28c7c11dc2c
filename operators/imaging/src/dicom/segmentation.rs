//! DICOM-SEG: frames of segments, to a label map on the image's grid.

use std::path::Path;

use dicom_dictionary_std::{tags, uids};
use dicom_object::DefaultDicomObject;
use dicom_pixeldata::PixelDecoder;

use super::{
    attributes::{self, Attributes},
    rle,
};
use crate::{
    geometry::Geometry,
    io::ReadError,
    volume::{LabelMap, LabelNames, Volume},
};

/// How far a frame's pixels may lie from voxel centres, in voxels.
const GRID_TOLERANCE_VOXELS: f64 = 0.05;

/// Read a segmentation object (A.51) onto the grid of an image.
///
/// Labels are segment numbers and names are segment labels. Each frame is placed by its
/// ImagePositionPatient and orientation; it may cover a part of the grid and may run along
/// its axes in any order and direction. Where segments overlap, the higher number wins.
/// Types read: BINARY (one bit a pixel) and LABELMAP (8 or 16 bits).
///
/// # Errors
/// No complete DICOM object, or no segmentation; FRACTIONAL (a threshold is the user's to
/// choose, not the reader's); a frame that does not lie on the grid; fewer pixels than frames.
pub fn read_segmentation(path: impl AsRef<Path>, grid: &Geometry) -> Result<LabelMap, ReadError> {
    let path = path.as_ref();
    let object = attributes::open(path, None)?;
    let root = Attributes::new(path, &object);
    let class = root.need_text(tags::SOP_CLASS_UID)?;
    if class != uids::SEGMENTATION_STORAGE && class != uids::LABEL_MAP_SEGMENTATION_STORAGE {
        return Err(root.wrong(tags::SOP_CLASS_UID, "not that of a segmentation"));
    }
    let geometry_error = |source| ReadError::Geometry {
        path: path.to_owned(),
        source,
    };
    grid.validate().map_err(geometry_error)?;
    let rows: usize = root.need_integer::<u16>(tags::ROWS)?.into();
    let columns: usize = root.need_integer::<u16>(tags::COLUMNS)?.into();
    let mut frames = frames(root)?;
    let pixels = Pixels::decode(root, &object, rows * columns * frames.len())?;
    if matches!(pixels, Pixels::Labels(_)) {
        frames.iter_mut().for_each(|frame| frame.segment = None);
    }

    // With overlap the higher number wins: draw in the order of numbers, frames in theirs.
    let mut order: Vec<usize> = (0..frames.len()).collect();
    order.sort_by_key(|&i| frames[i].segment);
    let mut voxels = vec![0u16; grid.len()];
    for i in order {
        let placed = frames[i].place(root, i, grid, [rows, columns])?;
        for row in 0..rows {
            for column in 0..columns {
                let label = pixels.label(
                    i * rows * columns + row * columns + column,
                    frames[i].segment,
                );
                if label != 0 {
                    voxels[placed.voxel(row, column)] = label;
                }
            }
        }
    }
    Ok(LabelMap {
        volume: Volume::new(grid.clone(), voxels).map_err(geometry_error)?,
        names: segment_names(root)?,
    })
}

fn segment_names(root: Attributes<'_>) -> Result<LabelNames, ReadError> {
    let mut names = LabelNames::new();
    for item in root.items(tags::SEGMENT_SEQUENCE) {
        let number: u16 = item.need_integer(tags::SEGMENT_NUMBER)?;
        // Number 0 is the background of a LABELMAP.
        if number != 0 {
            names.insert(number, item.text(tags::SEGMENT_LABEL).unwrap_or_default());
        }
    }
    Ok(names)
}

/// Where one frame lies, and of which segment it is.
struct Frame {
    segment: Option<u16>,
    position_xyz_mm: [f64; 3],
    orientation: [f64; 6],
    spacing_yx_mm: [f64; 2],
}

fn frames(root: Attributes<'_>) -> Result<Vec<Frame>, ReadError> {
    let shared = root.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let count: usize = root.need_integer(tags::NUMBER_OF_FRAMES)?;
    let groups = root.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    if groups.len() != count {
        return Err(root.header(format!(
            "NumberOfFrames is {count}, but {} frames are described",
            groups.len()
        )));
    }
    groups
        .map(|own| {
            // A functional group stands with the frame or, if all have the same, is shared.
            let group = |tag| {
                own.item(tag)
                    .or_else(|| shared.and_then(|shared| shared.item(tag)))
            };
            let position = group(tags::PLANE_POSITION_SEQUENCE)
                .ok_or_else(|| own.missing(tags::PLANE_POSITION_SEQUENCE))?;
            let orientation = group(tags::PLANE_ORIENTATION_SEQUENCE)
                .ok_or_else(|| own.missing(tags::PLANE_ORIENTATION_SEQUENCE))?;
            let measures = group(tags::PIXEL_MEASURES_SEQUENCE)
                .ok_or_else(|| own.missing(tags::PIXEL_MEASURES_SEQUENCE))?;
            let segment = group(tags::SEGMENT_IDENTIFICATION_SEQUENCE)
                .map(|item| item.need_integer(tags::REFERENCED_SEGMENT_NUMBER))
                .transpose()?;
            Ok(Frame {
                segment,
                position_xyz_mm: position.need_numbers(tags::IMAGE_POSITION_PATIENT)?,
                orientation: orientation.need_numbers(tags::IMAGE_ORIENTATION_PATIENT)?,
                spacing_yx_mm: measures.need_numbers(tags::PIXEL_SPACING)?,
            })
        })
        .collect()
}

/// A frame's pixels as voxels of the grid: a start, and a step along rows and along columns.
struct Placed {
    start: isize,
    row_step: isize,
    column_step: isize,
}

impl Placed {
    fn voxel(&self, row: usize, column: usize) -> usize {
        // `place` checked the corners, between which all pixels lie.
        (self.start + row as isize * self.row_step + column as isize * self.column_step) as usize
    }
}

impl Frame {
    fn place(
        &self,
        root: Attributes<'_>,
        number: usize,
        grid: &Geometry,
        [rows, columns]: [usize; 2],
    ) -> Result<Placed, ReadError> {
        let off_grid = |cause: String| ReadError::OffGrid {
            path: root.path.to_owned(),
            what: format!("frame {}", number + 1),
            cause,
        };
        let corner = |row: usize, column: usize| {
            let [rx, ry, rz, cx, cy, cz] = self.orientation;
            let along_x = column as f64 * self.spacing_yx_mm[1];
            let along_y = row as f64 * self.spacing_yx_mm[0];
            let [x, y, z] = self.position_xyz_mm;
            let exact = grid.voxel_from_world([
                x + along_x * rx + along_y * cx,
                y + along_x * ry + along_y * cy,
                z + along_x * rz + along_y * cz,
            ]);
            let whole = exact.map(f64::round);
            let off = (0..3)
                .map(|i| (exact[i] - whole[i]).abs())
                .fold(0.0, f64::max);
            if off > GRID_TOLERANCE_VOXELS {
                return Err(off_grid(format!(
                    "its pixel [{row}, {column}] lies {off:.3} voxels from a voxel centre"
                )));
            }
            if (0..3).any(|i| whole[i] < 0.0 || whole[i] >= grid.shape_zyx[i] as f64) {
                return Err(off_grid(format!(
                    "its pixel [{row}, {column}] falls on voxel [z, y, x] = {whole:?} of a grid of {:?}",
                    grid.shape_zyx
                )));
            }
            Ok(whole.map(|i| i as isize))
        };
        let stride = [
            (grid.shape_zyx[1] * grid.shape_zyx[2]) as isize,
            grid.shape_zyx[2] as isize,
            1,
        ];
        let start = corner(0, 0)?;
        // One voxel a pixel, along one axis: else the frame skips voxels or runs diagonally.
        let step = |end: [isize; 3], pixels: usize| {
            let mut moved = (0..3).filter(|&i| end[i] != start[i]);
            match (pixels - 1, moved.next(), moved.next()) {
                (0, None, _) => Ok(0),
                (n, Some(axis), None) if (end[axis] - start[axis]).unsigned_abs() == n => {
                    Ok((end[axis] - start[axis]).signum() * stride[axis])
                }
                _ => Err(off_grid("its pixels are not the grid's voxels".to_owned())),
            }
        };
        if rows == 0 || columns == 0 {
            return Err(off_grid("it has no pixels".to_owned()));
        }
        let row_step = step(corner(rows - 1, 0)?, rows)?;
        let column_step = step(corner(0, columns - 1)?, columns)?;
        corner(rows - 1, columns - 1)?;
        Ok(Placed {
            start: (0..3).map(|i| start[i] * stride[i]).sum(),
            row_step,
            column_step,
        })
    }
}

/// The pixels of all frames, one after the other.
enum Pixels {
    /// One bit a pixel, the lowest first, frames not padded to bytes (C.8.20.2, 8.1.1 of part 5).
    Bits(Vec<u8>),
    Labels(Vec<u16>),
}

impl Pixels {
    fn decode(
        root: Attributes<'_>,
        object: &DefaultDicomObject,
        count: usize,
    ) -> Result<Self, ReadError> {
        let kind = root.need_text(tags::SEGMENTATION_TYPE)?;
        let allocated: u16 = root.need_integer(tags::BITS_ALLOCATED)?;
        let unsupported = |what: String, fix| {
            Err(ReadError::Unsupported {
                path: root.path.to_owned(),
                what,
                fix,
            })
        };
        let short = |expected: usize, available: usize| ReadError::Short {
            path: root.path.to_owned(),
            expected_bytes: expected as u128,
            available_bytes: available as u64,
            exact: true,
        };
        match (kind.as_str(), allocated) {
            ("BINARY", 1) => {
                let bytes = object
                    .get(tags::PIXEL_DATA)
                    .ok_or_else(|| root.missing(tags::PIXEL_DATA))?
                    .to_bytes()
                    .map_err(|_| {
                        root.header("PixelData is compressed, which BINARY cannot be".to_owned())
                    })?;
                if bytes.len() < count.div_ceil(8) {
                    return Err(short(count.div_ceil(8), bytes.len()));
                }
                Ok(Self::Bits(bytes.into_owned()))
            }
            ("LABELMAP", 8 | 16) => {
                rle::check(root, object)?;
                let decoded = object.decode_pixel_data().map_err(|error| {
                    attributes::decoding(root.path, &error, attributes::FIX_PIXELS)
                })?;
                let bytes = decoded.data();
                let expected = count * usize::from(allocated) / 8;
                if bytes.len() < expected {
                    return Err(short(expected, bytes.len()));
                }
                let bytes = &bytes[..expected];
                Ok(Self::Labels(if allocated == 8 {
                    bytes.iter().map(|&b| u16::from(b)).collect()
                } else {
                    let (pairs, _) = bytes.as_chunks::<2>();
                    pairs.iter().map(|&pair| u16::from_ne_bytes(pair)).collect()
                }))
            }
            ("FRACTIONAL", _) => unsupported(
                "a FRACTIONAL segmentation".to_owned(),
                "choose a threshold and save it as BINARY",
            ),
            (kind, bits) => unsupported(
                format!("a segmentation of type {kind} with {bits} bits a pixel"),
                "save it as BINARY",
            ),
        }
    }

    fn label(&self, index: usize, segment: Option<u16>) -> u16 {
        match self {
            Self::Bits(bytes) if bytes[index / 8] >> (index % 8) & 1 == 1 => segment.unwrap_or(0),
            Self::Bits(_) => 0,
            Self::Labels(labels) => labels[index],
        }
    }
}
