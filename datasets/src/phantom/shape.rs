//! Solid shapes as signed distances: negative inside, in mm, near the surface.
//!
//! A tissue is painted with the coverage that its distance implies, so edges carry partial
//! volume without supersampling in the plane. The distances are first-order: exact on the
//! surface and within a few millimetres of it, which is where coverage is neither 0 nor 1.

use std::sync::Arc;

use super::field::DistanceField;

/// A point or direction in the patient (LPS, mm).
pub(crate) type Point = [f32; 3];

pub(crate) fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn add_scaled(a: Point, b: Point, scale: f32) -> Point {
    [
        a[0] + b[0] * scale,
        a[1] + b[1] * scale,
        a[2] + b[2] * scale,
    ]
}

pub(crate) fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn norm(a: Point) -> f32 {
    dot(a, a).sqrt()
}

/// Perpendicular unit axes; `axes[i]` is the local axis i in the world.
pub(crate) type Axes = [Point; 3];

pub(crate) const UPRIGHT: Axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Axes turned by `about_z` (radians) in the axial plane, then tipped by `tip_x` about the
/// turned x axis and by `tip_y` about the turned y axis.
pub(crate) fn turned(about_z: f64, tip_x: f64, tip_y: f64) -> Axes {
    let (sz, cz) = (libm::sin(about_z), libm::cos(about_z));
    let (sx, cx) = (libm::sin(tip_x), libm::cos(tip_x));
    let (sy, cy) = (libm::sin(tip_y), libm::cos(tip_y));
    // Columns of Rz · Rx · Ry.
    let local = [
        [cy, sx * sy, -cx * sy],
        [0.0, cx, sx],
        [sy, -sx * cy, cx * cy],
    ];
    local.map(|[x, y, z]| [(cz * x - sz * y) as f32, (sz * x + cz * y) as f32, z as f32])
}

/// An axis-aligned box in the world, `[min, max]`, in mm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub min: Point,
    pub max: Point,
}

impl Bounds {
    fn around(center: Point, reach: Point) -> Self {
        Self {
            min: sub(center, reach),
            max: add_scaled(center, reach, 1.0),
        }
    }

    fn union(self, other: Self) -> Self {
        Self {
            min: std::array::from_fn(|i| self.min[i].min(other.min[i])),
            max: std::array::from_fn(|i| self.max[i].max(other.max[i])),
        }
    }

    fn grown(self, mm: f32) -> Self {
        Self {
            min: self.min.map(|v| v - mm),
            max: self.max.map(|v| v + mm),
        }
    }
}

/// A solid.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// An ellipsoid; `bend` shifts local x by `bend · (z/rz)²` mm, which makes a bean of it.
    Ellipsoid {
        center: Point,
        radii: Point,
        axes: Axes,
        bend: f32,
    },
    /// An endless upright cylinder whose cross-section lies between an ellipse
    /// (`squareness` 0) and a squared one (1), as a torso's does.
    Torso {
        center: [f32; 2],
        radii: [f32; 2],
        squareness: f32,
    },
    /// A tube with round ends whose radius runs linearly from `start` to `end`.
    Tube {
        start: Point,
        end: Point,
        start_radius: f32,
        end_radius: f32,
    },
    /// A tube along a path, as bowel is.
    Chain { path: Vec<Point>, radius: f32 },
    /// A shape with a lumpy surface.
    Lump {
        base: Box<Shape>,
        amplitude_mm: f32,
        wavelength_mm: f32,
        seed: u32,
    },
    /// A shape read from a mask.
    Field(Arc<DistanceField>),
    /// The first without the second.
    Without(Box<Shape>, Box<Shape>),
    /// What both share.
    Common(Box<Shape>, Box<Shape>),
    /// The shape with its surface moved inwards by a depth in mm.
    Inset(Box<Shape>, f32),
}

/// Where along a segment a point's foot lies (0 to 1), and its squared distance from there.
fn along(p: Point, start: Point, end: Point) -> (f32, f32) {
    let axis = sub(end, start);
    let from_start = sub(p, start);
    let t = (dot(from_start, axis) / dot(axis, axis).max(1e-6)).clamp(0.0, 1.0);
    let beside = add_scaled(from_start, axis, -t);
    (t, dot(beside, beside))
}

/// Beyond this no coverage and no lump reaches.
const FAR_MM: f32 = 12.0;

impl Shape {
    pub fn ellipsoid(center: Point, radii: Point) -> Self {
        Self::turned_ellipsoid(center, radii, UPRIGHT)
    }

    pub fn turned_ellipsoid(center: Point, radii: Point, axes: Axes) -> Self {
        Self::Ellipsoid {
            center,
            radii,
            axes,
            bend: 0.0,
        }
    }

    pub fn tube(start: Point, end: Point, start_radius: f32, end_radius: f32) -> Self {
        Self::Tube {
            start,
            end,
            start_radius,
            end_radius,
        }
    }

    pub fn without(self, other: Self) -> Self {
        Self::Without(Box::new(self), Box::new(other))
    }

    pub fn common(self, other: Self) -> Self {
        Self::Common(Box::new(self), Box::new(other))
    }

    pub fn inset(self, mm: f32) -> Self {
        Self::Inset(Box::new(self), mm)
    }

    pub fn lumpy(self, amplitude_mm: f32, wavelength_mm: f32, seed: u32) -> Self {
        Self::Lump {
            base: Box::new(self),
            amplitude_mm,
            wavelength_mm,
            seed,
        }
    }

