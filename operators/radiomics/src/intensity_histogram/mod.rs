//! How the grey levels of a region are distributed: first-order statistics after
//! discretisation, and the slope of the histogram.
//!
//! Definitions are those of the IBSI reference manual (arXiv:1612.07003), chapter Intensity
//! histogram features. The histogram `n` has one entry a grey level from 1 to the largest that
//! occurs, levels without voxels included. Statistics are sums over levels, so they cost
//! nothing once the levels are counted.

mod features;

pub use features::FEATURES;

use crate::{Compute, FeatureClass, GreyLevels, statistics::entropy_bits};

/// What the features of the intensity histogram are computed from, in grey levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistogramTerms {
    /// Smallest grey level that occurs.
    pub minimum: f64,
    /// Largest grey level.
    pub maximum: f64,
    /// Average grey level.
    pub mean: f64,
    /// The commonest grey level; of several, the one nearest to the mean.
    pub mode: f64,
    /// 10th percentile.
    pub percentile_10: f64,
    /// 25th percentile.
    pub percentile_25: f64,
    /// 50th percentile.
    pub median: f64,
    /// 75th percentile.
    pub percentile_75: f64,
    /// 90th percentile.
    pub percentile_90: f64,
    /// Mean of the squared distance from the mean.
    pub moment_2: f64,
    /// Mean of the cubed distance from the mean.
    pub moment_3: f64,
    /// Mean of the fourth power of the distance from the mean.
    pub moment_4: f64,
    /// Mean of the absolute distance from the mean.
    pub mean_absolute_deviation: f64,
    /// The same among the levels from the 10th to the 90th percentile.
    pub robust_mean_absolute_deviation: f64,
    /// Mean of the absolute distance from the median.
    pub median_absolute_deviation: f64,
    /// Entropy of the levels, in bits.
    pub entropy_bits: f64,
    /// Sum of the squared shares of the levels.
    pub uniformity: f64,
    /// Where the histogram rises most.
    pub steepest_rise: Slope,
    /// Where it falls most.
    pub steepest_fall: Slope,
}

/// The slope of the histogram at a grey level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Voxels a level.
    pub gradient: f64,
    /// The level; the lowest of several with this gradient.
    pub level: f64,
}

impl HistogramTerms {
    /// Measure the grey levels of a region.
    #[must_use]
    pub fn of(grey_levels: &GreyLevels) -> Self {
        let levels: Vec<f64> = grey_levels.values.iter().copied().map(f64::from).collect();
        let counts: Vec<f64> = grey_levels.counts.iter().map(|&n| n as f64).collect();
        let table = Table { levels, counts };
        let mean = table.mean();
        let [
            percentile_10,
            percentile_25,
            median,
            percentile_75,
            percentile_90,
        ] = [0.1, 0.25, 0.5, 0.75, 0.9].map(|fraction| table.quantile(fraction));
        let middle = table.within(percentile_10, percentile_90);
        let middle_mean = middle.mean();
        let count = table.count();
        let shares: Vec<f64> = table.counts.iter().map(|n| n / count).collect();
        let [steepest_rise, steepest_fall] = slopes(grey_levels);
        Self {
            minimum: table.levels.first().copied().unwrap_or(f64::NAN),
            maximum: table.levels.last().copied().unwrap_or(f64::NAN),
            mean,
            mode: table.mode(mean),
            percentile_10,
            percentile_25,
            median,
            percentile_75,
            percentile_90,
            moment_2: table.average(|level| (level - mean).powi(2)),
            moment_3: table.average(|level| (level - mean).powi(3)),
            moment_4: table.average(|level| (level - mean).powi(4)),
            mean_absolute_deviation: table.average(|level| (level - mean).abs()),
            robust_mean_absolute_deviation: middle.average(|level| (level - middle_mean).abs()),
            median_absolute_deviation: table.average(|level| (level - median).abs()),
            entropy_bits: entropy_bits(&shares),
            uniformity: shares.iter().map(|p| p * p).sum(),
            steepest_rise,
            steepest_fall,
        }
    }

