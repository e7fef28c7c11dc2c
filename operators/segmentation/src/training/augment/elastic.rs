//! A smooth random deformation: a cubic B-spline over a coarse grid of random shifts.

use rand_chacha::ChaCha8Rng;

use crate::random::normals;

/// Shifts of a coarse grid of control points that covers a patch, and the cubic B-spline between
/// them (Rueckert et al., IEEE TMI 1999;18:712).
#[derive(Debug, Clone)]
pub struct ElasticField {
    /// Shifts in millimetres, `[z, y, x]` of control points, each the shift along z, y, x.
    shifts_mm: Vec<[f32; 3]>,
    control_zyx: [usize; 3],
    /// For each axis and voxel of the patch: the first of four control points and their weights.
    weights: [Vec<(usize, [f32; 4])>; 3],
}

/// A shift below this share of the control points' distance cannot fold space (Choi and Lee,
/// Graphical Models 2000;62:411: 0.403 in three dimensions).
const LARGEST_SHARE: f64 = 0.4;

impl ElasticField {
    /// Draw the shifts of a patch: normal with a deviation, cut at 0.4 of the spacing.
    ///
    /// # Shapes
    /// Covers a patch of `patch_zyx`.
    #[must_use]
    pub fn draw(
        patch_zyx: [usize; 3],
        spacing_zyx_mm: [f64; 3],
        control_spacing_mm: f64,
        deviation_mm: f64,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let mut control_zyx = [0; 3];
        let weights = [0, 1, 2].map(|axis| {
            // A finer control grid than the voxels' would be noise, not anatomy.
            let distance = (control_spacing_mm / spacing_zyx_mm[axis]).max(1.0);
            let weights: Vec<(usize, [f32; 4])> = (0..patch_zyx[axis])
                .map(|at| {
                    let place = at as f64 / distance;
                    (place.floor() as usize, cubic_b_spline(place.fract()))
                })
                .collect();
            control_zyx[axis] = weights.last().map_or(0, |(first, _)| first + 4);
            weights
        });
        let limit = LARGEST_SHARE * control_spacing_mm;
        let points = control_zyx.iter().product();
        let shifts_mm = (0..points)
            .map(|_| {
                let ([z, y], [x, _]) = (normals(rng), normals(rng));
                [z, y, x].map(|n| (f64::from(n) * deviation_mm).clamp(-limit, limit) as f32)
            })
            .collect();
        Self {
            shifts_mm,
            control_zyx,
            weights,
        }
    }

    /// The shifts of the voxels of one row of the patch, in millimetres along z, y, x.
    pub(crate) fn row(&self, z: usize, y: usize, out: &mut Vec<[f32; 3]>) {
        let [_, rows, columns] = self.control_zyx;
        let (z0, wz) = self.weights[0][z];
        let (y0, wy) = self.weights[1][y];
        // First the control points' rows into one, then along it.
        let mut line = vec![[0.0f32; 3]; columns];
        for (dz, wz) in wz.iter().enumerate() {
            for (dy, wy) in wy.iter().enumerate() {
                let start = ((z0 + dz) * rows + y0 + dy) * columns;
                let weight = wz * wy;
                for (sum, shift) in line.iter_mut().zip(&self.shifts_mm[start..]) {
                    for axis in 0..3 {
                        sum[axis] += weight * shift[axis];
                    }
                }
            }
        }
        out.clear();
        out.extend(self.weights[2].iter().map(|&(x0, wx)| {
            let mut shift = [0.0f32; 3];
            for (dx, weight) in wx.iter().enumerate() {
                for axis in 0..3 {
                    shift[axis] += weight * line[x0 + dx][axis];
                }
            }
            shift
        }));
    }
}

fn cubic_b_spline(t: f64) -> [f32; 4] {
    let s = 1.0 - t;
    [
        s * s * s / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
        t * t * t / 6.0,
    ]
    .map(|w| w as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Key, Purpose, stream};

    fn field(deviation_mm: f64) -> ElasticField {
        let key = Key {
            seed: 3,
            epoch: 0,
            step: 0,
            sample: 0,
        };
        ElasticField::draw(
            [40, 41, 42],
            [2.0, 1.0, 1.0],
            12.0,
            deviation_mm,
            &mut stream(key, Purpose::Augmentation),
        )
    }

    #[test]
    fn weights_sum_to_one_so_a_constant_shift_is_a_shift() {
        let mut field = field(1.0);
        field.shifts_mm.fill([1.5, -2.0, 0.25]);
        let mut row = Vec::new();
        field.row(39, 7, &mut row);
        assert_eq!(row.len(), 42);
        for shift in row {
            for (found, expected) in shift.iter().zip([1.5, -2.0, 0.25]) {
                assert!((found - expected).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn the_largest_deformation_does_not_fold() {
        // A deviation far above the limit: every control point is at one end or the other.
        let field = field(1e6);
        let mut rows = Vec::new();
        for z in 0..40 {
            for y in 0..41 {
                let mut row = Vec::new();
                field.row(z, y, &mut row);
                rows.extend(row);
            }
        }
        let at = |z: usize, y: usize, x: usize| rows[(z * 41 + y) * 42 + x];
        let spacing = [2.0f32, 1.0, 1.0];
        let mut least = f32::INFINITY;
        for z in 0..39 {
            for y in 0..40 {
                for x in 0..41 {
                    let here = at(z, y, x);
                    let next = [at(z + 1, y, x), at(z, y + 1, x), at(z, y, x + 1)];
                    // Jacobian of the map, m[i][j] = d position_i / d j.
                    let m: [[f32; 3]; 3] = std::array::from_fn(|i| {
                        std::array::from_fn(|j| {
                            f32::from(u8::from(i == j)) + (next[j][i] - here[i]) / spacing[j]
                        })
                    });
                    let determinant = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
                        - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
                        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
                    least = least.min(determinant);
                }
            }
        }
        assert!(least > 0.0, "{least}");
        assert!(
            least < 0.5,
            "the deformation is too weak to test anything: {least}"
        );
    }
}
