//! The features of the grey-level distance zone matrix.

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
    "IBSI reference manual, arXiv:1612.07003, chapter Grey level distance zone based features";
const THIBAULT: &str = "Thibault et al., IEEE Trans Biomed Eng 2014;61:630";

const SYMBOLS: &str = "p(i,j): share of zones that have grey level i and distance j from the border; \
    g(i) = Σ p(i,j) over j, s(j) = Σ p(i,j) over i; N: number of zones; V: number of voxels; ε = \
    2.2e-16";

/// Every feature of the distance zone matrix, in the order of the columns.
pub static FEATURES: &[Feature<LevelSizeTerms>] = &[
    LEVEL_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformity",
            ibsi: Ibsi::Same("VFT7"),
            meaning: "Small where zones are spread evenly over levels; the same number as in \
                glszm.",
            reference: THIBAULT,
            degenerate: "The number of parts on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LEVEL_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformityNormalized",
            ibsi: Ibsi::Same("7HP3"),
            meaning: "Small where zones are spread evenly over levels; the same number as in \
                glszm.",
            reference: IBSI,
            degenerate: "1 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LEVEL_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelVariance",
            ibsi: Ibsi::Same("QK93"),
            meaning: "How varied the levels of zones are; the same number as in glszm.",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    HIGH.feature(
        SYMBOLS,
        Wording {
            name: "HighGrayLevelZoneEmphasis",
            ibsi: Ibsi::Same("K26C"),
            meaning: "Large where many zones are bright.",
            reference: THIBAULT,
            degenerate: "i² on either, 1 with bins of a fixed width.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LARGE.feature(
        SYMBOLS,
        Wording {
            name: "LargeDistanceEmphasis",
            ibsi: Ibsi::Same("MB4I"),
            meaning: "Large where zones lie deep inside.",
            reference: THIBAULT,
            degenerate: "1 on one intensity in one part; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LARGE_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "LargeDistanceHighGrayLevelEmphasis",
            ibsi: Ibsi::Same("KLTH"),
            meaning: "Large where many zones deep inside are bright.",
            reference: THIBAULT,
            degenerate: "i² on one intensity in one part and on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LARGE_LOW.feature(
        SYMBOLS,
        Wording {
            name: "LargeDistanceLowGrayLevelEmphasis",
            ibsi: Ibsi::Same("A7WM"),
            meaning: "Large where many zones deep inside are dark.",
            reference: THIBAULT,
            degenerate: "1 / i² on one intensity in one part and on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LOW.feature(
        SYMBOLS,
        Wording {
            name: "LowGrayLevelZoneEmphasis",
            ibsi: Ibsi::Same("S1RA"),
            meaning: "Large where many zones are dark.",
            reference: THIBAULT,
            degenerate: "1 / i² on either, 1 with bins of a fixed width.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SMALL.feature(
        SYMBOLS,
        Wording {
            name: "SmallDistanceEmphasis",
            ibsi: Ibsi::Same("0GBI"),
            meaning: "Large where zones lie near the border; 1 where all reach it.",
            reference: THIBAULT,
            degenerate: "1 on one intensity in one part; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SMALL_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "SmallDistanceHighGrayLevelEmphasis",
            ibsi: Ibsi::Same("DKNJ"),
            meaning: "Large where many zones near the border are bright.",
            reference: THIBAULT,
            degenerate: "i² on one intensity in one part and on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SMALL_LOW.feature(
        SYMBOLS,
        Wording {
            name: "SmallDistanceLowGrayLevelEmphasis",
            ibsi: Ibsi::Same("RUVG"),
            meaning: "Large where many zones near the border are dark.",
            reference: THIBAULT,
            degenerate: "1 / i² on one intensity in one part and on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    ENTROPY.feature(
        SYMBOLS,
        Wording {
            name: "ZoneDistanceEntropy",
            ibsi: Ibsi::Same("GBDU"),
            meaning: "How varied zones are in level and distance together.",
            reference: IBSI,
            degenerate: "0, up to ε, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SIZE_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "ZoneDistanceNonUniformity",
            ibsi: Ibsi::Same("V294"),
            meaning: "Small where zones are spread evenly over distances; grows with the region.",
            reference: THIBAULT,
            degenerate: "The number of parts on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SIZE_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "ZoneDistanceNonUniformityNormalized",
            ibsi: Ibsi::Same("IATH"),
            meaning: "Small where zones are spread evenly over distances; 1 where all have the \
                same.",
            reference: IBSI,
            degenerate: "1 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SIZE_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "ZoneDistanceVariance",
            ibsi: Ibsi::Same("7WT1"),
            meaning: "How varied the distances of zones are.",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    PERCENTAGE.feature(
        SYMBOLS,
        Wording {
            name: "ZonePercentage",
            ibsi: Ibsi::Same("VIWW"),
            meaning: "How fine the texture is; the same number as in glszm.",
            reference: THIBAULT,
            degenerate: "1 / V on one intensity in one part; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
];
