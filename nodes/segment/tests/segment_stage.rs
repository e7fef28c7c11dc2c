//! The stage on scripted scans, with a network whose answer is known.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../../operators/segmentation/tests/support/bright.rs"]
mod bright;

use std::{fs, path::Path};

use bright::{balls, save_bright, save_trained_on, save_without_card, tiny_plan, with_nan};
use renalflow_imaging::{Geometry, Image, LabelMap, boxes::BoundingBox};
use renalflow_sdk::{
    Failure, Table, Value,
    clap::{self, Args as _, FromArgMatches as _},
    replay::{Case, play, play_one},
    table::Row,
};
use renalflow_stage_segment::{Options, PLUGIN, boxes};
use serde_json::json;

fn arguments(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

fn run(
    folder: &Path,
    args: &[&str],
    image: &Image,
    table: Option<Table>,
) -> Result<LabelMap, Failure> {
    let mut case = Case::new("case_1").with("image", Value::Image(image.clone()));
    if let Some(table) = table {
        case = case.with("boxes", Value::Table(table));
    }
    match play_one(&PLUGIN, args, folder, case, "mask")? {
        Value::Labels(labels) => Ok(labels),
        other => panic!("{:?}", other.kind()),
    }
}

fn grid() -> Geometry {
    Geometry {
        origin_xyz_mm: [-60.0, -50.0, 100.0],
        ..Geometry::upright([40, 50, 60], [2.5, 2.0, 2.0]).unwrap()
    }
}

fn rows(regions: &[BoundingBox], geometry: &Geometry) -> Table {
    let rows: Vec<Row> = regions
        .iter()
        .map(|region| {
            let mut row = Row::new();
            row.insert("case_id".to_owned(), json!("case_1"));
            row.extend(boxes::cells(region, geometry));
            row
        })
        .collect();
    Table::from_rows(&rows).unwrap()
}

const RIGHT: BoundingBox = BoundingBox {
    start_zyx: [8, 10, 4],
    shape_zyx: [24, 28, 24],
};

/// Two balls: one in the middle of `RIGHT`, one on the other side.
fn scan() -> Image {
    let geometry = grid();
    let right = geometry.world_from_voxel([19.5, 23.5, 15.5]);
    let left = geometry.world_from_voxel([19.5, 23.5, 45.0]);
    balls(&geometry, &[(right, 16.0), (left, 12.0)])
}

fn weights(folder: &Path) -> String {
    let path = folder.join("fine.safetensors");
    save_bright(&path, &tiny_plan(&["background", "kidney"], 2.0, 32, 1));
    path.to_str().unwrap().to_owned()
}

fn labelled(labels: &LabelMap, x: std::ops::Range<usize>) -> usize {
    let columns = labels.geometry().shape_zyx[2];
    let voxels = labels.volume.voxels().iter().enumerate();
    voxels
        .filter(|(at, label)| **label == 1 && x.contains(&(at % columns)))
        .count()
}

#[test]
fn the_whole_scan_or_the_boxes_are_labelled() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let whole = run(folder.path(), &["--weights", &file], &scan(), None).unwrap();
    assert_eq!(whole.geometry(), &grid());
    assert_eq!(whole.names[&1], "kidney");
    let ball = |radius: f64| 4.0 / 3.0 * std::f64::consts::PI * radius.powi(3) / 10.0;
    let [right, left] = [labelled(&whole, 0..31), labelled(&whole, 31..60)];
    assert!((right as f64 / ball(16.0) - 1.0).abs() < 0.4, "{right}");
    assert!((left as f64 / ball(12.0) - 1.0).abs() < 0.6, "{left}");

    // One box: the other side stays background. Twice the same file is the same ensemble.
    let two = format!("{file},{file}");
    for args in [
        vec!["--weights", &file],
        vec!["--weights", &two, "--mirror", "z,x"],
        vec![
            "--weights",
            &file,
            "--crop-size-mm",
            "64",
            "--device",
            "cpu",
        ],
    ] {
        let table = rows(&[RIGHT], &grid());
        let one = run(folder.path(), &args, &scan(), Some(table)).unwrap();
        let right = labelled(&one, 0..31);
        assert!(
            (right as f64 / ball(16.0) - 1.0).abs() < 0.4,
            "{args:?}: {right}"
        );
        assert_eq!(labelled(&one, 36..60), 0, "{args:?}");
    }
}

#[test]
fn boxes_of_another_grid_fail_the_case() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let args = ["--weights", file.as_str()];
    let other = Geometry {
        spacing_zyx_mm: [2.5, 2.1, 2.0],
        ..grid()
    };
    let failure = run(folder.path(), &args, &scan(), Some(rows(&[RIGHT], &other))).unwrap_err();
    assert!(failure.cause.contains("another grid"), "{failure}");
    let outside = BoundingBox {
        start_zyx: [30, 0, 0],
        shape_zyx: [20, 4, 4],
    };
    let failure = run(
        folder.path(),
        &args,
        &scan(),
        Some(rows(&[outside], &grid())),
    )
    .unwrap_err();
    assert!(failure.cause.contains("does not fit"), "{failure}");
    let mut row = Row::new();
    row.insert("case_id".to_owned(), json!("case_1"));
    let table = Table::from_rows(&[row]).unwrap();
    let failure = run(folder.path(), &args, &scan(), Some(table)).unwrap_err();
    assert!(failure.cause.contains("start_z"), "{failure}");
}

