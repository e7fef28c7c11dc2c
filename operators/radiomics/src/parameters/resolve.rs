//! From what a file says to what holds: defaults, overriding, and what its parts say together.

use std::collections::BTreeSet;

use super::{
    ImageParameters, ImageType, Interpolator, LogSigma, Normalisation, Parameters, Preprocessing,
    ResamplingParameters, Resegmentation, ThresholdMode, VoxelParameters, advice,
    images::ImageEntry,
    keys,
    layer::Layers,
    reader::Document,
    report::Report,
    schema::{Key, Number},
};
use crate::{
    Aggregation, Discretisation, Settings, Standard, WeightingNorm,
    filters::{Lbp2dMethod, lbp2d::MAX_SAMPLES_AS_NUMBER},
};

/// The parameters of a document. What makes no sense is reported, and something else stands in
/// its place.
pub(super) fn resolve(document: &Document, report: &mut Report<'_>) -> Option<Parameters> {
    let outer = Layers::of(&document.setting);
    let preprocessing = preprocessing(outer);
    let settings = settings(document, outer, &preprocessing, true);
    refuse_contradictions(outer, report);
    let mut images = Vec::new();
    for entry in &document.images {
        let layers = Layers {
            inner: Some(&entry.layer),
            ..outer
        };
        refuse_contradictions(layers, report);
        refuse_other_label(entry, outer, report);
        let image_type = image_type(entry, layers);
        refuse_long_patterns(&image_type, layers, report);
        let is_original = image_type == ImageType::Original;
        images.push(ImageParameters {
            image_type,
            settings: self::settings(document, layers, &preprocessing, is_original),
        });
    }
    advice::advise(document, report);
    let label = outer.integer(&keys::LABEL).and_then(|l| l.try_into().ok());
    Some(Parameters {
        label: label.unwrap_or(1),
        label_channel: outer.count(&keys::LABEL_CHANNEL).unwrap_or(0),
        preprocessing,
        images,
        settings,
        voxel: voxel(Layers::of(&document.voxel_setting)),
        additional_info: outer.switch(&keys::ADDITIONAL_INFO).unwrap_or(true),
    })
}

fn preprocessing(layers: Layers<'_>) -> Preprocessing {
    let default = Preprocessing::default();
    let is_on = |key: &Key| layers.switch(key).unwrap_or(false);
    Preprocessing {
        normalisation: is_on(&keys::NORMALIZE).then(|| Normalisation {
            scale: layers.number(&keys::NORMALIZE_SCALE).unwrap_or(1.0),
            outliers_deviations: layers.number(&keys::REMOVE_OUTLIERS),
        }),
        resampling: resampling(layers),
        pad_distance_voxels: layers
            .count(&keys::PAD_DISTANCE)
            .unwrap_or(default.pad_distance_voxels),
        pre_crop: is_on(&keys::PRE_CROP),
        resegmentation: layers.numbers(&keys::RESEGMENT_RANGE).map(|range| {
            let mut thresholds: Vec<f64> = range.iter().map(|number| number.value()).collect();
            thresholds.sort_by(f64::total_cmp);
            Resegmentation {
                thresholds,
                mode: match layers.text(&keys::RESEGMENT_MODE) {
                    Some("relative") => ThresholdMode::Relative,
                    Some("sigma") => ThresholdMode::Sigma,
                    _ => ThresholdMode::Absolute,
                },
            }
        }),
        outlier_deviations: layers.number(&keys::RESEGMENT_OUTLIERS),
        resegment_shape: is_on(&keys::RESEGMENT_SHAPE),
        correct_mask: is_on(&keys::CORRECT_MASK),
        geometry_tolerance_voxels: layers.number(&keys::GEOMETRY_TOLERANCE),
    }
}

/// Resampling is on where there is a spacing, unless the interpolator is `null`.
fn resampling(layers: Layers<'_>) -> Option<ResamplingParameters> {
    let is_off = layers.outer.entry(&keys::INTERPOLATOR).is_some()
        && layers.entry(&keys::INTERPOLATOR).is_none();
    let &[x, y, z] = layers.numbers(&keys::RESAMPLED_PIXEL_SPACING)? else {
        return None;
    };
    (!is_off).then(|| ResamplingParameters {
        spacing_zyx_mm: [z, y, x].map(Number::value),
        interpolator: match layers.text(&keys::INTERPOLATOR) {
            Some("sitkNearestNeighbor") => Interpolator::Nearest,
            Some("sitkLinear") => Interpolator::Linear,
            _ => Interpolator::BSpline,
        },
        round_intensities: layers.switch(&keys::ROUND_INTENSITIES).unwrap_or(false),
    })
}

