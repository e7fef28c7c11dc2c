//! Sliding windows give back what they must, whatever the volume, patch and threads.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicUsize, Ordering};

use renalflow_imaging::{Geometry, Volume};
use renalflow_segmentation::inference::{
    Activation, BoxedError, Decision, InferenceError, LabelSlices, PatchPredictor, PatchSource,
    SlidingWindow, Stacked, slide,
};

/// Three classes, each a function of the voxel alone, times a factor.
struct Pointwise {
    patch: [usize; 3],
    factor: f32,
    forwards: AtomicUsize,
}

impl Pointwise {
    fn new(patch: [usize; 3], factor: f32) -> Self {
        Self {
            patch,
            factor,
            forwards: AtomicUsize::new(0),
        }
    }

    fn scores(value: f32, factor: f32) -> [f32; 3] {
        [0.3, value * factor, (value * 7.0).sin() * factor]
    }
}

impl PatchPredictor for Pointwise {
    fn classes(&self) -> usize {
        3
    }

    fn patch_zyx(&self) -> [usize; 3] {
        self.patch
    }

    fn activation(&self) -> Activation {
        Activation::Softmax
    }

    fn predict(&self, patch: &[f32], output: &mut [f32]) -> Result<(), BoxedError> {
        self.forwards.fetch_add(1, Ordering::Relaxed);
        for (i, &value) in patch.iter().enumerate() {
            for (class, score) in Self::scores(value, self.factor).into_iter().enumerate() {
                output[class * patch.len() + i] = score;
            }
        }
        Ok(())
    }
}

fn volume(shape: [usize; 3]) -> Volume<f32> {
    let mut state = 1u32;
    let voxels: Vec<f32> = (0..shape.iter().product())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        })
        .collect();
    Volume::new(Geometry::upright(shape, [1.0; 3]).unwrap(), voxels).unwrap()
}

/// All probabilities, `[class, z, y, x]`.
fn probabilities<P: PatchPredictor>(
    how: &SlidingWindow,
    source: &dyn PatchSource,
    predictors: &[P],
) -> Result<Vec<f32>, InferenceError> {
    let plan = how.plan(source, predictors)?;
    let [depth, rows, columns] = source.shape_zyx();
    let mut all = vec![f32::NAN; 3 * depth * rows * columns];
    let mut next = 0;
    let mut sink = |z: usize, slice: &[f32]| -> Result<(), BoxedError> {
        assert_eq!(z, next, "slices come in order");
        next += 1;
        for (class, values) in slice.chunks_exact(rows * columns).enumerate() {
            let at = (class * depth + z) * rows * columns;
            all[at..at + values.len()].copy_from_slice(values);
        }
        Ok(())
    };
    slide(&plan, source, predictors, &mut sink)?;
    assert_eq!(next, depth);
    Ok(all)
}

#[test]
fn a_function_of_the_voxel_comes_back_bit_for_bit() {
    for (shape, patch, step, mirror) in [
        ([20, 17, 23], [8, 8, 8], 0.5, [false; 3]),
        ([20, 17, 23], [8, 6, 7], 0.3, [true; 3]),
        ([20, 17, 23], [8, 8, 8], 1.0, [false, true, false]),
        // Smaller than the patch along some and all axes.
        ([5, 17, 23], [8, 8, 8], 0.5, [true, false, true]),
        ([3, 1, 2], [8, 8, 8], 0.5, [false; 3]),
        ([4, 5, 6], [1, 1, 1], 0.5, [false; 3]),
    ] {
        let volume = volume(shape);
        let how = SlidingWindow {
            step_fraction: step,
            mirror_zyx: mirror,
            padding: -3.0,
        };
        let network = Pointwise::new(patch, 1.5);
        let got = probabilities(&how, &volume, &[network]).unwrap();
        let mut expected = vec![0.0; got.len()];
        Pointwise::new(patch, 1.5)
            .predict(volume.voxels(), &mut expected)
            .unwrap();
        Activation::Softmax.apply(&mut expected, 3);
        assert!(
            got.iter()
                .zip(&expected)
                .all(|(a, b)| a.to_bits() == b.to_bits()),
            "{shape:?} in {patch:?}, step {step}, mirrored {mirror:?}"
        );
    }
}

