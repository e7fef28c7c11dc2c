//! A smallest box around a convex hull, in any orientation.
//!
//! The box of least volume is found among those with one axis across a face of the hull and,
//! for that axis, the smallest rectangle around the hull's shadow; the best of them are then
//! improved by taking the smallest rectangle along each of their axes in turn, as long as that
//! helps. The exact algorithm (O'Rourke, *Int J Comput Inf Sci* 1985;14:183) is cubic in the
//! number of vertices; this one finds its box on most hulls and is rarely more than a few parts
//! in a thousand above it, never below.

use std::collections::HashMap;

use nalgebra::Vector3;

use super::SolidHull;

/// Faces whose directions are tried: the largest ones.
const MAX_DIRECTIONS: usize = 128;

/// Boxes that are improved.
const MAX_IMPROVED: usize = 12;

/// Rounds after which a box is good enough; a few are usual.
const MAX_ROUNDS: usize = 100;

/// What an improvement must gain, relative to the volume, to be worth another round.
const LEAST_GAIN: f64 = 1e-9;

/// Corners of a shadow that are nearer than this part of its coordinates are one: an edge seen
/// end-on, whose direction would be noise.
const SAME_CORNER: f64 = 1e-9;

/// A box around a hull.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrientedBox {
    /// Unit vectors along its sides, `[z, y, x]`.
    pub axes: [Vector3<f64>; 3],
    /// Lengths of its sides.
    pub sides_mm: [f64; 3],
}

/// Vectors across the faces of a hull, the largest faces first, each direction once.
fn face_directions(hull: &SolidHull) -> Vec<Vector3<f64>> {
    let mut areas: HashMap<[i64; 3], Vector3<f64>> = HashMap::new();
    let mut order = Vec::new();
    for (direction, &area_vector) in hull.directions.iter().zip(&hull.area_vectors_mm2) {
        areas
            .entry(*direction)
            .and_modify(|sum| {
                // Opposite faces add up.
                *sum += area_vector * sum.dot(&area_vector).signum();
            })
            .or_insert_with(|| {
                order.push(*direction);
                area_vector
            });
    }
    let mut faces: Vec<Vector3<f64>> = order.iter().map(|direction| areas[direction]).collect();
    faces.sort_by(|a, b| b.norm_squared().total_cmp(&a.norm_squared()));
    faces.truncate(MAX_DIRECTIONS);
    faces
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

impl OrientedBox {
    /// A box of least volume around a hull; without extent around one without vertices.
    #[must_use]
    pub fn smallest_around(hull: &SolidHull) -> Self {
        let upright = Self::upright(hull);
        let mut candidates: Vec<Self> = face_directions(hull)
            .iter()
            .map(|direction| Self::along(hull, direction))
            .collect();
        candidates.push(upright);
        candidates.sort_by(|a, b| a.volume().total_cmp(&b.volume()));
        candidates.truncate(MAX_IMPROVED);
        let mut smallest = upright;
        for candidate in candidates {
            let improved = candidate.improved(hull);
            if improved.volume() < smallest.volume() {
                smallest = improved;
            }
        }
        smallest
    }

    fn upright(hull: &SolidHull) -> Self {
        let axes = [Vector3::x(), Vector3::y(), Vector3::z()];
        Self {
            axes,
            sides_mm: axes.map(|axis| extent(hull, &axis)),
        }
    }

    /// The smallest box with one axis along a direction.
    fn along(hull: &SolidHull, direction: &Vector3<f64>) -> Self {
        // Lengths other than 1 would add up from turn to turn.
        let direction = direction.normalize();
        // Any unit vector across the direction; the coordinate axis farthest from it is safe.
        let helper = Vector3::ith(direction.iamin(), 1.0);
        let u = direction.cross(&helper).normalize();
        let v = direction.cross(&u);
        let shadow = planar_hull(
            silhouette(hull, &direction)
                .map(|vertex| [vertex.dot(&u), vertex.dot(&v)])
                .collect(),
        );
        let rectangle = Rectangle::around(&shadow);
        let [cosine, sine] = rectangle.direction;
        let across = u * cosine + v * sine;
        let [along_across, along_rest] = rectangle.sides;
        Self {
            axes: [direction, across, direction.cross(&across)],
            sides_mm: [extent(hull, &direction), along_across, along_rest],
        }
    }

    fn volume(&self) -> f64 {
        self.sides_mm.iter().product()
    }

    /// Turn the box about each of its axes in turn as long as that makes it smaller.
    fn improved(self, hull: &SolidHull) -> Self {
        let mut best = self;
        for _ in 0..MAX_ROUNDS {
            let before = best.volume();
            for axis in 0..3 {
                let turned = Self::along(hull, &best.axes[axis]);
                if turned.volume() < best.volume() {
                    best = turned;
                }
            }
            if best.volume() >= before * (1.0 - LEAST_GAIN) {
                break;
            }
        }
        best
    }
}

/// The vertices between the faces that are seen from a direction and those that are not: every
/// corner of the hull's shadow is among them.
fn silhouette<'a>(
    hull: &'a SolidHull,
    direction: &Vector3<f64>,
) -> impl Iterator<Item = &'a Vector3<f64>> {
    let is_seen: Vec<bool> = hull
        .area_vectors_mm2
        .iter()
        .map(|area_vector| area_vector.dot(direction) > 0.0)
        .collect();
    hull.edges.iter().filter_map(move |edge| {
        let [first, second] = edge.triangles.map(|triangle| is_seen[triangle]);
        // The edges are a closed line, so one end of each is enough: the one it starts at, seen
        // from the face that is seen.
        (first != second).then(|| {
            let start = edge.vertices[usize::from(second)];
            &hull.vertices_mm[start]
        })
    })
}

