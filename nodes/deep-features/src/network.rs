//! The network and what its layers compute.

use candle_core::Tensor;
use renalflow_imaging::{Geometry, Volume};
use renalflow_sdk::{Inputs, Problem};
use renalflow_segmentation::network::{Domain, FsNet, SegmentationNetwork};
use renalflow_stage_segment::ensemble::Ensemble;

use crate::options::Options;

/// Networks whose layers are read: one, or the folds of a cross-validation.
pub struct Tapped {
    ensemble: Ensemble,
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
    /// The networks on the cards of the weights, with these weights.
    ///
    /// # Errors
    /// Weights that do not fit their card, a domain that the network has no way for, a layer
    /// that it does not have, several input channels, a device that is not there.
    pub fn new(options: &Options) -> Result<Self, Problem> {
        let ensemble = Ensemble::open(
            &options.weights,
            options.domain,
            options.device,
            options.precision,
            options.held_out,
        )?;
        let network = first(&ensemble)?;
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
            ensemble,
            layers,
            domain: options.domain.domain(),
        })
    }

    /// Channels of all layers together, from a forward over as little as the network takes.
    ///
    /// # Errors
    /// A layer that is not on the way of the domain.
    pub fn channels(&self) -> Result<usize, Problem> {
        let network = first(&self.ensemble)?;
        let plan = network.plan();
        let shape_zyx = plan.total_stride_zyx().map(|stride| 2 * stride);
        let grid = Geometry::upright(shape_zyx, plan.spacing_zyx_mm.value)?;
        let nothing = Volume::new(grid.clone(), vec![0.0; grid.len()])?;
        let layers = self.activations(network, &nothing).map_err(|problem| {
            problem.context("--layers").fix(
                "name layers that --domain passes: auxiliary.decoder... is passed by auxiliary alone",
            )
        })?;
        Ok(layers.iter().map(|layer| layer.channels).sum())
    }

    /// The network that describes a case. Features of several are not averaged, because their
    /// channels are not the same, so the first one that may see the case does.
    ///
    /// # Errors
    /// See [`Ensemble::of_case`].
    pub fn of_case(&self, case_id: &str, inputs: &Inputs) -> Result<&FsNet, Problem> {
        let may_see = self.ensemble.of_case(case_id, inputs)?;
        let Some((name, network)) = may_see.first() else {
            return Err(Problem::new("there is no network"));
        };
        if may_see.len() > 1 {
            tracing::info!("{case_id}: described by {name}");
        }
        Ok(network)
    }

    /// What decides which network describes a case.
    pub fn note(&self) -> Option<String> {
        self.ensemble.note()
    }

    /// The layers that are read.
    pub fn layers(&self) -> &[String] {
        &self.layers
    }

    /// What the layers of one of the networks make of a patch, in the order in which they were asked for.
    ///
    /// # Shapes
    /// `patch`: `[z, y, x]`, extents divisible by the plan's strides.
    ///
    /// # Errors
    /// A layer that is not on the way of the domain.
    pub fn activations(&self, network: &FsNet, patch: &Volume<f32>) -> Result<Vec<Layer>, Problem> {
        let [d, h, w] = patch.geometry().shape_zyx;
        let device = network.parameters().device();
        let x = Tensor::from_slice(patch.voxels(), (1, 1, d, h, w), device)?;
        let wanted: Vec<&str> = self.layers.iter().map(String::as_str).collect();
        let (_, mut found) = network.forward_with_taps(&x, self.domain, &wanted)?;
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

/// The network whose layers and channels stand for those of all: their plans are the same.
fn first(ensemble: &Ensemble) -> Result<&FsNet, Problem> {
    let first = ensemble.networks().first();
    first.ok_or_else(|| Problem::new("no weights are given").fix("give --weights"))
}
