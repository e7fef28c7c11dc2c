//! From a case to what the network is shown of it.

use renalflow_imaging::{
    Geometry, Image, LabelMap, Volume,
    boxes::BoundingBox,
    resample::{GridRule, Interpolation, Resampling, resample_image, resample_labels},
};
use renalflow_sdk::Problem;
use renalflow_segmentation::{
    inference::coarse::fixed_crop,
    network::plan::Window,
    training::case::{CaseParts, TrainingCase},
};

use crate::{
    options::{Crop, Options},
    study::Study,
};

/// The grids of a case's crops at a spacing.
pub fn grids(
    study: &Study,
    options: &Options,
    spacing_zyx_mm: [f64; 3],
) -> Result<Vec<(String, Geometry)>, Problem> {
    study
        .boxes
        .iter()
        .map(|(name, region)| {
            let grid = match options.crop {
                Crop::None => GridRule::Ibsi.grid(&study.geometry, spacing_zyx_mm)?,
                Crop::Kidneys => {
                    let size = crop_size_mm(region, &study.geometry, options);
                    fixed_crop(region, &study.geometry, size, spacing_zyx_mm)?.geometry
                }
            };
            Ok((name.clone(), grid))
        })
        .collect()
}

/// Size of the crop around a box: what was asked for, and more along an axis that it exceeds.
pub fn crop_size_mm(region: &BoundingBox, geometry: &Geometry, options: &Options) -> [f64; 3] {
    // Along the world's axes, as the crop lies.
    let corners = (0..8).map(|corner| {
        let end = region.end_zyx();
        geometry.world_from_voxel(std::array::from_fn(|axis| {
            let face = if corner >> axis & 1 == 1 {
                end[axis]
            } else {
                region.start_zyx[axis]
            };
            face as f64 - 0.5
        }))
    });
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for corner in corners {
        for axis in 0..3 {
            low[axis] = low[axis].min(corner[2 - axis]);
            high[axis] = high[axis].max(corner[2 - axis]);
        }
    }
    std::array::from_fn(|axis| (high[axis] - low[axis]).max(options.crop_size_mm))
}

/// Cut a case's crops, as the network is shown them.
pub fn cut(
    study: &mut Study,
    options: &Options,
    spacing_zyx_mm: [f64; 3],
    window: Window,
) -> Result<(), Problem> {
    let Some((image, classes)) = &study.volume else {
        return Ok(());
    };
    let mut crops = Vec::new();
    for (name, grid) in grids(study, options, spacing_zyx_mm)? {
        let image = image_on(image, &grid, window)?;
        let labels = labels_on(classes, &grid)?;
        let case_id = if name.is_empty() {
            study.case_id.clone()
        } else {
            format!("{} ({name} kidney)", study.case_id)
        };
        let parts = CaseParts {
            case_id,
            patient_id: study.patient_id.clone(),
            domain: study.set.domain(),
            shape_zyx: grid.shape_zyx,
            spacing_zyx_mm: grid.spacing_zyx_mm,
            image: image.into_parts().1.into_vec(),
            channels: 1,
            labels: labels
                .volume
                .voxels()
                .iter()
                .map(|&label| label.min(255) as u8)
                .collect(),
        };
        crops.push(TrainingCase::new(parts, study.classes.len() + 1)?);
    }
    study.crops = crops;
    Ok(())
}

/// An image in HU on a grid, mapped to 0..1 by a window; air where it does not reach.
pub fn image_on(image: &Image, grid: &Geometry, window: Window) -> Result<Volume<f32>, Problem> {
    let mut how = Resampling::new(Interpolation::Linear);
    how.outside = -1024.0;
    let [low, high] = window.ends_hu();
    let resampled = resample_image(image, grid, &how)?;
    let unit = |hu: f64| (((hu - low) / (high - low)).clamp(0.0, 1.0)) as f32;
    Ok(match resampled {
        Image::I16(volume) => volume.map(|&hu| unit(f64::from(hu))),
        Image::F32(volume) => volume.map(|&hu| unit(f64::from(hu))),
        Image::F64(volume) => volume.map(|&hu| unit(hu)),
    })
}

/// Labels on a grid.
pub fn labels_on(labels: &LabelMap, grid: &Geometry) -> Result<LabelMap, Problem> {
    Ok(resample_labels(labels, grid)?)
}
