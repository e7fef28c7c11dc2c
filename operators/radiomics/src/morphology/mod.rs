//! How a region fills simple bodies around it, from its mask alone: what the IBSI reference
//! manual (arXiv:1612.07003, chapter Morphological features) has beyond PyRadiomics.
//!
//! Together with [`crate::shape`] and [`crate::spatial`] this is IBSI's whole morphological
//! family. A class of its own because PyRadiomics users should find `shape` as they know it,
//! and one that needs no image because these features do not change when the image is filtered:
//! they are computed once a region. The bodies stand around the surface mesh of
//! [`crate::shape`], or rather its convex hull.

mod ellipsoid;
mod features;
mod hull;
mod oriented_box;

pub use ellipsoid::{
    SemiAxes, area as ellipsoid_area, smallest_around, volume as ellipsoid_volume,
};
pub use features::FEATURES;
pub use hull::{Hull, Triangle};
pub use oriented_box::OrientedBox;

use std::cell::OnceCell;

use nalgebra::Vector3;

use crate::{
    Compute, FeatureClass, Region,
    shape::{MeshSize, principal_sample_variances_mm2},
};

/// A convex hull in millimetres.
///
/// # Shapes
/// `area_vectors_mm2` and `directions`: one entry a triangle of the surface.
#[derive(Debug, Clone, PartialEq)]
pub struct SolidHull {
    /// Its vertices, `[z, y, x]`.
    pub vertices_mm: Vec<Vector3<f64>>,
    /// As long as the area of a triangle, across it, outwards.
    pub area_vectors_mm2: Vec<Vector3<f64>>,
    /// The same for all triangles in parallel planes: the smallest whole numbers across them on
    /// the lattice, the first that is not 0 positive.
    pub directions: Vec<[i64; 3]>,
    /// Where two triangles meet.
    pub edges: Vec<Edge>,
    /// Volume, in mm³.
    pub volume_mm3: f64,
    /// Area, in mm².
    pub area_mm2: f64,
}

/// Where two triangles of a hull meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Its ends, as places in the list of vertices, in the order in which the first triangle
    /// has them.
    pub vertices: [usize; 2],
    /// Those that meet, as places in the list of triangles.
    pub triangles: [usize; 2],
}

impl SolidHull {
    /// The hull of the surface mesh of a region; empty for a region without voxels.
    #[must_use]
    pub fn of(region: &Region) -> Self {
        let half_mm = Vector3::from(region.spacing_zyx_mm) * 0.5;
        let hull = Hull::of(region).unwrap_or(Hull {
            vertices: Vec::new(),
            triangles: Vec::new(),
        });
        let across_mm2 =
            Vector3::from_fn(|axis, _| half_mm[(axis + 1) % 3] * half_mm[(axis + 2) % 3]);
        let area_vectors_mm2: Vec<_> = hull
            .triangles
            .iter()
            .map(|triangle| {
                let normal = Vector3::from(triangle.normal).map(|n| n as f64);
                normal.component_mul(&across_mm2) * 0.5
            })
            .collect();
        Self {
            vertices_mm: hull
                .vertices
                .iter()
                .map(|vertex| {
                    Vector3::from(*vertex)
                        .map(|i| i as f64)
                        .component_mul(&half_mm)
                })
                .collect(),
            directions: hull
                .triangles
                .iter()
                .map(|t| direction_of(t.normal))
                .collect(),
            edges: edges_of(&hull),
            volume_mm3: hull.sextuple_volume() as f64 / 48.0 * region.voxel_volume_mm3(),
            area_mm2: area_vectors_mm2.iter().map(Vector3::norm).sum(),
            area_vectors_mm2,
        }
    }
}

