//! The keys of a parameter file, in the order of the reference page.
//!
//! Keys of PyRadiomics take what its schema takes. Bounds that it lacks keep an extraction from
//! asking for more memory than there is.

use super::schema::{Count, Key, Kind, Origin, Range, Reader};
use crate::{
    MAX_DISTANCE_VOXELS, MAX_GREY_LEVELS,
    filters::{lbp2d, lbp3d},
};

/// What most keys are: one of PyRadiomics, read before images are derived.
const KEY: Key = Key {
    name: "",
    kind: Kind::Switch,
    unit: "",
    default: "null",
    about: "",
    origin: Origin::PyRadiomics,
    reader: Reader::Preparation,
};

pub(super) static LABEL: Key = Key {
    name: "label",
    kind: Kind::Integer(Range::of(1.0, 65535.0)),
    default: "1",
    about: "The label of the region in the mask.",
    ..KEY
};

pub(super) static LABEL_CHANNEL: Key = Key {
    name: "label_channel",
    kind: Kind::Integer(Range::of(0.0, 65535.0)),
    default: "0",
    about: "The channel of a mask that has several.",
    ..KEY
};

pub(super) static ADDITIONAL_INFO: Key = Key {
    name: "additionalInfo",
    default: "true",
    about: "Add columns with versions, settings, and what image and mask were.",
    ..KEY
};

pub(super) static GEOMETRY_TOLERANCE: Key = Key {
    name: "geometryTolerance",
    kind: Kind::Number(Range::POSITIVE),
    unit: "voxel",
    about: "How far image and mask may lie apart, in voxels along the first axis. By default \
            0.001.",
    ..KEY
};

pub(super) static CORRECT_MASK: Key = Key {
    name: "correctMask",
    default: "false",
    about: "Bring a mask that lies on another grid onto the image's, by nearest neighbour, \
            instead of refusing it.",
    ..KEY
};

pub(super) static MINIMUM_ROI_DIMENSIONS: Key = Key {
    name: "minimumROIDimensions",
    kind: Kind::Integer(Range::of(1.0, 3.0)),
    default: "2",
    about: "Refuse a region whose bounding box is longer than one voxel along fewer axes.",
    ..KEY
};

pub(super) static MINIMUM_ROI_SIZE: Key = Key {
    name: "minimumROISize",
    kind: Kind::Integer(Range::of(1.0, 1e12)),
    unit: "voxels",
    about: "Refuse a region with this many voxels or fewer. By default every size is measured.",
    ..KEY
};

pub(super) static NORMALIZE: Key = Key {
    name: "normalize",
    default: "false",
    about: "Centre the whole image on its mean and divide it by its standard deviation.",
    ..KEY
};

pub(super) static NORMALIZE_SCALE: Key = Key {
    name: "normalizeScale",
    kind: Kind::Number(Range::POSITIVE),
    default: "1",
    about: "Factor after normalising.",
    ..KEY
};

pub(super) static REMOVE_OUTLIERS: Key = Key {
    name: "removeOutliers",
    kind: Kind::Number(Range::POSITIVE),
    unit: "standard deviations",
    about: "Cut normalised intensities at this distance from the mean.",
    ..KEY
};

pub(super) static RESAMPLED_PIXEL_SPACING: Key = Key {
    name: "resampledPixelSpacing",
    kind: Kind::Numbers(Range::of(0.0, f64::MAX), Count::Three),
    unit: "mm",
    about: "Resample to these distances between voxels, in the order x, y, z; 0 keeps the \
            mask's. By default nothing is resampled.",
    ..KEY
};

pub(super) static INTERPOLATOR: Key = Key {
    name: "interpolator",
    kind: Kind::Interpolator,
    default: "sitkBSpline",
    about: "How intensities between voxels are made; SimpleITK's numbers (1, 2, 3) mean the \
            same. Masks take the nearest voxel's label. `null` switches resampling off.",
    ..KEY
};

pub(super) static ROUND_INTENSITIES: Key = Key {
    name: "roundIntensities",
    default: "false",
    about: "Round resampled intensities to whole numbers, as IBSI asks for CT.",
    origin: Origin::Ours,
    ..KEY
};

pub(super) static PAD_DISTANCE: Key = Key {
    name: "padDistance",
    kind: Kind::Integer(Range::of(0.0, 65535.0)),
    unit: "voxels",
    default: "5",
    about: "Voxels kept around the region by resampling and `preCrop`, for the filters.",
    ..KEY
};

pub(super) static PRE_CROP: Key = Key {
    name: "preCrop",
    default: "false",
    about: "Where nothing is resampled: cut the image to the region and `padDistance` before \
            it is filtered.",
    ..KEY
};

