//! The stage on scripted masks: values known by hand, failures as rows, labels by name.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use renalflow_frames::read_parquet;
use renalflow_imaging::{Geometry, LabelMap, Volume};
use renalflow_sdk::{
    Failure, Table, Value,
    replay::{Case, play},
};
use renalflow_stage_score::PLUGIN;
use serde_json::{Value as Json, json};

/// Boxes `[start, end)` along x of a bar of 1 mm voxels, 4 x 4 x 20.
fn bar(names: &[(u16, &str)], boxes: &[(usize, usize, u16)]) -> LabelMap {
    on_grid([4, 4, 20], names, boxes)
}

fn on_grid(shape: [usize; 3], names: &[(u16, &str)], boxes: &[(usize, usize, u16)]) -> LabelMap {
    let geometry = Geometry::upright(shape, [1.0; 3]).unwrap();
    let mut voxels = vec![0u16; geometry.len()];
    for (at, voxel) in voxels.iter_mut().enumerate() {
        let x = at % shape[2];
        for &(start, end, label) in boxes {
            if (start..end).contains(&x) {
                *voxel = label;
            }
        }
    }
    LabelMap {
        volume: Volume::new(geometry, voxels).unwrap(),
        names: names
            .iter()
            .map(|(label, name)| (*label, (*name).to_owned()))
            .collect(),
    }
}

const NAMES: &[(u16, &str)] = &[(1, "kidney"), (2, "tumour")];

/// A pair of masks, or the failure of either.
type Pair = (&'static str, Result<LabelMap, Failure>, LabelMap);

fn case((id, predicted, reference): &Pair) -> Case {
    let case = Case::new(id);
    let case = match predicted {
        Ok(mask) => case.with("mask", Value::Labels(mask.clone())),
        Err(failure) => case.failed("mask", failure.clone()),
    };
    case.with("reference", Value::Labels(reference.clone()))
}

fn run(pairs: &[Pair], folder: &Path, args: &[&str]) -> Result<(), String> {
    let cases: Vec<Case> = pairs.iter().map(case).collect();
    let played = play(&PLUGIN, args, folder, &cases);
    played.map(drop).map_err(|error| error.to_string())
}

fn table(folder: &Path) -> Table {
    let (batch, _) = read_parquet(&folder.join("scores.parquet")).unwrap();
    Table::from_batch(batch).unwrap()
}

fn column(table: &Table, name: &str) -> Vec<String> {
    let texts = table.texts(name).unwrap().into_iter();
    texts
        .map(|text| text.unwrap_or_else(|| "-".to_owned()))
        .collect()
}

fn summary(folder: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(folder.join("scores.json")).unwrap()).unwrap()
}

/// Kidney over x 2..12 with a tumour at 8..12, half of which is predicted.
fn usual() -> Pair {
    (
        "a",
        Ok(bar(NAMES, &[(2, 12, 1), (8, 10, 2)])),
        bar(NAMES, &[(2, 12, 1), (8, 12, 2)]),
    )
}

#[test]
fn scores_are_those_worked_out_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    run(&[usual()], folder.path(), &[]).unwrap();
    let table = table(folder.path());
    assert_eq!(
        table.names(),
        [
            "case_id",
            "patient_id",
            "set",
            "fold",
            "region",
            "dice",
            "surface_dice",
            "tolerance_mm",
            "hd95_mm",
            "assd_mm",
            "reference_ml",
            "predicted_ml",
            "volume_error_ml",
            "relative_volume_error",
            "lesions_reference",
            "lesions_predicted",
            "lesions_found",
            "lesion_f1",
            "status",
            "cause"
        ]
    );
    assert_eq!(
        column(&table, "region"),
        [
            "kidney and masses",
            "masses",
            "tumour",
            "label kidney",
            "label tumour"
        ]
    );
    // Tumour: 32 of 64 voxels. Plain kidney: 96 of 128, all of the reference's 96.
    let dice = table.f64s("dice").unwrap();
    let third = 2.0 / 3.0;
    for (found, expected) in dice.iter().zip([1.0, third, third, 192.0 / 224.0, third]) {
        assert!((found - expected).abs() < 1e-12, "{dice:?}");
    }
    let relative = table.f64s("relative_volume_error").unwrap();
    assert_eq!(relative[2], -0.5);
    assert!((table.f64s("reference_ml").unwrap()[2] - 0.064).abs() < 1e-12);
    let tolerance = table.f64s("tolerance_mm").unwrap();
    assert!((tolerance[2] - 1.149_819_836).abs() < 1e-9 && tolerance[4] == 1.0);
    // One tumour in each, found; two voxels of x are missing.
    assert_eq!(column(&table, "lesions_found")[2], "1");
    assert_eq!(table.f64s("hd95_mm").unwrap()[2], 2.0);
    assert_eq!(column(&table, "status"), ["ok"; 5]);
    assert_eq!(column(&table, "cause"), ["-"; 5]);
}

