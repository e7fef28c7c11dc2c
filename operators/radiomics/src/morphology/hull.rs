//! The convex hull of a region's surface mesh, exactly.
//!
//! Vertices of the mesh lie on the lattice of half voxels, so whether a point is above a plane
//! through three others is decided in whole numbers, and the hull is right whatever points are
//! on one plane or line. A voxel contributes the six points half a voxel from its centre. (A
//! point between two voxels of the region is no vertex of the mesh, but it is in its hull.)
//! Every region spans three dimensions that way, a single voxel included.
//!
//! A determinant of three differences is at most 48 times the number of voxels of the bounding
//! box, which memory bounds far below what fits `i64`.

use crate::Region;

/// A point in half voxels from the centre of the first voxel of the bounding box, `[z, y, x]`.
pub(crate) type Point = [i64; 3];

/// A triangle of the hull, seen anticlockwise (in `[z, y, x]` order) from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triangle {
    /// Its corners, as places in the list of vertices.
    pub corners: [usize; 3],
    /// The triangles beyond the side from each corner to the next, as places in their list.
    pub neighbours: [usize; 3],
    /// Cross product of two sides, pointing outwards: twice its area in half voxels.
    pub normal: [i64; 3],
}

/// A convex hull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hull {
    /// Its vertices in half voxels, `[z, y, x]`. Some may lie within an edge or a face.
    pub vertices: Vec<Point>,
    /// Its surface. Triangles may share a plane.
    pub triangles: Vec<Triangle>,
}

impl Hull {
    /// The hull of the mesh of a region; `None` for a region without voxels.
    #[must_use]
    pub fn of(region: &Region) -> Option<Self> {
        let points: Vec<Point> = extreme_voxels(region)
            .into_iter()
            .flat_map(|voxel| {
                (0..6).map(move |face| {
                    let mut point = voxel.map(|i| 2 * i);
                    point[face / 2] += if face % 2 == 0 { -1 } else { 1 };
                    point
                })
            })
            .collect();
        Builder::start(points).map(Builder::finish)
    }

    /// Volume in eighths of a voxel, times six.
    #[must_use]
    pub fn sextuple_volume(&self) -> i64 {
        let Some(&origin) = self.vertices.first() else {
            return 0;
        };
        let triangles = self.triangles.iter();
        triangles
            .map(|triangle| {
                let corner = self.vertices[triangle.corners[0]];
                dot(triangle.normal, difference(corner, origin))
            })
            .sum()
    }
}

/// The voxels that may be vertices of the hull of the region's voxel centres: those that are
/// vertices of planar hulls in all three planes through them.
///
/// Voxels count from the first of the bounding box.
fn extreme_voxels(region: &Region) -> Vec<Point> {
    let mut voxels: Vec<Point> = Vec::new();
    for run in &region.runs {
        let [z, y, x] = run.start_zyx.map(|i| i as i64);
        let last = [z, y, x + run.len as i64 - 1];
        // Runs are in order, so a later run of the same row ends it.
        match voxels.as_slice() {
            [.., first, end] if first[..2] == last[..2] && end[..2] == last[..2] => {
                voxels.pop();
                voxels.push(last);
            }
            _ => voxels.extend([[z, y, x], last]),
        }
    }
    voxels.dedup();
    for [plane, u, v] in [[0, 1, 2], [1, 0, 2], [2, 0, 1]] {
        voxels.sort_unstable_by_key(|voxel| [voxel[plane], voxel[u], voxel[v]]);
        voxels = voxels
            .chunk_by(|a, b| a[plane] == b[plane])
            .flat_map(|in_plane| planar_hull(in_plane, u, v))
            .collect();
    }
    voxels
}

/// Convex hull in the plane of two coordinates by monotone chains (Andrew, *Inf Process Lett*
/// 1979;9:216), vertices only.
///
/// # Shapes
/// `points`: ascending in coordinate `u`, then `v`, without repetition.
fn planar_hull(points: &[Point], u: usize, v: usize) -> Vec<Point> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let turn = |o: &Point, a: &Point, b: &Point| {
        (a[u] - o[u]) * (b[v] - o[v]) - (a[v] - o[v]) * (b[u] - o[u])
    };
    let mut hull: Vec<Point> = Vec::with_capacity(points.len());
    let mut chain = |points: &mut dyn Iterator<Item = &Point>| {
        let start = hull.len();
        for point in points {
            while let [.., o, a] = &hull[start..]
                && turn(o, a, point) <= 0
            {
                hull.pop();
            }
            hull.push(*point);
        }
        hull.pop();
    };
    chain(&mut points.iter());
    chain(&mut points.iter().rev());
    hull
}

/// A triangle of the hull under construction.
struct Facet {
    /// Corners as places in the list of points.
    corners: [usize; 3],
    /// The facet beyond the side from each corner to the next.
    neighbours: [usize; 3],
    normal: [i64; 3],
    /// Points above, to be added.
    above: Vec<usize>,
    is_hull: bool,
}

/// Quickhull (Barber, Dobkin & Huhdanpaa, *ACM Trans Math Softw* 1996;22:469) in whole numbers.
///
/// A facet counts as seen from a point only if the point is strictly above it, so facets of one
/// plane are seen together and what a point sees is bounded by one closed line of sides.
struct Builder {
    points: Vec<Point>,
    facets: Vec<Facet>,
}

