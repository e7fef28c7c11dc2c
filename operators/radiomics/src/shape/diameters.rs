//! Largest distances between vertices of the surface mesh.

use std::collections::HashSet;

use crate::Region;

/// The largest distances between two vertices of the mesh, in mm; 0 where there is no pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diameters {
    /// Anywhere on the mesh.
    pub maximum_3d_mm: f64,
    /// Within a plane across each array axis: 0 between vertices of the same z, 1 of the same
    /// y, 2 of the same x.
    pub maximum_2d_across_zyx_mm: [f64; 3],
}

/// A vertex in half voxels of the padded grid, `[z, y, x]`.
type Vertex = [i32; 3];

impl Diameters {
    /// Measure a region.
    ///
    /// A vertex lies half-way between a voxel of the region and a neighbour along an axis that
    /// is outside. The farthest two are vertices of the convex hull. A vertex of the hull is
    /// also a vertex of the planar hull of the mesh vertices in each of the three planes
    /// through it, so the planar hulls, which the 2D diameters need anyway, leave few
    /// candidates for the 3D diameter. Hulls are computed in whole half voxels: exact.
    #[must_use]
    pub fn of(region: &Region) -> Self {
        let extents = Extents::of(region);
        let hulls = [
            extents.hulls_across(0),
            extents.hulls_across(1),
            extents.hulls_across(2),
        ];
        let half_mm = region.spacing_zyx_mm.map(|mm| 0.5 * mm);
        let across_y: HashSet<&Vertex> = hulls[1].iter().flatten().collect();
        let across_x: HashSet<&Vertex> = hulls[2].iter().flatten().collect();
        let candidates: Vec<Vertex> = hulls[0]
            .iter()
            .flatten()
            .filter(|vertex| across_y.contains(vertex) && across_x.contains(vertex))
            .copied()
            .collect();
        Self {
            maximum_3d_mm: diameter_mm(&candidates, half_mm),
            maximum_2d_across_zyx_mm: hulls.map(|planes| {
                planes
                    .iter()
                    .map(|hull| diameter_mm(hull, half_mm))
                    .fold(0.0, f64::max)
            }),
        }
    }
}

/// First and last vertex on each line of the lattice of half voxels: the only ones that can be
/// vertices of a hull.
struct Extents {
    shape_zyx: [usize; 3],
    /// `[z][y]`: smallest and largest x.
    along_x: Vec<Option<[i32; 2]>>,
    /// `[z][x]`: smallest and largest y.
    along_y: Vec<Option<[i32; 2]>>,
}

impl Extents {
    fn of(region: &Region) -> Self {
        let [nz, ny, nx] = region.padded_shape_zyx();
        let shape_zyx = [2 * nz, 2 * ny, 2 * nx];
        let mut extents = Self {
            shape_zyx,
            along_x: vec![None; shape_zyx[0] * shape_zyx[1]],
            along_y: vec![None; shape_zyx[0] * shape_zyx[2]],
        };
        let row = |z: usize, y: usize| &region.mask[(z * ny + y) * nx..][..nx];
        for z in 0..nz - 1 {
            for y in 0..ny - 1 {
                let here = row(z, y);
                for_each_difference(&here[..nx - 1], &here[1..], |x| {
                    extents.add([2 * z, 2 * y, 2 * x + 1]);
                });
                for_each_difference(here, row(z, y + 1), |x| {
                    extents.add([2 * z, 2 * y + 1, 2 * x]);
                });
                for_each_difference(here, row(z + 1, y), |x| {
                    extents.add([2 * z + 1, 2 * y, 2 * x]);
                });
            }
        }
        extents
    }

    fn add(&mut self, [z, y, x]: [usize; 3]) {
        let [_, ny, nx] = self.shape_zyx;
        widen(&mut self.along_x[z * ny + y], x as i32);
        widen(&mut self.along_y[z * nx + x], y as i32);
    }

    /// The convex hull of the vertices in each plane across an axis.
    fn hulls_across(&self, axis: usize) -> Vec<Vec<Vertex>> {
        let [nz, ny, nx] = self.shape_zyx;
        // Each plane's vertices in lexicographic order, which the hull needs.
        let plane = |i: usize| -> Vec<Vertex> {
            let on_line = |at: Option<[i32; 2]>, vertex: &dyn Fn(i32) -> Vertex| {
                let [first, last] = match at {
                    Some([first, last]) => [Some(first), (last > first).then_some(last)],
                    None => [None, None],
                };
                [first.map(vertex), last.map(vertex)]
            };
            match axis {
                0 => (0..ny)
                    .flat_map(|y| on_line(self.along_x[i * ny + y], &|x| [i as i32, y as i32, x]))
                    .flatten()
                    .collect(),
                1 => (0..nz)
                    .flat_map(|z| on_line(self.along_x[z * ny + i], &|x| [z as i32, i as i32, x]))
                    .flatten()
                    .collect(),
                _ => (0..nz)
                    .flat_map(|z| on_line(self.along_y[z * nx + i], &|y| [z as i32, y, i as i32]))
                    .flatten()
                    .collect(),
            }
        };
        let [u, v] = [[1, 2], [0, 2], [0, 1]][axis];
        (0..self.shape_zyx[axis])
            .map(|i| hull(plane(i), u, v))
            .collect()
    }
}

fn widen(extent: &mut Option<[i32; 2]>, at: i32) {
    *extent = Some(match *extent {
        Some([first, last]) => [first.min(at), last.max(at)],
        None => [at, at],
    });
}

/// Call `f` with each place where two rows differ.
fn for_each_difference(a: &[u8], b: &[u8], mut f: impl FnMut(usize)) {
    const STEP: usize = 16;
    for (chunk, (a, b)) in a.chunks(STEP).zip(b.chunks(STEP)).enumerate() {
        // Nearly all chunks are equal, and equality is one comparison.
        if a != b {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                if a != b {
                    f(chunk * STEP + i);
                }
            }
        }
    }
}

/// Convex hull in the plane of two coordinates by monotone chains (Andrew, *Inf Process Lett*
/// 1979;9:216), vertices only: points within an edge are dropped.
///
/// # Shapes
/// `points`: ascending in coordinate `u`, then `v`, without repetition.
fn hull(points: Vec<Vertex>, u: usize, v: usize) -> Vec<Vertex> {
    if points.len() < 3 {
        return points;
    }
    let turn = |o: &Vertex, a: &Vertex, b: &Vertex| {
        i64::from(a[u] - o[u]) * i64::from(b[v] - o[v])
            - i64::from(a[v] - o[v]) * i64::from(b[u] - o[u])
    };
    let mut hull: Vec<Vertex> = Vec::with_capacity(points.len() + 1);
    let mut chain = |points: &mut dyn Iterator<Item = &Vertex>| {
        let start = hull.len();
        for point in points {
            while let [.., o, a] = &hull[start..]
                && turn(o, a, point) <= 0
            {
                hull.pop();
            }
            hull.push(*point);
        }
        // The last point of a chain is the first of the next.
        hull.pop();
    };
    chain(&mut points.iter());
    chain(&mut points.iter().rev());
    hull
}

fn diameter_mm(vertices: &[Vertex], half_mm: [f64; 3]) -> f64 {
    let mut largest_mm2 = 0.0f64;
    for (i, a) in vertices.iter().enumerate() {
        for b in &vertices[i + 1..] {
            let mm2 = (0..3)
                .map(|axis| (f64::from(a[axis] - b[axis]) * half_mm[axis]).powi(2))
                .sum();
            largest_mm2 = largest_mm2.max(mm2);
        }
    }
    largest_mm2.sqrt()
}
