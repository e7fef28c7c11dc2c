//! Periodic convolution with the two filters of a wavelet.

use super::{FilterBank, level::Extent, level::Real};

/// Values that are computed side by side.
const LANES: usize = 32;

/// A tap of both filters and where the row lies that it multiplies.
pub(super) type Tap<T> = (usize, T, T);

/// Taps of a wavelet's filters, along one axis.
pub(super) struct Taps<T> {
    low: Vec<T>,
    high: Vec<T>,
    output: Extent,
}

impl<T: Real> Taps<T> {
    pub(super) fn new(bank: &FilterBank, output: Extent) -> Self {
        let [low, high] = T::taps(bank);
        Self { low, high, output }
    }

    /// The taps for the `i`th output in PyWavelets' order of summation. Output `p` of a signal
    /// of length `n` is `Σ_j filter[j] signal[(p + F/2 - j) mod n]`; where that runs over the
    /// end, the taps that do come first and backwards.
    ///
    /// `place` says where the `k`th value of the support lies.
    pub(super) fn at(&self, i: usize, place: impl Fn(usize) -> usize, taps: &mut Vec<Tap<T>>) {
        taps.clear();
        let count = self.low.len();
        let tap = |j: usize| (place(i + count - 1 - j), self.low[j], self.high[j]);
        let reached = self.output.position(i) + count / 2;
        let beyond = (reached + 1).saturating_sub(self.output.period);
        taps.extend((0..beyond).rev().map(tap));
        taps.extend((beyond..count).map(tap));
    }

    /// Whether [`Self::at`] gives the taps of this output in another order than the first to
    /// the last.
    pub(super) fn is_reordered(&self, i: usize) -> bool {
        self.output.position(i) + self.low.len() / 2 >= self.output.period
    }

    /// The taps from the first to the last, for places that do not depend on the output.
    pub(super) fn in_order(&self) -> Vec<Tap<T>> {
        let count = self.low.len();
        (0..count)
            .map(|j| (count - 1 - j, self.low[j], self.high[j]))
            .collect()
    }
}

/// `low[x] = Σ c_low source[place + x]` over the taps, and the same for `high` where it is not
/// empty.
#[inline(always)]
pub(super) fn combine<T: Real>(source: &[T], taps: &[Tap<T>], low: &mut [T], high: &mut [T]) {
    let width = low.len();
    if width < LANES {
        for x in 0..width {
            let (mut l, mut h) = (T::ZERO, T::ZERO);
            for &(place, c_low, c_high) in taps {
                l = l + c_low * source[place + x];
                h = h + c_high * source[place + x];
            }
            low[x] = l;
            if let Some(value) = high.get_mut(x) {
                *value = h;
            }
        }
        return;
    }
    for start in (0..width).step_by(LANES) {
        // The last block overlaps the one before rather than being narrower.
        let start = start.min(width - LANES);
        if high.is_empty() {
            let mut l = [T::ZERO; LANES];
            for &(place, c_low, _) in taps {
                let row = &source[place + start..place + start + LANES];
                for x in 0..LANES {
                    l[x] = l[x] + c_low * row[x];
                }
            }
            low[start..start + LANES].copy_from_slice(&l);
        } else {
            let (mut l, mut h) = ([T::ZERO; LANES], [T::ZERO; LANES]);
            for &(place, c_low, c_high) in taps {
                let row = &source[place + start..place + start + LANES];
                for x in 0..LANES {
                    l[x] = l[x] + c_low * row[x];
                    h[x] = h[x] + c_high * row[x];
                }
            }
            low[start..start + LANES].copy_from_slice(&l);
            high[start..start + LANES].copy_from_slice(&h);
        }
    }
}
