//! What each tissue looks like on CT, in Hounsfield units, in each contrast phase.

use serde::{Deserialize, Serialize};

/// Contrast phase of the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// No contrast medium.
    NonContrast,
    /// 25 to 40 s after injection: the cortex is bright, the medulla is not. KiTS19's phase.
    Corticomedullary,
    /// 80 to 110 s: cortex and medulla alike.
    Nephrographic,
    /// Minutes later: contrast medium in the collecting system.
    Excretory,
}

impl Phase {
    /// The name used in manifests and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NonContrast => "non-contrast",
            Self::Corticomedullary => "corticomedullary",
            Self::Nephrographic => "nephrographic",
            Self::Excretory => "excretory",
        }
    }

    fn column(self) -> usize {
        match self {
            Self::NonContrast => 0,
            Self::Corticomedullary => 1,
            Self::Nephrographic => 2,
            Self::Excretory => 3,
        }
    }
}

/// Everything the phantom is painted with, tumours aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tissue {
    Table,
    Skin,
    SubcutaneousFat,
    VisceralFat,
    Muscle,
    CorticalBone,
    CancellousBone,
    Disc,
    SpinalCanal,
    Aorta,
    VenaCava,
    PortalVein,
    Liver,
    Spleen,
    Pancreas,
    Gallbladder,
    BowelWall,
    BowelContent,
    BowelGas,
    Stool,
    Cortex,
    Medulla,
    Urine,
    Cyst,
    RenalArtery,
    RenalVein,
    SmallVessel,
}

impl Tissue {
    /// Around the patient.
    pub const AIR_HU: f32 = -1000.0;

    /// Mean attenuation in HU.
    ///
    /// Round numbers from the middle of the ranges that the literature gives for adults at
    /// 120 kV: unenhanced kidney 30 to 50; cortex and medulla by phase after Birnbaum et al.,
    /// Radiology 1996;200:753 and Szolar et al., Radiology 1997;202:211; liver, spleen, aorta
    /// and veins after Bae, Radiology 2010;256:32. The excretory collecting system is capped
    /// at 420 (a diluted protocol); undiluted it exceeds 1000.
    pub fn hounsfield(self, phase: Phase) -> f32 {
        // Columns: non-contrast, corticomedullary, nephrographic, excretory.
        let by_phase: [f32; 4] = match self {
            Self::Table => [-160.0; 4],
            Self::Skin => [20.0, 25.0, 30.0, 28.0],
            Self::SubcutaneousFat => [-106.0; 4],
            Self::VisceralFat => [-98.0; 4],
            Self::Muscle => [52.0, 58.0, 64.0, 60.0],
            Self::CorticalBone => [640.0; 4],
            Self::CancellousBone => [165.0, 175.0, 185.0, 180.0],
            Self::Disc => [85.0; 4],
            Self::SpinalCanal => [22.0, 24.0, 26.0, 26.0],
            Self::Aorta => [42.0, 285.0, 160.0, 105.0],
            Self::VenaCava => [40.0, 95.0, 145.0, 105.0],
            Self::PortalVein => [40.0, 120.0, 165.0, 110.0],
            Self::Liver => [57.0, 76.0, 112.0, 88.0],
            Self::Spleen => [48.0, 125.0, 122.0, 90.0],
            Self::Pancreas => [40.0, 102.0, 92.0, 70.0],
            Self::Gallbladder => [10.0; 4],
            Self::BowelWall => [38.0, 72.0, 88.0, 66.0],
            Self::BowelContent => [18.0; 4],
            Self::BowelGas => [-870.0; 4],
            Self::Stool => [-5.0; 4],
            Self::Cortex => [34.0, 196.0, 188.0, 140.0],
            Self::Medulla => [31.0, 84.0, 176.0, 138.0],
            Self::Urine => [4.0, 6.0, 22.0, 420.0],
            Self::Cyst => [6.0, 8.0, 10.0, 10.0],
            Self::RenalArtery => [42.0, 265.0, 155.0, 105.0],
            Self::RenalVein => [40.0, 170.0, 150.0, 105.0],
            Self::SmallVessel => [38.0, 130.0, 120.0, 85.0],
        };
        by_phase[phase.column()]
    }
}

/// Histology-like subtype of the phantom's tumour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subtype {
    /// Clear-cell renal cell carcinoma.
    ClearCellRcc,
    /// Papillary renal cell carcinoma.
    Papillary,
    /// Chromophobe renal cell carcinoma.
    Chromophobe,
    /// Oncocytoma.
    Oncocytoma,
    /// Angiomyolipoma without fat visible on CT.
    Angiomyolipoma,
}

impl Subtype {
    /// The malignant subtypes with the share of each.
    pub(crate) const MALIGNANT: [(Self, f64); 3] = [
        (Self::ClearCellRcc, 0.74),
        (Self::Papillary, 0.13),
        (Self::Chromophobe, 0.13),
    ];
    /// The benign subtypes with the share of each.
    pub(crate) const BENIGN: [(Self, f64); 2] =
        [(Self::Oncocytoma, 0.62), (Self::Angiomyolipoma, 0.38)];

    /// The name used in records; KiTS19's spelling where it has one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClearCellRcc => "clear_cell_rcc",
            Self::Papillary => "papillary",
            Self::Chromophobe => "chromophobe",
            Self::Oncocytoma => "oncocytoma",
            Self::Angiomyolipoma => "angiomyolipoma",
        }
    }

    /// Mean attenuation of the viable tumour in HU.
    ///
    /// Corticomedullary values after Young et al., Radiology 2013;267:444 (clear cell 125,
    /// oncocytoma 106, chromophobe 74, papillary 54), the other phases rounded from the
    /// washout that the same study describes; lipid-poor angiomyolipoma after Jinzaki et
    /// al., Abdom Imaging 2014;39:588 (denser than the others before contrast).
    pub(crate) fn hounsfield(self, phase: Phase) -> f64 {
        let by_phase = match self {
            Self::ClearCellRcc => [34.0, 125.0, 108.0, 84.0],
            Self::Papillary => [33.0, 56.0, 70.0, 62.0],
            Self::Chromophobe => [34.0, 75.0, 83.0, 68.0],
            Self::Oncocytoma => [34.0, 106.0, 100.0, 78.0],
            Self::Angiomyolipoma => [44.0, 98.0, 90.0, 68.0],
        };
        by_phase[phase.column()]
    }
}
