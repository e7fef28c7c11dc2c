//! A region with the intensities of its voxels.

use std::sync::Arc;

use renalflow_imaging::{Geometry, Image, LabelMap, geometry::GRID_TOLERANCE_VOXELS, with_image};

use crate::{BoundingBox, Discretisation, GreyLevels, Region, error::RadiomicsError};

/// What every feature class that reads an image starts from.
///
/// # Shapes
/// `intensities`: one value a voxel of the region, in the order of `region.runs`.
#[derive(Debug, Clone, PartialEq)]
pub struct Roi {
    /// Where the voxels are.
    pub region: Arc<Region>,
    /// Where the voxels were before resegmentation, in which shape is measured: the same as
    /// `region` where there was none.
    pub morphological: Arc<Region>,
    /// Their values.
    pub intensities: Vec<f64>,
    /// Their values, discretised.
    pub grey_levels: GreyLevels,
    /// The image in and around the region's box, for features that look outside the region.
    pub surroundings: Option<Surroundings>,
}

/// A box of an image around a region.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    /// The box, within the image.
    pub window: BoundingBox,
    /// Its voxels in C order.
    pub values: Vec<f64>,
}

impl Roi {
    /// Read the voxels of a region and discretise them.
    ///
    /// # Shapes
    /// `image` and `mask`: the same grid; `region` was found in `mask`.
    ///
    /// # Errors
    /// Different grids, intensities that are not finite, too many grey levels.
    pub fn new(
        image: &Image,
        mask: &LabelMap,
        region: Arc<Region>,
        discretisation: Discretisation,
    ) -> Result<Self, RadiomicsError> {
        refuse_other_grid(image.geometry(), mask.geometry(), GRID_TOLERANCE_VOXELS)?;
        let intensities = intensities(image, &region);
        Self::discretised(region, intensities, discretisation)
    }

    /// Read the voxels of a region from a window of an image, such as a filter returns, and
    /// discretise them.
    ///
    /// # Shapes
    /// `values`: `window` in C order; the region's box lies within it.
    ///
    /// # Errors
    /// Intensities that are not finite, too many grey levels.
    pub fn from_window(
        values: &[f64],
        window: &BoundingBox,
        region: Arc<Region>,
        discretisation: Discretisation,
    ) -> Result<Self, RadiomicsError> {
        let [_, ny, nx] = window.shape_zyx;
        let intensities = read(values, window.start_zyx, [ny, nx], &region);
        Self::discretised(region, intensities, discretisation)
    }

    pub(crate) fn discretised(
        region: Arc<Region>,
        intensities: Vec<f64>,
        discretisation: Discretisation,
    ) -> Result<Self, RadiomicsError> {
        refuse_non_finite(&region, &intensities)?;
        let grey_levels = GreyLevels::new(&region, &intensities, discretisation)?;
        Ok(Self {
            morphological: Arc::clone(&region),
            region,
            intensities,
            grey_levels,
            surroundings: None,
        })
    }
}

/// Refuse image and mask whose corners lie apart, in voxels of the image.
pub(crate) fn refuse_other_grid(
    image: &Geometry,
    mask: &Geometry,
    tolerance_voxels: f64,
) -> Result<(), RadiomicsError> {
    match image.distance(mask) {
        None => Err(RadiomicsError::ShapeMismatch {
            image_zyx: image.shape_zyx,
            mask_zyx: mask.shape_zyx,
        }),
        // A distance that is NaN must not pass.
        Some(apart) if apart.voxels <= tolerance_voxels => Ok(()),
        Some(apart) => Err(RadiomicsError::GridMismatch {
            mm: apart.mm,
            voxels: apart.voxels,
            tolerance_voxels,
        }),
    }
}

/// The intensities of a region, in the order of its runs.
pub(crate) fn intensities(image: &Image, region: &Region) -> Vec<f64> {
    let [_, ny, nx] = image.geometry().shape_zyx;
    with_image!(image, volume => read(volume.voxels(), [0; 3], [ny, nx], region))
}

/// The region's voxels from an array that starts at `start_zyx` of the region's volume.
fn read<T: Copy + Into<f64>>(
    voxels: &[T],
    start_zyx: [usize; 3],
    [ny, nx]: [usize; 2],
    region: &Region,
) -> Vec<f64> {
    let [z0, y0, x0]: [usize; 3] =
        std::array::from_fn(|axis| region.bounding_box.start_zyx[axis] - start_zyx[axis]);
    let mut intensities = Vec::with_capacity(region.voxel_count);
    for run in &region.runs {
        let [z, y, x] = run.start_zyx;
        let start = ((z0 + z) * ny + y0 + y) * nx + x0 + x;
        let row = &voxels[start..start + run.len];
        intensities.extend(row.iter().map(|&voxel| voxel.into()));
    }
    intensities
}

/// The voxels of a window of an image, in C order.
pub(crate) fn window_values(image: &Image, window: &BoundingBox) -> Vec<f64> {
    let [_, ny, nx] = image.geometry().shape_zyx;
    let [z0, y0, x0] = window.start_zyx;
    let [nz, rows, columns] = window.shape_zyx;
    let mut values = Vec::with_capacity(nz * rows * columns);
    with_image!(image, volume => {
        for z in z0..z0 + nz {
            for y in y0..y0 + rows {
                let start = (z * ny + y) * nx + x0;
                let row = &volume.voxels()[start..start + columns];
                values.extend(row.iter().map(|&voxel| Into::<f64>::into(voxel)));
            }
        }
    });
    values
}

fn refuse_non_finite(region: &Region, intensities: &[f64]) -> Result<(), RadiomicsError> {
    let count = intensities.iter().filter(|v| !v.is_finite()).count();
    if count == 0 {
        return Ok(());
    }
    let Some(first) = intensities.iter().position(|v| !v.is_finite()) else {
        return Ok(());
    };
    let mut before = first;
    let mut first_zyx = region.bounding_box.start_zyx;
    for run in &region.runs {
        if before < run.len {
            first_zyx = std::array::from_fn(|axis| {
                region.bounding_box.start_zyx[axis] + run.start_zyx[axis]
            });
            first_zyx[2] += before;
            break;
        }
        before -= run.len;
    }
    Err(RadiomicsError::NonFinite {
        count,
        voxel_count: intensities.len(),
        first_zyx,
        first_value: intensities[first],
    })
}
