//! Named parameters with initial values that depend on the seed and the name alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use candle_core::{DType, Device, Error, Result, Shape, Tensor, Var, bail};
use candle_nn::{Init, VarBuilder, init::NormalOrUniform, var_builder::SimpleBackend};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::{ops::Precision, random::unit};

/// The parameters of a network by path, such as `encoder.0.conv1.weight`.
///
/// A parameter comes into being when a layer first asks for it. Its values are drawn from
/// ChaCha8 keyed with the BLAKE3 digest of seed and path, so that a layer starts the same
/// whatever else the network has. Clones share the values.
#[derive(Debug, Clone)]
pub struct Parameters {
    seed: u64,
    device: Device,
    precision: Precision,
    variables: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl Parameters {
    /// No parameters yet; those to come live on the CPU.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::on(seed, &Device::Cpu)
    }

    /// No parameters yet; those to come live on a device, and so must the inputs of the network.
    /// Their initial values are the same on every device.
    #[must_use]
    pub fn on(seed: u64, device: &Device) -> Self {
        Self {
            seed,
            device: device.clone(),
            precision: Precision::default(),
            variables: Arc::default(),
        }
    }

    /// The same parameters for networks that convolve in numbers of choice on a GPU. The
    /// parameters themselves are `f32` always.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Where the parameters live.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// In which numbers networks of these parameters convolve on a GPU.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// A builder of layers that train.
    #[must_use]
    pub fn builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, self.device.clone())
    }

    /// A builder of layers that do not: the values are shared, but no operation on them is
    /// recorded, so that neither time nor memory goes into gradients nobody wants.
    #[must_use]
    pub fn frozen_builder(&self) -> VarBuilder<'static> {
        let backend = Box::new(Frozen(self.clone()));
        VarBuilder::from_backend(backend, DType::F32, self.device.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        // A map of finished variables is sound wherever its holder stopped.
        self.variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// One parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Var> {
        self.lock().get(name).cloned()
    }

    /// Every parameter by path.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Var> {
        self.lock().clone()
    }

    /// Paths and shapes.
    #[must_use]
    pub fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        self.lock()
            .iter()
            .map(|(name, var)| (name.clone(), var.dims().to_vec()))
            .collect()
    }

    /// How many numbers there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().values().map(|var| var.elem_count()).sum()
    }

    /// Give a parameter new values.
    ///
    /// # Errors
    /// No parameter of this name, or another shape.
    pub fn set(&self, name: &str, values: &Tensor) -> Result<()> {
        let Some(var) = self.get(name) else {
            bail!("there is no parameter {name}: build the network before its weights are set")
        };
        if var.dims() != values.dims() {
            bail!("{name} has shape {:?}, not {:?}", var.dims(), values.dims());
        }
        let values = values.to_dtype(DType::F32)?.contiguous()?;
        var.set(&values.to_device(&self.device)?)
    }

    fn stream(&self, name: &str) -> ChaCha8Rng {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(name.as_bytes());
        ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
    }

    fn initial(&self, shape: Shape, name: &str, init: Init) -> Result<Tensor> {
        let mut rng = self.stream(name);
        let (center, spread, shaped) = match init {
            Init::Const(value) => return Tensor::full(value as f32, shape, &self.device),
            Init::Randn { mean, stdev } => (mean, stdev, NormalOrUniform::Normal),
            Init::Uniform { lo, up } => {
                ((lo + up) / 2.0, (up - lo) / 2.0, NormalOrUniform::Uniform)
            }
            Init::Kaiming {
                dist,
                fan,
                non_linearity,
            } => {
                let deviation = non_linearity.gain() / (fan.for_shape(&shape).max(1) as f64).sqrt();
                match dist {
                    NormalOrUniform::Normal => (0.0, deviation, dist),
                    NormalOrUniform::Uniform => (0.0, 3f64.sqrt() * deviation, dist),
                }
            }
        };
        let values: Vec<f32> = (0..shape.elem_count())
            .map(|_| {
                let draw = match shaped {
                    NormalOrUniform::Normal => normal(&mut rng),
                    NormalOrUniform::Uniform => 2.0 * unit(&mut rng) - 1.0,
                };
                (center + spread * draw) as f32
            })
            .collect();
        Tensor::from_vec(values, shape, &self.device)
    }
}

/// Standard normal (Box and Muller, Ann Math Stat 1958;29:610-611), with `libm`'s functions
/// because those of the system differ from machine to machine.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - unit(rng))).sqrt();
    radius * libm::cos(std::f64::consts::TAU * unit(rng))
}

impl SimpleBackend for Parameters {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        if dtype != DType::F32 || !device.same_device(&self.device) {
            bail!(
                "parameter {name}: parameters are kept as f32 on {:?}",
                self.device.location()
            );
        }
        if let Some(var) = Parameters::get(self, name) {
            if var.shape() != &shape {
                return Err(Error::UnexpectedShape {
                    msg: format!("parameter {name} was made for another layer"),
                    expected: shape,
                    got: var.shape().clone(),
                });
            }
            return Ok(var.as_tensor().clone());
        }
        let var = Var::from_tensor(&self.initial(shape, name, init)?)?;
        self.lock().insert(name.to_owned(), var.clone());
        Ok(var.as_tensor().clone())
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        match Parameters::get(self, name) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => Err(Error::CannotFindTensor {
                path: name.to_owned(),
            }),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }
}

/// The same values without a record of what is done with them.
struct Frozen(Parameters);

impl SimpleBackend for Frozen {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        Ok(SimpleBackend::get(&self.0, shape, name, init, dtype, device)?.detach())
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        Ok(self.0.get_unchecked(name, dtype, device)?.detach())
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.contains_tensor(name)
    }
}
