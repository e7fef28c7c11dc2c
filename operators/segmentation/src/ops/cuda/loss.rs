//! The sums and the gradient of Dice with cross-entropy.

use candle_core::{
    CudaDevice, CudaStorage, DType, Error, Layout, Result, Tensor, backend::BackendStorage,
    cuda_backend::cudarc::driver::CudaSlice,
};

use super::{
    f32_view,
    launch::{blocks, launch, parts, threads},
    on_gpu,
    sums::{scratch, sum_parts},
    tensor, view,
};
use crate::kernels::loss::{Head, LossShape, LossSums, Membership, Overlap, UnknownLabel};

/// As `SOFTMAX` in `loss.cu`, and anything else.
fn code(head: Head) -> i32 {
    match head {
        Head::Softmax => 0,
        Head::Sigmoid => 1,
    }
}

/// To which channels labels belong, on a device.
struct Table {
    bits: CudaSlice<u64>,
    length: i64,
    /// The label to ignore, or -1.
    ignore: i64,
}

impl Table {
    fn new(device: &CudaDevice, membership: &Membership) -> Result<Self> {
        Ok(Self {
            bits: device.clone_htod(membership.table())?,
            length: membership.table().len() as i64,
            ignore: membership.ignore().map_or(-1, i64::from),
        })
    }
}

/// The labels as `u32` without gaps.
fn labels(target: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Layout)> {
    Ok((
        target.to_dtype(layout, DType::U32)?,
        Layout::contiguous(layout.shape()),
    ))
}

/// The sums that make the loss.
pub(in crate::ops) fn loss_sums(
    name: &str,
    head: Head,
    shape: LossShape,
    membership: &Membership,
    logits: (&CudaStorage, &Layout),
    target: (&CudaStorage, &Layout),
) -> Result<LossSums> {
    let LossShape {
        samples,
        channels,
        voxels,
    } = shape;
    let device = &logits.0.device;
    let logits = f32_view(name, logits.0, logits.1)?;
    let (target, target_layout) = labels(target.0, target.1)?;
    let target = view::<u32>(name, &target, &target_layout)?;
    let table = Table::new(device, membership)?;
    let count = parts(voxels);
    let of_softmax = match head {
        Head::Softmax => samples * voxels,
        Head::Sigmoid => 1,
    };
    let mut bits = scratch::<u64>(device, samples * voxels)?;
    let mut largest = scratch::<f32>(device, of_softmax)?;
    let mut total = scratch::<f32>(device, of_softmax)?;
    let mut entropies = scratch::<f64>(device, samples * count * 2)?;
    let mut unknown = scratch::<i64>(device, samples * count)?;
    let (code, per_part) = (code(head), count as i64);
    let (all_channels, all_voxels) = (channels as i64, voxels as i64);
    launch!(
        device,
        LOSS,
        "loss_entropy",
        blocks(samples * count)?,
        [
            &code,
            &logits,
            &target,
            &table.bits,
            &table.length,
            &table.ignore,
            &all_channels,
            &all_voxels,
            &per_part,
            &mut bits,
            &mut largest,
            &mut total,
            &mut entropies,
            &mut unknown
        ]
    );
    let mut overlaps = scratch::<f64>(device, samples * channels * count * 3)?;
    launch!(
        device,
        LOSS,
        "loss_overlaps",
        blocks(samples * channels * count)?,
        [
            &code,
            &logits,
            &bits,
            &largest,
            &total,
            &all_channels,
            &all_voxels,
            &per_part,
            &mut overlaps
        ]
    );
    let entropies = sum_parts(device, &entropies, 1, samples * count, 2)?;
    let overlaps = sum_parts(device, &overlaps, samples * channels, count, 3)?;
    let unknown = device.clone_dtoh(&unknown)?;
    if let Some(label) = unknown
        .into_iter()
        .find_map(|label| u32::try_from(label).ok())
    {
        return Err(Error::wrap(UnknownLabel { label, channels }));
    }
    let entropies = device.clone_dtoh(&entropies)?;
    let overlaps = device.clone_dtoh(&overlaps)?;
    Ok(LossSums {
        overlaps: overlaps
            .chunks_exact(3)
            .map(|sums| Overlap {
                common: sums[0],
                predicted: sums[1],
                target: sums[2],
            })
            .collect(),
        entropy: entropies[0],
        voxels: entropies[1] as usize,
    })
}

/// The gradient to the logits.
#[allow(clippy::too_many_arguments)]
pub(in crate::ops) fn loss_gradient(
    name: &str,
    head: Head,
    shape: LossShape,
    membership: &Membership,
    sums: &LossSums,
    logits: &Tensor,
    target: &Tensor,
    grad_loss: f64,
) -> Result<Tensor> {
    let (logits_storage, logits_layout) = logits.storage_and_layout();
    let (target_storage, target_layout) = target.storage_and_layout();
    let logits_storage = on_gpu(name, &logits_storage)?;
    let device = &logits_storage.device;
    let logits_view = f32_view(name, logits_storage, logits_layout)?;
    let (labels, labels_layout) = labels(on_gpu(name, &target_storage)?, target_layout)?;
    let labels = view::<u32>(name, &labels, &labels_layout)?;
    let table = Table::new(device, membership)?;
    let lines: Vec<f32> = sums
        .lines(head, shape, grad_loss)
        .into_iter()
        .flat_map(|(slope, offset)| [slope, offset])
        .collect();
    let lines = device.clone_htod(&lines)?;
    let entropy = sums.entropy_gradient(head, shape, grad_loss);
    let mut grad = scratch::<f32>(device, logits.elem_count())?;
    let code = code(head);
    let (samples, channels) = (shape.samples as i64, shape.channels as i64);
    let voxels = shape.voxels as i64;
    launch!(
        device,
        LOSS,
        "loss_gradient",
        threads(shape.samples * shape.voxels)?,
        [
            &code,
            &logits_view,
            &labels,
            &table.bits,
            &table.length,
            &table.ignore,
            &lines,
            &entropy,
            &samples,
            &channels,
            &voxels,
            &mut grad
        ]
    );
    Ok(tensor(grad, device, logits.shape()))
}
