//! Labels on the scan's own grid from probabilities on the network's, slice by slice.

use rayon::prelude::*;
use renalflow_imaging::{Geometry, Volume};

use super::{
    decision::Decision,
    error::{BoxedError, InferenceError},
    sliding_window::SliceSink,
};

/// Closer than this to a voxel centre is that centre, in voxels.
const ON_CENTRE_VOXELS: f64 = 1e-9;

/// Probabilities on a working grid (a resampled volume or a crop), turned into labels on
/// another grid as slices arrive.
///
/// Every class is interpolated linearly, then the labels are decided: smoother borders than
/// resampled labels have. Positions follow from the two grids' places in the patient, so
/// that axes may be permuted, reversed or oblique. Voxels whose centres lie more than half
/// a working voxel beyond the working grid's border centres keep what they had.
///
/// Only the slice before is held beside the labels: `classes · Y · X` floats.
pub struct OriginalGrid {
    working: Geometry,
    classes: usize,
    decision: Decision,
    map: IndexMap,
    labels: Volume<u16>,
    /// Grids of other crops that are written into the same labels.
    rivals: Vec<Geometry>,
    /// The slice before, and how many came.
    below: Vec<f32>,
    slices: usize,
}

impl OriginalGrid {
    /// Labels of a grid, all background until slices come.
    ///
    /// # Errors
    /// Another number of labels than of classes, or grids that are none.
    pub fn new(
        working: &Geometry,
        original: &Geometry,
        classes: usize,
        decision: Decision,
    ) -> Result<Self, InferenceError> {
        original.validate()?;
        let background = Volume::new(original.clone(), vec![0; original.len()])?;
        Self::onto(background, working, classes, decision)
    }

    /// Labels that go on where others ended: the crop of a second kidney after the first.
    ///
    /// # Errors
    /// Another number of labels than of classes, or a working grid that is none.
    pub fn onto(
        labels: Volume<u16>,
        working: &Geometry,
        classes: usize,
        decision: Decision,
    ) -> Result<Self, InferenceError> {
        decision.check(classes)?;
        working.validate()?;
        Ok(Self {
            map: IndexMap::new(working, labels.geometry()),
            working: working.clone(),
            classes,
            decision,
            labels,
            rivals: Vec::new(),
            below: Vec::new(),
            slices: 0,
        })
    }

    /// Leave voxels that other crops see better to them: a voxel belongs to the crop in
    /// which it lies deepest, as a fraction of the crop's size.
    #[must_use]
    pub fn beside(mut self, others: &[Geometry]) -> Self {
        self.rivals = others.to_vec();
        self
    }

    /// Bytes that are held beside the labels: the slice before.
    #[must_use]
    pub fn slice_bytes(working: &Geometry, classes: usize) -> usize {
        classes * working.shape_zyx[1] * working.shape_zyx[2] * size_of::<f32>()
    }

    /// The labels.
    ///
    /// # Shapes
    /// Returns `[z, y, x]` of the original grid.
    ///
    /// # Errors
    /// Slices are missing.
    pub fn finish(mut self) -> Result<Volume<u16>, InferenceError> {
        let depth = self.working.shape_zyx[0];
        if self.slices != depth {
            return Err(InferenceError::Unfinished {
                got: self.slices,
                expected: depth,
            });
        }
        let last = std::mem::take(&mut self.below);
        self.fill(depth, &last, &last)?;
        Ok(self.labels)
    }

    /// Label the voxels that lie from working slice `upper - 1` on and before `upper`.
    fn fill(&mut self, upper: usize, below: &[f32], above: &[f32]) -> Result<(), InferenceError> {
        let original = self.labels.geometry().clone();
        let [_, rows, columns] = original.shape_zyx;
        let Some(active) = self.map.slices_near(upper, original.shape_zyx) else {
            return Ok(());
        };
        // Labels are owned from the start, so that taking them apart copies nothing.
        let placeholder = Volume::new(Geometry::upright([1; 3], [1.0; 3])?, vec![0])?;
        let (geometry, labels) = std::mem::replace(&mut self.labels, placeholder).into_parts();
        let mut labels = labels.into_vec();
        let first_row = active.start * rows;
        let between = Between {
            grid: self,
            original: &original,
            upper,
            below,
            above,
        };
        labels[first_row * columns..active.end * rows * columns]
            .par_chunks_mut(columns)
            .with_min_len(16)
            .enumerate()
            .for_each(|(row, line)| {
                let row = first_row + row;
                between.label_row(row / rows, row % rows, line);
            });
        self.labels = Volume::new(geometry, labels)?;
        Ok(())
    }
}

