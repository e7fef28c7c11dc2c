//! The fine segmentation network of any scheme.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Tensor, Var};
use candle_nn::{Init, VarBuilder};

use super::{
    AuxiliaryWeights, Domain, NetworkError, Parameters, Plan, Scheme,
    blocks::{Conv, NormParameters, Style},
    taps::Taps,
    unet::{Decoder, Encoder, UNet},
};
use crate::{
    network::plan::LabelSet,
    ops::{self, Precision},
};

/// What training and inference see of a network.
pub trait SegmentationNetwork {
    /// The plan it was built from.
    fn plan(&self) -> &Plan;

    /// Logits, the finest first; more than one in training with deep supervision.
    ///
    /// # Shapes
    /// `x` `[N, channels, D, H, W]`, extents divisible by [`Plan::total_stride_zyx`]; logits
    /// `[N, labels, D, H, W]`, coarser ones divided by the strides of their levels.
    ///
    /// # Errors
    /// Shapes that do not fit, and a domain the network has no way for.
    fn forward(&self, x: &Tensor, domain: Domain) -> Result<Vec<Tensor>, NetworkError> {
        Ok(self.forward_with_taps(x, domain, &[])?.0)
    }

    /// As [`SegmentationNetwork::forward`], with the activations of the named layers, such as
    /// `encoder.3` for deep features.
    ///
    /// # Errors
    /// As [`SegmentationNetwork::forward`], and names not among
    /// [`SegmentationNetwork::tap_names`].
    #[allow(clippy::type_complexity)]
    fn forward_with_taps(
        &self,
        x: &Tensor,
        domain: Domain,
        taps: &[&str],
    ) -> Result<(Vec<Tensor>, BTreeMap<String, Tensor>), NetworkError>;

    /// Names of the activations that can be read.
    fn tap_names(&self) -> Vec<String>;

    /// Every parameter, frozen ones too: what a checkpoint holds.
    fn parameters(&self) -> &Parameters;

    /// The parameters that training changes, by path.
    fn trainable(&self) -> BTreeMap<String, Var>;

    /// How much each level borrows from the auxiliary column: `(level, gate)`; empty without.
    fn gates(&self) -> Vec<(usize, f32)> {
        Vec::new()
    }
}

/// What a network is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Operations on parameters are recorded; all heads answer.
    Training,
    /// Nothing is recorded, and only the finest head answers. On the CPU, where no activations
    /// are read, blocks are fused but in two-column schemes, whose columns meet between blocks.
    Inference,
}

/// Prefix of the parameters of the auxiliary column.
const AUXILIARY: &str = "auxiliary";

/// How the auxiliary column takes part.
enum Column {
    None,
    /// Its encoder lends features, and may have a decoder to train it with.
    Lends {
        encoder: Encoder,
        own: Option<Decoder>,
        adapters: Vec<Adapter>,
    },
    /// Its map is an input channel.
    Prior(UNet),
}

/// `g A(f)`: a 1x1x1 convolution and a gate that starts shut.
struct Adapter {
    conv: Conv,
    gate_name: String,
    gate: Tensor,
}

impl Adapter {
    fn new(
        level: usize,
        features: usize,
        precision: Precision,
        vb: &VarBuilder<'_>,
    ) -> candle_core::Result<Self> {
        let vb = vb.pp("adapter").pp(level);
        Ok(Self {
            conv: Conv::new([features, features], [1; 3], [1; 3], precision, &vb)?,
            gate_name: format!("{}.gate", vb.prefix()),
            gate: vb.get_with_hints(1, "gate", Init::Const(0.0))?,
        })
    }
}

