//! One number for all weights.

use std::collections::BTreeMap;

use candle_core::{DType, Result, Tensor};

/// BLAKE3 over name, shape and little-endian `f32` values of every tensor, by name.
///
/// # Errors
/// Tensors that cannot be read as `f32`.
pub fn digest(tensors: &BTreeMap<String, Tensor>) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    for (name, tensor) in tensors {
        let mut number = |n: usize| {
            hasher.update(&(n as u64).to_le_bytes());
        };
        number(name.len());
        number(tensor.rank());
        tensor.dims().iter().for_each(|&extent| number(extent));
        hasher.update(name.as_bytes());
        let values: Vec<f32> = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        hasher.update(&bytes(&values));
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Little-endian bytes, whatever the machine.
pub(super) fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