#[test]
fn wrong_weights_and_options_are_found_before_a_case_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let check = |args: &[&str]| PLUGIN.check(&arguments(args));
    let refused = |args: &[&str]| check(args).unwrap_err().to_string();

    let (options, notes) = check(&["--weights", &file]).unwrap();
    assert!(notes[0].contains("labels: background, kidney"), "{notes:?}");
    // The content stands for the file: another name is the same, another content is not.
    let copy = folder.path().join("copy.safetensors");
    fs::copy(&file, &copy).unwrap();
    let (same, _) = check(&["--weights", copy.to_str().unwrap()]).unwrap();
    assert_eq!(options["weights"], same["weights"]);
    assert!(!options.to_string().contains("safetensors"));

    let bytes = fs::read(&file).unwrap();
    let cut = folder.path().join("cut.safetensors");
    fs::write(&cut, &bytes[..bytes.len() - 7]).unwrap();
    let text = refused(&["--weights", cut.to_str().unwrap()]);
    assert!(
        text.contains("cut.safetensors") && text.contains("cut off"),
        "{text}"
    );

    let other = folder.path().join("other.safetensors");
    save_bright(&other, &tiny_plan(&["background", "kidney"], 3.0, 32, 1));
    let (_, other_notes) = check(&["--weights", other.to_str().unwrap()]).unwrap();
    assert!(other_notes[0].contains("3.0"), "{other_notes:?}");
    let text = refused(&["--weights", &format!("{file},{}", other.display())]);
    assert!(text.contains("spacing_zyx_mm.z"), "{text}");

    let bare = folder.path().join("bare.safetensors");
    save_without_card(&bare);
    let text = refused(&["--weights", bare.to_str().unwrap()]);
    assert!(
        text.contains("bare.safetensors")
            && text.contains("has no renalflow.card")
            && text.contains("train the network here"),
        "{text}"
    );

    let text = refused(&["--weights", "absent.safetensors"]);
    assert!(text.contains("absent.safetensors"), "{text}");
    assert!(refused(&[]).contains("--weights"));
    assert!(refused(&["--weights", &file, "--step-fraction", "0"]).contains("--step-fraction"));
    assert!(refused(&["--weights", &file, "--crop-size-mm", "1,2"]).contains("--crop-size-mm"));
    assert!(refused(&["--weights", &file, "--device", "gpu"]).contains("cuda:N"));
    assert!(refused(&["--weights", &file, "--precision", "f16"]).contains("f32, tf32 or bf16"));
    let on_cpu = ["--weights", &file, "--device", "cpu", "--precision", "bf16"];
    let text = refused(&on_cpu);
    assert!(
        text.contains("--precision") && text.contains("cuda:N"),
        "{text}"
    );

    let args = arguments(&["--weights", &file, "--crop-size-mm", "160"]);
    let alone = PLUGIN.check_wiring(&args, &["image".to_owned()]);
    assert!(alone.unwrap_err().to_string().contains("boxes"));
}

#[test]
fn the_precision_is_in_the_lineage_where_it_changes_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let key = |more: &[&str]| {
        let command = Options::augment_args(clap::Command::new("segment"));
        let args = [&["segment", "--weights", &file][..], more].concat();
        let matches = command.try_get_matches_from(args).unwrap();
        serde_json::to_value(Options::from_arg_matches(&matches).unwrap()).unwrap()
    };
    // What is not given is not in the key, so that keys from before the option hold.
    assert_eq!(key(&[]), key(&["--precision", "f32"]));
    assert_eq!(key(&[]).get("precision"), None);
    for word in ["tf32", "bf16"] {
        assert_eq!(key(&["--precision", word])["precision"], word);
    }
}

#[test]
fn a_scan_with_nan_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let cases = [("bad", with_nan(&scan(), [20, 25, 30])), ("good", scan())]
        .map(|(id, image)| Case::new(id).with("image", Value::Image(image)));
    let replay = play(&PLUGIN, &["--weights", &file], folder.path(), &cases).unwrap();
    let mut masks = replay.received("mask");
    let failure = masks.remove("bad").unwrap().unwrap_err();
    assert_eq!(failure.node, "segment");
    assert!(failure.cause.contains("NaN"), "{failure}");
    assert!(masks.remove("good").unwrap().is_ok());
}

#[test]
fn a_scan_without_foreground_has_an_empty_mask() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let labels = run(
        folder.path(),
        &["--weights", &file],
        &balls(&grid(), &[]),
        None,
    )
    .unwrap();
    assert_eq!(labels.geometry(), &grid());
    assert!(labels.counts().is_empty());
    assert_eq!(labels.names[&1], "kidney");
}