pub(super) static RESEGMENT_RANGE: Key = Key {
    name: "resegmentRange",
    kind: Kind::Numbers(Range::OPEN, Count::OneOrTwo),
    unit: "as `resegmentMode` says",
    about: "Leave voxels below the first or above the second value out of the region; `.inf` \
            and `-.inf` leave an end open.",
    ..KEY
};

pub(super) static RESEGMENT_MODE: Key = Key {
    name: "resegmentMode",
    kind: Kind::OneOf(&["absolute", "relative", "sigma"]),
    default: "absolute",
    about: "What `resegmentRange` counts in: intensities, parts of the region's maximum, or \
            standard deviations from its mean.",
    ..KEY
};

pub(super) static RESEGMENT_OUTLIERS: Key = Key {
    name: "resegmentOutliers",
    kind: Kind::Number(Range::POSITIVE),
    unit: "standard deviations",
    about: "After `resegmentRange`, leave out voxels farther than this from the mean of those \
            that stayed.",
    origin: Origin::Ours,
    ..KEY
};

pub(super) static RESEGMENT_SHAPE: Key = Key {
    name: "resegmentShape",
    default: "false",
    about: "Measure shape, too, on the region that resegmentation leaves.",
    ..KEY
};

pub(super) static BIN_WIDTH: Key = Key {
    name: "binWidth",
    kind: Kind::Number(Range::POSITIVE),
    unit: "intensity",
    default: "25",
    about: "Width of a grey level. Under `compat: pyradiomics` an edge lies at 0, under \
            `compat: ibsi` where `binWidthStart` says.",
    reader: Reader::Image,
    ..KEY
};

pub(super) static BIN_COUNT: Key = Key {
    name: "binCount",
    kind: Kind::Integer(Range::of(1.0, MAX_GREY_LEVELS as f64)),
    about: "Number of grey levels between the region's extremes, instead of a width.",
    reader: Reader::Image,
    ..KEY
};

/// The word of `binWidthStart` for the region's smallest intensity.
pub(super) const MINIMUM: &str = "minimum";

pub(super) static BIN_WIDTH_START: Key = Key {
    name: "binWidthStart",
    kind: Kind::NumberOr(Range::ANY, MINIMUM),
    unit: "intensity",
    about: "Where the first grey level starts; `minimum` is the region's smallest intensity. \
            By default 0 is an edge under `compat: pyradiomics`; under `compat: ibsi` the \
            start is the lower end of an absolute `resegmentRange` on the original image, \
            else `minimum`.",
    origin: Origin::Ours,
    reader: Reader::Image,
    ..KEY
};

pub(super) static FORCE_2D: Key = Key {
    name: "force2D",
    default: "false",
    about: "Compute texture, and filter, in slices.",
    reader: Reader::Image,
    ..KEY
};

pub(super) static FORCE_2D_DIMENSION: Key = Key {
    name: "force2Ddimension",
    kind: Kind::Integer(Range::of(0.0, 2.0)),
    default: "0",
    about: "The array axis across which slices are taken: 0 is z, 1 is y, 2 is x.",
    reader: Reader::Image,
    ..KEY
};

pub(super) static AGGREGATION: Key = Key {
    name: "aggregation",
    kind: Kind::OneOf(&[
        "2D_avg",
        "2D_comb",
        "2.5D_avg",
        "2.5D_comb",
        "3D_avg",
        "3D_comb",
    ]),
    about: "How the matrices of slices and directions become one value, in IBSI's words. By \
            default `3D_avg`, with `force2D` `2.5D_avg`, as PyRadiomics.",
    origin: Origin::Ours,
    reader: Reader::Image,
    ..KEY
};

pub(super) static IVH_BIN_WIDTH: Key = Key {
    name: "ivhBinWidth",
    kind: Kind::Number(Range::POSITIVE),
    unit: "intensity",
    about: "Width of the steps of the intensity-volume histogram, which are read at their \
            centres. By default intensities are taken as they are, in steps of 1, which suits \
            Hounsfield units. The histogram spans an absolute `resegmentRange`, or the region's \
            intensities.",
    origin: Origin::Ours,
    reader: Reader::Classes(&["ivh"]),
    ..KEY
};

pub(super) static IVH_BIN_COUNT: Key = Key {
    name: "ivhBinCount",
    kind: Kind::Integer(Range::of(1.0, MAX_GREY_LEVELS as f64)),
    about: "Number of steps of the intensity-volume histogram, instead of a width; IBSI \
            recommends 1000 for arbitrary units.",
    origin: Origin::Ours,
    reader: Reader::Classes(&["ivh"]),
    ..KEY
};

