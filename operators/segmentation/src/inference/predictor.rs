//! What a network must offer to be slid over a volume.

use rayon::prelude::*;

use super::error::BoxedError;

/// From a network's raw output to probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// The output is probabilities already.
    Identity,
    /// Exclusive classes: `exp(x_c) / Σ exp(x_k)`.
    Softmax,
    /// Nested regions, each on its own: `1 / (1 + exp(-x))`.
    Sigmoid,
}

/// Voxels that are activated together by one task.
const BLOCK: usize = 1 << 14;

impl Activation {
    /// Turn outputs into probabilities in place.
    ///
    /// # Shapes
    /// `values`: `[classes, voxels]`, any number of voxels.
    pub fn apply(self, values: &mut [f32], classes: usize) {
        match self {
            Self::Identity => {}
            Self::Sigmoid => values.par_chunks_mut(BLOCK).for_each(|block| {
                block
                    .iter_mut()
                    .for_each(|x| *x = 1.0 / (1.0 + (-*x).exp()))
            }),
            Self::Softmax => {
                let voxels = values.len() / classes.max(1);
                if voxels == 0 {
                    return;
                }
                let mut blocks: Vec<Vec<&mut [f32]>> = Vec::new();
                blocks.resize_with(voxels.div_ceil(BLOCK), || Vec::with_capacity(classes));
                for class in values.chunks_exact_mut(voxels) {
                    for (block, part) in blocks.iter_mut().zip(class.chunks_mut(BLOCK)) {
                        block.push(part);
                    }
                }
                blocks.into_par_iter().for_each(softmax);
            }
        }
    }
}

/// Softmax over classes, each a slice of as many voxels.
fn softmax(mut classes: Vec<&mut [f32]>) {
    let Some(voxels) = classes.first().map(|class| class.len()) else {
        return;
    };
    let mut largest = vec![f32::NEG_INFINITY; voxels];
    for class in &classes {
        for (largest, &x) in largest.iter_mut().zip(class.iter()) {
            *largest = largest.max(x);
        }
    }
    let mut sum = vec![0.0f32; voxels];
    for class in &mut classes {
        for ((x, &largest), sum) in class.iter_mut().zip(&largest).zip(&mut sum) {
            *x = (*x - largest).exp();
            *sum += *x;
        }
    }
    for class in &mut classes {
        for (x, &sum) in class.iter_mut().zip(&sum) {
            *x /= sum;
        }
    }
}

/// A network of fixed patch size.
///
/// What it computes may not depend on the number of threads.
pub trait PatchPredictor {
    /// Channels of the input: 1 for a CT, 2 where another network's map comes with it.
    fn input_channels(&self) -> usize {
        1
    }

    /// Channels of the output: classes with background first, or nested regions.
    fn classes(&self) -> usize;

    /// Voxels of a patch.
    fn patch_zyx(&self) -> [usize; 3];

    /// What makes probabilities of the output.
    fn activation(&self) -> Activation;

    /// Most memory that one forward takes beyond its input and output, in bytes; 0 if unknown.
    fn forward_bytes(&self) -> usize {
        0
    }

    /// Predict one patch.
    ///
    /// # Shapes
    /// `patch`: `[input_channels, pz, py, px]`; `output`, which holds anything before and is
    /// written whole: `[classes, pz, py, px]`.
    ///
    /// # Errors
    /// Whatever the network fails with.
    fn predict(&self, patch: &[f32], output: &mut [f32]) -> Result<(), BoxedError>;
}

impl<P: PatchPredictor + ?Sized> PatchPredictor for Box<P> {
    fn input_channels(&self) -> usize {
        (**self).input_channels()
    }

    fn classes(&self) -> usize {
        (**self).classes()
    }

    fn patch_zyx(&self) -> [usize; 3] {
        (**self).patch_zyx()
    }

    fn activation(&self) -> Activation {
        (**self).activation()
    }

    fn forward_bytes(&self) -> usize {
        (**self).forward_bytes()
    }

    fn predict(&self, patch: &[f32], output: &mut [f32]) -> Result<(), BoxedError> {
        (**self).predict(patch, output)
    }
}
