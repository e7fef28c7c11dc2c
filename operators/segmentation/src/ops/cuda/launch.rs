//! Kernels of ours: compiled by NVRTC once a process, loaded once a device, launched by blocks.

use std::sync::OnceLock;

use candle_core::{
    CudaDevice, Error, Result, bail,
    cuda_backend::cudarc::{
        driver::{CudaFunction, LaunchConfig},
        nvrtc::{CompileOptions, compile_ptx_with_opts},
    },
};

/// Threads of a block, as `THREADS` in `common.cuh`.
const THREADS: u32 = 256;
/// Elements that a block reduces, as `PART` in `common.cuh`.
const PART: usize = 16384;
/// The oldest cards that current toolkits know; the driver makes newer code of it.
const ARCHITECTURE: &str = "compute_75";

/// A source file of kernels.
pub(super) struct Topic {
    name: &'static str,
    source: &'static str,
    ptx: OnceLock<String>,
}

macro_rules! topic {
    ($constant:ident, $name:literal) => {
        pub(super) static $constant: Topic = Topic {
            name: concat!("renalflow_", $name),
            source: concat!(
                include_str!("kernels/common.cuh"),
                include_str!(concat!("kernels/", $name, ".cu"))
            ),
            ptx: OnceLock::new(),
        };
    };
}

topic!(ELEMENTWISE, "elementwise");
topic!(LOSS, "loss");
topic!(NORM, "norm");
topic!(POOL, "pool");
topic!(SUMS, "sums");
topic!(UPSAMPLE, "upsample");

impl Topic {
    /// A kernel of the topic, ready to launch.
    pub(super) fn kernel(&self, device: &CudaDevice, name: &str) -> Result<CudaFunction> {
        let ptx = match self.ptx.get() {
            Some(ptx) => ptx,
            None => {
                let compiled = self.compile()?;
                self.ptx.get_or_init(|| compiled)
            }
        };
        let kernel = device.get_or_load_custom_func(name, self.name, ptx)?;
        Ok(kernel.into_cuda_function())
    }

    fn compile(&self) -> Result<String> {
        let options = CompileOptions {
            // Contracted products and sums would differ between forward and backward passes.
            fmad: Some(false),
            arch: Some(ARCHITECTURE),
            name: Some(format!("{}.cu", self.name)),
            ..CompileOptions::default()
        };
        match compile_ptx_with_opts(self.source, options) {
            Ok(ptx) => Ok(ptx.to_src()),
            Err(error) => Err(Error::Msg(format!(
                "the kernels {} do not compile with this machine's NVRTC: {error}",
                self.name
            ))),
        }
    }
}

/// Blocks that reduce a row of `length` elements.
pub(super) fn parts(length: usize) -> usize {
    length.div_ceil(PART)
}

/// A launch of `blocks` blocks.
pub(super) fn blocks(blocks: usize) -> Result<LaunchConfig> {
    match i32::try_from(blocks) {
        Ok(count) if count > 0 => Ok(LaunchConfig {
            grid_dim: (count.unsigned_abs(), 1, 1),
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: 0,
        }),
        _ => bail!("a GPU cannot launch {blocks} blocks: give a smaller patch"),
    }
}

/// A launch with a thread for each of `length` elements.
pub(super) fn threads(length: usize) -> Result<LaunchConfig> {
    blocks(length.div_ceil(THREADS as usize))
}

/// Sizes as kernels take them.
pub(super) fn int(size: usize) -> Result<i32> {
    i32::try_from(size).map_err(Error::wrap)
}

/// Launch a kernel: `launch!(device, TOPIC, "kernel", launch configuration, [arguments])`.
///
/// Arguments are references to slices and numbers of the types that the kernel declares; the
/// lengths of the slices are the callers' care, as everywhere in CUDA.
macro_rules! launch {
    ($device:expr, $topic:ident, $kernel:expr, $config:expr, [$($argument:expr),* $(,)?]) => {{
        use candle_core::cuda_backend::{WrapErr, cudarc::driver::PushKernelArg};
        let config = $config;
        let function = $crate::ops::cuda::launch::$topic.kernel($device, $kernel)?;
        let stream = $device.cuda_stream();
        let mut builder = stream.launch_builder(&function);
        $(builder.arg($argument);)*
        // SAFETY: the arguments are those of the kernel, in its order, and as long as it reads.
        unsafe { builder.launch(config) }.w()?;
    }};
}
pub(super) use launch;
