//! Cases and options that cannot be used.

use std::path::Path;

use renalflow_sdk::Value;
use renalflow_stage_train::PLUGIN;

use crate::support::{BOTH, Run, SMALL, column, failures, nan, parquet, results, says, scan};

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
        ("--only-folds 1", &["there are no folds"]),
        ("--folds 3 --only-folds 3", &["fold 3 of 3", "count from 0"]),
        ("--learning-rate nan", &["--learning-rate is NaN", "over 0"]),
        ("--weight-decay inf", &["--weight-decay is inf"]),
        ("--window-width-hu 0", &["--window-width-hu is 0"]),
        ("--window-center-hu inf", &["--window-center-hu is inf"]),
        ("--foreground-fraction 1.5", &["1.5", "0 to 1"]),
        ("--max-patch-voxels 0", &["--max-patch-voxels is 0"]),
        (
            "--folds 2 --early-stop-epochs 0",
            &["--early-stop-epochs is 0"],
        ),
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
