//! Whom a network has seen: cards, scores, and segmenting the same patients again.

use std::collections::{BTreeMap, BTreeSet};

use renalflow_sdk::{
    Value,
    replay::{Case, play},
};
use renalflow_segmentation::{
    network::{FsNet, Parameters, Use},
    weights,
};
use renalflow_stage_score::regions::{Regions, Scoring};

use crate::support::{Run, column, parquet, results, says};

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
fn segment_held_out_gives_the_masks_that_the_held_out_scores_are_of() {
    let run = Run::new(4, 0, 0);
    run.go_for("--folds 2", 3, 15).unwrap();
    let scores = parquet(&run, "scores.parquet");
    let dice = scores.f64s("dice").unwrap();
    let files = [0, 1].map(|fold| {
        let file = run.path(&format!("weights/fold-{fold}.safetensors"));
        file.display().to_string()
    });
    let mut seen_differs = false;
    for how in [&["--held-out"][..], &[]] {
        let weights = files.join(",");
        let args = [&["--weights", weights.as_str()][..], how].concat();
        let cases: Vec<Case> = run
            .cases
            .iter()
            .map(|(_, id, image, _)| Case::new(id).with("image", image.clone()))
            .collect();
        let segment = &renalflow_stage_segment::PLUGIN;
        let mut masks = play(segment, &args, run.folder.path(), &cases)
            .unwrap()
            .received("mask");
        for (_, id, _, reference) in &run.cases {
            let (Ok(Value::Labels(mask)), Value::Labels(reference)) =
                (masks.remove(id).unwrap(), reference)
            else {
                panic!("{id}")
            };
            let scoring = Scoring {
                regions: Regions::Both,
                tolerance_mm: 1.0,
                found_at_iou: 0.1,
            };
            for metrics in scoring.score(reference, &mask).unwrap() {
                let row = (0..scores.len()).find(|&row| {
                    column(&scores, "case_id")[row] == *id
                        && column(&scores, "region")[row] == metrics.region.name
                });
                let expected = dice[row.unwrap()];
                if how.is_empty() {
                    seen_differs |= metrics.dice != expected;
                } else {
                    assert_eq!(metrics.dice, expected, "{id} {}", metrics.region.name);
                }
            }
        }
    }
    assert!(seen_differs, "the whole ensemble gives other masks");
}
