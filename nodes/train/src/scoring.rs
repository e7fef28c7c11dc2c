//! Scores of cases that no training has seen, by the way that inference goes.

use renalflow_imaging::{Geometry, Image, LabelMap, Volume};
use renalflow_sdk::Problem;
use renalflow_segmentation::{
    inference::{NetworkPredictor, OriginalGrid, PatchPredictor, SlidingWindow, slide},
    network::{FsNet, Plan},
};
use renalflow_stage_score::{
    regions::{Regions, Scoring},
    rows::{ScoreRow, failed_row, score_rows},
};

use crate::{
    fitting::{SCORED, decision},
    grids::{grids, image_on},
    options::Options,
    study::Study,
};

/// How cases are scored; as stage `score` does by default.
const HOW: Scoring = Scoring {
    regions: Regions::Both,
    tolerance_mm: 1.0,
    found_at_iou: renalflow_imaging::metrics::lesions::FOUND_AT_IOU,
};

/// The rows of a case, or the one that says why it has none.
pub fn score(
    study: &Study,
    set: &str,
    fold: Option<usize>,
    networks: &[&FsNet],
    plan: &Plan,
    options: &Options,
) -> Vec<ScoreRow> {
    let scored = || -> Result<Vec<ScoreRow>, Problem> {
        let (image, classes) = study
            .volume
            .as_ref()
            .ok_or_else(|| Problem::new("its image was not kept"))?;
        let predicted = LabelMap {
            volume: segment(study, image, networks, plan, options)?,
            names: classes.names.clone(),
        };
        let metrics = HOW.score(classes, &predicted)?;
        Ok(score_rows(&study.case_id, set, fold, &metrics))
    };
    scored()
        .unwrap_or_else(|problem| vec![failed_row(&study.case_id, set, fold, &problem.to_string())])
}

/// The classes of a case as networks see them, on the image's own grid.
fn segment(
    study: &Study,
    image: &Image,
    networks: &[&FsNet],
    plan: &Plan,
    options: &Options,
) -> Result<Volume<u16>, Problem> {
    let predictors: Vec<_> = networks
        .iter()
        .map(|network| NetworkPredictor::new(*network, SCORED))
        .collect();
    let grids: Vec<Geometry> = grids(study, options, plan.spacing_zyx_mm.value)?
        .into_iter()
        .map(|(_, grid)| grid)
        .collect();
    let original = image.geometry().clone();
    let voxels = original.len();
    let mut labels = Volume::new(original, vec![0u16; voxels])?;
    for (k, grid) in grids.iter().enumerate() {
        let source = image_on(image, grid, plan.window.value)?;
        let windows = SlidingWindow::default().plan(&source, &predictors)?;
        let classes = predictors.first().map_or(0, PatchPredictor::classes);
        let others: Vec<Geometry> = grids
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != k)
            .map(|(_, grid)| grid.clone())
            .collect();
        let mut sink = OriginalGrid::onto(labels, grid, classes, decision(plan))?.beside(&others);
        slide(&windows, &source, &predictors, &mut sink)?;
        labels = sink.finish()?;
    }
    Ok(labels)
}
