//! The features of the grey-level dependence matrix.

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

const IBSI: &str = "IBSI reference manual, arXiv:1612.07003, chapter Neighbouring grey level \
    dependence based features";
const SUN: &str = "Sun & Wee, Comput Vision Graph Image Process 1983;23:341";

const SYMBOLS: &str = "p(i,j): share of voxels that have grey level i and j - 1 neighbours like them; \
    g(i) = Σ p(i,j) over j, s(j) = Σ p(i,j) over i; N = V: number of voxels; ε = 2.2e-16";

/// Every feature of the dependence matrix, in the order of the columns.
pub static FEATURES: &[Feature<LevelSizeTerms>] = &[
    ENTROPY.feature(
        SYMBOLS,
        Wording {
            name: "DependenceEntropy",
            ibsi: Ibsi::Duplicate("FCBV", "ngldm DependenceCountEntropy"),
            meaning: "How varied voxels are in level and number of neighbours like them together.",
            reference: IBSI,
            degenerate: "The entropy of the numbers of neighbours on one intensity; 0, up to ε, \
                on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SIZE_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "DependenceNonUniformity",
            ibsi: Ibsi::Duplicate("Z87G", "ngldm DependenceCountNonUniformity"),
            meaning: "Small where voxels are spread evenly over numbers of neighbours like them; \
                grows with the region.",
            reference: SUN,
            degenerate: "V Σ s(j)² of the numbers of neighbours on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SIZE_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "DependenceNonUniformityNormalized",
            ibsi: Ibsi::Duplicate("OKJI", "ngldm DependenceCountNonUniformityNormalized"),
            meaning: "Small where voxels are spread evenly over numbers of neighbours like them; \
                1 where all have as many.",
            reference: IBSI,
            degenerate: "Σ s(j)² of the numbers of neighbours on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    PERCENTAGE.feature(
        SYMBOLS,
        Wording {
            name: "DependencePercentage",
            ibsi: Ibsi::Duplicate("6XV8", "ngldm DependenceCountPercentage"),
            meaning: "Nothing: always 1, since every voxel is counted once, which is why \
                PyRadiomics gives no value.",
            reference: IBSI,
            degenerate: "1 on either.",
            pyradiomics: PyRadiomics::Disabled,
        },
    ),
    SIZE_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "DependenceVariance",
            ibsi: Ibsi::Duplicate("DNX2", "ngldm DependenceCountVariance"),
            meaning: "How varied the numbers of neighbours like a voxel are.",
            reference: IBSI,
            degenerate: "The variance of the numbers of neighbours on one intensity; 0 on one \
                voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LEVEL_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformity",
            ibsi: Ibsi::Duplicate("FP8K", "ngldm GrayLevelNonUniformity"),
            meaning: "Small where voxels are spread evenly over levels; grows with the region.",
            reference: IBSI,
            degenerate: "V on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LEVEL_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformityNormalized",
            ibsi: Ibsi::Duplicate("5SPA", "ngldm GrayLevelNonUniformityNormalized"),
            meaning: "Small where voxels are spread evenly over levels; the same number as \
                Uniformity of firstorder, which is why PyRadiomics gives no value.",
            reference: IBSI,
            degenerate: "1 on either.",
            pyradiomics: PyRadiomics::Disabled,
        },
    ),
    LEVEL_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelVariance",
            ibsi: Ibsi::Duplicate("1PFV", "ngldm GrayLevelVariance"),
            meaning: "How varied the levels of voxels are.",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    HIGH.feature(
        SYMBOLS,
        Wording {
            name: "HighGrayLevelEmphasis",
            ibsi: Ibsi::Duplicate("OAE7", "ngldm HighGrayLevelCountEmphasis"),
            meaning: "Large where many voxels are bright.",
            reference: SUN,
            degenerate: "i² on either, 1 with bins of a fixed width.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LARGE.feature(
        SYMBOLS,
        Wording {
            name: "LargeDependenceEmphasis",
            ibsi: Ibsi::Duplicate("IMOQ", "ngldm HighDependenceEmphasis"),
            meaning: "Large where voxels have many neighbours like them: coarse texture.",
            reference: SUN,
            degenerate: "On one intensity the mean of j² over voxels, j counting each voxel's \
                neighbours and itself; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LARGE_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "LargeDependenceHighGrayLevelEmphasis",
            ibsi: Ibsi::Duplicate("9QMG", "ngldm HighDependenceHighGrayLevelEmphasis"),
            meaning: "Large where many voxels are bright and have many neighbours like them.",
            reference: IBSI,
            degenerate: "LargeDependenceEmphasis times i² on one intensity; i² on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LARGE_LOW.feature(
        SYMBOLS,
        Wording {
            name: "LargeDependenceLowGrayLevelEmphasis",
            ibsi: Ibsi::Duplicate("NBZI", "ngldm HighDependenceLowGrayLevelEmphasis"),
            meaning: "Large where many voxels are dark and have many neighbours like them.",
            reference: IBSI,
            degenerate: "LargeDependenceEmphasis / i² on one intensity; 1 / i² on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    LOW.feature(
        SYMBOLS,
        Wording {
            name: "LowGrayLevelEmphasis",
            ibsi: Ibsi::Duplicate("TL9H", "ngldm LowGrayLevelCountEmphasis"),
            meaning: "Large where many voxels are dark.",
            reference: SUN,
            degenerate: "1 / i² on either, 1 with bins of a fixed width.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SMALL.feature(
        SYMBOLS,
        Wording {
            name: "SmallDependenceEmphasis",
            ibsi: Ibsi::Duplicate("SODN", "ngldm LowDependenceEmphasis"),
            meaning: "Large where voxels have few neighbours like them: fine texture.",
            reference: SUN,
            degenerate: "On one intensity the mean of 1/j² over voxels, j counting each voxel's \
                neighbours and itself; 1 on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SMALL_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "SmallDependenceHighGrayLevelEmphasis",
            ibsi: Ibsi::Duplicate("JA6D", "ngldm LowDependenceHighGrayLevelEmphasis"),
            meaning: "Large where many voxels are bright and have few neighbours like them.",
            reference: IBSI,
            degenerate: "SmallDependenceEmphasis times i² on one intensity; i² on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
    SMALL_LOW.feature(
        SYMBOLS,
        Wording {
            name: "SmallDependenceLowGrayLevelEmphasis",
            ibsi: Ibsi::Duplicate("EQ3F", "ngldm LowDependenceLowGrayLevelEmphasis"),
            meaning: "Large where many voxels are dark and have few neighbours like them.",
            reference: IBSI,
            degenerate: "SmallDependenceEmphasis / i² on one intensity; 1 / i² on one voxel.",
            pyradiomics: PyRadiomics::Default,
        },
    ),
];
