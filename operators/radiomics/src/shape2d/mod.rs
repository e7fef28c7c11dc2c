//! Size and shape of a region within its plane, from its mask alone.
//!
//! Defined for a region that is one voxel thick across the axis of the setting
//! `force_2d_across_axis`; [`plane_axis`] says whether one is, and if not why.
//!
//! PyRadiomics computes the class under the same condition, except that a check of its
//! extractor looks at the box's axes in the other order: across z or x it passes over a region
//! that is also one voxel wide along the opposite axis, and across y it never gets to a value.
//! Its class, asked directly, has no such gaps, and neither has this one.

mod features;
mod outline;

pub use features::FEATURES;
pub use outline::Outline;

use crate::{
    Compute, FeatureClass, Region, Settings,
    error::RadiomicsError,
    shape::{Diameters, principal_variances_mm2},
};

/// What the features of planar shape are computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape2dTerms {
    /// Length and area of the outline.
    pub outline: Outline,
    /// Number of pixels times the area of one, in mm².
    pub pixel_area_mm2: f64,
    /// Largest distance between two vertices of the outline, in mm.
    pub maximum_diameter_mm: f64,
    /// Variances of the pixel centres along the principal axes in the plane, in mm², ascending.
    pub variances_mm2: [f64; 2],
}

impl Shape2dTerms {
    /// Measure a region that lies in a plane across an axis.
    #[must_use]
    pub fn of(region: &Region, axis: usize) -> Self {
        // Nothing varies across the plane.
        let [_, minor, major] = principal_variances_mm2(region);
        let pixel_mm2 = region.voxel_volume_mm3() / region.spacing_zyx_mm[axis];
        Self {
            outline: Outline::of(region, axis),
            pixel_area_mm2: region.voxel_count as f64 * pixel_mm2,
            maximum_diameter_mm: Diameters::of(region).maximum_2d_across_zyx_mm[axis],
            variances_mm2: [minor, major],
        }
    }
}

/// The array axis across which a region is planar as the settings ask.
///
/// # Errors
/// [`RadiomicsError::NoPlane`] where the settings name no plane, and
/// [`RadiomicsError::NotPlanar`] where the region is more than one voxel thick across it.
pub fn plane_axis(region: &Region, settings: &Settings) -> Result<usize, RadiomicsError> {
    let named = settings.force_2d_across_axis;
    let Some(axis) = named.or_else(|| settings.slice_axis()) else {
        return Err(RadiomicsError::NoPlane);
    };
    match region.bounding_box.shape_zyx[axis] {
        1 => Ok(axis),
        slices => Err(RadiomicsError::NotPlanar { axis, slices }),
    }
}

/// Shape in 2D.
pub static SHAPE_2D: FeatureClass = FeatureClass {
    name: "shape2D",
    title: "Size and shape of a region of one slice, within its plane",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromMask(|region, settings, wanted| {
        let terms = Shape2dTerms::of(region, plane_axis(region, settings)?);
        Ok(wanted
            .iter()
            .map(|&feature| (FEATURES[feature].value)(&terms))
            .collect())
    }),
};
