//! A case to train on: a crop of a study in memory, and where each class is in it.

use super::error::TrainingError;
pub use crate::network::Domain;

/// What [`TrainingCase::new`] takes.
#[derive(Debug, Clone)]
pub struct CaseParts {
    /// The case.
    pub case_id: String,
    /// Its patient: cases of one patient never are on both sides of a split.
    pub patient_id: String,
    /// Where it comes from.
    pub domain: Domain,
    /// Image values `[channel, z, y, x]`, normalised as the network wants them.
    pub image: Vec<f32>,
    /// Channels of the image.
    pub channels: usize,
    /// Classes `[z, y, x]`, 0 is background.
    pub labels: Vec<u8>,
    /// Shape of the grid.
    pub shape_zyx: [usize; 3],
    /// Size of a voxel.
    pub spacing_zyx_mm: [f64; 3],
}

/// A case to train on.
#[derive(Debug, Clone)]
pub struct TrainingCase {
    parts: CaseParts,
    voxels_of_class: Vec<ClassVoxels>,
}

impl TrainingCase {
    /// Check a case and note where its classes are. `classes` counts the background.
    ///
    /// # Shapes
    /// Image `[channels, z, y, x]`, labels `[z, y, x]`.
    ///
    /// # Errors
    /// Lengths that do not fit the shape, no voxel at all, spacing that is not positive, image
    /// values that are not finite, a label that is not below `classes`.
    pub fn new(parts: CaseParts, classes: usize) -> Result<Self, TrainingError> {
        let CaseParts {
            case_id,
            image,
            channels,
            labels,
            shape_zyx,
            spacing_zyx_mm,
            ..
        } = &parts;
        let voxels = shape_zyx
            .iter()
            .try_fold(1usize, |n, &extent| n.checked_mul(extent))
            .filter(|&n| n > 0 && n == labels.len());
        let values = voxels.and_then(|n| n.checked_mul(*channels));
        if values.is_none_or(|n| n == 0 || n != image.len()) {
            return Err(TrainingError::CaseShape {
                case_id: case_id.clone(),
                shape_zyx: *shape_zyx,
                channels: *channels,
                image: image.len(),
                labels: labels.len(),
            });
        }
        if spacing_zyx_mm.iter().any(|s| !s.is_finite() || *s <= 0.0) {
            return Err(TrainingError::Setting {
                option: "spacing_zyx_mm",
                value: format!("{spacing_zyx_mm:?} (case {case_id})"),
                allowed: "positive and finite",
            });
        }
        if let Some(first) = image.iter().position(|v| !v.is_finite()) {
            return Err(TrainingError::CaseNotFinite {
                case_id: case_id.clone(),
                count: image.iter().filter(|v| !v.is_finite()).count(),
                first,
            });
        }
        if let Some(label) = labels.iter().copied().max()
            && usize::from(label) >= classes
        {
            return Err(TrainingError::CaseLabel {
                case_id: case_id.clone(),
                label,
                count: labels.iter().filter(|l| **l == label).count(),
                classes: classes.max(1),
            });
        }
        let voxels_of_class = ClassVoxels::of(labels, classes);
        Ok(Self {
            parts,
            voxels_of_class,
        })
    }

    /// The case.
    #[must_use]
    pub fn case_id(&self) -> &str {
        &self.parts.case_id
    }

    /// Its patient.
    #[must_use]
    pub fn patient_id(&self) -> &str {
        &self.parts.patient_id
    }

