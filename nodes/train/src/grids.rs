//! From a case to what the network is shown of it.

use renalflow_imaging::{Geometry, geometry::IDENTITY};
use renalflow_sdk::Problem;
use renalflow_segmentation::{
    inference::coarse::corners_on,
    network::Plan,
    prepare::{Region, image_on, labels_on, working_grid},
    training::case::{CaseParts, TrainingCase},
};

use crate::{
    options::{Crop, Options},
    study::Study,
};

/// What of a case is shown: one region a crop, each with its name.
pub fn regions(study: &Study, options: &Options) -> Vec<(String, Region)> {
    let size_zyx_mm = crop_size_mm(study, options);
    study
        .boxes
        .iter()
        .map(|(name, around)| {
            let region = match options.crop {
                Crop::None => Region::Whole,
                Crop::Kidneys => Region::Fixed {
                    around: *around,
                    size_zyx_mm,
                },
            };
            (name.clone(), region)
        })
        .collect()
}

/// Size of the crops of a case: what was asked for, and more along an axis on which a kidney
/// exceeds it.
pub fn crop_size_mm(study: &Study, options: &Options) -> [f64; 3] {
    let mut size = [options.crop_size_mm; 3];
    // Positions on a grid of 1 mm along the world's axes are mm along S, P and L.
    let world = Geometry {
        shape_zyx: [1; 3],
        spacing_zyx_mm: [1.0; 3],
        origin_xyz_mm: [0.0; 3],
        direction: IDENTITY,
    };
    for (_, region) in &study.boxes {
        let [low, high] = corners_on(region, &study.geometry, &world);
        for axis in 0..3 {
            size[axis] = size[axis].max(high[axis] - low[axis]);
        }
    }
    size
}

/// Cut a case's crops, as inference will show them.
pub fn cut(study: &mut Study, options: &Options, plan: &Plan) -> Result<(), Problem> {
    let Some((image, classes)) = &study.volume else {
        return Ok(());
    };
    let mut crops = Vec::new();
    for (name, region) in regions(study, options) {
        let grid = working_grid(&study.geometry, region, plan)?;
        let image = image_on(image, &grid, &plan.window.value)?;
        let labels = labels_on(classes, &grid, &plan.labels.value)?;
        let case_id = if name.is_empty() {
            study.case_id.clone()
        } else {
            format!("{} ({name} kidney)", study.case_id)
        };
        let parts = CaseParts {
            case_id,
            patient_id: study.patient().to_owned(),
            domain: study.set.domain(),
            shape_zyx: grid.shape_zyx,
            spacing_zyx_mm: grid.spacing_zyx_mm,
            image: image.into_parts().1.into_vec(),
            channels: 1,
            labels: labels.into_parts().1.into_vec(),
        };
        crops.push(TrainingCase::new(parts, study.classes.len() + 1)?);
    }
    study.crops = crops;
    Ok(())
}
