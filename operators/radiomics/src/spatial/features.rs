//! The features of intensities in space.

use super::SpatialTerms;
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

const IBSI: &str = "IBSI reference manual, arXiv:1612.07003, chapter Morphological features";

const PAIRS: &str = "x: intensities of the N voxels; μ: their mean; w(i,j): inverse distance in mm \
    between the centres of voxels i ≠ j; W: sum of w over all i and j";

/// Every feature of intensities in space, in the order of the columns.
pub static FEATURES: &[Feature<SpatialTerms>] = &[
    Feature {
        doc: FeatureDoc {
            name: "CentreOfMassShift",
            ibsi: Ibsi::Same("KLMA"),
            symbols: "x, r: intensity and centre of each voxel of the region; s: centres of the M voxels \
                of the region before resegmentation",
            formula: "|Σ x r / Σ x - Σ s / M|",
            meaning: "How far the bright part lies from the middle. Says little where intensities add \
                up to about 0, as Hounsfield units may.",
            unit: "mm",
            reference: IBSI,
            degenerate: "0 on either, without resegmentation; NaN where the intensity is 0.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.centre_of_mass_shift_mm,
    },
    Feature {
        doc: FeatureDoc {
            name: "IntegratedIntensity",
            ibsi: Ibsi::Same("99N0"),
            symbols: "V: volume of the mesh, before resegmentation; μ: mean intensity",
            formula: "V μ",
            meaning: "How much of the imaged substance there is: total lesion glycolysis in FDG-PET.",
            unit: "intensity mm³",
            reference: "Vaidya et al., Radiother Oncol 2012;102:239",
            degenerate: "V times the intensity, on either.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mesh_volume_mm3 * t.mean,
    },
    Feature {
        doc: FeatureDoc {
            name: "MoransI",
            ibsi: Ibsi::Same("N365"),
            symbols: PAIRS,
            formula: "N / W · Σ w(i,j) (xᵢ - μ)(xⱼ - μ) / Σ (x - μ)²",
            meaning: "Whether near voxels are alike: 1 entirely, 0 no more than distant ones, negative \
                where they are opposites.",
            unit: "1",
            reference: "Moran, Biometrika 1950;37:17",
            degenerate: "1, by convention, on one intensity; NaN on one voxel, which has no pair.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.morans_i(),
    },
    Feature {
        doc: FeatureDoc {
            name: "GearysC",
            ibsi: Ibsi::Same("NPT7"),
            symbols: PAIRS,
            formula: "(N - 1) / 2W · Σ w(i,j) (xᵢ - xⱼ)² / Σ (x - μ)²",
            meaning: "Whether near voxels differ: 0 not at all, 1 as much as distant ones, more where \
                they are opposites.",
            unit: "1",
            reference: "Geary, Incorporated Statistician 1954;5:115",
            degenerate: "1, by convention, on one intensity; NaN on one voxel, which has no pair.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.gearys_c(),
    },
];
