//! Which way the array axes point in the patient, and turning them without loss.
//!
//! An orientation code names, for the array axes x, y, z in that order (fastest first, the
//! order of NIfTI's i, j, k), the side of the patient towards which the index grows: `LPS`
//! is left, posterior, superior, the identity direction; nibabel's `aff2axcodes` writes the
//! same letters. An oblique axis is named after the world axis that it is nearest to, each
//! world axis being used once.

use rayon::prelude::*;
use thiserror::Error;

use crate::{
    geometry::Geometry,
    volume::{Image, LabelMap, Volume},
};

/// Why volumes cannot be turned as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrientationError {
    /// Not one letter from each of L/R, P/A and S/I.
    #[error(
        "orientation {0:?} is not a code: write one letter from each of L/R, P/A and S/I, \
         for the array axes x, y, z, such as LPS or RAS"
    )]
    Code(String),
}

/// The sides towards which the world's (LPS) axes grow, and their opposites.
const SIDES: [[char; 2]; 3] = [['L', 'R'], ['P', 'A'], ['S', 'I']];

const PERMUTATIONS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// The world axis nearest to each array axis x, y, z, and whether it runs against it.
fn nearest_world_axes(geometry: &Geometry) -> [(usize, bool); 3] {
    let alignment = |world_of: &[usize; 3]| -> f64 {
        (0..3)
            .map(|array| geometry.direction[world_of[array]][array].abs())
            .sum()
    };
    let mut best = PERMUTATIONS[0];
    for candidate in &PERMUTATIONS[1..] {
        if alignment(candidate) > alignment(&best) {
            best = *candidate;
        }
    }
    std::array::from_fn(|array| (best[array], geometry.direction[best[array]][array] < 0.0))
}

/// The orientation code of a grid, such as `LPS`.
#[must_use]
pub fn orientation_code(geometry: &Geometry) -> String {
    nearest_world_axes(geometry)
        .iter()
        .map(|&(world, against)| SIDES[world][usize::from(against)])
        .collect()
}

/// A lossless turn of an array: its axes permuted, some of them reversed.
///
/// Voxels stay where they are in the patient; only the order in which they are stored
/// changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reorientation {
    /// For each axis `[z, y, x]` of the result, the axis of the source that becomes it.
    pub source_axis: [usize; 3],
    /// For each axis of the result, whether it runs against that axis of the source.
    pub reversed: [bool; 3],
}

impl Reorientation {
    /// The turn that makes the array axes follow `code`.
    ///
    /// # Errors
    /// [`OrientationError::Code`] for anything but three letters, one from each of L/R, P/A
    /// and S/I, in either case.
    pub fn towards(geometry: &Geometry, code: &str) -> Result<Self, OrientationError> {
        let wanted = parse(code)?;
        let found = nearest_world_axes(geometry);
        let mut turn = Self {
            source_axis: [0; 3],
            reversed: [false; 3],
        };
        for (array, &(world, against)) in wanted.iter().enumerate() {
            let source = found
                .iter()
                .position(|&(axis, _)| axis == world)
                .ok_or_else(|| OrientationError::Code(code.to_owned()))?;
            turn.source_axis[2 - array] = 2 - source;
            turn.reversed[2 - array] = found[source].1 != against;
        }
        Ok(turn)
    }

