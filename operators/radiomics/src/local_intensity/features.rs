//! The local-intensity features.

use super::PeakTerms;
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

const SPHERE: &str = "S(k): mean intensity of the voxels, within the region or not, whose centres \
    are within 6.2 mm of voxel k's: a sphere of 1 cm³";

/// Every local-intensity feature, in the order of the columns.
pub static FEATURES: &[Feature<PeakTerms>] = &[
    Feature {
        doc: FeatureDoc {
            name: "LocalPeak",
            ibsi: Ibsi::Same("VJGA"),
            symbols: SPHERE,
            formula: "max S(k) over the voxels k of the region that have its largest intensity",
            meaning: "The largest intensity with its noise averaged out.",
            unit: "intensity",
            reference: "Wahl et al., J Nucl Med 2009;50:122S",
            degenerate: "On one intensity the largest S of all; on one voxel its S. NaN where the \
                image around the region is not known.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.local,
    },
    Feature {
        doc: FeatureDoc {
            name: "GlobalPeak",
            ibsi: Ibsi::Same("0F91"),
            symbols: SPHERE,
            formula: "max S(k) over the voxels k of the region",
            meaning: "The average of the brightest cubic centimetre whose centre is in the region.",
            unit: "intensity",
            reference: "Frings et al., Radiology 2014;273:829",
            degenerate: "On one intensity the largest S; on one voxel its S. NaN where the image around \
                the region is not known.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.global,
    },
];
