//! Parameters as a parameter file that says everything, whatever the file said they came from.

use std::fmt::Write;

use super::{
    ImageParameters, ImageType, Interpolator, LogSigma, Parameters, ThresholdMode, classes,
    images_ibsi2, keys,
    resolve::{AGGREGATIONS, LBP_2D_METHODS, python_float},
    schema::{Key, Number},
};
use crate::{Discretisation, Settings, Standard, WeightingNorm};

/// A key with the text of its value.
type Entry = (&'static str, String);

impl Parameters {
    /// The parameters as a parameter file: one fixed text for the same parameters, with every
    /// default written out, for provenance. [`Self::from_text`] reads it back.
    ///
    /// What can be set here but not in a file (such as classes of an image's own) is written in
    /// the same manner, so that it shows, and refused when it is read.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let settings = of_settings(&self.settings);
        let mut text = String::new();
        line(&mut text, 0, "compat", compat(self.settings.standard));
        line(&mut text, 0, "imageType", "");
        let mut last = "";
        for image in &self.images {
            let (name, mut entries) = of_image_type(&image.image_type);
            entries.extend(differences(&self.settings, &settings, image));
            if let ImageType::Lbp2d {
                slice_axis: Some(axis),
                ..
            } = image.image_type
            {
                entries.retain(|(key, _)| *key != keys::FORCE_2D_DIMENSION.name);
                entries.push((keys::FORCE_2D_DIMENSION.name, axis.to_string()));
            }
            // An image type of IBSI 2 may come several times in a row: a list of mappings.
            let is_ibsi2 = images_ibsi2::names().any(|ibsi2| ibsi2 == name);
            if is_ibsi2 {
                if name != last {
                    line(&mut text, 2, name, "");
                }
                let _ = writeln!(text, "    - {}", flow(&entries));
            } else {
                line(&mut text, 2, name, &flow(&entries));
            }
            last = name;
        }
        line(&mut text, 0, "featureClass", "");
        for entry in of_classes(&self.settings) {
            line(&mut text, 2, &entry.0, &entry.1);
        }
        line(&mut text, 0, "setting", "");
        for (key, value) in self.of_preparation().iter().chain(&settings) {
            line(&mut text, 2, key, value);
        }
        line(&mut text, 0, "voxelSetting", "");
        for (key, value) in self.of_voxel() {
            line(&mut text, 2, key, &value);
        }
        text
    }

    /// BLAKE3 of [`Self::to_yaml`], in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(self.to_yaml().as_bytes()).to_hex().to_string()
    }

    fn of_preparation(&self) -> Vec<Entry> {
        let how = &self.preprocessing;
        let normalisation = how.normalisation;
        let resampling = how.resampling;
        let resegmentation = how.resegmentation.as_ref();
        let size = self.settings.minimum_roi_voxels.saturating_sub(1);
        let entry = |key: &Key, text: String| (key.name, text);
        vec![
            entry(&keys::LABEL, self.label.to_string()),
            entry(&keys::LABEL_CHANNEL, self.label_channel.to_string()),
            entry(&keys::ADDITIONAL_INFO, self.additional_info.to_string()),
            entry(
                &keys::GEOMETRY_TOLERANCE,
                optional(how.geometry_tolerance_voxels, real),
            ),
            entry(&keys::CORRECT_MASK, how.correct_mask.to_string()),
            entry(
                &keys::MINIMUM_ROI_DIMENSIONS,
                self.settings.minimum_roi_dimensions.to_string(),
            ),
            entry(
                &keys::MINIMUM_ROI_SIZE,
                optional((size > 0).then_some(size), |size| size.to_string()),
            ),
            entry(&keys::NORMALIZE, normalisation.is_some().to_string()),
            entry(
                &keys::NORMALIZE_SCALE,
                optional(normalisation, |n| real(n.scale)),
            ),
            entry(
                &keys::REMOVE_OUTLIERS,
                optional(normalisation.and_then(|n| n.outliers_deviations), real),
            ),
            entry(
                &keys::RESAMPLED_PIXEL_SPACING,
                optional(resampling, |resampling| {
                    let [z, y, x] = resampling.spacing_zyx_mm;
                    list(&[x, y, z], |&mm| real(mm))
                }),
            ),
            entry(
                &keys::INTERPOLATOR,
                optional(resampling, |r| interpolator(r.interpolator).to_owned()),
            ),
            entry(
                &keys::ROUND_INTENSITIES,
                optional(resampling, |r| r.round_intensities.to_string()),
            ),
            entry(&keys::PAD_DISTANCE, how.pad_distance_voxels.to_string()),
            entry(&keys::PRE_CROP, how.pre_crop.to_string()),
            entry(
                &keys::RESEGMENT_RANGE,
                optional(resegmentation, |r| list(&r.thresholds, |&t| real(t))),
            ),
            entry(
                &keys::RESEGMENT_MODE,
                optional(resegmentation, |r| mode(r.mode).to_owned()),
            ),
            entry(
                &keys::RESEGMENT_OUTLIERS,
                optional(how.outlier_deviations, real),
            ),
            entry(&keys::RESEGMENT_SHAPE, how.resegment_shape.to_string()),
        ]
    }

    fn of_voxel(&self) -> Vec<Entry> {
        let voxel = &self.voxel;
        vec![
            (
                keys::KERNEL_RADIUS.name,
                voxel.kernel_radius_voxels.to_string(),
            ),
            (keys::MASKED_KERNEL.name, voxel.masked_kernel.to_string()),
            (keys::INIT_VALUE.name, real(voxel.initial_value)),
            (
                keys::VOXEL_BATCH.name,
                optional(voxel.batch_voxels, |count| count.to_string()),
            ),
        ]
    }
}

