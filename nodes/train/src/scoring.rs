//! Scores of cases that no training has seen, by the way that inference goes.

use renalflow_imaging::{boxes::BoundingBox, metrics::regions::RegionMetrics};
use renalflow_sdk::Problem;
use renalflow_segmentation::{
    inference::{ScanOptions, segment_scan},
    network::{Domain, FsNet},
};
use renalflow_stage_score::{
    regions::{Regions, Scoring},
    rows::{ScoreRow, score_rows},
};

use crate::{
    cohort::{Lost, scored_set},
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

/// Score a case: its rows go to `rows`, or, where it cannot be scored, it goes to `lost`.
pub fn score(
    study: &Study,
    fold: Option<usize>,
    networks: &[FsNet],
    options: &Options,
    rows: &mut Vec<ScoreRow>,
    lost: &mut Vec<Lost>,
) {
    match metrics(study, networks, options) {
        Ok(metrics) => rows.extend(score_rows(
            &study.case_id,
            study.patient_id.as_deref(),
            scored_set(study.set),
            fold,
            &metrics,
        )),
        Err(problem) => lost.push(Lost {
            fold,
            ..Lost::new(study, problem)
        }),
    }
}

/// Segment a case as `segment` would, and compare.
fn metrics(
    study: &Study,
    networks: &[FsNet],
    options: &Options,
) -> Result<Vec<RegionMetrics>, Problem> {
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
    HOW.score(classes, &predicted)
}
