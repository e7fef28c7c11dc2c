//! The features of the neighbouring grey-level dependence matrix.

use crate::{
    Feature, Ibsi, PyRadiomics,
    level_size::{
        LevelSizeTerms,
        definitions::{
            ENERGY, ENTROPY, HIGH, LARGE, LARGE_HIGH, LARGE_LOW, LEVEL_NON_UNIFORMITY,
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
    ENERGY.feature(
        SYMBOLS,
        Wording {
            name: "DependenceCountEnergy",
            ibsi: Ibsi::Same("CAS9"),
            meaning: "Large where few combinations of level and number of neighbours make up the \
                region.",
            reference: IBSI,
            degenerate: "Σ s(j)² of the numbers of neighbours on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    ENTROPY.feature(
        SYMBOLS,
        Wording {
            name: "DependenceCountEntropy",
            ibsi: Ibsi::Same("FCBV"),
            meaning: "How varied voxels are in level and number of neighbours like them together.",
            reference: IBSI,
            degenerate: "The entropy of the numbers of neighbours on one intensity; 0, up to ε, \
                on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SIZE_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "DependenceCountNonUniformity",
            ibsi: Ibsi::Same("Z87G"),
            meaning: "Small where voxels are spread evenly over numbers of neighbours like them; \
                grows with the region.",
            reference: SUN,
            degenerate: "V Σ s(j)² of the numbers of neighbours on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SIZE_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "DependenceCountNonUniformityNormalized",
            ibsi: Ibsi::Same("OKJI"),
            meaning: "Small where voxels are spread evenly over numbers of neighbours like them; \
                1 where all have as many.",
            reference: IBSI,
            degenerate: "Σ s(j)² of the numbers of neighbours on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    PERCENTAGE.feature(
        SYMBOLS,
        Wording {
            name: "DependenceCountPercentage",
            ibsi: Ibsi::Same("6XV8"),
            meaning: "Nothing: always 1, since every voxel is counted once.",
            reference: IBSI,
            degenerate: "1 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SIZE_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "DependenceCountVariance",
            ibsi: Ibsi::Same("DNX2"),
            meaning: "How varied the numbers of neighbours like a voxel are.",
            reference: IBSI,
            degenerate: "The variance of the numbers of neighbours on one intensity; 0 on one \
                voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LEVEL_NON_UNIFORMITY.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformity",
            ibsi: Ibsi::Same("FP8K"),
            meaning: "Small where voxels are spread evenly over levels; grows with the region.",
            reference: IBSI,
            degenerate: "V on one intensity; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LEVEL_NON_UNIFORMITY_NORMALIZED.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelNonUniformityNormalized",
            ibsi: Ibsi::Same("5SPA"),
            meaning: "Small where voxels are spread evenly over levels; the same number as \
                Uniformity of firstorder where slices are not averaged.",
            reference: IBSI,
            degenerate: "1 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LEVEL_VARIANCE.feature(
        SYMBOLS,
        Wording {
            name: "GrayLevelVariance",
            ibsi: Ibsi::Same("1PFV"),
            meaning: "How varied the levels of voxels are.",
            reference: IBSI,
            degenerate: "0 on either.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LARGE.feature(
        SYMBOLS,
        Wording {
            name: "HighDependenceEmphasis",
            ibsi: Ibsi::Same("IMOQ"),
            meaning: "Large where voxels have many neighbours like them: coarse texture.",
            reference: SUN,
            degenerate: "On one intensity the mean of j² over voxels, j counting each voxel's \
                neighbours and itself; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LARGE_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "HighDependenceHighGrayLevelEmphasis",
            ibsi: Ibsi::Same("9QMG"),
            meaning: "Large where many voxels are bright and have many neighbours like them.",
            reference: IBSI,
            degenerate: "HighDependenceEmphasis times i² on one intensity; i² on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LARGE_LOW.feature(
        SYMBOLS,
        Wording {
            name: "HighDependenceLowGrayLevelEmphasis",
            ibsi: Ibsi::Same("NBZI"),
            meaning: "Large where many voxels are dark and have many neighbours like them.",
            reference: IBSI,
            degenerate: "HighDependenceEmphasis / i² on one intensity; 1 / i² on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    HIGH.feature(
        SYMBOLS,
        Wording {
            name: "HighGrayLevelCountEmphasis",
            ibsi: Ibsi::Same("OAE7"),
            meaning: "Large where many voxels are bright.",
            reference: SUN,
            degenerate: "i² on either, 1 with bins of a fixed width.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SMALL.feature(
        SYMBOLS,
        Wording {
            name: "LowDependenceEmphasis",
            ibsi: Ibsi::Same("SODN"),
            meaning: "Large where voxels have few neighbours like them: fine texture.",
            reference: SUN,
            degenerate: "On one intensity the mean of 1/j² over voxels, j counting each voxel's \
                neighbours and itself; 1 on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SMALL_HIGH.feature(
        SYMBOLS,
        Wording {
            name: "LowDependenceHighGrayLevelEmphasis",
            ibsi: Ibsi::Same("JA6D"),
            meaning: "Large where many voxels are bright and have few neighbours like them.",
            reference: IBSI,
            degenerate: "LowDependenceEmphasis times i² on one intensity; i² on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    SMALL_LOW.feature(
        SYMBOLS,
        Wording {
            name: "LowDependenceLowGrayLevelEmphasis",
            ibsi: Ibsi::Same("EQ3F"),
            meaning: "Large where many voxels are dark and have few neighbours like them.",
            reference: IBSI,
            degenerate: "LowDependenceEmphasis / i² on one intensity; 1 / i² on one voxel.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
    LOW.feature(
        SYMBOLS,
        Wording {
            name: "LowGrayLevelCountEmphasis",
            ibsi: Ibsi::Same("TL9H"),
            meaning: "Large where many voxels are dark.",
            reference: SUN,
            degenerate: "1 / i² on either, 1 with bins of a fixed width.",
            pyradiomics: PyRadiomics::Absent,
        },
    ),
];
