//! Where the target's voxels fall along one axis of the source, and what each is made of.

use std::ops::Range;

use super::{bspline, real::Real};

/// A coordinate this close to a voxel centre, in voxels, is that centre.
const ON_CENTRE_VOXELS: f64 = 1e-10;

/// Positions of the target's voxels along one source axis, in source voxels.
///
/// Only those inside the source are kept: `-0.5 <= x < n - 0.5`, as ITK's `IsInsideBuffer`.
#[derive(Debug, Clone)]
pub(super) struct Samples {
    /// Number of source voxels.
    pub source_len: usize,
    /// Which target voxels are inside.
    pub inside: Range<usize>,
    /// Positions of the target voxels of `inside`.
    pub positions: Vec<f64>,
}

impl Samples {
    /// Keep what is inside of positions that rise or fall monotonically.
    pub fn new(source_len: usize, positions: &[f64]) -> Self {
        let is_inside = |x: &f64| *x >= -0.5 && *x < source_len as f64 - 0.5;
        let start = positions
            .iter()
            .position(is_inside)
            .unwrap_or(positions.len());
        let count = positions[start..]
            .iter()
            .take_while(|x| is_inside(x))
            .count();
        Self {
            source_len,
            inside: start..start + count,
            positions: positions[start..start + count].to_vec(),
        }
    }

    /// Whether every position is the centre of a source voxel, so that nothing need be
    /// interpolated along this axis.
    pub fn on_centres(&self) -> bool {
        self.positions
            .iter()
            .all(|x| (x - x.round()).abs() <= ON_CENTRE_VOXELS)
    }

    /// The nearest source voxel of each position; halves go up, as in ITK.
    pub fn nearest(&self) -> Vec<usize> {
        self.positions
            .iter()
            .map(|x| ((x + 0.5).floor().max(0.0) as usize).min(self.source_len - 1))
            .collect()
    }
}

/// What each target voxel along an axis is made of: `Σ weight[k] · line[index[k]]`.
pub(super) struct Axis<F, const K: usize> {
    /// Number of source voxels.
    pub source_len: usize,
    /// Whether the line is turned into spline coefficients first.
    pub prefilter: bool,
    /// Whether each target voxel is simply its first tap.
    pub copies: bool,
    /// One a target voxel.
    pub taps: Vec<Tap<F, K>>,
}

/// The source voxels that make a target voxel, and their weights.
pub(super) struct Tap<F, const K: usize> {
    pub index: [usize; K],
    pub weight: [F; K],
}

impl<F: Real, const K: usize> Axis<F, K> {
    /// Whether the axis changes nothing.
    pub fn is_identity(&self) -> bool {
        self.copies
            && self.taps.len() == self.source_len
            && self
                .taps
                .iter()
                .enumerate()
                .all(|(i, tap)| tap.index[0] == i)
    }

    fn copying(samples: &Samples) -> Self {
        let taps = samples.nearest().into_iter().map(|nearest| Tap {
            index: [nearest; K],
            weight: std::array::from_fn(|k| F::from_f64(f64::from(u8::from(k == 0)))),
        });
        Self {
            source_len: samples.source_len,
            prefilter: false,
            copies: true,
            taps: taps.collect(),
        }
    }
}

impl<F: Real> Axis<F, 2> {
    /// Linear interpolation; within half a voxel of the border the border's value holds.
    pub fn linear(samples: &Samples) -> Self {
        if samples.on_centres() {
            return Self::copying(samples);
        }
        let taps = samples.positions.iter().map(|&x| {
            let (index, weight) = linear_tap(x, samples.source_len);
            Tap {
                index,
                weight: weight.map(F::from_f64),
            }
        });
        Self {
            source_len: samples.source_len,
            prefilter: false,
            copies: false,
            taps: taps.collect(),
        }
    }
}

impl<F: Real> Axis<F, 4> {
    /// The spline coefficients themselves, one a source voxel.
    pub fn coefficients(source_len: usize) -> Self {
        let taps = (0..source_len).map(|index| Tap {
            index: [index; 4],
            weight: [bspline::GAIN, 0.0, 0.0, 0.0].map(F::from_f64),
        });
        Self {
            source_len,
            prefilter: true,
            copies: false,
            taps: taps.collect(),
        }
    }

    /// Cubic B-spline interpolation on a line mirrored at its end centres.
    pub fn cubic(samples: &Samples) -> Self {
        if samples.on_centres() {
            return Self::copying(samples);
        }
        let taps = samples.positions.iter().map(|&x| {
            let (index, weight) = cubic_tap(x, samples.source_len);
            Tap {
                index,
                weight: weight.map(|w| F::from_f64(bspline::GAIN * w)),
            }
        });
        Self {
            source_len: samples.source_len,
            prefilter: true,
            copies: false,
            taps: taps.collect(),
        }
    }
}

/// The two voxels around `x` and their weights, held at the border.
#[inline(always)]
pub(super) fn linear_tap(x: f64, n: usize) -> ([usize; 2], [f64; 2]) {
    let held = x.clamp(0.0, (n - 1) as f64);
    let below = held.floor();
    let fraction = held - below;
    let lower = below as usize;
    // A neighbour without weight is not read: it may be NaN.
    let upper = if fraction > 0.0 { lower + 1 } else { lower };
    ([lower, upper], [1.0 - fraction, fraction])
}

/// The four spline coefficients around `x` and their weights.
#[inline(always)]
pub(super) fn cubic_tap(x: f64, n: usize) -> ([usize; 4], [f64; 4]) {
    let below = x.floor();
    let first = below as isize - 1;
    (
        std::array::from_fn(|k| bspline::mirrored(first + k as isize, n)),
        bspline::weights(x - below),
    )
}
