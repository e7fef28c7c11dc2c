//! The stage on a scripted mask: each rule, and each switch that turns it off.
#![allow(clippy::unwrap_used, clippy::panic)]

use renalflow_imaging::{Geometry, LabelMap, Volume};
use renalflow_sdk::{
    Failure, Value,
    replay::{Case, play_one},
};
use renalflow_stage_postprocess::PLUGIN;

fn arguments(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

fn run(mask: &LabelMap, args: &[&str]) -> Result<LabelMap, Failure> {
    let case = Case::new("case_1").with("mask", Value::Labels(mask.clone()));
    match play_one(&PLUGIN, args, &std::env::temp_dir(), case, "mask")? {
        Value::Labels(labels) => Ok(labels),
        other => panic!("{:?}", other.kind()),
    }
}

/// Voxels of 4 mm (0.064 mL): a kidney of 6³ voxels (13.8 mL) with a tumour of 2³ (0.5 mL), one
/// of a single voxel, and a hole; a kidney of 2³; a tumour of 3³ far from both.
fn mask() -> LabelMap {
    let shape = [10, 10, 24];
    let grid = Geometry::upright(shape, [4.0; 3]).unwrap();
    let inside = |at: [usize; 3], low: [usize; 3], n: usize| {
        (0..3).all(|axis| (low[axis]..low[axis] + n).contains(&at[axis]))
    };
    let voxels: Vec<u16> = (0..grid.len())
        .map(|i| {
            let at = [i / 240, i / 24 % 10, i % 24];
            if inside(at, [3, 3, 3], 2) || at == [6, 6, 6] {
                2
            } else if at == [5, 5, 3] {
                0
            } else if inside(at, [2, 2, 2], 6) || inside(at, [2, 2, 12], 2) {
                1
            } else if inside(at, [2, 2, 18], 3) {
                2
            } else {
                0
            }
        })
        .collect();
    LabelMap {
        volume: Volume::new(grid, voxels).unwrap(),
        names: [(1, "kidney".to_owned()), (2, "tumour".to_owned())].into(),
    }
}

fn counts(labels: &LabelMap) -> [usize; 2] {
    let counts = labels.counts();
    [1, 2].map(|label| counts.get(&label).copied().unwrap_or(0))
}

#[test]
fn each_rule_changes_what_it_should_and_can_be_switched_off() {
    let mask = mask();
    assert_eq!(counts(&mask), [206 + 8, 9 + 27]);
    let cleaned = |args: &[&str]| counts(&run(&mask, args).unwrap());
    assert_eq!(cleaned(&[]), [208, 8]);
    assert_eq!(cleaned(&["--smallest-kidney-ml", "0"]), [216, 8]);
    assert_eq!(cleaned(&["--smallest-tumour-ml", "0.01"]), [207, 9]);
    assert_eq!(cleaned(&["--keep-holes"]), [207, 8]);
    // A lone mass of 1.7 mL is then measured like a kidney.
    let kept = ["--keep-lone-masses", "--smallest-kidney-ml", "1"];
    assert_eq!(cleaned(&kept), [208, 35]);
    let again = run(&mask, &[]).unwrap();
    assert_eq!(run(&again, &[]).unwrap(), again);
}

#[test]
fn labels_are_named_and_checked() {
    let failure = run(&mask(), &["--kidney", "organ"]).unwrap_err();
    assert!(failure.cause.contains("organ"), "{failure}");
    let failure = run(&mask(), &["--masses", "tumour+kidney"]).unwrap_err();
    assert!(failure.cause.contains("2 labels"), "{failure}");
    assert_eq!(
        counts(&run(&mask(), &["--kidney", "1", "--masses", "2"]).unwrap()),
        [208, 8]
    );
    let refused = |args: &[&str]| PLUGIN.check(&arguments(args)).unwrap_err().to_string();
    assert!(refused(&["--smallest-kidney-ml", "NaN"]).contains("--smallest-kidney-ml"));
    assert!(refused(&["--masses", "kidney"]).contains("kidney"));
}

#[test]
fn a_mask_without_foreground_stays_empty() {
    let mut nothing = mask();
    nothing.volume = nothing.volume.map(|_| 0u16);
    assert_eq!(run(&nothing, &[]).unwrap(), nothing);
}
