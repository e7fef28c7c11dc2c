//! The stage on scripted messages and a tiny network: what is pooled, what is missing, and what
//! is refused before a case is read.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use candle_core::{DType, Device, Tensor};
use renalflow_imaging::{Geometry, Image, LabelMap, Volume};
use renalflow_sdk::{
    Failure, Table, Value,
    replay::{Case, Replay, play},
};
use renalflow_segmentation::{
    network::{
        Domain, FsNet, Parameters, Plan, Scheme, SegmentationNetwork, Use,
        plan::{Fingerprint, LabelSet, PlanOptions, Window},
    },
    weights::{self, Card, TrainedOn},
};
use renalflow_stage_deep_features::PLUGIN;

/// Two levels, patches of 16 voxels of 2 mm, intensities from -100 to 300 HU.
fn plan() -> Plan {
    let labels = ["background", "kidney", "tumour"]
        .map(str::to_owned)
        .to_vec();
    let mut options = PlanOptions::new("tiny", LabelSet::Classes(labels));
    options.base_features = 4;
    options.max_levels = 2;
    options.max_patch_voxels = 16 * 16 * 16;
    let fingerprint = Fingerprint {
        spacings_zyx_mm: vec![[2.0; 3]],
        shapes_zyx: vec![[40; 3]],
    };
    let mut plan = Plan::derive(&fingerprint, &options).unwrap();
    plan.window.value = Window::Ends {
        low_hu: -100.0,
        high_hu: 300.0,
    };
    assert_eq!(plan.patch_zyx.value, [16; 3]);
    assert_eq!(plan.spacing_zyx_mm.value, [2.0; 3]);
    plan
}

fn weights(folder: &Path, scheme: Scheme) -> PathBuf {
    save(&folder.join("tiny.safetensors"), scheme, 5, None)
}

fn save(path: &Path, scheme: Scheme, seed: u64, trained_on: Option<TrainedOn>) -> PathBuf {
    let plan = plan();
    let parameters = Parameters::new(seed);
    FsNet::new(&plan, scheme, &parameters, Use::Inference).unwrap();
    let mut card = Card::new(plan, scheme, "key");
    card.trained_on = trained_on;
    weights::save(path, &parameters, card).unwrap();
    path.to_owned()
}

fn grid() -> Geometry {
    Geometry::upright([40; 3], [2.0; 3]).unwrap()
}

fn image() -> Image {
    let voxels: Vec<i16> = (0..40 * 40 * 40)
        .map(|at| (at * 7919 % 501) as i16 - 150)
        .collect();
    Image::I16(Volume::new(grid(), voxels).unwrap())
}

/// A kidney from 10 to 30 and a tumour in a box of it.
fn mask(start: [usize; 3], end: [usize; 3]) -> LabelMap {
    let inside = |at: usize, start: [usize; 3], end: [usize; 3]| {
        let place = [at / 1600, at / 40 % 40, at % 40];
        (0..3).all(|axis| (start[axis]..end[axis]).contains(&place[axis]))
    };
    let voxels: Vec<u16> = (0..40 * 40 * 40)
        .map(|at| {
            if inside(at, start, end) {
                2
            } else {
                u16::from(inside(at, [10; 3], [30; 3]))
            }
        })
        .collect();
    LabelMap {
        volume: Volume::new(grid(), voxels).unwrap(),
        names: [(1, "kidney".to_owned()), (2, "tumour".to_owned())].into(),
    }
}

fn case(id: &str, mask: &LabelMap) -> Case {
    Case::new(id)
        .with("image", Value::Image(image()))
        .with("mask", Value::Labels(mask.clone()))
}

fn run(cases: &[(&str, LabelMap)], args: &[&str]) -> Replay {
    let cases: Vec<Case> = cases.iter().map(|(id, mask)| case(id, mask)).collect();
    play(&PLUGIN, args, Path::new(""), &cases).unwrap()
}

fn sent(replay: &Replay, case_id: &str) -> Result<Table, Failure> {
    match replay.received("features").remove(case_id).unwrap() {
        Ok(Value::Table(table)) => Ok(table),
        Ok(other) => panic!("{}", other.kind()),
        Err(failure) => Err(failure),
    }
}

/// The note of the check.
fn noted(args: &[&str]) -> String {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    PLUGIN.check(&args).unwrap().1.join("")
}

fn refused(args: &[&str]) -> String {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let error = PLUGIN.check(&args).unwrap_err();
    error.to_string()
}

