//! The tumour: what is drawn for it, where it sits, and how it is painted.
//!
//! Benign and malignant tumours are two overlapping populations. Four independent traits
//! are drawn from normal distributions whose means lie `SEPARATION` standard deviations
//! apart; attenuation follows from the subtype. The best linear rule on the four traits has
//! an area under the ROC curve of Φ(√(Σ d²)/√2) = 0.90 and volume alone Φ(0.5/√2) = 0.64.
//! What can be measured on a noisy scan of a small tumour lies below that, near 0.85.

use serde::{Deserialize, Serialize};

use super::{
    noise::lattice,
    random::Stream,
    shape::{Axes, Point, Shape, add_scaled, dot, norm, sub, turned},
    tissue::{Phase, Subtype},
};

/// Distance between the classes' means, in standard deviations, of log diameter,
/// log heterogeneity, log necrosis and log margin irregularity.
pub(crate) const SEPARATION: [f64; 4] = [0.5, 1.1, 1.0, 0.95];

/// The kidney that carries the tumour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The patient's left.
    Left,
    /// The patient's right.
    Right,
}

impl Side {
    /// The name used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

/// The third of the kidney that the tumour's centre lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pole {
    /// Towards the head.
    Upper,
    /// Between the poles.
    Middle,
    /// Towards the feet.
    Lower,
}

impl Pole {
    /// The name used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Middle => "middle",
            Self::Lower => "lower",
        }
    }
}

/// Everything that is drawn for a tumour before anything is painted.
#[derive(Debug, Clone, PartialEq)]
pub struct TumourDesign {
    /// Whether it is malignant.
    pub malignant: bool,
    /// Histology-like subtype.
    pub subtype: Subtype,
    /// Which kidney.
    pub side: Side,
    /// Which third of it.
    pub pole: Pole,
    /// Mean diameter, mm.
    pub diameter_mm: f64,
    /// Share of the volume meant to lie beyond the kidney's outline (of a flat kidney; the
    /// measured share is in [`super::Truth`]).
    pub exophytic_fraction: f64,
    /// Standard deviation of the tissue's texture, HU.
    pub heterogeneity_hu: f64,
    /// Share of the volume that is necrotic.
    pub necrosis_fraction: f64,
    /// Standard deviation of the surface about its ellipsoid, mm.
    pub margin_mm: f64,
    /// Attenuation of the viable tissue beyond its subtype's mean, HU.
    pub attenuation_offset_hu: f64,
    /// The four traits in standard deviations from the benign mean, in the order of
    /// `SEPARATION`.
    pub traits: [f64; 4],
}

impl TumourDesign {
    /// Draw a tumour of a class.
    #[must_use]
    pub fn draw(malignant: bool, seed: u64) -> Self {
        let mut stream = Stream::new(seed, "tumour");
        let shift = f64::from(u8::from(malignant));
        let traits = SEPARATION.map(|d| stream.normal_within(0.0, 1.0, 2.6) + shift * d);
        let [size, texture, necrosis, margin] = traits;
        let diameter_mm = (30.0 * libm::exp(0.36 * size)).clamp(13.0, 90.0);

        let subtypes: &[(Subtype, f64)] = if malignant {
            &Subtype::MALIGNANT
        } else {
            &Subtype::BENIGN
        };
        let shares: Vec<f64> = subtypes.iter().map(|(_, share)| *share).collect();
        let subtype = subtypes[stream.weighted(&shares)].0;
        Self {
            malignant,
            subtype,
            side: [Side::Left, Side::Right][stream.below(2)],
            pole: [Pole::Upper, Pole::Middle, Pole::Lower][stream.below(3)],
            diameter_mm,
            exophytic_fraction: stream.between(0.15, 0.80),
            heterogeneity_hu: 9.0 * libm::exp(0.50 * texture),
            necrosis_fraction: (0.055 * libm::exp(0.95 * necrosis)).min(0.60),
            margin_mm: 0.5 * diameter_mm * 0.030 * libm::exp(0.50 * margin),
            attenuation_offset_hu: stream.normal_within(0.0, 15.0, 2.5),
            traits,
        }
    }
}

/// A tumour in place.
#[derive(Debug, Clone)]
pub(crate) struct Tumour {
    pub shape: Shape,
    pub paint: TumourPaint,
}