/// Convex hull of points in a plane, anticlockwise (Andrew, *Inf Process Lett* 1979;9:216).
fn planar_hull(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
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
    let size = points
        .iter()
        .flatten()
        .fold(0.0, |size: f64, x| size.max(x.abs()));
    hull.dedup_by(|a, b| (a[0] - b[0]).abs().max((a[1] - b[1]).abs()) <= SAME_CORNER * size);
    hull
}

/// A rectangle.
struct Rectangle {
    /// Unit vector along the first side.
    direction: [f64; 2],
    sides: [f64; 2],
}

impl Rectangle {
    /// The smallest one around a convex polygon: it shares the direction of one of its sides
    /// (Freeman & Shapira, *Commun ACM* 1975;18:409).
    ///
    /// # Shapes
    /// `polygon`: anticlockwise, without repetition.
    fn around(polygon: &[[f64; 2]]) -> Self {
        let n = polygon.len();
        let mut least = f64::INFINITY;
        let mut smallest = [1.0, 0.0];
        // The corners that are farthest along a side, away from it and against it move on as
        // the side does.
        let (mut ahead, mut away, mut behind) = (0, 0, 0);
        for (i, a) in polygon.iter().enumerate() {
            let b = polygon[(i + 1) % n];
            let length = (b[0] - a[0]).hypot(b[1] - a[1]);
            if length == 0.0 {
                continue;
            }
            let direction = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
            let [cosine, sine] = direction;
            let along = |place: usize| {
                let p = polygon[place % n];
                cosine * p[0] + sine * p[1]
            };
            let height = |place: usize| {
                let p = polygon[place % n];
                cosine * (p[1] - a[1]) - sine * (p[0] - a[0])
            };
            let end = i + n;
            ahead = ahead.max(i + 1);
            while ahead < end && along(ahead + 1) > along(ahead) {
                ahead += 1;
            }
            away = away.max(ahead);
            while away < end && height(away + 1) > height(away) {
                away += 1;
            }
            behind = behind.max(away);
            while behind < end && along(behind + 1) < along(behind) {
                behind += 1;
            }
            let area = (along(ahead) - along(behind)) * height(away);
            if area < least {
                least = area;
                smallest = direction;
            }
        }
        Self::along(polygon, smallest)
    }

    fn along(polygon: &[[f64; 2]], direction: [f64; 2]) -> Self {
        let [cosine, sine] = direction;
        let extent = |f: &dyn Fn(&[f64; 2]) -> f64| {
            let (low, high) = polygon
                .iter()
                .map(f)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), along| {
                    (low.min(along), high.max(along))
                });
            (high - low).max(0.0)
        };
        Self {
            direction,
            sides: [
                extent(&|p| cosine * p[0] + sine * p[1]),
                extent(&|p| cosine * p[1] - sine * p[0]),
            ],
        }
    }
}
