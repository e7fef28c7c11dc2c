//! The voxel grid of a volume and its place in the patient.

use thiserror::Error;

/// A voxel grid in the LPS world (x to the patient's left, y to the back, z to the head).
///
/// `world_xyz = origin_xyz_mm + direction · diag(spacing_xyz_mm) · index_xyz`, as in ITK.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// Number of voxels along each array axis.
    pub shape_zyx: [usize; 3],
    /// Distance between neighbouring voxel centres along each array axis, in mm.
    pub spacing_zyx_mm: [f64; 3],
    /// World position of the centre of voxel `[0, 0, 0]`, in mm.
    pub origin_xyz_mm: [f64; 3],
    /// Row-major direction cosines: column 0 is where array axis x points in the world,
    /// column 1 where y points, column 2 where z points.
    pub direction: [[f64; 3]; 3],
}

/// Why a grid cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GeometryError {
    /// A spacing that is not a positive number.
    #[error(
        "spacing_zyx_mm is {0:?}: each must be a positive, finite number of mm; correct the header"
    )]
    Spacing([f64; 3]),
    /// An origin with NaN or infinity.
    #[error("origin_xyz_mm is {0:?}: each must be finite; correct the header")]
    Origin([f64; 3]),
    /// Axes that are not perpendicular unit vectors.
    #[error(
        "the axes are not perpendicular unit vectors (direction {direction:?}, off by {deviation:.2e}): \
         a sheared or gantry-tilted grid has no voxel spacing; resample it to an upright grid first"
    )]
    Direction {
        /// The offending matrix, row-major.
        direction: [[f64; 3]; 3],
        /// Largest entry of `|DᵀD - 1|`.
        deviation: f64,
    },
    /// A shape with a zero, or with more voxels than memory can address.
    #[error("shape_zyx is {0:?}: each must be at least 1 and their product must fit in memory")]
    Shape([usize; 3]),
}

/// Direction cosines of a grid whose axes follow the world's.
pub const IDENTITY: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// The largest deviation from orthonormal axes that rounded headers show.
const DIRECTION_TOLERANCE: f64 = 1e-3;

impl Geometry {
    /// A grid along the world's axes with its first voxel at the world's origin.
    ///
    /// # Errors
    /// See [`Geometry::validate`].
    pub fn upright(shape_zyx: [usize; 3], spacing_zyx_mm: [f64; 3]) -> Result<Self, GeometryError> {
        let geometry = Self {
            shape_zyx,
            spacing_zyx_mm,
            origin_xyz_mm: [0.0; 3],
            direction: IDENTITY,
        };
        geometry.validate()?;
        Ok(geometry)
    }

    /// Check that the grid can be computed with.
    ///
    /// # Errors
    /// A shape that is empty or overflows, a spacing that is not positive, an origin that is
    /// not finite, axes that are not perpendicular unit vectors (to 1e-3).
    pub fn validate(&self) -> Result<(), GeometryError> {
        let voxels = self
            .shape_zyx
            .iter()
            .try_fold(1usize, |product, &n| product.checked_mul(n));
        match voxels {
            Some(n) if n > 0 && n <= isize::MAX as usize / 8 => {}
            _ => return Err(GeometryError::Shape(self.shape_zyx)),
        }
        if !self
            .spacing_zyx_mm
            .iter()
            .all(|s| s.is_finite() && *s > 0.0)
        {
            return Err(GeometryError::Spacing(self.spacing_zyx_mm));
        }
        if !self.origin_xyz_mm.iter().all(|o| o.is_finite()) {
            return Err(GeometryError::Origin(self.origin_xyz_mm));
        }
        let mut deviation = 0.0f64;
        for i in 0..3 {
            for j in 0..3 {
                let dot: f64 = (0..3)
                    .map(|k| self.direction[k][i] * self.direction[k][j])
                    .sum();
                let off = (dot - f64::from(u8::from(i == j))).abs();
                // `max` would swallow a NaN.
                deviation = if off.is_nan() {
                    f64::INFINITY
                } else {
                    deviation.max(off)
                };
            }
        }
        if deviation > DIRECTION_TOLERANCE {
            return Err(GeometryError::Direction {
                direction: self.direction,
                deviation,
            });
        }
        Ok(())
    }

