//! The stage on scripted scans, with a network whose answer is known.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../../operators/segmentation/tests/support/bright.rs"]
mod bright;

use std::path::Path;

use bright::{balls, save_bright, save_trained_on, save_without_card, tiny_plan, with_nan};
use renalflow_imaging::{Geometry, Image, orientation::reorient_image};
use renalflow_sdk::{
    Failure, Table, Value,
    replay::{Case, play, play_one},
};
use renalflow_stage_coarse::PLUGIN;
use renalflow_stage_segment::boxes;

fn arguments(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

fn run(folder: &Path, args: &[&str], image: &Image) -> Result<Table, Failure> {
    let case = Case::new("case_1").with("image", Value::Image(image.clone()));
    match play_one(&PLUGIN, args, folder, case, "boxes")? {
        Value::Table(table) => Ok(table),
        other => panic!("{:?}", other.kind()),
    }
}

fn grid() -> Geometry {
    Geometry {
        origin_xyz_mm: [-150.0, -120.0, 800.0],
        ..Geometry::upright([50, 120, 150], [4.0, 2.0, 2.0]).unwrap()
    }
}

fn weights(folder: &Path) -> String {
    let path = folder.join("coarse.safetensors");
    save_bright(
        &path,
        &tiny_plan(&["background", "kidney+tumour"], 5.0, 32, 1),
    );
    path.to_str().unwrap().to_owned()
}

/// A right kidney of 25 mm radius, a left one of 22, and a spot of 5.
fn scan() -> Image {
    let right = [-70.0, 20.0, 900.0];
    let left = [75.0, 15.0, 890.0];
    balls(
        &grid(),
        &[(right, 25.0), (left, 22.0), ([0.0, -80.0, 940.0], 5.0)],
    )
}

#[test]
fn each_kidney_gets_a_box_with_its_margin() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let image = scan();
    for stored in [image.clone(), reorient_image(&image, "IPL").unwrap()] {
        let args = ["--weights", file.as_str(), "--margin-mm", "15"];
        let table = run(folder.path(), &args, &stored).unwrap();
        let texts = |name: &str| table.texts(name).unwrap();
        let sides: Vec<_> = texts("side").into_iter().flatten().collect();
        assert_eq!(sides, ["right", "left"]);
        assert!(
            texts("case_id")
                .iter()
                .all(|id| id.as_deref() == Some("case_1"))
        );
        let volumes = table.f64s("volume_ml").unwrap();
        for (ml, radius) in volumes.iter().zip([2.5f64, 2.2]) {
            let truth = 4.0 / 3.0 * std::f64::consts::PI * radius.powi(3);
            assert!((ml / truth - 1.0).abs() < 0.9, "{ml} mL of {truth}");
        }
        // The same boxes in the patient, however the scan is stored.
        let regions = boxes::read(&table, stored.geometry()).unwrap();
        for (region, (centre, radius)) in regions
            .iter()
            .zip([([-70.0, 20.0, 900.0], 25.0), ([75.0, 15.0, 890.0], 22.0)])
        {
            let first = region.start_zyx.map(|n| n as f64 - 0.5);
            let last = region.end_zyx().map(|n| n as f64 - 0.5);
            let corners = [first, last].map(|index| stored.geometry().world_from_voxel(index));
            for axis in 0..3 {
                let low = corners[0][axis].min(corners[1][axis]);
                let high = corners[0][axis].max(corners[1][axis]);
                for margin in [centre[axis] - low - radius, high - centre[axis] - radius] {
                    assert!((8.0..=30.0).contains(&margin), "{margin} mm along {axis}");
                }
            }
        }
    }
}