    /// Signed distance to the surface, negative inside, in mm (first-order).
    pub fn distance_mm(&self, p: Point) -> f32 {
        match self {
            Self::Ellipsoid {
                center,
                radii,
                axes,
                bend,
            } => {
                let d = sub(p, *center);
                let mut local = [dot(d, axes[0]), dot(d, axes[1]), dot(d, axes[2])];
                let along = local[2] / radii[2];
                local[0] += bend * along * along;
                let scaled = [local[0] / radii[0], local[1] / radii[1], along];
                let gradient = [
                    scaled[0] / radii[0],
                    scaled[1] / radii[1],
                    scaled[2] / radii[2],
                ];
                let level = norm(scaled);
                if level < 1e-4 {
                    return -radii[0].min(radii[1]).min(radii[2]);
                }
                level * (level - 1.0) / norm(gradient).max(1e-6)
            }
            Self::Torso {
                center,
                radii,
                squareness,
            } => {
                let (dx, dy) = (p[0] - center[0], p[1] - center[1]);
                let (x2, y2) = ((dx / radii[0]).powi(2), (dy / radii[1]).powi(2));
                let round = (x2 + y2).sqrt();
                let square = (x2 * x2 + y2 * y2).sqrt().sqrt();
                let level = round + squareness * (square - round);
                if level < 1e-4 {
                    return -radii[0].min(radii[1]);
                }
                // Along the ray from the centre, on which the surface lies at level 1.
                (dx * dx + dy * dy).sqrt() * (1.0 - 1.0 / level)
            }
            Self::Tube {
                start,
                end,
                start_radius,
                end_radius,
            } => {
                let (t, beside) = along(p, *start, *end);
                beside.sqrt() - (start_radius + (end_radius - start_radius) * t)
            }
            Self::Chain { path, radius } => {
                let nearest = path
                    .windows(2)
                    .map(|pair| along(p, pair[0], pair[1]).1)
                    .fold(f32::MAX, f32::min);
                nearest.sqrt() - radius
            }
            Self::Lump {
                base,
                amplitude_mm,
                wavelength_mm,
                seed,
            } => {
                let distance = base.distance_mm(p);
                // The surface moves by at most about twice the amplitude.
                if distance.abs() > 2.5 * amplitude_mm + 3.0 {
                    return distance;
                }
                distance - amplitude_mm * super::noise::lattice(p, *wavelength_mm, *seed)
            }
            Self::Field(field) => field.distance_mm(p),
            // Far outside the first, the second cannot bring the point in.
            Self::Without(a, b) => match a.distance_mm(p) {
                far if far > FAR_MM => far,
                near => near.max(-b.distance_mm(p)),
            },
            Self::Common(a, b) => match a.distance_mm(p) {
                far if far > FAR_MM => far,
                near => near.max(b.distance_mm(p)),
            },
            Self::Inset(a, mm) => a.distance_mm(p) + mm,
        }
    }

    /// Middle of the shape's box.
    pub fn middle(&self) -> Point {
        let bounds = self.bounds();
        std::array::from_fn(|i| 0.5 * (bounds.min[i] + bounds.max[i]))
    }

    /// A box that holds the shape.
    pub fn bounds(&self) -> Bounds {
        match self {
            Self::Ellipsoid {
                center,
                radii,
                axes,
                bend,
            } => {
                let reach: Point = std::array::from_fn(|i| {
                    let along: Point = std::array::from_fn(|a| axes[a][i] * radii[a]);
                    norm(along) + (bend * axes[0][i]).abs()
                });
                Bounds::around(*center, reach)
            }
            Self::Torso { center, radii, .. } => Bounds {
                min: [center[0] - radii[0], center[1] - radii[1], f32::MIN],
                max: [center[0] + radii[0], center[1] + radii[1], f32::MAX],
            },
            Self::Tube {
                start,
                end,
                start_radius,
                end_radius,
            } => Bounds::around(*start, [*start_radius; 3])
                .union(Bounds::around(*end, [*end_radius; 3])),
            Self::Chain { path, radius } => path
                .iter()
                .map(|p| Bounds::around(*p, [*radius; 3]))
                .reduce(Bounds::union)
                .unwrap_or(Bounds::around([0.0; 3], [0.0; 3])),
            Self::Lump {
                base, amplitude_mm, ..
            } => base.bounds().grown(2.0 * amplitude_mm),
            Self::Field(field) => field.bounds(),
            Self::Without(a, _) | Self::Common(a, _) => a.bounds(),
            Self::Inset(a, mm) => a.bounds().grown((-mm).max(0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sphere_has_its_exact_distance() {
        let sphere = Shape::ellipsoid([1.0, 2.0, 3.0], [10.0; 3]);
        for (offset, expected) in [(0.5, -9.5), (10.0, 0.0), (15.0, 5.0)] {
            let distance = sphere.distance_mm([1.0 + offset, 2.0, 3.0]);
            // Inside, the first-order formula is exact for spheres too.
            assert!((distance - expected).abs() < 1e-4, "{distance} {expected}");
        }
    }

    #[test]
    fn bounds_hold_the_shape() {
        let axes = turned(0.4, 0.2, -0.3);
        let shape = Shape::Ellipsoid {
            center: [5.0, -3.0, 8.0],
            radii: [10.0, 20.0, 40.0],
            axes,
            bend: 6.0,
        };
        let bounds = shape.bounds();
        for x in -60..60 {
            for y in -60..60 {
                for z in -60..60 {
                    let p = [x as f32, y as f32, z as f32];
                    if shape.distance_mm(p) < 0.0 {
                        let held = |i: usize| p[i] >= bounds.min[i] && p[i] <= bounds.max[i];
                        assert!((0..3).all(held), "{p:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn turned_axes_are_perpendicular_units() {
        let axes = turned(0.5, -0.7, 0.3);
        for i in 0..3 {
            for j in 0..3 {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((dot(axes[i], axes[j]) - expected).abs() < 1e-5);
            }
        }
    }
}