/// Each edge once, from the triangle that comes first.
fn edges_of(hull: &Hull) -> Vec<Edge> {
    let mut edges = Vec::with_capacity(3 * hull.triangles.len() / 2);
    for (place, triangle) in hull.triangles.iter().enumerate() {
        for side in 0..3 {
            let beyond = triangle.neighbours[side];
            if place < beyond {
                edges.push(Edge {
                    vertices: [triangle.corners[side], triangle.corners[(side + 1) % 3]],
                    triangles: [place, beyond],
                });
            }
        }
    }
    edges
}

fn direction_of(normal: [i64; 3]) -> [i64; 3] {
    fn divisor(a: i64, b: i64) -> i64 {
        if b == 0 { a.abs() } else { divisor(b, a % b) }
    }
    let common = normal.into_iter().fold(0, divisor).max(1);
    let first = normal.into_iter().find(|&n| n != 0).unwrap_or(1);
    normal.map(|n| n / (common * first.signum()))
}

/// What the morphological features are computed from.
#[derive(Debug, Clone)]
pub struct MorphologyTerms {
    /// Area and volume of the surface mesh.
    pub mesh: MeshSize,
    /// Sides of the smallest box that holds the region and is aligned with the grid, in mm.
    pub upright_box_mm: [f64; 3],
    /// Variances of the voxel centres, as a sample, along the principal axes, in mm²,
    /// ascending.
    pub variances_mm2: [f64; 3],
    /// The convex hull of the mesh.
    pub hull: SolidHull,
    oriented_box: OnceCell<OrientedBox>,
    enclosing: OnceCell<Option<SemiAxes>>,
}

impl MorphologyTerms {
    /// Measure a region.
    #[must_use]
    pub fn of(region: &Region) -> Self {
        Self {
            mesh: MeshSize::of(region),
            upright_box_mm: std::array::from_fn(|axis| {
                region.bounding_box.shape_zyx[axis] as f64 * region.spacing_zyx_mm[axis]
            }),
            variances_mm2: principal_sample_variances_mm2(region),
            hull: SolidHull::of(region),
            oriented_box: OnceCell::new(),
            enclosing: OnceCell::new(),
        }
    }

    /// A smallest box around the mesh in any orientation.
    pub fn oriented_box(&self) -> &OrientedBox {
        self.oriented_box
            .get_or_init(|| OrientedBox::smallest_around(&self.hull))
    }

    /// Semi-axes of the ellipsoid with the second moments of the voxel centres, in mm; `None`
    /// where they lie in a plane.
    #[must_use]
    pub fn approximate_ellipsoid_mm(&self) -> Option<SemiAxes> {
        (self.variances_mm2[0] > 0.0).then(|| self.variances_mm2.map(|mm2| 2.0 * mm2.sqrt()))
    }

    /// Semi-axes of the smallest ellipsoid around the mesh, in mm.
    pub fn enclosing_ellipsoid_mm(&self) -> Option<SemiAxes> {
        *self
            .enclosing
            .get_or_init(|| smallest_around(&self.hull.vertices_mm))
    }

    /// Volume of the mesh against that of an ellipsoid; NaN without one.
    fn volume_density(&self, ellipsoid: Option<SemiAxes>) -> f64 {
        ellipsoid.map_or(f64::NAN, |axes| {
            self.mesh.volume_mm3 / ellipsoid_volume(axes)
        })
    }

    /// Area of the mesh against that of an ellipsoid; NaN without one.
    fn area_density(&self, ellipsoid: Option<SemiAxes>) -> f64 {
        ellipsoid.map_or(f64::NAN, |axes| self.mesh.area_mm2 / ellipsoid_area(axes))
    }
}

/// Morphology in 3D, beyond shape.
pub static MORPHOLOGY: FeatureClass = FeatureClass {
    name: "morphology",
    title: "How the region fills simple bodies around it",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromMask(|region, _, wanted| {
        let terms = MorphologyTerms::of(region);
        Ok(wanted
            .iter()
            .map(|&feature| (FEATURES[feature].value)(&terms))
            .collect())
    }),
};
