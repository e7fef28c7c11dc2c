//! A whole extraction: what is done to image and mask, which images are derived, what is
//! computed on them. A parameter file says no less and no more.

mod advice;
mod canonical;
mod classes;
mod images;
mod images_ibsi2;
#[cfg(test)]
mod key_tests;
mod keys;
mod layer;
mod reader;
pub(crate) mod reference;
mod report;
mod resolve;
mod schema;
mod yaml;

pub use report::{ParameterError, Warning, WarningKind};

use crate::{
    Settings, Standard,
    filters::{
        self, Gabor, Laws, Lbp2dMethod, Mean, NonseparableWavelet, SampledLog, SeparableWavelet,
    },
};

/// Everything an extraction depends on besides image and mask. The defaults are PyRadiomics'.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// The label of the region (`label`). Default: 1.
    pub label: u16,
    /// The channel of a mask with several (`label_channel`). Default: 0.
    pub label_channel: usize,
    /// What happens before features are computed.
    pub preprocessing: Preprocessing,
    /// The images that features are computed on, in the order of the columns.
    /// Default: the original one.
    pub images: Vec<ImageParameters>,
    /// The settings that hold unless an image has its own; shape uses these.
    pub settings: Settings,
    /// For maps: a feature at every voxel.
    pub voxel: VoxelParameters,
    /// Whether diagnostics columns are wanted (`additionalInfo`). Default: yes.
    pub additional_info: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            label: 1,
            label_channel: 0,
            preprocessing: Preprocessing::default(),
            images: vec![ImageParameters {
                image_type: ImageType::Original,
                settings: settings.clone(),
            }],
            settings,
            voxel: VoxelParameters::default(),
            additional_info: true,
        }
    }
}

impl Parameters {
    /// Whose definitions hold.
    #[must_use]
    pub fn standard(&self) -> Standard {
        self.settings.standard
    }
}

/// An image type and the settings that features are computed with on it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageParameters {
    /// How the image is derived.
    pub image_type: ImageType,
    /// The settings, with what the image type's own entries override.
    pub settings: Settings,
}

impl ImageParameters {
    /// The names of the images that are derived, which begin their columns' names, in the
    /// order of the columns.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match &self.image_type {
            ImageType::Original => vec!["original".to_owned()],
            ImageType::LoG { sigmas } => sigmas.iter().map(LogSigma::image_name).collect(),
            ImageType::Wavelet { levels, .. } => self.wavelet_names(*levels),
            ImageType::Square => vec!["square".to_owned()],
            ImageType::SquareRoot => vec!["squareroot".to_owned()],
            ImageType::Logarithm => vec!["logarithm".to_owned()],
            ImageType::Exponential => vec!["exponential".to_owned()],
            ImageType::Gradient { .. } => vec!["gradient".to_owned()],
            ImageType::Lbp2d { .. } => vec!["lbp-2D".to_owned()],
            ImageType::Lbp3d { levels, .. } => (1..=*levels)
                .map(|level| format!("lbp-3D-m{level}"))
                .chain(["lbp-3D-k".to_owned()])
                .collect(),
            ibsi2 => filters::ibsi2::name(ibsi2).into_iter().collect(),
        }
    }

    /// Sub-bands in the order in which PyWavelets lists them, the last level's approximation
    /// at the end.
    fn wavelet_names(&self, levels: usize) -> Vec<String> {
        let axes = 3 - usize::from(self.settings.force_2d_across_axis.is_some());
        let band = |bits: usize| -> String {
            (0..axes)
                .rev()
                .map(|axis| if bits >> axis & 1 == 1 { 'H' } else { 'L' })
                .collect()
        };
        let prefix = |level: usize| match level {
            1 => "wavelet".to_owned(),
            level => format!("wavelet{level}"),
        };
        (1..=levels)
            .flat_map(|level| {
                (1..1usize << axes).map(move |bits| format!("{}-{}", prefix(level), band(bits)))
            })
            .chain([format!("{}-{}", prefix(levels), band(0))])
            .collect()
    }
}

/// What happens to image and mask before features are computed, in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocessing {
    /// Centre and scale the whole image (`normalize`). Default: no.
    pub normalisation: Option<Normalisation>,
    /// Resample image and mask (`resampledPixelSpacing`, `interpolator`). Default: no.
    pub resampling: Option<ResamplingParameters>,
    /// Voxels of the (resampled) image kept around the region for the filters
    /// (`padDistance`). Default: 5.
    pub pad_distance_voxels: usize,
    /// Cut image and mask to the region and the pad distance before filtering (`preCrop`).
    /// Default: no, filters see the whole image.
    pub pre_crop: bool,
    /// Leave out voxels by their intensity (`resegmentRange`). Default: no.
    pub resegmentation: Option<Resegmentation>,
    /// Then leave out voxels farther than this many standard deviations from the mean of those
    /// that stayed (IBSI's outlier filtering). Default: no.
    pub outlier_deviations: Option<f64>,
    /// Measure shape on the resegmented mask, too (`resegmentShape`). Default: no.
    pub resegment_shape: bool,
    /// Resample a mask on another grid to that of the image (`correctMask`). Default: no, it
    /// is refused.
    pub correct_mask: bool,
    /// How far image and mask may lie apart, in units of a voxel of the first axis
    /// (`geometryTolerance`). Default: 1e-3.
    pub geometry_tolerance_voxels: Option<f64>,
}

impl Default for Preprocessing {
    fn default() -> Self {
        Self {
            normalisation: None,
            resampling: None,
            pad_distance_voxels: 5,
            pre_crop: false,
            resegmentation: None,
            outlier_deviations: None,
            resegment_shape: false,
            correct_mask: false,
            geometry_tolerance_voxels: None,
        }
    }
}

