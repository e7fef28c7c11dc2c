//! The stage on small synthetic scans, as a graph runs it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use renalflow_frames::read_parquet;
use renalflow_imaging::{Geometry, Image, LabelMap, Volume};
use renalflow_sdk::{
    Context, Table, Value,
    journal::{Entry, Journal},
    replay::Replay,
};
use renalflow_segmentation::{
    network::{FsNet, Parameters, Use},
    weights,
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

/// A scan with a voxel that is no number.
fn nan() -> Value {
    let (Value::Image(Image::I16(hu)), _) = scan(9, BOTH) else {
        unreachable!()
    };
    let mut voxels: Vec<f32> = hu.voxels().iter().map(|&v| f32::from(v)).collect();
    voxels[4000] = f32::NAN;
    Value::Image(Image::F32(
        Volume::new(hu.geometry().clone(), voxels).unwrap(),
    ))
}

const BOTH: &[(u16, &str)] = &[(1, "kidney"), (2, "tumour")];

/// One run of the stage.
struct Run {
    folder: tempfile::TempDir,
    cases: Vec<(&'static str, String, Value, Value)>,
    /// Group, case and patient of each record; a group has records for all its cases or none.
    patients: Vec<(&'static str, String, &'static str)>,
}

impl Run {
    fn new(primary: usize, auxiliary: usize, test: usize) -> Self {
        let mut run = Self {
            folder: tempfile::tempdir().unwrap(),
            cases: Vec::new(),
            patients: Vec::new(),
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
        self.play(&format!(
            "{SMALL} --epochs {epochs} --steps-per-epoch {steps} {args}"
        ))
    }

    /// With other options than the usual ones.
    fn go_with(&self, usual: &str, args: &str) -> Result<(Vec<String>, Vec<Entry>), String> {
        self.play(&format!("{usual} --epochs 2 --steps-per-epoch 3 {args}"))
    }

    fn play(&self, args: &str) -> Result<(Vec<String>, Vec<Entry>), String> {
        let groups: Vec<(&str, Vec<String>)> = ["", "auxiliary-", "test-"]
            .into_iter()
            .filter(|group| self.cases.iter().any(|(of, ..)| of == group))
            .map(|group| {
                let recorded = self.patients.iter().any(|(of, ..)| *of == group);
                let ports = ["image", "mask"]
                    .into_iter()
                    .chain(recorded.then_some("record"));
                (group, ports.map(|port| format!("{group}{port}")).collect())
            })
            .collect();
        let inputs: Vec<String> = groups.iter().flat_map(|(_, ports)| ports.clone()).collect();
        let outputs = ["ack", "ack-auxiliary", "ack-test"];
        let mut replay = Replay::new(inputs.iter().map(String::as_str), outputs);
        for (group, ports) in &groups {
            let own: Vec<_> = self.cases.iter().filter(|(of, ..)| of == group).collect();
            let names: Vec<&str> = own.iter().map(|(_, name, ..)| name.as_str()).collect();
            for port in ports {
                replay.begin(port, &names);
            }
            for (_, name, image, mask) in own {
                replay.value(&ports[0], name, image.clone());
                replay.value(&ports[1], name, mask.clone());
            }
            for (_, name, patient) in self.patients.iter().filter(|(of, ..)| of == group) {
                let row = serde_json::json!({"case_id": name, "patient_id": patient});
                let record = Table::from_rows(&[row.as_object().unwrap().clone()]).unwrap();
                replay.value(&ports[2], name, Value::Table(record));
            }
            for port in ports {
                replay.end(port);
            }
        }
        let context = Context {
            node_id: "train".to_owned(),
            run_dir: self.folder.path().to_owned(),
            strict: false,
            inputs,
            outputs: Vec::new(),
        };
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
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
    let card = weights::load_card(&run.path("weights/fold-0.safetensors")).unwrap();
    assert!(card.metrics.contains_key("held-out dice tumour"));
}

/// A table of the run.
fn parquet(run: &Run, name: &str) -> Table {
    let (batch, _) = read_parquet(&run.path(name)).unwrap();
    Table::from_batch(batch).unwrap()
}

fn column(table: &Table, name: &str) -> Vec<String> {
    let texts = table.texts(name).unwrap().into_iter();
    texts
        .map(|text| text.unwrap_or_else(|| "-".to_owned()))
        .collect()
}

#[test]
fn cards_and_scores_name_the_patients() {
    let mut run = Run::new(4, 2, 2);
    // Two scans of p0, one of each other; the auxiliary cases have no record.
    for (prefix, case, patient) in [
        ("", "c0", "p0"),
        ("", "c1", "p0"),
        ("", "c2", "p2"),
        ("", "c3", "p3"),
        ("test-", "test-c0", "p8"),
        ("test-", "test-c1", "p8"),
    ] {
        run.patients.push((prefix, case.to_owned(), patient));
    }
    run.go("--scheme finetune --folds 3").unwrap();
    let seen = |name: &str| -> BTreeMap<String, Vec<String>> {
        let card = weights::load_card(&run.path(&format!("weights/{name}.safetensors"))).unwrap();
        serde_json::from_value(serde_json::to_value(card.trained_on.unwrap()).unwrap()).unwrap()
    };
    let auxiliary = seen("auxiliary");
    assert_eq!(
        auxiliary.keys().collect::<Vec<_>>(),
        ["auxiliary-c0", "auxiliary-c1"]
    );
    let split = String::from_utf8(run.bytes("split.yml")).unwrap();
    let scores = parquet(&run, "scores.parquet");
    let all: BTreeSet<&str> = ["p0", "p2", "p3"].into();
    for fold in 0..3 {
        let seen = seen(&format!("fold-{fold}"));
        // What the network started from has seen the auxiliary cases.
        assert_eq!(seen["auxiliary-c1"], ["auxiliary-c1"]);
        let own: BTreeSet<&str> = seen
            .keys()
            .map(String::as_str)
            .filter(|p| all.contains(p))
            .collect();
        assert_eq!((own.len(), seen.len()), (2, 4), "{seen:?}");
        if own.contains("p0") {
            assert_eq!(seen["p0"], ["c0", "c1"]);
        }
        // The rows of the fold are of the patient who is not on the list.
        let held_out: Vec<&str> = all.difference(&own).copied().collect();
        let of_fold =
            (0..scores.len()).filter(|&row| column(&scores, "fold")[row] == fold.to_string());
        for row in of_fold {
            assert_eq!(column(&scores, "patient_id")[row], held_out[0], "{split}");
        }
    }
    let tested = (0..scores.len()).filter(|&row| column(&scores, "set")[row] == "test");
    for row in tested {
        assert_eq!(column(&scores, "patient_id")[row], "p8");
    }

    // Weights that start from others without a list have none either.
    let file = run.path("weights/auxiliary.safetensors");
    let checkpoint = weights::load(&file).unwrap();
    let parameters = Parameters::new(0);
    FsNet::new(
        &checkpoint.card.plan,
        checkpoint.card.scheme,
        &parameters,
        Use::Inference,
    )
    .unwrap();
    checkpoint.apply(&file, &parameters).unwrap();
    let mut card = checkpoint.card;
    card.trained_on = None;
    weights::save(&file, &parameters, card).unwrap();
    let other = Run::new(2, 0, 0);
    let (_, entries) = other
        .go(&format!(
            "--scheme finetune --auxiliary-weights {} --plan {}",
            file.display(),
            run.path("plan.json").display()
        ))
        .unwrap();
    let card = weights::load_card(&other.path("weights/all.safetensors")).unwrap();
    assert_eq!(card.trained_on, None);
    says(
        &results(&entries),
        &["the cards do not say whose scans", "--held-out"],
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
    run.add("", "empty", (image, Value::Labels(empty)));
    let (_, mask) = scan(9, BOTH);
    run.add("", "nan", (nan(), mask));
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
fn cases_that_cannot_be_cut_or_scored_are_failed_rows() {
    // Without a spacing nothing is cut before the last case has come.
    let late = SMALL.replace("--spacing-mm 2 ", "");
    let mut run = Run::new(4, 0, 1);
    for prefix in ["", "test-"] {
        run.add(prefix, &format!("{prefix}nan"), (nan(), scan(9, BOTH).1));
    }
    run.add(
        "test-",
        "test-other",
        scan(2, &[(1, "kidney"), (2, "lesion")]),
    );
    let (acknowledged, entries) = run.go_with(&late, "--folds 2").unwrap();
    assert_eq!(acknowledged.len(), 8 + 3);
    says(
        &failures(&entries),
        &[
            "\nnan: ",
            "test-nan: ",
            "NaN",
            "test-other: ",
            "kidney, lesion",
        ],
    );
    says(
        &results(&entries),
        &["held-out: 4 of 5 cases", "test: 1 of 3 cases"],
    );
    let scores = parquet(&run, "scores.parquet");
    let failed: Vec<(String, String)> = (0..scores.len())
        .filter(|&row| column(&scores, "status")[row] == "failed")
        .map(|row| {
            (
                column(&scores, "set")[row].clone(),
                column(&scores, "case_id")[row].clone(),
            )
        })
        .collect();
    let expected = [
        ("test", "test-other"),
        ("held-out", "nan"),
        ("test", "test-nan"),
    ];
    assert_eq!(
        failed,
        expected.map(|(set, case)| (set.to_owned(), case.to_owned()))
    );

    let mut none = Run::new(0, 0, 0);
    none.add("", "nan", (nan(), scan(9, BOTH).1));
    let error = none.go_with(&late, "").unwrap_err();
    says(&error, &["no primary case is left", "nan: ", "NaN"]);
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
