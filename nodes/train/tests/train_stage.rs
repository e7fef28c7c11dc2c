//! The stage on small synthetic scans, as a graph runs it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use renalflow_imaging::{Geometry, Image, LabelMap, Volume};
use renalflow_sdk::{
    Context, Value,
    journal::{Entry, Journal},
    replay::Replay,
};
use renalflow_stage_train::PLUGIN;

const SHAPE: [usize; 3] = [20, 22, 24];

/// Two balls in noise, one within the other, and a case's number in where they are.
fn scan(id: usize, labels: &[(u16, &str)]) -> (Value, Value) {
    let geometry = Geometry::upright(SHAPE, [2.0; 3]).unwrap();
    let centre = [9 + id % 3, 11, 11 + id % 4].map(|c| c as f64);
    let d2 = |i: usize| -> f64 {
        let at = [
            i / (SHAPE[1] * SHAPE[2]),
            i / SHAPE[2] % SHAPE[1],
            i % SHAPE[2],
        ];
        at.iter()
            .zip(centre)
            .map(|(a, c)| (*a as f64 - c).powi(2))
            .sum()
    };
    let n: usize = SHAPE.iter().product();
    let hu = |i: usize| {
        let noise = ((i * 7919 + id * 104_729) % 61) as i16 - 30;
        noise
            + if d2(i) < 9.0 {
                180
            } else if d2(i) < 42.0 {
                100
            } else {
                -60
            }
    };
    let label = |i: usize| {
        let ball = if d2(i) < 9.0 {
            2
        } else {
            u16::from(d2(i) < 42.0)
        };
        labels
            .get(usize::from(ball).wrapping_sub(1))
            .map_or(0, |(label, _)| *label)
    };
    let image = Volume::new(geometry.clone(), (0..n).map(hu).collect::<Vec<i16>>()).unwrap();
    let volume = Volume::new(geometry, (0..n).map(label).collect::<Vec<u16>>()).unwrap();
    let names: BTreeMap<u16, String> = labels
        .iter()
        .map(|(label, name)| (*label, (*name).to_owned()))
        .collect();
    (
        Value::Image(Image::I16(image)),
        Value::Labels(LabelMap { volume, names }),
    )
}

const BOTH: &[(u16, &str)] = &[(1, "kidney"), (2, "tumour")];

/// One run of the stage.
struct Run {
    folder: tempfile::TempDir,
    cases: Vec<(&'static str, String, Value, Value)>,
}

impl Run {
    fn new(primary: usize, auxiliary: usize, test: usize) -> Self {
        let mut run = Self {
            folder: tempfile::tempdir().unwrap(),
            cases: Vec::new(),
        };
        for (prefix, count) in [("", primary), ("auxiliary-", auxiliary), ("test-", test)] {
            for id in 0..count {
                let (image, mask) = scan(id + prefix.len(), BOTH);
                run.cases
                    .push((prefix, format!("{prefix}c{id}"), image, mask));
            }
        }
        run
    }

    fn add(&mut self, prefix: &'static str, name: &str, (image, mask): (Value, Value)) {
        self.cases.push((prefix, name.to_owned(), image, mask));
    }

    fn go(&self, args: &str) -> Result<(Vec<String>, Vec<Entry>), String> {
        self.go_for(args, 2, 3)
    }

