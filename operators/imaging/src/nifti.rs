//! NIfTI-1 and NIfTI-2 in one file, plain or gzipped, of either byte order.
//!
//! Standard: <https://nifti.nimh.nih.gov/nifti-1>, <https://nifti.nimh.nih.gov/nifti-2>.
//! NIfTI's world is RAS; [`Geometry`]'s is LPS, so the first two world axes change sign.

mod header;
mod write;

use std::path::Path;

pub use write::{SlabWriter, write_image, write_label_map};

use crate::{
    geometry::Geometry,
    io::{
        ReadError,
        source::Source,
        stored::{self, Stored},
    },
    volume::{Image, LabelMap, LabelNames, Volume},
};

/// Read an image.
///
/// **Where it lies**: sform where `sform_code > 0`, else qform where `qform_code > 0`, as
/// nibabel; else, as ITK, the array's axes are taken for the axes of LPS with voxel 0 at the
/// origin. The lengths of the axes must agree with `pixdim` to 1e-3, because ITK takes the
/// spacing from there. Metres and micrometres become millimetres; no unit means millimetres.
///
/// **Of which type it is**: integers become the first of `i16`, `f32`, `f64` that holds every
/// voxel exactly, with `scl_slope` and `scl_inter` applied if both are whole numbers; floats
/// without scaling keep their width; scaled by fractions, values are computed in double
/// precision and kept as `f32` if the file stores 16 bits or fewer, else as `f64`. A slope
/// that is 0 or not finite means no scaling. NaN and infinite voxels are kept.
///
/// # Errors
/// A file that is not there, cut short, damaged, or no NIfTI; a header whose dims, spacing,
/// orientation (shear) or type cannot be used; more than one volume (4D); `.hdr`/`.img` pairs,
/// colours and complex numbers.
pub fn read_image(path: impl AsRef<Path>) -> Result<Image, ReadError> {
    let path = path.as_ref();
    let (source, geometry, stored) = open(path)?;
    let voxels = source.read_image(&geometry, stored)?;
    stored::into_image(geometry, voxels).map_err(|source| ReadError::Geometry {
        path: path.to_owned(),
        source,
    })
}

/// Read a label map and give its labels names.
///
/// # Errors
/// As [`read_image`]; and a voxel that is no whole number from 0 to 65535, after scaling.
pub fn read_label_map(path: impl AsRef<Path>, names: LabelNames) -> Result<LabelMap, ReadError> {
    let path = path.as_ref();
    let (source, geometry, stored) = open(path)?;
    let voxels = source.read_labels(&geometry, stored, stored::Channel::ONLY)?;
    let volume = Volume::new(geometry, voxels).map_err(|source| ReadError::Geometry {
        path: path.to_owned(),
        source,
    })?;
    Ok(LabelMap { volume, names })
}

/// Read where a volume lies, without its voxels.
///
/// # Errors
/// As [`read_image`], as far as the header shows.
pub fn read_geometry(path: impl AsRef<Path>) -> Result<Geometry, ReadError> {
    open(path.as_ref()).map(|(_, geometry, _)| geometry)
}

/// Open a file and go to its first voxel, knowing that the file can hold all of them.
fn open(path: &Path) -> Result<(Source, Geometry, Stored), ReadError> {
    let mut source = Source::open(path)?;
    let header = header::read(&mut source)?;
    let geometry = header.geometry(path)?;
    let bytes = geometry.len() as u128 * header.stored.dtype.bytes() as u128;
    source.expect(header.voxel_offset, bytes)?;
    Ok((source, geometry, header.stored))
}
