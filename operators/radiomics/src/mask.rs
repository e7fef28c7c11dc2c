//! A mask of which only the part with labels is kept.

use renalflow_imaging::{
    Geometry, LabelMap, boxes::BoundingBox, crop::crop_labels, resample::resample_label_part,
};

use crate::{Region, Settings, error::RadiomicsError, region};

/// A label map cut to its labels, with what is needed of the whole: a mask is nearly all
/// background, and an extraction that kept it would need the memory of a second volume.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// The labels and at least one voxel around them, where the grid has it.
    pub labels: LabelMap,
    /// Where that part lies in the whole.
    pub start_zyx: [usize; 3],
    /// The grid of the whole.
    pub geometry: Geometry,
    /// BLAKE3 of the shape of the whole, where the part lies in it, and its labels: the same
    /// for the same mask, since all the rest is background.
    pub digest: String,
}

impl Mask {
    /// Cut a label map.
    ///
    /// # Shapes
    /// `labels`: `[z, y, x]`, any grid.
    ///
    /// # Errors
    /// None but for a grid that cannot be cut, which a label map does not have.
    pub fn of(labels: &LabelMap) -> Result<Self, RadiomicsError> {
        let geometry = labels.geometry().clone();
        // An empty mask keeps one voxel, so that whoever asks for a label is told so.
        let part = region::bounding_box_where(labels, |label| label != 0).map_or(
            BoundingBox {
                start_zyx: [0; 3],
                shape_zyx: [1; 3],
            },
            |inner| crate::prepare::grown(&inner, [1; 3], geometry.shape_zyx),
        );
        let labels = crop_labels(labels, &part)?;
        let place = [geometry.shape_zyx, part.start_zyx, part.shape_zyx].concat();
        let place: Vec<u64> = place.into_iter().map(|n| n as u64).collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(bytemuck::cast_slice(&place));
        hasher.update(bytemuck::cast_slice(labels.volume.voxels()));
        Ok(Self {
            labels,
            start_zyx: part.start_zyx,
            geometry,
            digest: hasher.finalize().to_hex().to_string(),
        })
    }

    /// The labels on another grid, as if the whole had been resampled.
    ///
    /// # Shapes
    /// Returns a label map on `target`.
    ///
    /// # Errors
    /// A target that is no grid or is too large.
    pub(crate) fn resampled(&self, target: &Geometry) -> Result<LabelMap, RadiomicsError> {
        let Self {
            labels,
            start_zyx,
            geometry,
            ..
        } = self;
        Ok(resample_label_part(labels, geometry, *start_zyx, target)?)
    }

    /// The part of the mask in a box of the whole, which becomes the whole.
    ///
    /// # Errors
    /// A box that leaves the grid.
    pub(crate) fn within(&self, window: &BoundingBox) -> Result<Self, RadiomicsError> {
        let geometry = window.geometry(&self.geometry)?;
        // Both boxes hold the label, so they overlap.
        let start: [usize; 3] =
            std::array::from_fn(|axis| self.start_zyx[axis].max(window.start_zyx[axis]));
        let shape = self.labels.geometry().shape_zyx;
        let part = BoundingBox {
            start_zyx: std::array::from_fn(|axis| start[axis] - self.start_zyx[axis]),
            shape_zyx: std::array::from_fn(|axis| {
                let end = (self.start_zyx[axis] + shape[axis])
                    .min(window.start_zyx[axis] + window.shape_zyx[axis]);
                end.saturating_sub(start[axis])
            }),
        };
        Ok(Self {
            labels: crop_labels(&self.labels, &part)?,
            start_zyx: std::array::from_fn(|axis| start[axis] - window.start_zyx[axis]),
            geometry,
            digest: self.digest.clone(),
        })
    }

    /// The smallest box around a label, in the whole.
    ///
    /// # Errors
    /// Label 0, or a mask without the label (says which labels there are).
    pub fn bounding_box(&self, label: u16) -> Result<BoundingBox, RadiomicsError> {
        let inner = region::bounding_box_of(&self.labels, label)?;
        Ok(BoundingBox {
            start_zyx: std::array::from_fn(|axis| inner.start_zyx[axis] + self.start_zyx[axis]),
            ..inner
        })
    }

    /// The region of a label, in the whole.
    ///
    /// # Errors
    /// As [`Region::new`].
    pub fn region(&self, label: u16, settings: &Settings) -> Result<Region, RadiomicsError> {
        let mut region = Region::new(&self.labels, label, settings)?;
        for axis in 0..3 {
            region.bounding_box.start_zyx[axis] += self.start_zyx[axis];
        }
        Ok(region)
    }
}
