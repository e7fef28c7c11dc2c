//! Writing and reading checkpoints.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{
    CARD_FORMAT, Card, Expected, WeightsError,
    digest::{bytes, digest},
};
use crate::network::Parameters;

/// Where the card is in a file's metadata.
const CARD_KEY: &str = "renalflow.card";

/// A card and its weights.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// What the weights are for.
    pub card: Card,
    /// The weights by path, `f32` on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
}

/// Write all parameters with a card, and return the card with their digest.
///
/// The file is whole or not there: it is written under another name in the same folder, forced
/// to the disk and renamed. The same parameters and card give the same bytes.
///
/// # Errors
/// Parameters that are not finite, and what the file system says.
pub fn save(path: &Path, parameters: &Parameters, mut card: Card) -> Result<Card, WeightsError> {
    let mut tensors = BTreeMap::new();
    let mut buffers = Vec::new();
    for (name, var) in parameters.all() {
        let tensor = var.as_tensor().detach();
        let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
        if values.iter().any(|v| !v.is_finite()) {
            return Err(WeightsError::NotFinite { name });
        }
        buffers.push((name.clone(), tensor.dims().to_vec(), bytes(&values)));
        tensors.insert(name, tensor);
    }
    card.digest = digest(&tensors)?;
    let broken = |cause: String| WeightsError::Card {
        path: path.to_owned(),
        cause,
    };
    let text = serde_json::to_string(&card).map_err(|e| broken(e.to_string()))?;
    let mut views = Vec::with_capacity(buffers.len());
    for (name, shape, data) in &buffers {
        let view = TensorView::new(Dtype::F32, shape.clone(), data);
        views.push((name, view.map_err(|e| broken(e.to_string()))?));
    }
    let metadata = HashMap::from([(CARD_KEY.to_owned(), text)]);
    let file = safetensors::serialize(views, Some(metadata)).map_err(|e| broken(e.to_string()))?;
    write_whole(path, &file)?;
    Ok(card)
}

/// Write a file that is never seen half-written.
fn write_whole(path: &Path, contents: &[u8]) -> Result<(), WeightsError> {
    let fail = |action: &'static str, path: &Path| {
        let path = path.to_owned();
        move |cause: std::io::Error| WeightsError::Io {
            action,
            path,
            cause,
        }
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = File::create(&part)
        .and_then(|mut file| {
            file.write_all(contents)?;
            file.sync_all()
        })
        .map_err(fail("writing", &part))
        .and_then(|()| fs::rename(&part, path).map_err(fail("renaming to", path)));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&part);
        return written;
    }
    // The new name is on the disk once its folder is.
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(fail("syncing", folder))
}

/// Read the card of a checkpoint without its weights, whose digest is not checked.
///
/// # Errors
/// A file that is absent, cut off or no checkpoint of ours.
pub fn load_card(path: &Path) -> Result<Card, WeightsError> {
    let file = read(path)?;
    let (_, header) =
        SafeTensors::read_metadata(&file).map_err(|error| WeightsError::Unreadable {
            path: path.to_owned(),
            cause: error.to_string(),
        })?;
    read_card(path, header.metadata().as_ref())
}

fn read(path: &Path) -> Result<Vec<u8>, WeightsError> {
    fs::read(path).map_err(|cause| WeightsError::Io {
        action: "reading",
        path: path.to_owned(),
        cause,
    })
}

/// Read a checkpoint, whatever it is for, and check its digest.
///
/// # Errors
/// A file that is absent, cut off, altered or no checkpoint of ours.
pub fn load(path: &Path) -> Result<Checkpoint, WeightsError> {
    let file = read(path)?;
    let unreadable = |cause: String| WeightsError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let (_, header) = SafeTensors::read_metadata(&file).map_err(|e| unreadable(e.to_string()))?;
    let parsed = SafeTensors::deserialize(&file).map_err(|e| unreadable(e.to_string()))?;
    let card = read_card(path, header.metadata().as_ref())?;
    let mut tensors = BTreeMap::new();
    for (name, view) in parsed.iter() {
        if view.dtype() != Dtype::F32 {
            let cause = format!("{name} is {:?}, must be F32", view.dtype());
            return Err(unreadable(cause));
        }
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let tensor = Tensor::from_vec(values, view.shape(), &Device::Cpu)?;
        tensors.insert(name.to_owned(), tensor);
    }
    let found = digest(&tensors)?;
    if found != card.digest {
        return Err(WeightsError::Digest {
            path: path.to_owned(),
            found,
            expected: card.digest,
        });
    }
    Ok(Checkpoint { card, tensors })
}

fn read_card(
    path: &Path,
    metadata: Option<&HashMap<String, String>>,
) -> Result<Card, WeightsError> {
    let fail = |cause: String| WeightsError::Card {
        path: path.to_owned(),
        cause,
    };
    let Some(text) = metadata.and_then(|metadata| metadata.get(CARD_KEY)) else {
        return Err(fail(format!(
            "it has no {CARD_KEY} in its metadata: it is not from renalflow; train the network here"
        )));
    };
    // The version first: a later card may have fields that this code does not know.
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|e| fail(format!("its card is no JSON: {e}")))?;
    let format = value.get("format").and_then(serde_json::Value::as_u64);
    if format != Some(u64::from(CARD_FORMAT)) {
        let format = format.map_or("none".to_owned(), |format| format.to_string());
        return Err(fail(format!(
            "its card has version {format}, this program reads {CARD_FORMAT}: use the program \
             that wrote it, or train again"
        )));
    }
    serde_json::from_value(value)
        .map_err(|e| fail(format!("its card cannot be read: {e}; train again")))
}

impl Checkpoint {
    /// Check the card against what is asked.
    ///
    /// # Errors
    /// Every field that differs, with both values and what to do.
    pub fn check(&self, path: &Path, expected: Expected<'_>) -> Result<(), WeightsError> {
        let differences = expected.differences(&self.card);
        if differences.is_empty() {
            return Ok(());
        }
        Err(WeightsError::Mismatch {
            path: path.to_owned(),
            differences,
        })
    }

    /// Give the weights to a network that was built.
    ///
    /// # Errors
    /// Each missing, superfluous or mis-shaped tensor; then nothing is changed.
    pub fn apply(&self, path: &Path, parameters: &Parameters) -> Result<(), WeightsError> {
        let own = parameters.shapes();
        let mut problems = Vec::new();
        for (name, shape) in &own {
            match self.tensors.get(name) {
                None => problems.push(format!("{name} {shape:?} is missing")),
                Some(tensor) if tensor.dims() != shape => problems.push(format!(
                    "{name} has shape {:?}, the network {shape:?}",
                    tensor.dims()
                )),
                Some(_) => {}
            }
        }
        for (name, tensor) in &self.tensors {
            if !own.contains_key(name) {
                problems.push(format!("{name} {:?} is not in the network", tensor.dims()));
            }
        }
        if !problems.is_empty() {
            return Err(WeightsError::Tensors {
                path: PathBuf::from(path),
                problems,
            });
        }
        for (name, tensor) in &self.tensors {
            parameters.set(name, tensor)?;
        }
        Ok(())
    }
}
