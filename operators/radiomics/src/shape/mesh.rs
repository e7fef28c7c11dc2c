//! Area and volume of the surface mesh of a region.

use super::{
    bits::{Bits, places, shifted},
    marching_cubes::{CORNERS_ZYX, fold, triangles},
};
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
    let bits = Bits::of(region);
    let [nz, ny, _] = bits.shape_zyx;
    let mut tallies = [Tally::default(); 256];
    for z in 0..nz - 1 {
        for y in 0..ny - 1 {
            let rows =
                [(z, y), (z, y + 1), (z + 1, y), (z + 1, y + 1)].map(|(z, y)| bits.row(z, y));
            for word in 0..bits.words {
                // The corners of 64 cubes at once, by the row and by x or x + 1.
                let near = rows.map(|row| row[word]);
                let far = rows.map(|row| shifted(row, word));
                let [some, all] = near
                    .into_iter()
                    .chain(far)
                    .fold([0, u64::MAX], |[some, all], corners| {
                        [some | corners, all & corners]
                    });
                for place in places(some & !all) {
                    let corner = |corners: u64| (corners >> place) as usize & 1;
                    let pattern = CORNERS_ZYX
                        .iter()
                        .enumerate()
                        .map(|(i, &[z, y, x])| corner([near, far][x][2 * z + y]) << i)
                        .sum::<usize>();
                    let tally = &mut tallies[pattern];
                    tally.cubes += 1;
                    tally.corner_sum_zyx[0] += z as u64;
                    tally.corner_sum_zyx[1] += y as u64;
                    tally.corner_sum_zyx[2] += (64 * word + place) as u64;
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
