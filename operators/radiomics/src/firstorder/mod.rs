//! How the intensities of a region are distributed, wherever the voxels lie.

mod features;

pub use features::FEATURES;

use crate::{
    Compute, FeatureClass, Roi, Settings, Standard,
    statistics::{entropy_bits, extrema, quantiles, sum_of, sums_of},
};

/// What the first-order features are computed from; intensities in units of the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FirstOrderTerms {
    /// Number of voxels.
    pub count: f64,
    /// Volume of one voxel, in mm³.
    pub voxel_volume_mm3: f64,
    /// Smallest intensity.
    pub minimum: f64,
    /// Largest intensity.
    pub maximum: f64,
    /// Average intensity.
    pub mean: f64,
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
    /// The same among the intensities from the 10th to the 90th percentile.
    pub robust_mean_absolute_deviation: f64,
    /// Mean of the absolute distance from the median.
    pub median_absolute_deviation: f64,
    /// What is taken off the fourth standardised moment: 3 under IBSI, the normal
    /// distribution's, and 0 under PyRadiomics.
    pub kurtosis_offset: f64,
    /// Sum of the squared intensities, each shifted by the setting `voxel_array_shift`.
    pub energy: f64,
    /// Entropy of the grey levels, in bits.
    pub entropy_bits: f64,
    /// Sum of the squared shares of the grey levels.
    pub uniformity: f64,
}

impl FirstOrderTerms {
    /// Measure the intensities of a region.
    #[must_use]
    pub fn of(roi: &Roi, settings: &Settings) -> Self {
        Self::of_values(
            &roi.intensities,
            &roi.grey_levels.counts,
            roi.region.voxel_volume_mm3(),
            settings,
        )
    }

    /// Measure intensities.
    ///
    /// # Shapes
    /// `x`: one intensity a voxel, in any order. `counts`: how many of the voxels have each
    /// grey level; levels that none has may be left out.
    #[must_use]
    pub fn of_values(
        x: &[f64],
        counts: &[usize],
        voxel_volume_mm3: f64,
        settings: &Settings,
    ) -> Self {
        let count = x.len() as f64;
        let [minimum, maximum] = extrema(x);
        let shift = settings.voxel_array_shift;
        let [sum, energy] = sums_of(x, |x| [x, (x + shift) * (x + shift)]);
        // Of equal numbers without rounding: what does not vary has no skewness either.
        let mean = if minimum == maximum {
            minimum
        } else {
            sum / count
        };
        let moments = sums_of(x, |x| {
            let d = x - mean;
            [d.abs(), d * d, d * d * d, (d * d) * (d * d)]
        });
        let [mean_absolute_deviation, moment_2, moment_3, moment_4] =
            moments.map(|sum| sum / count);

        let [
            percentile_10,
            percentile_25,
            median,
            percentile_75,
            percentile_90,
        ] = quantiles(x, [0.1, 0.25, 0.5, 0.75, 0.9]);
        let is_middle = |x: f64| (x >= percentile_10) & (x <= percentile_90);
        let [middle_count, middle_sum] =
            sums_of(x, |x| if is_middle(x) { [1.0, x] } else { [0.0; 2] });
        let middle_mean = middle_sum / middle_count;
        let middle_deviation = sum_of(x, |x| {
            if is_middle(x) {
                (x - middle_mean).abs()
            } else {
                0.0
            }
        });

        let shares: Vec<f64> = counts.iter().map(|&n| n as f64 / count).collect();
        Self {
            count,
            voxel_volume_mm3,
            minimum,
            maximum,
            mean,
            percentile_10,
            percentile_25,
            median,
            percentile_75,
            percentile_90,
            moment_2,
            moment_3,
            moment_4,
            mean_absolute_deviation,
            robust_mean_absolute_deviation: middle_deviation / middle_count,
            median_absolute_deviation: sum_of(x, |x| (x - median).abs()) / count,
            kurtosis_offset: match settings.standard {
                Standard::PyRadiomics => 0.0,
                Standard::Ibsi => 3.0,
            },
            energy,
            entropy_bits: entropy_bits(&shares),
            uniformity: sum_of(&shares, |p| p * p),
        }
    }

    /// Third standardised moment, 0 where all intensities are equal.
    #[must_use]
    pub fn skewness(&self) -> f64 {
        if self.moment_2 == 0.0 {
            0.0
        } else {
            self.moment_3 / self.moment_2.powf(1.5)
        }
    }

    /// Fourth standardised moment less the standard's offset, 0 where all intensities are equal.
    #[must_use]
    pub fn kurtosis(&self) -> f64 {
        if self.moment_2 == 0.0 {
            0.0
        } else {
            self.moment_4 / self.moment_2.powi(2) - self.kurtosis_offset
        }
    }

    /// Standard deviation in units of the mean, 0 where all intensities are equal.
    #[must_use]
    pub fn coefficient_of_variation(&self) -> f64 {
        if self.moment_2 == 0.0 {
            0.0
        } else {
            self.moment_2.sqrt() / self.mean
        }
    }
}

/// First-order statistics.
pub static FIRST_ORDER: FeatureClass = FeatureClass {
    name: "firstorder",
    title: "Distribution of the intensities, wherever the voxels lie",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, settings, wanted| {
        let terms = FirstOrderTerms::of(roi, settings);
        Ok(wanted
            .iter()
            .map(|&feature| (FEATURES[feature].value)(&terms))
            .collect())
    }),
};
