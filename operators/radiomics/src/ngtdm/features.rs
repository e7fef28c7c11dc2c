//! The features of the neighbourhood grey-tone difference matrix.

use super::NgtdmTerms;
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

const AMADASUN: &str = "Amadasun & King, IEEE Trans Syst Man Cybern 1989;19:1264";
const ISOLATED: &str = "IBSI leaves out voxels without a neighbour, PyRadiomics counts them with a difference of 0; \
     here the setting standard decides";

const P_S: &str = "pᵢ: share of the N voxels that have grey level i; sᵢ: sum of their differences \
    from the average level of their neighbours; n: number of levels with pᵢ > 0";

/// Every feature of the neighbourhood grey-tone difference matrix, in the order of the columns.
pub static FEATURES: &[Feature<NgtdmTerms>] = &[
    Feature {
        doc: FeatureDoc {
            name: "Busyness",
            ibsi: Ibsi::Differs("NQ30", ISOLATED),
            symbols: P_S,
            formula: "Σ pᵢ sᵢ / ΣΣ |i pᵢ - j pⱼ|, over levels with pᵢ > 0 and pⱼ > 0",
            meaning: "Large where intensities change quickly from voxel to voxel.",
            unit: "1",
            reference: AMADASUN,
            degenerate: "0, by convention, on one intensity and on one voxel (NaN on one voxel under \
                IBSI).",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.busyness(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Coarseness",
            ibsi: Ibsi::Differs("QCDE", ISOLATED),
            symbols: P_S,
            formula: "1 / Σ pᵢ sᵢ",
            meaning: "Large where voxels are like their surroundings: slow changes, coarse patches.",
            unit: "1",
            reference: AMADASUN,
            degenerate: "1000000, by convention, on one intensity and on one voxel (NaN on one voxel \
                under IBSI).",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.coarseness(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Complexity",
            ibsi: Ibsi::Differs("HDEZ", ISOLATED),
            symbols: P_S,
            formula: "ΣΣ |i - j| (pᵢ sᵢ + pⱼ sⱼ) / (pᵢ + pⱼ) / N, over levels with pᵢ > 0 and pⱼ > 0",
            meaning: "Large where there are many kinds of voxels and many quick changes.",
            unit: "1",
            reference: AMADASUN,
            degenerate: "0 on one intensity and on one voxel (NaN on one voxel under IBSI).",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.complexity(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Contrast",
            ibsi: Ibsi::Differs("65HE", ISOLATED),
            symbols: P_S,
            formula: "ΣΣ pᵢ pⱼ (i - j)² / (n (n - 1)) · Σ sᵢ / N",
            meaning: "Large where the levels are far apart and change quickly from voxel to voxel.",
            unit: "1",
            reference: AMADASUN,
            degenerate: "0, by convention, on one intensity and on one voxel (NaN on one voxel under \
                IBSI).",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.contrast(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Strength",
            ibsi: Ibsi::Differs("1X9X", ISOLATED),
            symbols: P_S,
            formula: "ΣΣ (pᵢ + pⱼ) (i - j)² / Σ sᵢ, over levels with pᵢ > 0 and pⱼ > 0",
            meaning: "Large where patches are easy to tell apart: far apart in level, slow to change.",
            unit: "1",
            reference: AMADASUN,
            degenerate: "0, by convention, on one intensity and on one voxel (NaN on one voxel under \
                IBSI).",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.strength(),
    },
];
