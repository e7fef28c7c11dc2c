//! What maps are computed from: a preprocessed image, a region, and the part of the image that
//! neighbourhoods reach.

use std::{borrow::Cow, ops::Range, sync::Arc};

use renalflow_imaging::{Image, LabelMap};

use crate::{
    BoundingBox, ImageParameters, ImageType, Mask, Parameters, Region,
    error::RadiomicsError,
    filters::{self, Derived},
    prepare::{Prepared, grown, normalise, prepare},
    roi::window_values,
};

use super::{neighbourhoods::Neighbourhoods, window::Row};

#[derive(Debug)]
pub(super) struct Source<'a> {
    pub parameters: &'a Parameters,
    pub image: Cow<'a, Image>,
    pub region: Arc<Region>,
    /// The part of the image that maps cover.
    pub window: BoundingBox,
}

impl<'a> Source<'a> {
    /// Preprocess; returns what the reader should know, too.
    pub fn new(
        parameters: &'a Parameters,
        image: &'a Image,
        mask: &LabelMap,
        label: u16,
    ) -> Result<(Self, Vec<String>), RadiomicsError> {
        let (image, region, warnings) = match &parameters.preprocessing.normalisation {
            None => {
                let prepared = prepare(parameters, image, &Mask::of(mask)?, label)?;
                (prepared.image, prepared.region, prepared.warnings)
            }
            Some(how) => {
                let normalised = normalise(image, how)?;
                let Prepared {
                    image,
                    region,
                    warnings,
                    ..
                } = prepare(parameters, &normalised, &Mask::of(mask)?, label)?;
                let changed = match image {
                    Cow::Owned(image) => Some(image),
                    Cow::Borrowed(_) => None,
                };
                let image = changed.unwrap_or(normalised);
                (Cow::Owned(image), region, warnings)
            }
        };
        let shape_zyx = image.geometry().shape_zyx;
        let longest = shape_zyx.into_iter().max().unwrap_or(1);
        let radius = parameters.voxel.kernel_radius_voxels.min(longest);
        let window = grown(&region.bounding_box, [radius; 3], shape_zyx);
        let source = Self {
            parameters,
            image,
            region,
            window,
        };
        Ok((source, warnings))
    }

    /// The images of a type, on the window.
    pub fn derive(
        &self,
        parameters: &ImageParameters,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Derived>, RadiomicsError> {
        if parameters.image_type == ImageType::Original {
            return Ok(vec![Derived {
                name: "original".to_owned(),
                values: window_values(&self.image, &self.window),
            }]);
        }
        let inside = if self.parameters.voxel.masked_kernel {
            self.region.mask_in(&self.window)
        } else {
            vec![1; self.window.shape_zyx.iter().product()]
        };
        let outcome = filters::derive(
            &parameters.image_type,
            &filters::Source {
                image: &self.image,
                window: &self.window,
                inside: &inside,
                force_2d_across_axis: parameters.settings.force_2d_across_axis,
            },
        )?;
        warnings.extend(outcome.skipped.iter().map(ToString::to_string));
        Ok(outcome.derived)
    }

    /// Discretise a derived image and lay it out for windows.
    pub fn neighbourhoods(
        &self,
        parameters: &ImageParameters,
        values: Vec<f64>,
    ) -> Result<Neighbourhoods, RadiomicsError> {
        Neighbourhoods::new(
            values,
            self.window,
            &self.region,
            &self.parameters.voxel,
            &parameters.settings,
        )
    }

    /// The rows of the region in some slices, in the coordinates of the maps.
    pub fn rows_in(&self, slices: &Range<usize>) -> Vec<Row> {
        let offset: [usize; 3] = std::array::from_fn(|axis| {
            self.region.bounding_box.start_zyx[axis] - self.window.start_zyx[axis]
        });
        let rows = self.region.runs.iter().map(|run| Row {
            start_zyx: std::array::from_fn(|axis| run.start_zyx[axis] + offset[axis]),
            len: run.len,
        });
        rows.filter(|row| slices.contains(&row.start_zyx[0]))
            .collect()
    }
}
