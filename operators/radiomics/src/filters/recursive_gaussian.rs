//! Recursive filters that approximate the convolution with a Gaussian and its derivatives.
//!
//! Deriche's method (INRIA report 1893, 1993) with the coefficients of Farnebäck and Westin, as
//! in ITK's `RecursiveGaussianImageFilter`: a causal and an anticausal recursion of fourth
//! order, the line going on beyond its ends with its end values. Operations come in ITK's order
//! and in double precision, so that the bits are ITK's.

use super::lines::{LANES, Lanes, LineFilter};

/// The two damped oscillations whose sum approximates a Gaussian, of unit deviation, for
/// positive arguments `t`:
/// `Σ exp(decay t) (cosine cos(frequency t) + sine sin(frequency t))`.
struct Oscillation {
    frequency: f64,
    decay: f64,
}

const OSCILLATIONS: [Oscillation; 2] = [
    Oscillation {
        frequency: 0.6681,
        decay: -1.3932,
    },
    Oscillation {
        frequency: 2.0787,
        decay: -1.3732,
    },
];

/// Amplitudes (cosine, sine) of the two oscillations.
type Amplitudes = [[f64; 2]; 2];

const SMOOTHING: Amplitudes = [[1.3530, 1.8151], [-0.3531, 0.0902]];
const SECOND_DERIVATIVE: Amplitudes = [[-1.3563, 5.2318], [0.3446, -2.2355]];

/// What is left, after `t` standard deviations, of a disturbance of the state of a recursion:
/// it decays at least as fast as `exp(-SLOWEST_DECAY t)`.
pub(super) const SLOWEST_DECAY: f64 = 1.3732;

/// A causal and an anticausal recursion, whose sum is the filter.
///
/// Causal: `y[i] = Σ causal[k] x[i-k] - Σ feedback[k] y[i-1-k]`; anticausal:
/// `y[i] = Σ anticausal[k] x[i+1+k] - Σ feedback[k] y[i+1+k]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RecursiveGaussian {
    causal: [f64; 4],
    anticausal: [f64; 4],
    feedback: [f64; 4],
    /// `feedback` times what a recursion rests at before the line begins, by its first value.
    causal_rest: [f64; 4],
    anticausal_rest: [f64; 4],
}

/// Value of a polynomial in `1/z` at 1, and its first two moments `Σ k c_k`, `Σ k² c_k`.
#[derive(Clone, Copy)]
struct Moments {
    sum: f64,
    first: f64,
    second: f64,
}

impl RecursiveGaussian {
    /// Smooth with a Gaussian; constants stay what they are.
    pub(super) fn smoothing(sigma_mm: f64, spacing_mm: f64) -> Self {
        let sigma_voxels = sigma_mm / spacing_mm;
        let (feedback, below) = denominator(sigma_voxels);
        let (numerator, above) = numerator(sigma_voxels, SMOOTHING);
        let gain = 2.0 * above.sum / below.sum - numerator[0];
        Self::new(numerator.map(|n| n * (1.0 / gain)), feedback)
    }

    /// Second derivative (per voxel²) after smoothing with a Gaussian, times the square of
    /// `sigma_mm`, so that responses at different scales can be compared.
    pub(super) fn second_derivative(sigma_mm: f64, spacing_mm: f64) -> Self {
        let sigma_voxels = sigma_mm / spacing_mm;
        let (feedback, below) = denominator(sigma_voxels);
        let (smooth, smooth_above) = numerator(sigma_voxels, SMOOTHING);
        let (second, second_above) = numerator(sigma_voxels, SECOND_DERIVATIVE);
        // As much of the Gaussian is added as makes the response to a constant vanish.
        let share = -(2.0 * second_above.sum - below.sum * second[0])
            / (2.0 * smooth_above.sum - below.sum * smooth[0]);
        let numerator: [f64; 4] = std::array::from_fn(|k| second[k] + share * smooth[k]);
        let above = Moments {
            sum: second_above.sum + share * smooth_above.sum,
            first: second_above.first + share * smooth_above.first,
            second: second_above.second + share * smooth_above.second,
        };
        let Moments { sum, first, second } = below;
        let gain =
            (above.second * sum * sum - second * above.sum * sum - 2.0 * above.first * first * sum
                + 2.0 * first * first * above.sum)
                / (sum * sum * sum);
        let scale = sigma_mm * sigma_mm / gain;
        Self::new(numerator.map(|n| n * scale), feedback)
    }

    /// The symmetric filter with this causal part.
    fn new(causal: [f64; 4], feedback: [f64; 4]) -> Self {
        let [n0, n1, n2, n3] = causal;
        let [d1, d2, d3, d4] = feedback;
        let anticausal = [n1 - d1 * n0, n2 - d2 * n0, n3 - d3 * n0, -d4 * n0];
        let total = |c: [f64; 4]| c[0] + c[1] + c[2] + c[3];
        let below = 1.0 + d1 + d2 + d3 + d4;
        let rest = |part: [f64; 4]| feedback.map(|d| d * total(part) / below);
        Self {
            causal_rest: rest(causal),
            anticausal_rest: rest(anticausal),
            causal,
            anticausal,
            feedback,
        }
    }
}