/// `scale (x - mean) / deviation` over the whole image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    /// Factor after centring and dividing (`normalizeScale`). Default: 1.
    pub scale: f64,
    /// Cut what is farther from the mean than this many deviations (`removeOutliers`).
    pub outliers_deviations: Option<f64>,
}

/// The grid that features are computed on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResamplingParameters {
    /// Distance between voxel centres; 0 keeps the mask's along that axis. PyRadiomics'
    /// `resampledPixelSpacing` has the order x, y, z.
    pub spacing_zyx_mm: [f64; 3],
    /// How intensities between voxels are made. Labels take the nearest voxel's.
    pub interpolator: Interpolator,
    /// Round intensities to whole numbers afterwards, as IBSI asks for CT.
    pub round_intensities: bool,
}

/// How intensities between voxels are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolator {
    /// `sitkNearestNeighbor`
    Nearest,
    /// `sitkLinear`
    Linear,
    /// `sitkBSpline`, of order 3
    BSpline,
}

/// Which intensities stay in the region.
#[derive(Debug, Clone, PartialEq)]
pub struct Resegmentation {
    /// One threshold, from which on voxels stay, or the ends of a closed range.
    pub thresholds: Vec<f64>,
    /// What the thresholds are measured in.
    pub mode: ThresholdMode,
}

/// What thresholds are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThresholdMode {
    /// Units of the image.
    Absolute,
    /// Parts of the region's maximum.
    Relative,
    /// Standard deviations from the region's mean.
    Sigma,
}

/// How maps are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoxelParameters {
    /// Voxels from the centre of the neighbourhood to its border (`kernelRadius`). Default: 1.
    pub kernel_radius_voxels: usize,
    /// Whether voxels outside the region are left out of neighbourhoods (`maskedKernel`).
    /// Default: yes.
    pub masked_kernel: bool,
    /// The map's value outside the region (`initValue`). Default: 0.
    pub initial_value: f64,
    /// Voxels done at a time (`voxelBatch`), at least a slice. Default: as many as fit into
    /// 64 MiB.
    pub batch_voxels: Option<usize>,
}

impl Default for VoxelParameters {
    fn default() -> Self {
        Self {
            kernel_radius_voxels: 1,
            masked_kernel: true,
            initial_value: 0.0,
            batch_voxels: None,
        }
    }
}

/// A width of the Laplacian of Gaussian.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSigma {
    /// Standard deviation of the Gaussian.
    pub mm: f64,
    /// How it stands in column names: as Python prints the number that the file has, with `-`
    /// for the point, so that `1.0` is `1-0` and `1` is `1`.
    pub text: String,
}

impl LogSigma {
    /// A width whose text is that of a floating-point number in Python: `1.0` is `1-0`.
    #[must_use]
    pub fn from_mm(mm: f64) -> Self {
        Self {
            mm,
            text: format!("{mm:?}").replace('.', "-"),
        }
    }

    /// The first part of the names of its columns, such as `log-sigma-1-5-mm-3D`.
    #[must_use]
    pub fn image_name(&self) -> String {
        format!("log-sigma-{}-mm-3D", self.text)
    }
}

/// How an image is derived from the preprocessed one.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageType {
    /// Not at all.
    Original,
    /// Laplacian of Gaussian by ITK's recursive filters, one image a width.
    LoG {
        /// Standard deviations of the Gaussian.
        sigmas: Vec<LogSigma>,
    },
    /// Stationary wavelet transform, one image a sub-band.
    Wavelet {
        /// A name of PyWavelets' discrete wavelets. Default: `coif1`.
        wavelet: String,
        /// Levels that are passed over. Default: 0.
        start_level: usize,
        /// Levels that yield images. Default: 1.
        levels: usize,
    },
    /// Squared intensities, scaled to the original range.
    Square,
    /// Square root of the magnitude with the sign kept, scaled to the original range.
    SquareRoot,
    /// Logarithm of the magnitude with the sign kept, scaled to the original range.
    Logarithm,
    /// Exponential, scaled to the original range.
    Exponential,
    /// Magnitude of the gradient.
    Gradient {
        /// Per mm (default) or per voxel.
        use_spacing: bool,
    },
    /// Local binary patterns in slices.
    Lbp2d {
        /// Distance of the samples from the centre, in voxels. Default: 1.
        radius_voxels: f64,
        /// Number of samples. Default: 8.
        samples: usize,
        /// How a pattern becomes a number.
        method: Lbp2dMethod,
        /// The array axis across which slices are taken where features are not in 2D
        /// (`force2Ddimension` without `force2D`). Default: 0, z.
        slice_axis: Option<usize>,
    },
    /// Local binary patterns in 3D by spherical harmonics, one image a level and the kurtosis.
    Lbp3d {
        /// Levels of spherical harmonics. Default: 2.
        levels: usize,
        /// Distance of the samples from the centre, in voxels. Default: 1.
        radius_voxels: f64,
        /// How often the icosahedron's faces are divided in four. Default: 1.
        subdivisions: usize,
    },
    /// IBSI 2: mean in a cube.
    Mean(Mean),
    /// IBSI 2: Laplacian of Gaussian with a sampled kernel.
    SampledLog(SampledLog),
    /// IBSI 2: Laws kernels.
    Laws(Laws),
    /// IBSI 2: Gabor filters.
    Gabor(Gabor),
    /// IBSI 2: a sub-band of a separable wavelet.
    SeparableWavelet(SeparableWavelet),
    /// IBSI 2: a band of a non-separable wavelet.
    NonseparableWavelet(NonseparableWavelet),
}