fn settings(
    document: &Document,
    layers: Layers<'_>,
    preprocessing: &Preprocessing,
    is_original: bool,
) -> Settings {
    let default = Settings::default();
    // Neither order nor repetition changes which neighbours are looked at.
    let distinct = |numbers: &[Number]| {
        let counts: BTreeSet<usize> = numbers.iter().map(|n| n.value() as usize).collect();
        counts.into_iter().collect()
    };
    // A region is checked once, before images are derived.
    let outer = Layers::of(layers.outer);
    // Thresholds are intensities of the original image, not of one derived from it.
    let range = absolute_range(preprocessing).filter(|_| is_original);
    Settings {
        standard: document.standard,
        discretisation: discretisation(document.standard, layers, range),
        voxel_array_shift: layers
            .integer(&keys::VOXEL_ARRAY_SHIFT)
            .map_or(default.voxel_array_shift, |shift| shift as f64),
        distances_voxels: layers
            .numbers(&keys::DISTANCES)
            .map_or(default.distances_voxels, distinct),
        symmetric_glcm: layers
            .switch(&keys::SYMMETRICAL_GLCM)
            .unwrap_or(default.symmetric_glcm),
        weighting_norm: match layers.text(&keys::WEIGHTING_NORM) {
            Some("manhattan") => Some(WeightingNorm::Manhattan),
            Some("euclidean") => Some(WeightingNorm::Euclidean),
            Some("infinity") => Some(WeightingNorm::Infinity),
            Some("no_weighting") => Some(WeightingNorm::NoWeighting),
            _ => None,
        },
        force_2d_across_axis: layers.slice_axis(),
        aggregation: aggregation(layers),
        gldm_alpha: layers
            .integer(&keys::GLDM_A)
            .map_or(default.gldm_alpha, |alpha| alpha as f64),
        ivh_discretisation: ivh_discretisation(layers),
        ivh_range: match range {
            Some([low, high]) => [Some(low), Some(high)].map(|end| end.filter(|e| e.is_finite())),
            None => [None, None],
        },
        minimum_roi_dimensions: outer
            .count(&keys::MINIMUM_ROI_DIMENSIONS)
            .unwrap_or(default.minimum_roi_dimensions),
        // PyRadiomics refuses a region of exactly this size, too.
        minimum_roi_voxels: outer
            .count(&keys::MINIMUM_ROI_SIZE)
            .map_or(default.minimum_roi_voxels, |size| size + 1),
        classes: document.classes.selections.clone(),
    }
}

/// The intensities that resegmentation leaves, where it says so in intensities.
fn absolute_range(preprocessing: &Preprocessing) -> Option<[f64; 2]> {
    let resegmentation = preprocessing.resegmentation.as_ref()?;
    match (resegmentation.mode, resegmentation.thresholds.as_slice()) {
        (ThresholdMode::Absolute, &[low]) => Some([low, f64::INFINITY]),
        (ThresholdMode::Absolute, &[low, high]) => Some([low, high]),
        _ => None,
    }
}

fn ivh_discretisation(layers: Layers<'_>) -> Option<Discretisation> {
    if let Some(count) = layers.integer(&keys::IVH_BIN_COUNT) {
        let count = count.try_into().unwrap_or(u32::MAX);
        return Some(Discretisation::BinCount(count));
    }
    let width = layers.number(&keys::IVH_BIN_WIDTH)?;
    Some(Discretisation::BinWidthFrom { width, start: None })
}

fn discretisation(
    standard: Standard,
    layers: Layers<'_>,
    range: Option<[f64; 2]>,
) -> Discretisation {
    if let Some(count) = layers.integer(&keys::BIN_COUNT) {
        return Discretisation::BinCount(count.try_into().unwrap_or(u32::MAX));
    }
    let width = layers.number(&keys::BIN_WIDTH).unwrap_or(25.0);
    let start = match (layers.number(&keys::BIN_WIDTH_START), standard) {
        (Some(start), _) => Some(start),
        (None, _) if layers.text(&keys::BIN_WIDTH_START) == Some(keys::MINIMUM) => None,
        (None, Standard::PyRadiomics) => return Discretisation::BinWidth(width),
        (None, Standard::Ibsi) => range.map(|[low, _]| low).filter(|low| low.is_finite()),
    };
    Discretisation::BinWidthFrom { width, start }
}

/// IBSI's names of aggregations, which are the values of the key.
pub(super) const AGGREGATIONS: [(&str, Aggregation); 6] = [
    ("2D_avg", Aggregation::Averaged2D),
    ("2D_comb", Aggregation::SliceMerged2D),
    ("2.5D_avg", Aggregation::DirectionMerged25D),
    ("2.5D_comb", Aggregation::Merged25D),
    ("3D_avg", Aggregation::Averaged3D),
    ("3D_comb", Aggregation::Merged3D),
];

fn aggregation(layers: Layers<'_>) -> Option<Aggregation> {
    let name = layers.text(&keys::AGGREGATION)?;
    let found = AGGREGATIONS.iter().find(|(known, _)| *known == name);
    found.map(|&(_, aggregation)| aggregation)
}

fn voxel(layers: Layers<'_>) -> VoxelParameters {
    let default = VoxelParameters::default();
    VoxelParameters {
        kernel_radius_voxels: layers
            .count(&keys::KERNEL_RADIUS)
            .unwrap_or(default.kernel_radius_voxels),
        masked_kernel: layers
            .switch(&keys::MASKED_KERNEL)
            .unwrap_or(default.masked_kernel),
        initial_value: layers
            .number(&keys::INIT_VALUE)
            .unwrap_or(default.initial_value),
        batch_voxels: layers.count(&keys::VOXEL_BATCH),
    }
}

