//! Cutting a box out of a volume, and putting it back.

use crate::{
    boxes::{BoundingBox, BoxError},
    geometry::{GRID_TOLERANCE_VOXELS, Geometry},
    volume::{Image, LabelMap, Volume},
};

/// Cut a box out of a volume; its voxels stay where they are in the patient.
///
/// # Shapes
/// `[z, y, x]` -> `region.shape_zyx`.
///
/// # Errors
/// [`BoxError::Outside`].
pub fn crop<T: Copy>(volume: &Volume<T>, region: &BoundingBox) -> Result<Volume<T>, BoxError> {
    let geometry = region.geometry(volume.geometry())?;
    let mut voxels = Vec::with_capacity(geometry.len());
    for row in rows(region, volume.geometry().shape_zyx) {
        voxels.extend_from_slice(&volume.voxels()[row]);
    }
    Ok(Volume::new(geometry, voxels).expect("a box inside a grid is a grid"))
}

/// Cut a box out of an image; the voxel type stays.
///
/// # Errors
/// [`BoxError::Outside`].
pub fn crop_image(image: &Image, region: &BoundingBox) -> Result<Image, BoxError> {
    Ok(match image {
        Image::I16(volume) => Image::I16(crop(volume, region)?),
        Image::F32(volume) => Image::F32(crop(volume, region)?),
        Image::F64(volume) => Image::F64(crop(volume, region)?),
    })
}

/// Cut a box out of a label map; names stay.
///
/// # Errors
/// [`BoxError::Outside`].
pub fn crop_labels(labels: &LabelMap, region: &BoundingBox) -> Result<LabelMap, BoxError> {
    Ok(LabelMap {
        volume: crop(&labels.volume, region)?,
        names: labels.names.clone(),
    })
}

/// Put what was cut out with `region` back onto the whole grid, `fill` around it.
///
/// # Shapes
/// `region.shape_zyx` -> `whole.shape_zyx`.
///
/// # Errors
/// [`BoxError::Outside`], or [`BoxError::NotItsPart`] where the part's grid is not that of
/// the box (to 1e-3 of a voxel).
pub fn paste_back<T: Copy>(
    part: &Volume<T>,
    region: &BoundingBox,
    whole: &Geometry,
    fill: T,
) -> Result<Volume<T>, BoxError> {
    let expected = region.geometry(whole)?;
    let distance = expected.distance(part.geometry());
    if !distance.is_some_and(|d| d.voxels <= GRID_TOLERANCE_VOXELS) {
        return Err(BoxError::NotItsPart {
            part_shape_zyx: part.geometry().shape_zyx,
            region: *region,
            mm: distance.map(|d| d.mm),
        });
    }
    let mut voxels = vec![fill; whole.len()];
    let lines = part.voxels().chunks_exact(region.shape_zyx[2]);
    for (row, line) in rows(region, whole.shape_zyx).zip(lines) {
        voxels[row].copy_from_slice(line);
    }
    Ok(Volume::new(whole.clone(), voxels).expect("one value for each voxel of a checked grid"))
}

/// Where the rows of a box lie in the array of a grid, in C order.
fn rows(
    region: &BoundingBox,
    shape_zyx: [usize; 3],
) -> impl Iterator<Item = std::ops::Range<usize>> {
    let [z, y, x] = region.start_zyx;
    let [depth, height, width] = region.shape_zyx;
    (z..z + depth).flat_map(move |z| {
        (y..y + height).map(move |y| {
            let first = (z * shape_zyx[1] + y) * shape_zyx[2] + x;
            first..first + width
        })
    })
}
