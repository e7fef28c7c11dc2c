//! 3D convolutions by cuDNN, on its descriptors of any rank.
//!
//! The algorithms are fixed, not picked by measuring or by cuDNN's heuristics: those that its
//! documentation calls deterministic and that know three dimensions and tensor cores. So the
//! same card gives the same bits on every run.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use candle_core::{
    CudaDevice, Error, Result, WithDType, bail,
    cuda_backend::{
        CudaDType, DeviceId,
        cudarc::{
            cudnn::{
                ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn,
                CudnnDataType, CudnnError, FilterDescriptor, TensorDescriptor,
                sys::{
                    cudnnConvolutionBwdDataAlgo_t as ToInput,
                    cudnnConvolutionBwdFilterAlgo_t as ToWeight,
                    cudnnConvolutionFwdAlgo_t as Forward, cudnnConvolutionMode_t as Mode,
                    cudnnMathType_t as Math, cudnnTensorFormat_t as Format,
                },
            },
            driver::{CudaSlice, CudaView, DeviceRepr},
        },
    },
};

use super::{launch::int, sums::scratch};
use crate::kernels::conv::ConvShape;

thread_local! {
    // A handle belongs to one thread and one device; making it takes a while.
    static HANDLES: RefCell<HashMap<DeviceId, Arc<Cudnn>>> = RefCell::default();
}

fn handle(device: &CudaDevice) -> Result<Arc<Cudnn>> {
    HANDLES.with(|handles| {
        if let Some(handle) = handles.borrow().get(&device.id()) {
            return Ok(handle.clone());
        }
        let handle = Cudnn::new(device.cuda_stream())?;
        handles.borrow_mut().insert(device.id(), handle.clone());
        Ok(handle)
    })
}

/// Numbers that cuDNN convolves.
pub(super) trait Number: CudaDType + CudnnDataType + DeviceRepr + WithDType {}
impl<T: CudaDType + CudnnDataType + DeviceRepr + WithDType> Number for T {}

/// One convolution of elements `T`, summed in `C`.
pub(super) struct Convolution<'a, T, C> {
    shape: &'a ConvShape,
    device: &'a CudaDevice,
    conv: ConvDescriptor<C>,
    x: TensorDescriptor<T>,
    weight: FilterDescriptor<T>,
    y: TensorDescriptor<T>,
}

impl<'a, T: Number, C: CudnnDataType> Convolution<'a, T, C> {
    pub(super) fn new(device: &'a CudaDevice, shape: &'a ConvShape, math: Math) -> Result<Self> {
        if shape.len_in() == 0 || shape.len_out() == 0 || shape.len_weight() == 0 {
            bail!("a convolution of {shape:?} has no voxel: check the crop");
        }
        let ConvShape {
            batch,
            channels_in,
            channels_out,
            size_in,
            size_out,
            kernel,
            stride,
            padding,
        } = *shape;
        let handle = handle(device)?;
        let mut conv = handle.create_convnd::<C>(
            &ints(padding)?,
            &ints(stride)?,
            &[1; 3],
            Mode::CUDNN_CROSS_CORRELATION,
        )?;
        conv.set_math_type(math)?;
        let [d, h, w] = kernel;
        let weight = handle.create_5d_filter::<T>(
            Format::CUDNN_TENSOR_NCHW,
            ints([channels_out, channels_in, d, h, w])?,
        )?;
        Ok(Self {
            shape,
            device,
            conv,
            x: contiguous(&handle, batch, channels_in, size_in)?,
            weight,
            y: contiguous(&handle, batch, channels_out, size_out)?,
        })
    }

    /// The convolution of `x` `[N, I, D, H, W]` with `weight` `[O, I, kD, kH, kW]`.
    pub(super) fn forward(
        &self,
        x: &CudaView<'_, T>,
        weight: &CudaView<'_, T>,
    ) -> Result<CudaSlice<T>> {
        let pass = ConvForward {
            conv: &self.conv,
            x: &self.x,
            w: &self.weight,
            y: &self.y,
        };
        self.run(
            "convolution",
            self.shape.len_out(),
            &[
                Forward::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
                Forward::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
            ],
            |algorithm| pass.get_workspace_size(algorithm),
            |algorithm, workspace, scale, y| {
                // SAFETY: views and result are as long as the descriptors say, and the workspace
                // as long as cuDNN asked for.
                unsafe { pass.launch(algorithm, workspace, scale, x, weight, y) }
            },
        )
    }

