//! Ellipsoids around a region.

use nalgebra::{Matrix3, Matrix4, SymmetricEigen, Vector3, Vector4};

/// Terms of the series for the area of an ellipsoid, besides the first; what IBSI asks for.
const AREA_TERMS: usize = 20;

/// How far the smallest ellipsoid may be from optimal: its volume exceeds the least possible by
/// no more than about twice this, relatively.
const OPTIMALITY: f64 = 1e-7;

/// More steps are never needed; without a bound rounding could keep the search going.
const MAX_STEPS: usize = 10_000;

/// Semi-axes of an ellipsoid, ascending.
pub type SemiAxes = [f64; 3];

/// Volume of an ellipsoid.
#[must_use]
pub fn volume(semi_axes: SemiAxes) -> f64 {
    4.0 / 3.0 * std::f64::consts::PI * semi_axes.iter().product::<f64>()
}

/// Area of an ellipsoid by the series of Legendre polynomials `P` of the IBSI reference manual
/// (arXiv:1612.07003, Area density - approximate enclosing ellipsoid), up to the 20th:
/// `4πab Σ (αβ)^ν / (1 - 4ν²) P_ν((α² + β²) / 2αβ)`.
///
/// `Q_ν = (αβ)^ν P_ν` is a polynomial in `α² + β²` and `(αβ)²` with a recurrence of its own, so
/// axes of equal length need no case of their own.
///
/// The series is taken as the manual prints it, since its reference values rest on it. It is
/// exact for a ball; for semi-axes of 2, 2 and 2.5 it gives 54.64, the closed form 58.83.
#[must_use]
pub fn area([c, b, a]: SemiAxes) -> f64 {
    let alpha_2 = 1.0 - (b / a).powi(2);
    let beta_2 = 1.0 - (c / a).powi(2);
    let mean = 0.5 * (alpha_2 + beta_2);
    let product = alpha_2 * beta_2;
    let (mut before, mut q) = (0.0, 1.0);
    let mut sum = 0.0;
    for term in 0..=AREA_TERMS {
        let nu = term as f64;
        sum += q / (1.0 - 4.0 * nu * nu);
        let next = ((2.0 * nu + 1.0) * mean * q - nu * product * before) / (nu + 1.0);
        (before, q) = (q, next);
    }
    4.0 * std::f64::consts::PI * a * b * sum
}

/// Semi-axes of the smallest ellipsoid around points, by Khachiyan's ascent with steps away
/// (Todd & Yildirim, *Discrete Appl Math* 2007;155:1731); scaled to hold every point.
///
/// IBSI suggests to stop where the weights of the points change by less than 0.001; that leaves
/// the volume some parts in a thousand from the least, dependent on the order of the points.
/// Steps away reach it to seven digits for little more.
///
/// # Shapes
/// `points`: in mm, in three dimensions; `None` where they lie in a plane.
#[must_use]
pub fn smallest_around(points: &[Vector3<f64>]) -> Option<SemiAxes> {
    let lifted: Vec<Vector4<f64>> = points.iter().map(|p| p.push(1.0)).collect();
    let mut weights = initial_weights(points);
    let mut moments = moments_of(&lifted, &weights);
    for _ in 0..MAX_STEPS {
        let inverse = moments.try_inverse()?;
        let (mut farthest, mut nearest) = ((0, f64::NEG_INFINITY), (0, f64::INFINITY));
        for (i, point) in lifted.iter().enumerate() {
            let distance = point.dot(&(inverse * point));
            if distance > farthest.1 {
                farthest = (i, distance);
            }
            if weights[i] > 0.0 && distance < nearest.1 {
                nearest = (i, distance);
            }
        }
        // At the optimum every point with a weight is at distance 4, no point is beyond.
        let (outside, inside) = (farthest.1 / 4.0 - 1.0, 1.0 - nearest.1 / 4.0);
        let off = outside.max(inside);
        if off.is_nan() || off <= OPTIMALITY {
            break;
        }
        let (at, step) = if outside >= inside {
            let (i, distance) = farthest;
            (i, (distance - 4.0) / (4.0 * (distance - 1.0)))
        } else {
            let (i, distance) = nearest;
            let all = weights[i] / (1.0 - weights[i]);
            let wanted = (4.0 - distance) / (4.0 * (distance - 1.0));
            (
                i,
                if distance > 1.0 {
                    -wanted.min(all)
                } else {
                    -all
                },
            )
        };
        for weight in &mut weights {
            *weight *= 1.0 - step;
        }
        weights[at] = (weights[at] + step).max(0.0);
        moments = moments * (1.0 - step) + lifted[at] * lifted[at].transpose() * step;
    }
    enclosing(points, &weights)
}

