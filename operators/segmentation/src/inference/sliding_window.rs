//! Windows predicted one after the other, blended, and released slice by slice.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::{
    error::{BoxedError, InferenceError},
    predictor::PatchPredictor,
    source::PatchSource,
    windows::{WindowPlan, importance},
};

/// Who takes the probabilities of finished slices.
pub trait SliceSink {
    /// Take a slice; slices come once each, from the first to the last.
    ///
    /// # Shapes
    /// `probabilities`: `[classes, Y, X]`.
    ///
    /// # Errors
    /// Whatever makes it stop the prediction.
    fn take(&mut self, z: usize, probabilities: &[f32]) -> Result<(), BoxedError>;

    /// Hear how many of the plan's forwards are done.
    ///
    /// # Errors
    /// Whatever makes it stop the prediction.
    fn progressed(&mut self, _done: usize, _of: usize) -> Result<(), BoxedError> {
        Ok(())
    }
}

impl<F: FnMut(usize, &[f32]) -> Result<(), BoxedError>> SliceSink for F {
    fn take(&mut self, z: usize, probabilities: &[f32]) -> Result<(), BoxedError> {
        self(z, probabilities)
    }
}

/// Slide the networks of an ensemble over a volume.
///
/// Probabilities are the mean over networks and mirrorings, and where windows overlap the
/// mean weighted with a Gaussian around each window's middle. Means are kept as means
/// (`m += (p - m) w / Σw`), not as sums: where all windows agree their value comes back
/// exactly, and what leaves are probabilities without a pass that divides. Windows lie on a
/// product of three axes, so that `Σw` of a voxel follows from three lines of weights and no
/// volume of weights is needed.
///
/// # Shapes
/// `source`: `[channels, Z, Y, X]`; `sink` gets `Z` slices `[classes, Y, X]`.
///
/// # Errors
/// A plan for another volume or ensemble, NaN or infinity in the volume or from a network,
/// and the errors of networks and sink.
pub fn slide<P: PatchPredictor>(
    plan: &WindowPlan,
    source: &dyn PatchSource,
    predictors: &[P],
    sink: &mut dyn SliceSink,
) -> Result<(), InferenceError> {
    if plan != &plan.how.plan(source, predictors)? {
        return Err(InferenceError::OtherPlan {
            planned: format!(
                "{} networks on a volume of {:?} voxels in patches of {:?}",
                plan.predictors, plan.shape_zyx, plan.patch_zyx
            ),
            given: format!(
                "{} networks on a volume of {:?} voxels",
                predictors.len(),
                source.shape_zyx()
            ),
        });
    }
    let mut patch = Patch::new(plan);
    let mut done = 0;
    let [z_starts, y_starts, x_starts] = &plan.starts_zyx;
    let [weights_z, weights_y, weights_x] =
        std::array::from_fn(|axis| AxisWeights::new(plan, axis));
    let slice_len = plan.classes * plan.shape_zyx[1] * plan.shape_zyx[2];
    let mut open: VecDeque<Vec<f32>> = VecDeque::new();
    let mut first_open = 0;
    for (row, &z) in z_starts.iter().enumerate() {
        // The first row opens all slices that are ever open; later ones reuse what was let go.
        while open.len() < plan.open_slices() {
            open.push_back(vec![0.0; slice_len]);
        }
        for (line, &y) in y_starts.iter().enumerate() {
            for (column, &x) in x_starts.iter().enumerate() {
                patch.read(source, [z, y, x])?;
                patch.predict(predictors, |forwards| {
                    done += forwards;
                    sink.progressed(done, plan.forwards())
                        .map_err(|source| InferenceError::Sink {
                            z: first_open,
                            source,
                        })
                })?;
                let weights = [
                    weights_z.of_window(row),
                    weights_y.of_window(line),
                    weights_x.of_window(column),
                ];
                patch.blend(&mut open, weights);
            }
        }
        let next = z_starts
            .get(row + 1)
            .map_or(plan.shape_zyx[0], |&next| next.max(0) as usize);
        while first_open < next {
            let Some(mut slice) = open.pop_front() else {
                break;
            };
            sink.take(first_open, &slice)
                .map_err(|source| InferenceError::Sink {
                    z: first_open,
                    source,
                })?;
            first_open += 1;
            if row + 1 < z_starts.len() {
                slice.fill(0.0);
                open.push_back(slice);
            }
        }
    }
    Ok(())
}

