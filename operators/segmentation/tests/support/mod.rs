//! The vectors that PyTorch computed in float64, where they are at hand.
#![allow(dead_code)]

use std::{collections::HashMap, path::PathBuf};

use candle_core::{DType, Device, Tensor, Var};

pub struct Vectors {
    pub tensors: HashMap<String, Tensor>,
    pub settings: serde_json::Value,
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
        tensors: candle_core::safetensors::load(&file, &Device::Cpu).unwrap(),
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