#[test]
fn a_scan_smaller_than_the_patch_is_labelled() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    // 20 mm wide, and the patch is 64.
    let small = Geometry::upright([8, 9, 10], [2.5, 2.0, 2.0]).unwrap();
    let image = balls(&small, &[([9.0, 8.0, 9.0], 6.0)]);
    let table = rows(&[BoundingBox::whole(&small)], &small);
    for boxes in [None, Some(table)] {
        let labels = run(folder.path(), &["--weights", &file], &image, boxes).unwrap();
        assert_eq!(labels.geometry(), &small);
        // The middle is bright, the corner is not.
        assert_eq!(labels.volume.view()[[4, 4, 4]], 1);
        assert_eq!(labels.volume.view()[[0, 0, 0]], 0);
    }
}

/// Fold 0 finds kidneys and was trained on `p1` and `p3`, fold 1 finds none and was trained on
/// `p0` and `p3`.
fn folds(folder: &Path) -> [String; 2] {
    let plan = tiny_plan(&["background", "kidney"], 2.0, 32, 1);
    [(true, ["p1", "p3"]), (false, ["p0", "p3"])].map(|(sees, patients)| {
        let path = folder.join(format!("fold-{}.safetensors", u8::from(!sees)));
        save_trained_on(&path, &plan, sees, &patients);
        path.to_str().unwrap().to_owned()
    })
}

fn record(patient: &str) -> Value {
    let row = json!({"case_id": "any", "patient_id": patient});
    Value::Table(Table::from_rows(&[row.as_object().unwrap().clone()]).unwrap())
}

#[test]
fn held_out_cases_are_shown_to_networks_that_have_not_seen_their_patient() {
    let folder = tempfile::tempdir().unwrap();
    let both = folds(folder.path()).join(",");
    let args = ["--weights", both.as_str(), "--held-out"];
    let case = |id: &str| Case::new(id).with("image", Value::Image(scan()));
    // By patient: the second scan of each is in no list.
    let cases = ["p0", "p1", "p2", "p3"]
        .map(|patient| case(&format!("{patient}_scan_2")).with("record", record(patient)));
    let replay = play(&PLUGIN, &args, folder.path(), &cases).unwrap();
    let mut masks = replay.received("mask");
    let mut found = |id: &str| match masks.remove(id).unwrap() {
        Ok(Value::Labels(labels)) => Ok(!labels.counts().is_empty()),
        Ok(other) => panic!("{:?}", other.kind()),
        Err(failure) => Err(failure),
    };
    assert!(found("p0_scan_2").unwrap(), "fold 0 alone");
    assert!(!found("p1_scan_2").unwrap(), "fold 1 alone");
    // A patient of no training is shown to both, whose mean says background.
    assert!(!found("p2_scan_2").unwrap(), "both");
    let failure = found("p3_scan_2").unwrap_err();
    assert!(
        failure
            .cause
            .contains("patient p3 was in the training of all 2 networks")
            && failure.cause.contains("fold-1.safetensors"),
        "{failure}"
    );
    assert!(failure.fix.contains("every fold"), "{failure}");

    // By the case alone, where no record is connected.
    let replay = play(
        &PLUGIN,
        &args,
        folder.path(),
        &[case("p0_scan_1"), case("p1_scan_1")],
    );
    let mut masks = replay.unwrap().received("mask");
    for (id, expected) in [("p0_scan_1", true), ("p1_scan_1", false)] {
        let Ok(Value::Labels(labels)) = masks.remove(id).unwrap() else {
            panic!("{id}")
        };
        assert_eq!(!labels.counts().is_empty(), expected, "{id}");
    }
}

#[test]
fn held_out_wants_cards_that_say_whom_they_have_seen() {
    let folder = tempfile::tempdir().unwrap();
    let [fold, _] = folds(folder.path());
    let silent = weights(folder.path());
    let both = format!("{fold},{silent}");
    let args = arguments(&["--weights", &both, "--held-out"]);
    let text = PLUGIN.check(&args).unwrap_err().to_string();
    assert!(
        text.contains("fine.safetensors does not say whose scans") && text.contains("fix: train"),
        "{text}"
    );
    let args = arguments(&["--weights", &fold, "--held-out"]);
    let (options, notes) = PLUGIN.check(&args).unwrap();
    assert!(
        notes[1].contains("fold-0.safetensors has seen 2 patients"),
        "{notes:?}"
    );
    assert_eq!(options["held_out"], true);
    // Without the option the key is that of before, and a record is of no use.
    let args = arguments(&["--weights", &fold]);
    let (options, _) = PLUGIN.check(&args).unwrap();
    assert!(options.get("held_out").is_none());
    let wired = PLUGIN.check_wiring(&args, &["image".to_owned(), "record".to_owned()]);
    assert!(wired.unwrap_err().to_string().contains("--held-out"));
}
