//! Stochastic gradient descent with momentum.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};

use super::{
    Named, Optimizer, Parameters,
    elementwise::{Real, Rule, rewrite},
    restore_slot, slot,
};
use crate::training::error::{TrainingError, check};

/// Options of [`Sgd`]; the defaults are nnU-Net's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdOptions {
    /// Share of the last update that is kept.
    pub momentum: f64,
    /// Look ahead along the momentum (Nesterov, in PyTorch's form).
    pub nesterov: bool,
    /// Added to the gradient times the parameter, whatever the parameter.
    pub weight_decay: f64,
}

impl Default for SgdOptions {
    fn default() -> Self {
        Self {
            momentum: 0.99,
            nesterov: true,
            weight_decay: 3e-5,
        }
    }
}

/// Stochastic gradient descent as PyTorch's `torch.optim.SGD` without dampening:
///
/// ```text
/// d = scale g + weight_decay p
/// b = momentum b + d
/// p = p - rate (d + momentum b)     with Nesterov
/// p = p - rate b                    without
/// ```
#[derive(Debug)]
pub struct Sgd {
    options: SgdOptions,
    momenta: BTreeMap<String, Var>,
}

impl Sgd {
    /// A fresh optimiser.
    ///
    /// # Errors
    /// Momentum outside [0, 1), Nesterov without momentum, a negative weight decay.
    pub fn new(options: SgdOptions) -> std::result::Result<Self, TrainingError> {
        check(
            (0.0..1.0).contains(&options.momentum),
            "momentum",
            options.momentum,
            "at least 0 and below 1",
        )?;
        check(
            !options.nesterov || options.momentum > 0.0,
            "nesterov",
            options.nesterov,
            "false where momentum is 0",
        )?;
        check(
            options.weight_decay >= 0.0 && options.weight_decay.is_finite(),
            "weight_decay",
            options.weight_decay,
            "at least 0",
        )?;
        Ok(Self {
            options,
            momenta: BTreeMap::new(),
        })
    }
}

impl Optimizer for Sgd {
    fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &Named,
        learning_rate: f64,
        gradient_scale: f64,
    ) -> std::result::Result<(), TrainingError> {
        let SgdOptions {
            momentum,
            nesterov,
            weight_decay,
        } = self.options;
        for (name, gradient) in gradients {
            let Some(parameter) = parameters.get(name) else {
                continue;
            };
            let decayed = Decayed {
                scale: gradient_scale,
                weight_decay,
            };
            if momentum == 0.0 {
                let rule = Descend {
                    decayed,
                    learning_rate,
                    momentum: 0.0,
                    nesterov: true,
                };
                rewrite(parameter, gradient, gradient, &rule)?;
                continue;
            }
            let buffer = slot(&mut self.momenta, name, parameter)?;
            rewrite(buffer, gradient, parameter, &Gather { decayed, momentum })?;
            let rule = Descend {
                decayed,
                learning_rate,
                momentum,
                nesterov,
            };
            rewrite(parameter, gradient, buffer, &rule)?;
        }
        Ok(())
    }

    fn state(&self) -> Named {
        self.momenta
            .iter()
            .map(|(name, buffer)| (format!("momentum/{name}"), buffer.as_tensor().clone()))
            .collect()
    }

    fn restore(
        &mut self,
        parameters: &Parameters,
        state: &Named,
    ) -> std::result::Result<(), TrainingError> {
        self.momenta = restore_slot("momentum", parameters, state)?;
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Decayed {
    scale: f64,
    weight_decay: f64,
}

impl Decayed {
    fn of<T: Real>(self, gradient: T, parameter: T) -> T {
        T::of(self.scale) * gradient + T::of(self.weight_decay) * parameter
    }

    fn tensors(self, gradient: &Tensor, parameter: &Tensor) -> Result<Tensor> {
        (gradient * self.scale)? + (parameter * self.weight_decay)?
    }
}

/// Momentum from momentum, gradient and parameter.
struct Gather {
    decayed: Decayed,
    momentum: f64,
}

impl Rule for Gather {
    fn name(&self) -> &'static str {
        "sgd momentum"
    }

    fn apply<T: Real>(&self, momentum: T, gradient: T, parameter: T) -> T {
        T::of(self.momentum) * momentum + self.decayed.of(gradient, parameter)
    }

    fn tensors(&self, momentum: &Tensor, gradient: &Tensor, parameter: &Tensor) -> Result<Tensor> {
        (momentum * self.momentum)? + self.decayed.tensors(gradient, parameter)?
    }
}

/// Parameter from parameter, gradient and momentum.
struct Descend {
    decayed: Decayed,
    learning_rate: f64,
    momentum: f64,
    nesterov: bool,
}

impl Rule for Descend {
    fn name(&self) -> &'static str {
        "sgd step"
    }

    fn apply<T: Real>(&self, parameter: T, gradient: T, momentum: T) -> T {
        let direction = if self.nesterov {
            self.decayed.of(gradient, parameter) + T::of(self.momentum) * momentum
        } else {
            momentum
        };
        parameter - T::of(self.learning_rate) * direction
    }

    fn tensors(&self, parameter: &Tensor, gradient: &Tensor, momentum: &Tensor) -> Result<Tensor> {
        let direction = if self.nesterov {
            (self.decayed.tensors(gradient, parameter)? + (momentum * self.momentum)?)?
        } else {
            momentum.clone()
        };
        parameter - (direction * self.learning_rate)?
    }
}