pub(super) static DISTANCES: Key = Key {
    name: "distances",
    kind: Kind::Integers(
        Range::of(1.0, MAX_DISTANCE_VOXELS as f64),
        Count::AtLeastOne,
    ),
    unit: "voxels",
    default: "[1]",
    about: "Distances between neighbours, in the infinity norm.",
    reader: Reader::Classes(&["glcm", "gldm", "ngtdm"]),
    ..KEY
};

pub(super) static WEIGHTING_NORM: Key = Key {
    name: "weightingNorm",
    kind: Kind::OneOf(&["manhattan", "euclidean", "infinity", "no_weighting"]),
    about: "Pool the directions into one matrix, each weighted by exp(-d²) with d its length \
            in mm by this norm. By default directions have features of their own, which are \
            averaged.",
    reader: Reader::Classes(&["glcm", "glrlm"]),
    ..KEY
};

pub(super) static SYMMETRICAL_GLCM: Key = Key {
    name: "symmetricalGLCM",
    default: "true",
    about: "Count each pair of neighbours in both orders.",
    reader: Reader::Classes(&["glcm"]),
    ..KEY
};

pub(super) static GLDM_A: Key = Key {
    name: "gldm_a",
    kind: Kind::Integer(Range::of(0.0, 1e9)),
    unit: "grey levels",
    default: "0",
    about: "Neighbours whose grey levels differ by no more than this depend on each other.",
    reader: Reader::Classes(&["gldm", "ngldm"]),
    ..KEY
};

pub(super) static VOXEL_ARRAY_SHIFT: Key = Key {
    name: "voxelArrayShift",
    kind: Kind::Integer(Range::of(-1e15, 1e15)),
    unit: "intensity",
    default: "0",
    about: "Added to every intensity in Energy, TotalEnergy and RootMeanSquared.",
    reader: Reader::Classes(&["firstorder"]),
    ..KEY
};

pub(super) static SIGMA: Key = Key {
    name: "sigma",
    kind: Kind::Numbers(Range::POSITIVE, Count::Any),
    unit: "mm",
    about: "Widths of the Gaussian, each of which yields an image. A width's column name shows \
            it as it is written: `1.0` as `1-0`, `1` as `1`.",
    reader: Reader::Filters(&["LoG"]),
    ..KEY
};

pub(super) static WAVELET: Key = Key {
    name: "wavelet",
    kind: Kind::Wavelet,
    default: "coif1",
    about: "The wavelet, by its name in PyWavelets: `haar`, `dmey`, `db1` to `db38`, `sym2` to \
            `sym20`, `coif1` to `coif17`, and `bior` and `rbio` with 1.1, 1.3, 1.5, 2.2, 2.4, \
            2.6, 2.8, 3.1, 3.3, 3.5, 3.7, 3.9, 4.4, 5.5 or 6.8.",
    reader: Reader::Filters(&["Wavelet"]),
    ..KEY
};

pub(super) static START_LEVEL: Key = Key {
    name: "start_level",
    kind: Kind::Integer(Range::of(0.0, 32.0)),
    default: "0",
    about: "Levels that are passed over.",
    reader: Reader::Filters(&["Wavelet"]),
    ..KEY
};

pub(super) static LEVEL: Key = Key {
    name: "level",
    kind: Kind::Integer(Range::of(1.0, 32.0)),
    default: "1",
    about: "Levels that yield images.",
    reader: Reader::Filters(&["Wavelet"]),
    ..KEY
};

pub(super) static GRADIENT_USE_SPACING: Key = Key {
    name: "gradientUseSpacing",
    default: "true",
    about: "Take the gradient per mm instead of per voxel.",
    reader: Reader::Filters(&["Gradient"]),
    ..KEY
};

pub(super) static LBP_2D_RADIUS: Key = Key {
    name: "lbp2DRadius",
    kind: Kind::Number(Range::above_zero_to(lbp2d::MAX_RADIUS_VOXELS)),
    unit: "voxels",
    default: "1",
    about: "Distance of the samples from the centre.",
    reader: Reader::Filters(&["LBP2D"]),
    ..KEY
};

pub(super) static LBP_2D_SAMPLES: Key = Key {
    name: "lbp2DSamples",
    kind: Kind::Integer(Range::of(1.0, lbp2d::MAX_SAMPLES as f64)),
    default: "8",
    about: "Number of samples; at most 31 where `lbp2DMethod` is `default` or `ror`.",
    reader: Reader::Filters(&["LBP2D"]),
    ..KEY
};

