//! A plan from the spacings and shapes of a data set.
//!
//! The rules are nnU-Net's (Isensee et al., Nat Methods 2021;18:203-211, supplementary note 2)
//! where they concern shapes: median spacing, a patch with the proportions of the median case
//! as large as the budget allows, axes halved while they are long enough and not much coarser
//! than the finest. The budget here is a number of voxels.

use super::{
    Chosen, LabelSet, Level, PLAN_FORMAT, Plan, PlanError, PlanMistake, PlanMistakes, Window,
};

/// No axis is made shorter than this.
const SHORTEST_AXIS: usize = 4;
/// An axis this much coarser than the finest is neither convolved nor halved.
const ANISOTROPIC: f64 = 2.0;
/// A data set whose coarsest axis exceeds the others so much is resampled finer along it.
const VERY_ANISOTROPIC: f64 = 3.0;

/// What a plan is derived from: one spacing and one shape for each case.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fingerprint {
    /// Spacings as stored.
    pub spacings_zyx_mm: Vec<[f64; 3]>,
    /// Shapes as stored, of what the network will be shown: crops if it is shown crops.
    pub shapes_zyx: Vec<[usize; 3]>,
}

/// What a data set does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanOptions {
    /// Name of the plan.
    pub name: String,
    /// What is told apart.
    pub labels: LabelSet,
    /// Intensities that are told apart.
    pub window: Window,
    /// Spacing to resample to, in place of the derived one.
    pub spacing_zyx_mm: Option<[f64; 3]>,
    /// Most voxels of a patch.
    pub max_patch_voxels: usize,
    /// Channels of level 0; each level doubles them.
    pub base_features: usize,
    /// Most channels of a level.
    pub max_features: usize,
    /// Most levels.
    pub max_levels: usize,
    /// Logits on every level in training.
    pub deep_supervision: bool,
}

impl PlanOptions {
    /// nnU-Net's settings for 3D, and the abdominal window -160 to 240 HU.
    #[must_use]
    pub fn new(name: impl Into<String>, labels: LabelSet) -> Self {
        Self {
            name: name.into(),
            labels,
            window: Window::Center {
                center_hu: 40.0,
                width_hu: 400.0,
            },
            spacing_zyx_mm: None,
            max_patch_voxels: 128 * 128 * 128,
            base_features: 32,
            max_features: 320,
            max_levels: 6,
            deep_supervision: true,
        }
    }
}

impl Plan {
    /// Derive a plan.
    ///
    /// # Errors
    /// No case, spacings and shapes of different number or not positive, and options that make
    /// no plan.
    pub fn derive(fingerprint: &Fingerprint, options: &PlanOptions) -> Result<Self, PlanError> {
        check_inputs(fingerprint, options)?;
        let cases = fingerprint.shapes_zyx.len();
        let spacing = match options.spacing_zyx_mm {
            Some(mm) => Chosen::new(mm, "asked for"),
            None => spacing(fingerprint),
        };
        let median = [0, 1, 2].map(|axis| {
            let extents = fingerprint
                .spacings_zyx_mm
                .iter()
                .zip(&fingerprint.shapes_zyx);
            let voxels = extents.map(|(mm, n)| mm[axis] * n[axis] as f64 / spacing.value[axis]);
            percentile(voxels, 0.5).round().max(1.0) as usize
        });
        let wanted = patch(median, spacing.value, options.max_patch_voxels);
        let levels = levels(wanted, spacing.value, options);
        let stride = [0, 1, 2].map(|axis| levels.iter().map(|l| l.stride_zyx[axis]).product());
        let patch = [0, 1, 2].map(|axis| {
            let stride: usize = stride[axis];
            // Up where the median case is all seen, down where the budget cut it.
            let steps = if wanted[axis] >= median[axis] {
                wanted[axis].div_ceil(stride)
            } else {
                wanted[axis] / stride
            };
            steps.max(1) * stride
        });
        let patch_reason = format!(
            "the median of {cases} case(s) is {median:?} voxels at this spacing; the largest box \
             of equal sides in mm within it and {} voxels is {wanted:?}, made divisible by the \
             strides {stride:?}",
            options.max_patch_voxels,
        );
        let plan = Self {
            format: PLAN_FORMAT,
            name: options.name.clone(),
            channels_in: 1,
            spacing_zyx_mm: spacing,
            patch_zyx: Chosen::new(patch, patch_reason),
            window: Chosen::new(options.window, "asked for; clipped and mapped to 0..1"),
            levels,
            convs_per_level: Chosen::new(2, "as nnU-Net"),
            labels: Chosen::new(options.labels.clone(), "asked for"),
            deep_supervision: Chosen::new(options.deep_supervision, "asked for"),
        };
        plan.check()?;
        Ok(plan)
    }
}