/// How deep a sphere's centre lies outside a flat surface, in radii, for a share of its
/// volume to lie outside: the root of `(2 + 3t - t³)/4 = share`, by bisection.
fn offset_in_radii(share: f64) -> f64 {
    let (mut low, mut high) = (-1.0f64, 1.0f64);
    for _ in 0..40 {
        let t = 0.5 * (low + high);
        if (2.0 + 3.0 * t - t * t * t) / 4.0 < share {
            low = t;
        } else {
            high = t;
        }
    }
    0.5 * (low + high)
}

impl Tumour {
    /// Put a tumour on an ellipsoidal kidney, away from its hilum.
    pub fn on_kidney(
        design: &TumourDesign,
        phase: Phase,
        center: Point,
        radii: Point,
        axes: Axes,
        seed: u64,
    ) -> Self {
        let mut stream = Stream::new(seed, "tumour place");
        let height = match design.pole {
            Pole::Upper => stream.between(0.55, 0.9),
            Pole::Middle => stream.between(-0.25, 0.25),
            Pole::Lower => stream.between(-0.9, -0.55),
        };
        // About the lateral direction, more to the front: the hilum lies opposite, and the
        // muscles of the back leave little room behind.
        let angle = stream.between(-1.9, 0.7);
        let ring = (1.0 - height * height).sqrt();
        let on_unit = [
            (ring * libm::cos(angle)) as f32,
            (ring * libm::sin(angle)) as f32,
            height as f32,
        ];
        let radius = (0.5 * design.diameter_mm) as f32;
        let surface: Point = std::array::from_fn(|i| on_unit[i] * radii[i]);
        let gradient: Point = std::array::from_fn(|i| on_unit[i] / radii[i]);
        let length = norm(gradient).max(1e-6);
        let out = offset_in_radii(design.exophytic_fraction) as f32 * radius;
        let mut place = center;
        for i in 0..3 {
            place = add_scaled(place, axes[i], surface[i] + gradient[i] / length * out);
        }

        // Three radii whose product is the sphere's.
        let stretch = [
            libm::exp(stream.normal_within(0.0, 0.08, 2.0)),
            libm::exp(stream.normal_within(0.0, 0.08, 2.0)),
        ];
        let radii = [
            radius * stretch[0] as f32,
            radius * stretch[1] as f32,
            radius / (stretch[0] * stretch[1]) as f32,
        ];
        let turn = turned(
            stream.between(0.0, 3.0),
            stream.between(-0.8, 0.8),
            stream.between(-0.8, 0.8),
        );
        let shape = Shape::turned_ellipsoid(place, radii, turn).lumpy(
            design.margin_mm as f32,
            (0.85 * radius).clamp(7.0, 18.0),
            stream.word() as u32,
        );
        let paint = TumourPaint::new(design, phase, &shape, place, radius, seed);
        Self { shape, paint }
    }
}

/// The inside of a tumour.
#[derive(Debug, Clone)]
pub(crate) struct TumourPaint {
    viable_hu: f32,
    heterogeneity_hu: f32,
    necrotic_hu: f32,
    /// Necrosis is where the pattern exceeds this.
    threshold: f32,
    radius: f32,
    seed: u32,
}

impl TumourPaint {
    /// Decide the pattern so that the designed share of the shape is necrotic.
    pub fn new(
        design: &TumourDesign,
        phase: Phase,
        shape: &Shape,
        center: Point,
        radius: f32,
        seed: u64,
    ) -> Self {
        let mut stream = Stream::new(seed, "tumour pattern");
        let contrast = match phase {
            Phase::NonContrast => 0.35,
            Phase::Corticomedullary => 1.25,
            Phase::Nephrographic => 1.0,
            Phase::Excretory => 0.8,
        };
        let offset = design.attenuation_offset_hu
            * if phase == Phase::NonContrast {
                0.3
            } else {
                1.0
            };
        let mut paint = Self {
            viable_hu: (design.subtype.hounsfield(phase) + offset) as f32,
            heterogeneity_hu: (design.heterogeneity_hu * contrast) as f32,
            necrotic_hu: stream.between(14.0, 26.0) as f32,
            threshold: f32::MAX,
            radius,
            seed: stream.word() as u32,
        };
        // The share's quantile of the pattern over random points of the tumour.
        let bounds = shape.bounds();
        let mut pattern = Vec::new();
        for _ in 0..20_000 {
            let p: Point = std::array::from_fn(|i| {
                stream.between(f64::from(bounds.min[i]), f64::from(bounds.max[i])) as f32
            });
            let distance = shape.distance_mm(p);
            if distance < 0.0 {
                pattern.push(paint.necrosis_pattern(p, distance));
            }
            if pattern.len() == 3000 {
                break;
            }
        }
        if pattern.is_empty() {
            pattern.push(paint.necrosis_pattern(center, -radius));
        }
        pattern.sort_by(f32::total_cmp);
        let kept = (1.0 - design.necrosis_fraction) * (pattern.len() - 1) as f64;
        paint.threshold = pattern[kept as usize];
        paint
    }

