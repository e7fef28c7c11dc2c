//! A network whose answer is known: what is brighter than its surroundings is label 1.
#![allow(dead_code)]

use std::path::Path;

use candle_core::{Device, Tensor};
use renalflow_imaging::{Geometry, Image, Volume};
use renalflow_segmentation::{
    network::{
        FsNet, Parameters, Plan, Scheme, Use,
        plan::{Fingerprint, LabelSet, PlanOptions},
    },
    weights::{self, Card},
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
