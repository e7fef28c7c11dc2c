//! The vectors that PyTorch computed in float64, where they are at hand, and the device that the
//! tests against them run on.
#![allow(dead_code, clippy::print_stdout)]

use std::{collections::HashMap, path::PathBuf, sync::OnceLock};

use candle_core::{DType, Device, Tensor, Var};

pub struct Vectors {
    pub tensors: HashMap<String, Tensor>,
    pub settings: serde_json::Value,
}

/// `RENALFLOW_DEVICE`: the CPU unless it says `cuda:N`, which wants a build with the feature
/// `cuda` and that GPU. Asked for and absent is a failure, not a skip.
pub fn device() -> Device {
    let name = std::env::var("RENALFLOW_DEVICE").unwrap_or_else(|_| "cpu".to_owned());
    let index = match name.strip_prefix("cuda:") {
        Some(index) => index.parse().unwrap(),
        None if name == "cpu" => return Device::Cpu,
        None => panic!("RENALFLOW_DEVICE is {name}, must be cpu or cuda:N"),
    };
    // One context for all tests of a process: tensors of two cannot meet.
    static OPEN: OnceLock<Device> = OnceLock::new();
    OPEN.get_or_init(|| match Device::new_cuda(index) {
        Ok(device) => device,
        Err(error) => panic!("RENALFLOW_DEVICE is {name}, which cannot be opened: {error}"),
    })
    .clone()
}

pub fn vectors() -> Option<Vectors> {
    let shared = std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let file = shared.join("reference/torch/vectors.safetensors");
    if !file.exists() {
        eprintln!("skipped: {} is absent", file.display());
        return None;
    }
    let settings = std::fs::read_to_string(file.with_extension("json")).unwrap();
    Some(Vectors {
        tensors: candle_core::safetensors::load(&file, &device()).unwrap(),
        settings: serde_json::from_str(&settings).unwrap(),
    })
}

impl Vectors {
    pub fn get(&self, name: &str) -> &Tensor {
        self.tensors
            .get(name)
            .unwrap_or_else(|| panic!("the vectors have no {name}"))
    }

    pub fn var(&self, name: &str) -> Var {
        Var::from_tensor(self.get(name)).unwrap()
    }

    pub fn number(&self, case: &str, name: &str) -> f64 {
        self.settings[case][name].as_f64().unwrap()
    }
}

/// `|a - b| / |b|` in the Euclidean norm.
pub fn relative(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.elem_count(), b.elem_count());
    let values = |t: &Tensor| -> Vec<f64> {
        let t = t.flatten_all().unwrap().to_dtype(DType::F64).unwrap();
        t.to_vec1().unwrap()
    };
    let (a, b) = (values(a), values(b));
    let above: f64 = a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum();
    let below: f64 = b.iter().map(|b| b * b).sum();
    (above / below).sqrt()
}

/// Assert `relative(a, b) < limit` and print it.
pub fn close(what: &str, a: &Tensor, b: &Tensor, limit: f64) {
    let deviation = relative(a, b);
    println!("{what}: {deviation:.1e}");
    assert!(
        deviation < limit,
        "{what} deviates by {deviation:e}, limit {limit:e}"
    );
}

/// Every element, in order.
pub fn values(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

/// Numbers without pattern, the same every time.
pub fn noise(seed: u64, dims: &[usize]) -> Tensor {
    let mut state = seed;
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|_| {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// [`noise`] on [`device`].
pub fn noise_on_device(seed: u64, dims: &[usize]) -> Tensor {
    noise(seed, dims).to_device(&device()).unwrap()
}
