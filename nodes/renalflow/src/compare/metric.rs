//! What is compared.

use clap::ValueEnum;

/// A measure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Metric {
    /// Dice's coefficient.
    #[value(name = "dice")]
    Dice,
    /// Part of the surfaces within the tolerance.
    #[value(name = "surface_dice")]
    SurfaceDice,
    /// 95th percentile of the Hausdorff distance.
    #[value(name = "hd95_mm")]
    Hd95,
    /// Average symmetric surface distance.
    #[value(name = "assd_mm")]
    Assd,
    /// Predicted less reference.
    #[value(name = "volume_error_ml")]
    VolumeError,
    /// The same over the reference.
    #[value(name = "relative_volume_error")]
    RelativeVolumeError,
    /// Lesions found, missed and invented.
    #[value(name = "lesion_f1")]
    LesionF1,
    /// Area under the ROC curve.
    #[value(name = "auc")]
    Auc,
    /// Mean of sensitivity and specificity.
    #[value(name = "balanced_accuracy")]
    BalancedAccuracy,
    /// Mean squared difference of probability and truth.
    #[value(name = "brier")]
    Brier,
    /// Part of the decisions that are right.
    #[value(name = "accuracy")]
    Accuracy,
    /// Of the positive cases.
    #[value(name = "sensitivity")]
    Sensitivity,
    /// Of the negative cases.
    #[value(name = "specificity")]
    Specificity,
    /// Of the positive class.
    #[value(name = "f1")]
    F1,
}

use Metric::{
    Accuracy, Assd, Auc, BalancedAccuracy, Brier, Dice, F1, Hd95, LesionF1, RelativeVolumeError,
    Sensitivity, Specificity, SurfaceDice, VolumeError,
};

impl Metric {
    /// Those of `scores.parquet`.
    pub const SCORES: [Self; 7] = [
        Dice,
        SurfaceDice,
        Hd95,
        Assd,
        VolumeError,
        RelativeVolumeError,
        LesionF1,
    ];
    /// Those of `predictions.parquet`.
    pub const PREDICTIONS: [Self; 7] = [
        Auc,
        BalancedAccuracy,
        Brier,
        Accuracy,
        Sensitivity,
        Specificity,
        F1,
    ];
    /// Those that are compared where none is named.
    pub const USUAL: [Self; 7] = [
        Dice,
        SurfaceDice,
        Hd95,
        LesionF1,
        Auc,
        BalancedAccuracy,
        Brier,
    ];

    /// Name in tables and on the command line.
    pub fn column(self) -> &'static str {
        match self {
            Dice => "dice",
            SurfaceDice => "surface_dice",
            Hd95 => "hd95_mm",
            Assd => "assd_mm",
            VolumeError => "volume_error_ml",
            RelativeVolumeError => "relative_volume_error",
            LesionF1 => "lesion_f1",
            Auc => "auc",
            BalancedAccuracy => "balanced_accuracy",
            Brier => "brier",
            Accuracy => "accuracy",
            Sensitivity => "sensitivity",
            Specificity => "specificity",
            F1 => "f1",
        }
    }

    /// Name for readers, with the unit.
    pub fn title(self) -> &'static str {
        match self {
            Dice => "Dice",
            SurfaceDice => "surface Dice",
            Hd95 => "HD95, mm",
            Assd => "ASSD, mm",
            VolumeError => "volume error, mL",
            RelativeVolumeError => "rel. volume error",
            LesionF1 => "lesion F1",
            Auc => "AUC",
            BalancedAccuracy => "balanced accuracy",
            Brier => "Brier score",
            Accuracy => "accuracy",
            Sensitivity => "sensitivity",
            Specificity => "specificity",
            F1 => "F1",
        }
    }

    /// Decimals that are shown.
    pub fn digits(self) -> usize {
        match self {
            Hd95 | Assd | VolumeError => 2,
            _ => 3,
        }
    }

    /// Whether more is better; `None` where zero is best.
    pub fn more_is_better(self) -> Option<bool> {
        match self {
            VolumeError | RelativeVolumeError => None,
            Hd95 | Assd | Brier => Some(false),
            _ => Some(true),
        }
    }
}
