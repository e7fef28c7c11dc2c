//! What an extraction can be told.

use crate::error::RadiomicsError;

/// How intensities become grey levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Discretisation {
    /// Bins of this width, in units of the image, with an edge at 0 (PyRadiomics' `binWidth`).
    BinWidth(f64),
    /// This many bins of equal width between the region's minimum and maximum
    /// (PyRadiomics' `binCount`; IBSI's fixed bin number).
    BinCount(u32),
    /// Bins of a width, in units of the image, the first of which starts at the lowest
    /// intensity that the region may have: the lower end of the resegmentation range, or the
    /// region's minimum where there is none (IBSI's fixed bin size).
    BinWidthFrom {
        /// Width of a bin, in units of the image.
        width: f64,
        /// Where the first bin starts; `None` for the region's minimum.
        start: Option<f64>,
    },
}

/// Whose definitions hold where two standards differ, and whose defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standard {
    /// PyRadiomics (van Griethuysen et al., *Cancer Research* 2017;77:e104), value for value.
    #[default]
    PyRadiomics,
    /// The IBSI reference manual (arXiv:1612.07003).
    Ibsi,
}

/// How texture matrices of slices and directions become one value a feature (IBSI reference
/// manual, chapter Aggregating features). Classes without directions know three of them: in
/// 2D by slice, in 2.5D with slices merged, in 3D.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    /// 2D neighbours; features of each slice and direction, averaged (`BTW3`).
    Averaged2D,
    /// 2D neighbours; directions merged by slice, features of each slice averaged (`SUJT`).
    SliceMerged2D,
    /// 2D neighbours; slices merged by direction, features of each direction averaged (`JJUI`).
    DirectionMerged25D,
    /// 2D neighbours; slices and directions merged (`ZW7Z`).
    Merged25D,
    /// 3D neighbours; features of each direction averaged (`ITBB`).
    Averaged3D,
    /// 3D neighbours; directions merged (`IAZD`).
    Merged3D,
}

impl Aggregation {
    /// Whether neighbours are looked for within slices only.
    #[must_use]
    pub fn is_in_plane(self) -> bool {
        !matches!(self, Self::Averaged3D | Self::Merged3D)
    }

    /// Whether each slice has matrices of its own.
    #[must_use]
    pub fn is_by_slice(self) -> bool {
        matches!(self, Self::Averaged2D | Self::SliceMerged2D)
    }

    /// Whether directions are merged into one matrix before features are computed.
    #[must_use]
    pub fn merges_directions(self) -> bool {
        matches!(self, Self::SliceMerged2D | Self::Merged25D | Self::Merged3D)
    }
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
    /// Whose definitions hold where two standards differ. Default: PyRadiomics.
    pub standard: Standard,
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
    /// How slices and directions are brought together. Default: directions averaged, in 3D,
    /// or, where `force_2d_across_axis` is set, in planes whose counts are merged.
    pub aggregation: Option<Aggregation>,
    /// Two voxels depend on each other (GLDM, NGLDM) where their grey levels differ by no more
    /// than this. Default: 0.
    pub gldm_alpha: f64,
    /// How intensities are discretised for the intensity-volume histogram: bins of a width are
    /// read at their centres, a bin count gives bin numbers (IBSI recommends 1000 for
    /// arbitrary units). Default: not at all, intensities as they are in steps of 1, which
    /// suits Hounsfield units.
    pub ivh_discretisation: Option<Discretisation>,
    /// Lower and upper end of the intensities that the intensity-volume histogram spans, in
    /// units of the image: those of the resegmentation range, where it has them. A bin count
    /// does not look at them. Default: the region's minimum and maximum.
    pub ivh_range: [Option<f64>; 2],
    /// Refuse a region whose bounding box is longer than one voxel along fewer axes than this.
    /// Default: 2, as PyRadiomics; 0 accepts a single voxel, which PyRadiomics never does.
    pub minimum_roi_dimensions: usize,
    /// Refuse a region with fewer voxels than this. Default: 1.
    pub minimum_roi_voxels: usize,
    /// The features to compute. Default: every class but planar shape, with its default
    /// features.
    pub classes: Vec<ClassSelection>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            standard: Standard::PyRadiomics,
            discretisation: Discretisation::BinWidth(25.0),
            voxel_array_shift: 0.0,
            distances_voxels: vec![1],
            symmetric_glcm: true,
            weighting_norm: None,
            force_2d_across_axis: None,
            aggregation: None,
            gldm_alpha: 0.0,
            ivh_discretisation: None,
            ivh_range: [None, None],
            minimum_roi_dimensions: 2,
            minimum_roi_voxels: 1,
            classes: crate::CLASSES
                .iter()
                .filter(|class| class.is_default())
                .map(|class| ClassSelection::defaults_of(class.name))
                .collect(),
        }
    }
}

/// Longest distance between neighbours that texture can look at, in voxels.
pub const MAX_DISTANCE_VOXELS: usize = 50;

impl Settings {
    /// How slices and directions are brought together, the default resolved.
    #[must_use]
    pub fn aggregation(&self) -> Aggregation {
        self.aggregation.unwrap_or(match self.force_2d_across_axis {
            Some(_) => Aggregation::DirectionMerged25D,
            None => Aggregation::Averaged3D,
        })
    }

    /// The axis across which slices are taken, `None` where neighbours are 3D.
    #[must_use]
    pub fn slice_axis(&self) -> Option<usize> {
        self.aggregation()
            .is_in_plane()
            .then(|| self.force_2d_across_axis.unwrap_or(0))
    }

    /// Check the settings that do not depend on the data.
    ///
    /// # Errors
    /// [`RadiomicsError::Setting`] names the setting, its value and the rule.
    pub fn validate(&self) -> Result<(), RadiomicsError> {
        let refuse = |name, value: String, rule| Err(RadiomicsError::Setting { name, value, rule });
        validate_discretisation("bin_width", "bin_count", self.discretisation)?;
        if let Some(discretisation) = self.ivh_discretisation {
            validate_discretisation("ivh_bin_width", "ivh_bin_count", discretisation)?;
        }
        let [low, high] = self.ivh_range;
        if [low, high]
            .into_iter()
            .flatten()
            .any(|end| !end.is_finite())
            || low.zip(high).is_some_and(|(low, high)| low > high)
        {
            return refuse(
                "ivh_range",
                format!("{low:?} to {high:?}"),
                "its ends must be finite and the lower one not above the upper one",
            );
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
        if !(self.gldm_alpha.is_finite() && self.gldm_alpha >= 0.0) {
            return refuse(
                "gldm_alpha",
                self.gldm_alpha.to_string(),
                "it must be a finite number of grey levels, 0 or more",
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

/// Refuse bins without a width and more bins than there may be grey levels.
fn validate_discretisation(
    width_name: &'static str,
    count_name: &'static str,
    discretisation: Discretisation,
) -> Result<(), RadiomicsError> {
    let refuse = |name, value: String, rule| Err(RadiomicsError::Setting { name, value, rule });
    match discretisation {
        Discretisation::BinWidth(width) | Discretisation::BinWidthFrom { width, .. }
            if !(width.is_finite() && width > 0.0) =>
        {
            refuse(
                width_name,
                width.to_string(),
                "it must be a positive, finite number in units of the image",
            )
        }
        Discretisation::BinCount(count) if count == 0 || count > crate::MAX_GREY_LEVELS => refuse(
            count_name,
            count.to_string(),
            "it must be between 1 and 100000",
        ),
        _ => Ok(()),
    }
}