/// The settings that an image may have of its own.
fn of_settings(settings: &Settings) -> Vec<Entry> {
    let null = || "null".to_owned();
    let [width, count, start] = match settings.discretisation {
        Discretisation::BinWidth(width) => [
            real(width),
            null(),
            match settings.standard {
                Standard::PyRadiomics => null(),
                // No file can say this.
                Standard::Ibsi => "zero".to_owned(),
            },
        ],
        Discretisation::BinCount(count) => [null(), count.to_string(), null()],
        Discretisation::BinWidthFrom { width, start } => [
            real(width),
            null(),
            start.map_or_else(|| keys::MINIMUM.to_owned(), real),
        ],
    };
    let [ivh_width, ivh_count] = match settings.ivh_discretisation {
        None => [null(), null()],
        Some(Discretisation::BinCount(count)) => [null(), count.to_string()],
        Some(Discretisation::BinWidth(width) | Discretisation::BinWidthFrom { width, .. }) => {
            [real(width), null()]
        }
    };
    let axis = settings.force_2d_across_axis;
    let entry = |key: &Key, text: String| (key.name, text);
    vec![
        entry(&keys::BIN_WIDTH, width),
        entry(&keys::BIN_COUNT, count),
        entry(&keys::BIN_WIDTH_START, start),
        entry(&keys::FORCE_2D, axis.is_some().to_string()),
        entry(
            &keys::FORCE_2D_DIMENSION,
            optional(axis, |axis| axis.to_string()),
        ),
        entry(
            &keys::AGGREGATION,
            optional(settings.aggregation, |aggregation| {
                let mut known = AGGREGATIONS.iter();
                let found = known.find(|(_, known)| *known == aggregation);
                found.map_or_else(null, |(name, _)| (*name).to_owned())
            }),
        ),
        entry(&keys::IVH_BIN_WIDTH, ivh_width),
        entry(&keys::IVH_BIN_COUNT, ivh_count),
        entry(
            &keys::DISTANCES,
            list(&settings.distances_voxels, |distance| distance.to_string()),
        ),
        entry(
            &keys::WEIGHTING_NORM,
            optional(settings.weighting_norm, |norm| {
                let name = match norm {
                    WeightingNorm::Manhattan => "manhattan",
                    WeightingNorm::Euclidean => "euclidean",
                    WeightingNorm::Infinity => "infinity",
                    WeightingNorm::NoWeighting => "no_weighting",
                };
                name.to_owned()
            }),
        ),
        entry(&keys::SYMMETRICAL_GLCM, settings.symmetric_glcm.to_string()),
        entry(&keys::GLDM_A, whole(settings.gldm_alpha)),
        entry(&keys::VOXEL_ARRAY_SHIFT, whole(settings.voxel_array_shift)),
    ]
}

/// What an image has otherwise than all.
fn differences(settings: &Settings, of_all: &[Entry], image: &ImageParameters) -> Vec<Entry> {
    let own = of_settings(&image.settings);
    let mut different: Vec<Entry> = own
        .into_iter()
        .zip(of_all)
        .filter(|(own, all)| own.1 != all.1)
        .map(|(own, _)| own)
        .collect();
    if image.settings.standard != settings.standard {
        different.push(("compat", compat(image.settings.standard).to_owned()));
    }
    if image.settings.classes != settings.classes {
        let classes = of_classes(&image.settings);
        let texts = classes.iter().map(|(name, text)| format!("{name}: {text}"));
        let texts: Vec<_> = texts.collect();
        different.push(("featureClass", format!("{{{}}}", texts.join(", "))));
    }
    different
}

