//! A region with the intensities of its voxels.

use renalflow_imaging::{Image, LabelMap, Volume, geometry::GRID_TOLERANCE_VOXELS, with_image};

use crate::{Discretisation, GreyLevels, Region, error::RadiomicsError};

/// What every feature class that reads an image starts from.
///
/// # Shapes
/// `intensities`: one value a voxel of the region, in the order of `region.runs`.
#[derive(Debug, Clone, PartialEq)]
pub struct Roi {
    /// Where the voxels are.
    pub region: Region,
    /// Their values.
    pub intensities: Vec<f64>,
    /// Their values, discretised.
    pub grey_levels: GreyLevels,
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
        region: Region,
        discretisation: Discretisation,
    ) -> Result<Self, RadiomicsError> {
        refuse_other_grid(image, mask)?;
        let intensities = with_image!(image, volume => read(volume, &region));
        refuse_non_finite(&region, &intensities)?;
        let grey_levels = GreyLevels::new(&region, &intensities, discretisation)?;
        Ok(Self {
            region,
            intensities,
            grey_levels,
        })
    }
}

fn refuse_other_grid(image: &Image, mask: &LabelMap) -> Result<(), RadiomicsError> {
    match image.geometry().distance(mask.geometry()) {
        None => Err(RadiomicsError::ShapeMismatch {
            image_zyx: image.geometry().shape_zyx,
            mask_zyx: mask.geometry().shape_zyx,
        }),
        Some(apart) if apart.voxels > GRID_TOLERANCE_VOXELS => Err(RadiomicsError::GridMismatch {
            mm: apart.mm,
            voxels: apart.voxels,
            tolerance_voxels: GRID_TOLERANCE_VOXELS,
        }),
        Some(_) => Ok(()),
    }
}

fn read<T: Copy + Into<f64>>(volume: &Volume<T>, region: &Region) -> Vec<f64> {
    let [_, ny, nx] = volume.geometry().shape_zyx;
    let [z0, y0, x0] = region.bounding_box.start_zyx;
    let mut intensities = Vec::with_capacity(region.voxel_count);
    for run in &region.runs {
        let [z, y, x] = run.start_zyx;
        let start = ((z0 + z) * ny + y0 + y) * nx + x0 + x;
        let voxels = &volume.voxels()[start..start + run.len];
        intensities.extend(voxels.iter().map(|&voxel| voxel.into()));
    }
    intensities
}

fn refuse_non_finite(region: &Region, intensities: &[f64]) -> Result<(), RadiomicsError> {
    let count = intensities.iter().filter(|v| !v.is_finite()).count();
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
