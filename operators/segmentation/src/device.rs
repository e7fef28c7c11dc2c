//! Where networks run.

use std::{fmt, str::FromStr};

use candle_core::{Device, DeviceLocation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ops::Precision;

/// Where networks run: `auto`, `cpu` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// The first CUDA device where this executable has CUDA and finds one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// One CUDA device, by number from 0; an error where it cannot be had.
    Cuda(usize),
}

/// Why there is no such device.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// No name of a device.
    #[error("there is no device {name:?}: write auto, cpu, or cuda:N with the number of a GPU")]
    Name {
        /// What was asked for.
        name: String,
    },
    /// An executable without CUDA.
    #[error(
        "cuda:{index} was asked for, but this executable has no CUDA: build it with \
         `cargo build --release --features cuda`, or ask for cpu or auto"
    )]
    NotBuilt {
        /// Number of the device.
        index: usize,
    },
    /// A device that does not answer.
    #[error("cuda:{index} cannot be opened ({cause}): see what `nvidia-smi` lists, or ask for cpu")]
    Open {
        /// Number of the device.
        index: usize,
        /// What the driver says.
        cause: candle_core::Error,
    },
    /// Numbers that a CPU does not compute in.
    #[error(
        "{precision} is for GPUs, and --device {choice} is the CPU here, which computes in f32: \
         ask for cuda:N, or for f32"
    )]
    Precision {
        /// What was asked for.
        precision: Precision,
        /// The device that turned out to be the CPU.
        choice: DeviceChoice,
    },
}

/// The name under which a device is asked for.
#[must_use]
pub fn name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cuda { gpu_id } => DeviceChoice::Cuda(gpu_id),
        // Others are never opened.
        DeviceLocation::Cpu | DeviceLocation::Metal { .. } => DeviceChoice::Cpu,
    }
    .to_string()
}

impl DeviceChoice {
    /// Open the device.
    ///
    /// # Errors
    /// `cuda:N` in an executable without CUDA, or a device that does not answer. `auto` fails
    /// nowhere.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto if candle_core::utils::cuda_is_available() => {
                // Built with CUDA does not mean that there is a GPU.
                Ok(Device::new_cuda(0).unwrap_or(Device::Cpu))
            }
            Self::Auto => Ok(Device::Cpu),
            Self::Cuda(index) if candle_core::utils::cuda_is_available() => {
                Device::new_cuda(index).map_err(|cause| DeviceError::Open { index, cause })
            }
            Self::Cuda(index) => Err(DeviceError::NotBuilt { index }),
        }
    }

    /// Open the device for networks that convolve in numbers of choice. A CPU has `f32` alone,
    /// and what was asked for would be written beside numbers that were computed otherwise.
    ///
    /// # Errors
    /// As [`DeviceChoice::open`]; any other precision than `f32` on a CPU, which `auto` may mean.
    pub fn open_for(self, precision: Precision) -> Result<Device, DeviceError> {
        let device = self.open()?;
        if device.is_cpu() && !precision.is_f32() {
            let choice = self;
            return Err(DeviceError::Precision { precision, choice });
        }
        Ok(device)
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let refuse = || DeviceError::Name {
            name: name.to_owned(),
        };
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => name
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(refuse),
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = DeviceError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> Self {
        choice.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (name, choice) in [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("cuda:0", DeviceChoice::Cuda(0)),
            ("cuda:3", DeviceChoice::Cuda(3)),
        ] {
            assert_eq!(name.parse::<DeviceChoice>().unwrap(), choice);
            assert_eq!(choice.to_string(), name);
        }
        for name in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "CPU"] {
            let error = name.parse::<DeviceChoice>().unwrap_err().to_string();
            assert!(error.contains("cuda:N"), "{error}");
        }
    }

    #[test]
    fn an_executable_without_cuda_says_so() {
        let cpu = DeviceChoice::Cpu.open().unwrap();
        assert!(cpu.is_cpu());
        assert_eq!(name(&cpu), "cpu");
        if !candle_core::utils::cuda_is_available() {
            assert!(DeviceChoice::Auto.open().unwrap().is_cpu());
            let error = DeviceChoice::Cuda(0).open().unwrap_err().to_string();
            assert!(error.contains("--features cuda"), "{error}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error_and_no_panic() {
        // In a build with CUDA and no driver too, where `auto` is the CPU then.
        let error = DeviceChoice::Cuda(99).open().unwrap_err().to_string();
        assert!(error.contains("cuda:99"), "{error}");
        assert!(DeviceChoice::Auto.open().is_ok());
    }

    #[test]
    fn a_cpu_computes_in_f32_alone() {
        assert!(DeviceChoice::Cpu.open_for(Precision::F32).is_ok());
        for precision in [Precision::Tf32, Precision::Bf16] {
            let error = DeviceChoice::Cpu.open_for(precision).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(&precision.to_string()), "{error}");
            assert!(error.contains("cuda:N"), "{error}");
        }
    }
}