/// Coefficients 1 to 4 of the denominator, and the moments of the whole of it.
fn denominator(sigma_voxels: f64) -> ([f64; 4], Moments) {
    let [cos1, cos2] = OSCILLATIONS.map(|o| (o.frequency / sigma_voxels).cos());
    let [exp1, exp2] = OSCILLATIONS.map(|o| (o.decay / sigma_voxels).exp());
    let d4 = exp1 * exp1 * exp2 * exp2;
    let mut d3 = -2.0 * cos1 * exp1 * exp2 * exp2;
    d3 += -2.0 * cos2 * exp2 * exp1 * exp1;
    let mut d2 = 4.0 * cos2 * cos1 * exp1 * exp2;
    d2 += exp1 * exp1 + exp2 * exp2;
    let d1 = -2.0 * (exp2 * cos2 + exp1 * cos1);
    let moments = Moments {
        sum: 1.0 + d1 + d2 + d3 + d4,
        first: d1 + 2.0 * d2 + 3.0 * d3 + 4.0 * d4,
        second: d1 + 4.0 * d2 + 9.0 * d3 + 16.0 * d4,
    };
    ([d1, d2, d3, d4], moments)
}

/// Coefficients 0 to 3 of the numerator of two oscillations, and their moments.
fn numerator(sigma_voxels: f64, amplitudes: Amplitudes) -> ([f64; 4], Moments) {
    let [[a1, b1], [a2, b2]] = amplitudes;
    let [sin1, sin2] = OSCILLATIONS.map(|o| (o.frequency / sigma_voxels).sin());
    let [cos1, cos2] = OSCILLATIONS.map(|o| (o.frequency / sigma_voxels).cos());
    let [exp1, exp2] = OSCILLATIONS.map(|o| (o.decay / sigma_voxels).exp());
    let n0 = a1 + a2;
    let mut n1 = exp2 * (b2 * sin2 - (a2 + 2.0 * a1) * cos2);
    n1 += exp1 * (b1 * sin1 - (a1 + 2.0 * a2) * cos1);
    let mut n2 = (a1 + a2) * cos2 * cos1;
    n2 -= b1 * cos2 * sin1 + b2 * cos1 * sin2;
    n2 *= 2.0 * exp1 * exp2;
    n2 += a2 * exp1 * exp1 + a1 * exp2 * exp2;
    let mut n3 = exp2 * exp1 * exp1 * (b2 * sin2 - a2 * cos2);
    n3 += exp1 * exp2 * exp2 * (b1 * sin1 - a1 * cos1);
    let moments = Moments {
        sum: n0 + n1 + n2 + n3,
        first: n1 + 2.0 * n2 + 3.0 * n3,
        second: n1 + 4.0 * n2 + 9.0 * n3,
    };
    ([n0, n1, n2, n3], moments)
}

/// `Σ c[k] x[k]`, from the first term on.
#[inline(always)]
fn combine(x: [&Lanes; 4], c: &[f64; 4]) -> Lanes {
    let mut sum = Lanes::ZERO;
    for l in 0..LANES {
        sum.0[l] = x[0].0[l] * c[0] + x[1].0[l] * c[1] + x[2].0[l] * c[2] + x[3].0[l] * c[3];
    }
    sum
}

#[inline(always)]
fn minus(a: Lanes, b: Lanes) -> Lanes {
    let mut difference = a;
    for l in 0..LANES {
        difference.0[l] -= b.0[l];
    }
    difference
}

/// A recursion under way: the last inputs and outputs, newest first.
struct State<'a> {
    input: [Lanes; 4],
    output: [Lanes; 4],
    feedforward: &'a [f64; 4],
    feedback: &'a [f64; 4],
}

impl<'a> State<'a> {
    /// A recursion at rest on the value with which the line begins.
    #[inline(always)]
    fn resting(end: Lanes, feedforward: &'a [f64; 4], feedback: &'a [f64; 4]) -> Self {
        Self {
            input: [end; 4],
            output: [end; 4],
            feedforward,
            feedback,
        }
    }

    /// Take the newest input and give the next output.
    #[inline(always)]
    fn step(&mut self, newest: Lanes, feedback: &[f64; 4]) -> Lanes {
        self.input = [newest, self.input[0], self.input[1], self.input[2]];
        let next = minus(
            combine(self.input.each_ref(), self.feedforward),
            combine(self.output.each_ref(), feedback),
        );
        self.output = [next, self.output[0], self.output[1], self.output[2]];
        next
    }

    /// The `i`th step of the line: until four outputs are there, the missing ones are the end
    /// value, times what the recursion rests at.
    #[inline(always)]
    fn starting_step(&mut self, i: usize, newest: Lanes, rest: &[f64; 4]) -> Lanes {
        let feedback = std::array::from_fn(|k| if k < i { self.feedback[k] } else { rest[k] });
        self.step(newest, &feedback)
    }
}

impl LineFilter for RecursiveGaussian {
    #[inline(always)]
    fn filter(&self, data: &mut [Lanes], first: usize, out: &mut [Lanes]) {
        let end = first + out.len();
        let (Some(&head), Some(&tail)) = (data.first(), data.last()) else {
            return;
        };

        let mut state = State::resting(head, &self.causal, &self.feedback);
        let start = end.min(4);
        for (i, &x) in data[..start].iter().enumerate() {
            let y = state.starting_step(i, x, &self.causal_rest);
            if i >= first {
                out[i - first] = y;
            }
        }
        let skip = first.max(start);
        for &x in &data[start..skip] {
            state.step(x, &self.feedback);
        }
        for (y, &x) in out[skip - first..].iter_mut().zip(&data[skip..end]) {
            *y = state.step(x, &self.feedback);
        }

        // Anticausally an output is made from the inputs beyond its own.
        let mut state = State::resting(tail, &self.anticausal, &self.feedback);
        let last = data.len() - 1;
        let mut newest = tail;
        for i in 0..=last - first {
            let at = last - i;
            let y = if i < 4 {
                state.starting_step(i, newest, &self.anticausal_rest)
            } else {
                state.step(newest, &self.feedback)
            };
            if at < end {
                let sum = &mut out[at - first];
                for l in 0..LANES {
                    sum.0[l] += y.0[l];
                }
            }
            newest = data[at];
        }
    }
}