/// Classes in their order; `[]` where that stands for the features wanted.
fn of_classes(settings: &Settings) -> Vec<(String, String)> {
    settings
        .classes
        .iter()
        .map(|selection| {
            let whole = classes::whole(&selection.class, settings.standard);
            let is_whole = selection.features.is_empty() || selection.features == whole;
            let features: &[String] = if is_whole { &[] } else { &selection.features };
            (word(&selection.class), list(features, |name| word(name)))
        })
        .collect()
}

fn of_image_type(image_type: &ImageType) -> (&'static str, Vec<Entry>) {
    if let Some(texts) = images_ibsi2::texts(image_type) {
        return texts;
    }
    let entry = |key: &Key, text: String| (key.name, text);
    match image_type {
        ImageType::LoG { sigmas } => ("LoG", vec![entry(&keys::SIGMA, list(sigmas, sigma))]),
        ImageType::Wavelet {
            wavelet,
            start_level,
            levels,
        } => (
            "Wavelet",
            vec![
                entry(&keys::WAVELET, word(wavelet)),
                entry(&keys::START_LEVEL, start_level.to_string()),
                entry(&keys::LEVEL, levels.to_string()),
            ],
        ),
        ImageType::Square => ("Square", Vec::new()),
        ImageType::SquareRoot => ("SquareRoot", Vec::new()),
        ImageType::Logarithm => ("Logarithm", Vec::new()),
        ImageType::Exponential => ("Exponential", Vec::new()),
        ImageType::Gradient { use_spacing } => (
            "Gradient",
            vec![entry(&keys::GRADIENT_USE_SPACING, use_spacing.to_string())],
        ),
        ImageType::Lbp2d {
            radius_voxels,
            samples,
            method,
            ..
        } => {
            let found = LBP_2D_METHODS.iter().find(|(_, known)| known == method);
            let method = found.map_or("uniform", |(name, _)| name);
            (
                "LBP2D",
                vec![
                    entry(&keys::LBP_2D_RADIUS, real(*radius_voxels)),
                    entry(&keys::LBP_2D_SAMPLES, samples.to_string()),
                    entry(&keys::LBP_2D_METHOD, method.to_owned()),
                ],
            )
        }
        ImageType::Lbp3d {
            levels,
            radius_voxels,
            subdivisions,
        } => (
            "LBP3D",
            vec![
                entry(&keys::LBP_3D_LEVELS, levels.to_string()),
                entry(&keys::LBP_3D_RADIUS, real(*radius_voxels)),
                entry(&keys::LBP_3D_SUBDIVISION, subdivisions.to_string()),
            ],
        ),
        _ => ("Original", Vec::new()),
    }
}

/// A width, whole where its text in column names is.
fn sigma(sigma: &LogSigma) -> String {
    if sigma.text.bytes().all(|byte| byte.is_ascii_digit()) {
        sigma.text.clone()
    } else {
        real(sigma.mm)
    }
}

fn compat(standard: Standard) -> &'static str {
    match standard {
        Standard::PyRadiomics => "pyradiomics",
        Standard::Ibsi => "ibsi",
    }
}

fn interpolator(interpolator: Interpolator) -> &'static str {
    match interpolator {
        Interpolator::Nearest => "sitkNearestNeighbor",
        Interpolator::Linear => "sitkLinear",
        Interpolator::BSpline => "sitkBSpline",
    }
}

fn mode(mode: ThresholdMode) -> &'static str {
    match mode {
        ThresholdMode::Absolute => "absolute",
        ThresholdMode::Relative => "relative",
        ThresholdMode::Sigma => "sigma",
    }
}

fn line(text: &mut String, indent: usize, key: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = match value {
        "" => writeln!(text, "{:indent$}{key}:", ""),
        value => writeln!(text, "{:indent$}{key}: {value}", ""),
    };
}

fn flow(entries: &[Entry]) -> String {
    let texts: Vec<_> = entries
        .iter()
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    format!("{{{}}}", texts.join(", "))
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    let texts: Vec<_> = items.iter().map(text).collect();
    format!("[{}]", texts.join(", "))
}

fn optional<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "null".to_owned(), text)
}

/// A number as YAML has it.
pub(super) fn number(number: Number) -> String {
    match number {
        Number::Whole(integer) => integer.to_string(),
        Number::Real(real) if real.is_nan() => ".nan".to_owned(),
        Number::Real(real) if real.is_infinite() && real > 0.0 => ".inf".to_owned(),
        Number::Real(real) if real.is_infinite() => "-.inf".to_owned(),
        Number::Real(real) => python_float(real),
    }
}

fn real(value: f64) -> String {
    number(Number::Real(value))
}

/// A number that a file has whole.
fn whole(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() <= 1e15 {
        number(Number::Whole(value as i64))
    } else {
        real(value)
    }
}

/// Text as a scalar, in quotes where it could be taken for something else.
pub(super) fn word(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        && !matches!(text, "true" | "false" | "null")
        && text.parse::<f64>().is_err();
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