/// Weights along one axis of all windows of a plan.
struct AxisWeights {
    importance: Vec<f32>,
    /// For each window its first voxel in the volume, its first in the patch, and the voxels.
    inside: Vec<[usize; 3]>,
    /// `Σ` over all windows, for each voxel of the volume.
    all: Vec<f32>,
    /// `Σ` over the windows before, for each window and voxel of its inside.
    before: Vec<Vec<f32>>,
}

/// The same for one window, over its voxels inside the volume.
struct WindowWeights<'a> {
    /// The first voxel in the volume.
    first: usize,
    /// The first voxel in the patch.
    first_in_patch: usize,
    own: &'a [f32],
    before: &'a [f32],
    all: &'a [f32],
}

impl AxisWeights {
    fn new(plan: &WindowPlan, axis: usize) -> Self {
        let (voxels, patch) = (plan.shape_zyx[axis], plan.patch_zyx[axis]);
        let importance = importance(patch);
        let mut all = vec![0.0f32; voxels];
        let mut before = Vec::new();
        let mut inside = Vec::new();
        for &start in &plan.starts_zyx[axis] {
            let first = start.max(0) as usize;
            let first_in_patch = (-start).max(0) as usize;
            let count = voxels.min(patch);
            let sums = &mut all[first..first + count];
            before.push(sums.to_vec());
            for (sum, weight) in sums.iter_mut().zip(&importance[first_in_patch..]) {
                *sum += weight;
            }
            inside.push([first, first_in_patch, count]);
        }
        Self {
            importance,
            inside,
            all,
            before,
        }
    }

    fn of_window(&self, window: usize) -> WindowWeights<'_> {
        let [first, first_in_patch, count] = self.inside[window];
        WindowWeights {
            first,
            first_in_patch,
            own: &self.importance[first_in_patch..first_in_patch + count],
            before: &self.before[window],
            all: &self.all[first..first + count],
        }
    }
}

/// A patch and its prediction.
struct Patch<'a> {
    plan: &'a WindowPlan,
    start_zyx: [isize; 3],
    /// `[channels, pz, py, px]`.
    input: Vec<f32>,
    /// The input as one forward sees it; empty without mirroring.
    mirrored: Vec<f32>,
    /// What one forward gives, `[classes, pz, py, px]`; empty if there is only one.
    output: Vec<f32>,
    /// The mean of all.
    mean: Vec<f32>,
}

impl<'a> Patch<'a> {
    fn new(plan: &'a WindowPlan) -> Self {
        let voxels: usize = plan.patch_zyx.iter().product();
        let some_if = |wanted: bool, n: usize| vec![0.0; if wanted { n } else { 0 }];
        let several = plan.mirrorings() * plan.predictors > 1;
        Self {
            plan,
            start_zyx: [0; 3],
            input: vec![0.0; plan.channels * voxels],
            mirrored: some_if(plan.mirrorings() > 1, plan.channels * voxels),
            output: some_if(several, plan.classes * voxels),
            mean: vec![0.0; plan.classes * voxels],
        }
    }

