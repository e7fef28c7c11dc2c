//! The first-order features.

use super::FirstOrderTerms;
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

const STATISTICS: &str =
    "IBSI reference manual, arXiv:1612.07003, chapter Intensity-based statistical features";
const HISTOGRAM_REFERENCE: &str =
    "IBSI reference manual, arXiv:1612.07003, chapter Intensity histogram features";
const PYRADIOMICS: &str = "van Griethuysen et al., Cancer Research 2017;77:e104 (PyRadiomics)";

const X: &str = "x: intensities of the N voxels; μ: their mean; σ²: their variance";
const X_SHIFTED: &str = "x: intensities of the N voxels; c: setting voxel_array_shift";
const HISTOGRAM: &str = "p: share of the voxels at each grey level that occurs; ε = 2.2e-16";

/// Every first-order feature, in the order of the columns.
pub static FEATURES: &[Feature<FirstOrderTerms>] = &[
    Feature {
        doc: FeatureDoc {
            name: "10Percentile",
            ibsi: Ibsi::Same("QG58"),
            symbols: X,
            formula: "The 10th percentile of x, interpolated linearly between order statistics",
            meaning: "The level that a tenth of the voxels stay below: the dark end without its \
                outliers.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "The one intensity, on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.percentile_10,
    },
    Feature {
        doc: FeatureDoc {
            name: "90Percentile",
            ibsi: Ibsi::Same("8DWT"),
            symbols: X,
            formula: "The 90th percentile of x, interpolated linearly between order statistics",
            meaning: "The level that a tenth of the voxels exceed: the bright end without its \
                outliers.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "The one intensity, on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.percentile_90,
    },
    Feature {
        doc: FeatureDoc {
            name: "Energy",
            ibsi: Ibsi::Same("N8CA"),
            symbols: X_SHIFTED,
            formula: "Σ (x + c)²",
            meaning: "How much signal there is in all; grows with the number of voxels, and with c.",
            unit: "intensity²",
            reference: STATISTICS,
            degenerate: "N (x + c)² for the one intensity x; N is 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.energy,
    },
    Feature {
        doc: FeatureDoc {
            name: "Entropy",
            ibsi: Ibsi::Duplicate("TLU2", "Entropy of class ih"),
            symbols: HISTOGRAM,
            formula: "-Σ p log₂(p + ε)",
            meaning: "How many bits it takes to say a voxel's grey level: how varied the intensities \
                are.",
            unit: "bit",
            reference: HISTOGRAM_REFERENCE,
            degenerate: "0 on either, up to ε.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.entropy_bits,
    },
    Feature {
        doc: FeatureDoc {
            name: "InterquartileRange",
            ibsi: Ibsi::Same("SALO"),
            symbols: X,
            formula: "The 75th less the 25th percentile of x",
            meaning: "The range of the middle half of the voxels.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.percentile_75 - t.percentile_25,
    },
    Feature {
        doc: FeatureDoc {
            name: "Kurtosis",
            ibsi: Ibsi::Differs(
                "IPH6",
                "IBSI subtracts 3, and so does this under Standard::Ibsi",
            ),
            symbols: X,
            formula: "Σ (x - μ)⁴ / N divided by σ⁴; less 3 under Standard::Ibsi",
            meaning: "How heavy the tails are: 3 (0 under Standard::Ibsi) for a normal \
                distribution, more with outliers.",
            unit: "1",
            reference: STATISTICS,
            degenerate: "0 on either, by convention.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.kurtosis(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Maximum",
            ibsi: Ibsi::Same("84IY"),
            symbols: X,
            formula: "max x",
            meaning: "The brightest voxel.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "The one intensity, on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.maximum,
    },
    Feature {
        doc: FeatureDoc {
            name: "Mean",
            ibsi: Ibsi::Same("Q4LE"),
            symbols: X,
            formula: "μ = Σ x / N",
            meaning: "The average intensity.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "The one intensity, on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.mean,
    },
    Feature {
        doc: FeatureDoc {
            name: "MeanAbsoluteDeviation",
            ibsi: Ibsi::Same("4FUA"),
            symbols: X,
            formula: "Σ |x - μ| / N",
            meaning: "How far voxels are from the average, on average.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.mean_absolute_deviation,
    },
    Feature {
        doc: FeatureDoc {
            name: "Median",
            ibsi: Ibsi::Same("Y12H"),
            symbols: X,
            formula: "The 50th percentile of x",
            meaning: "The intensity that half the voxels stay below.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "The one intensity, on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.median,
    },
    Feature {
        doc: FeatureDoc {
            name: "Minimum",
            ibsi: Ibsi::Same("1GSF"),
            symbols: X,
            formula: "min x",
            meaning: "The darkest voxel.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "The one intensity, on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.minimum,
    },
    Feature {
        doc: FeatureDoc {
            name: "Range",
            ibsi: Ibsi::Same("2OJQ"),
            symbols: X,
            formula: "max x - min x",
            meaning: "The whole range of intensities, outliers included.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.maximum - t.minimum,
    },
    Feature {
        doc: FeatureDoc {
            name: "RobustMeanAbsoluteDeviation",
            ibsi: Ibsi::Same("1128"),
            symbols: "y: the intensities from the 10th to the 90th percentile, both included; M of \
                them, with mean ν",
            formula: "Σ |y - ν| / M",
            meaning: "As MeanAbsoluteDeviation, without the outliers.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.robust_mean_absolute_deviation,
    },
    Feature {
        doc: FeatureDoc {
            name: "RootMeanSquared",
            ibsi: Ibsi::Same("5ZWQ"),
            symbols: X_SHIFTED,
            formula: "√(Σ (x + c)² / N)",
            meaning: "The size of the signal, sign left aside; grows with c.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "|x + c| for the one intensity x, on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| (t.energy / t.count).sqrt(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Skewness",
            ibsi: Ibsi::Same("KE2A"),
            symbols: X,
            formula: "Σ (x - μ)³ / N divided by σ³",
            meaning: "Whether the longer tail is on the bright side (positive) or the dark side \
                (negative).",
            unit: "1",
            reference: STATISTICS,
            degenerate: "0 on either, by convention.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.skewness(),
    },
    Feature {
        doc: FeatureDoc {
            name: "StandardDeviation",
            ibsi: Ibsi::Absent("the square root of Variance"),
            symbols: X,
            formula: "σ = √(Σ (x - μ)² / N)",
            meaning: "How far voxels are from the average, the far ones weighing more.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Disabled,
        },
        value: |t| t.moment_2.sqrt(),
    },
    Feature {
        doc: FeatureDoc {
            name: "TotalEnergy",
            ibsi: Ibsi::Absent("Energy times the volume of a voxel"),
            symbols: X_SHIFTED,
            formula: "v Σ (x + c)², v the volume of a voxel",
            meaning: "As Energy, but comparable between grids.",
            unit: "intensity² mm³",
            reference: PYRADIOMICS,
            degenerate: "N v (x + c)² for the one intensity x; N is 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.energy * t.voxel_volume_mm3,
    },
    Feature {
        doc: FeatureDoc {
            name: "Uniformity",
            ibsi: Ibsi::Duplicate("BJ5W", "Uniformity of class ih"),
            symbols: HISTOGRAM,
            formula: "Σ p²",
            meaning: "How likely two voxels drawn with replacement have the same grey level: 1 where \
                all are alike.",
            unit: "1",
            reference: HISTOGRAM_REFERENCE,
            degenerate: "1 on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.uniformity,
    },
    Feature {
        doc: FeatureDoc {
            name: "Variance",
            ibsi: Ibsi::Same("ECT3"),
            symbols: X,
            formula: "σ² = Σ (x - μ)² / N",
            meaning: "How spread the intensities are.",
            unit: "intensity²",
            reference: STATISTICS,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.moment_2,
    },
    Feature {
        doc: FeatureDoc {
            name: "MedianAbsoluteDeviation",
            ibsi: Ibsi::Same("N72L"),
            symbols: "x: intensities of the N voxels; m: their median",
            formula: "Σ |x - m| / N",
            meaning: "How far voxels are from the middle one, on average.",
            unit: "intensity",
            reference: STATISTICS,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.median_absolute_deviation,
    },
    Feature {
        doc: FeatureDoc {
            name: "CoefficientOfVariation",
            ibsi: Ibsi::Same("7TET"),
            symbols: X,
            formula: "σ / μ",
            meaning: "The spread relative to the average; says little where the average is near \
                0, as in Hounsfield units.",
            unit: "1",
            reference: STATISTICS,
            degenerate: "0 on either, by convention.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.coefficient_of_variation(),
    },
    Feature {
        doc: FeatureDoc {
            name: "QuartileCoefficientOfDispersion",
            ibsi: Ibsi::Same("9S40"),
            symbols: "q₁, q₃: the 25th and the 75th percentile of the intensities",
            formula: "(q₃ - q₁) / (q₃ + q₁)",
            meaning: "The spread of the middle half relative to its height, outliers left aside.",
            unit: "1",
            reference: STATISTICS,
            degenerate: "0 on either; 0/0, NaN, where the intensity is 0.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| (t.percentile_75 - t.percentile_25) / (t.percentile_75 + t.percentile_25),
    },
];