#[test]
fn a_row_a_region_with_columns_that_carry_layer_pool_part_and_channel() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), Scheme::Scratch);
    let path = path.to_str().unwrap();
    let case = [("a", mask([12; 3], [18; 3]))];
    let regions = ["--weights", path, "--regions", "tumour,kidney+tumour"];
    let replay = run(&case, &regions);
    let table = sent(&replay, "a").unwrap();
    let names = table.names();
    // Two levels: the deepest of the way down has 8 channels, two pools each.
    assert_eq!(names.len(), 2 + 2 * 8);
    assert_eq!(
        names[..3],
        ["case_id", "roi", "deep_encoder.1_mean_whole_c000"]
    );
    assert_eq!(names[17], "deep_encoder.1_sd_whole_c007");
    let note = noted(&regions);
    assert!(
        note.starts_with("encoder.1 of ") && note.ends_with(": 16 features a region"),
        "{note}"
    );
    assert_eq!(
        table.texts("roi").unwrap(),
        [Some("tumour".to_owned()), Some("kidney+tumour".to_owned())]
    );
    assert!(
        names[2..]
            .iter()
            .all(|name| table.f64s(name).unwrap().iter().all(|v| v.is_finite()))
    );
    // Other regions change nothing, and neither does the run.
    let alone = run(&case, &["--weights", path, "--regions", "kidney+tumour"]);
    let alone = sent(&alone, "a").unwrap();
    for name in &names[2..] {
        assert_eq!(alone.f64s(name).unwrap()[0], table.f64s(name).unwrap()[1]);
    }
    let again = run(&case, &regions);
    assert_eq!(sent(&again, "a").unwrap(), table);
}

#[test]
fn the_values_are_those_of_the_layer_in_the_crop_under_the_mask() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), Scheme::Scratch);
    let case = [("a", mask([12; 3], [18; 3]))];
    let args = ["--weights", path.to_str().unwrap(), "--layers", "encoder.0"];
    let replay = run(&case, &args);
    let table = sent(&replay, "a").unwrap();

    // By hand: the grids agree, and the patch of 16 around the middle, 15, starts at 7.
    let voxels = image().to_f64();
    let patch: Vec<f32> = (0..16 * 16 * 16)
        .map(|at| {
            let voxel = [at / 256 + 7, at / 16 % 16 + 7, at % 16 + 7];
            ((voxels.view()[voxel].clamp(-100.0, 300.0) + 100.0) / 400.0) as f32
        })
        .collect();
    let parameters = Parameters::new(0);
    let network = FsNet::new(&plan(), Scheme::Scratch, &parameters, Use::Inference).unwrap();
    weights::load(&path)
        .unwrap()
        .apply(&path, &parameters)
        .unwrap();
    let x = Tensor::from_vec(patch, (1, 1, 16, 16, 16), &Device::Cpu).unwrap();
    let (_, found) = network
        .forward_with_taps(&x, Domain::Primary, &["encoder.0"])
        .unwrap();
    let layer = found["encoder.0"].narrow(2, 5, 6).unwrap();
    let layer = layer.narrow(3, 5, 6).unwrap().narrow(4, 5, 6).unwrap();
    for (channel, values) in layer
        .squeeze(0)
        .unwrap()
        .flatten_from(1)
        .unwrap()
        .to_vec2::<f32>()
        .unwrap()
        .iter()
        .enumerate()
    {
        let n = values.len() as f64;
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let sd = (values
            .iter()
            .map(|v| (f64::from(*v) - mean).powi(2))
            .sum::<f64>()
            / n)
            .sqrt();
        for (pool, expected) in [("mean", mean), ("sd", sd)] {
            let name = format!("deep_encoder.0_{pool}_whole_c{channel:03}");
            let value = table.f64s(&name).unwrap()[0];
            assert!(
                (value - expected).abs() < 1e-6,
                "{name}: {value} {expected}"
            );
        }
    }
}

#[test]
fn pools_parts_layers_and_prefix_are_as_asked_and_an_unreached_octant_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), Scheme::Scratch);
    // Two opposite corners of a box.
    let mut case = mask([8; 3], [8; 3]);
    let voxels: Vec<u16> = (0..40 * 40 * 40)
        .map(|at| {
            let place = [at / 1600, at / 40 % 40, at % 40];
            u16::from(
                place.iter().all(|p| (4..8).contains(p))
                    || place.iter().all(|p| (8..12).contains(p)),
            ) * 2
        })
        .collect();
    case.volume = Volume::new(grid(), voxels).unwrap();
    let replay = run(
        &[("a", case)],
        &[
            "--weights",
            path.to_str().unwrap(),
            "--layers",
            "decoder.0,encoder.0",
            "--pools",
            "max,boxmax",
            "--parts",
            "octants",
            "--prefix",
            "net_",
        ],
    );
    let table = sent(&replay, "a").unwrap();
    assert_eq!(table.names().len(), 2 + 2 * 2 * 8 * 4);
    assert_eq!(table.names()[2], "net_decoder.0_max_o000_c000");
    let value = |name: &str| table.f64s(name).unwrap()[0];
    assert!(value("net_encoder.0_max_o001_c000").is_nan());
    assert!(value("net_encoder.0_boxmax_o001_c000").is_finite());
    assert!(value("net_encoder.0_max_o000_c000").is_finite());
    assert!(table.rows()[0]["net_encoder.0_max_o001_c000"].is_null());
}