    /// The turn that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let mut inverse = *self;
        for target in 0..3 {
            inverse.source_axis[self.source_axis[target]] = target;
            inverse.reversed[self.source_axis[target]] = self.reversed[target];
        }
        inverse
    }

    /// The grid after the turn.
    #[must_use]
    pub fn geometry(&self, source: &Geometry) -> Geometry {
        let mut first_voxel = [0.0; 3];
        let mut direction = source.direction;
        for target in 0..3 {
            let axis = self.source_axis[target];
            if self.reversed[target] {
                first_voxel[axis] = (source.shape_zyx[axis] - 1) as f64;
            }
            for (row, from) in direction.iter_mut().zip(&source.direction) {
                let cosine = from[2 - axis];
                // Not `-cosine` of zero: a negative zero is a different bit pattern.
                row[2 - target] = if self.reversed[target] && cosine != 0.0 {
                    -cosine
                } else {
                    cosine
                };
            }
        }
        let origin_xyz_mm = if self.reversed.contains(&true) {
            source.world_from_voxel(first_voxel)
        } else {
            source.origin_xyz_mm
        };
        Geometry {
            shape_zyx: self.source_axis.map(|axis| source.shape_zyx[axis]),
            spacing_zyx_mm: self.source_axis.map(|axis| source.spacing_zyx_mm[axis]),
            origin_xyz_mm,
            direction,
        }
    }

    /// The volume after the turn.
    ///
    /// # Shapes
    /// `[z, y, x]` -> the same three lengths in the order of `source_axis`.
    #[must_use]
    pub fn volume<T: Copy + Send + Sync>(&self, source: &Volume<T>) -> Volume<T> {
        let geometry = self.geometry(source.geometry());
        let [_, source_y, source_x] = source.geometry().shape_zyx;
        let strides = [(source_y * source_x) as isize, source_x as isize, 1];
        let mut first = 0isize;
        let step: [isize; 3] = std::array::from_fn(|target| {
            let stride = strides[self.source_axis[target]];
            if self.reversed[target] {
                first += stride * (geometry.shape_zyx[target] as isize - 1);
                -stride
            } else {
                stride
            }
        });
        let from = source.voxels();
        let [_, rows, columns] = geometry.shape_zyx;
        let mut voxels = vec![from[0]; geometry.len()];
        voxels
            .par_chunks_mut(rows * columns)
            .enumerate()
            .for_each(|(z, slice)| {
                let slice_first = first + z as isize * step[0];
                // Tiles, so that a transposed source is read a cache line at a time.
                for tile_y in (0..rows).step_by(TILE) {
                    for tile_x in (0..columns).step_by(TILE) {
                        for y in tile_y..rows.min(tile_y + TILE) {
                            let row_first = slice_first + y as isize * step[1];
                            for x in tile_x..columns.min(tile_x + TILE) {
                                let at = row_first + x as isize * step[2];
                                slice[y * columns + x] = from[at as usize];
                            }
                        }
                    }
                }
            });
        Volume::new(geometry, voxels).expect("a turned grid has as many voxels as its source")
    }
}

const TILE: usize = 64;

fn parse(code: &str) -> Result<[(usize, bool); 3], OrientationError> {
    let refuse = || OrientationError::Code(code.to_owned());
    let letters: Vec<char> = code.chars().map(|c| c.to_ascii_uppercase()).collect();
    let letters: [char; 3] = letters.try_into().map_err(|_| refuse())?;
    let mut axes = [(0, false); 3];
    let mut seen = [false; 3];
    for (axis, letter) in axes.iter_mut().zip(letters) {
        let world = SIDES
            .iter()
            .position(|sides| sides.contains(&letter))
            .ok_or_else(refuse)?;
        if std::mem::replace(&mut seen[world], true) {
            return Err(refuse());
        }
        *axis = (world, letter == SIDES[world][1]);
    }
    Ok(axes)
}

/// The image with its array axes turned to follow `code`, such as `LPS`; see the module.
///
/// # Errors
/// A code that is none.
pub fn reorient_image(image: &Image, code: &str) -> Result<Image, OrientationError> {
    let turn = Reorientation::towards(image.geometry(), code)?;
    Ok(match image {
        Image::I16(volume) => Image::I16(turn.volume(volume)),
        Image::F32(volume) => Image::F32(turn.volume(volume)),
        Image::F64(volume) => Image::F64(turn.volume(volume)),
    })
}

/// The label map with its array axes turned to follow `code`; names stay.
///
/// # Errors
/// A code that is none.
pub fn reorient_labels(labels: &LabelMap, code: &str) -> Result<LabelMap, OrientationError> {
    let turn = Reorientation::towards(labels.geometry(), code)?;
    Ok(LabelMap {
        volume: turn.volume(&labels.volume),
        names: labels.names.clone(),
    })
}
