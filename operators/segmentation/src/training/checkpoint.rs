//! A training on disk: everything that the next step depends on, in one safetensors file.
//!
//! Written beside the old file, synced and renamed over it: a kill or a full disk at any moment
//! leaves the old file or the new one, whole.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::Write,
    path::Path,
};

use candle_core::{CpuStorage, DType, Device, Storage, Tensor};
use safetensors::{Dtype, SafeTensors, View};

use super::{
    error::TrainingError,
    optimizer::{Named, Parameters},
    progress::Progress,
};

/// Metadata entry: the BLAKE3 digest of everything, a line feed, the progress as JSON.
const KEY: &str = "renalflow-training";

/// What a checkpoint holds.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The network's parameters by name.
    pub parameters: Named,
    /// The optimiser's state by name.
    pub optimizer: Named,
    /// How far the training is.
    pub progress: Progress,
}

impl Checkpoint {
    /// Write it, whole or not at all.
    ///
    /// # Errors
    /// An element type other than `f32`, `f64` and `u32`; a folder that cannot be written; a full
    /// disk. The file that was there before stays.
    pub fn write(&self, file: &Path) -> Result<(), TrainingError> {
        let refuse = |cause: String| TrainingError::Write {
            file: file.to_owned(),
            cause,
        };
        let mut entries: BTreeMap<String, Bytes> = BTreeMap::new();
        for (prefix, tensors) in [("model", &self.parameters), ("optimizer", &self.optimizer)] {
            for (name, tensor) in tensors {
                entries.insert(format!("{prefix}/{name}"), Bytes::of(tensor)?);
            }
        }
        let progress = serde_json::to_string(&self.progress).map_err(|e| refuse(e.to_string()))?;
        let digest = digest(
            entries.iter().map(|(n, b)| (n.as_str(), b.data.as_slice())),
            &progress,
        );
        // One entry: several would be written in an order that differs from run to run.
        let metadata = HashMap::from([(KEY.to_owned(), format!("{digest}\n{progress}"))]);
        let bytes =
            safetensors::serialize(entries, Some(metadata)).map_err(|e| refuse(e.to_string()))?;
        write_whole(file, &bytes).map_err(|e| refuse(e.to_string()))
    }

    /// Read it, and check that it is what was written.
    ///
    /// # Errors
    /// No such file, a file cut short or changed, one that is no training checkpoint.
    pub fn read(file: &Path) -> Result<Self, TrainingError> {
        let refuse = |cause: String, fix| TrainingError::Read {
            file: file.to_owned(),
            cause,
            fix,
        };
        let damaged = "the file is damaged or no checkpoint: take the other one of the run folder";
        let bytes = fs::read(file)
            .map_err(|e| refuse(e.to_string(), "check the path, or start without resuming"))?;
        let (_, header) =
            SafeTensors::read_metadata(&bytes).map_err(|e| refuse(e.to_string(), damaged))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let entry = metadata.get(KEY).and_then(|entry| entry.split_once('\n'));
        let Some((expected, text)) = entry else {
            return Err(refuse(
                "it holds weights without a training's progress".to_owned(),
                "resume from a file that a training wrote",
            ));
        };
        let tensors =
            SafeTensors::deserialize(&bytes).map_err(|e| refuse(e.to_string(), damaged))?;
        let sorted: BTreeMap<String, _> = tensors.tensors().into_iter().collect();
        let found = digest(sorted.iter().map(|(n, v)| (n.as_str(), v.data())), text);
        if found != expected {
            return Err(refuse("its digest does not fit".to_owned(), damaged));
        }
        let progress: Progress =
            serde_json::from_str(text).map_err(|e| refuse(e.to_string(), damaged))?;
        let mut checkpoint = Self {
            parameters: Named::new(),
            optimizer: Named::new(),
            progress,
        };
        for (name, view) in &sorted {
            let dtype = match view.dtype() {
                Dtype::F32 => DType::F32,
                Dtype::F64 => DType::F64,
                Dtype::U32 => DType::U32,
                other => return Err(refuse(format!("{name} is {other:?}"), damaged)),
            };
            let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?;
            if let Some(name) = name.strip_prefix("model/") {
                checkpoint.parameters.insert(name.to_owned(), tensor);
            } else if let Some(name) = name.strip_prefix("optimizer/") {
                checkpoint.optimizer.insert(name.to_owned(), tensor);
            }
        }
        Ok(checkpoint)
    }

