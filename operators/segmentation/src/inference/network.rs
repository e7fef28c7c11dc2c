//! Networks of a plan, as windows slide them over a volume.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};

use super::{
    error::BoxedError,
    predictor::{Activation, PatchPredictor},
};
use crate::network::{Domain, NetworkError, Parameters, Plan, SegmentationNetwork, plan::LabelSet};

/// Tensors of the finest level that live at once in a forward without gradients: the skip, the
/// two that a concatenation joins and itself, and a convolution's output.
const FINEST_TENSORS: usize = 6;

/// A network that answers for one domain, patch by patch.
pub struct NetworkPredictor<'a, N: ?Sized> {
    network: &'a N,
    domain: Domain,
}

impl<'a, N: SegmentationNetwork + ?Sized> NetworkPredictor<'a, N> {
    /// The network, which should be built for inference, so that it records nothing.
    #[must_use]
    pub fn new(network: &'a N, domain: Domain) -> Self {
        Self { network, domain }
    }
}

impl<N: SegmentationNetwork + Sync + ?Sized> PatchPredictor for NetworkPredictor<'_, N> {
    fn input_channels(&self) -> usize {
        self.network.plan().channels_in
    }

    fn classes(&self) -> usize {
        self.network.plan().labels.value.channels()
    }

    fn patch_zyx(&self) -> [usize; 3] {
        self.network.plan().patch_zyx.value
    }

    fn activation(&self) -> Activation {
        match self.network.plan().labels.value {
            LabelSet::Classes(_) => Activation::Softmax,
            LabelSet::Regions(_) => Activation::Sigmoid,
        }
    }

    fn forward_bytes(&self) -> usize {
        let plan = self.network.plan();
        let voxels: usize = plan.patch_zyx.value.iter().product();
        let features = plan.levels.first().map_or(0, |level| level.features);
        let finest = (features * voxels).saturating_mul(size_of::<f32>());
        // Every coarser level has at most an eighth of the voxels and twice the features.
        finest.saturating_mul(FINEST_TENSORS) / 3 * 4
    }

    fn predict(&self, patch: &[f32], output: &mut [f32]) -> Result<(), BoxedError> {
        let [d, h, w] = self.patch_zyx();
        let shape = (1, self.input_channels(), d, h, w);
        let x = Tensor::from_slice(patch, shape, self.network.parameters().device())?;
        let logits = self.network.forward(&x, self.domain)?;
        let finest = logits.first().ok_or("the network has no output")?;
        let values = finest.flatten_all()?.to_vec1::<f32>()?;
        if values.len() != output.len() {
            return Err(format!(
                "the network gave logits {:?} for a patch {:?} and {} classes",
                finest.dims(),
                [d, h, w],
                self.classes()
            )
            .into());
        }
        output.copy_from_slice(&values);
        Ok(())
    }
}

/// A network behind a reference, so that a part of an ensemble can be taken without a copy.
impl<N: SegmentationNetwork> SegmentationNetwork for &N {
    fn plan(&self) -> &Plan {
        (**self).plan()
    }

    fn forward(&self, x: &Tensor, domain: Domain) -> Result<Vec<Tensor>, NetworkError> {
        (**self).forward(x, domain)
    }

    fn forward_with_taps(
        &self,
        x: &Tensor,
        domain: Domain,
        taps: &[&str],
    ) -> Result<(Vec<Tensor>, BTreeMap<String, Tensor>), NetworkError> {
        (**self).forward_with_taps(x, domain, taps)
    }

    fn tap_names(&self) -> Vec<String> {
        (**self).tap_names()
    }

    fn parameters(&self) -> &Parameters {
        (**self).parameters()
    }

    fn trainable(&self) -> BTreeMap<String, Var> {
        (**self).trainable()
    }

    fn gates(&self) -> Vec<(usize, f32)> {
        (**self).gates()
    }
}
