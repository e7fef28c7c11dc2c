//! Shapes from real masks: a signed distance field over a label's region.

use super::shape::{Bounds, Point};

/// Signed distances (negative inside, mm) on an upright grid.
#[derive(Debug)]
pub(crate) struct DistanceField {
    /// `[z, y, x]`.
    distances: Vec<f32>,
    shape_zyx: [usize; 3],
    /// Position of the first sample, mm.
    origin: Point,
    spacing_mm: f32,
}

impl DistanceField {
    /// The field of a binary mask.
    ///
    /// # Shapes
    /// `inside`: `[z, y, x]`, isotropic. The border must be outside.
    pub fn of_mask(inside: &[bool], shape_zyx: [usize; 3], origin: Point, spacing_mm: f32) -> Self {
        let to_inside = squared_distances(inside, shape_zyx, true);
        let to_outside = squared_distances(inside, shape_zyx, false);
        let raw: Vec<f32> = to_inside
            .iter()
            .zip(&to_outside)
            // The surface lies half a voxel before the nearest voxel of the other kind.
            .map(|(&outer, &inner)| {
                let signed = if outer > 0.0 {
                    outer.sqrt() - 0.5
                } else {
                    0.5 - inner.sqrt()
                };
                signed * spacing_mm
            })
            .collect();
        Self {
            distances: smoothed(&raw, shape_zyx),
            shape_zyx,
            origin,
            spacing_mm,
        }
    }

    /// The samples inside the shape.
    pub fn points_inside(&self) -> impl Iterator<Item = Point> {
        let [_, ny, nx] = self.shape_zyx;
        self.distances
            .iter()
            .enumerate()
            .filter(|(_, distance)| **distance < 0.0)
            .map(move |(i, _)| {
                let step = [i % nx, i / nx % ny, i / (nx * ny)];
                std::array::from_fn(|a| self.origin[a] + step[a] as f32 * self.spacing_mm)
            })
    }

    /// The box that holds the shape, with the field's margin.
    pub fn bounds(&self) -> Bounds {
        let [nz, ny, nx] = self.shape_zyx;
        let reach = [nx, ny, nz].map(|n| (n - 1) as f32 * self.spacing_mm);
        Bounds {
            min: self.origin,
            max: std::array::from_fn(|i| self.origin[i] + reach[i]),
        }
    }

    /// Distance at a point, trilinear; beyond the field, the nearest sample's.
    pub fn distance_mm(&self, p: Point) -> f32 {
        let [nz, ny, nx] = self.shape_zyx;
        let at = |axis: usize, n: usize| {
            let v = ((p[axis] - self.origin[axis]) / self.spacing_mm).clamp(0.0, (n - 1) as f32);
            let low = (v.floor() as usize).min(n - 2);
            (low, v - low as f32)
        };
        let ((x, fx), (y, fy), (z, fz)) = (at(0, nx), at(1, ny), at(2, nz));
        let value = |z: usize, y: usize, x: usize| self.distances[(z * ny + y) * nx + x];
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let plane = |z: usize| {
            mix(
                mix(value(z, y, x), value(z, y, x + 1), fx),
                mix(value(z, y + 1, x), value(z, y + 1, x + 1), fx),
                fy,
            )
        };
        mix(plane(z), plane(z + 1), fz)
    }
}

/// Squared distance, in voxels, to the nearest voxel whose value is `target`: the exact
/// transform of Felzenszwalb and Huttenlocher (Theory of Computing 2012;8:415), an envelope
/// of parabolas along each axis in turn.
fn squared_distances(mask: &[bool], shape_zyx: [usize; 3], target: bool) -> Vec<f32> {
    // Larger than any squared distance, and small enough to subtract exactly enough.
    const FAR: f32 = 1e9;
    let [nz, ny, nx] = shape_zyx;
    let mut field: Vec<f32> = mask
        .iter()
        .map(|&m| if m == target { 0.0 } else { FAR })
        .collect();
    let mut line = Vec::new();
    for (count, stride, starts) in [
        (nx, 1, line_starts(nz, ny * nx, ny, nx)),
        (ny, nx, line_starts(nz, ny * nx, nx, 1)),
        (nz, ny * nx, line_starts(ny, nx, nx, 1)),
    ] {
        for start in starts {
            line.clear();
            line.extend((0..count).map(|i| field[start + i * stride]));
            for (i, value) in lower_envelope(&line).into_iter().enumerate() {
                field[start + i * stride] = value;
            }
        }
    }
    field
}

