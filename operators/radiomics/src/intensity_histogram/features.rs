//! The features of the intensity histogram.

use super::HistogramTerms;
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

const IBSI: &str = "IBSI reference manual, arXiv:1612.07003, chapter Intensity histogram features";

const LEVELS: &str = "x: grey levels of the N voxels; μ: their mean; σ²: their variance";
const LEVELS_MODE: &str = "n(i): number of voxels with grey level i; μ: mean grey level";
const SHARES: &str = "p: share of the voxels at each grey level that occurs; ε = 2.2e-16";
const SLOPE: &str = "n(i): number of voxels with grey level i, from 1 to the largest that occurs; \
    n'(i) = (n(i+1) - n(i-1)) / 2, at both ends the difference to the one neighbour";

const NO_SLOPE: &str = "0 on either, as there is one grey level, with bins of a fixed width from the region's minimum.";

/// Every feature of the intensity histogram, in the order of the columns.
pub static FEATURES: &[Feature<HistogramTerms>] = &[
    Feature {
        doc: FeatureDoc {
            name: "Mean",
            ibsi: Ibsi::Same("X6K6"),
            symbols: LEVELS,
            formula: "μ = Σ x / N",
            meaning: "The average grey level.",
            unit: "1",
            reference: IBSI,
            degenerate: "The one grey level, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mean,
    },
    Feature {
        doc: FeatureDoc {
            name: "Variance",
            ibsi: Ibsi::Same("CH89"),
            symbols: LEVELS,
            formula: "σ² = Σ (x - μ)² / N",
            meaning: "How spread the grey levels are.",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.moment_2,
    },
    Feature {
        doc: FeatureDoc {
            name: "Skewness",
            ibsi: Ibsi::Same("88K1"),
            symbols: LEVELS,
            formula: "Σ (x - μ)³ / N divided by σ³",
            meaning: "Whether the longer tail is on the bright side (positive) or the dark side \
                (negative).",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either, by convention.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.skewness(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Kurtosis",
            ibsi: Ibsi::Same("C3I7"),
            symbols: LEVELS,
            formula: "Σ (x - μ)⁴ / N divided by σ⁴, less 3",
            meaning: "How heavy the tails are: 0 for a normal distribution, more with outliers.",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either, by convention.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.excess_kurtosis(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Median",
            ibsi: Ibsi::Same("WIFQ"),
            symbols: LEVELS,
            formula: "The 50th percentile of x",
            meaning: "The grey level that half the voxels stay below.",
            unit: "1",
            reference: IBSI,
            degenerate: "The one grey level, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.median,
    },
    Feature {
        doc: FeatureDoc {
            name: "Minimum",
            ibsi: Ibsi::Same("1PR8"),
            symbols: LEVELS,
            formula: "min x",
            meaning: "The grey level of the darkest voxel: 1, unless bins start below the \
                region's minimum.",
            unit: "1",
            reference: IBSI,
            degenerate: "The one grey level, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.minimum,
    },
    Feature {
        doc: FeatureDoc {
            name: "10Percentile",
            ibsi: Ibsi::Same("GPMT"),
            symbols: LEVELS,
            formula: "The 10th percentile of x, interpolated linearly between order statistics",
            meaning: "The grey level that a tenth of the voxels stay below.",
            unit: "1",
            reference: IBSI,
            degenerate: "The one grey level, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.percentile_10,
    },
    Feature {
        doc: FeatureDoc {
            name: "90Percentile",
            ibsi: Ibsi::Same("OZ0C"),
            symbols: LEVELS,
            formula: "The 90th percentile of x, interpolated linearly between order statistics",
            meaning: "The grey level that a tenth of the voxels exceed.",
            unit: "1",
            reference: IBSI,
            degenerate: "The one grey level, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.percentile_90,
    },
    Feature {
        doc: FeatureDoc {
            name: "Maximum",
            ibsi: Ibsi::Same("3NCY"),
            symbols: LEVELS,
            formula: "max x",
            meaning: "The grey level of the brightest voxel: the number of bins.",
            unit: "1",
            reference: IBSI,
            degenerate: "The one grey level, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.maximum,
    },
    Feature {
        doc: FeatureDoc {
            name: "Mode",
            ibsi: Ibsi::Same("AMMC"),
            symbols: LEVELS_MODE,
            formula: "The i with the largest n(i); of several, the one nearest to μ",
            meaning: "The commonest grey level.",
            unit: "1",
            reference: IBSI,
            degenerate: "The one grey level, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mode,
    },
    Feature {
        doc: FeatureDoc {
            name: "InterquartileRange",
            ibsi: Ibsi::Same("WR0O"),
            symbols: LEVELS,
            formula: "The 75th less the 25th percentile of x",
            meaning: "The range of the middle half of the voxels.",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.percentile_75 - t.percentile_25,
    },
    Feature {
        doc: FeatureDoc {
            name: "Range",
            ibsi: Ibsi::Same("5Z3W"),
            symbols: LEVELS,
            formula: "max x - min x",
            meaning: "The whole range of grey levels, outliers included.",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.maximum - t.minimum,
    },
    Feature {
        doc: FeatureDoc {
            name: "MeanAbsoluteDeviation",
            ibsi: Ibsi::Same("D2ZX"),
            symbols: LEVELS,
            formula: "Σ |x - μ| / N",
            meaning: "How far voxels are from the average grey level, on average.",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mean_absolute_deviation,
    },
    Feature {
        doc: FeatureDoc {
            name: "RobustMeanAbsoluteDeviation",
            ibsi: Ibsi::Same("WRZB"),
            symbols: "y: the grey levels from the 10th to the 90th percentile, both included; M \
                of them, with mean ν",
            formula: "Σ |y - ν| / M",
            meaning: "As MeanAbsoluteDeviation, without the outliers.",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.robust_mean_absolute_deviation,
    },
    Feature {
        doc: FeatureDoc {
            name: "MedianAbsoluteDeviation",
            ibsi: Ibsi::Same("4RNL"),
            symbols: "x: grey levels of the N voxels; m: their median",
            formula: "Σ |x - m| / N",
            meaning: "How far voxels are from the middle one, on average.",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.median_absolute_deviation,
    },
    Feature {
        doc: FeatureDoc {
            name: "CoefficientOfVariation",
            ibsi: Ibsi::Same("CWYJ"),
            symbols: LEVELS,
            formula: "σ / μ",
            meaning: "The spread relative to the average grey level.",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.moment_2.sqrt() / t.mean,
    },
    Feature {
        doc: FeatureDoc {
            name: "QuartileCoefficientOfDispersion",
            ibsi: Ibsi::Same("SLWD"),
            symbols: "q₁, q₃: the 25th and the 75th percentile of the grey levels",
            formula: "(q₃ - q₁) / (q₃ + q₁)",
            meaning: "The spread of the middle half relative to its height, outliers left aside.",
            unit: "1",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| (t.percentile_75 - t.percentile_25) / (t.percentile_75 + t.percentile_25),
    },
    Feature {
        doc: FeatureDoc {
            name: "Entropy",
            ibsi: Ibsi::Same("TLU2"),
            symbols: SHARES,
            formula: "-Σ p log₂(p + ε)",
            meaning: "How many bits it takes to say a voxel's grey level: how varied the \
                intensities are.",
            unit: "bit",
            reference: IBSI,
            degenerate: "0 on either, up to ε.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.entropy_bits,
    },
    Feature {
        doc: FeatureDoc {
            name: "Uniformity",
            ibsi: Ibsi::Same("BJ5W"),
            symbols: SHARES,
            formula: "Σ p²",
            meaning: "How likely two voxels drawn with replacement have the same grey level: 1 \
                where all are alike.",
            unit: "1",
            reference: IBSI,
            degenerate: "1 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.uniformity,
    },
    Feature {
        doc: FeatureDoc {
            name: "MaximumHistogramGradient",
            ibsi: Ibsi::Same("12CE"),
            symbols: SLOPE,
            formula: "max n'(i)",
            meaning: "How suddenly the histogram rises: large for a sharp peak with a steep dark \
                side; grows with the number of voxels.",
            unit: "voxels",
            reference: IBSI,
            degenerate: NO_SLOPE,
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.steepest_rise.gradient,
    },
    Feature {
        doc: FeatureDoc {
            name: "MaximumHistogramGradientGreyLevel",
            ibsi: Ibsi::Same("8E6O"),
            symbols: SLOPE,
            formula: "The i with the largest n'(i); of several, the lowest",
            meaning: "Where the histogram rises most: the dark side of its main peak.",
            unit: "1",
            reference: IBSI,
            degenerate: "1 on either, the first level, with bins of a fixed width from the \
                region's minimum.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.steepest_rise.level,
    },
    Feature {
        doc: FeatureDoc {
            name: "MinimumHistogramGradient",
            ibsi: Ibsi::Same("VQB3"),
            symbols: SLOPE,
            formula: "min n'(i)",
            meaning: "How suddenly the histogram falls: far below 0 for a sharp peak with a steep \
                bright side; grows with the number of voxels.",
            unit: "voxels",
            reference: IBSI,
            degenerate: NO_SLOPE,
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.steepest_fall.gradient,
    },
    Feature {
        doc: FeatureDoc {
            name: "MinimumHistogramGradientGreyLevel",
            ibsi: Ibsi::Same("RHQZ"),
            symbols: SLOPE,
            formula: "The i with the smallest n'(i); of several, the lowest",
            meaning: "Where the histogram falls most: the bright side of its main peak.",
            unit: "1",
            reference: IBSI,
            degenerate: "1 on either, the first level, with bins of a fixed width from the \
                region's minimum.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.steepest_fall.level,
    },
];
