//! An image laid out for windows.

use std::sync::Arc;

use crate::{BoundingBox, Region, Roi, Settings, VoxelParameters, error::RadiomicsError};

use super::window::Window;

/// Intensities and grey levels of the part of an image that maps cover.
///
/// # Shapes
/// `values` and `places`: `shape_zyx` in C order.
#[derive(Debug)]
pub(super) struct Neighbourhoods {
    /// Number of voxels along z, y and x.
    pub shape_zyx: [usize; 3],
    /// Index of the first voxel in the image.
    pub start_zyx: [usize; 3],
    /// Distance between voxel centres.
    pub spacing_zyx_mm: [f64; 3],
    /// How far windows reach from their centre.
    pub reach_zyx: [usize; 3],
    /// Intensities; anything where the place is 0.
    pub values: Vec<f64>,
    /// 1 more than the place of a voxel's level in `levels`, 0 where it takes no part.
    pub places: Vec<u32>,
    /// The grey levels that occur, ascending.
    pub levels: Vec<u32>,
}

impl Neighbourhoods {
    /// Discretise by the region, or by everything that windows may reach.
    ///
    /// # Shapes
    /// `values`: `window` in C order; the region's box lies within it.
    ///
    /// # Errors
    /// Intensities that are not finite where they are read, too many grey levels.
    pub fn new(
        values: Vec<f64>,
        window: BoundingBox,
        region: &Arc<Region>,
        voxel: &VoxelParameters,
        settings: &Settings,
    ) -> Result<Self, RadiomicsError> {
        let support = support(region, &window, voxel);
        let roi = Roi::from_window(
            &values,
            &window,
            Arc::clone(&support),
            settings.discretisation,
        )
        .map_err(|error| around(error, voxel))?;
        let [nz, ny, nx] = window.shape_zyx;
        let mut places = vec![0u32; nz * ny * nx];
        for run in &support.runs {
            let [z, y, x]: [usize; 3] = std::array::from_fn(|axis| {
                support.bounding_box.start_zyx[axis] + run.start_zyx[axis] - window.start_zyx[axis]
            });
            let from = support.padded_index(run.start_zyx);
            let to = (z * ny + y) * nx + x;
            let read = &roi.grey_levels.places[from..from + run.len];
            for (place, &read) in places[to..to + run.len].iter_mut().zip(read) {
                *place = read as _;
            }
        }
        Ok(Self {
            shape_zyx: window.shape_zyx,
            start_zyx: window.start_zyx,
            spacing_zyx_mm: region.spacing_zyx_mm,
            reach_zyx: reach(support.bounding_box.shape_zyx, voxel, settings),
            values,
            places,
            levels: roi.grey_levels.values,
        })
    }

    /// The window around a voxel.
    pub fn window(&self, centre_zyx: [usize; 3]) -> Window {
        let [z, y, x] = std::array::from_fn(|axis| {
            let (centre, reach) = (centre_zyx[axis], self.reach_zyx[axis]);
            centre.saturating_sub(reach)..(centre + reach + 1).min(self.shape_zyx[axis])
        });
        Window { z, y, x }
    }

    /// The shape of a window that no border cuts.
    pub fn window_shape_zyx(&self) -> [usize; 3] {
        window_shape(self.shape_zyx, self.reach_zyx)
    }

    /// Where a voxel is in the arrays.
    pub fn index(&self, z: usize, y: usize, x: usize) -> usize {
        (z * self.shape_zyx[1] + y) * self.shape_zyx[2] + x
    }
}

/// The voxels that take part in neighbourhoods.
fn support(region: &Arc<Region>, window: &BoundingBox, voxel: &VoxelParameters) -> Arc<Region> {
    if voxel.masked_kernel {
        return Arc::clone(region);
    }
    let whole = Region::fill(*window, region.spacing_zyx_mm, 1, |_, _, row| row.fill(1));
    Arc::new(whole)
}

/// The kernel radius, cut where no two voxels that take part are as far apart.
///
/// # Shapes
/// `support_zyx`: the box that holds the voxels that take part.
pub(super) fn reach(
    support_zyx: [usize; 3],
    voxel: &VoxelParameters,
    settings: &Settings,
) -> [usize; 3] {
    std::array::from_fn(|axis| {
        if settings.force_2d_across_axis == Some(axis) {
            return 0;
        }
        let longest = support_zyx[axis].saturating_sub(1);
        voxel.kernel_radius_voxels.min(longest)
    })
}

/// The shape of a window that no border cuts.
pub(super) fn window_shape(shape_zyx: [usize; 3], reach_zyx: [usize; 3]) -> [usize; 3] {
    std::array::from_fn(|axis| (2 * reach_zyx[axis] + 1).min(shape_zyx[axis]))
}

/// What is not finite may lie outside the region where neighbourhoods do.
fn around(error: RadiomicsError, voxel: &VoxelParameters) -> RadiomicsError {
    match error {
        RadiomicsError::NonFinite {
            count,
            first_zyx,
            first_value,
            ..
        } if !voxel.masked_kernel => RadiomicsError::NonFiniteAround {
            count,
            first_zyx,
            first_value,
        },
        other => other,
    }
}