#[test]
fn regions_at_the_border_and_longer_than_the_patch_are_described() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), Scheme::Scratch);
    let cases = [
        ("corner", mask([0; 3], [3; 3])),
        ("far", mask([38, 0, 36], [40, 2, 40])),
        ("long", mask([2, 2, 2], [6, 6, 38])),
    ];
    let replay = run(&cases, &["--weights", path.to_str().unwrap()]);
    for (id, _) in &cases {
        let table = sent(&replay, id).unwrap();
        let name = "deep_encoder.1_mean_whole_c003";
        assert!(table.f64s(name).unwrap()[0].is_finite(), "{id}");
    }
}

#[test]
fn a_case_without_the_region_fails_alone_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), Scheme::Scratch);
    let cases = [
        ("none", mask([0; 3], [0; 3])),
        ("some", mask([12; 3], [18; 3])),
    ];
    let replay = run(&cases, &["--weights", path.to_str().unwrap()]);
    let failure = sent(&replay, "none").unwrap_err();
    assert!(
        failure
            .cause
            .starts_with("region `tumour`: none of the labels [2] occurs"),
        "{failure}"
    );
    assert!(failure.fix.contains("look at the mask"), "{failure}");
    sent(&replay, "some").unwrap();
}

#[test]
fn mistakes_are_found_before_a_case_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), Scheme::TwoColumnFrozen);
    let text = path.to_str().unwrap();
    let layer = refused(&["--weights", text, "--layers", "bottleneck"]);
    assert!(layer.contains("no layer `bottleneck`"), "{layer}");
    assert!(
        layer.contains("it has encoder.0.") && layer.contains("auxiliary.encoder.1"),
        "{layer}"
    );
    let deaf = weights(folder.path(), Scheme::TwoColumnJoint);
    let deaf = deaf.to_str().unwrap();
    let passed = refused(&["--weights", deaf, "--layers", "auxiliary.decoder.0"]);
    assert!(passed.contains("--domain"), "{passed}");
    let path = weights(folder.path(), Scheme::TwoColumnFrozen);
    let text = path.to_str().unwrap();
    let twice = refused(&["--weights", text, "--layers", "encoder.0,encoder.0"]);
    assert!(twice.contains("twice"), "{twice}");
    let pool = refused(&["--weights", text, "--pools", "median"]);
    assert!(pool.contains("there are: mean, max, sd"), "{pool}");
    let on_cpu = refused(&["--weights", text, "--device", "cpu", "--precision", "tf32"]);
    assert!(on_cpu.contains("cuda:N"), "{on_cpu}");
    let margin = refused(&["--weights", text, "--margin-mm", "NaN"]);
    assert!(margin.contains("--margin-mm"), "{margin}");
    let regions = refused(&["--weights", text, "--regions", "tumour,tumour"]);
    assert!(regions.contains("twice"), "{regions}");

    let several = refused(&["--weights", &format!("{text},{text}")]);
    assert!(
        several.contains("--weights are 2 files") && several.contains("--held-out"),
        "{several}"
    );
    let silent = refused(&["--weights", text, "--held-out"]);
    assert!(silent.contains("does not say whose scans"), "{silent}");
    let bare = folder.path().join("bare.safetensors");
    let tensor = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    candle_core::safetensors::save(&HashMap::from([("weight", tensor)]), &bare).unwrap();
    let bare = refused(&["--weights", bare.to_str().unwrap()]);
    assert!(
        bare.contains("has no renalflow.card") && bare.contains("train the network here"),
        "{bare}"
    );
    let absent = refused(&["--weights", "nowhere.safetensors"]);
    assert!(absent.contains("nowhere.safetensors"), "{absent}");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let truncated = refused(&["--weights", text]);
    assert!(truncated.contains("tiny.safetensors"), "{truncated}");
    let mut altered = whole.clone();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(&path, altered).unwrap();
    let altered = refused(&["--weights", text]);
    assert!(altered.contains("digest"), "{altered}");
}

