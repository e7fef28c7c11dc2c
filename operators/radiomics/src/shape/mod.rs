//! Size and shape of a region, from its mask alone.
//!
//! The surface is a triangle mesh by marching cubes with its vertices half-way between voxel
//! centres inside and outside; volume, area and diameters are measured on it, axis lengths on
//! the voxel centres.

mod axes;
mod bits;
mod diameters;
mod features;
mod hull;
mod marching_cubes;
mod mesh;

pub use axes::{principal_sample_variances_mm2, principal_variances_mm2};
pub use diameters::Diameters;
pub use features::FEATURES;
pub use mesh::MeshSize;

use crate::{Compute, FeatureClass, Region, Standard};

/// What the shape features are computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShapeTerms {
    /// Area and volume of the mesh.
    pub mesh: MeshSize,
    /// Number of voxels times the volume of one, in mm³.
    pub voxel_volume_mm3: f64,
    /// Largest distances on the mesh.
    pub diameters: Diameters,
    /// Variances of the voxel centres along the principal axes, in mm², ascending.
    pub variances_mm2: [f64; 3],
}

impl ShapeTerms {
    /// Measure a region.
    #[must_use]
    pub fn of(region: &Region) -> Self {
        Self {
            mesh: MeshSize::of(region),
            voxel_volume_mm3: region.volume_mm3(),
            diameters: Diameters::of(region),
            variances_mm2: principal_variances_mm2(region),
        }
    }
}

/// Shape in 3D.
pub static SHAPE: FeatureClass = FeatureClass {
    name: "shape",
    title: "Size and shape of the region in three dimensions",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromMask(|region, settings, wanted| {
        let mut terms = ShapeTerms::of(region);
        if settings.standard == Standard::Ibsi {
            terms.variances_mm2 = principal_sample_variances_mm2(region);
        }
        Ok(wanted
            .iter()
            .map(|&feature| (FEATURES[feature].value)(&terms))
            .collect())
    }),
};
