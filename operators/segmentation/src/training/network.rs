//! Networks of a plan, as the loop trains them.

use candle_core::{Result as TensorResult, Tensor};

use super::{
    case::Domain,
    memory::{Footprint, Level},
    optimizer::Parameters,
    session::Trainable,
};
use crate::network::{FsNet, NetworkError, SegmentationNetwork, plan::LabelSet};

impl Trainable for FsNet {
    fn logits(&self, images: &Tensor, domain: Domain) -> TensorResult<Vec<Tensor>> {
        if let LabelSet::Regions(_) = self.plan().labels.value {
            // The loop scores patches by the most probable class, which regions do not have.
            return Err(candle_core::Error::wrap(NetworkError::Input {
                dims: images.dims().to_vec(),
                cause: "the plan tells nested regions apart, which training does not do; give \
                        the plan classes that exclude each other"
                    .to_owned(),
            }));
        }
        SegmentationNetwork::forward(self, images, domain).map_err(candle_core::Error::wrap)
    }

    fn parameters(&self) -> Parameters {
        self.trainable()
    }
}

impl Footprint {
    /// Of a network and an optimiser that keeps `optimizer_slots` values a parameter (1 for SGD,
    /// 2 for AdamW).
    #[must_use]
    pub fn of(network: &FsNet, optimizer_slots: usize) -> Self {
        let plan = network.plan();
        Self {
            levels: plan
                .levels
                .iter()
                .map(|level| Level {
                    features: level.features,
                    stride_zyx: level.stride_zyx,
                    convolutions: plan.convs_per_level.value,
                })
                .collect(),
            channels: plan.channels_in,
            classes: plan.labels.value.channels(),
            parameters: SegmentationNetwork::parameters(network).count(),
            optimizer_slots,
        }
    }
}
