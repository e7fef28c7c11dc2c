//! Bounding boxes on the voxel grid.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::{
    geometry::Geometry,
    volume::{LabelMap, LabelNames, Volume},
};

/// A box of voxels, not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundingBox {
    /// The first voxel.
    pub start_zyx: [usize; 3],
    /// Voxels along each axis, at least one.
    pub shape_zyx: [usize; 3],
}

/// Why there is no such box, or nothing can be cut with it.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BoxError {
    /// A mask without a voxel.
    #[error("the mask is empty: there is nothing to put a box around")]
    EmptyMask,
    /// Labels that do not occur.
    #[error(
        "none of the labels {wanted:?} occurs; the label map holds {}. Ask for one of these, or check \
         which values the data set uses",
        describe(present, names)
    )]
    MissingLabel {
        /// The labels that were asked for.
        wanted: Vec<u16>,
        /// Voxels of each label that occurs.
        present: BTreeMap<u16, usize>,
        /// Names of the data set's labels.
        names: LabelNames,
    },
    /// A margin that is no length.
    #[error("margin_zyx_mm is {0:?}: each must be a finite number of mm, 0 or more")]
    Margin([f64; 3]),
    /// A box that leaves the grid.
    #[error("the box {region:?} does not fit into a grid of {grid_shape_zyx:?} voxels")]
    Outside {
        /// The box.
        region: BoundingBox,
        /// The grid's shape.
        grid_shape_zyx: [usize; 3],
    },
    /// A part that was not cut from that box of that grid.
    #[error(
        "a part of {part_shape_zyx:?} voxels was not cut from the box {region:?} of this grid \
         (off by {mm:?} mm): give the box and the grid that it was cut with"
    )]
    NotItsPart {
        /// Shape of the part.
        part_shape_zyx: [usize; 3],
        /// The box it was to be put into.
        region: BoundingBox,
        /// How far its corners lie from the box's, where the shapes agree.
        mm: Option<f64>,
    },
}

fn describe(present: &BTreeMap<u16, usize>, names: &LabelNames) -> String {
    let list: Vec<String> = present
        .iter()
        .map(|(label, voxels)| match names.get(label) {
            Some(name) => format!("{label} ({name}, {voxels} voxels)"),
            None => format!("{label} ({voxels} voxels)"),
        })
        .collect();
    list.join(", ")
}

impl BoundingBox {
    /// The smallest box around the voxels for which `belongs` holds, or `None` without any.
    pub fn around<T>(volume: &Volume<T>, belongs: impl Fn(&T) -> bool) -> Option<Self> {
        let [_, rows, columns] = volume.geometry().shape_zyx;
        let mut low = [usize::MAX; 3];
        let mut high = [0; 3];
        for (i, line) in volume.voxels().chunks_exact(columns).enumerate() {
            let Some(first) = line.iter().position(&belongs) else {
                continue;
            };
            let last = line.iter().rposition(&belongs).unwrap_or(first);
            let (z, y) = (i / rows, i % rows);
            for (axis, (lower, upper)) in [(z, z), (y, y), (first, last)].into_iter().enumerate() {
                low[axis] = low[axis].min(lower);
                high[axis] = high[axis].max(upper);
            }
        }
        (low[0] != usize::MAX).then(|| Self {
            start_zyx: low,
            shape_zyx: std::array::from_fn(|axis| high[axis] - low[axis] + 1),
        })
    }

    /// The smallest box around a mask.
    ///
    /// # Errors
    /// [`BoxError::EmptyMask`].
    pub fn of_mask(mask: &Volume<bool>) -> Result<Self, BoxError> {
        Self::around(mask, |&inside| inside).ok_or(BoxError::EmptyMask)
    }

    /// The smallest box around all voxels of the given labels, of which at least one must
    /// occur.
    ///
    /// # Errors
    /// [`BoxError::EmptyMask`] where the map is all background, [`BoxError::MissingLabel`]
    /// with the labels that do occur.
    pub fn of_labels(labels: &LabelMap, wanted: &[u16]) -> Result<Self, BoxError> {
        Self::around(&labels.volume, |label| wanted.contains(label)).ok_or_else(|| {
            let present = labels.counts();
            if present.is_empty() {
                BoxError::EmptyMask
            } else {
                BoxError::MissingLabel {
                    wanted: wanted.to_vec(),
                    present,
                    names: labels.names.clone(),
                }
            }
        })
    }

    /// The whole of a grid.
    #[must_use]
    pub fn whole(geometry: &Geometry) -> Self {
        Self {
            start_zyx: [0; 3],
            shape_zyx: geometry.shape_zyx,
        }
    }

    /// The voxel after the last, along each axis.
    #[must_use]
    pub fn end_zyx(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.start_zyx[axis].saturating_add(self.shape_zyx[axis]))
    }

    /// The smallest box around two.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (end, other_end) = (self.end_zyx(), other.end_zyx());
        let start_zyx = std::array::from_fn(|i| self.start_zyx[i].min(other.start_zyx[i]));
        Self {
            start_zyx,
            shape_zyx: std::array::from_fn(|i| end[i].max(other_end[i]) - start_zyx[i]),
        }
    }

    /// The box grown by at least a margin on each side (rounded up to whole voxels), cut off
    /// at the grid's border.
    ///
    /// # Errors
    /// [`BoxError::Margin`] for a negative or non-finite margin, [`BoxError::Outside`] for a
    /// box that is not on the grid.
    pub fn with_margin_mm(
        &self,
        margin_zyx_mm: [f64; 3],
        geometry: &Geometry,
    ) -> Result<Self, BoxError> {
        self.check_inside(geometry)?;
        if !margin_zyx_mm.iter().all(|m| m.is_finite() && *m >= 0.0) {
            return Err(BoxError::Margin(margin_zyx_mm));
        }
        let end = self.end_zyx();
        let mut grown = *self;
        for axis in 0..3 {
            // 3 mm at 0.1 mm are 30 voxels although the quotient is 30.000000000000004.
            let voxels = margin_zyx_mm[axis] / geometry.spacing_zyx_mm[axis];
            let voxels = (voxels - 1e-6).ceil().max(0.0) as usize;
            let start = self.start_zyx[axis].saturating_sub(voxels);
            let end = end[axis]
                .saturating_add(voxels)
                .min(geometry.shape_zyx[axis]);
            grown.start_zyx[axis] = start;
            grown.shape_zyx[axis] = end - start;
        }
        Ok(grown)
    }

    /// Check that the box lies on the grid and holds a voxel.
    ///
    /// # Errors
    /// [`BoxError::Outside`].
    pub fn check_inside(&self, geometry: &Geometry) -> Result<(), BoxError> {
        let fits = (0..3).all(|axis| {
            self.shape_zyx[axis] > 0
                && self.start_zyx[axis]
                    .checked_add(self.shape_zyx[axis])
                    .is_some_and(|end| end <= geometry.shape_zyx[axis])
        });
        if fits {
            Ok(())
        } else {
            Err(BoxError::Outside {
                region: *self,
                grid_shape_zyx: geometry.shape_zyx,
            })
        }
    }

    /// The grid of the box.
    ///
    /// # Errors
    /// [`BoxError::Outside`].
    pub fn geometry(&self, geometry: &Geometry) -> Result<Geometry, BoxError> {
        self.check_inside(geometry)?;
        Ok(geometry.window(self.start_zyx.map(|i| i as isize), self.shape_zyx))
    }
}