/// The network of a plan and a scheme.
///
/// | scheme | network |
/// |---|---|
/// | `scratch`, `finetune`, `pooled` | the U-Net of the plan |
/// | `domain-norm` | the same with a scale and shift of every normalisation for each domain |
/// | `two-column-*` | the same, whose encoder adds `g_l A_l(f_l)` to the output of level `l`; `f_l` is the output of that level of an auxiliary encoder, `A_l` a 1x1x1 convolution, `g_l` a number that starts at 0 (choices of ours: the paper does not say) |
/// | `prior-channel` | the same with one more input channel: the probability of foreground that a frozen U-Net of the plan sees |
///
/// With gates at 0 a two-column network is `scratch` to the bit, initial values included.
/// Parameters of the auxiliary column have the prefix `auxiliary.`.
pub struct FsNet {
    plan: Plan,
    scheme: Scheme,
    used_for: Use,
    parameters: Parameters,
    main: UNet,
    column: Column,
}

impl FsNet {
    /// Build the network; parameters come into being in `parameters` or are taken from it.
    ///
    /// # Errors
    /// A plan with mistakes, and parameters that exist already in another shape.
    pub fn new(
        plan: &Plan,
        scheme: Scheme,
        parameters: &Parameters,
        used_for: Use,
    ) -> Result<Self, NetworkError> {
        plan.check()?;
        let frozen = parameters.frozen_builder();
        let vb = match used_for {
            Use::Training => parameters.builder(),
            Use::Inference => frozen.clone(),
        };
        let (channels_in, norms) = match scheme {
            Scheme::PriorChannel => (plan.channels_in + 1, NormParameters::Shared),
            Scheme::DomainNorm => (plan.channels_in, NormParameters::PerDomain),
            _ => (plan.channels_in, NormParameters::Shared),
        };
        let precision = parameters.precision();
        let shared = Style {
            norms: NormParameters::Shared,
            precision,
        };
        let main = UNet::with(plan, channels_in, Style { norms, precision }, &vb)?;
        let adapters = || -> candle_core::Result<Vec<Adapter>> {
            let levels = plan.levels.iter().enumerate();
            levels
                .map(|(l, level)| Adapter::new(l, level.features, precision, &vb))
                .collect()
        };
        let encoder =
            |vb: &VarBuilder<'_>| Encoder::new(plan, plan.channels_in, shared, &vb.pp(AUXILIARY));
        let column = match scheme {
            Scheme::TwoColumnFrozen => Column::Lends {
                encoder: encoder(&frozen)?,
                own: None,
                adapters: adapters()?,
            },
            Scheme::TwoColumnJoint => Column::Lends {
                encoder: encoder(&vb)?,
                own: Some(Decoder::new(plan, shared, &vb.pp(AUXILIARY))?),
                adapters: adapters()?,
            },
            Scheme::PriorChannel => {
                let vb = frozen.pp(AUXILIARY);
                Column::Prior(UNet::with(plan, plan.channels_in, shared, &vb)?)
            }
            _ => Column::None,
        };
        Ok(Self {
            plan: plan.clone(),
            scheme,
            used_for,
            parameters: parameters.clone(),
            main,
            column,
        })
    }

    /// The scheme it was built for.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Take the weights of a network of the same plan that was trained on the auxiliary cases
    /// (paths as in `scratch`), as [`Scheme::auxiliary_weights`] says.
    ///
    /// # Errors
    /// A scheme that takes none, and every tensor that is missing, superfluous or mis-shaped;
    /// then nothing is changed.
    pub fn load_auxiliary(&self, weights: &BTreeMap<String, Tensor>) -> Result<(), NetworkError> {
        let scheme = self.scheme;
        if scheme.auxiliary_weights() == AuxiliaryWeights::Unused {
            return Err(NetworkError::TakesNoAuxiliaryWeights { scheme });
        }
        let prefix = match scheme {
            Scheme::Finetune => String::new(),
            _ => format!("{AUXILIARY}."),
        };
        let own = self.parameters.shapes();
        let mut problems = Vec::new();
        let mut taken = BTreeSet::new();
        for (name, tensor) in weights {
            // A frozen column is an encoder alone.
            if scheme == Scheme::TwoColumnFrozen && !name.starts_with("encoder.") {
                continue;
            }
            let target = format!("{prefix}{name}");
            match own.get(&target) {
                None => problems.push(format!("{name} is not in the plan's network")),
                Some(shape) if shape != tensor.dims() => problems.push(format!(
                    "{name} has shape {:?}, the plan's network {shape:?}",
                    tensor.dims()
                )),
                Some(_) => {
                    taken.insert(target);
                }
            }
        }
        let wanted = own.keys().filter(|name| name.starts_with(&prefix));
        for name in wanted.filter(|name| !taken.contains(*name)) {
            problems.push(format!(
                "{} is missing",
                name.strip_prefix(&prefix).unwrap_or(name)
            ));
        }
        if !problems.is_empty() {
            return Err(NetworkError::AuxiliaryWeights { problems });
        }
        for target in &taken {
            if let Some(tensor) = weights.get(target.strip_prefix(&prefix).unwrap_or(target)) {
                self.parameters.set(target, tensor)?;
            }
        }
        Ok(())
    }