/// Equal weights on the farthest points along three directions, each across those before
/// (Kumar & Yildirim, *J Optim Theory Appl* 2005;126:1).
fn initial_weights(points: &[Vector3<f64>]) -> Vec<f64> {
    let mut chosen = Vec::new();
    let mut direction = Vector3::x();
    let mut spanned: Vec<Vector3<f64>> = Vec::new();
    for _ in 0..3 {
        let along = |i: &usize| points[*i].dot(&direction);
        let (low, high) = (
            (0..points.len()).min_by(|a, b| along(a).total_cmp(&along(b))),
            (0..points.len()).max_by(|a, b| along(a).total_cmp(&along(b))),
        );
        if let (Some(low), Some(high)) = (low, high) {
            chosen.extend([low, high]);
            let mut across = points[high] - points[low];
            for axis in &spanned {
                across -= axis * axis.dot(&across);
            }
            if let Some(axis) = across.try_normalize(1e-12) {
                spanned.push(axis);
            }
        }
        // Across everything so far: the coordinate axis that sticks out most, made orthogonal.
        let rejected = [Vector3::x(), Vector3::y(), Vector3::z()].map(|unit| {
            spanned
                .iter()
                .fold(unit, |rest, axis| rest - axis * axis.dot(&rest))
        });
        if let Some(most) = rejected
            .into_iter()
            .max_by(|a, b| a.norm_squared().total_cmp(&b.norm_squared()))
        {
            direction = most;
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    let mut weights = vec![0.0; points.len()];
    for &i in &chosen {
        weights[i] = 1.0 / chosen.len() as f64;
    }
    weights
}

fn moments_of(lifted: &[Vector4<f64>], weights: &[f64]) -> Matrix4<f64> {
    let mut moments = Matrix4::zeros();
    for (point, &weight) in lifted.iter().zip(weights) {
        if weight > 0.0 {
            moments += point * point.transpose() * weight;
        }
    }
    moments
}

/// The ellipsoid that weights describe, scaled so that the farthest point is on it.
fn enclosing(points: &[Vector3<f64>], weights: &[f64]) -> Option<SemiAxes> {
    let weighted = || points.iter().zip(weights);
    let centre: Vector3<f64> = weighted().map(|(point, &weight)| point * weight).sum();
    let scatter: Matrix3<f64> = weighted()
        .map(|(point, &weight)| {
            let from_centre = point - centre;
            from_centre * from_centre.transpose() * weight
        })
        .sum();
    let inverse = scatter.try_inverse()?;
    let farthest = points
        .iter()
        .map(|point| {
            let from_centre = point - centre;
            from_centre.dot(&(inverse * from_centre))
        })
        .fold(0.0, f64::max);
    let variances = SymmetricEigen::new(scatter).eigenvalues;
    let mut semi_axes: SemiAxes = variances
        .map(|variance| (farthest * variance).sqrt())
        .into();
    semi_axes.sort_by(f64::total_cmp);
    Some(semi_axes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    #[test]
    fn the_area_is_that_of_the_manuals_series() {
        assert!((area([2.0; 3]) - 16.0 * PI).abs() < 1e-12);
        // The series summed with scipy's Legendre polynomials.
        assert!((area([2.0, 2.0, 2.5]) - 54.643_511_499_161_89).abs() < 1e-9);
    }

    #[test]
    fn the_smallest_ellipsoid_around_a_box_is_known() {
        // The ball around a cube, stretched with it.
        let sides = Vector3::new(1.0, 2.0, 5.0);
        let corners: Vec<_> = (0..8)
            .map(|corner| {
                Vector3::from_fn(|axis, _| f64::from(corner >> axis & 1) * sides[axis] + 7.0)
            })
            .collect();
        let found = smallest_around(&corners).unwrap();
        for (found, side) in found.iter().zip(&sides) {
            assert!((found / (side * 0.75f64.sqrt()) - 1.0).abs() < 1e-6);
        }
        assert!(smallest_around(&corners[..4]).is_none());
    }
}