    /// Give a network the parameters.
    ///
    /// # Errors
    /// A parameter that is missing on either side or has another shape; nothing has changed
    /// then.
    pub fn apply(&self, parameters: &Parameters) -> Result<(), TrainingError> {
        let refuse = |name: &str, cause: String| TrainingError::State {
            what: "parameter",
            name: name.to_owned(),
            cause,
        };
        if let Some(name) = self
            .parameters
            .keys()
            .find(|n| !parameters.contains_key(*n))
        {
            return Err(refuse(name, "the network has none of that name".to_owned()));
        }
        for (name, parameter) in parameters {
            let saved = self
                .parameters
                .get(name)
                .ok_or_else(|| refuse(name, "the checkpoint has none of that name".to_owned()))?;
            if saved.shape() != parameter.shape() || saved.dtype() != parameter.dtype() {
                return Err(refuse(
                    name,
                    format!(
                        "{:?} in the checkpoint, {:?} here",
                        saved.dims(),
                        parameter.dims()
                    ),
                ));
            }
        }
        for (name, parameter) in parameters {
            parameter.set(&self.parameters[name].to_device(parameter.device())?)?;
        }
        Ok(())
    }
}

/// Write a file whole or not at all: beside it, synced, renamed over it.
///
/// # Errors
/// What the file system says; what was there before stays, and nothing else is left behind.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = file.with_file_name(name);
    let written = File::create(&part)
        .and_then(|mut out| {
            out.write_all(bytes)?;
            out.sync_all()
        })
        .and_then(|()| fs::rename(&part, file));
    if let Err(error) = written {
        // What is left of a failed write only takes space; that it cannot be removed says
        // nothing that the first error does not.
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    // The rename itself is on disk once its folder is; not every file system can do that.
    if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
        let _ = File::open(folder).and_then(|f| f.sync_all());
    }
    Ok(())
}

fn digest<'a>(entries: impl Iterator<Item = (&'a str, &'a [u8])>, progress: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, data) in entries {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&(data.len() as u64).to_le_bytes());
        hasher.update(data);
    }
    hasher.update(progress.as_bytes());
    hasher.finalize().to_hex().to_string()
}

struct Bytes {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Bytes {
    fn of(tensor: &Tensor) -> Result<Self, TrainingError> {
        // A copy of its own, so that nothing lies before or after it.
        let tensor = tensor.to_device(&Device::Cpu)?.copy()?.contiguous()?;
        let (storage, _) = tensor.storage_and_layout();
        let (dtype, data) = match &*storage {
            Storage::Cpu(CpuStorage::F32(v)) => (Dtype::F32, bytemuck::cast_slice(v).to_vec()),
            Storage::Cpu(CpuStorage::F64(v)) => (Dtype::F64, bytemuck::cast_slice(v).to_vec()),
            Storage::Cpu(CpuStorage::U32(v)) => (Dtype::U32, bytemuck::cast_slice(v).to_vec()),
            _ => {
                return Err(TrainingError::State {
                    what: "tensor",
                    name: format!("{:?}", tensor.dims()),
                    cause: format!("{:?} cannot be saved", tensor.dtype()),
                });
            }
        };
        Ok(Self {
            dtype,
            shape: tensor.dims().to_vec(),
            data,
        })
    }
}

impl View for Bytes {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.data)
    }
    fn data_len(&self) -> usize {
        self.data.len()
    }
}