    fn check_input(&self, x: &Tensor) -> Result<(), NetworkError> {
        let fail = |cause| {
            Err(NetworkError::Input {
                dims: x.dims().to_vec(),
                cause,
            })
        };
        let [_, channels, extents @ ..] = x.dims() else {
            return fail("the network takes [N, C, D, H, W]".to_owned());
        };
        if extents.len() != 3 || x.elem_count() == 0 {
            return fail("the network takes [N, C, D, H, W] with at least one voxel".to_owned());
        }
        if *channels != self.plan.channels_in {
            return fail(format!(
                "the plan has {} input channel(s)",
                self.plan.channels_in
            ));
        }
        if x.dtype() != DType::F32 {
            return fail("the network takes f32: convert with to_dtype(DType::F32)".to_owned());
        }
        let strides = self.plan.total_stride_zyx();
        for ((axis, &extent), stride) in ["z", "y", "x"].iter().zip(extents).zip(strides) {
            if !extent.is_multiple_of(stride) {
                return fail(format!(
                    "{extent} along {axis} is no multiple of {stride}, the product of the plan's \
                     strides; pad to {}",
                    extent.next_multiple_of(stride)
                ));
            }
        }
        Ok(())
    }

    /// The probability of foreground in the eyes of the prior network.
    fn prior(&self, network: &UNet, x: &Tensor, taps: &mut Taps) -> candle_core::Result<Tensor> {
        let logits = if self.fuses(x, taps) {
            network.fused(x, Domain::Auxiliary)?
        } else {
            let logits = network.run(x, Domain::Auxiliary, taps, 1)?;
            let Some(logits) = logits.first() else {
                candle_core::bail!("the prior network has no head");
            };
            logits.detach()
        };
        match &self.plan.labels.value {
            LabelSet::Classes(_) => {
                1.0 - candle_nn::ops::softmax(&logits, 1)?
                    .narrow(1, 0, 1)?
                    .contiguous()?
            }
            // The outermost region is the first.
            LabelSet::Regions(_) => candle_nn::ops::sigmoid(&logits.narrow(1, 0, 1)?.contiguous()?),
        }
    }

    /// Whether fused blocks can do it: nothing is recorded, and nothing between layers is read.
    fn fuses(&self, x: &Tensor, taps: &Taps) -> bool {
        self.used_for == Use::Inference && taps.is_empty() && x.device().is_cpu()
    }

