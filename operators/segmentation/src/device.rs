//! Where networks run.

use std::{fmt, str::FromStr};

use candle_core::Device;
use serde::{Deserialize, Serialize};
use thiserror::Error;

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
        assert!(DeviceChoice::Cpu.open().unwrap().is_cpu());
        if !candle_core::utils::cuda_is_available() {
            assert!(DeviceChoice::Auto.open().unwrap().is_cpu());
            let error = DeviceChoice::Cuda(0).open().unwrap_err().to_string();
            assert!(error.contains("--features cuda"), "{error}");
        }
    }
}
