//! From decision values to probabilities (Platt 1999).

use super::sigmoid;

/// `P(positive | f) = 1 / (1 + exp(slope · f + offset))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sigmoid {
    /// Negative where larger decision values mean positive.
    pub(crate) slope: f64,
    /// Log odds of the negative class at `f = 0`.
    pub(crate) offset: f64,
}

/// Newton steps; the loss is convex in two unknowns and a handful suffices.
const STEPS: usize = 100;

impl Sigmoid {
    /// The sigmoid of largest likelihood for Platt's smoothed targets, by Newton's method with
    /// halved steps (Lin, Lin and Weng, Mach Learn 2007;68:267).
    ///
    /// # Shapes
    /// `decisions`, `labels`: one a case.
    pub(crate) fn fit(decisions: &[f64], labels: &[bool]) -> Self {
        let positives = labels.iter().filter(|&&l| l).count() as f64;
        let negatives = labels.len() as f64 - positives;
        let (high, low) = (
            (positives + 1.0) / (positives + 2.0),
            1.0 / (negatives + 2.0),
        );
        let cases: Vec<(f64, f64)> = decisions
            .iter()
            .zip(labels)
            .map(|(&f, &label)| (f, if label { high } else { low }))
            .collect();
        let mut at = Self {
            slope: 0.0,
            offset: libm::log((negatives + 1.0) / (positives + 1.0)),
        };
        let mut loss = at.loss(&cases);
        for _ in 0..STEPS {
            // The small ridge keeps the system solvable where all decisions are equal.
            let (mut h11, mut h22, mut h21) = (1e-12, 1e-12, 0.0);
            let (mut g1, mut g2) = (0.0, 0.0);
            for &(f, target) in &cases {
                let p = at.probability(f);
                let weight = p * (1.0 - p);
                h11 += f * f * weight;
                h22 += weight;
                h21 += f * weight;
                g1 += f * (target - p);
                g2 += target - p;
            }
            if g1.abs() < 1e-10 && g2.abs() < 1e-10 {
                break;
            }
            let determinant = h11 * h22 - h21 * h21;
            let d_slope = -(h22 * g1 - h21 * g2) / determinant;
            let d_offset = -(h11 * g2 - h21 * g1) / determinant;
            let downhill = g1 * d_slope + g2 * d_offset;
            let mut step = 1.0;
            let better = loop {
                let next = Self {
                    slope: at.slope + step * d_slope,
                    offset: at.offset + step * d_offset,
                };
                let next_loss = next.loss(&cases);
                if next_loss < loss + 1e-4 * step * downhill {
                    break Some((next, next_loss));
                }
                step /= 2.0;
                if step < 1e-10 {
                    break None;
                }
            };
            let Some(better) = better else { break };
            (at, loss) = better;
        }
        at
    }

    /// Probability of the positive class.
    pub(crate) fn probability(&self, decision: f64) -> f64 {
        sigmoid(-(self.slope * decision + self.offset))
    }

    fn loss(&self, cases: &[(f64, f64)]) -> f64 {
        cases
            .iter()
            .map(|&(f, target)| {
                let t = self.slope * f + self.offset;
                // target · t + log(1 + exp(-t)), without overflow.
                if t >= 0.0 {
                    target * t + libm::log1p(libm::exp(-t))
                } else {
                    (target - 1.0) * t + libm::log1p(libm::exp(t))
                }
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::Golden;

    #[test]
    fn the_sigmoid_is_that_of_scikit_learn() {
        let golden = Golden::load();
        let labels = &golden.labels()[..golden.train_rows()];
        let fitted = Sigmoid::fit(&golden.numbers("/platt/decision"), labels);
        let expected = golden.numbers("/platt/slope_offset");
        assert!((fitted.slope - expected[0]).abs() < 1e-5, "{fitted:?}");
        assert!((fitted.offset - expected[1]).abs() < 1e-5, "{fitted:?}");
    }

    #[test]
    fn decisions_that_say_nothing_give_the_share_of_positives() {
        let labels = [true, false, false, false];
        let fitted = Sigmoid::fit(&[0.7; 4], &labels);
        // The mean of Platt's targets, 2/3 for the positive case and 1/5 for the others.
        let expected = (2.0 / 3.0 + 3.0 / 5.0) / 4.0;
        assert!((fitted.probability(0.7) - expected).abs() < 1e-6);
    }

    #[test]
    fn separated_classes_stay_finite() {
        let decisions: Vec<f64> = (0..20).map(|i| f64::from(i) - 9.5).collect();
        let labels: Vec<bool> = decisions.iter().map(|&d| d > 0.0).collect();
        let fitted = Sigmoid::fit(&decisions, &labels);
        assert!(fitted.slope < 0.0 && fitted.slope.is_finite() && fitted.offset.is_finite());
        assert!(Sigmoid::fit(&[], &[]).probability(0.0).is_finite());
    }
}
