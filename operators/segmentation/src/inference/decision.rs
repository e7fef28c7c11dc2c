//! From probabilities to labels.

use renalflow_imaging::{Geometry, Volume};

use super::{
    error::{BoxedError, InferenceError},
    sliding_window::SliceSink,
};

/// How the probabilities of a voxel become its label.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Exclusive classes: the label of the most probable, the first of equals.
    MostProbable {
        /// One label a class, background first.
        labels: Vec<u16>,
    },
    /// Nested regions, outermost first: the label of the last region whose probability is
    /// over a half, background without any. An inner region that the outer one misses counts.
    Nested {
        /// One label a region.
        labels: Vec<u16>,
    },
}

impl Decision {
    /// Class `c` is label `c`.
    #[must_use]
    pub fn classes(classes: usize) -> Self {
        Self::MostProbable {
            labels: (0..=u16::MAX).take(classes).collect(),
        }
    }

    /// Region `r`, from 0, is label `r + 1`: kidney and masses 1, masses 2, and so on.
    #[must_use]
    pub fn nested(regions: usize) -> Self {
        Self::Nested {
            labels: (1..=u16::MAX).take(regions).collect(),
        }
    }

    /// The label of a voxel.
    ///
    /// # Shapes
    /// `probabilities`: one a class or region.
    #[must_use]
    pub fn label(&self, probabilities: impl IntoIterator<Item = f32>) -> u16 {
        match self {
            Self::MostProbable { labels } => {
                let mut best = (f32::NEG_INFINITY, 0);
                for (&label, probability) in labels.iter().zip(probabilities) {
                    if probability > best.0 {
                        best = (probability, label);
                    }
                }
                best.1
            }
            Self::Nested { labels } => labels
                .iter()
                .zip(probabilities)
                .filter(|(_, probability)| *probability > 0.5)
                .last()
                .map_or(0, |(&label, _)| label),
        }
    }

    /// Check that there is a label for each class.
    ///
    /// # Errors
    /// [`InferenceError::Labels`].
    pub fn check(&self, classes: usize) -> Result<(), InferenceError> {
        let (Self::MostProbable { labels } | Self::Nested { labels }) = self;
        if labels.len() == classes {
            Ok(())
        } else {
            Err(InferenceError::Labels {
                labels: labels.len(),
                classes,
            })
        }
    }
}

/// Labels on the grid that was predicted on, made slice by slice.
pub struct LabelSlices {
    decision: Decision,
    geometry: Geometry,
    classes: usize,
    labels: Vec<u16>,
}

impl LabelSlices {
    /// Labels of a grid, to be filled.
    ///
    /// # Errors
    /// Another number of labels than of classes, or a grid that is none.
    pub fn new(
        geometry: &Geometry,
        classes: usize,
        decision: Decision,
    ) -> Result<Self, InferenceError> {
        decision.check(classes)?;
        geometry.validate()?;
        Ok(Self {
            decision,
            geometry: geometry.clone(),
            classes,
            labels: Vec::with_capacity(geometry.len()),
        })
    }

    /// The labels.
    ///
    /// # Shapes
    /// Returns `[z, y, x]` of the grid.
    ///
    /// # Errors
    /// Slices are missing.
    pub fn finish(self) -> Result<Volume<u16>, InferenceError> {
        let [depth, rows, columns] = self.geometry.shape_zyx;
        if self.labels.len() != self.geometry.len() {
            return Err(InferenceError::Unfinished {
                got: self.labels.len() / (rows * columns),
                expected: depth,
            });
        }
        Ok(Volume::new(self.geometry, self.labels)?)
    }
}

impl SliceSink for LabelSlices {
    fn take(&mut self, z: usize, probabilities: &[f32]) -> Result<(), BoxedError> {
        let [depth, rows, columns] = self.geometry.shape_zyx;
        let voxels = rows * columns;
        let expected_z = self.labels.len() / voxels;
        if z != expected_z || z >= depth || probabilities.len() != self.classes * voxels {
            return Err(Box::new(InferenceError::Slice {
                expected_z,
                expected_len: self.classes * voxels,
                z,
                len: probabilities.len(),
            }));
        }
        self.labels.extend((0..voxels).map(|at| {
            self.decision
                .label((0..self.classes).map(|class| probabilities[class * voxels + at]))
        }));
        Ok(())
    }
}
