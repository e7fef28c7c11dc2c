//! A smallest box around a convex hull, in any orientation.
//!
//! The box of least volume is found among those with one axis across a face of the hull and,
//! for that axis, the smallest rectangle around the hull's shadow; the best of them are then
//! improved by taking the smallest rectangle along each of their axes in turn, as long as that
//! helps. The exact algorithm (O'Rourke, *Int J Comput Inf Sci* 1985;14:183) is cubic in the
//! number of vertices; this one finds its box on most hulls and is rarely more than a few parts
//! in a thousand above it, never below.

use std::collections::HashSet;

use nalgebra::Vector3;

use super::SolidHull;

/// Faces whose directions are tried: the largest ones.
const MAX_DIRECTIONS: usize = 512;

/// Boxes that are improved.
const MAX_IMPROVED: usize = 8;

/// What an improvement must gain, relative to the volume, to be worth another round.
const LEAST_GAIN: f64 = 1e-12;

/// Lengths of the sides of a box of least volume around a hull, in mm.
///
/// # Shapes
/// Returns the three sides in no particular order; zeros for a hull without vertices.
#[must_use]
pub fn smallest_box_mm(hull: &SolidHull) -> [f64; 3] {
    let directions = face_directions(hull);
    let mut bounded: Vec<(f64, Vector3<f64>)> = directions
        .into_iter()
        .map(|direction| (least_volume(hull, &direction), direction))
        .collect();
    bounded.sort_by(|(a, _), (b, _)| a.total_cmp(b));

    let mut candidates = vec![OrientedBox::upright(hull)];
    let mut least = candidates[0].volume();
    for (bound, direction) in bounded {
        if bound >= least {
            break;
        }
        let candidate = OrientedBox::along(hull, &direction);
        least = least.min(candidate.volume());
        candidates.push(candidate);
    }
    candidates.sort_by(|a, b| a.volume().total_cmp(&b.volume()));
    candidates.truncate(MAX_IMPROVED);
    let mut best = candidates[0];
    for candidate in candidates {
        let improved = candidate.improved(hull);
        if improved.volume() < best.volume() {
            best = improved;
        }
    }
    best.sides_mm
}

/// Unit vectors across the faces of a hull, the largest faces first, each direction once.
fn face_directions(hull: &SolidHull) -> Vec<Vector3<f64>> {
    let mut seen = HashSet::new();
    let mut faces: Vec<_> = hull
        .triangles
        .iter()
        .filter(|triangle| seen.insert(triangle.direction))
        .map(|triangle| triangle.area_vector_mm2)
        .collect();
    faces.sort_by(|a, b| b.norm_squared().total_cmp(&a.norm_squared()));
    faces.truncate(MAX_DIRECTIONS);
    faces.into_iter().map(|face| face.normalize()).collect()
}

/// What a box with an axis along a direction holds at least: a prism over the hull's shadow.
fn least_volume(hull: &SolidHull, direction: &Vector3<f64>) -> f64 {
    let shadow: f64 = hull
        .triangles
        .iter()
        .map(|triangle| triangle.area_vector_mm2.dot(direction).abs())
        .sum();
    0.5 * shadow * extent(hull, direction)
}

fn extent(hull: &SolidHull, direction: &Vector3<f64>) -> f64 {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for vertex in &hull.vertices_mm {
        let along = vertex.dot(direction);
        low = low.min(along);
        high = high.max(along);
    }
    (high - low).max(0.0)
}

/// A box around a hull.
#[derive(Clone, Copy)]
struct OrientedBox {
    /// Unit vectors along the sides.
    axes: [Vector3<f64>; 3],
    sides_mm: [f64; 3],
}

impl OrientedBox {
    fn new(hull: &SolidHull, axes: [Vector3<f64>; 3]) -> Self {
        Self {
            axes,
            sides_mm: axes.map(|axis| extent(hull, &axis)),
        }
    }

    fn upright(hull: &SolidHull) -> Self {
        Self::new(hull, [Vector3::x(), Vector3::y(), Vector3::z()])
    }

    /// The smallest box with one axis along a direction.
    fn along(hull: &SolidHull, direction: &Vector3<f64>) -> Self {
        // Any unit vector across the direction; the coordinate axis farthest from it is safe.
        let helper = Vector3::ith(direction.iamin(), 1.0);
        let u = direction.cross(&helper).normalize();
        let v = direction.cross(&u);
        let shadow = planar_hull(
            hull.vertices_mm
                .iter()
                .map(|vertex| [vertex.dot(&u), vertex.dot(&v)])
                .collect(),
        );
        let [cosine, sine] = smallest_rectangle(&shadow);
        let across = u * cosine + v * sine;
        Self::new(hull, [*direction, across, direction.cross(&across)])
    }

    fn volume(&self) -> f64 {
        self.sides_mm.iter().product()
    }

    /// Turn the box about each of its axes in turn as long as that makes it smaller.
    fn improved(self, hull: &SolidHull) -> Self {
        let mut best = self;
        loop {
            let before = best.volume();
            for axis in 0..3 {
                let turned = Self::along(hull, &best.axes[axis]);
                if turned.volume() < best.volume() {
                    best = turned;
                }
            }
            if best.volume() >= before * (1.0 - LEAST_GAIN) {
                return best;
            }
        }
    }
}

/// Convex hull of points in a plane, anticlockwise (Andrew, *Inf Process Lett* 1979;9:216).
fn planar_hull(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let turn = |o: [f64; 2], a: [f64; 2], b: [f64; 2]| {
        (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
    };
    let mut hull: Vec<[f64; 2]> = Vec::with_capacity(points.len());
    let mut chain = |points: &mut dyn Iterator<Item = &[f64; 2]>| {
        let start = hull.len();
        for &point in points {
            while let [.., o, a] = hull[start..]
                && turn(o, a, point) <= 0.0
            {
                hull.pop();
            }
            hull.push(point);
        }
        hull.pop();
    };
    chain(&mut points.iter());
    chain(&mut points.iter().rev());
    hull
}

/// The direction of a side of the smallest rectangle around a convex polygon: it lies on a side
/// of the polygon (Freeman & Shapira, *Commun ACM* 1975;18:409).
fn smallest_rectangle(polygon: &[[f64; 2]]) -> [f64; 2] {
    let mut least = (f64::INFINITY, [1.0, 0.0]);
    for (i, a) in polygon.iter().enumerate() {
        let b = polygon[(i + 1) % polygon.len()];
        let length = (b[0] - a[0]).hypot(b[1] - a[1]);
        if length == 0.0 {
            continue;
        }
        let [cosine, sine] = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
        let (mut low, mut high, mut height) = (f64::INFINITY, f64::NEG_INFINITY, 0.0f64);
        for p in polygon {
            let along = cosine * p[0] + sine * p[1];
            low = low.min(along);
            high = high.max(along);
            height = height.max(cosine * (p[1] - a[1]) - sine * (p[0] - a[0]));
        }
        let area = (high - low) * height;
        if area < least.0 {
            least = (area, [cosine, sine]);
        }
    }
    least.1
}