#[test]
fn without_a_kidney_the_case_fails_and_says_what_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let empty = balls(&grid(), &[([0.0, -80.0, 900.0], 6.0)]);
    let failure = run(folder.path(), &["--weights", &file], &empty).unwrap_err();
    assert_eq!(failure.case_id, "case_1");
    let text = failure.to_string();
    assert!(
        text.contains("case_1") && text.contains("no kidney was found"),
        "{text}"
    );
    assert!(text.contains("mL of kidney+tumour"), "{text}");
    // The same spot is enough where that is asked for.
    let args = ["--weights", file.as_str(), "--smallest-ml", "1"];
    assert_eq!(run(folder.path(), &args, &empty).unwrap().len(), 1);
}

#[test]
fn wrong_options_are_found_before_a_case_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let refused = |args: &[&str]| PLUGIN.check(&arguments(args)).unwrap_err().to_string();
    assert!(refused(&["--weights", &file, "--margin-mm=-1"]).contains("margin-mm"));
    assert!(refused(&["--weights", &file, "--smallest-ml", "NaN"]).contains("--smallest-ml"));
    let on_cpu = ["--weights", &file, "--device", "cpu", "--precision", "tf32"];
    assert!(refused(&on_cpu).contains("cuda:N"));
    let bare = folder.path().join("bare.safetensors");
    save_without_card(&bare);
    let text = refused(&["--weights", bare.to_str().unwrap()]);
    assert!(
        text.contains("has no renalflow.card") && text.contains("train the network here"),
        "{text}"
    );
    let text = refused(&["--weights", &file, "--kidney", "liver"]);
    assert!(
        text.contains("--kidney") && text.contains("liver"),
        "{text}"
    );
    let named = ["--weights", file.as_str(), "--kidney", "kidney+tumour"];
    PLUGIN.check(&arguments(&named)).unwrap();
}

#[test]
fn scans_with_nan_and_without_kidneys_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    let cases = [
        ("nan", with_nan(&scan(), [25, 60, 70])),
        ("empty", balls(&grid(), &[])),
        ("good", scan()),
    ]
    .map(|(id, image)| Case::new(id).with("image", Value::Image(image)));
    let replay = play(&PLUGIN, &["--weights", &file], folder.path(), &cases).unwrap();
    let mut boxes = replay.received("boxes");
    let nan = boxes.remove("nan").unwrap().unwrap_err();
    assert!(nan.cause.contains("NaN"), "{nan}");
    let empty = boxes.remove("empty").unwrap().unwrap_err();
    assert!(
        empty.cause.contains("0.00 mL of kidney+tumour") && empty.cause.contains("no kidney"),
        "{empty}"
    );
    assert!(empty.fix.contains("is it in HU"), "{empty}");
    assert!(boxes.remove("good").unwrap().is_ok());
}

#[test]
fn a_scan_smaller_than_the_patch_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path());
    // 60 mm wide, and the patch is 160.
    let small = Geometry::upright([15, 30, 30], [4.0, 2.0, 2.0]).unwrap();
    let image = balls(&small, &[([29.0, 29.0, 28.0], 22.0)]);
    assert_eq!(
        run(folder.path(), &["--weights", &file], &image)
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn held_out_cases_are_searched_by_networks_that_have_not_seen_them() {
    let folder = tempfile::tempdir().unwrap();
    let plan = tiny_plan(&["background", "kidney+tumour"], 5.0, 32, 1);
    let files = [(true, "p1"), (false, "p0")].map(|(sees, patient)| {
        let path = folder.path().join(format!("without-{patient}.safetensors"));
        save_trained_on(&path, &plan, sees, &[patient]);
        path.to_str().unwrap().to_owned()
    });
    let args = ["--weights", &files.join(","), "--held-out"];
    let cases =
        ["p0_scan_1", "p1_scan_1"].map(|id| Case::new(id).with("image", Value::Image(scan())));
    let mut boxes = play(&PLUGIN, &args, folder.path(), &cases)
        .unwrap()
        .received("boxes");
    assert!(boxes.remove("p0_scan_1").unwrap().is_ok());
    let blind = boxes.remove("p1_scan_1").unwrap().unwrap_err();
    assert!(blind.cause.contains("no kidney was found"), "{blind}");
}