#[test]
fn labels_are_matched_by_name() {
    let other_numbers = bar(
        &[(7, "tumour"), (1, "kidney"), (9, "cyst")],
        &[(2, 12, 1), (8, 10, 7), (15, 17, 9)],
    );
    let (case, _, reference) = usual();
    let folder = tempfile::tempdir().unwrap();
    run(&[(case, Ok(other_numbers), reference)], folder.path(), &[]).unwrap();
    let table = table(folder.path());
    // The cyst is not a region of a reference that has none, and yet a mass that is none.
    assert_eq!(table.len(), 5);
    let dice = table.f64s("dice").unwrap();
    assert!((dice[2] - 2.0 / 3.0).abs() < 1e-12);
    assert!((dice[1] - 64.0 / 128.0).abs() < 1e-12, "{dice:?}");
    assert_eq!(column(&table, "lesions_predicted")[1], "2");
}

#[test]
fn an_empty_prediction_has_dice_0_and_says_what_is_not_defined() {
    let (_, _, reference) = usual();
    let folder = tempfile::tempdir().unwrap();
    let pairs = [
        usual(),
        ("b", Ok(bar(NAMES, &[(2, 12, 1)])), reference),
        (
            "c",
            Ok(bar(NAMES, &[(2, 12, 1)])),
            bar(NAMES, &[(2, 12, 1)]),
        ),
        ("d", Ok(bar(NAMES, &[(2, 4, 2)])), bar(NAMES, &[(2, 12, 1)])),
    ];
    run(&pairs, folder.path(), &["--regions", "kits"]).unwrap();
    let table = table(folder.path());
    let row_of = |case: &str| {
        (0..table.len())
            .find(|&row| {
                column(&table, "case_id")[row] == case && column(&table, "region")[row] == "tumour"
            })
            .unwrap()
    };
    for (case, dice, hd95, cause) in [
        (
            "b",
            0.0,
            f64::NAN,
            "the prediction is empty: not defined: HD95, ASSD",
        ),
        (
            "c",
            1.0,
            0.0,
            "both masks are empty: not defined: relative volume error",
        ),
        (
            "d",
            0.0,
            f64::NAN,
            "the reference is empty: not defined: HD95, ASSD, relative volume error",
        ),
    ] {
        let row = row_of(case);
        assert_eq!(table.f64s("dice").unwrap()[row], dice, "{case}");
        let found = table.f64s("hd95_mm").unwrap()[row];
        assert!(
            found == hd95 || found.is_nan() && hd95.is_nan(),
            "{case}: {found}"
        );
        assert_eq!(column(&table, "cause")[row], cause);
    }
    let summary = summary(folder.path());
    let tumour = &summary["sets"][0]["regions"][2];
    assert_eq!(tumour["region"], "tumour");
    assert_eq!(tumour["metrics"]["hd95_mm"]["n"], 2);
    assert_eq!(
        tumour["metrics"]["hd95_mm"]["undefined"]["the prediction is empty"],
        1
    );
    assert_eq!(
        tumour["metrics"]["hd95_mm"]["undefined"]["the reference is empty"],
        1
    );
    assert_eq!(tumour["metrics"]["dice"]["n"], 4);
    let mean = tumour["metrics"]["dice"]["mean"].as_f64().unwrap();
    assert!((mean - (2.0 / 3.0 + 1.0) / 4.0).abs() < 1e-12);
    assert_eq!(tumour["lesions"]["reference"], 2);
    assert_eq!(tumour["lesions"]["predicted"], 2);
    assert_eq!(tumour["lesions"]["found"], 1);
}

