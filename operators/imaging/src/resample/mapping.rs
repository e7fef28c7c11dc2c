//! From the target's voxels to positions in the source.

use crate::{geometry::Geometry, orientation::Reorientation};

use super::axis::Samples;

/// Axes that stray less than this from the source's over the whole target are parallel.
const PARALLEL_VOXELS: f64 = 1e-7;

/// How the target's grid lies in the source's.
pub(super) enum Mapping {
    /// Axes are parallel once the source's are permuted.
    Parallel {
        /// The permutation; it reverses nothing.
        turn: Reorientation,
        /// Along each axis `[z, y, x]` of the target and of the permuted source.
        samples: Box<[Samples; 3]>,
    },
    /// Axes are not parallel.
    Oblique(IndexMap),
}

impl Mapping {
    /// Compare two grids.
    pub fn new(source: &Geometry, target: &Geometry) -> Self {
        let map = IndexMap::new(source, target);
        let Some(source_axis) = map.parallel_axes() else {
            return Self::Oblique(map);
        };
        let turn = Reorientation {
            source_axis,
            reversed: [false; 3],
        };
        let samples = std::array::from_fn(|axis| {
            let from = source_axis[axis];
            let positions: Vec<f64> = (0..target.shape_zyx[axis])
                .map(|i| {
                    let mut voxel = [0; 3];
                    voxel[axis] = i;
                    map.row(voxel[0], voxel[1]).position(voxel[2])[from]
                })
                .collect();
            Samples::new(source.shape_zyx[from], &positions)
        });
        Self::Parallel {
            turn,
            samples: Box::new(samples),
        }
    }
}

/// The affine map from target index to continuous source index.
///
/// It rounds as ITK's `ResampleImageFilter` does, because on grids with decimal spacings many
/// positions are halves but for rounding, and the nearest voxel hangs on it.
pub(super) struct IndexMap {
    target_shape: [usize; 3],
    target_origin: [f64; 3],
    world_from_target: [[f64; 3]; 3],
    source_origin: [f64; 3],
    source_from_world: [[f64; 3]; 3],
}

/// The source positions of one row of the target.
pub(super) struct Row {
    start: [f64; 3],
    /// Where the voxel after the last would be.
    end: [f64; 3],
    len: f64,
}

impl Row {
    /// Continuous source index `[z, y, x]` of the row's voxel `x`.
    #[inline(always)]
    pub fn position(&self, x: usize) -> [f64; 3] {
        let along = x as f64 / self.len;
        std::array::from_fn(|i| self.start[i] * (1.0 - along) + self.end[i] * along)
    }
}

impl IndexMap {
    fn new(source: &Geometry, target: &Geometry) -> Self {
        Self {
            target_shape: target.shape_zyx,
            target_origin: target.origin_xyz_mm,
            world_from_target: scaled_direction(target),
            source_origin: source.origin_xyz_mm,
            source_from_world: inverse(scaled_direction(source)),
        }
    }

    /// Continuous source index `[z, y, x]` of a target index `[x, y, z]`.
    fn source_position(&self, target_xyz: [f64; 3]) -> [f64; 3] {
        let offset: [f64; 3] = std::array::from_fn(|i| {
            let world = (0..3).fold(self.target_origin[i], |sum, j| {
                sum + self.world_from_target[i][j] * target_xyz[j]
            });
            world - self.source_origin[i]
        });
        std::array::from_fn(|zyx| {
            let row = self.source_from_world[2 - zyx];
            row[0] * offset[0] + row[1] * offset[1] + row[2] * offset[2]
        })
    }

    /// The positions of one row of the target.
    pub fn row(&self, z: usize, y: usize) -> Row {
        let (y, z) = (y as f64, z as f64);
        let len = self.target_shape[2] as f64;
        Row {
            start: self.source_position([0.0, y, z]),
            end: self.source_position([len, y, z]),
            len,
        }
    }

    /// For each target axis the source axis that it is parallel to, if all three are.
    fn parallel_axes(&self) -> Option<[usize; 3]> {
        let start = self.source_position([0.0; 3]);
        let mut axes = [0; 3];
        let mut taken = [false; 3];
        for (target, axis) in axes.iter_mut().enumerate() {
            let mut beyond = [0.0; 3];
            beyond[2 - target] = self.target_shape[target] as f64;
            let end = self.source_position(beyond);
            let extent: [f64; 3] = std::array::from_fn(|i| (end[i] - start[i]).abs());
            let main = (0..3).max_by(|&a, &b| extent[a].total_cmp(&extent[b]))?;
            let stray = (0..3).any(|i| i != main && extent[i] > PARALLEL_VOXELS);
            if stray || std::mem::replace(&mut taken[main], true) {
                return None;
            }
            *axis = main;
        }
        Some(axes)
    }
}

/// `direction · diag(spacing)`, in the world's axis order.
fn scaled_direction(geometry: &Geometry) -> [[f64; 3]; 3] {
    std::array::from_fn(|i| {
        std::array::from_fn(|j| geometry.direction[i][j] * geometry.spacing_zyx_mm[2 - j])
    })
}

/// By cofactors. The directions are orthonormal to 1e-3, so the determinant is not zero.
fn inverse(m: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let cofactor = |i: usize, j: usize| {
        let (a, b) = ((i + 1) % 3, (i + 2) % 3);
        let (c, d) = ((j + 1) % 3, (j + 2) % 3);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant =
        m[0][0] * cofactor(0, 0) + m[0][1] * cofactor(0, 1) + m[0][2] * cofactor(0, 2);
    let scale = 1.0 / determinant;
    std::array::from_fn(|i| std::array::from_fn(|j| cofactor(j, i) * scale))
}

/// Whether a continuous index lies in a volume: up to half a voxel beyond its border centres.
#[inline(always)]
pub(super) fn is_inside(position: [f64; 3], shape_zyx: [usize; 3]) -> bool {
    (0..3).all(|i| position[i] >= -0.5 && position[i] < shape_zyx[i] as f64 - 0.5)
}
