//! How much of a region is at least how bright: the intensity-volume histogram (IVH).
//!
//! Each voxel has a step, counted from 0 at the low end of the range `G`. A step `k` stands for
//! an intensity `i = i₀ + k w`; its intensity fraction `γ` runs from 0 to 1 over `G`, and its
//! volume fraction `ν` is the share of voxels at that step or above. What `i₀`, `w` and `G` are
//! depends on the setting `ivh_discretisation`, as the IBSI reference manual (arXiv:1612.07003)
//! asks for calibrated discrete, calibrated continuous and arbitrary intensities:
//!
//! | `ivh_discretisation` | `i₀` | `w` | `G` |
//! |---|---|---|---|
//! | none | low | 1 | low to high |
//! | bins of a width | low + width/2 | width | low + width/2 to high - width/2 |
//! | bin count `n` | 1 | 1 | 1 to n, whatever the setting `ivh_range` |
//!
//! Low and high are the ends of the setting `ivh_range`, or the region's minimum and maximum;
//! low is the bins' own start where they have one.
//! No histogram is stored: the features need counts at a few steps only, so a wide range of
//! narrow steps costs nothing.

mod features;

pub use features::FEATURES;

use crate::{Compute, Discretisation, FeatureClass, Roi, Settings, statistics::sum_of};

/// Points on the intensity-volume histogram of a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IvhTerms {
    /// The largest volume fraction whose intensity fraction is at least 0.1; NaN where there is
    /// only one step.
    pub volume_at_10_percent: f64,
    /// The same for 0.9.
    pub volume_at_90_percent: f64,
    /// The smallest intensity whose volume fraction is at most 0.1.
    pub intensity_at_10_percent: f64,
    /// The same for 0.9.
    pub intensity_at_90_percent: f64,
    /// Area under volume against intensity fraction by the trapezoidal rule; 0 where all voxels
    /// are at one step.
    pub area_under_curve: f64,
}

impl IvhTerms {
    /// Measure the intensities of a region.
    #[must_use]
    pub fn of(roi: &Roi, settings: &Settings) -> Self {
        let scale = Scale::of(&roi.intensities, settings);
        let mut steps: Vec<f64> = roi.intensities.iter().map(|&x| scale.step(x)).collect();
        Self {
            volume_at_10_percent: scale.volume_at(&steps, 0.1),
            volume_at_90_percent: scale.volume_at(&steps, 0.9),
            area_under_curve: scale.area_under_curve(&steps),
            intensity_at_10_percent: scale.intensity_at(&mut steps, 0.1),
            intensity_at_90_percent: scale.intensity_at(&mut steps, 0.9),
        }
    }
}

/// How intensities become steps.
struct Scale {
    /// Where step 0 begins.
    begin: f64,
    /// How far in intensity it is to the next step.
    step: f64,
    /// The last step.
    last: f64,
    /// How many steps, possibly not whole, `γ` takes from 0 to 1.
    span: f64,
    /// What step 0 stands for, `i₀`.
    origin: f64,
    /// What lies between steps, `w`.
    width: f64,
}

impl Scale {
    fn of(x: &[f64], settings: &Settings) -> Self {
        let minimum = x.iter().copied().fold(f64::INFINITY, f64::min);
        let maximum = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let [low, high] = settings.ivh_range;
        let high = high.map_or(maximum, |high| high.max(maximum));
        let low = |start: Option<f64>| start.or(low).map_or(minimum, |low| low.min(minimum));
        match settings.ivh_discretisation {
            None => {
                let low = low(None);
                Self {
                    begin: low,
                    step: 1.0,
                    last: (high - low).floor(),
                    span: high - low,
                    origin: low,
                    width: 1.0,
                }
            }
            Some(Discretisation::BinWidth(width)) => {
                let edge = minimum - minimum.rem_euclid(width);
                Self::of_bins(edge, high, maximum, width)
            }
            Some(Discretisation::BinWidthFrom { width, start }) => {
                Self::of_bins(low(start), high, maximum, width)
            }
            Some(Discretisation::BinCount(count)) => {
                let count = f64::from(count);
                let (low, high) = if minimum == maximum {
                    (minimum - 0.5, maximum + 0.5)
                } else {
                    (minimum, maximum)
                };
                Self {
                    begin: low,
                    step: (high - low) / count,
                    last: count - 1.0,
                    span: count - 1.0,
                    origin: 1.0,
                    width: 1.0,
                }
            }
        }
    }

    fn of_bins(low: f64, high: f64, maximum: f64, width: f64) -> Self {
        let bins = (high - low) / width;
        Self {
            begin: low,
            step: width,
            // A voxel at the high end is in a bin that begins there.
            last: if maximum == high {
                bins.floor()
            } else {
                bins.ceil() - 1.0
            },
            span: bins - 1.0,
            origin: low + 0.5 * width,
            width,
        }
    }

    fn step(&self, x: f64) -> f64 {
        let step = ((x - self.begin) / self.step).floor();
        step.min(self.last).max(0.0)
    }

    fn volume_at(&self, steps: &[f64], fraction: f64) -> f64 {
        if self.span <= 0.0 {
            return f64::NAN;
        }
        // The product is right but for rounding.
        let near = (fraction * self.span).ceil();
        let reached = [near - 1.0, near]
            .into_iter()
            .find(|step| step / self.span >= fraction);
        count_from(steps, reached.unwrap_or(near + 1.0)) / steps.len() as f64
    }

    /// Reorders the steps. One step beyond the range where every step has more voxels.
    fn intensity_at(&self, steps: &mut [f64], fraction: f64) -> f64 {
        let n = steps.len();
        // As many voxels, the brightest ones, may be at the step or above; the next may not.
        let near = (fraction * n as f64) as usize;
        let allowed = [near + 1, near]
            .into_iter()
            .find(|&count| count as f64 / n as f64 <= fraction);
        let next = allowed.unwrap_or(near.saturating_sub(1));
        let step = if next < n {
            let (_, step, _) = steps.select_nth_unstable_by(next, |a, b| b.total_cmp(a));
            *step + 1.0
        } else {
            0.0
        };
        self.origin + step * self.width
    }

    fn area_under_curve(&self, steps: &[f64]) -> f64 {
        let one_step = steps.windows(2).all(|pair| pair[0] == pair[1]);
        if one_step || self.span <= 0.0 {
            return 0.0;
        }
        // A voxel at step k counts at the steps 0 to k, at the two ends of the range by half.
        let n = steps.len() as f64;
        let at_ends = 0.5 * (n + count_from(steps, self.last));
        (sum_of(steps, |step| step + 1.0) - at_ends) / (n * self.span)
    }
}

/// Number of voxels at a step or above.
fn count_from(steps: &[f64], step: f64) -> f64 {
    steps.iter().filter(|&&other| other >= step).count() as f64
}

/// Intensity-volume histogram.
pub static INTENSITY_VOLUME_HISTOGRAM: FeatureClass = FeatureClass {
    name: "ivh",
    title: "How much of the region is at least how bright",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, settings, wanted| {
        let terms = IvhTerms::of(roi, settings);
        Ok(wanted
            .iter()
            .map(|&feature| (FEATURES[feature].value)(&terms))
            .collect())
    }),
};
