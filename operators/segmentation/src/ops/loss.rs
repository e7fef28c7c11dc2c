//! Dice and cross-entropy as differentiable operations.

use std::sync::OnceLock;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, DType, Error, Layout, Result, Shape, Tensor, bail};

#[cfg(feature = "cuda")]
use super::cuda;
use super::slices::{dims5, f32_slice, tensor, with_f32};
use crate::kernels::loss::{self, Head, LossShape, LossSums, Membership};

/// Cross-entropy less the mean soft Dice of the foreground classes (formula in
/// [`crate::kernels::loss`]): from about `ln C` for ignorance to -1 for perfection.
///
/// Voxels labelled `ignore` count nowhere; where all are, the loss is -1 and has no gradient.
///
/// # Shapes
/// `logits` `[N, C, D, H, W]`, channel 0 the background; `target` `[N, D, H, W]`, whole
/// numbers below `C` (`u8` and `u32` are taken as they are). The result is a scalar.
///
/// # Errors
/// Shapes that do not fit, fewer than two channels, labels of no class.
pub fn dice_ce(logits: &Tensor, target: &Tensor, ignore: Option<u32>) -> Result<Tensor> {
    let [_, channels, ..] = dims5("dice_ce", logits)?;
    if channels < 2 {
        bail!("dice_ce wants a background and at least one class; for one region take dice_bce");
    }
    let Some(membership) = Membership::classes(channels, ignore) else {
        bail!(
            "dice_ce: {channels} classes, at most {} work",
            Membership::MAX_CHANNELS
        );
    };
    run("dice_ce", Head::Softmax, logits, target, membership)
}

/// Binary cross-entropy less the mean soft Dice of nested regions, each a set of labels
/// (formula in [`crate::kernels::loss`]).
///
/// # Shapes
/// `logits` `[N, R, D, H, W]` for `R` regions, otherwise as [`dice_ce`].
///
/// # Errors
/// As [`dice_ce`], and regions that are not as many as the channels.
pub fn dice_bce(
    logits: &Tensor,
    target: &Tensor,
    regions: &[Vec<u32>],
    ignore: Option<u32>,
) -> Result<Tensor> {
    let [_, channels, ..] = dims5("dice_bce", logits)?;
    if regions.len() != channels {
        bail!(
            "dice_bce: {} regions for {channels} channels: name the labels of each channel",
            regions.len()
        );
    }
    let Some(membership) = Membership::regions(regions, ignore) else {
        bail!(
            "dice_bce: at most {} regions of labels up to {} work",
            Membership::MAX_CHANNELS,
            Membership::MAX_LABEL
        );
    };
    run("dice_bce", Head::Sigmoid, logits, target, membership)
}

fn run(
    name: &'static str,
    head: Head,
    logits: &Tensor,
    target: &Tensor,
    membership: Membership,
) -> Result<Tensor> {
    let [samples, channels, depth, height, width] = dims5(name, logits)?;
    if target.dims() != [samples, depth, height, width] {
        bail!(
            "{name}: the target has shape {:?}, the logits {:?}: the target must be {:?}",
            target.dims(),
            logits.dims(),
            [samples, depth, height, width]
        );
    }
    let target = match target.dtype() {
        DType::U8 | DType::U32 => target.contiguous()?,
        _ => target.detach().to_dtype(DType::U32)?.contiguous()?,
    };
    let shape = LossShape {
        samples,
        channels,
        voxels: depth * height * width,
    };
    let op = Loss {
        name,
        head,
        shape,
        membership,
        sums: OnceLock::new(),
    };
    logits.contiguous()?.apply_op2(&target, op)
}

struct Loss {
    name: &'static str,
    head: Head,
    shape: LossShape,
    membership: Membership,
    /// Kept from the forward pass for the backward pass.
    sums: OnceLock<LossSums>,
}

impl Loss {
    fn sums(&self, logits: &[f32], labels: &Labels<'_>) -> Result<LossSums> {
        let (head, shape) = (self.head, self.shape);
        match labels {
            Labels::U8(labels) => loss::sums(head, shape, logits, labels, &self.membership),
            Labels::U32(labels) => loss::sums(head, shape, logits, labels, &self.membership),
        }
        .map_err(Error::wrap)
    }

    fn labels<'a>(&self, storage: &'a CpuStorage, layout: &Layout) -> Result<Labels<'a>> {
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!(
                "{} wants a contiguous target: call contiguous() first",
                self.name
            )
        };
        match storage {
            CpuStorage::U8(labels) => Ok(Labels::U8(&labels[start..end])),
            CpuStorage::U32(labels) => Ok(Labels::U32(&labels[start..end])),
            _ => bail!("{} wants labels as u8 or u32", self.name),
        }
    }
}

enum Labels<'a> {
    U8(&'a [u8]),
    U32(&'a [u32]),
}

impl CustomOp2 for Loss {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        logits_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let logits = f32_slice(self.name, logits, logits_layout)?;
        let sums = self.sums(logits, &self.labels(target, target_layout)?)?;
        let loss = sums.loss(self.head, self.shape) as f32;
        self.sums.get_or_init(|| sums);
        Ok((CpuStorage::F32(vec![loss]), Shape::from(())))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        logits: &CudaStorage,
        logits_layout: &Layout,
        target: &CudaStorage,
        target_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        use candle_core::backend::BackendDevice;
        let (on, target) = ((logits, logits_layout), (target, target_layout));
        let (head, shape) = (self.head, self.shape);
        let sums = cuda::loss_sums(self.name, head, shape, &self.membership, on, target)?;
        let loss = sums.loss(head, shape) as f32;
        self.sums.get_or_init(|| sums);
        let loss = logits.device.storage_from_slice(&[loss])?;
        Ok((loss, Shape::from(())))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        target: &Tensor,
        _loss: &Tensor,
        grad_loss: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        #[cfg(feature = "cuda")]
        if logits.device().is_cuda() {
            let Some(sums) = self.sums.get() else {
                bail!("{}: a backward pass without a forward pass", self.name)
            };
            let grad_loss = f64::from(grad_loss.to_dtype(DType::F32)?.to_scalar::<f32>()?);
            let (head, shape) = (self.head, self.shape);
            let membership = &self.membership;
            let name = self.name;
            let grad = cuda::loss_gradient(
                name, head, shape, membership, sums, logits, target, grad_loss,
            )?;
            return Ok((Some(grad), None));
        }
        let grad_loss = f64::from(with_f32(self.name, grad_loss, |g| Ok(g[0]))?);
        let mut grad = vec![0f32; logits.elem_count()];
        let (storage, layout) = target.storage_and_layout();
        let candle_core::Storage::Cpu(storage) = &*storage else {
            bail!("{} runs on the CPU only: move its inputs there", self.name)
        };
        let labels = self.labels(storage, layout)?;
        with_f32(self.name, logits, |logits| {
            let sums = match self.sums.get() {
                Some(sums) => sums,
                None => {
                    let sums = self.sums(logits, &labels)?;
                    self.sums.get_or_init(|| sums)
                }
            };
            let (head, shape, membership) = (self.head, self.shape, &self.membership);
            match labels {
                Labels::U8(labels) => loss::gradient(
                    head, shape, logits, labels, membership, sums, grad_loss, &mut grad,
                ),
                Labels::U32(labels) => loss::gradient(
                    head, shape, logits, labels, membership, sums, grad_loss, &mut grad,
                ),
            }
            .map_err(Error::wrap)
        })?;
        Ok((Some(tensor(grad, logits)?), None))
    }
}