/// First index of every line: `outer` steps of `outer_stride` times `inner` steps of
/// `inner_stride`.
fn line_starts(outer: usize, outer_stride: usize, inner: usize, inner_stride: usize) -> Vec<usize> {
    (0..outer)
        .flat_map(|o| (0..inner).map(move |i| o * outer_stride + i * inner_stride))
        .collect()
}

/// `min over q of (p - q)² + f(q)` for every p.
fn lower_envelope(f: &[f32]) -> Vec<f32> {
    let n = f.len();
    let mut vertex = vec![0usize; n];
    let mut from = vec![f64::NEG_INFINITY; n];
    let mut last = 0;
    let height = |q: usize| f64::from(f[q]) + (q * q) as f64;
    for q in 1..n {
        loop {
            let crossing =
                (height(q) - height(vertex[last])) / (2.0 * (q as f64 - vertex[last] as f64));
            // Never true for the first parabola, which reigns from minus infinity.
            if crossing <= from[last] {
                last -= 1;
                continue;
            }
            last += 1;
            vertex[last] = q;
            from[last] = crossing;
            break;
        }
    }
    let mut k = 0;
    (0..n)
        .map(|p| {
            while k < last && from[k + 1] < p as f64 {
                k += 1;
            }
            let step = p as f32 - vertex[k] as f32;
            step * step + f[vertex[k]]
        })
        .collect()
}

/// A 1-2-1 average along each axis, which takes the steps of the voxels out.
fn smoothed(field: &[f32], shape_zyx: [usize; 3]) -> Vec<f32> {
    let [nz, ny, nx] = shape_zyx;
    let mut current = field.to_vec();
    for (count, stride) in [(nx, 1), (ny, nx), (nz, ny * nx)] {
        let before = current.clone();
        for (i, value) in current.iter_mut().enumerate() {
            let along = i / stride % count;
            let low = if along > 0 {
                before[i - stride]
            } else {
                before[i]
            };
            let high = if along + 1 < count {
                before[i + stride]
            } else {
                before[i]
            };
            *value = 0.25 * low + 0.5 * before[i] + 0.25 * high;
        }
    }
    current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_equal_the_brute_force() {
        let shape = [5usize, 6, 7];
        let mask: Vec<bool> = (0..210).map(|i| (i * 7919 + 13) % 11 == 0).collect();
        let fast = squared_distances(&mask, shape, true);
        let at = |i: usize| [(i / 42) as i32, (i / 7 % 6) as i32, (i % 7) as i32];
        for (i, fast) in fast.into_iter().enumerate() {
            let slow = (0..210)
                .filter(|&j| mask[j])
                .map(|j| {
                    let (a, b) = (at(i), at(j));
                    (0..3).map(|k| (a[k] - b[k]).pow(2)).sum::<i32>()
                })
                .min();
            assert_eq!(slow.map(|v| v as f32), Some(fast));
        }
    }

    #[test]
    fn a_ball_has_its_radius() {
        let n = 41;
        let mask: Vec<bool> = (0..n * n * n)
            .map(|i| {
                let p = [i % n, i / n % n, i / (n * n)].map(|v| v as f32 - 20.0);
                (p[0] * p[0] + p[1] * p[1] + p[2] * p[2]).sqrt() < 12.0
            })
            .collect();
        let field = DistanceField::of_mask(&mask, [n; 3], [-20.0; 3], 1.0);
        for (x, expected) in [(6.0, -6.0), (12.0, 0.0), (16.0, 4.0)] {
            let distance = field.distance_mm([x, 0.0, 0.0]);
            assert!((distance - expected).abs() < 0.8, "{distance} at {x}");
        }
    }
}
