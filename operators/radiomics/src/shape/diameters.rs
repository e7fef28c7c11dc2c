//! Largest distances between vertices of the surface mesh.

use super::{
    bits::{Bits, ends, places, shifted},
    hull::{Line, hull},
};
use crate::{
    Region,
    simd::{Kernel, run_widest},
};

/// The largest distances between two vertices of the mesh, in mm; 0 where there is no pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diameters {
    /// Anywhere on the mesh.
    pub maximum_3d_mm: f64,
    /// Within a plane across each array axis: 0 between vertices of the same z, 1 of the same
    /// y, 2 of the same x.
    pub maximum_2d_across_zyx_mm: [f64; 3],
}

/// A vertex in half voxels of the grid with a margin of one voxel, `[z, y, x]`.
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
        let half_mm = region.spacing_zyx_mm.map(|mm| 0.5 * mm);
        let mut lattice = Lattice::of(&Bits::of(region));
        let maximum_2d_across_zyx_mm = [0, 1, 2].map(|axis| lattice.widest_across(axis, half_mm));
        Self {
            maximum_3d_mm: diameter_mm2(&lattice.on_every_hull(), half_mm).sqrt(),
            maximum_2d_across_zyx_mm,
        }
    }
}

/// First and last vertex on each line of the lattice of half voxels along x and along y: the
/// only ones that can be vertices of a hull.
struct Lattice {
    shape_zyx: [usize; 3],
    /// `[z][y]`: lines along x.
    along_x: Vec<Line>,
    /// `[z][x]`: lines along y.
    along_y: Vec<Line>,
}

/// Bits of [`Line::on_hull`], for the plane across each axis.
const ACROSS: [u8; 3] = [1, 2, 4];

impl Lattice {
    fn of(bits: &Bits) -> Self {
        let [nz, ny, nx] = bits.shape_zyx;
        let shape_zyx = [2 * nz, 2 * ny, 2 * nx];
        let mut lattice = Self {
            shape_zyx,
            along_x: vec![Line::EMPTY; shape_zyx[0] * shape_zyx[1]],
            along_y: vec![Line::EMPTY; shape_zyx[0] * shape_zyx[2]],
        };
        for z in 0..nz - 1 {
            for y in 0..ny - 1 {
                let here = bits.row(z, y);
                let below = bits.row(z, y + 1);
                let behind = bits.row(z + 1, y);
                let differ = |other: &[u64]| -> Option<[usize; 2]> {
                    ends(here.iter().zip(other).map(|(a, b)| a ^ b))
                };
                // Vertices before the first and after the last voxel of the row.
                if let Some([first, last]) = ends(here.iter().copied()) {
                    lattice.set_along_x([2 * z, 2 * y], [2 * first - 1, 2 * last + 1]);
                }
                // Vertices between this row and the next ones.
                if let Some(ends) = differ(below) {
                    lattice.set_along_x([2 * z, 2 * y + 1], ends.map(|x| 2 * x));
                }
                if let Some(ends) = differ(behind) {
                    lattice.set_along_x([2 * z + 1, 2 * y], ends.map(|x| 2 * x));
                }
            }
            let row = |y: usize| bits.row(z, y);
            let word = |y: usize, w: usize| row(y)[w];
            lattice.set_along_y(bits, 2 * z, 0, 1, &word);
            let beside = |y: usize, w: usize| row(y)[w] ^ shifted(row(y), w);
            lattice.set_along_y(bits, 2 * z, 1, 0, &beside);
            let behind = |y: usize, w: usize| row(y)[w] ^ bits.row(z + 1, y)[w];
            lattice.set_along_y(bits, 2 * z + 1, 0, 0, &behind);
        }
        lattice
    }

    fn set_along_x(&mut self, [z, y]: [usize; 2], ends: [usize; 2]) {
        self.along_x[z * self.shape_zyx[1] + y] = Line::between(ends.map(|x| x as i32));
    }

    /// Set the lines along y at a z from bits that say at which x a row has a vertex (at
    /// 2 x + `offset`): the first vertex lies `beyond` before the first such row, the last as
    /// much after the last.
    fn set_along_y(
        &mut self,
        bits: &Bits,
        z: usize,
        offset: usize,
        beyond: i32,
        word: &impl Fn(usize, usize) -> u64,
    ) {
        let [_, ny, _] = bits.shape_zyx;
        let line = |x: usize| z * self.shape_zyx[2] + 2 * x + offset;
        for w in 0..bits.words {
            let mut seen = 0;
            for y in 0..ny {
                let new = word(y, w) & !seen;
                seen |= new;
                for place in places(new) {
                    self.along_y[line(64 * w + place)].first = 2 * y as i32 - beyond;
                }
            }
            let mut left = seen;
            for y in (0..ny).rev() {
                let new = word(y, w) & left;
                left &= !new;
                for place in places(new) {
                    self.along_y[line(64 * w + place)].last = 2 * y as i32 + beyond;
                }
                if left == 0 {
                    break;
                }
            }
        }
    }

