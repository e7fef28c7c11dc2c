//! What an extraction can be told.

use crate::error::RadiomicsError;

/// How intensities become grey levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Discretisation {
    /// Bins of this width, in units of the image, with an edge at 0 (PyRadiomics' `binWidth`).
    BinWidth(f64),
    /// This many bins of equal width between the region's minimum and maximum
    /// (PyRadiomics' `binCount`).
    BinCount(u32),
}

/// How co-occurrences along different directions are weighted when they are pooled into one
/// matrix: by `exp(-d²)`, with `d` the length of the direction in mm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightingNorm {
    /// `d` is the sum of the steps along the axes.
    Manhattan,
    /// `d` is the straight distance.
    Euclidean,
    /// `d` is the largest step along an axis.
    Infinity,
    /// Every direction counts the same.
    NoWeighting,
}

/// A feature class and the features wanted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassSelection {
    /// Name of the class, such as `glcm`.
    pub class: String,
    /// Names of features, such as `Contrast`. Empty: those enabled by default.
    pub features: Vec<String>,
}

impl ClassSelection {
    /// The features of a class that are enabled by default.
    #[must_use]
    pub fn defaults_of(class: &str) -> Self {
        Self {
            class: class.to_owned(),
            features: Vec::new(),
        }
    }
}

/// Settings of an extraction; the defaults are PyRadiomics'.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How intensities become grey levels. Default: bins of width 25.
    pub discretisation: Discretisation,
    /// Added to every intensity in the first-order features Energy, `TotalEnergy` and
    /// `RootMeanSquared`, in units of the image. Default: 0.
    pub voxel_array_shift: f64,
    /// Distances between neighbours in texture, in voxels of the infinity norm. Default: 1.
    pub distances_voxels: Vec<usize>,
    /// Count each co-occurrence in both orders. Default: yes.
    pub symmetric_glcm: bool,
    /// Pool the directions of the GLCM into one weighted matrix. Default: no; features are
    /// computed for each direction and averaged.
    pub weighting_norm: Option<WeightingNorm>,
    /// Look for neighbours only in planes across this array axis (0 is z). Default: in 3D.
    pub force_2d_across_axis: Option<usize>,
    /// Refuse a region whose bounding box is longer than one voxel along fewer axes than this.
    /// Default: 2, as PyRadiomics; 0 accepts a single voxel, which PyRadiomics never does.
    pub minimum_roi_dimensions: usize,
    /// Refuse a region with fewer voxels than this. Default: 1.
    pub minimum_roi_voxels: usize,
    /// The features to compute. Default: every class with its default features.
    pub classes: Vec<ClassSelection>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            discretisation: Discretisation::BinWidth(25.0),
            voxel_array_shift: 0.0,
            distances_voxels: vec![1],
            symmetric_glcm: true,
            weighting_norm: None,
            force_2d_across_axis: None,
            minimum_roi_dimensions: 2,
            minimum_roi_voxels: 1,
            classes: crate::CLASSES
                .iter()
                .map(|class| ClassSelection::defaults_of(class.name))
                .collect(),
        }
    }
}

/// Longest distance between neighbours that texture can look at, in voxels.
pub const MAX_DISTANCE_VOXELS: usize = 50;

impl Settings {
    /// Check the settings that do not depend on the data.
    ///
    /// # Errors
    /// [`RadiomicsError::Setting`] names the setting, its value and the rule.
    pub fn validate(&self) -> Result<(), RadiomicsError> {
        let refuse = |name, value: String, rule| Err(RadiomicsError::Setting { name, value, rule });
        match self.discretisation {
            Discretisation::BinWidth(width) if !(width.is_finite() && width > 0.0) => {
                return refuse(
                    "bin_width",
                    width.to_string(),
                    "it must be a positive, finite number in units of the image",
                );
            }
            Discretisation::BinCount(count) if count == 0 || count > crate::MAX_GREY_LEVELS => {
                return refuse(
                    "bin_count",
                    count.to_string(),
                    "it must be between 1 and 100000",
                );
            }
            _ => {}
        }
        if !self.voxel_array_shift.is_finite() {
            return refuse(
                "voxel_array_shift",
                self.voxel_array_shift.to_string(),
                "it must be a finite number in units of the image",
            );
        }
        let mut distances = self.distances_voxels.clone();
        distances.sort_unstable();
        distances.dedup();
        if distances.is_empty()
            || distances.len() != self.distances_voxels.len()
            || distances
                .iter()
                .any(|d| !(1..=MAX_DISTANCE_VOXELS).contains(d))
        {
            return refuse(
                "distances_voxels",
                format!("{:?}", self.distances_voxels),
                "it must name at least one distance, each once and between 1 and 50 voxels",
            );
        }
        if let Some(axis) = self.force_2d_across_axis
            && axis > 2
        {
            return refuse(
                "force_2d_across_axis",
                axis.to_string(),
                "it must be 0 (z), 1 (y) or 2 (x)",
            );
        }
        if self.minimum_roi_dimensions > 3 {
            return refuse(
                "minimum_roi_dimensions",
                self.minimum_roi_dimensions.to_string(),
                "it must be between 0 and 3",
            );
        }
        Ok(())
    }
}
