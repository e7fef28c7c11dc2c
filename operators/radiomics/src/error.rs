//! What can go wrong, said so that the reader can put it right.

use thiserror::Error;

/// Why no features could be computed.
///
/// Voxel indices and shapes are `[z, y, x]`. The caller knows the files and adds their names.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RadiomicsError {
    /// Image and mask have different numbers of voxels.
    #[error(
        "the image has {image_zyx:?} voxels (z, y, x) and the mask {mask_zyx:?}: they are on \
         different grids; resample the mask onto the image's grid as labels, or use the mask \
         that was drawn on this image"
    )]
    ShapeMismatch {
        /// Shape of the image.
        image_zyx: [usize; 3],
        /// Shape of the mask.
        mask_zyx: [usize; 3],
    },
    /// Image and mask have the same number of voxels in different places.
    #[error(
        "image and mask lie {mm:.3} mm ({voxels:.3} voxels) apart at their worst corner, more \
         than {tolerance_voxels} voxel: resample the mask onto the image's grid as labels, or, \
         if only the header is wrong, copy the image's geometry to the mask"
    )]
    GridMismatch {
        /// Largest distance between corresponding corners, in mm.
        mm: f64,
        /// The same along the worst axis, in voxels of the image.
        voxels: f64,
        /// What is tolerated, in voxels.
        tolerance_voxels: f64,
    },
    /// Label 0 was asked for.
    #[error("label 0 is background and has no features; choose one of the labels of the mask")]
    BackgroundLabel,
    /// The mask has no label at all.
    #[error("the mask is empty: every voxel is background; check the segmentation")]
    EmptyMask,
    /// The mask has labels, but not the one asked for.
    #[error("label {label} is not in the mask, which has {present}; choose one of these")]
    MissingLabel {
        /// The label asked for.
        label: u16,
        /// The labels that occur, with their numbers of voxels.
        present: String,
    },
    /// The region extends over more than one voxel in too few directions.
    #[error(
        "label {label} has {voxel_count} voxels in a box of {shape_zyx:?} (z, y, x): that is \
         {found} dimension(s) and minimum_roi_dimensions asks for {required}; leave the case \
         out, or lower minimum_roi_dimensions and expect undefined texture"
    )]
    TooFewDimensions {
        /// The label.
        label: u16,
        /// Number of voxels of the region.
        voxel_count: usize,
        /// Shape of its bounding box.
        shape_zyx: [usize; 3],
        /// Number of axes along which the box is longer than one voxel.
        found: usize,
        /// How many the settings ask for.
        required: usize,
    },
    /// The region is smaller than the settings allow.
    #[error(
        "label {label} has {voxel_count} voxels and minimum_roi_voxels asks for {required}; \
         leave the case out or lower minimum_roi_voxels"
    )]
    TooFewVoxels {
        /// The label.
        label: u16,
        /// Number of voxels of the region.
        voxel_count: usize,
        /// How many the settings ask for.
        required: usize,
    },
    /// NaN or infinite intensities inside the region.
    #[error(
        "{count} of the {voxel_count} voxels of the region are not finite, the first at \
         {first_zyx:?} (z, y, x) is {first_value}: repair the image or take these voxels out \
         of the mask"
    )]
    NonFinite {
        /// How many.
        count: usize,
        /// Number of voxels of the region.
        voxel_count: usize,
        /// Index of the first, in the image.
        first_zyx: [usize; 3],
        /// Its value.
        first_value: f64,
    },
    /// NaN or infinite voxels where a filter reads, which it would spread.
    #[error(
        "filter {filter} reads {count} voxel(s) that are not finite, the first at {first_zyx:?} \
         (z, y, x) is {first_value}, and would spread them: repair the image, or crop it to \
         what is sound around the region"
    )]
    NonFiniteUnderFilter {
        /// The filter, by the name of the image it derives.
        filter: String,
        /// How many; where a filter reads slice by slice, in the first such slice.
        count: usize,
        /// Index of the first, in the image.
        first_zyx: [usize; 3],
        /// Its value.
        first_value: f64,
    },
    /// A filter that would work in too large a Fourier domain.
    #[error(
        "filter {filter} would work in a Fourier domain of {padded_zyx:?} voxels, over the \
         bound of {bound_voxels}: crop the image around the region, resample it to larger \
         voxels, or let it go on periodically, which needs no padding"
    )]
    FilterTooLarge {
        /// The filter, by the name of the image it derives.
        filter: String,
        /// The domain: z, y, x; for filters in slices the first counts those held together.
        padded_zyx: [usize; 3],
        /// The bound on their product.
        bound_voxels: usize,
    },
    /// A setting that cannot be used.
    #[error("setting {name} is {value}: {rule}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// Discretisation gives more levels than texture can be computed with.
    #[error(
        "the region's intensities run from {minimum} to {maximum}, which bins of width \
         {bin_width} cut into {levels:.0} grey levels, over the bound of {bound}: use a wider \
         bin (about {suggested} gives 64 levels) or a bin count"
    )]
    TooManyGreyLevels {
        /// Smallest intensity in the region.
        minimum: f64,
        /// Largest intensity in the region.
        maximum: f64,
        /// The bin width of the settings.
        bin_width: f64,
        /// Number of levels it gives.
        levels: f64,
        /// Largest number allowed.
        bound: u32,
        /// A bin width that gives about 64 levels.
        suggested: f64,
    },
    /// More grey levels occur than texture can be computed with.
    #[error(
        "the region's intensities fall into {levels} different grey levels, over the bound of \
         {bound}: use a wider bin or fewer bins (texture is usually taken at 16 to 128 levels)"
    )]
    TooManyOccurringLevels {
        /// Number of grey levels that occur.
        levels: usize,
        /// Largest number allowed.
        bound: usize,
    },
    /// Intensities so large that neighbouring bin edges are the same number.
    #[error(
        "bins of width {bin_width} cannot be told apart at intensities near {minimum}, where \
         double precision is coarser than that: rescale the image or use a wider bin"
    )]
    BinWidthBelowPrecision {
        /// The width of one bin.
        bin_width: f64,
        /// Smallest intensity in the region.
        minimum: f64,
    },
    /// The co-occurrence matrices would not fit.
    #[error(
        "{levels} grey levels in {directions} directions need {mebibytes} MiB of co-occurrence \
         matrices, over the bound of {bound_mebibytes} MiB: use a wider bin or fewer bins \
         (texture is usually taken at 16 to 128 levels), or fewer distances"
    )]
    GlcmTooLarge {
        /// Number of grey levels that occur.
        levels: usize,
        /// Number of directions.
        directions: usize,
        /// Memory that the matrices would take, in MiB.
        mebibytes: u64,
        /// The bound, in MiB.
        bound_mebibytes: u64,
    },
    /// A region with more voxels than the counts of texture matrices hold.
    #[error(
        "the region has {voxel_count} voxels, over the bound of {bound} that texture is counted \
         for: crop the mask or resample it to larger voxels"
    )]
    TooManyVoxels {
        /// Number of voxels of the region.
        voxel_count: usize,
        /// Largest number allowed.
        bound: usize,
    },
    /// Planar shape without a plane.
    #[error(
        "shape2D measures a region within its plane and the settings name none: set \
         force_2d_across_axis to the axis across which the region is one voxel thick (0 is z), \
         or select 'shape'"
    )]
    NoPlane,
    /// Planar shape of a region that is not planar.
    #[error(
        "the region is {slices} voxels thick across axis {axis} (0 is z) and shape2D measures \
         regions of one slice: set force_2d_across_axis to the axis across which it is one voxel \
         thick, cut the mask to one slice, or select 'shape'"
    )]
    NotPlanar {
        /// The axis of the settings.
        axis: usize,
        /// Number of voxels across it.
        slices: usize,
    },
    /// A feature class that does not exist.
    #[error("there is no feature class '{name}'; the classes are {known}")]
    UnknownClass {
        /// The name given.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A feature that its class does not have.
    #[error("class '{class}' has no feature '{name}'; it has {known}")]
    UnknownFeature {
        /// The class.
        class: &'static str,
        /// The name given.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A filter was asked for a part that the image does not have.
    #[error(
        "the window at {start_zyx:?} of {shape_zyx:?} voxels (z, y, x) with a mask of \
         {mask_voxels} does not fit an image of {image_zyx:?}: give a window within the image, \
         at least one voxel long, and a mask value for each of its voxels"
    )]
    Window {
        /// Index of the window's first voxel in the image.
        start_zyx: [usize; 3],
        /// Shape of the window.
        shape_zyx: [usize; 3],
        /// Number of values of the mask.
        mask_voxels: usize,
        /// Shape of the image.
        image_zyx: [usize; 3],
    },
    /// A wavelet that PyWavelets does not have.
    #[error("there is no discrete wavelet '{name}'; there are {known}")]
    UnknownWavelet {
        /// The name given.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A class that reads intensities was selected where there is only a mask.
    #[error("class '{class}' needs an image and only a mask was given; select 'shape' alone")]
    NeedsImage {
        /// The class.
        class: &'static str,
    },
    /// A region that reaches beyond the image.
    #[error(
        "the region reaches from {lower_zyx:.2?} to {upper_zyx:.2?} (z, y, x, in voxels of the \
         image) and the image has {image_zyx:?} voxels: cut the mask to the image, or check \
         which image it was drawn on"
    )]
    RegionOutsideImage {
        /// Lower outer corner of the region's box, in continuous indices of the image.
        lower_zyx: [f64; 3],
        /// Upper outer corner.
        upper_zyx: [f64; 3],
        /// Shape of the image.
        image_zyx: [usize; 3],
    },
    /// Resegmentation left nothing to compute on.
    #[error(
        "of the {voxel_count} voxels of label {label} at most one lies between {lower} and \
         {upper}: widen resegmentRange, or check that the image is in the unit it is written in"
    )]
    ResegmentedAway {
        /// The label.
        label: u16,
        /// Number of voxels before.
        voxel_count: usize,
        /// Lower threshold, in units of the image.
        lower: f64,
        /// Upper threshold, in units of the image.
        upper: f64,
    },
    /// NaN or infinity where the whole image is normalised.
    #[error(
        "{count} voxels of the image are NaN or infinite, and normalize reads the whole image: \
         replace them, or leave normalize out"
    )]
    NormaliseNonFinite {
        /// How many.
        count: usize,
    },
    /// An image of one intensity cannot be normalised.
    #[error(
        "the whole image has the intensity {intensity}: normalize has no deviation to divide \
         by; leave the case out, or leave normalize out"
    )]
    NormaliseFlat {
        /// The intensity.
        intensity: f64,
    },
    /// A derived image on which features cannot be computed.
    #[error("image type {image_type}: {source}")]
    InImage {
        /// The first part of its columns' names.
        image_type: String,
        /// What is wrong with it.
        source: Box<RadiomicsError>,
    },
    /// An image type that cannot be derived.
    #[error("image type {image_type} cannot be made: {why}")]
    Filter {
        /// The image type.
        image_type: String,
        /// Why, and what to do.
        why: String,
    },
    /// NaN or infinity where neighbourhoods reach beyond the region.
    #[error(
        "{count} voxels in the box around the region are not finite, the first at {first_zyx:?} \
         (z, y, x) is {first_value}, and neighbourhoods reach beyond the region \
         (maskedKernel: false): repair the image, or stay within the region (maskedKernel: true)"
    )]
    NonFiniteAround {
        /// How many.
        count: usize,
        /// Index of the first, in the image.
        first_zyx: [usize; 3],
        /// Its value.
        first_value: f64,
    },
    /// Maps that need more memory than they may have.
    #[error(
        "{what} of {columns} features at {voxel_count} voxels need {needed_mebibytes} MiB at a \
         time, over the bound of {bound_mebibytes} MiB: {fix}"
    )]
    MapsTooLarge {
        /// Which maps.
        what: String,
        /// Features on one image.
        columns: usize,
        /// Number of voxels of the region.
        voxel_count: usize,
        /// What is needed, in MiB.
        needed_mebibytes: u64,
        /// The bound, in MiB.
        bound_mebibytes: u64,
        /// What to do.
        fix: &'static str,
    },
    /// A grid that cannot be resampled to.
    #[error("resampling: {0}")]
    Resample(#[from] renalflow_imaging::resample::ResampleError),
    /// A box that cannot be cut out.
    #[error("cropping: {0}")]
    Crop(#[from] renalflow_imaging::boxes::BoxError),
    /// A grid that cannot be computed with.
    #[error("{0}")]
    Geometry(#[from] renalflow_imaging::GeometryError),
}