#[test]
fn an_ensemble_is_the_mean_of_probabilities_and_forwards_are_as_said() {
    let volume = volume([9, 12, 10]);
    let how = SlidingWindow {
        mirror_zyx: [true, false, true],
        ..SlidingWindow::default()
    };
    let networks = [0.5, 1.5, -2.0].map(|factor| Pointwise::new([6, 8, 8], factor));
    let plan = how.plan(&volume, &networks).unwrap();
    assert_eq!(plan.windows(), 2 * 2 * 2);
    assert_eq!(plan.forwards(), 8 * 4 * 3);
    let got = probabilities(&how, &volume, &networks).unwrap();
    let run: usize = networks
        .iter()
        .map(|n| n.forwards.load(Ordering::Relaxed))
        .sum();
    assert_eq!(run, plan.forwards());
    let n = volume.voxels().len();
    for (i, &value) in volume.voxels().iter().enumerate() {
        let mut mean = [0.0f64; 3];
        for network in &networks {
            let scores = Pointwise::scores(value, network.factor).map(|s| f64::from(s).exp());
            let sum: f64 = scores.iter().sum();
            for (mean, score) in mean.iter_mut().zip(scores) {
                *mean += score / sum / 3.0;
            }
        }
        for class in 0..3 {
            assert!((f64::from(got[class * n + i]) - mean[class]).abs() < 1e-6);
        }
    }
}

/// Probabilities that depend on the place in the patch, so that blending shows.
struct Ramp([usize; 3]);

impl PatchPredictor for Ramp {
    fn classes(&self) -> usize {
        3
    }

    fn patch_zyx(&self) -> [usize; 3] {
        self.0
    }

    fn activation(&self) -> Activation {
        Activation::Identity
    }

    fn predict(&self, patch: &[f32], output: &mut [f32]) -> Result<(), BoxedError> {
        for (i, value) in output.iter_mut().enumerate() {
            *value = ((i % 97) as f32 / 97.0 + patch[i % patch.len()]).abs();
        }
        Ok(())
    }
}

#[test]
fn blending_is_the_gaussian_mean_and_does_not_depend_on_threads() {
    let shape = [21, 18, 25];
    let patch = [8, 10, 9];
    let volume = volume(shape);
    let how = SlidingWindow {
        step_fraction: 0.4,
        ..SlidingWindow::default()
    };
    let in_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| probabilities(&how, &volume, &[Ramp(patch)]).unwrap())
    };
    let got = in_threads(1);
    for threads in [2, 5] {
        assert!(
            got.iter()
                .zip(&in_threads(threads))
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
    }

    // The definition: Σ w p / Σ w over all windows, whole volume, in double precision.
    let plan = how.plan(&volume, &[Ramp(patch)]).unwrap();
    let [depth, rows, columns] = shape;
    let (mut sums, mut weights) = (vec![0.0f64; got.len()], vec![0.0f64; got.len() / 3]);
    let gaussian = |i: usize, n: usize| {
        let off = i as f64 - (n as f64 - 1.0) / 2.0;
        (-0.5 * (off / (n as f64 / 8.0)).powi(2)).exp()
    };
    let [z_starts, y_starts, x_starts] = plan.starts_zyx();
    for &z0 in z_starts {
        for &y0 in y_starts {
            for &x0 in x_starts {
                let voxels: usize = patch.iter().product();
                let places: Vec<usize> = (0..voxels)
                    .map(|i| {
                        let (z, y, x) = (i / 90, i / 9 % 10, i % 9);
                        ((z0 as usize + z) * rows + y0 as usize + y) * columns + x0 as usize + x
                    })
                    .collect();
                let input: Vec<f32> = places.iter().map(|&at| volume.voxels()[at]).collect();
                let mut output = vec![0.0; 3 * voxels];
                Ramp(patch).predict(&input, &mut output).unwrap();
                for (i, &at) in places.iter().enumerate() {
                    let w = gaussian(i / 90, 8) * gaussian(i / 9 % 10, 10) * gaussian(i % 9, 9);
                    weights[at] += w;
                    for class in 0..3 {
                        sums[class * depth * rows * columns + at] +=
                            w * f64::from(output[class * voxels + i]);
                    }
                }
            }
        }
    }
    for (i, (&got, sum)) in got.iter().zip(&sums).enumerate() {
        let expected = sum / weights[i % weights.len()];
        assert!((f64::from(got) - expected).abs() < 2e-6, "{got} {expected}");
    }
}