impl Builder {
    /// A tetrahedron of four of the points, the others shared out; `None` where all are in one
    /// plane.
    fn start(points: Vec<Point>) -> Option<Self> {
        let farthest = |measure: &dyn Fn(Point) -> i64| {
            let (place, &point) = points
                .iter()
                .enumerate()
                .max_by_key(|(_, point)| measure(**point))?;
            (measure(point) > 0).then_some(place)
        };
        let length = |v: [i64; 3]| v.iter().map(|c| c.abs()).sum::<i64>();
        let a = 0;
        let from_a = |p: Point| points.first().map_or(p, |&first| difference(p, first));
        let b = farthest(&|p| length(from_a(p)))?;
        let along = from_a(points[b]);
        let c = farthest(&|p| length(cross(along, from_a(p))))?;
        let normal = cross(along, from_a(points[c]));
        let d = farthest(&|p| dot(normal, from_a(p)).abs())?;
        let is_above = dot(normal, from_a(points[d])) > 0;
        let (b, c) = if is_above { (c, b) } else { (b, c) };

        let mut builder = Self {
            points,
            facets: Vec::new(),
        };
        // The base faces away from the tip; each side shares an edge with the base.
        builder.add([a, b, c], [1, 2, 3]);
        builder.add([b, a, d], [0, 3, 2]);
        builder.add([c, b, d], [0, 1, 3]);
        builder.add([a, c, d], [0, 2, 1]);
        let all = (0..builder.points.len()).collect();
        builder.share_out(all, 0);
        Some(builder)
    }

    fn add(&mut self, corners: [usize; 3], neighbours: [usize; 3]) -> usize {
        let [a, b, c] = corners.map(|corner| self.points[corner]);
        self.facets.push(Facet {
            corners,
            neighbours,
            normal: cross(difference(b, a), difference(c, a)),
            above: Vec::new(),
            is_hull: true,
        });
        self.facets.len() - 1
    }

    fn height(&self, facet: usize, point: usize) -> i64 {
        let facet = &self.facets[facet];
        let corner = self.points[facet.corners[0]];
        dot(facet.normal, difference(self.points[point], corner))
    }

    /// Give each point to one of the facets from `first` on that it is above; drop those that
    /// are above none.
    fn share_out(&mut self, points: Vec<usize>, first: usize) {
        for point in points {
            if let Some(facet) =
                (first..self.facets.len()).find(|&facet| self.height(facet, point) > 0)
            {
                self.facets[facet].above.push(point);
            }
        }
    }

    /// Add the points that are left, those farthest from a facet first.
    fn finish(mut self) -> Hull {
        let mut facet = 0;
        // The facet that leads to each point of the line around what is seen.
        let mut fan = vec![usize::MAX; self.points.len()];
        while facet < self.facets.len() {
            let above = &self.facets[facet].above;
            let farthest = above
                .iter()
                .copied()
                .max_by_key(|&point| self.height(facet, point));
            match farthest {
                Some(point) if self.facets[facet].is_hull => {
                    self.cover(facet, point, &mut fan);
                }
                _ => {}
            }
            facet += 1;
        }
        self.into_hull()
    }

    /// Replace the facets that a point sees, `seen` among them, by a fan around the point.
    fn cover(&mut self, seen: usize, point: usize, fan: &mut [usize]) {
        let mut orphans = Vec::new();
        let mut rim = Vec::new();
        let mut stack = vec![seen];
        self.facets[seen].is_hull = false;
        while let Some(facet) = stack.pop() {
            orphans.append(&mut self.facets[facet].above);
            for side in 0..3 {
                let beyond = self.facets[facet].neighbours[side];
                if !self.facets[beyond].is_hull {
                    continue;
                }
                if self.height(beyond, point) > 0 {
                    self.facets[beyond].is_hull = false;
                    stack.push(beyond);
                } else {
                    let corners = self.facets[facet].corners;
                    rim.push((corners[side], corners[(side + 1) % 3], beyond));
                }
            }
        }
        let first = self.facets.len();
        for (place, &(from, to, beyond)) in rim.iter().enumerate() {
            let facet = self.add([from, to, point], [beyond, first, first]);
            fan[from] = first + place;
            // The neighbour's side runs the other way.
            let outer = &mut self.facets[beyond];
            if let Some(side) = (0..3).find(|&side| outer.corners[side] == to) {
                outer.neighbours[side] = facet;
            }
        }
        for (place, &(_, to, _)) in rim.iter().enumerate() {
            let next = fan[to];
            self.facets[first + place].neighbours[1] = next;
            self.facets[next].neighbours[2] = first + place;
        }
        self.share_out(orphans, first);
    }

    fn into_hull(self) -> Hull {
        let mut place_of_facet = vec![usize::MAX; self.facets.len()];
        let mut count = 0;
        for (place, facet) in place_of_facet.iter_mut().zip(&self.facets) {
            if facet.is_hull {
                *place = count;
                count += 1;
            }
        }
        let mut place_of_point = vec![usize::MAX; self.points.len()];
        let mut vertices = Vec::new();
        let mut place = |point: usize| {
            if place_of_point[point] == usize::MAX {
                place_of_point[point] = vertices.len();
                vertices.push(self.points[point]);
            }
            place_of_point[point]
        };
        let on_hull = self.facets.iter().filter(|facet| facet.is_hull);
        let triangles = on_hull
            .map(|facet| Triangle {
                corners: facet.corners.map(&mut place),
                neighbours: facet.neighbours.map(|facet| place_of_facet[facet]),
                normal: facet.normal,
            })
            .collect();
        Hull {
            vertices,
            triangles,
        }
    }
}

fn difference(a: Point, b: Point) -> Point {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

fn cross(a: [i64; 3], b: [i64; 3]) -> [i64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn dot(a: [i64; 3], b: [i64; 3]) -> i64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
