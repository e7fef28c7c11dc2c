//! AdamW: Adam with a weight decay of its own.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor, Var};

use super::{
    Named, Optimizer, Parameters,
    elementwise::{Real, Rule, rewrite},
    restore_slot, slot,
};
use crate::training::error::{TrainingError, check};

/// Options of [`AdamW`]; the defaults are PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWOptions {
    /// Share of the mean gradient that is kept.
    pub beta1: f64,
    /// Share of the mean squared gradient that is kept.
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f64,
    /// Times the learning rate: the share of a parameter that a step takes away.
    pub weight_decay: f64,
}

impl Default for AdamWOptions {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 1e-2,
        }
    }
}

/// AdamW (Loshchilov and Hutter, ICLR 2019) as PyTorch's `torch.optim.AdamW` without AMSGrad:
///
/// ```text
/// g = scale g
/// p = p (1 - rate weight_decay)
/// m = m + (1 - beta1) (g - m)
/// v = beta2 v + (1 - beta2) g²
/// p = p - rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
/// ```
///
/// `t` counts a parameter's own updates: a weight that only every other step uses is corrected
/// for what it has seen.
#[derive(Debug)]
pub struct AdamW {
    options: AdamWOptions,
    means: BTreeMap<String, Var>,
    squares: BTreeMap<String, Var>,
    updates: BTreeMap<String, u32>,
}

impl AdamW {
    /// A fresh optimiser.
    ///
    /// # Errors
    /// A beta outside [0, 1), an epsilon that is not positive, a negative weight decay.
    pub fn new(options: AdamWOptions) -> std::result::Result<Self, TrainingError> {
        for (option, beta) in [("beta1", options.beta1), ("beta2", options.beta2)] {
            check(
                (0.0..1.0).contains(&beta),
                option,
                beta,
                "at least 0 and below 1",
            )?;
        }
        check(
            options.epsilon > 0.0 && options.epsilon.is_finite(),
            "epsilon",
            options.epsilon,
            "positive",
        )?;
        check(
            options.weight_decay >= 0.0 && options.weight_decay.is_finite(),
            "weight_decay",
            options.weight_decay,
            "at least 0",
        )?;
        Ok(Self {
            options,
            means: BTreeMap::new(),
            squares: BTreeMap::new(),
            updates: BTreeMap::new(),
        })
    }
}

impl Optimizer for AdamW {
    fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &Named,
        learning_rate: f64,
        gradient_scale: f64,
    ) -> std::result::Result<(), TrainingError> {
        let AdamWOptions {
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } = self.options;
        for (name, gradient) in gradients {
            let Some(parameter) = parameters.get(name) else {
                continue;
            };
            let updates = self.updates.entry(name.clone()).or_insert(0);
            *updates = updates.saturating_add(1);
            let t = f64::from(*updates);
            let mean = slot(&mut self.means, name, parameter)?;
            let square = slot(&mut self.squares, name, parameter)?;
            let scale = gradient_scale;
            rewrite(mean, gradient, gradient, &Mean { scale, beta1 })?;
            rewrite(square, gradient, gradient, &Square { scale, beta2 })?;
            let rule = Descend {
                kept: 1.0 - learning_rate * weight_decay,
                rate: learning_rate / (1.0 - beta1.powf(t)),
                root_correction: (1.0 - beta2.powf(t)).sqrt(),
                epsilon,
            };
            rewrite(parameter, mean, square, &rule)?;
        }
        Ok(())
    }

    fn state(&self) -> Named {
        let slots = [("mean", &self.means), ("square", &self.squares)];
        let mut state: Named = slots
            .into_iter()
            .flat_map(|(kind, slot)| {
                slot.iter()
                    .map(move |(name, value)| (format!("{kind}/{name}"), value.as_tensor().clone()))
            })
            .collect();
        for (name, updates) in &self.updates {
            if let Ok(updates) = Tensor::new(*updates, &Device::Cpu) {
                state.insert(format!("updates/{name}"), updates);
            }
        }
        state
    }

    fn restore(
        &mut self,
        parameters: &Parameters,
        state: &Named,
    ) -> std::result::Result<(), TrainingError> {
        let means = restore_slot("mean", parameters, state)?;
        let squares = restore_slot("square", parameters, state)?;
        let mut updates = BTreeMap::new();
        for name in means.keys() {
            let key = format!("updates/{name}");
            let count = state.get(&key).ok_or_else(|| TrainingError::State {
                what: "optimiser state",
                name: key.clone(),
                cause: "it is missing".to_owned(),
            })?;
            updates.insert(name.clone(), count.to_scalar::<u32>()?);
        }
        if !means.keys().eq(squares.keys()) {
            return Err(TrainingError::State {
                what: "optimiser state",
                name: "square".to_owned(),
                cause: "it is not of the same parameters as mean".to_owned(),
            });
        }
        (self.means, self.squares, self.updates) = (means, squares, updates);
        Ok(())
    }
}

/// Mean gradient from itself and the gradient.
struct Mean {
    scale: f64,
    beta1: f64,
}

impl Rule for Mean {
    fn name(&self) -> &'static str {
        "adamw mean"
    }

    fn apply<T: Real>(&self, mean: T, gradient: T, _: T) -> T {
        mean + T::of(1.0 - self.beta1) * (T::of(self.scale) * gradient - mean)
    }

    fn tensors(&self, mean: &Tensor, gradient: &Tensor, _: &Tensor) -> Result<Tensor> {
        mean + (((gradient * self.scale)? - mean)? * (1.0 - self.beta1))?
    }
}

/// Mean squared gradient from itself and the gradient.
struct Square {
    scale: f64,
    beta2: f64,
}

impl Rule for Square {
    fn name(&self) -> &'static str {
        "adamw square"
    }

    fn apply<T: Real>(&self, square: T, gradient: T, _: T) -> T {
        let gradient = T::of(self.scale) * gradient;
        T::of(self.beta2) * square + T::of(1.0 - self.beta2) * (gradient * gradient)
    }

    fn tensors(&self, square: &Tensor, gradient: &Tensor, _: &Tensor) -> Result<Tensor> {
        (square * self.beta2)? + ((gradient * self.scale)?.sqr()? * (1.0 - self.beta2))?
    }
}

/// Parameter from parameter, mean and mean square.
struct Descend {
    kept: f64,
    rate: f64,
    root_correction: f64,
    epsilon: f64,
}

impl Rule for Descend {
    fn name(&self) -> &'static str {
        "adamw step"
    }

    fn apply<T: Real>(&self, parameter: T, mean: T, square: T) -> T {
        let size = square.root() / T::of(self.root_correction) + T::of(self.epsilon);
        T::of(self.kept) * parameter - T::of(self.rate) * (mean / size)
    }

    fn tensors(&self, parameter: &Tensor, mean: &Tensor, square: &Tensor) -> Result<Tensor> {
        let size = ((square.sqrt()? / self.root_correction)? + self.epsilon)?;
        (parameter * self.kept)? - ((mean / size)? * self.rate)?
    }
}
