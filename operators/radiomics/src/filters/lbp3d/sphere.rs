//! Points on a sphere, and spherical harmonics on them.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use nalgebra::DMatrix;

/// Half the shorter and half the longer side of a golden rectangle with diagonal 2: the
/// vertices of a regular icosahedron are the corners of three of them.
const SHORT: f64 = 0.525_731_112_119_133_6;
const LONG: f64 = 0.850_650_808_352_04;

/// The vertices of an icosahedron in trimesh's order.
const VERTICES: [[f64; 3]; 12] = [
    [-SHORT, LONG, 0.0],
    [SHORT, LONG, 0.0],
    [-SHORT, -LONG, 0.0],
    [SHORT, -LONG, 0.0],
    [0.0, -SHORT, LONG],
    [0.0, SHORT, LONG],
    [0.0, -SHORT, -LONG],
    [0.0, SHORT, -LONG],
    [LONG, 0.0, -SHORT],
    [LONG, 0.0, SHORT],
    [-LONG, 0.0, -SHORT],
    [-LONG, 0.0, SHORT],
];

/// Its faces: three vertices at the distance of an edge from each other.
fn icosahedron_faces() -> Vec<[usize; 3]> {
    let is_edge = |a: usize, b: usize| {
        let square: f64 = (0..3)
            .map(|i| (VERTICES[a][i] - VERTICES[b][i]).powi(2))
            .sum();
        square < 1.5
    };
    let mut faces = Vec::with_capacity(20);
    for a in 0..12 {
        for b in a + 1..12 {
            for c in b + 1..12 {
                if is_edge(a, b) && is_edge(b, c) && is_edge(a, c) {
                    faces.push([a, b, c]);
                }
            }
        }
    }
    faces
}

