//! Networks of a plan, as the loop trains them.

use candle_core::{Result as TensorResult, Tensor};

use super::{
    case::Domain,
    memory::{Footprint, KEPT, Level},
    optimizer::Parameters,
    session::Trainable,
};
use crate::network::{FsNet, Scheme, SegmentationNetwork};

impl Trainable for FsNet {
    fn logits(&self, images: &Tensor, domain: Domain) -> TensorResult<Vec<Tensor>> {
        SegmentationNetwork::forward(self, images, domain).map_err(candle_core::Error::wrap)
    }

    fn parameters(&self) -> Parameters {
        self.trainable()
    }

    fn regions(&self) -> Option<Vec<Vec<u32>>> {
        self.plan().labels.value.regions()
    }
}

impl Footprint {
    /// Of a network and an optimiser that keeps `optimizer_slots` values a parameter (1 for SGD,
    /// 2 for AdamW).
    #[must_use]
    pub fn of(network: &FsNet, optimizer_slots: usize) -> Self {
        let plan = network.plan();
        let convolutions = plan.convs_per_level.value;
        // What a column lends at a level passes an adapter and is added to the other's. One that
        // trains too keeps its encoder's tensors for the backward pass.
        let lent = match network.scheme() {
            Scheme::TwoColumnFrozen => 1 + 2,
            Scheme::TwoColumnJoint => KEPT * convolutions + 2,
            _ => 0,
        };
        Self {
            levels: plan
                .levels
                .iter()
                .map(|level| Level {
                    features: level.features,
                    stride_zyx: level.stride_zyx,
                    convolutions,
                    lent,
                })
                .collect(),
            channels: plan.channels_in,
            classes: plan.labels.value.channels(),
            parameters: SegmentationNetwork::parameters(network).count(),
            optimizer_slots,
        }
    }
}
