//! The features of the grey-level size zone matrix.

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
    "IBSI reference manual, arXiv:1612.07003, chapter Grey level size zone based features";
const THIBAULT: &str = "Thibault et al., Pattern Recognition and Information Processing 2009:140";

const SYMBOLS: &str = "p(i,j): share of zones that have grey level i and j voxels; g(i) = Σ p(i,j) \
    over j, s(j) = Σ p(i,j) over i; N: number of zones; V: number of voxels; ε = 2.2e-16";

/// Every feature of the size zone matrix, in the order of the columns.
pub static FEATURES: &[Feature<LevelSizeTerms>] = &[
    LEVEL_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformity",
            ibsi: Ibsi::Same("JNSA"),
            meaning: "Small where zones are spread evenly over levels; grows with the region.",
            reference: THIBAULT,
            degenerate: "The number of parts on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LEVEL_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformityNormalized",
            ibsi: Ibsi::Same("Y1RO"),
            meaning: "Small where zones are spread evenly over levels; 1 where all have one level.",
            reference: IBSI,
            degenerate: "1 on either.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LEVEL_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelVariance",
            ibsi: Ibsi::Same("BYLV"),
            meaning: "How varied the levels of zones are.",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    HIGH.feature(
        SYMBOLS,
        Wording {
            name: "HighGrayLevelZoneEmphasis",
            ibsi: Ibsi::Same("5GN9"),
            meaning: "Large where many zones are bright.",
            reference: THIBAULT,
            degenerate: "i² on either, 1 with bins of a fixed width.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LARGE.feature(
        SYMBOLS,
        Wording {
            name: "LargeAreaEmphasis",
            ibsi: Ibsi::Same("48P8"),
            meaning: "Large where zones are large: coarse texture.",
            reference: THIBAULT,
            degenerate: "V² on one intensity in one part; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LARGE_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "LargeAreaHighGrayLevelEmphasis",
            ibsi: Ibsi::Same("J17V"),
            meaning: "Large where many zones are large and bright.",
            reference: THIBAULT,
            degenerate: "i² V² on one intensity in one part; i² on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LARGE_LOW.feature(
        SYMBOLS,
        Wording {
            name: "LargeAreaLowGrayLevelEmphasis",
            ibsi: Ibsi::Same("YH51"),
            meaning: "Large where many zones are large and dark.",
            reference: THIBAULT,
            degenerate: "V² / i² on one intensity in one part; 1 / i² on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LOW.feature(
        SYMBOLS,
        Wording {
            name: "LowGrayLevelZoneEmphasis",
            ibsi: Ibsi::Same("XMSY"),
            meaning: "Large where many zones are dark.",
            reference: THIBAULT,
            degenerate: "1 / i² on either, 1 with bins of a fixed width.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SIZE_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "SizeZoneNonUniformity",
            ibsi: Ibsi::Same("4JP3"),
            meaning: "Small where zones are spread evenly over sizes; grows with the region.",
            reference: THIBAULT,
            degenerate: "1 on one intensity in one part; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SIZE_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "SizeZoneNonUniformityNormalized",
            ibsi: Ibsi::Same("VB3A"),
            meaning: "Small where zones are spread evenly over sizes; 1 where all are equally \
                large.",
            reference: IBSI,
            degenerate: "1 on one intensity in one part; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SMALL.feature(
        SYMBOLS,
        Wording {
            name: "SmallAreaEmphasis",
            ibsi: Ibsi::Same("5QRC"),
            meaning: "Large where zones are small: fine texture. 1 where no neighbours are equal.",
            reference: THIBAULT,
            degenerate: "1 / V² on one intensity in one part; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SMALL_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "SmallAreaHighGrayLevelEmphasis",
            ibsi: Ibsi::Same("HW1V"),
            meaning: "Large where many zones are small and bright.",
            reference: THIBAULT,
            degenerate: "i² / V² on one intensity in one part; i² on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SMALL_LOW.feature(
        SYMBOLS,
        Wording {
            name: "SmallAreaLowGrayLevelEmphasis",
            ibsi: Ibsi::Same("5RAI"),
            meaning: "Large where many zones are small and dark.",
            reference: THIBAULT,
            degenerate: "1 / (i² V²) on one intensity in one part; 1 / i² on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    ENTROPY.feature(
        SYMBOLS,
        Wording {
            name: "ZoneEntropy",
            ibsi: Ibsi::Same("GU8N"),
            meaning: "How varied zones are in level and size together.",
            reference: IBSI,
            degenerate: "0, up to ε, on one intensity in one part and on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    PERCENTAGE.feature(
        SYMBOLS,
        Wording {
            name: "ZonePercentage",
            ibsi: Ibsi::Same("P30P"),
            meaning: "How fine the texture is: 1 where every voxel is a zone, small where zones \
                are large.",
            reference: THIBAULT,
            degenerate: "1 / V on one intensity in one part; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SIZE_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "ZoneVariance",
            ibsi: Ibsi::Same("3NSA"),
            meaning: "How varied the sizes of zones are.",
            reference: IBSI,
            degenerate: "0 on one intensity in one part; 0 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
];