/// The vertices of an icosahedron whose faces were divided in four `subdivisions` times, each
/// time moved onto the sphere: 12, 42, 162, 642, ... points, as trimesh's `icosphere`.
///
/// # Shapes
/// Coordinates along the array's axes, in voxels. PyRadiomics adds the first coordinate, which
/// trimesh calls x, to the first index, which is z.
pub(super) fn icosphere(subdivisions: usize, radius: f64) -> Vec<[f64; 3]> {
    let mut vertices = VERTICES.to_vec();
    let mut faces = icosahedron_faces();
    for _ in 0..subdivisions {
        // A midpoint an edge, in the order of the edges' (larger, smaller) vertex.
        let mut midpoints = BTreeMap::new();
        for [a, b, c] in &faces {
            for (p, q) in [(a, b), (b, c), (c, a)] {
                midpoints.insert((*p.max(q), *p.min(q)), 0);
            }
        }
        for (&(p, q), index) in &mut midpoints {
            *index = vertices.len();
            let (p, q) = (vertices[p], vertices[q]);
            vertices.push(std::array::from_fn(|i| (p[i] + q[i]) / 2.0));
        }
        let middle =
            |p: usize, q: usize| midpoints.get(&(p.max(q), p.min(q))).copied().unwrap_or(p);
        faces = faces
            .into_iter()
            .flat_map(|[a, b, c]| {
                let [ab, bc, ca] = [middle(a, b), middle(b, c), middle(c, a)];
                [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
            })
            .collect();
        project(&mut vertices, radius);
    }
    if subdivisions == 0 {
        project(&mut vertices, radius);
    }
    vertices
}

/// Move points along their ray onto the sphere.
fn project(vertices: &mut [[f64; 3]], radius: f64) {
    for vertex in vertices {
        let length = vertex.iter().map(|v| v * v).sum::<f64>().sqrt();
        for v in vertex {
            *v += *v / length * (radius - length);
        }
    }
}

/// What the bits of a pattern on a sphere, one a vertex, become by degree of spherical
/// harmonics.
///
/// With `Y_m` the harmonics of degree `n` at the vertices and `c_m = Σ_v bit(v) Y_m(v)`, the
/// part of the pattern at this degree is `f(v) = Σ_m c_m Y_m(v)`, and its size `√Σ_v f(v)²`.
/// As harmonics of orders `m` and `-m` are conjugates up to a sign, `f` is real:
/// `c_0 Y_0 + 2 Σ_{m>0} (Re c_m Re Y_m - Im c_m Im Y_m)`.
pub(super) struct Harmonics {
    /// `Y_0, Re Y_1, Im Y_1, ...` of degree 0, 1, ... at each vertex, [`TOGETHER`] at a time;
    /// the last are filled up with 0.
    ///
    /// # Shapes
    /// `[parts / TOGETHER][vertices][TOGETHER]`
    pub(super) parts: Vec<Vec<[f64; TOGETHER]>>,
    /// By degree.
    pub(super) degrees: Vec<Degree>,
}

/// Parts of harmonics that are summed up together.
pub(super) const TOGETHER: usize = 4;

/// How large a pattern is at a degree.
pub(super) struct Degree {
    /// Where the parts of this degree are.
    pub(super) parts: std::ops::Range<usize>,
    /// The size is the length of this upper triangular matrix times the vector of
    /// `c_0, Re c_1, Im c_1, ...`.
    ///
    /// # Shapes
    /// `[parts, parts]`, row by row.
    pub(super) size: Vec<f64>,
}

impl Harmonics {
    /// Evaluate the harmonics of degrees below `levels` at points on a sphere.
    ///
    /// The angles are PyRadiomics': the one that scipy's `sph_harm` takes for the azimuth is
    /// measured from the last axis, and the one that it takes for the distance from the pole is
    /// the one around it, of which only the cosine is used.
    pub(super) fn new(levels: usize, vertices: &[[f64; 3]], radius: f64) -> Self {
        let at_vertices: Vec<Vec<f64>> = vertices
            .iter()
            .map(|&[first, second, third]| {
                let azimuth = (third / radius).clamp(-1.0, 1.0).acos();
                let cosine = second.atan2(first).cos();
                (0..levels)
                    .flat_map(|n| parts_of(n, azimuth, cosine))
                    .collect()
            })
            .collect();
        let degrees = (0..levels)
            .map(|n| {
                let parts = n * n..(n + 1) * (n + 1);
                let size = size_matrix(&at_vertices, parts.clone());
                Degree { parts, size }
            })
            .collect();
        let parts = (0..levels * levels)
            .step_by(TOGETHER)
            .map(|first| {
                let part = |at: &Vec<f64>, k: usize| at.get(first + k).copied().unwrap_or(0.0);
                at_vertices
                    .iter()
                    .map(|at| std::array::from_fn(|k| part(at, k)))
                    .collect()
            })
            .collect();
        Self { parts, degrees }
    }
}

/// `Y_0, Re Y_1, Im Y_1, ...` of degree `n`.
fn parts_of(n: usize, azimuth: f64, cosine: f64) -> Vec<f64> {
    let mut parts = vec![norm(n, 0) * legendre(n, 0, cosine)];
    for m in 1..=n {
        let magnitude = norm(n, m) * legendre(n, m, cosine);
        let angle = m as f64 * azimuth;
        parts.extend([magnitude * angle.cos(), magnitude * angle.sin()]);
    }
    parts
}

/// The triangular factor of the matrix that leads from `c_0, Re c_1, Im c_1, ...` to `f` at the
/// vertices, which has the same length and fewer rows.
fn size_matrix(at_vertices: &[Vec<f64>], parts: std::ops::Range<usize>) -> Vec<f64> {
    let count = parts.len();
    let to_vertices = DMatrix::from_fn(at_vertices.len(), count, |v, part| {
        let factor = match part {
            0 => 1.0,
            odd if odd % 2 == 1 => 2.0,
            _ => -2.0,
        };
        factor * at_vertices[v][parts.start + part]
    });
    let r = to_vertices.qr().r();
    let entry = |row: usize, column: usize| {
        if row < r.nrows() {
            r[(row, column)]
        } else {
            0.0
        }
    };
    (0..count * count)
        .map(|i| entry(i / count, i % count))
        .collect()
}

/// `√((2n+1)/4π (n-m)!/(n+m)!)`
fn norm(n: usize, m: usize) -> f64 {
    let ratio: f64 = (n - m + 1..=n + m).map(|k| k as f64).product();
    ((2 * n + 1) as f64 / (4.0 * PI) / ratio).sqrt()
}

/// Associated Legendre function of degree `n` and order `m ≥ 0` with the Condon-Shortley phase,
/// by recurrence over the degree.
fn legendre(n: usize, m: usize, x: f64) -> f64 {
    let sine = (1.0 - x * x).max(0.0).sqrt();
    let mut of_order: f64 = 1.0;
    for k in 1..=m {
        of_order *= -((2 * k - 1) as f64) * sine;
    }
    let (mut before, mut value) = (0.0, of_order);
    for degree in m + 1..=n {
        let next = ((2 * degree - 1) as f64 * x * value - (degree + m - 1) as f64 * before)
            / (degree - m) as f64;
        (before, value) = (value, next);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subdivision_gives_the_known_numbers_of_points_on_the_sphere() {
        for (subdivisions, count) in [(0, 12), (1, 42), (2, 162), (3, 642)] {
            let vertices = icosphere(subdivisions, 1.5);
            assert_eq!(vertices.len(), count);
            for vertex in vertices {
                let length = vertex.iter().map(|v| v * v).sum::<f64>().sqrt();
                assert!((length - 1.5).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn points_on_the_axes_are_exact() {
        // At the image's border the last bit decides whether a sample is inside.
        let vertices = icosphere(1, 1.0);
        for axis in 0..3 {
            for sign in [1.0, -1.0] {
                let mut point = [0.0; 3];
                point[axis] = sign;
                assert!(vertices.contains(&point), "{point:?}");
            }
        }
    }

    #[test]
    fn legendre_functions_have_their_closed_forms() {
        let x = 0.3f64;
        let sine = (1.0 - x * x).sqrt();
        assert!((legendre(2, 0, x) - (1.5 * x * x - 0.5)).abs() < 1e-15);
        assert!((legendre(1, 1, x) + sine).abs() < 1e-15);
        assert!((legendre(2, 1, x) + 3.0 * x * sine).abs() < 1e-15);
        assert!((legendre(3, 2, x) - 15.0 * x * sine * sine).abs() < 1e-14);
    }
}
