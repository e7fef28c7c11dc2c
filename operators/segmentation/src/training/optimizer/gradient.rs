//! Gradients by name, and their length.

use candle_core::{CpuStorage, DType, Result, Storage, Tensor, backprop::GradStore};

use super::{Named, Parameters};

/// The gradients of the parameters that took part in a loss; the others are left out.
#[must_use]
pub fn named(parameters: &Parameters, gradients: &GradStore) -> Named {
    parameters
        .iter()
        .filter_map(|(name, parameter)| Some((name.clone(), gradients.get(parameter)?.clone())))
        .collect()
}

/// The Euclidean length of all gradients together. Summed in `f64` in the order of the names and
/// of the elements, so it has the same bits on any number of threads.
///
/// # Errors
/// A tensor that cannot be read.
pub fn global_norm(gradients: &Named) -> Result<f64> {
    let mut total = 0.0;
    for gradient in gradients.values() {
        total += sum_of_squares(gradient)?;
    }
    Ok(total.sqrt())
}

/// What gradients of a length are to be multiplied with to be no longer than `longest`, as
/// PyTorch's `clip_grad_norm_` has it.
#[must_use]
pub fn clip_scale(norm: f64, longest: f64) -> f64 {
    (longest / (norm + 1e-6)).min(1.0)
}

fn sum_of_squares(tensor: &Tensor) -> Result<f64> {
    let tensor = tensor.contiguous()?;
    {
        let (storage, layout) = tensor.storage_and_layout();
        if let (Storage::Cpu(storage), Some((start, end))) =
            (&*storage, layout.contiguous_offsets())
        {
            match storage {
                CpuStorage::F32(values) => return Ok(squares(&values[start..end])),
                CpuStorage::F64(values) => return Ok(squares(&values[start..end])),
                _ => {}
            }
        }
    }
    tensor
        .to_dtype(DType::F64)?
        .sqr()?
        .sum_all()?
        .to_scalar::<f64>()
}

/// Eight running sums, so that the additions do not wait for each other.
fn squares<T: Copy + Into<f64>>(values: &[T]) -> f64 {
    let mut sums = [0.0f64; 8];
    let mut eights = values.chunks_exact(8);
    for eight in &mut eights {
        for (sum, value) in sums.iter_mut().zip(eight) {
            let value: f64 = (*value).into();
            *sum += value * value;
        }
    }
    for (sum, value) in sums.iter_mut().zip(eights.remainder()) {
        let value: f64 = (*value).into();
        *sum += value * value;
    }
    sums.iter().sum()
}