    /// Larger where necrosis starts first: inside, and in patches.
    fn necrosis_pattern(&self, p: Point, distance: f32) -> f32 {
        let depth = (-distance / self.radius).clamp(0.0, 1.0);
        lattice(
            p,
            (0.7 * self.radius).clamp(7.0, 22.0),
            self.seed ^ 0x51ed_270b,
        ) + 2.2 * depth
    }

    /// HU at a point that lies `distance` mm from the surface (negative inside).
    pub fn hounsfield(&self, p: Point, distance: f32) -> f32 {
        let texture = 0.85 * lattice(p, (0.4 * self.radius).clamp(6.0, 12.0), self.seed)
            + 0.5 * lattice(p, 4.5, self.seed ^ 0x0bad_cafe);
        let viable = self.viable_hu + self.heterogeneity_hu * texture;
        let necrotic = self.necrotic_hu + 3.0 * texture;
        // A soft border, about 1 mm wide where the pattern is steep.
        let share =
            (0.5 + (self.necrosis_pattern(p, distance) - self.threshold) / 0.5).clamp(0.0, 1.0);
        (viable + share * (necrotic - viable)).max(2.0)
    }
}

/// Where a point lies along a kidney's long axis, as a pole.
pub(crate) fn pole_of(point: Point, center: Point, long_axis: Point, half_length: f32) -> Pole {
    let height = dot(sub(point, center), long_axis) / half_length;
    if height > 1.0 / 3.0 {
        Pole::Upper
    } else if height < -1.0 / 3.0 {
        Pole::Lower
    } else {
        Pole::Middle
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Area under the ROC curve: the chance that a malignant score exceeds a benign one.
    fn auc(mut scored: Vec<(f64, bool)>) -> f64 {
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        let positives = scored.iter().filter(|(_, m)| *m).count() as f64;
        let negatives = scored.len() as f64 - positives;
        let ranks: f64 = scored
            .iter()
            .enumerate()
            .filter(|(_, (_, m))| *m)
            .map(|(rank, _)| rank as f64 + 1.0)
            .sum();
        (ranks - positives * (positives + 1.0) / 2.0) / (positives * negatives)
    }

    #[test]
    fn classes_overlap_as_designed() {
        let tumours: Vec<TumourDesign> = (0..4000)
            .map(|i| TumourDesign::draw(i % 2 == 0, i))
            .collect();
        let by = |score: &dyn Fn(&TumourDesign) -> f64| {
            auc(tumours.iter().map(|t| (score(t), t.malignant)).collect())
        };
        let volume = by(&|t| t.diameter_mm);
        let best = by(&|t| t.traits.iter().zip(SEPARATION).map(|(x, d)| x * d).sum());
        assert!((0.60..0.70).contains(&volume), "volume alone: {volume}");
        assert!(
            (0.88..0.93).contains(&best),
            "the four traits together: {best}"
        );
        for trait_auc in [
            by(&|t| t.heterogeneity_hu),
            by(&|t| t.necrosis_fraction),
            by(&|t| t.margin_mm / t.diameter_mm),
        ] {
            assert!((0.70..0.82).contains(&trait_auc), "one trait: {trait_auc}");
        }
    }

    #[test]
    fn half_a_sphere_lies_outside_when_its_centre_is_on_the_surface() {
        assert!(offset_in_radii(0.5).abs() < 1e-6);
        assert!(offset_in_radii(0.8) > 0.3);
        assert!(offset_in_radii(0.2) < -0.3);
    }
}
