//! Area and volume of the surface mesh of a region.

use super::marching_cubes::{CORNERS_ZYX, fold, triangles};
use crate::Region;

/// How large the mesh is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeshSize {
    /// Area of all triangles, in mm².
    pub area_mm2: f64,
    /// Volume they enclose, in mm³: the signed volumes of the tetrahedra between each triangle
    /// and the corner of the padded bounding box.
    pub volume_mm3: f64,
}

/// The cubes of one pattern: how many there are and the sum of their corners' indices.
#[derive(Clone, Copy, Default)]
struct Tally {
    cubes: u64,
    corner_sum_zyx: [u64; 3],
}

/// What the triangles of one pattern contribute, wherever the cube is.
///
/// With `o` the corner of the cube, a triangle `a b c` spans six times the volume
/// `det(a+o, b+o, c+o) = det(a, b, c) + o·(a×b + b×c + c×a)`.
struct Contribution {
    area_mm2: f64,
    determinant_mm3: f64,
    normal_zyx_mm2: [f64; 3],
}

impl MeshSize {
    /// Measure the marching-cubes mesh of a region.
    ///
    /// Area and signed volume of a cube depend on its pattern and are linear in its position,
    /// so counting the patterns and adding up whole indices is enough; both are exact.
    #[must_use]
    pub fn of(region: &Region) -> Self {
        let tallies = tally(region);
        let (mut area_mm2, mut six_volumes_mm3) = (0.0, 0.0);
        for (pattern, tally) in tallies.iter().enumerate() {
            if tally.cubes == 0 {
                continue;
            }
            let (folded, other_side) = fold(pattern);
            let contribution = Contribution::of(folded, region.spacing_zyx_mm);
            area_mm2 += tally.cubes as f64 * contribution.area_mm2;
            let mut six = tally.cubes as f64 * contribution.determinant_mm3;
            for axis in 0..3 {
                six += tally.corner_sum_zyx[axis] as f64
                    * region.spacing_zyx_mm[axis]
                    * contribution.normal_zyx_mm2[axis];
            }
            six_volumes_mm3 += if other_side { -six } else { six };
        }
        Self {
            area_mm2,
            volume_mm3: six_volumes_mm3 / 6.0,
        }
    }
}

impl Contribution {
    fn of(pattern: usize, spacing_zyx_mm: [f64; 3]) -> Self {
        let mut sum = Self {
            area_mm2: 0.0,
            determinant_mm3: 0.0,
            normal_zyx_mm2: [0.0; 3],
        };
        for triangle in triangles(pattern) {
            let [a, b, c] = triangle
                .map(|vertex| std::array::from_fn(|axis| vertex[axis] * spacing_zyx_mm[axis]));
            let along = |p: [f64; 3]| std::array::from_fn(|axis| p[axis] - c[axis]);
            let doubled = cross(along(a), along(b));
            sum.area_mm2 += 0.5 * dot(doubled, doubled).sqrt();
            sum.determinant_mm3 += dot(cross(a, b), c);
            // a×b + b×c + c×a is (a-c)×(b-c).
            for (normal, doubled) in sum.normal_zyx_mm2.iter_mut().zip(doubled) {
                *normal += doubled;
            }
        }
        sum
    }
}

/// Count the patterns of all cubes that touch the region.
///
/// Indices count from the corner of the bounding box padded by one voxel, as in PyRadiomics:
/// where the mesh is not closed, its signed volume depends on the origin.
fn tally(region: &Region) -> [Tally; 256] {
    let [_, ny, nx] = region.padded_shape_zyx();
    let skip = region.margin_zyx.map(|margin| margin - 1);
    let [cubes_z, cubes_y, cubes_x] = region.bounding_box.shape_zyx.map(|n| n + 1);
    let mut tallies = [Tally::default(); 256];
    // Corner of a cube by the column (z, y) it is in: bits of the pattern at x and at x + 1.
    let column_bits = |x: usize| {
        let mut bits = [0u8; 4];
        for (corner, offset) in CORNERS_ZYX.iter().enumerate() {
            if offset[2] == x {
                bits[2 * offset[0] + offset[1]] |= 1 << corner;
            }
        }
        bits
    };
    let (near, far) = (column_bits(0), column_bits(1));
    for z in 0..cubes_z {
        for y in 0..cubes_y {
            let row = |dz: usize, dy: usize| {
                let start = ((z + dz + skip[0]) * ny + y + dy + skip[1]) * nx + skip[2];
                &region.mask[start..=start + cubes_x]
            };
            let rows = [row(0, 0), row(0, 1), row(1, 0), row(1, 1)];
            let mut near_bits = 0u8;
            for x in 0..cubes_x {
                let (mut far_bits, mut next_near_bits) = (0, 0);
                for column in 0..4 {
                    let inside = rows[column][x + 1];
                    far_bits |= inside * far[column];
                    next_near_bits |= inside * near[column];
                }
                let pattern = near_bits | far_bits;
                near_bits = next_near_bits;
                if pattern != 0 && pattern != 0xff {
                    let tally = &mut tallies[usize::from(pattern)];
                    tally.cubes += 1;
                    tally.corner_sum_zyx[0] += z as u64;
                    tally.corner_sum_zyx[1] += y as u64;
                    tally.corner_sum_zyx[2] += x as u64;
                }
            }
        }
    }
    tallies
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - b[1] * a[2],
        a[2] * b[0] - b[2] * a[0],
        a[0] * b[1] - b[0] * a[1],
    ]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
