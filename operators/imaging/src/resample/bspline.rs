//! Cubic B-spline interpolation: the filter that turns samples into coefficients, and the
//! weights of the four coefficients around a point.
//!
//! A cubic spline through samples `s[k]` is `Σ c[k] β³(x - k)`. The coefficients follow from
//! two first-order recursions with the pole `z = √3 - 2` and the gain `(1 - z)(1 - 1/z) = 6`
//! (Unser, Aldroubi, Eden: B-spline signal processing, IEEE Trans Signal Process
//! 1993;41:821-848), samples mirrored at the centres of the first and last voxel, as in ITK's
//! `BSplineDecompositionImageFilter`.

use super::real::Real;

/// The pole of the cubic B-spline's inverse filter, `√3 - 2`.
const POLE: f64 = -0.267_949_192_431_122_7;

/// The inverse filter's gain; the recursions leave it out and the weights carry it.
pub(super) const GAIN: f64 = 6.0;

/// Samples that the causal recursion's first value takes in: `|z|^18 < 1e-10`, ITK's tolerance.
const HORIZON: usize = 18;

/// Turn `L` lines of samples into spline coefficients divided by [`GAIN`], in place.
///
/// A line of one sample is left as it is apart from the gain, so that the constant comes back.
///
/// # Shapes
/// `lines`: `[n][L]`, one line a lane.
#[inline(always)]
pub(super) fn prefilter<F: Real, const L: usize>(lines: &mut [[F; L]]) {
    let n = lines.len();
    let pole = F::from_f64(POLE);
    if n < 2 {
        let shrink = F::from_f64(1.0 / GAIN);
        for line in lines {
            for value in line {
                *value = *value * shrink;
            }
        }
        return;
    }

    let mut carry = first_causal(lines);
    lines[0] = carry;
    for line in &mut lines[1..] {
        for (value, previous) in line.iter_mut().zip(&mut carry) {
            *previous = *value + pole * *previous;
            *value = *previous;
        }
    }

    let scale = F::from_f64(POLE / (POLE * POLE - 1.0));
    let (last, before) = (lines[n - 1], lines[n - 2]);
    for lane in 0..L {
        carry[lane] = scale * (last[lane] + pole * before[lane]);
    }
    lines[n - 1] = carry;
    for line in lines[..n - 1].iter_mut().rev() {
        for (value, next) in line.iter_mut().zip(&mut carry) {
            *next = pole * (*next - *value);
            *value = *next;
        }
    }
}

/// First value of the causal recursion: `Σ z^k s[k]` over the mirrored line.
#[inline(always)]
fn first_causal<F: Real, const L: usize>(lines: &[[F; L]]) -> [F; L] {
    let n = lines.len();
    let mut sum = lines[0];
    if HORIZON < n {
        let mut power = POLE;
        for line in &lines[1..HORIZON] {
            let weight = F::from_f64(power);
            for lane in 0..L {
                sum[lane] = sum[lane] + weight * line[lane];
            }
            power *= POLE;
        }
        return sum;
    }
    // The mirrored line has period 2n - 2; the sum over all periods is a geometric series.
    let last = POLE.powi(n as i32 - 1);
    for lane in 0..L {
        sum[lane] = sum[lane] + F::from_f64(last) * lines[n - 1][lane];
    }
    for (k, line) in lines.iter().enumerate().take(n - 1).skip(1) {
        let weight = F::from_f64(POLE.powi(k as i32) + POLE.powi((2 * n - 2 - k) as i32));
        for lane in 0..L {
            sum[lane] = sum[lane] + weight * line[lane];
        }
    }
    let series = F::from_f64(1.0 / (1.0 - last * last));
    sum.map(|value| value * series)
}

/// Weights of the coefficients at `⌊x⌋ - 1 ..= ⌊x⌋ + 2` for a point `fraction = x - ⌊x⌋`.
#[inline(always)]
pub(super) fn weights(fraction: f64) -> [f64; 4] {
    let last = fraction * fraction * fraction / 6.0;
    let first = 1.0 / 6.0 + fraction * (fraction - 1.0) / 2.0 - last;
    let third = fraction + first - 2.0 * last;
    let second = 1.0 - first - third - last;
    [first, second, third, last]
}

/// The sample that stands at `index` when a line of `n` is mirrored at its end centres.
#[inline(always)]
pub(super) fn mirrored(index: isize, n: usize) -> usize {
    if n == 1 {
        return 0;
    }
    let period = 2 * n as isize - 2;
    let wrapped = index.rem_euclid(period);
    wrapped.min(period - wrapped) as usize
}