    fn go_for(
        &self,
        args: &str,
        epochs: usize,
        steps: usize,
    ) -> Result<(Vec<String>, Vec<Entry>), String> {
        let prefixes: Vec<&str> = ["", "auxiliary-", "test-"]
            .into_iter()
            .filter(|prefix| self.cases.iter().any(|(p, ..)| p == prefix))
            .collect();
        let inputs: Vec<String> = prefixes
            .iter()
            .flat_map(|p| [format!("{p}image"), format!("{p}mask")])
            .collect();
        let outputs = ["ack", "ack-auxiliary", "ack-test"];
        let mut replay = Replay::new(inputs.iter().map(String::as_str), outputs);
        for prefix in prefixes {
            let own: Vec<_> = self.cases.iter().filter(|(p, ..)| *p == prefix).collect();
            let names: Vec<&str> = own.iter().map(|(_, name, ..)| name.as_str()).collect();
            let (image, mask) = (format!("{prefix}image"), format!("{prefix}mask"));
            for input in [&image, &mask] {
                replay.begin(input, &names);
            }
            for (_, name, image_value, mask_value) in own {
                replay.value(&image, name, image_value.clone());
                replay.value(&mask, name, mask_value.clone());
            }
            for input in [&image, &mask] {
                replay.end(input);
            }
        }
        let context = Context {
            node_id: "train".to_owned(),
            run_dir: self.folder.path().to_owned(),
            strict: false,
            inputs,
            outputs: Vec::new(),
        };
        let args: Vec<String> =
            format!("{SMALL} --epochs {epochs} --steps-per-epoch {steps} {args}")
                .split_whitespace()
                .map(str::to_owned)
                .collect();
        let mut journal = Journal::open(self.folder.path(), "train");
        PLUGIN
            .run_on(&mut replay, &args, &context, &mut journal)
            .map_err(|error| error.to_string())?;
        let text = std::fs::read_to_string(self.path("journal/train.jsonl")).unwrap();
        let entries = text.lines().map(|l| serde_json::from_str(l).unwrap());
        let acknowledged = replay.acknowledged().into_iter().map(str::to_owned);
        Ok((acknowledged.collect(), entries.collect()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
}

const SMALL: &str = "--crop none --spacing-mm 2 --max-patch-voxels 4096 --base-features 4 \
                     --max-levels 2 --learning-rate 0.02";

fn results(entries: &[Entry]) -> String {
    let lines = entries.iter().filter_map(|entry| match entry {
        Entry::Result { text } => Some(text.as_str()),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn failures(entries: &[Entry]) -> String {
    let lines = entries.iter().filter_map(|entry| match entry {
        Entry::Failed {
            case, cause, fix, ..
        } => Some(format!("{case}: {cause}; {fix}")),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn says(text: &str, phrases: &[&str]) {
    for phrase in phrases {
        assert!(text.contains(phrase), "`{phrase}` is not in\n{text}");
    }
}

#[test]
fn a_cross_validation_learns_and_leaves_everything_that_is_promised() {
    let run = Run::new(4, 0, 1);
    let (acknowledged, entries) = run
        .go_for("--folds 2 --augment light --validate-every-epochs 1", 6, 25)
        .unwrap();
    // Each case, and the end of each group, connected or not.
    assert_eq!(acknowledged.len(), 5 + 3);
    for file in [
        "plan.json",
        "split.yml",
        "history.csv",
        "curves.svg",
        "scores.parquet",
        "scores.json",
        "weights/fold-0.safetensors",
        "weights/fold-1.safetensors",
        "checkpoints/fold-1/last.safetensors",
    ] {
        assert!(run.path(file).is_file(), "no {file}");
    }
    assert!(!run.path("gates.csv").exists());
    let results = results(&entries);
    says(
        &results,
        &["held-out: 4 of 4 cases", "test: 1 of 1 cases", "weights:"],
    );
    let scores: serde_json::Value = serde_json::from_slice(&run.bytes("scores.json")).unwrap();
    let dice = scores["sets"][0]["regions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|region| region["region"] == "kidney and masses")
        .map(|region| region["metrics"]["dice"]["mean"].as_f64().unwrap());
    assert!(dice.unwrap() > 0.7, "{results}");
    let history = String::from_utf8(run.bytes("history.csv")).unwrap();
    assert_eq!(history.lines().count(), 1 + 2 * 6);
    says(
        &history,
        &["patch_dice_kidney", "validation_dice_tumour", "\nfold-1,5,"],
    );
    let picture = String::from_utf8(run.bytes("curves.svg")).unwrap();
    says(&picture, &["<svg", "tumour", "epoch", "</svg>"]);
    let card = renalflow_segmentation::weights::load(&run.path("weights/fold-0.safetensors"));
    assert!(
        card.unwrap()
            .card
            .metrics
            .contains_key("held-out dice tumour")
    );
}

#[test]
fn the_same_run_gives_the_same_weights_and_resuming_a_finished_one_too() {
    let (first, second, third) = (Run::new(2, 0, 0), Run::new(2, 0, 0), Run::new(2, 0, 0));
    first.go("").unwrap();
    second.go("").unwrap();
    let weights = "weights/all.safetensors";
    assert!(first.bytes(weights) == second.bytes(weights));
    let resume = format!("--resume {}", first.folder.path().display());
    third.go(&resume).unwrap();
    assert!(first.bytes(weights) == third.bytes(weights));
    assert_eq!(first.bytes("history.csv"), third.bytes("history.csv"));
    let error = third.go(&format!("{resume} --seed 5")).unwrap_err();
    says(&error, &["option seed", "it was 0 and is 5"]);
}

#[test]
fn every_scheme_trains_with_what_it_needs() {
    for scheme in [
        "finetune",
        "pooled",
        "domain-norm",
        "two-column-frozen",
        "two-column-joint",
        "prior-channel",
    ] {
        let run = Run::new(2, 2, 0);
        let (acknowledged, entries) = run.go(&format!("--scheme {scheme}")).unwrap();
        says(&results(&entries), &["weights:"]);
        assert_eq!(acknowledged.len(), 4 + 3, "{scheme}");
        let trains_first = matches!(scheme, "finetune" | "two-column-frozen" | "prior-channel");
        let auxiliary = run.path("weights/auxiliary.safetensors");
        assert_eq!(auxiliary.exists(), trains_first, "{scheme}");
        let gates = run.path("gates.csv").exists();
        assert_eq!(gates, scheme.starts_with("two-column"), "{scheme}");
        if trains_first {
            let other = Run::new(2, 0, 0);
            let plan = run.path("plan.json");
            let given = format!(
                "--scheme {scheme} --auxiliary-weights {} --plan {}",
                auxiliary.display(),
                plan.display()
            );
            other.go(&given).unwrap();
            assert!(other.path("weights/all.safetensors").is_file());
        }
    }
}

#[test]
fn the_best_weights_of_a_network_with_a_frozen_part_are_kept() {
    let run = Run::new(2, 2, 0);
    let args = "--scheme two-column-frozen --folds 2 --only-folds 1 --keep best \
                --validate-every-epochs 1 --early-stop-epochs 1";
    let (_, entries) = run.go(args).unwrap();
    says(&results(&entries), &["held-out: 1 of 1 cases"]);
    assert!(!run.path("weights/fold-0.safetensors").exists());
    let error = run.go("--folds 3").unwrap_err();
    says(&error, &["2 patient(s) make no 3 folds", "fewer --folds"]);
}

#[test]
fn nested_regions_train() {
    let run = Run::new(2, 0, 1);
    let (_, entries) = run.go("--regions --labels kidney,tumour").unwrap();
    says(&results(&entries), &["test: 1 of 1 cases", "label kidney"]);
    says(
        &String::from_utf8(run.bytes("plan.json")).unwrap(),
        &["kidney+tumour", "regions"],
    );
}

#[test]
fn labels_are_merged_and_others_are_background() {
    let run = Run::new(2, 0, 1);
    let (_, entries) = run
        .go("--labels kidney --merge kidney=kidney+tumour")
        .unwrap();
    says(&results(&entries), &["label kidney"]);
    let run = Run::new(2, 0, 0);
    let (_, entries) = run.go("--labels tumour").unwrap();
    says(&results(&entries), &["labels taken as background: kidney"]);
    let error = Run::new(2, 0, 0).go("--labels tumour,cyst").unwrap_err();
    says(&error, &["no label `cyst`", "kidney, tumour"]);
}

#[test]
fn bad_cases_fail_and_the_others_train() {
    let mut run = Run::new(2, 0, 0);
    let (image, _) = scan(9, BOTH);
    let (_, empty) = scan(9, &[(0, "nothing"), (0, "nothing")]);
    let Value::Labels(mut empty) = empty else {
        unreachable!()
    };
    empty.names = BOTH.iter().map(|(l, n)| (*l, (*n).to_owned())).collect();
    run.add("", "empty", (image.clone(), Value::Labels(empty)));
    let (_, mask) = scan(9, BOTH);
    let Value::Image(Image::I16(hu)) = image else {
        unreachable!()
    };
    let mut voxels: Vec<f32> = hu.voxels().iter().map(|&v| f32::from(v)).collect();
    voxels[4000] = f32::NAN;
    let nan = Volume::new(hu.geometry().clone(), voxels).unwrap();
    run.add("", "nan", (Value::Image(Image::F32(nan)), mask));
    let (_, entries) = run.go("").unwrap();
    says(
        &failures(&entries),
        &[
            "empty: the mask has no voxel of kidney or tumour; leave the case out",
            "nan: ",
            "NaN",
        ],
    );
    says(&results(&entries), &["weights:"]);
}

#[test]
fn a_class_that_no_case_has_is_named() {
    let mut run = Run::new(0, 0, 0);
    for id in 0..2 {
        let (image, mask) = scan(id, &[(1, "kidney"), (1, "kidney")]);
        let Value::Labels(mut mask) = mask else {
            unreachable!()
        };
        mask.names.insert(2, "tumour".to_owned());
        run.add("", &format!("c{id}"), (image, Value::Labels(mask)));
    }
    let (_, entries) = run.go("").unwrap();
    says(
        &results(&entries),
        &["class `tumour` was never sampled: no training case has it"],
    );
}

#[test]
fn sets_with_other_labels_are_refused_with_both() {
    let mut run = Run::new(1, 0, 0);
    run.add(
        "auxiliary-",
        "other",
        scan(1, &[(1, "kidney"), (2, "lesion")]),
    );
    let error = run.go("--scheme pooled").unwrap_err();
    says(&error, &["kidney, tumour", "kidney, lesion", "--labels"]);
}

#[test]
fn what_does_not_fit_the_memory_is_refused_with_what_fits() {
    let error = Run::new(1, 0, 0).go("--max-memory-mib 2").unwrap_err();
    says(&error, &["MiB are available", "would fit", "--batch-size"]);
}

#[test]
fn a_patch_larger_than_the_volume_reaches_beyond_it() {
    let run = Run::new(2, 0, 0);
    run.go("").unwrap();
    let plan = String::from_utf8(run.bytes("plan.json")).unwrap();
    let mut plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    plan["patch_zyx"]["value"] = serde_json::json!([32, 32, 32]);
    let file = run.path("large.json");
    std::fs::write(&file, plan.to_string()).unwrap();
    let (_, entries) = Run::new(2, 0, 1)
        .go(&format!("--plan {}", file.display()))
        .unwrap();
    says(&results(&entries), &["test: 1 of 1 cases"]);
}

#[test]
fn mistakes_are_found_before_a_case_is_read() {
    let run = Run::new(1, 1, 0);
    run.go("--scheme finetune").unwrap();
    let weights = run.path("weights/auxiliary.safetensors");
    let check = |args: &str, inputs: &[&str]| -> String {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let inputs: Vec<String> = inputs.iter().map(|i| (*i).to_owned()).collect();
        match PLUGIN.check(&args) {
            Err(error) => error.to_string(),
            Ok(_) => PLUGIN
                .check_wiring(&args, &inputs)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default(),
        }
    };
    let own = ["image", "mask"];
    let both = ["image", "mask", "auxiliary-image", "auxiliary-mask"];
    assert_eq!(check("", &own), "");
    assert_eq!(check("--scheme pooled", &both), "");
    let plan = other_plan(run.folder.path());
    for (args, phrases) in [
        (
            "--scheme pooled",
            &["trains on auxiliary cases", "connect"][..],
        ),
        ("--scheme finetune", &["--auxiliary-weights", "connect"]),
        (
            "--scheme two-colum",
            &["there is no scheme", "two-column-joint"],
        ),
        ("--spacing-mm 1,2", &["--spacing-mm", "three"]),
        ("--folds 1", &["--folds is 1"]),
        ("--keep best", &["held-out", "--folds"]),
        ("--merge kidney", &["NAME=A+B"]),
        (
            "--plan nowhere.json",
            &["nowhere.json", "folder of the graph"],
        ),
        ("--resume nowhere", &["no checkpoints"]),
        ("--device tpu", &["cuda:N"]),
        ("--precision f16", &["f32, tf32 or bf16"]),
        ("--device cpu --precision bf16", &["bf16", "cuda:N"]),
        ("--auxiliary-weights nowhere", &["takes none"]),
    ] {
        says(&check(args, &own), phrases);
    }
    let of_other = format!(
        "--scheme finetune --auxiliary-weights {} --plan {plan}",
        weights.display()
    );
    says(&check(&of_other, &own), &["spacing_zyx_mm"]);
}

/// A plan that differs in its spacing.
fn other_plan(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("plan.json")).unwrap();
    let mut plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    plan["spacing_zyx_mm"]["value"] = serde_json::json!([3.0, 3.0, 3.0]);
    let file = folder.join("other.json");
    std::fs::write(&file, plan.to_string()).unwrap();
    file.display().to_string()
}