    /// Find the convex hulls of the vertices in the planes across an axis, and the largest
    /// distance within one, in mm.
    fn widest_across(&mut self, axis: usize, half_mm: [f64; 3]) -> f64 {
        let [nz, ny, nx] = self.shape_zyx;
        let mut points = Vec::new();
        let mut largest_mm2 = 0.0f64;
        for plane in 0..self.shape_zyx[axis] {
            // The lines of the plane: the first, the step between them, and how many; and the
            // axes across and along them.
            let (lines, start, step, count, across, along) = match axis {
                0 => (&mut self.along_x, plane * ny, 1, ny, 1, 2),
                1 => (&mut self.along_x, plane, ny, nz, 0, 2),
                _ => (&mut self.along_y, plane, nx, nz, 0, 1),
            };
            hull(lines, [start, step, count], ACROSS[axis], &mut points);
            let vertices = || {
                points.iter().map(|&[line, at]| {
                    let mut vertex = [plane as i32; 3];
                    vertex[across] = line;
                    vertex[along] = at;
                    vertex
                })
            };
            if box_mm2(vertices(), half_mm) > largest_mm2 {
                let vertices: Vec<Vertex> = vertices().collect();
                largest_mm2 = largest_mm2.max(diameter_mm2(&vertices, half_mm));
            }
        }
        largest_mm2.sqrt()
    }

    /// The vertices that lie on the hulls of all three planes through them.
    fn on_every_hull(&self) -> Vec<Vertex> {
        let [_, ny, nx] = self.shape_zyx;
        let mut vertices = Vec::new();
        for (i, line) in self.along_x.iter().enumerate() {
            let [z, y] = [i / ny, i % ny];
            for (x, on_hull) in line.ends() {
                let crossing = &self.along_y[z * nx + x as usize];
                let on_all = on_hull & ACROSS[0] != 0
                    && on_hull & ACROSS[1] != 0
                    && crossing
                        .ends()
                        .any(|(at, on_hull)| at == y as i32 && on_hull & ACROSS[2] != 0);
                if on_all {
                    vertices.push([z as i32, y as i32, x]);
                }
            }
        }
        vertices
    }
}

/// The square of the diagonal of the smallest box around vertices, in mm².
fn box_mm2(vertices: impl Iterator<Item = Vertex>, half_mm: [f64; 3]) -> f64 {
    let mut bounds: Option<[Vertex; 2]> = None;
    for vertex in vertices {
        let [low, high] = bounds.unwrap_or([vertex; 2]);
        bounds = Some([
            std::array::from_fn(|axis| low[axis].min(vertex[axis])),
            std::array::from_fn(|axis| high[axis].max(vertex[axis])),
        ]);
    }
    bounds.map_or(0.0, |[low, high]| {
        (0..3)
            .map(|axis| (f64::from(high[axis] - low[axis]) * half_mm[axis]).powi(2))
            .sum()
    })
}

/// The square of the largest distance between two vertices, in mm².
fn diameter_mm2(vertices: &[Vertex], half_mm: [f64; 3]) -> f64 {
    let Some(last) = vertices.last() else {
        return 0.0;
    };
    // Whole numbers of lanes: a vertex more often changes no distance.
    let count = vertices.len().next_multiple_of(LANES);
    let along = |axis: usize| -> Vec<f64> {
        let all = vertices.iter().chain(std::iter::repeat(last));
        all.take(count).map(|v| f64::from(v[axis])).collect()
    };
    run_widest(Farthest {
        at_zyx: [0, 1, 2].map(along),
        half_mm,
    })
}

/// Distances measured side by side.
const LANES: usize = 8;

/// The largest distance by comparing all pairs.
struct Farthest {
    /// Positions along each axis, in half voxels.
    at_zyx: [Vec<f64>; 3],
    half_mm: [f64; 3],
}

impl Kernel for Farthest {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let [z, y, x] = self.at_zyx.each_ref().map(|at| at.as_chunks::<LANES>().0);
        let mut largest_mm2 = [0.0f64; LANES];
        for i in 0..z.len() * LANES {
            let (chunk, lane) = (i / LANES, i % LANES);
            let from = [z[chunk][lane], y[chunk][lane], x[chunk][lane]];
            // Those before, and the rest of their chunk.
            let others = z[..=chunk].iter().zip(&y[..=chunk]).zip(&x[..=chunk]);
            for ((z, y), x) in others {
                for lane in 0..LANES {
                    let along = |axis: usize, to: f64| {
                        let mm = (from[axis] - to) * self.half_mm[axis];
                        mm * mm
                    };
                    let mm2 = along(0, z[lane]) + along(1, y[lane]) + along(2, x[lane]);
                    // Not `f64::max`, which would have to look for NaN.
                    if mm2 > largest_mm2[lane] {
                        largest_mm2[lane] = mm2;
                    }
                }
            }
        }
        largest_mm2.into_iter().fold(0.0, f64::max)
    }
}
