//! A whole extraction: image, mask and parameters in, named values out.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use rayon::prelude::*;
use renalflow_imaging::{Image, LabelMap, boxes::BoundingBox};

use crate::{
    Compute, FeatureValue, ImageParameters, ImageType, Mask, Parameters, Region, Roi, Settings,
    Surroundings,
    diagnostics::{Diagnostic, ImageSummary, describe_configuration},
    error::RadiomicsError,
    extract::{Selection, select},
    filters::{self, Derived, Source},
    prepare::{LOCAL_INTENSITY_MM, Prepared, grown, normalise, prepare},
    roi,
};

/// Fewer grey levels than this are worth a warning: nearly nothing is left to measure.
pub const FEW_GREY_LEVELS: usize = 8;

/// More grey levels than this are worth a warning: texture becomes sparse.
pub const MANY_GREY_LEVELS: usize = 256;

/// The class that needs a plane.
const SHAPE_2D: &str = "shape2D";

/// The class that looks around the region.
pub(crate) const LOCAL_INTENSITY: &str = "localintensity";

/// The features of one region and what led to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The label of the region.
    pub label: u16,
    /// Number of voxels of the region, after resampling and resegmentation.
    pub voxel_count: usize,
    /// Distance between their centres.
    pub spacing_zyx_mm: [f64; 3],
    /// The values in the order of [`Parameters::columns`]; NaN where a feature is not defined
    /// on this region or its image could not be derived (the warnings say why).
    pub values: Vec<FeatureValue>,
    /// What was computed on what, for provenance; empty where it is not wanted.
    pub diagnostics: Vec<Diagnostic>,
    /// What the reader of the values should know.
    pub warnings: Vec<String>,
}

impl Extraction {
    /// The value of a column, `None` where there is no such column.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<f64> {
        self.values
            .iter()
            .find(|feature| feature.column == column)
            .map(|feature| feature.value)
    }
}

impl Parameters {
    /// The columns of every extraction with these parameters, known before any case is read:
    /// shape first, then by image, class and feature.
    ///
    /// # Errors
    /// Unknown classes or features.
    pub fn columns(&self) -> Result<Vec<String>, RadiomicsError> {
        let mut columns = Vec::new();
        for (class, wanted) in self.shape_selections()? {
            let docs = (class.docs)();
            for feature in wanted {
                columns.push(format!("original_{}_{}", class.name, docs[feature].name));
            }
        }
        for image in &self.images {
            for name in image.names() {
                for (class, wanted) in image_selections(&image.settings)? {
                    let docs = (class.docs)();
                    for feature in wanted {
                        columns.push(format!("{name}_{}_{}", class.name, docs[feature].name));
                    }
                }
            }
        }
        Ok(columns)
    }

    /// A column that needs an image, `None` where shape alone is wanted.
    ///
    /// # Errors
    /// Unknown classes or features.
    pub fn image_column(&self) -> Result<Option<String>, RadiomicsError> {
        let columns = self.columns()?;
        let from_mask = self.shape_selections()?;
        let is_shape = |column: &str| {
            from_mask
                .iter()
                .any(|(class, _)| column.starts_with(&format!("original_{}_", class.name)))
        };
        Ok(columns.into_iter().find(|column| !is_shape(column)))
    }

    /// Check what does not depend on the data.
    ///
    /// # Errors
    /// Settings that cannot be used, unknown classes or features.
    pub fn validate(&self) -> Result<(), RadiomicsError> {
        self.settings.validate()?;
        for image in &self.images {
            image.settings.validate()?;
            crate::filters::ibsi2::check(&image.image_type)?;
        }
        self.columns().map(drop)
    }

    /// Compute the features of a label.
    ///
    /// # Shapes
    /// `image` and `mask`: `[z, y, x]`, on one grid unless the parameters resample or correct.
    ///
    /// # Errors
    /// Whatever keeps the region from being measured: [`RadiomicsError`].
    pub fn extract(
        &self,
        image: &Image,
        mask: &LabelMap,
        label: u16,
    ) -> Result<Extraction, RadiomicsError> {
        self.extract_labels(image, &Mask::of(mask)?, &[label])
            .pop()
            .unwrap_or(Err(RadiomicsError::EmptyMask))
    }