    fn run(
        &self,
        x: &Tensor,
        domain: Domain,
        taps: &mut Taps,
    ) -> Result<Vec<Tensor>, NetworkError> {
        let outputs = match self.used_for {
            Use::Training => usize::MAX,
            Use::Inference => 1,
        };
        match (&self.column, domain) {
            (Column::None, _) if self.fuses(x, taps) => Ok(vec![self.main.fused(x, domain)?]),
            (Column::None, _) => Ok(self.main.run(x, domain, taps, outputs)?),
            (Column::Prior(network), Domain::Auxiliary) if self.fuses(x, taps) => {
                Ok(vec![network.fused(x, domain)?])
            }
            (Column::Prior(network), Domain::Auxiliary) => {
                Ok(network.run(x, domain, taps, outputs)?)
            }
            (Column::Prior(network), Domain::Primary) => {
                let x = Tensor::cat(&[x, &self.prior(network, x, taps)?], 1)?;
                if self.fuses(&x, taps) {
                    return Ok(vec![self.main.fused(&x, domain)?]);
                }
                Ok(self.main.run(&x, domain, taps, outputs)?)
            }
            (
                Column::Lends {
                    encoder,
                    own: Some(own),
                    ..
                },
                Domain::Auxiliary,
            ) => {
                let skips = encoder.forward(x, domain, taps, |_, y| Ok(y))?;
                Ok(own.forward(&skips, domain, taps, outputs)?)
            }
            (Column::Lends { own: None, .. }, Domain::Auxiliary) => {
                Err(NetworkError::NoAuxiliaryPath {
                    scheme: self.scheme,
                })
            }
            (
                Column::Lends {
                    encoder, adapters, ..
                },
                Domain::Primary,
            ) => {
                let lent = encoder.forward(x, Domain::Auxiliary, taps, |_, y| Ok(y))?;
                let join = |l: usize, y: Tensor| {
                    let (lent, adapter): (&Tensor, &Adapter) = (&lent[l], &adapters[l]);
                    // A shut gate lets nothing through; in inference, save the work.
                    let shut =
                        || Ok::<_, candle_core::Error>(adapter.gate.to_vec1::<f32>()? == [0.0]);
                    if self.used_for == Use::Inference && shut()? {
                        return Ok(y);
                    }
                    ops::gated_add(&y, &adapter.conv.forward(lent)?, &adapter.gate)
                };
                let skips = self.main.encoder.forward(x, domain, taps, join)?;
                Ok(self.main.decoder.forward(&skips, domain, taps, outputs)?)
            }
        }
    }
}

impl SegmentationNetwork for FsNet {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn forward_with_taps(
        &self,
        x: &Tensor,
        domain: Domain,
        taps: &[&str],
    ) -> Result<(Vec<Tensor>, BTreeMap<String, Tensor>), NetworkError> {
        self.check_input(x)?;
        let known = self.tap_names();
        if let Some(name) = taps
            .iter()
            .find(|name| !known.iter().any(|other| other == *name))
        {
            return Err(NetworkError::UnknownTap {
                name: (*name).to_owned(),
                known,
            });
        }
        let mut found = Taps::new(taps);
        let logits = self.run(x, domain, &mut found)?;
        if let Some(name) = taps.iter().find(|name| !found.found.contains_key(**name)) {
            return Err(NetworkError::TapNotPassed {
                name: (*name).to_owned(),
            });
        }
        Ok((logits, found.found))
    }

    fn tap_names(&self) -> Vec<String> {
        let mut all = self.main.tap_names();
        match &self.column {
            Column::None => {}
            Column::Lends { encoder, own, .. } => {
                all.extend(encoder.tap_names());
                all.extend(own.iter().flat_map(Decoder::tap_names));
            }
            Column::Prior(network) => all.extend(network.tap_names()),
        }
        all
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn trainable(&self) -> BTreeMap<String, Var> {
        let frozen = matches!(self.scheme, Scheme::TwoColumnFrozen | Scheme::PriorChannel);
        let mut all = self.parameters.all();
        if frozen {
            let prefix = format!("{AUXILIARY}.");
            all.retain(|name, _| !name.starts_with(&prefix));
        }
        all
    }

    fn gates(&self) -> Vec<(usize, f32)> {
        let Column::Lends { adapters, .. } = &self.column else {
            return Vec::new();
        };
        adapters
            .iter()
            .enumerate()
            .filter_map(|(l, adapter)| {
                let gate = self.parameters.get(&adapter.gate_name)?;
                Some((l, gate.to_vec1::<f32>().ok()?.first().copied()?))
            })
            .collect()
    }
}