    /// Third standardised moment, 0 where all levels are equal.
    #[must_use]
    pub fn skewness(&self) -> f64 {
        if self.moment_2 == 0.0 {
            0.0
        } else {
            self.moment_3 / self.moment_2.powf(1.5)
        }
    }

    /// Fourth standardised moment less 3, 0 where all levels are equal.
    #[must_use]
    pub fn excess_kurtosis(&self) -> f64 {
        if self.moment_2 == 0.0 {
            0.0
        } else {
            self.moment_4 / self.moment_2.powi(2) - 3.0
        }
    }
}

/// The levels that occur, ascending, and how many voxels have each.
struct Table {
    levels: Vec<f64>,
    counts: Vec<f64>,
}

impl Table {
    fn count(&self) -> f64 {
        self.counts.iter().sum()
    }

    fn average(&self, f: impl Fn(f64) -> f64) -> f64 {
        let weighted = self.levels.iter().zip(&self.counts);
        weighted.map(|(&level, n)| n * f(level)).sum::<f64>() / self.count()
    }

    fn mean(&self) -> f64 {
        self.average(|level| level)
    }

    fn within(&self, low: f64, high: f64) -> Self {
        let pairs = self.levels.iter().copied().zip(self.counts.iter().copied());
        let (levels, counts) = pairs
            .filter(|(level, _)| (low..=high).contains(level))
            .unzip();
        Self { levels, counts }
    }

    fn mode(&self, mean: f64) -> f64 {
        let mut mode = [0.0, f64::NAN];
        for (&level, &n) in self.levels.iter().zip(&self.counts) {
            let [most, at] = mode;
            if n > most || (n == most && (level - mean).abs() < (at - mean).abs()) {
                mode = [n, level];
            }
        }
        mode[1]
    }

    /// By linear interpolation between order statistics, as for intensities.
    fn quantile(&self, fraction: f64) -> f64 {
        let last = self.count() - 1.0;
        let position = fraction * last;
        let order_statistic = |rank: f64| {
            let mut below = 0.0;
            for (&level, n) in self.levels.iter().zip(&self.counts) {
                below += n;
                if rank < below {
                    return level;
                }
            }
            f64::NAN
        };
        let low = order_statistic(position.floor());
        let high = order_statistic((position.floor() + 1.0).min(last));
        low + (high - low) * position.fract()
    }
}

/// The steepest rise and fall: differences of the two neighbours halved, at the ends of the
/// histogram of a level and its one neighbour.
fn slopes(grey_levels: &GreyLevels) -> [Slope; 2] {
    let mut histogram = vec![0.0; grey_levels.maximum() as usize];
    for (&level, &n) in grey_levels.values.iter().zip(&grey_levels.counts) {
        histogram[level as usize - 1] = n as f64;
    }
    let last = histogram.len().saturating_sub(1);
    let gradient = |i: usize| {
        let (before, after) = (i.saturating_sub(1), (i + 1).min(last));
        match after - before {
            0 => 0.0,
            steps => (histogram[after] - histogram[before]) / steps as f64,
        }
    };
    let first = Slope {
        gradient: gradient(0),
        level: 1.0,
    };
    let mut steepest = [first, first];
    for i in 1..histogram.len() {
        let here = Slope {
            gradient: gradient(i),
            level: (i + 1) as f64,
        };
        if here.gradient > steepest[0].gradient {
            steepest[0] = here;
        }
        if here.gradient < steepest[1].gradient {
            steepest[1] = here;
        }
    }
    steepest
}

/// Intensity histogram.
pub static INTENSITY_HISTOGRAM: FeatureClass = FeatureClass {
    name: "ih",
    title: "Distribution of the grey levels, wherever the voxels lie",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, _, wanted| {
        let terms = HistogramTerms::of(&roi.grey_levels);
        Ok(wanted
            .iter()
            .map(|&feature| (FEATURES[feature].value)(&terms))
            .collect())
    }),
};