/// Methods of local binary patterns, which are the values of the key.
pub(super) const LBP_2D_METHODS: [(&str, Lbp2dMethod); 5] = [
    ("default", Lbp2dMethod::Default),
    ("ror", Lbp2dMethod::Ror),
    ("uniform", Lbp2dMethod::Uniform),
    ("nri_uniform", Lbp2dMethod::NriUniform),
    ("var", Lbp2dMethod::Var),
];

fn image_type(entry: &ImageEntry, layers: Layers<'_>) -> ImageType {
    if let Some(ibsi2) = &entry.ibsi2 {
        return ibsi2.clone();
    }
    match entry.name {
        "LoG" => ImageType::LoG {
            sigmas: layers
                .numbers(&keys::SIGMA)
                .map_or_else(Vec::new, |sigmas| {
                    sigmas.iter().map(|&s| sigma(s)).collect()
                }),
        },
        "Wavelet" => ImageType::Wavelet {
            wavelet: layers.text(&keys::WAVELET).unwrap_or("coif1").to_owned(),
            start_level: layers.count(&keys::START_LEVEL).unwrap_or(0),
            levels: layers.count(&keys::LEVEL).unwrap_or(1),
        },
        "Square" => ImageType::Square,
        "SquareRoot" => ImageType::SquareRoot,
        "Logarithm" => ImageType::Logarithm,
        "Exponential" => ImageType::Exponential,
        "Gradient" => ImageType::Gradient {
            use_spacing: layers.switch(&keys::GRADIENT_USE_SPACING).unwrap_or(true),
        },
        "LBP2D" => ImageType::Lbp2d {
            radius_voxels: layers.number(&keys::LBP_2D_RADIUS).unwrap_or(1.0),
            samples: layers.count(&keys::LBP_2D_SAMPLES).unwrap_or(8),
            method: layers
                .text(&keys::LBP_2D_METHOD)
                .and_then(|name| LBP_2D_METHODS.iter().find(|(known, _)| *known == name))
                .map_or(Lbp2dMethod::default(), |&(_, method)| method),
            slice_axis: layers
                .count(&keys::FORCE_2D_DIMENSION)
                .filter(|&axis| axis > 0 && layers.slice_axis().is_none()),
        },
        "LBP3D" => ImageType::Lbp3d {
            levels: layers.count(&keys::LBP_3D_LEVELS).unwrap_or(2),
            radius_voxels: layers.number(&keys::LBP_3D_RADIUS).unwrap_or(1.0),
            subdivisions: layers.count(&keys::LBP_3D_SUBDIVISION).unwrap_or(1),
        },
        _ => ImageType::Original,
    }
}

/// A width and its text in column names, which PyRadiomics takes from Python's `str`.
fn sigma(number: Number) -> LogSigma {
    let text = match number {
        Number::Whole(integer) => integer.to_string(),
        Number::Real(real) => python_float(real),
    };
    LogSigma {
        mm: number.value(),
        text: text.replace('.', "-"),
    }
}

/// A number as Python prints it: shortest digits, exponents of at least two digits from 1e16
/// up and below 1e-4.
pub(super) fn python_float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) || !magnitude.is_finite() {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

fn refuse_contradictions(layers: Layers<'_>, report: &mut Report<'_>) {
    if let (Some(aggregation), Some(_)) = (aggregation(layers), layers.slice_axis())
        && !aggregation.is_in_plane()
        && let Some(entry) = layers.entry(&keys::AGGREGATION)
    {
        report.error(
            entry.spot,
            "`aggregation` in 3D contradicts `force2D`",
            "leave `force2D` out, or choose an aggregation that begins with `2D` or `2.5D`",
        );
    }
}

/// PyRadiomics lets an image have a label of its own, and then computes on the wrong part of
/// the mask.
fn refuse_other_label(entry: &ImageEntry, outer: Layers<'_>, report: &mut Report<'_>) {
    let own = Layers::of(&entry.layer).integer(&keys::LABEL);
    if let (Some(own), Some(of_image)) = (own, entry.layer.entry(&keys::LABEL))
        && own != outer.integer(&keys::LABEL).unwrap_or(1)
    {
        report.error(
            of_image.spot,
            "an image type cannot have a `label` of its own",
            "give `label` under `setting`, and each label an extraction of its own",
        );
    }
}

fn refuse_long_patterns(image_type: &ImageType, layers: Layers<'_>, report: &mut Report<'_>) {
    if let ImageType::Lbp2d {
        samples,
        method: Lbp2dMethod::Default | Lbp2dMethod::Ror,
        ..
    } = image_type
        && *samples > MAX_SAMPLES_AS_NUMBER
        && let Some(entry) = layers.entry(&keys::LBP_2D_SAMPLES)
    {
        report.error(
            entry.spot,
            format!(
                "`lbp2DSamples` must be at most {MAX_SAMPLES_AS_NUMBER} with this `lbp2DMethod`, \
                 this is {samples}"
            ),
            "use fewer samples, or the method `uniform`",
        );
    }
}
