//! Optimisers over named parameters, as PyTorch's to the last digits; their states are tensors
//! by name, so that a checkpoint can hold them.

mod adamw;
mod elementwise;
mod gradient;
mod schedule;
mod sgd;

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};

pub use adamw::{AdamW, AdamWOptions};
pub use gradient::{clip_scale, global_norm, named};
pub use schedule::Poly;
pub use sgd::{Sgd, SgdOptions};

use super::error::TrainingError;

/// Parameters by name.
pub type Parameters = BTreeMap<String, Var>;

/// Tensors by name: gradients, or an optimiser's state.
pub type Named = BTreeMap<String, Tensor>;

/// What moves parameters along their gradients.
pub trait Optimizer {
    /// Update the parameters that have a gradient; the others, and their state, stay.
    ///
    /// Every gradient is multiplied by `gradient_scale` first, which is how clipping costs no
    /// pass over memory.
    ///
    /// # Shapes
    /// A gradient has its parameter's shape.
    ///
    /// # Errors
    /// Element types other than `f32` and `f64`, or differing ones.
    fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &Named,
        learning_rate: f64,
        gradient_scale: f64,
    ) -> Result<(), TrainingError>;

    /// All that the next step depends on, as `slot/parameter`. The tensors are the live ones:
    /// write them before the next step.
    fn state(&self) -> Named;

    /// Take a state back.
    ///
    /// # Errors
    /// A name that is no parameter, a shape or element type that is not the parameter's, an
    /// entry that is missing; nothing has changed then.
    fn restore(&mut self, parameters: &Parameters, state: &Named) -> Result<(), TrainingError>;
}

/// Which optimiser, with its options.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OptimizerOptions {
    /// Stochastic gradient descent with momentum.
    Sgd(SgdOptions),
    /// Adam with decoupled weight decay.
    AdamW(AdamWOptions),
}

impl Default for OptimizerOptions {
    fn default() -> Self {
        Self::Sgd(SgdOptions::default())
    }
}

impl OptimizerOptions {
    /// A fresh optimiser.
    ///
    /// # Errors
    /// An option out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>, TrainingError> {
        Ok(match self {
            Self::Sgd(options) => Box::new(Sgd::new(options)?),
            Self::AdamW(options) => Box::new(AdamW::new(options)?),
        })
    }

    /// Values that it keeps for each parameter.
    #[must_use]
    pub fn slots(self) -> usize {
        match self {
            Self::Sgd(options) => usize::from(options.momentum > 0.0),
            Self::AdamW(_) => 2,
        }
    }
}

/// The state of a parameter, zeros when it is first asked for.
fn slot<'a>(
    slots: &'a mut BTreeMap<String, Var>,
    name: &str,
    parameter: &Var,
) -> Result<&'a Var, TrainingError> {
    if !slots.contains_key(name) {
        let zeros = Var::zeros(parameter.shape(), parameter.dtype(), parameter.device())?;
        slots.insert(name.to_owned(), zeros);
    }
    slots.get(name).ok_or_else(|| TrainingError::State {
        what: "optimiser state",
        name: name.to_owned(),
        cause: "it is missing".to_owned(),
    })
}

/// The entries of one kind, checked against the parameters, as copies of their own.
fn restore_slot(
    kind: &str,
    parameters: &Parameters,
    state: &Named,
) -> Result<BTreeMap<String, Var>, TrainingError> {
    let mut slots = BTreeMap::new();
    for (key, value) in state {
        let Some(name) = key
            .strip_prefix(kind)
            .and_then(|rest| rest.strip_prefix('/'))
        else {
            continue;
        };
        let refuse = |cause: String| TrainingError::State {
            what: "optimiser state",
            name: key.clone(),
            cause,
        };
        let parameter = parameters
            .get(name)
            .ok_or_else(|| refuse("the network has no such parameter".to_owned()))?;
        if parameter.shape() != value.shape() || parameter.dtype() != value.dtype() {
            return Err(refuse(format!(
                "it is {:?} {:?}, the parameter is {:?} {:?}",
                value.dtype(),
                value.dims(),
                parameter.dtype(),
                parameter.dims()
            )));
        }
        let own = Var::zeros(parameter.shape(), parameter.dtype(), parameter.device())?;
        own.set(&value.to_device(parameter.device())?)?;
        slots.insert(name.to_owned(), own);
    }
    Ok(slots)
}