    /// Where it comes from.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.parts.domain
    }

    /// One channel of the image, `[z, y, x]`; empty where there is no such channel.
    #[must_use]
    pub fn channel(&self, channel: usize) -> &[f32] {
        let voxels = self.parts.labels.len();
        self.parts
            .image
            .chunks_exact(voxels)
            .nth(channel)
            .unwrap_or_default()
    }

    /// Channels of the image.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.parts.channels
    }

    /// Classes `[z, y, x]`.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.parts.labels
    }

    /// Classes of the network, background included.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.voxels_of_class.len()
    }

    /// Shape of the grid.
    #[must_use]
    pub fn shape_zyx(&self) -> [usize; 3] {
        self.parts.shape_zyx
    }

    /// Size of a voxel.
    #[must_use]
    pub fn spacing_zyx_mm(&self) -> [f64; 3] {
        self.parts.spacing_zyx_mm
    }

    /// Voxels of a class; 0 for a class that there is not.
    #[must_use]
    pub fn class_voxels(&self, class: usize) -> usize {
        self.voxels_of_class.get(class).map_or(0, |v| v.count)
    }

    /// The foreground classes that the case has.
    #[must_use]
    pub fn foreground(&self) -> Vec<u8> {
        (1..self.voxels_of_class.len())
            .filter(|&class| self.voxels_of_class[class].count > 0)
            .map(|class| class as u8)
            .collect()
    }

    /// The `nth` voxel of a class in the order of the array, as `[z, y, x]`.
    pub(crate) fn nth_voxel(&self, class: usize, nth: usize) -> Option<[usize; 3]> {
        let at = self.voxels_of_class.get(class)?.nth(nth)?;
        let [_, rows, columns] = self.parts.shape_zyx;
        Some([at / (rows * columns), at / columns % rows, at % columns])
    }
}

/// The voxels of one class as runs: exact, and small beside the labels themselves.
#[derive(Debug, Clone, Default)]
struct ClassVoxels {
    /// (first voxel of the run, voxels of the class before it)
    runs: Vec<(usize, usize)>,
    count: usize,
}

impl ClassVoxels {
    /// Of each class; none for the background, whose runs nobody asks for.
    fn of(labels: &[u8], classes: usize) -> Vec<Self> {
        let mut of_class = vec![Self::default(); classes];
        let mut previous = None;
        for (at, &label) in labels.iter().enumerate() {
            let class = &mut of_class[usize::from(label)];
            if label != 0 && previous != Some(label) {
                class.runs.push((at, class.count));
            }
            class.count += 1;
            previous = Some(label);
        }
        of_class
    }

    fn nth(&self, nth: usize) -> Option<usize> {
        if nth >= self.count {
            return None;
        }
        let run = self.runs.partition_point(|&(_, before)| before <= nth);
        let (first, before) = *self.runs.get(run.checked_sub(1)?)?;
        Some(first + nth - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(labels: Vec<u8>, shape_zyx: [usize; 3]) -> CaseParts {
        CaseParts {
            case_id: "c".to_owned(),
            patient_id: "p".to_owned(),
            domain: Domain::Primary,
            image: vec![0.0; labels.len()],
            channels: 1,
            labels,
            shape_zyx,
            spacing_zyx_mm: [1.0; 3],
        }
    }

    #[test]
    fn finds_every_voxel_of_every_class() {
        let labels = vec![0, 1, 1, 2, 1, 0, 2, 2, 0, 1, 1, 1];
        let case = TrainingCase::new(parts(labels.clone(), [2, 2, 3]), 4).unwrap();
        for class in 1..4u8 {
            let found: Vec<usize> = (0..)
                .map_while(|n| case.nth_voxel(usize::from(class), n))
                .map(|[z, y, x]| (z * 2 + y) * 3 + x)
                .collect();
            let expected: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
            assert_eq!(found, expected, "class {class}");
            assert_eq!(case.class_voxels(usize::from(class)), expected.len());
        }
        assert_eq!(case.foreground(), [1, 2]);
    }

    #[test]
    fn refuses_what_cannot_be_trained_on() {
        let message = |parts: CaseParts| TrainingCase::new(parts, 2).unwrap_err().to_string();
        assert!(message(parts(vec![0; 5], [1, 2, 3])).contains("one grid"));
        assert!(message(parts(vec![], [0, 2, 3])).contains("one grid"));
        assert!(message(parts(vec![0, 2], [1, 1, 2])).contains("label 2 at 1 voxel"));
        let mut nan = parts(vec![0, 1], [1, 1, 2]);
        nan.image[1] = f32::NAN;
        assert!(message(nan).contains("1 of its image values are NaN or infinite, the first at 1"));
        let mut flat = parts(vec![0, 1], [1, 1, 2]);
        flat.spacing_zyx_mm[0] = 0.0;
        assert!(message(flat).contains("spacing_zyx_mm"));
        assert!(message(parts(vec![0; 1], [usize::MAX, 2, 1])).contains("one grid"));
    }
}
