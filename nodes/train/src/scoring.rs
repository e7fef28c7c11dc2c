//! Scores of cases that no training has seen, by the way that inference goes.

use renalflow_imaging::boxes::BoundingBox;
use renalflow_sdk::Problem;
use renalflow_segmentation::{
    inference::{ScanOptions, segment_scan},
    network::{Domain, FsNet},
};
use renalflow_stage_score::{
    regions::{Regions, Scoring},
    rows::{ScoreRow, failed_row, score_rows},
};

use crate::{
    grids::crop_size_mm,
    options::{Crop, Options},
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
    networks: &[FsNet],
    options: &Options,
) -> Vec<ScoreRow> {
    let scored = || -> Result<Vec<ScoreRow>, Problem> {
        let (image, classes) = study
            .volume
            .as_ref()
            .ok_or_else(|| Problem::new("its image was not kept"))?;
        let boxes: Vec<BoundingBox> = match options.crop {
            Crop::None => Vec::new(),
            Crop::Kidneys => study.boxes.iter().map(|(_, around)| *around).collect(),
        };
        let how = ScanOptions {
            crop_size_zyx_mm: (options.crop == Crop::Kidneys).then(|| crop_size_mm(study, options)),
            domain: Domain::Primary,
            ..ScanOptions::default()
        };
        let predicted = segment_scan(image, &boxes, networks, &how, &mut |_, _| {})?;
        Ok(score_rows(
            &study.case_id,
            set,
            fold,
            &HOW.score(classes, &predicted)?,
        ))
    };
    scored()
        .unwrap_or_else(|problem| vec![failed_row(&study.case_id, set, fold, &problem.to_string())])
}