    /// The gradient to the input, `[N, I, D, H, W]`, which is also the transposed convolution.
    pub(super) fn to_input(
        &self,
        grad_y: &CudaView<'_, T>,
        weight: &CudaView<'_, T>,
    ) -> Result<CudaSlice<T>> {
        let pass = ConvBackwardData {
            conv: &self.conv,
            dx: &self.x,
            w: &self.weight,
            dy: &self.y,
        };
        self.run(
            "gradient of a convolution to its input",
            self.shape.len_in(),
            &[ToInput::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1],
            |algorithm| pass.get_workspace_size(algorithm),
            |algorithm, workspace, scale, grad_x| {
                // SAFETY: as in `forward`.
                unsafe { pass.launch(algorithm, workspace, scale, grad_x, weight, grad_y) }
            },
        )
    }

    /// The gradient to the weights, `[O, I, kD, kH, kW]`.
    pub(super) fn to_weight(
        &self,
        x: &CudaView<'_, T>,
        grad_y: &CudaView<'_, T>,
    ) -> Result<CudaSlice<T>> {
        let pass = ConvBackwardFilter {
            conv: &self.conv,
            x: &self.x,
            dw: &self.weight,
            dy: &self.y,
        };
        self.run(
            "gradient of a convolution to its weights",
            self.shape.len_weight(),
            &[ToWeight::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1],
            |algorithm| pass.get_workspace_size(algorithm),
            |algorithm, workspace, scale, grad_weight| {
                // SAFETY: as in `forward`.
                unsafe { pass.launch(algorithm, workspace, scale, x, grad_weight, grad_y) }
            },
        )
    }

    /// One pass into new memory of `len` elements, by the first algorithm that cuDNN has for
    /// these sizes and numbers. `launch` gets the algorithm, the memory that it works in, the
    /// factors of what it computes and of what was there before (1 and 0), and the result.
    fn run<A: Copy>(
        &self,
        what: &str,
        len: usize,
        algorithms: &[A],
        workspace: impl Fn(A) -> std::result::Result<usize, CudnnError>,
        launch: impl FnOnce(
            A,
            Option<&mut CudaSlice<u8>>,
            (T, T),
            &mut CudaSlice<T>,
        ) -> std::result::Result<(), CudnnError>,
    ) -> Result<CudaSlice<T>> {
        let mut reason = None;
        for &algorithm in algorithms {
            let bytes = match workspace(algorithm) {
                Ok(bytes) => bytes,
                Err(error) => {
                    reason = Some(error);
                    continue;
                }
            };
            let mut memory = match bytes {
                0 => None,
                bytes => Some(scratch::<u8>(self.device, bytes)?),
            };
            let mut result = scratch::<T>(self.device, len)?;
            let scale = (T::one(), T::zero());
            launch(algorithm, memory.as_mut(), scale, &mut result)?;
            return Ok(result);
        }
        Err(Error::Msg(format!(
            "cuDNN has no deterministic {what} in {:?} of {:?}: {}; try the precision f32, or a CPU",
            T::DTYPE,
            self.shape,
            reason.map_or_else(String::new, |error| error.to_string())
        )))
    }
}

fn ints<const N: usize>(sizes: [usize; N]) -> Result<[i32; N]> {
    let mut out = [0; N];
    for (out, size) in out.iter_mut().zip(sizes) {
        *out = int(size)?;
    }
    Ok(out)
}

/// `[N, C, D, H, W]` without gaps.
fn contiguous<T: CudnnDataType>(
    handle: &Arc<Cudnn>,
    batch: usize,
    channels: usize,
    [d, h, w]: [usize; 3],
) -> Result<TensorDescriptor<T>> {
    let sample = channels * d * h * w;
    if i32::try_from(batch * sample).is_err() {
        bail!(
            "cuDNN counts to 2^31, and a tensor {:?} has more elements: take a smaller batch or patch",
            [batch, channels, d, h, w]
        );
    }
    let dims = ints([batch, channels, d, h, w])?;
    let strides = ints([sample, d * h * w, h * w, w, 1])?;
    Ok(handle.create_nd_tensor::<T>(&dims, &strides)?)
}