pub(super) static LBP_2D_METHOD: Key = Key {
    name: "lbp2DMethod",
    kind: Kind::OneOf(&["default", "ror", "uniform", "nri_uniform", "var"]),
    default: "uniform",
    about: "How a pattern becomes a number, in scikit-image's words. PyRadiomics lacks \
            `nri_uniform`.",
    reader: Reader::Filters(&["LBP2D"]),
    ..KEY
};

pub(super) static LBP_3D_LEVELS: Key = Key {
    name: "lbp3DLevels",
    kind: Kind::Integer(Range::of(1.0, lbp3d::MAX_LEVELS as f64)),
    default: "2",
    about: "Levels of spherical harmonics, each of which yields an image.",
    reader: Reader::Filters(&["LBP3D"]),
    ..KEY
};

pub(super) static LBP_3D_RADIUS: Key = Key {
    name: "lbp3DIcosphereRadius",
    kind: Kind::Number(Range::above_zero_to(lbp3d::MAX_RADIUS_VOXELS)),
    unit: "voxels",
    default: "1",
    about: "Distance of the samples from the centre.",
    reader: Reader::Filters(&["LBP3D"]),
    ..KEY
};

pub(super) static LBP_3D_SUBDIVISION: Key = Key {
    name: "lbp3DIcosphereSubdivision",
    kind: Kind::Integer(Range::of(0.0, lbp3d::MAX_SUBDIVISIONS as f64)),
    default: "1",
    about: "How often the faces of the icosahedron of samples are divided in four.",
    reader: Reader::Filters(&["LBP3D"]),
    ..KEY
};

pub(super) static KERNEL_RADIUS: Key = Key {
    name: "kernelRadius",
    kind: Kind::Integer(Range::of(1.0, 100.0)),
    unit: "voxels",
    default: "1",
    about: "Voxels from the centre of a neighbourhood to its border.",
    reader: Reader::Maps,
    ..KEY
};

pub(super) static MASKED_KERNEL: Key = Key {
    name: "maskedKernel",
    default: "true",
    about: "Leave voxels outside the region out of neighbourhoods.",
    reader: Reader::Maps,
    ..KEY
};

pub(super) static INIT_VALUE: Key = Key {
    name: "initValue",
    kind: Kind::AnyNumber,
    default: "0",
    about: "Value of the map outside the region.",
    reader: Reader::Maps,
    ..KEY
};

pub(super) static VOXEL_BATCH: Key = Key {
    name: "voxelBatch",
    kind: Kind::Integer(Range::of(1.0, 1e12)),
    unit: "voxels",
    about: "Voxels done at a time, at least a slice. By default as many as fit into 64 MiB.",
    reader: Reader::Maps,
    ..KEY
};

/// Every key of `setting`, which the mapping of an image type may have, too.
pub(super) static SETTINGS: [&Key; 43] = [
    &LABEL,
    &LABEL_CHANNEL,
    &ADDITIONAL_INFO,
    &GEOMETRY_TOLERANCE,
    &CORRECT_MASK,
    &MINIMUM_ROI_DIMENSIONS,
    &MINIMUM_ROI_SIZE,
    &NORMALIZE,
    &NORMALIZE_SCALE,
    &REMOVE_OUTLIERS,
    &RESAMPLED_PIXEL_SPACING,
    &INTERPOLATOR,
    &ROUND_INTENSITIES,
    &PAD_DISTANCE,
    &PRE_CROP,
    &RESEGMENT_RANGE,
    &RESEGMENT_MODE,
    &RESEGMENT_OUTLIERS,
    &RESEGMENT_SHAPE,
    &BIN_WIDTH,
    &BIN_COUNT,
    &BIN_WIDTH_START,
    &FORCE_2D,
    &FORCE_2D_DIMENSION,
    &AGGREGATION,
    &IVH_BIN_WIDTH,
    &IVH_BIN_COUNT,
    &DISTANCES,
    &WEIGHTING_NORM,
    &SYMMETRICAL_GLCM,
    &GLDM_A,
    &VOXEL_ARRAY_SHIFT,
    &SIGMA,
    &WAVELET,
    &START_LEVEL,
    &LEVEL,
    &GRADIENT_USE_SPACING,
    &LBP_2D_RADIUS,
    &LBP_2D_SAMPLES,
    &LBP_2D_METHOD,
    &LBP_3D_LEVELS,
    &LBP_3D_RADIUS,
    &LBP_3D_SUBDIVISION,
];

/// Every key of `voxelSetting`.
pub(super) static VOXEL_SETTINGS: [&Key; 4] =
    [&KERNEL_RADIUS, &MASKED_KERNEL, &INIT_VALUE, &VOXEL_BATCH];