#[test]
fn a_failed_case_is_a_row_with_its_cause() {
    let failure = Failure {
        case_id: "b".to_owned(),
        node: "segment".to_owned(),
        cause: "no kidney was found".to_owned(),
        fix: "look at the image".to_owned(),
    };
    let (_, _, reference) = usual();
    let elsewhere = on_grid([4, 4, 21], NAMES, &[(2, 12, 1)]);
    let unnamed = bar(&[], &[(2, 12, 1)]);
    let folder = tempfile::tempdir().unwrap();
    let pairs = [
        usual(),
        ("b", Err(failure), reference.clone()),
        ("c", Ok(elsewhere), reference.clone()),
        ("d", Ok(unnamed), reference),
    ];
    run(&pairs, folder.path(), &["--regions", "labels"]).unwrap();
    let table = table(folder.path());
    assert_eq!(column(&table, "case_id"), ["a", "a", "b", "c", "d"]);
    assert_eq!(
        column(&table, "status"),
        ["ok", "ok", "failed", "failed", "failed"]
    );
    let cause = column(&table, "cause");
    assert_eq!(cause[2], "segment: no kidney was found");
    assert!(
        cause[3].contains("shape [z, y, x] [4, 4, 21] against [4, 4, 20]"),
        "{cause:?}"
    );
    assert!(cause[4].contains("label 1, which has no name"), "{cause:?}");
    assert_eq!(column(&table, "region")[2], "-");
    let summary = summary(folder.path());
    assert_eq!(summary["sets"][0]["cases"], 4);
    assert_eq!(summary["sets"][0]["failed"].as_object().unwrap().len(), 3);
}

#[test]
fn rows_name_the_patient_whom_the_record_names() {
    let failure = Failure {
        case_id: "b".to_owned(),
        node: "segment".to_owned(),
        cause: "no kidney was found".to_owned(),
        fix: String::new(),
    };
    let (_, _, reference) = usual();
    let record = |patient: &str| {
        let row = json!({"case_id": "of no interest", "patient_id": patient});
        Value::Table(Table::from_rows(&[row.as_object().unwrap().clone()]).unwrap())
    };
    let cases = [
        case(&usual()).with("record", record("p1")),
        case(&("b", Err(failure), reference)).with("record", record("p1")),
    ];
    let folder = tempfile::tempdir().unwrap();
    play(&PLUGIN, &["--regions", "labels"], folder.path(), &cases).unwrap();
    let with = table(folder.path());
    assert_eq!(column(&with, "case_id"), ["a", "a", "b"]);
    assert_eq!(column(&with, "status"), ["ok", "ok", "failed"]);
    assert_eq!(column(&with, "patient_id"), ["p1"; 3]);
    // Without a record nothing is made up.
    run(&[usual()], folder.path(), &["--regions", "labels"]).unwrap();
    assert_eq!(column(&table(folder.path()), "patient_id"), ["-"; 2]);
    // A record of two patients is nobody's.
    let one = json!({"patient_id": "p1"}).as_object().unwrap().clone();
    let twice = Table::from_rows(&[one.clone(), one]).unwrap();
    let both = [
        case(&usual()).with("record", record("p1")),
        case(&("c", Ok(bar(NAMES, &[])), bar(NAMES, &[]))).with("record", Value::Table(twice)),
    ];
    play(&PLUGIN, &[], folder.path(), &both).unwrap();
    let cause = column(&table(folder.path()), "cause").pop().unwrap();
    assert!(cause.contains("`record` has 2 rows"), "{cause}");
}

#[test]
fn kits_regions_need_a_kidney() {
    let sarcoma = || bar(&[(1, "tumour")], &[(2, 12, 1)]);
    let folder = tempfile::tempdir().unwrap();
    let pairs = [("a", Ok(sarcoma()), sarcoma())];
    let error = run(&pairs, folder.path(), &["--regions", "kits"]).unwrap_err();
    assert!(error.contains("the reference has: tumour"), "{error}");
    assert_eq!(column(&table(folder.path()), "status"), ["failed"]);
    run(&pairs, folder.path(), &[]).unwrap();
    assert_eq!(column(&table(folder.path()), "region"), ["label tumour"]);
}

#[test]
fn options_are_checked_before_a_case_is_read() {
    for (args, part) in [
        (["--tolerance-mm=-1"], "--tolerance-mm is -1"),
        (["--found-at-iou=0"], "--found-at-iou is 0"),
        (["--file=scores.json"], "one file"),
    ] {
        let error = PLUGIN.check(&args.map(str::to_owned)).unwrap_err();
        assert!(format!("{error:?}").contains(part), "{error:?}");
    }
}