impl SliceSink for OriginalGrid {
    fn take(&mut self, z: usize, probabilities: &[f32]) -> Result<(), BoxedError> {
        let [depth, rows, columns] = self.working.shape_zyx;
        let expected_len = self.classes * rows * columns;
        if z != self.slices || z >= depth || probabilities.len() != expected_len {
            return Err(Box::new(InferenceError::Slice {
                expected_z: self.slices,
                expected_len,
                z,
                len: probabilities.len(),
            }));
        }
        let mut below = std::mem::take(&mut self.below);
        if z == 0 {
            below = probabilities.to_vec();
        }
        self.fill(z, &below, probabilities)?;
        below.copy_from_slice(probabilities);
        self.below = below;
        self.slices += 1;
        Ok(())
    }
}

/// Two neighbouring slices of the working grid, and what lies between them.
struct Between<'a> {
    grid: &'a OriginalGrid,
    original: &'a Geometry,
    upper: usize,
    below: &'a [f32],
    above: &'a [f32],
}

impl Between<'_> {
    fn label_row(&self, z: usize, y: usize, line: &mut [u16]) {
        let row = self.grid.map.row(z, y);
        let shape = self.grid.working.shape_zyx;
        for x in row.voxels_near(self.upper, line.len()) {
            let position = row.position(x);
            // Each voxel lies between exactly one pair of slices.
            if position[0].floor() + 1.0 != self.upper as f64 {
                continue;
            }
            let inside = (0..3)
                .all(|axis| position[axis] >= -0.5 && position[axis] < shape[axis] as f64 - 0.5);
            if !inside || self.is_a_rivals([z, y, x], position) {
                continue;
            }
            line[x] = self.label(position);
        }
    }

    fn is_a_rivals(&self, voxel_zyx: [usize; 3], position: [f64; 3]) -> bool {
        if self.grid.rivals.is_empty() {
            return false;
        }
        let own = off_centre(position, self.grid.working.shape_zyx);
        let world = self
            .original
            .world_from_voxel(voxel_zyx.map(|index| index as f64));
        let rivals = self.grid.rivals.iter();
        rivals
            .map(|rival| off_centre(rival.voxel_from_world(world), rival.shape_zyx))
            .any(|theirs| theirs < own)
    }

    fn label(&self, position: [f64; 3]) -> u16 {
        let [_, rows, columns] = self.grid.working.shape_zyx;
        let share_z = (position[0] - position[0].floor()) as f32;
        let ([y0, y1], share_y) = neighbours(position[1], rows);
        let ([x0, x1], share_x) = neighbours(position[2], columns);
        let corners = [
            y0 * columns + x0,
            y0 * columns + x1,
            y1 * columns + x0,
            y1 * columns + x1,
        ];
        self.grid
            .decision
            .label((0..self.grid.classes).map(|class| {
                let first = class * rows * columns;
                let [below, above] = [self.below, self.above].map(|slice| {
                    let [a, b, c, d] = corners.map(|corner| slice[first + corner]);
                    mix(mix(a, b, share_x), mix(c, d, share_x), share_y)
                });
                mix(below, above, share_z)
            }))
    }
}

#[inline(always)]
fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}

/// The voxels around a position along an axis, held at the borders, and the second's share.
#[inline(always)]
fn neighbours(position: f64, voxels: usize) -> ([usize; 2], f32) {
    let floor = position.floor();
    let below = (floor.max(0.0) as usize).min(voxels - 1);
    let above = ((floor + 1.0).max(0.0) as usize).min(voxels - 1);
    ([below, above], (position - floor) as f32)
}

