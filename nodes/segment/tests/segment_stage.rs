//! The stage on scripted scans, with a network whose answer is known.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../../operators/segmentation/tests/support/bright.rs"]
mod bright;

use std::{fs, path::Path};

use bright::{balls, save_bright, tiny_plan};
use renalflow_imaging::{Geometry, Image, LabelMap, boxes::BoundingBox};
use renalflow_sdk::{
    Context, Failure, Plugin, Table, Value,
    clap::{self, Args as _, FromArgMatches as _},
    journal::Journal,
    replay::Replay,
    table::Row,
};
use renalflow_stage_segment::{Options, PLUGIN, boxes};
use serde_json::json;

fn context(folder: &Path) -> Context {
    Context {
        node_id: "segment".to_owned(),
        run_dir: folder.to_owned(),
        strict: false,
        inputs: Vec::new(),
        outputs: Vec::new(),
    }
}

fn arguments(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

fn run(
    folder: &Path,
    args: &[&str],
    image: &Image,
    table: Option<Table>,
) -> Result<LabelMap, Failure> {
    let inputs: &[&str] = if table.is_some() {
        &["image", "boxes"]
    } else {
        &["image"]
    };
    let mut replay = Replay::new(inputs.iter().copied(), ["mask"]);
    for input in inputs {
        replay.begin(input, &["case_1"]);
    }
    replay.value("image", "case_1", Value::Image(image.clone()));
    if let Some(table) = table {
        replay.value("boxes", "case_1", Value::Table(table));
    }
    for input in inputs {
        replay.end(input);
    }
    Plugin::of::<renalflow_stage_segment::Segment>()
        .run_on(
            &mut replay,
            &arguments(args),
            &context(folder),
            &mut Journal::none(),
        )
        .unwrap();
    match replay.received("mask").remove("case_1").unwrap() {
        Ok(Value::Labels(labels)) => Ok(labels),
        Ok(other) => panic!("{:?}", other.kind()),
        Err(failure) => Err(failure),
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
    let folder = TempDir::new().unwrap();
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
