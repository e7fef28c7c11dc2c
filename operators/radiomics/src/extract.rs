//! From an image and a mask to a list of named values.

use std::sync::Arc;

use rayon::prelude::*;
use renalflow_imaging::{Image, LabelMap};

use crate::{
    BoundingBox, CLASSES, Compute, FeatureClass, Region, Roi, Settings, error::RadiomicsError,
};

/// A value and the name of its column.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureValue {
    /// Image type, class and feature, such as `original_glcm_Contrast`.
    pub column: String,
    /// The value; NaN where the feature is not defined on this region.
    pub value: f64,
}

/// What the region was, for the reader who wonders at a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostics {
    /// Number of voxels of the region.
    pub voxel_count: usize,
    /// Their volume, in mm³.
    pub volume_mm3: f64,
    /// Distance between voxel centres, in mm.
    pub spacing_zyx_mm: [f64; 3],
    /// The smallest box that holds the region.
    pub bounding_box: BoundingBox,
    /// Number of grey levels that occur; `None` where only a mask was given.
    pub grey_level_count: Option<usize>,
    /// Largest grey level, counted from 1; `None` where only a mask was given.
    pub grey_level_maximum: Option<u32>,
}

/// The features of one region.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The values, by class and then as declared in the class.
    pub values: Vec<FeatureValue>,
    /// What the region was.
    pub diagnostics: Diagnostics,
}

impl Features {
    /// The value of a column, `None` where it was not computed.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<f64> {
        self.values
            .iter()
            .find(|feature| feature.column == column)
            .map(|feature| feature.value)
    }
}

/// Prefix of the columns of features that are computed on the image as it is.
const ORIGINAL: &str = "original";

/// A class with the places of the features wanted of it.
pub(crate) type Selection = (&'static FeatureClass, Vec<usize>);

/// Compute the features of a label.
///
/// # Shapes
/// `image` and `mask`: the same grid, to 1e-3 voxel.
///
/// # Errors
/// Settings that cannot be used; image and mask on different grids; no such label; a region
/// with too few voxels or dimensions; NaN or infinity among its intensities (elsewhere they do
/// no harm); more grey levels than there is room for.
pub fn extract(
    image: &Image,
    mask: &LabelMap,
    label: u16,
    settings: &Settings,
) -> Result<Features, RadiomicsError> {
    settings.validate()?;
    let selections = select(settings)?;
    let region = Arc::new(Region::new(mask, label, settings)?);
    let roi = Roi::new(image, mask, region, settings.discretisation)?;
    let values = compute(&selections, |class, wanted| match class.compute {
        Compute::FromMask(compute) => compute(&roi.region, settings, wanted),
        Compute::FromImage(compute) => compute(&roi, settings, wanted),
    })?;
    Ok(Features {
        values,
        diagnostics: Diagnostics {
            grey_level_count: Some(roi.grey_levels.values.len()),
            grey_level_maximum: Some(roi.grey_levels.maximum()),
            ..diagnose(&roi.region)
        },
    })
}

/// Compute the features that need no image.
///
/// # Errors
/// As [`extract`], and [`RadiomicsError::NeedsImage`] where such a class is selected.
pub fn extract_from_mask(
    mask: &LabelMap,
    label: u16,
    settings: &Settings,
) -> Result<Features, RadiomicsError> {
    settings.validate()?;
    let selections = select(settings)?;
    refuse_image_classes(&selections)?;
    let region = Region::new(mask, label, settings)?;
    let values = compute(&selections, |class, wanted| match class.compute {
        Compute::FromMask(compute) => compute(&region, settings, wanted),
        Compute::FromImage(_) => Err(RadiomicsError::NeedsImage { class: class.name }),
    })?;
    Ok(Features {
        values,
        diagnostics: diagnose(&region),
    })
}

/// The columns that [`extract`] will return, known before any case is read.
///
/// # Errors
/// Unknown classes or features.
pub fn columns(settings: &Settings) -> Result<Vec<String>, RadiomicsError> {
    Ok(column_names(&select(settings)?))
}

/// The columns that [`extract_from_mask`] will return, known before any case is read.
///
/// # Errors
/// Unknown classes or features, and classes that need an image.
pub fn columns_from_mask(settings: &Settings) -> Result<Vec<String>, RadiomicsError> {
    let selections = select(settings)?;
    refuse_image_classes(&selections)?;
    Ok(column_names(&selections))
}

fn column_names(selections: &[Selection]) -> Vec<String> {
    selections
        .iter()
        .flat_map(|(class, wanted)| {
            let docs = (class.docs)();
            wanted
                .iter()
                .map(move |&i| format!("{ORIGINAL}_{}_{}", class.name, docs[i].name))
        })
        .collect()
}

fn refuse_image_classes(selections: &[Selection]) -> Result<(), RadiomicsError> {
    match selections
        .iter()
        .find(|(class, _)| matches!(class.compute, Compute::FromImage(_)))
    {
        Some((class, _)) => Err(RadiomicsError::NeedsImage { class: class.name }),
        None => Ok(()),
    }
}

/// The selected classes and features in the order they were named in, as PyRadiomics; the
/// features of a class without names as they are declared.
pub(crate) fn select(settings: &Settings) -> Result<Vec<Selection>, RadiomicsError> {
    let classes = &settings.classes;
    if let Some(unknown) = classes
        .iter()
        .find(|selection| CLASSES.iter().all(|class| class.name != selection.class))
    {
        let known: Vec<_> = CLASSES.iter().map(|class| class.name).collect();
        return Err(RadiomicsError::UnknownClass {
            name: unknown.class.clone(),
            known: known.join(", "),
        });
    }
    let mut selections: Vec<Selection> = Vec::new();
    for selection in classes {
        for class in CLASSES.iter().filter(|class| class.name == selection.class) {
            let wanted = class.select(&selection.features, settings.standard)?;
            match selections.iter_mut().find(|(c, _)| c.name == class.name) {
                Some((_, before)) => {
                    for feature in wanted {
                        if !before.contains(&feature) {
                            before.push(feature);
                        }
                    }
                }
                None if wanted.is_empty() => {}
                None => selections.push((class, wanted)),
            }
        }
    }
    Ok(selections)
}

/// Run the classes side by side and put their values in the order of the columns.
fn compute(
    selections: &[Selection],
    values_of: impl Fn(&FeatureClass, &[usize]) -> Result<Vec<f64>, RadiomicsError> + Sync,
) -> Result<Vec<FeatureValue>, RadiomicsError> {
    let by_class: Vec<_> = selections
        .par_iter()
        .map(|(class, wanted)| values_of(class, wanted))
        .collect();
    let mut values = Vec::new();
    for class_values in by_class {
        values.extend(class_values?);
    }
    Ok(column_names(selections)
        .into_iter()
        .zip(values)
        .map(|(column, value)| FeatureValue { column, value })
        .collect())
}

fn diagnose(region: &Region) -> Diagnostics {
    Diagnostics {
        voxel_count: region.voxel_count,
        volume_mm3: region.volume_mm3(),
        spacing_zyx_mm: region.spacing_zyx_mm,
        bounding_box: region.bounding_box,
        grey_level_count: None,
        grey_level_maximum: None,
    }
}
