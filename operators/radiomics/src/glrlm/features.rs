//! The features of the grey-level run length matrix.

use crate::{
    Feature, Ibsi, PyRadiomics,
    level_size::{
        LevelSizeTerms,
        definitions::{
            ENTROPY, HIGH, LARGE, LARGE_HIGH, LARGE_LOW, LEVEL_NON_UNIFORMITY,
            LEVEL_NON_UNIFORMITY_NORMALIZED, LEVEL_VARIANCE, LOW, PERCENTAGE, SIZE_NON_UNIFORMITY,
            SIZE_NON_UNIFORMITY_NORMALIZED, SIZE_VARIANCE, SMALL, SMALL_HIGH, SMALL_LOW, Wording,
        },
    },
};

const IBSI: &str =
    "IBSI reference manual, arXiv:1612.07003, chapter Grey level run length based features";
const GALLOWAY: &str = "Galloway, Comput Graph Image Process 1975;4:172";
const CHU: &str = "Chu et al., Pattern Recognit Lett 1990;11:415";
const DASARATHY: &str = "Dasarathy & Holder, Pattern Recognit Lett 1991;12:497";

const SYMBOLS: &str = "p(i,j): share of runs that have grey level i and j voxels; g(i) = Σ p(i,j) \
    over j, s(j) = Σ p(i,j) over i; N: number of runs; V: number of voxels, once for each \
    direction merged; ε = 2.2e-16";

/// Every feature of the run length matrix, in the order of the columns.
pub static FEATURES: &[Feature<LevelSizeTerms>] = &[
    LEVEL_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformity",
            ibsi: Ibsi::Same("R5YN"),
            meaning: "Small where runs are spread evenly over levels; grows with the region.",
            reference: GALLOWAY,
            degenerate: "The number of the region's chords on one intensity; on one voxel the \
                number of directions merged under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LEVEL_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformityNormalized",
            ibsi: Ibsi::Same("OVBL"),
            meaning: "Small where runs are spread evenly over levels; 1 where all have one level.",
            reference: IBSI,
            degenerate: "1 on one intensity; on one voxel 1 under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LEVEL_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelVariance",
            ibsi: Ibsi::Same("8CE5"),
            meaning: "How varied the levels of runs are.",
            reference: IBSI,
            degenerate: "0 on one intensity; on one voxel 0 under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    HIGH.feature(
        SYMBOLS,
        Wording {
            name: "HighGrayLevelRunEmphasis",
            ibsi: Ibsi::Same("G3QZ"),
            meaning: "Large where many runs are bright.",
            reference: CHU,
            degenerate: "i² on one intensity, 1 with bins of a fixed width; on one voxel the \
                same under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LARGE.feature(
        SYMBOLS,
        Wording {
            name: "LongRunEmphasis",
            ibsi: Ibsi::Same("W4KF"),
            meaning: "Large where runs are long: coarse texture.",
            reference: GALLOWAY,
            degenerate: "On one intensity the mean of j² over the region's chords; on one voxel \
                1 under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LARGE_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "LongRunHighGrayLevelEmphasis",
            ibsi: Ibsi::Same("3KUM"),
            meaning: "Large where many runs are long and bright.",
            reference: DASARATHY,
            degenerate: "LongRunEmphasis times i² on one intensity; on one voxel i² under IBSI, \
                NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LARGE_LOW.feature(
        SYMBOLS,
        Wording {
            name: "LongRunLowGrayLevelEmphasis",
            ibsi: Ibsi::Same("IVPO"),
            meaning: "Large where many runs are long and dark.",
            reference: DASARATHY,
            degenerate: "LongRunEmphasis / i² on one intensity; on one voxel 1 / i² under IBSI, \
                NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LOW.feature(
        SYMBOLS,
        Wording {
            name: "LowGrayLevelRunEmphasis",
            ibsi: Ibsi::Same("V3SW"),
            meaning: "Large where many runs are dark.",
            reference: CHU,
            degenerate: "1 / i² on one intensity, 1 with bins of a fixed width; on one voxel the \
                same under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    ENTROPY.feature(
        SYMBOLS,
        Wording {
            name: "RunEntropy",
            ibsi: Ibsi::Same("HJ9O"),
            meaning: "How varied runs are in level and length together.",
            reference: IBSI,
            degenerate: "The entropy of the lengths of the region's chords on one intensity; on \
                one voxel 0, up to ε, under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SIZE_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "RunLengthNonUniformity",
            ibsi: Ibsi::Same("W92Y"),
            meaning: "Small where runs are spread evenly over lengths; grows with the region.",
            reference: GALLOWAY,
            degenerate: "N Σ s(j)² of the region's chords on one intensity; on one voxel the \
                number of directions merged under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SIZE_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "RunLengthNonUniformityNormalized",
            ibsi: Ibsi::Same("IC23"),
            meaning: "Small where runs are spread evenly over lengths; 1 where all are equally \
                long.",
            reference: IBSI,
            degenerate: "Σ s(j)² of the region's chords on one intensity; on one voxel 1 under \
                IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    PERCENTAGE.feature(
        SYMBOLS,
        Wording {
            name: "RunPercentage",
            ibsi: Ibsi::Same("9ZK5"),
            meaning: "How fine the texture is: 1 where every voxel is a run, small where runs \
                are long.",
            reference: GALLOWAY,
            degenerate: "The number of the region's chords by voxel on one intensity; on one \
                voxel 1 under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SIZE_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "RunVariance",
            ibsi: Ibsi::Same("SXLW"),
            meaning: "How varied the lengths of runs are.",
            reference: IBSI,
            degenerate: "The variance of the region's chords on one intensity; on one voxel 0 \
                under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SMALL.feature(
        SYMBOLS,
        Wording {
            name: "ShortRunEmphasis",
            ibsi: Ibsi::Same("22OV"),
            meaning: "Large where runs are short: fine texture. 1 where no neighbours are equal.",
            reference: GALLOWAY,
            degenerate: "On one intensity the mean of 1/j² over the region's chords; on one \
                voxel 1 under IBSI, NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SMALL_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "ShortRunHighGrayLevelEmphasis",
            ibsi: Ibsi::Same("GD3A"),
            meaning: "Large where many runs are short and bright.",
            reference: DASARATHY,
            degenerate: "ShortRunEmphasis times i² on one intensity; on one voxel i² under IBSI, \
                NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SMALL_LOW.feature(
        SYMBOLS,
        Wording {
            name: "ShortRunLowGrayLevelEmphasis",
            ibsi: Ibsi::Same("HTZT"),
            meaning: "Large where many runs are short and dark.",
            reference: DASARATHY,
            degenerate: "ShortRunEmphasis / i² on one intensity; on one voxel 1 / i² under IBSI, \
                NaN under PyRadiomics.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
];