/// How far a position lies from a grid's middle: 1 at its border.
fn off_centre(position_zyx: [f64; 3], shape_zyx: [usize; 3]) -> f64 {
    (0..3)
        .map(|axis| {
            let half = shape_zyx[axis] as f64 / 2.0;
            (position_zyx[axis] + 0.5 - half).abs() / half
        })
        .fold(0.0, f64::max)
}

/// The affine map from an index of the original grid to a position on the working one.
struct IndexMap {
    origin: [f64; 3],
    /// Working voxels `[z, y, x]` for a step along each axis `z, y, x` of the original.
    steps: [[f64; 3]; 3],
}

/// The positions of a row.
struct Row {
    start: [f64; 3],
    step: [f64; 3],
}

impl IndexMap {
    fn new(working: &Geometry, original: &Geometry) -> Self {
        let at = |index: [f64; 3]| working.voxel_from_world(original.world_from_voxel(index));
        let origin = at([0.0; 3]);
        let steps = std::array::from_fn(|axis| {
            // Over the whole axis, so that rounding is shared by all its voxels.
            let length = original.shape_zyx[axis] as f64;
            let mut end = [0.0; 3];
            end[axis] = length;
            let end = at(end);
            std::array::from_fn(|i| (end[i] - origin[i]) / length)
        });
        Self { origin, steps }
    }

    fn row(&self, z: usize, y: usize) -> Row {
        let (z, y) = (z as f64, y as f64);
        Row {
            start: std::array::from_fn(|i| {
                self.origin[i] + z * self.steps[0][i] + y * self.steps[1][i]
            }),
            step: self.steps[2],
        }
    }

    /// The slices of the original that have a voxel between working slices `upper - 1` and
    /// `upper`, give or take; none of those left out has.
    fn slices_near(&self, upper: usize, shape_zyx: [usize; 3]) -> Option<std::ops::Range<usize>> {
        let [_, last_y, last_x] = shape_zyx.map(|n| (n - 1) as f64);
        // The range of working z over one slice, relative to its first voxel.
        let reach = [self.steps[1][0] * last_y, self.steps[2][0] * last_x];
        let low: f64 = reach.iter().map(|r| r.min(0.0)).sum();
        let high: f64 = reach.iter().map(|r| r.max(0.0)).sum();
        let near = |z: usize| {
            let first = self.origin[0] + z as f64 * self.steps[0][0];
            first + high >= upper as f64 - 1.0 - SLACK && first + low <= upper as f64 + SLACK
        };
        let first = (0..shape_zyx[0]).position(near)?;
        let last = (0..shape_zyx[0]).rposition(near)?;
        Some(first..last + 1)
    }
}

/// More than positions lose to rounding, in voxels.
const SLACK: f64 = 1e-6;

impl Row {
    fn position(&self, x: usize) -> [f64; 3] {
        std::array::from_fn(|i| {
            let position = self.start[i] + x as f64 * self.step[i];
            let centre = position.round();
            if (position - centre).abs() <= ON_CENTRE_VOXELS {
                centre
            } else {
                position
            }
        })
    }

    /// The voxels that may lie between working slices `upper - 1` and `upper`.
    fn voxels_near(&self, upper: usize, columns: usize) -> std::ops::Range<usize> {
        let (low, high) = (upper as f64 - 1.0 - SLACK, upper as f64 + SLACK);
        let step = self.step[0];
        let last = (columns - 1) as f64;
        if (step * last).abs() <= SLACK {
            let near = self.start[0] >= low - SLACK && self.start[0] <= high + SLACK;
            return 0..if near { columns } else { 0 };
        }
        let ends = [low, high].map(|z| (z - self.start[0]) / step);
        let first = ends[0].min(ends[1]).floor().max(0.0);
        let end = ends[0].max(ends[1]).ceil().min(last) + 1.0;
        if first < end {
            first as usize..end as usize
        } else {
            0..0
        }
    }
}