fn check_inputs(fingerprint: &Fingerprint, options: &PlanOptions) -> Result<(), PlanMistakes> {
    let (spacings, shapes) = (&fingerprint.spacings_zyx_mm, &fingerprint.shapes_zyx);
    let mut found = Vec::new();
    let mut unless = |holds: bool, field: &str, problem: String| {
        if !holds {
            found.push(PlanMistake {
                field: field.to_owned(),
                problem,
            });
        }
    };
    unless(
        !shapes.is_empty() && shapes.len() == spacings.len(),
        "fingerprint",
        format!(
            "{} spacings and {} shapes: give one of each for every case, and at least one case",
            spacings.len(),
            shapes.len()
        ),
    );
    for (k, mm) in spacings.iter().chain(&options.spacing_zyx_mm).enumerate() {
        unless(
            mm.iter().all(|mm| *mm > 0.0 && mm.is_finite()),
            "spacing_zyx_mm",
            format!("number {k} is {mm:?} mm, must be positive"),
        );
    }
    for (k, shape) in shapes.iter().enumerate() {
        unless(
            !shape.contains(&0),
            "shape_zyx",
            format!("number {k} is {shape:?}: no voxel"),
        );
    }
    unless(
        options.max_patch_voxels > 0,
        "max_patch_voxels",
        "0: allow at least one; 2097152 is 128 cubed".to_owned(),
    );
    if found.is_empty() {
        Ok(())
    } else {
        Err(PlanMistakes(found))
    }
}

/// The value below which `fraction` of the values are, between neighbours by proportion.
fn percentile(values: impl Iterator<Item = f64>, fraction: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let at = fraction * sorted.len().saturating_sub(1) as f64;
    let (low, part) = (at as usize, at.fract());
    match (sorted.get(low), sorted.get(low + 1)) {
        (Some(a), Some(b)) => a + (b - a) * part,
        (Some(a), None) => *a,
        _ => 0.0,
    }
}

fn spacing(fingerprint: &Fingerprint) -> Chosen<[f64; 3]> {
    let along = |axis: usize| fingerprint.spacings_zyx_mm.iter().map(move |mm| mm[axis]);
    let median = [0, 1, 2].map(|axis| percentile(along(axis), 0.5));
    let mut value = median;
    let mut reason = format!("median of {} case(s)", fingerprint.spacings_zyx_mm.len());
    for axis in 0..3 {
        let others = (0..3)
            .filter(|&other| other != axis)
            .map(|other| median[other]);
        let coarsest_other = others.fold(0.0, f64::max);
        if median[axis] > VERY_ANISOTROPIC * coarsest_other {
            value[axis] = percentile(along(axis), 0.1).max(coarsest_other);
            reason += &format!(
                "; along {} the median {} mm is over {VERY_ANISOTROPIC} times the others, so the \
                 finest tenth of the cases sets it",
                ["z", "y", "x"][axis],
                median[axis]
            );
        }
    }
    Chosen::new(value, reason)
}

/// The largest box of equal sides in mm, cut to the median shape, within the budget.
fn patch(median: [usize; 3], spacing_mm: [f64; 3], max_voxels: usize) -> [usize; 3] {
    let cut = |edge_mm: f64| {
        [0, 1, 2].map(|axis| ((edge_mm / spacing_mm[axis]) as usize).clamp(1, median[axis]))
    };
    let fits =
        |shape: [usize; 3]| shape.into_iter().fold(1usize, usize::saturating_mul) <= max_voxels;
    let longest = (0..3)
        .map(|axis| median[axis] as f64 * spacing_mm[axis])
        .fold(0.0, f64::max);
    let (mut low, mut high) = (0.0, longest * (1.0 + 1e-9));
    if fits(cut(high)) {
        return cut(high);
    }
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if fits(cut(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    cut(low)
}

fn levels(patch: [usize; 3], spacing_mm: [f64; 3], options: &PlanOptions) -> Vec<Level> {
    let (mut size, mut mm) = (patch, spacing_mm);
    let mut kernel = [1; 3];
    let mut stride = [1; 3];
    let mut levels = Vec::new();
    loop {
        let finest = mm.iter().copied().fold(f64::INFINITY, f64::min);
        // Once an axis is convolved it stays so.
        for axis in 0..3 {
            if mm[axis] <= ANISOTROPIC * finest {
                kernel[axis] = 3;
            }
        }
        let doubled = (0..levels.len()).fold(options.base_features, |f, _| f.saturating_mul(2));
        levels.push(Level {
            kernel_zyx: kernel,
            stride_zyx: stride,
            features: doubled.min(options.max_features),
            reason: format!(
                "{size:?} voxels of {:.2} x {:.2} x {:.2} mm; kernel 3 along axes at most \
                 {ANISOTROPIC} times the finest; features double up to {}",
                mm[0], mm[1], mm[2], options.max_features
            ),
        });
        let long: Vec<usize> = (0..3).filter(|&a| size[a] >= 2 * SHORTEST_AXIS).collect();
        let finest = long.iter().map(|&a| mm[a]).fold(f64::INFINITY, f64::min);
        stride = [0, 1, 2].map(|axis| {
            let halve = long.contains(&axis) && mm[axis] <= ANISOTROPIC * finest;
            if halve { 2 } else { 1 }
        });
        if stride == [1; 3] || levels.len() >= options.max_levels {
            return levels;
        }
        for axis in 0..3 {
            size[axis] = size[axis].div_ceil(stride[axis]);
            mm[axis] *= stride[axis] as f64;
        }
    }
}
