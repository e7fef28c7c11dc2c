//! A network whose answer is known: what is brighter than its surroundings is label 1.
#![allow(dead_code)]

use std::{collections::HashMap, path::Path};

use candle_core::{DType, Device, Tensor};
use renalflow_imaging::{Geometry, Image, Volume};
use renalflow_segmentation::{
    network::{
        FsNet, Parameters, Plan, Scheme, Use,
        plan::{Fingerprint, LabelSet, PlanOptions},
    },
    weights::{self, Card, TrainedOn},
};

/// A plan of one or two levels, a few channels and a window of -160 to 240 HU.
pub fn tiny_plan(labels: &[&str], spacing_mm: f64, patch: usize, levels: usize) -> Plan {
    let labels = labels.iter().map(|name| (*name).to_owned()).collect();
    let mut options = PlanOptions::new("tiny", LabelSet::Classes(labels));
    options.base_features = 4;
    options.max_levels = levels;
    options.max_patch_voxels = patch.pow(3);
    let fingerprint = Fingerprint {
        spacings_zyx_mm: vec![[spacing_mm; 3]],
        shapes_zyx: vec![[4 * patch; 3]],
    };
    let plan = Plan::derive(&fingerprint, &options).unwrap();
    assert_eq!(plan.patch_zyx.value, [patch; 3]);
    plan
}

/// Parameters that pass the image on, normalise it over the patch, and call label 1 what lies
/// over half a standard deviation above the patch's mean.
pub fn bright_parameters(plan: &Plan) -> Parameters {
    assert_eq!(plan.levels.len(), 1);
    let parameters = Parameters::new(0);
    FsNet::new(plan, Scheme::Scratch, &parameters, Use::Training).unwrap();
    for (name, shape) in parameters.shapes() {
        let mut values = vec![0.0f32; shape.iter().product()];
        if name.starts_with("encoder.0.conv") && shape.len() == 5 {
            values[shape[2] * shape[3] * shape[4] / 2] = 1.0;
        } else if name.starts_with("encoder.0.norm") && name.ends_with("weight") {
            values.fill(1.0);
        } else if name == "head.0.weight" {
            values[shape[1]] = 1.0;
        } else if name == "head.0.bias" {
            values[1] = -0.5;
        }
        let values = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
        parameters.set(&name, &values).unwrap();
    }
    parameters
}

/// The same on disk.
pub fn save_bright(path: &Path, plan: &Plan) {
    let card = Card::new(plan.clone(), Scheme::Scratch, "key");
    weights::save(path, &bright_parameters(plan), card).unwrap();
}

/// The same, or a network that calls nothing label 1, with the patients that trained it.
pub fn save_trained_on(path: &Path, plan: &Plan, sees: bool, patients: &[&str]) {
    let parameters = bright_parameters(plan);
    if !sees {
        let bias = Tensor::from_slice(&[0.0f32, -100.0], 2, &Device::Cpu).unwrap();
        parameters.set("head.0.bias", &bias).unwrap();
    }
    let mut seen = TrainedOn::default();
    for patient in patients {
        seen.add(patient, &format!("{patient}_scan_1"));
    }
    let mut card = Card::new(plan.clone(), Scheme::Scratch, "key");
    card.trained_on = Some(seen);
    weights::save(path, &parameters, card).unwrap();
}

/// Weights of some other program, which have no card.
pub fn save_without_card(path: &Path) {
    let tensor = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    let tensors = HashMap::from([("weight".to_owned(), tensor)]);
    candle_core::safetensors::save(&tensors, path).unwrap();
}

/// A scan with a voxel that is no number.
pub fn with_nan(image: &Image, at_zyx: [usize; 3]) -> Image {
    let [_, rows, columns] = image.geometry().shape_zyx;
    let mut voxels: Vec<f32> = image.to_f64().voxels().iter().map(|&v| v as f32).collect();
    voxels[(at_zyx[0] * rows + at_zyx[1]) * columns + at_zyx[2]] = f32::NAN;
    Image::F32(Volume::new(image.geometry().clone(), voxels).unwrap())
}

/// Balls of 240 HU in -160 HU, by centre in the patient and radius in mm.
pub fn balls(geometry: &Geometry, balls: &[([f64; 3], f64)]) -> Image {
    let [_, rows, columns] = geometry.shape_zyx;
    let voxels: Vec<i16> = (0..geometry.len())
        .map(|at| {
            let index = [at / (rows * columns), at / columns % rows, at % columns];
            let world = geometry.world_from_voxel(index.map(|n| n as f64));
            let inside = balls.iter().any(|(centre, radius)| {
                let d2: f64 = (0..3).map(|i| (world[i] - centre[i]).powi(2)).sum();
                d2 <= radius * radius
            });
            if inside { 240 } else { -160 }
        })
        .collect();
    Image::I16(Volume::new(geometry.clone(), voxels).unwrap())
}
