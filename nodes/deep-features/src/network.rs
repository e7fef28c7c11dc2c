//! The network and what its layers compute.

use candle_core::Tensor;
use renalflow_imaging::{Geometry, Volume};
use renalflow_sdk::Problem;
use renalflow_segmentation::network::{Domain, FsNet, Plan, SegmentationNetwork};
use renalflow_stage_segment::networks;

use crate::options::Options;

/// A network whose layers are read.
pub struct Tapped {
    network: FsNet,
    layers: Vec<String>,
    domain: Domain,
}

/// What a layer computed.
pub struct Layer {
    /// Its name.
    pub name: String,
    /// `[channels, d, h, w]` in C order.
    pub values: Vec<f32>,
    /// Number of channels.
    pub channels: usize,
    /// `[d, h, w]`.
    pub shape_zyx: [usize; 3],
}

impl Tapped {
    /// The network on the card of the weights, with these weights.
    ///
    /// # Errors
    /// Weights that do not fit their card, a domain that the network has no way for, a layer
    /// that it does not have, several input channels, a device that is not there.
    pub fn new(options: &Options) -> Result<Self, Problem> {
        let weights = std::slice::from_ref(&options.weights);
        let network =
            networks::networks(weights, options.domain, options.device, options.precision)?
                .pop()
                .ok_or_else(|| Problem::new(format!("{} has no network", options.weights)))?;
        let plan = network.plan();
        let known = network.tap_names();
        let layers = if options.layers.is_empty() {
            vec![format!("encoder.{}", plan.levels.len().saturating_sub(1))]
        } else {
            options.layers.clone()
        };
        let mut seen = Vec::new();
        for layer in &layers {
            if !known.contains(layer) {
                return Err(
                    Problem::new(format!("--layers: the network has no layer `{layer}`"))
                        .fix(format!("it has {}", known.join(", "))),
                );
            }
            if seen.contains(&layer) {
                return Err(Problem::new(format!("--layers names `{layer}` twice"))
                    .fix("name each layer once"));
            }
            seen.push(layer);
        }
        Ok(Self {
            network,
            layers,
            domain: options.domain.domain(),
        })
    }

    /// Channels of all layers together, from a forward over as little as the network takes.
    ///
    /// # Errors
    /// A layer that is not on the way of the domain.
    pub fn channels(&self) -> Result<usize, Problem> {
        let shape_zyx = self.plan().total_stride_zyx().map(|stride| 2 * stride);
        let grid = Geometry::upright(shape_zyx, self.plan().spacing_zyx_mm.value)?;
        let nothing = Volume::new(grid.clone(), vec![0.0; grid.len()])?;
        let layers = self.activations(&nothing).map_err(|problem| {
            problem.context("--layers").fix(
                "name layers that --domain passes: auxiliary.decoder... is passed by auxiliary alone",
            )
        })?;
        Ok(layers.iter().map(|layer| layer.channels).sum())
    }

    /// The plan of the network.
    pub fn plan(&self) -> &Plan {
        self.network.plan()
    }

    /// The layers that are read.
    pub fn layers(&self) -> &[String] {
        &self.layers
    }

    /// What the layers make of a patch, in the order in which they were asked for.
    ///
    /// # Shapes
    /// `patch`: `[z, y, x]`, extents divisible by the plan's strides.
    ///
    /// # Errors
    /// A layer that is not on the way of the domain.
    pub fn activations(&self, patch: &Volume<f32>) -> Result<Vec<Layer>, Problem> {
        let [d, h, w] = patch.geometry().shape_zyx;
        let device = self.network.parameters().device();
        let x = Tensor::from_slice(patch.voxels(), (1, 1, d, h, w), device)?;
        let wanted: Vec<&str> = self.layers.iter().map(String::as_str).collect();
        let (_, mut found) = self.network.forward_with_taps(&x, self.domain, &wanted)?;
        self.layers
            .iter()
            .map(|name| {
                let missing = || Problem::new(format!("layer `{name}` computed nothing"));
                let activation = found.remove(name).ok_or_else(missing)?;
                let (_, channels, d, h, w) = activation.dims5()?;
                Ok(Layer {
                    name: name.clone(),
                    values: activation.flatten_all()?.to_vec1()?,
                    channels,
                    shape_zyx: [d, h, w],
                })
            })
            .collect()
    }
}