#[test]
fn labels_are_the_most_probable_and_nested_regions_the_innermost() {
    let label = |decision: Decision, p: [f32; 3]| decision.label(p);
    assert_eq!(label(Decision::classes(3), [0.2, 0.5, 0.3]), 1);
    assert_eq!(label(Decision::classes(3), [0.4, 0.2, 0.4]), 0);
    assert_eq!(label(Decision::nested(3), [0.9, 0.8, 0.1]), 2);
    assert_eq!(label(Decision::nested(3), [0.1, 0.8, 0.1]), 2);
    assert_eq!(label(Decision::nested(3), [0.5, 0.5, 0.5]), 0);

    let volume = volume([6, 7, 8]);
    let networks = [Pointwise::new([4, 4, 4], 2.0)];
    let how = SlidingWindow::default();
    let plan = how.plan(&volume, &networks).unwrap();
    let mut labels = LabelSlices::new(volume.geometry(), 3, Decision::classes(3)).unwrap();
    slide(&plan, &volume, &networks, &mut labels).unwrap();
    let labels = labels.finish().unwrap();
    for (&label, &value) in labels.voxels().iter().zip(volume.voxels()) {
        let scores = Pointwise::scores(value, 2.0);
        assert!(scores.iter().all(|&s| s <= scores[usize::from(label)]));
    }
    let unfinished = LabelSlices::new(volume.geometry(), 3, Decision::classes(3)).unwrap();
    assert!(matches!(
        unfinished.finish(),
        Err(InferenceError::Unfinished {
            got: 0,
            expected: 6
        })
    ));
    assert!(LabelSlices::new(volume.geometry(), 2, Decision::classes(3)).is_err());
}

/// Two channels in; fails or spoils on demand.
struct Broken(&'static str);

impl PatchPredictor for Broken {
    fn input_channels(&self) -> usize {
        2
    }

    fn classes(&self) -> usize {
        3
    }

    fn patch_zyx(&self) -> [usize; 3] {
        [4; 3]
    }

    fn activation(&self) -> Activation {
        Activation::Sigmoid
    }

    fn predict(&self, patch: &[f32], output: &mut [f32]) -> Result<(), BoxedError> {
        output.fill(if self.0 == "nan" { f32::NAN } else { patch[64] });
        match self.0 {
            "fails" => Err("out of memory".into()),
            _ => Ok(()),
        }
    }
}

#[test]
fn what_cannot_be_predicted_is_an_error_that_says_so() {
    let one = volume([6, 6, 6]);
    let other = volume([6, 6, 6]).map(|_| 0.5f32);
    let both = Stacked::new(&[&one, &other]).unwrap();
    let how = SlidingWindow::default();
    let text = |result: Result<Vec<f32>, InferenceError>| result.unwrap_err().to_string();

    // The second channel is where the first ends: sigmoid(0.5).
    let fine = probabilities(&how, &both, &[Broken("")]).unwrap();
    assert!(fine.iter().all(|&p| (p - 0.622_459_3).abs() < 1e-6));

    let failed = probabilities(&how, &both, &[Broken(""), Broken("fails")]).unwrap_err();
    assert!(failed.to_string().contains("network 1"));
    assert_eq!(
        std::error::Error::source(&failed).unwrap().to_string(),
        "out of memory"
    );
    assert!(text(probabilities(&how, &both, &[Broken("nan")])).contains("diverged"));
    assert!(text(probabilities(&how, &one, &[Broken("")])).contains("built for 2"));
    assert!(text(probabilities::<Broken>(&how, &one, &[])).contains("at least one"));
    for step_fraction in [0.0, -1.0, 1.5, f64::NAN] {
        let how = SlidingWindow {
            step_fraction,
            ..how
        };
        assert!(text(probabilities(&how, &both, &[Broken("")])).contains("step_fraction"));
    }
    assert!(Stacked::new(&[&one, &volume([6, 6, 5])]).is_err());
    assert!(Stacked::new(&[]).is_err());

    let mut voxels = one.voxels().to_vec();
    voxels[2 * 36 + 3 * 6 + 4] = f32::NAN;
    let spoilt = Volume::new(one.geometry().clone(), voxels).unwrap();
    let found = text(probabilities(&how, &spoilt, &[Pointwise::new([4; 3], 1.0)]));
    assert!(found.contains("[2, 3, 4]"), "{found}");
    let mixed: [Box<dyn PatchPredictor>; 2] = [
        Box::new(Pointwise::new([4; 3], 1.0)),
        Box::new(Pointwise::new([5; 3], 1.0)),
    ];
    assert!(text(probabilities(&how, &one, &mixed)).contains("one plan"));

    let plan = how.plan(&one, &[Pointwise::new([4; 3], 1.0)]).unwrap();
    let mut sink = |_: usize, _: &[f32]| -> Result<(), BoxedError> { Err("disk full".into()) };
    let networks = [Pointwise::new([4; 3], 1.0)];
    let stopped = slide(&plan, &one, &networks, &mut sink).unwrap_err();
    assert!(matches!(stopped, InferenceError::Sink { z: 0, .. }));
    let elsewhere = slide(&plan, &volume([7, 6, 6]), &networks, &mut sink);
    assert!(matches!(elsewhere, Err(InferenceError::OtherPlan { .. })));
}