    /// Compute the features of several labels; what is common to them is done once.
    ///
    /// # Shapes
    /// As [`Self::extract`]. Returns one result a label, in their order.
    #[must_use]
    pub fn extract_labels(
        &self,
        image: &Image,
        mask: &Mask,
        labels: &[u16],
    ) -> Vec<Result<Extraction, RadiomicsError>> {
        let normalised = self
            .validate()
            .and_then(|()| match &self.preprocessing.normalisation {
                Some(how) => Ok(Cow::Owned(normalise(image, how)?)),
                None => Ok(Cow::Borrowed(image)),
            });
        let summary = OnceLock::new();
        let summary = || summary.get_or_init(|| ImageSummary::of(image));
        match normalised {
            // One after the other: the summary is made by several threads, and a thread that
            // waits for its part must not come to another label, which waits for the summary.
            Ok(image) => labels
                .iter()
                .map(|&label| self.one_label(summary, &image, mask, label))
                .collect(),
            Err(error) => labels.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// The first label that asks for the summary of the image makes it.
    fn one_label<'a>(
        &self,
        summary: impl Fn() -> &'a ImageSummary + Sync,
        image: &Image,
        mask: &Mask,
        label: u16,
    ) -> Result<Extraction, RadiomicsError> {
        let mut prepared = prepare(self, image, mask, label)?;
        let mut warnings = std::mem::take(&mut prepared.warnings);
        let describe = || -> Result<Vec<Diagnostic>, RadiomicsError> {
            let mut diagnostics = Vec::new();
            if self.additional_info {
                diagnostics = describe_configuration(self);
                summary().describe(self, image, mask, label, &prepared, &mut diagnostics)?;
            }
            Ok(diagnostics)
        };
        let measure = || -> Result<(Vec<FeatureValue>, Vec<_>), RadiomicsError> {
            let values = self.shape(&prepared.shape, &mut warnings)?;
            let by_image: Vec<_> = self
                .images
                .par_iter()
                .map(|parameters| on_image(parameters, &prepared))
                .collect();
            Ok((values, by_image))
        };
        // The digest of a whole image takes as long as the features of a region.
        let (diagnostics, measured) = rayon::join(describe, measure);
        let diagnostics = diagnostics?;
        let (mut values, by_image) = measured?;

        let mut level_counts = Vec::new();
        for of_images in by_image {
            let of_images = of_images?;
            values.extend(of_images.values);
            warnings.extend(of_images.warnings);
            level_counts.extend(of_images.level_counts);
        }
        warnings.extend(warn_of_levels(&level_counts));
        Ok(Extraction {
            label,
            voxel_count: prepared.region.voxel_count,
            spacing_zyx_mm: prepared.region.spacing_zyx_mm,
            values,
            diagnostics,
            warnings,
        })
    }

    /// The classes that need no image. PyRadiomics leaves shape in 2D out where features are
    /// not in 2D.
    fn shape_selections(&self) -> Result<Vec<Selection>, RadiomicsError> {
        let mut selections = select(&self.settings)?;
        selections.retain(|(class, _)| {
            matches!(class.compute, Compute::FromMask(_))
                && (class.name != SHAPE_2D || self.settings.force_2d_across_axis.is_some())
        });
        Ok(selections)
    }

    fn shape(
        &self,
        region: &Region,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<FeatureValue>, RadiomicsError> {
        let mut values = Vec::new();
        for (class, wanted) in self.shape_selections()? {
            let Compute::FromMask(compute) = class.compute else {
                continue;
            };
            let computed = match compute(region, &self.settings, &wanted) {
                Err(RadiomicsError::NotPlanar { .. }) => {
                    warnings.push(format!(
                        "{} is not defined: the region is more than one voxel thick across \
                         the axis of force2Ddimension",
                        class.name
                    ));
                    vec![f64::NAN; wanted.len()]
                }
                other => other?,
            };
            let docs = (class.docs)();
            for (feature, value) in wanted.into_iter().zip(computed) {
                values.push(FeatureValue {
                    column: format!("original_{}_{}", class.name, docs[feature].name),
                    value,
                });
            }
        }
        Ok(values)
    }
}

/// The classes that read an image.
pub(crate) fn image_selections(settings: &Settings) -> Result<Vec<Selection>, RadiomicsError> {
    let mut selections = select(settings)?;
    selections.retain(|(class, _)| matches!(class.compute, Compute::FromImage(_)));
    Ok(selections)
}

/// What the images of one type gave.
#[derive(Default)]
struct OfImages {
    values: Vec<FeatureValue>,
    warnings: Vec<String>,
    /// How many grey levels each image has.
    level_counts: Vec<(String, usize)>,
}

/// The values of one image, class after class.
struct OfImage {
    name: String,
    values: Vec<f64>,
    level_count: usize,
}

/// Derive the images of one type and compute every class on each.
fn on_image(
    parameters: &ImageParameters,
    prepared: &Prepared<'_>,
) -> Result<OfImages, RadiomicsError> {
    let selections = image_selections(&parameters.settings)?;
    let names = parameters.names();
    if selections.is_empty() {
        return Ok(OfImages::default());
    }
    let looks_around = selections
        .iter()
        .any(|(class, _)| class.name == LOCAL_INTENSITY);
    let window = window(prepared, looks_around);
    let mut warnings = Vec::new();

    let rois: Vec<(String, Roi)> = if parameters.image_type == ImageType::Original {
        let roi = original(parameters, prepared, looks_around.then_some(window))?;
        vec![(names[0].clone(), roi)]
    } else {
        let inside = prepared.region.mask_in(&window);
        let outcome = filters::derive(
            &parameters.image_type,
            &Source {
                image: &prepared.image,
                window: &window,
                inside: &inside,
                force_2d_across_axis: parameters.settings.force_2d_across_axis,
            },
        )?;
        warnings.extend(outcome.skipped.iter().map(ToString::to_string));
        let by_image: Vec<(String, Result<Roi, RadiomicsError>)> = outcome
            .derived
            .into_par_iter()
            .map(|derived| {
                let name = derived.name.clone();
                let roi = on_derived(parameters, prepared, window, derived, looks_around);
                (name, roi)
            })
            .collect();
        let mut rois = Vec::with_capacity(by_image.len());
        for (name, roi) in by_image {
            match roi {
                Ok(roi) => rois.push((name, roi)),
                // The kurtosis of equal samples is not a number, which is no fault of the image.
                Err(error @ RadiomicsError::NonFinite { .. })
                    if matches!(parameters.image_type, ImageType::Lbp3d { .. }) =>
                {
                    warnings.push(format!("{name} has no features: {error}"));
                }
                Err(error) => return Err(within(&name, error)),
            }
        }
        rois
    };

    let computed: Vec<OfImage> = rois
        .into_par_iter()
        .map(|(name, roi)| {
            let by_class: Vec<_> = selections
                .par_iter()
                .map(|(class, wanted)| match class.compute {
                    Compute::FromImage(compute) => compute(&roi, &parameters.settings, wanted),
                    Compute::FromMask(_) => Ok(Vec::new()),
                })
                .collect();
            let mut values = Vec::new();
            for of_class in by_class {
                values.extend(of_class.map_err(|error| within(&name, error))?);
            }
            Ok(OfImage {
                name,
                values,
                level_count: roi.grey_levels.values.len(),
            })
        })
        .collect::<Result<_, RadiomicsError>>()?;

    let mut values = Vec::new();
    for name in &names {
        let found = computed.iter().find(|image| image.name == *name);
        let mut of_image = found.map(|image| image.values.iter().copied());
        for (class, wanted) in &selections {
            let docs = (class.docs)();
            for &feature in wanted {
                let value = of_image.as_mut().and_then(Iterator::next);
                values.push(FeatureValue {
                    column: format!("{name}_{}_{}", class.name, docs[feature].name),
                    value: value.unwrap_or(f64::NAN),
                });
            }
        }
    }
    Ok(OfImages {
        values,
        warnings,
        level_counts: computed
            .into_iter()
            .map(|image| (image.name, image.level_count))
            .collect(),
    })
}

pub(crate) fn within(image_type: &str, error: RadiomicsError) -> RadiomicsError {
    if image_type == "original" {
        return error;
    }
    RadiomicsError::InImage {
        image_type: image_type.to_owned(),
        source: Box::new(error),
    }
}

/// Which images have few or many grey levels, in at most two sentences.
fn warn_of_levels(counts: &[(String, usize)]) -> Vec<String> {
    let list = |holds: fn(usize) -> bool| -> Option<String> {
        let named: Vec<String> = counts
            .iter()
            .filter(|(_, count)| holds(*count))
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        (!named.is_empty()).then(|| named.join(", "))
    };
    let few = list(|count| count < FEW_GREY_LEVELS).map(|named| {
        format!(
            "fewer than {FEW_GREY_LEVELS} grey levels ({named}): a narrower bin or a bin count \
             keeps more of the texture"
        )
    });
    let many = list(|count| count > MANY_GREY_LEVELS).map(|named| {
        format!(
            "more than {MANY_GREY_LEVELS} grey levels ({named}): most pairs of levels never \
             occur; a wider bin is usual"
        )
    });
    few.into_iter().chain(many).collect()
}

/// The part of the image that features read.
fn window(prepared: &Prepared<'_>, looks_around: bool) -> BoundingBox {
    let inner = prepared.region.bounding_box;
    if !looks_around {
        return inner;
    }
    let geometry = prepared.image.geometry();
    let margin = geometry
        .spacing_zyx_mm
        .map(|mm| (LOCAL_INTENSITY_MM / mm).ceil() as usize);
    grown(&inner, margin, geometry.shape_zyx)
}

fn original(
    parameters: &ImageParameters,
    prepared: &Prepared<'_>,
    window: Option<BoundingBox>,
) -> Result<Roi, RadiomicsError> {
    let intensities = roi::intensities(&prepared.image, &prepared.region);
    let mut roi = Roi::discretised(
        Arc::clone(&prepared.region),
        intensities,
        parameters.settings.discretisation,
    )?;
    roi.morphological = Arc::clone(&prepared.morphological);
    roi.surroundings = window.map(|window| Surroundings {
        values: roi::window_values(&prepared.image, &window),
        window,
    });
    Ok(roi)
}

fn on_derived(
    parameters: &ImageParameters,
    prepared: &Prepared<'_>,
    window: BoundingBox,
    derived: Derived,
    looks_around: bool,
) -> Result<Roi, RadiomicsError> {
    let mut roi = Roi::from_window(
        &derived.values,
        &window,
        Arc::clone(&prepared.region),
        parameters.settings.discretisation,
    )?;
    roi.morphological = Arc::clone(&prepared.morphological);
    if looks_around {
        roi.surroundings = Some(Surroundings {
            window,
            values: derived.values,
        });
    }
    Ok(roi)
}
