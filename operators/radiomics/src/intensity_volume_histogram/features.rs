//! The features of the intensity-volume histogram.

use super::IvhTerms;
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

const EL_NAQA: &str = "El Naqa et al., Pattern Recognit 2009;42:1162";

const FRACTIONS: &str = "ν(i): share of the voxels with discretised intensity i or more; γ(i) = \
    (i - min G) / (max G - min G), G the range of discretised intensities";

/// Every feature of the intensity-volume histogram, in the order of the columns.
pub static FEATURES: &[Feature<IvhTerms>] = &[
    Feature {
        doc: FeatureDoc {
            name: "V10",
            ibsi: Ibsi::Same("NK6P"),
            symbols: FRACTIONS,
            formula: "max ν(i) over the i with γ(i) ≥ 0.1",
            meaning: "How much of the region is brighter than the darkest tenth of the range.",
            unit: "1",
            reference: EL_NAQA,
            degenerate: "NaN on either: a range of one intensity has no tenths. With ivh_range or a \
                bin count, 0 or 1.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.volume_at_10_percent,
    },
    Feature {
        doc: FeatureDoc {
            name: "V90",
            ibsi: Ibsi::Same("4279"),
            symbols: FRACTIONS,
            formula: "max ν(i) over the i with γ(i) ≥ 0.9",
            meaning: "How much of the region lies in the brightest tenth of the range.",
            unit: "1",
            reference: EL_NAQA,
            degenerate: "NaN on either: a range of one intensity has no tenths. With ivh_range or a \
                bin count, 0 or 1.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.volume_at_90_percent,
    },
    Feature {
        doc: FeatureDoc {
            name: "I10",
            ibsi: Ibsi::Same("PWN1"),
            symbols: FRACTIONS,
            formula: "min i with ν(i) ≤ 0.1; one step beyond max G where there is none",
            meaning: "The intensity that at most a tenth of the region reaches.",
            unit: "intensity; bin number with a bin count",
            reference: EL_NAQA,
            degenerate: "One step above the discretised intensity, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.intensity_at_10_percent,
    },
    Feature {
        doc: FeatureDoc {
            name: "I90",
            ibsi: Ibsi::Same("BOHI"),
            symbols: FRACTIONS,
            formula: "min i with ν(i) ≤ 0.9; one step beyond max G where there is none",
            meaning: "The intensity that at most nine tenths of the region reach.",
            unit: "intensity; bin number with a bin count",
            reference: EL_NAQA,
            degenerate: "One step above the discretised intensity, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.intensity_at_90_percent,
    },
    Feature {
        doc: FeatureDoc {
            name: "V10MinusV90",
            ibsi: Ibsi::Same("WITY"),
            symbols: FRACTIONS,
            formula: "V10 - V90",
            meaning: "How much of the region lies in the middle of the range.",
            unit: "1",
            reference: EL_NAQA,
            degenerate: "NaN on either, as V10.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.volume_at_10_percent - t.volume_at_90_percent,
    },
    Feature {
        doc: FeatureDoc {
            name: "I10MinusI90",
            ibsi: Ibsi::Same("JXJA"),
            symbols: FRACTIONS,
            formula: "I10 - I90",
            meaning: "The range of intensities of the middle of the region, outliers left aside.",
            unit: "intensity; bin number with a bin count",
            reference: EL_NAQA,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.intensity_at_10_percent - t.intensity_at_90_percent,
    },
    Feature {
        doc: FeatureDoc {
            name: "AreaUnderCurve",
            ibsi: Ibsi::Same("9CMM"),
            symbols: FRACTIONS,
            formula: "Area under ν against γ by the trapezoidal rule",
            meaning: "Where in the range the region lies on average: near 1 where most of it is \
                bright. IBSI has no reference value for it and advises against \
                its use.",
            unit: "1",
            reference: "van Velden et al., Eur J Nucl Med Mol Imaging 2011;38:1636",
            degenerate: "0 on either, by convention.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.area_under_curve,
    },
];