#[test]
fn the_lineage_is_that_of_the_weights_not_of_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), Scheme::Scratch);
    let elsewhere = folder.path().join("elsewhere.safetensors");
    std::fs::copy(&path, &elsewhere).unwrap();
    let options = |path: &Path| {
        let args = ["--weights".to_owned(), path.display().to_string()];
        PLUGIN.check(&args).unwrap().0
    };
    assert_eq!(options(&path), options(&elsewhere));
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let other = weights(&other, Scheme::DomainNorm);
    assert_ne!(options(&path), options(&other));
}

#[test]
fn a_scan_with_nan_in_the_crop_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), Scheme::Scratch);
    let mut voxels: Vec<f32> = image()
        .to_f64()
        .voxels()
        .iter()
        .map(|&v| v as f32)
        .collect();
    voxels[(15 * 40 + 15) * 40 + 15] = f32::NAN;
    let nan = Image::F32(Volume::new(grid(), voxels).unwrap());
    let tumour = mask([12; 3], [18; 3]);
    let cases = [
        Case::new("nan")
            .with("image", Value::Image(nan))
            .with("mask", Value::Labels(tumour.clone())),
        case("good", &tumour),
    ];
    let args = ["--weights", path.to_str().unwrap()];
    let replay = play(&PLUGIN, &args, folder.path(), &cases).unwrap();
    let failure = sent(&replay, "nan").unwrap_err();
    assert!(failure.cause.contains("NaN"), "{failure}");
    sent(&replay, "good").unwrap();
}

#[test]
fn a_scan_smaller_than_the_patch_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), Scheme::Scratch);
    // 12 mm of a patch of 32.
    let small = Geometry::upright([6; 3], [2.0; 3]).unwrap();
    let voxels: Vec<i16> = (0..216).map(|at| (at * 7919 % 501) as i16 - 150).collect();
    let labels: Vec<u16> = (0..216).map(|at| if at % 36 < 8 { 2 } else { 1 }).collect();
    let case = Case::new("small")
        .with(
            "image",
            Value::Image(Image::I16(Volume::new(small.clone(), voxels).unwrap())),
        )
        .with(
            "mask",
            Value::Labels(LabelMap {
                volume: Volume::new(small, labels).unwrap(),
                names: mask([0; 3], [0; 3]).names,
            }),
        );
    let args = ["--weights", path.to_str().unwrap()];
    let replay = play(&PLUGIN, &args, folder.path(), &[case]).unwrap();
    let table = sent(&replay, "small").unwrap();
    assert!(table.f64s("deep_encoder.1_mean_whole_c003").unwrap()[0].is_finite());
}

#[test]
fn held_out_cases_are_described_by_a_network_that_has_not_seen_their_patient() {
    let folder = tempfile::tempdir().unwrap();
    let files = [(5, "p1"), (6, "p0")].map(|(seed, patient)| {
        let mut seen = TrainedOn::default();
        seen.add(patient, &format!("{patient}_scan_1"));
        seen.add("p3", "p3_scan_1");
        let path = folder.path().join(format!("seed-{seed}.safetensors"));
        save(&path, Scheme::Scratch, seed, Some(seen))
            .display()
            .to_string()
    });
    let record = |patient: &str| {
        let row = serde_json::json!({"case_id": "any", "patient_id": patient});
        Value::Table(Table::from_rows(&[row.as_object().unwrap().clone()]).unwrap())
    };
    let tumour = mask([12; 3], [18; 3]);
    let column = "deep_encoder.1_mean_whole_c003";
    let alone = files.each_ref().map(|file| {
        let replay = run(&[("any", tumour.clone())], &["--weights", file]);
        sent(&replay, "any").unwrap().f64s(column).unwrap()[0]
    });
    assert_ne!(alone[0], alone[1]);
    let both = files.join(",");
    let cases = ["p0", "p1", "p2", "p3"]
        .map(|patient| case(&format!("{patient}_scan_2"), &tumour).with("record", record(patient)));
    let args = ["--weights", both.as_str(), "--held-out"];
    let replay = play(&PLUGIN, &args, folder.path(), &cases).unwrap();
    let value = |id: &str| sent(&replay, id).unwrap().f64s(column).unwrap()[0];
    assert_eq!(value("p0_scan_2"), alone[0]);
    assert_eq!(value("p1_scan_2"), alone[1]);
    // A patient of no training: the first of those that may.
    assert_eq!(value("p2_scan_2"), alone[0]);
    let failure = sent(&replay, "p3_scan_2").unwrap_err();
    assert!(
        failure
            .cause
            .contains("patient p3 was in the training of all 2"),
        "{failure}"
    );
}
