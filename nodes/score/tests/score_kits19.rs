//! Scores of real masks, deformed, against numpy, scipy and surface-distance
//! (`golden/make_kits19.py`).
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

use std::path::{Path, PathBuf};

use renalflow_imaging::{LabelMap, Volume, io::read_label_map};
use renalflow_stage_score::{
    regions::{Regions, Scoring},
    rows::RegionScores,
};

const GOLDEN: &str = include_str!("golden/kits19.txt");

fn kits19() -> Option<PathBuf> {
    let named = std::env::var_os("RENALFLOW_SHARED").unwrap_or_else(|| "../shared".into());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(named)
        .join("data/kits19");
    folder.is_dir().then_some(folder)
}

/// As in the script.
fn deformed(reference: &LabelMap, how: &str) -> LabelMap {
    let shape = reference.geometry().shape_zyx;
    let old = reference.volume.view();
    let mut new = old.to_owned();
    match how {
        "shift" => {
            let by = [2isize, -3, 1];
            for ((z, y, x), label) in new.indexed_iter_mut() {
                let from = [z, y, x].map(|at| at as isize);
                let from: [isize; 3] = std::array::from_fn(|axis| from[axis] - by[axis]);
                let inside = (0..3).all(|axis| (0..shape[axis] as isize).contains(&from[axis]));
                *label = if inside {
                    old[from.map(|at| at as usize)]
                } else {
                    0
                };
            }
        }
        "no-tumour" => new.mapv_inplace(|label| if label == 2 { 1 } else { label }),
        _ => {
            let rows: Vec<usize> = old
                .indexed_iter()
                .filter(|&(_, &label)| label == 2)
                .map(|((_, y, _), _)| y)
                .collect();
            let middle = (rows.iter().min().unwrap() + rows.iter().max().unwrap()) / 2;
            for ((z, y, x), label) in new.indexed_iter_mut() {
                if *label == 2 && y < middle {
                    *label = 1;
                }
                if (3..9).contains(&z) && (4..10).contains(&y) && (5..11).contains(&x) {
                    *label = 2;
                }
            }
        }
    }
    LabelMap {
        volume: Volume::new(
            reference.geometry().clone(),
            new.into_raw_vec_and_offset().0,
        )
        .unwrap(),
        names: reference.names.clone(),
    }
}

#[test]
fn scores_of_real_masks_are_those_of_the_reference_implementation() {
    let Some(folder) = kits19() else {
        eprintln!("skipped: no real data in ../shared (set RENALFLOW_SHARED)");
        return;
    };
    let scoring = Scoring {
        regions: Regions::Both,
        tolerance_mm: 1.0,
        found_at_iou: 0.1,
    };
    let lines: Vec<Vec<&str>> = GOLDEN
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines.len(), 36);
    let mut worst = 0.0f64;
    for group in lines.chunk_by(|a, b| a[..2] == b[..2]) {
        let path = folder.join(group[0][0]).join("segmentation.nii.gz");
        let names = [(1, "kidney"), (2, "tumour")]
            .map(|(label, name)| (label, name.to_owned()))
            .into();
        let reference = read_label_map(&path, names).unwrap();
        let predicted = deformed(&reference, group[0][1]);
        let scores: Vec<RegionScores> = scoring
            .score(&reference, &predicted)
            .unwrap()
            .iter()
            .map(RegionScores::new)
            .collect();
        for line in group {
            let name = line[2]
                .replace("label-", "label ")
                .replace("-and-", " and ");
            let score = scores.iter().find(|score| score.region == name).unwrap();
            let expected: Vec<f64> = line[3..].iter().map(|word| word.parse().unwrap()).collect();
            let found = [
                score.dice,
                score.surface_dice,
                score.hd95_mm.unwrap_or(f64::INFINITY),
                score.assd_mm.unwrap_or(f64::INFINITY),
                score.reference_ml,
                score.predicted_ml,
                score.lesions_reference as f64,
                score.lesions_predicted as f64,
            ];
            for (found, expected) in found.iter().zip(&expected) {
                let same = found == expected;
                let off = if same {
                    0.0
                } else {
                    (found - expected).abs() / (1.0 + expected.abs())
                };
                assert!(off < 1e-6, "{line:?}: {found} is not {expected}");
                worst = worst.max(off);
            }
        }
    }
    eprintln!("largest relative deviation: {worst:e}");
}