    fn read(
        &mut self,
        source: &dyn PatchSource,
        start_zyx: [isize; 3],
    ) -> Result<(), InferenceError> {
        self.start_zyx = start_zyx;
        let plan = self.plan;
        let [depth, rows, columns] = plan.patch_zyx;
        self.input.fill(plan.how.padding);
        let [first, count]: [[usize; 3]; 2] = [
            start_zyx.map(|start| start.max(0) as usize),
            std::array::from_fn(|axis| plan.shape_zyx[axis].min(plan.patch_zyx[axis])),
        ];
        let [skip_z, skip_y, skip_x] = start_zyx.map(|start| (-start).max(0) as usize);
        for channel in 0..plan.channels {
            for z in 0..count[0] {
                for y in 0..count[1] {
                    let at = ((channel * depth + skip_z + z) * rows + skip_y + y) * columns;
                    let row = &mut self.input[at + skip_x..at + skip_x + count[2]];
                    let x = first[2]..first[2] + count[2];
                    source.read_row(channel, first[0] + z, first[1] + y, x, row);
                    if let Some(bad) = row.iter().position(|value| !value.is_finite()) {
                        return Err(InferenceError::InputNotFinite {
                            channel,
                            voxel_zyx: [first[0] + z, first[1] + y, first[2] + bad],
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// The mean of all networks and mirrorings; `progressed` hears of each forward.
    fn predict<P: PatchPredictor>(
        &mut self,
        predictors: &[P],
        mut progressed: impl FnMut(usize) -> Result<(), InferenceError>,
    ) -> Result<(), InferenceError> {
        let mut forwards = 0;
        for (index, predictor) in predictors.iter().enumerate() {
            for mirroring in 0..8 {
                let axes: [bool; 3] = std::array::from_fn(|axis| mirroring >> axis & 1 == 1);
                if (0..3).any(|axis| axes[axis] && !self.plan.how.mirror_zyx[axis]) {
                    continue;
                }
                let patch = self.plan.patch_zyx;
                let input = if mirroring == 0 {
                    &self.input
                } else {
                    self.mirrored.copy_from_slice(&self.input);
                    mirror(&mut self.mirrored, patch, axes);
                    &self.mirrored
                };
                let output = if forwards == 0 {
                    &mut self.mean
                } else {
                    &mut self.output
                };
                let start_zyx = self.start_zyx;
                predictor
                    .predict(input, output)
                    .map_err(|source| InferenceError::Predict {
                        index,
                        start_zyx,
                        source,
                    })?;
                // Infinite scores have no softmax, but NaN is all that would be left of them.
                if !output.par_iter().all(|value| value.is_finite()) {
                    return Err(InferenceError::OutputNotFinite { index, start_zyx });
                }
                predictor.activation().apply(output, self.plan.classes);
                mirror(output, patch, axes);
                forwards += 1;
                if forwards > 1 {
                    let share = 1.0 / forwards as f32;
                    self.mean
                        .par_iter_mut()
                        .zip(&self.output)
                        .for_each(|(mean, &value)| *mean += (value - *mean) * share);
                }
                progressed(1)?;
            }
        }
        Ok(())
    }

    /// Blend the prediction into the open slices, of which the first is the window's first.
    fn blend(
        &self,
        open: &mut VecDeque<Vec<f32>>,
        [along_z, along_y, along_x]: [WindowWeights<'_>; 3],
    ) {
        let [depth, rows, columns] = self.plan.patch_zyx;
        let [_, volume_rows, volume_columns] = self.plan.shape_zyx;
        let count = along_x.own.len();
        open.par_iter_mut().enumerate().for_each(|(z, slice)| {
            let (own_z, before_z) = (along_z.own[z], along_z.before[z]);
            let mut shares = vec![0.0f32; count];
            for (y, &own_y) in along_y.own.iter().enumerate() {
                let (before_y, all_y) = (along_y.before[y], along_y.all[y]);
                for (x, share) in shares.iter_mut().enumerate() {
                    let (own_x, all_x) = (along_x.own[x], along_x.all[x]);
                    // Weights of the windows so far: rows before this one, lines before in
                    // this row, windows before in this line, and this window. It is `own`
                    // itself, bit for bit, where this window is the first.
                    let own = own_z * (own_y * own_x);
                    let so_far = before_z * (all_y * all_x)
                        + own_z * (before_y * all_x + own_y * (along_x.before[x] + own_x));
                    *share = own / so_far;
                }
                for class in 0..self.plan.classes {
                    let from = ((class * depth + along_z.first_in_patch + z) * rows
                        + along_y.first_in_patch
                        + y)
                        * columns
                        + along_x.first_in_patch;
                    let to =
                        (class * volume_rows + along_y.first + y) * volume_columns + along_x.first;
                    let new = &self.mean[from..from + count];
                    for ((mean, &new), &share) in
                        slice[to..to + count].iter_mut().zip(new).zip(&shares)
                    {
                        *mean += (new - *mean) * share;
                    }
                }
            }
        });
    }
}

/// Reverse axes of an array in place.
///
/// # Shapes
/// `values`: any number of `shape_zyx`.
fn mirror(values: &mut [f32], shape_zyx: [usize; 3], axes: [bool; 3]) {
    let [depth, rows, columns] = shape_zyx;
    if axes[0] {
        for volume in values.chunks_exact_mut(depth * rows * columns) {
            reverse_blocks(volume, rows * columns);
        }
    }
    if axes[1] {
        values
            .par_chunks_exact_mut(rows * columns)
            .for_each(|slice| reverse_blocks(slice, columns));
    }
    if axes[2] {
        values
            .par_chunks_exact_mut(columns)
            .with_min_len(64)
            .for_each(<[f32]>::reverse);
    }
}

/// Reverse the order of blocks, each kept as it is.
fn reverse_blocks(values: &mut [f32], block: usize) {
    let mut rest = values;
    while rest.len() >= 2 * block {
        let (first, others) = rest.split_at_mut(block);
        let middle = others.len() - block;
        let (middle, last) = others.split_at_mut(middle);
        first.swap_with_slice(last);
        rest = middle;
    }
}
