//! The stage on small synthetic scans, as a graph runs it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod bad_cases;
mod patients;
mod support;

use renalflow_segmentation::weights;
use support::{Run, results, says};

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