    /// Number of voxels. The shape is known not to overflow once [`Self::validate`] passed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape_zyx.iter().product()
    }

    /// Whether the grid has no voxel at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Volume of one voxel, in mm³.
    #[must_use]
    pub fn voxel_volume_mm3(&self) -> f64 {
        self.spacing_zyx_mm.iter().product()
    }

    /// World position (LPS, mm) of a continuous array index.
    #[must_use]
    pub fn world_from_voxel(&self, index_zyx: [f64; 3]) -> [f64; 3] {
        let step_xyz_mm = [
            index_zyx[2] * self.spacing_zyx_mm[2],
            index_zyx[1] * self.spacing_zyx_mm[1],
            index_zyx[0] * self.spacing_zyx_mm[0],
        ];
        std::array::from_fn(|row| {
            self.origin_xyz_mm[row]
                + (0..3)
                    .map(|column| self.direction[row][column] * step_xyz_mm[column])
                    .sum::<f64>()
        })
    }

    /// Continuous array index of a world position (LPS, mm).
    #[must_use]
    pub fn voxel_from_world(&self, world_xyz_mm: [f64; 3]) -> [f64; 3] {
        let offset: [f64; 3] = std::array::from_fn(|i| world_xyz_mm[i] - self.origin_xyz_mm[i]);
        // The direction is orthonormal, so its inverse is its transpose.
        let along_xyz: [f64; 3] = std::array::from_fn(|column| {
            (0..3)
                .map(|row| self.direction[row][column] * offset[row])
                .sum()
        });
        [
            along_xyz[2] / self.spacing_zyx_mm[0],
            along_xyz[1] / self.spacing_zyx_mm[1],
            along_xyz[0] / self.spacing_zyx_mm[2],
        ]
    }

    /// The grid of the sub-array that starts at `start_zyx` with `shape_zyx` voxels.
    /// A negative start lies outside this grid, which padding makes use of.
    #[must_use]
    pub fn window(&self, start_zyx: [isize; 3], shape_zyx: [usize; 3]) -> Self {
        Self {
            shape_zyx,
            origin_xyz_mm: self.world_from_voxel(start_zyx.map(|i| i as f64)),
            ..self.clone()
        }
    }

    /// How far apart two grids lie: the largest distance between corresponding corners, in
    /// mm and in voxels of `self` (largest axis). `None` where the shapes differ.
    #[must_use]
    pub fn distance(&self, other: &Self) -> Option<GridDistance> {
        if self.shape_zyx != other.shape_zyx {
            return None;
        }
        let mut distance = GridDistance {
            mm: 0.0,
            voxels: 0.0,
        };
        for corner in 0..8usize {
            let index: [f64; 3] = std::array::from_fn(|axis| {
                if corner >> axis & 1 == 1 {
                    (self.shape_zyx[axis] - 1) as f64
                } else {
                    0.0
                }
            });
            let world = other.world_from_voxel(index);
            let here = self.world_from_voxel(index);
            let mm = (0..3)
                .map(|i| (world[i] - here[i]).powi(2))
                .sum::<f64>()
                .sqrt();
            let seen = self.voxel_from_world(world);
            let voxels = (0..3)
                .map(|i| (seen[i] - index[i]).abs())
                .fold(0.0, f64::max);
            distance.mm = distance.mm.max(mm);
            distance.voxels = distance.voxels.max(voxels);
        }
        Some(distance)
    }

    /// Whether two grids are the same to 1e-3 of a voxel at every corner.
    #[must_use]
    pub fn coincides_with(&self, other: &Self) -> bool {
        self.distance(other)
            .is_some_and(|distance| distance.voxels <= GRID_TOLERANCE_VOXELS)
    }
}

/// Image and mask whose corners differ by more than this are on different grids.
pub const GRID_TOLERANCE_VOXELS: f64 = 1e-3;

/// How far apart two grids of one shape lie at their worst corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridDistance {
    /// Euclidean distance in mm.
    pub mm: f64,
    /// Largest distance along one axis, in voxels.
    pub voxels: f64,
}
