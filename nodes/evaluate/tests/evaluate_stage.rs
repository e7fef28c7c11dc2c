//! The stage on scripted predictions: measures known by hand, and refusals by name.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use renalflow_sdk::{
    Context, Failure, Plugin, Table, Value, journal::Journal, replay::Replay, table::Row,
};
use renalflow_stage_evaluate::Evaluate;
use serde_json::{Value as Json, json};

fn table(rows: &[Json]) -> Value {
    let rows: Vec<Row> = rows
        .iter()
        .map(|row| row.as_object().unwrap().clone())
        .collect();
    Value::Table(Table::from_rows(&rows).unwrap())
}

/// Four positive and six negative cases, two repeats, one case left out. In the mean over the
/// repeats one positive case lies below 0.5 and below one negative case.
fn predictions() -> Vec<Json> {
    let probability = [0.9, 0.8, 0.7, 0.3, 0.4, 0.2, 0.1, 0.1, 0.2, 0.1];
    let mut rows = Vec::new();
    for repeat in 0..2 {
        for (case, probability) in probability.iter().enumerate() {
            let shift = if repeat == 0 { 0.05 } else { -0.05 };
            rows.push(json!({
                "case_id": format!("case_{case}"),
                "patient_id": format!("p{case}"),
                "status": "ok",
                "cause": null,
                "repeat": repeat,
                "fold": case % 2,
                "truth": case < 4,
                "probability": probability + shift,
                "probability_majority": 0.4,
                "probability_volume": 0.5,
                "volume": 10.0 - case as f64,
                "model": "random-forest",
                "target": "clinical_malignant",
                "positive": "true",
                "validation": "2-fold, 2 repeats",
                "seed": "7",
            }));
        }
    }
    rows.push(json!({"case_id": "case_x", "status": "excluded", "cause": "no value in `clinical_malignant`"}));
    rows
}

fn run_with(
    value: Result<Value, Failure>,
    selection: Option<Value>,
    folder: &Path,
    args: &[&str],
) -> Result<(), String> {
    let inputs: &[&str] = if selection.is_some() {
        &["predictions", "selection"]
    } else {
        &["predictions"]
    };
    let mut replay = Replay::new(inputs.iter().copied(), ["ack"]);
    for input in inputs {
        replay.begin(input, &["cohort"]);
    }
    match value {
        Ok(value) => replay.value("predictions", "cohort", value),
        Err(failure) => replay.failure("predictions", &failure),
    }
    if let Some(selection) = selection {
        replay.value("selection", "cohort", selection);
    }
    for input in inputs {
        replay.end(input);
    }
    let context = Context {
        node_id: "evaluate".to_owned(),
        run_dir: folder.to_owned(),
        strict: false,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let result =
        Plugin::of::<Evaluate>().run_on(&mut replay, &args, &context, &mut Journal::none());
    assert_eq!(replay.acknowledged(), ["cohort", ""]);
    result.map_err(|error| error.to_string())
}

fn metrics(rows: &[Json], args: &[&str]) -> Json {
    let folder = tempfile::tempdir().unwrap();
    run_with(Ok(table(rows)), None, folder.path(), args).unwrap();
    serde_json::from_slice(&std::fs::read(folder.path().join("metrics.json")).unwrap()).unwrap()
}

fn problem(rows: &[Json]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let error = run_with(Ok(table(rows)), None, folder.path(), &[]).unwrap_err();
    assert!(!folder.path().join("metrics.json").exists());
    error
}

fn close(value: &Json, expected: f64) {
    assert!(
        (value.as_f64().unwrap() - expected).abs() < 1e-12,
        "{value} is not {expected}"
    );
}

#[test]
fn measures_are_those_worked_out_by_hand() {
    let metrics = metrics(&predictions(), &["--bootstrap", "200"]);
    let pooled = &metrics["classifier"]["pooled"];
    assert_eq!(
        pooled["confusion"],
        json!({"true_positive": 3, "false_positive": 0, "true_negative": 6, "false_negative": 1})
    );
    close(&pooled["accuracy"], 0.9);
    close(&pooled["balanced_accuracy"], 0.875);
    close(&pooled["sensitivity"], 0.75);
    close(&pooled["specificity"], 1.0);
    close(&pooled["f1"], 6.0 / 7.0);
    close(
        &pooled["brier"],
        (0.01 + 0.04 + 0.09 + 0.49 + 0.16 + 0.04 + 0.01 + 0.01 + 0.04 + 0.01) / 10.0,
    );
    close(&metrics["classifier"]["auc"]["value"], 23.0 / 24.0);
    close(&metrics["classifier"]["mean_repeat_auc"], 23.0 / 24.0);
    let interval = &metrics["classifier"]["auc"]["interval"];
    assert!(
        interval["low"].as_f64().unwrap() < 23.0 / 24.0
            && interval["high"].as_f64().unwrap() <= 1.0
    );
    close(&metrics["baseline_majority"]["pooled"]["accuracy"], 0.6);
    close(&metrics["baseline_majority"]["auc"]["value"], 0.5);
    close(&metrics["baseline_volume"]["auc"]["value"], 0.5);
    close(&metrics["raw_volume_auc"]["value"], 1.0);
    close(
        &metrics["auc_gain_over_raw_volume"]["value"],
        23.0 / 24.0 - 1.0,
    );
    assert_eq!(
        metrics["cases"],
        json!({"total": 10, "positive": 4, "negative": 6, "both": 0})
    );
    assert_eq!(
        metrics["patients"],
        json!({"total": 10, "positive": 4, "negative": 6, "both": 0})
    );
    assert_eq!(metrics["repeats"], json!(2));
    assert_eq!(
        metrics["excluded"],
        json!([{"case_id": "case_x", "cause": "no value in `clinical_malignant`"}])
    );
    assert_eq!(
        (&metrics["model"], &metrics["seed"]),
        (&json!("random-forest"), &json!("7"))
    );
}

#[test]
fn the_summary_is_the_result_in_words() {
    let metrics = metrics(&predictions(), &["--bootstrap", "0"]);
    assert_eq!(
        metrics["summary"],
        json!([
            "random-forest for clinical_malignant = true, 2-fold, 2 repeats",
            "10 cases of 10 patients: 4 positive, 6 negative",
            "AUC 0.958",
            "AUC of tumour volume alone 1.000",
            "difference -0.042",
            "accuracy 0.900 (majority class 0.600, volume alone 0.400)",
            "balanced accuracy 0.875 (majority class 0.500, volume alone 0.500)",
            "sensitivity 0.750, specificity 1.000, F1 0.857, at threshold 0.5",
            "Brier score 0.090 (majority class 0.240, volume alone 0.250)",
            "1 left out: case_x (no value in `clinical_malignant`)"
        ])
    );
    assert!(metrics["classifier"]["auc"]["interval"].is_null());
}

#[test]
fn options_and_the_bytes_of_the_file_hold() {
    let bytes = |args: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        run_with(Ok(table(&predictions())), None, folder.path(), args).unwrap();
        std::fs::read(folder.path().join("metrics.json")).unwrap()
    };
    let (one, two) = (
        bytes(&["--bootstrap", "300"]),
        bytes(&["--bootstrap", "300"]),
    );
    assert_eq!(one, two);
    let text = String::from_utf8(one).unwrap();
    assert!(text.starts_with("{\n  \"summary\": [") && text.ends_with("}\n"));
    assert_ne!(bytes(&["--seed", "1"]), bytes(&["--seed", "2"]));
    let strict = metrics(
        &predictions(),
        &[
            "--threshold",
            "0.75",
            "--confidence",
            "0.5",
            "--bootstrap",
            "50",
        ],
    );
    close(&strict["classifier"]["pooled"]["sensitivity"], 0.5);
    close(&strict["baseline_majority"]["pooled"]["accuracy"], 0.6);
    let lenient = metrics(&predictions(), &["--threshold", "0.35", "--bootstrap", "0"]);
    close(&lenient["classifier"]["pooled"]["specificity"], 5.0 / 6.0);
    close(&lenient["baseline_majority"]["pooled"]["accuracy"], 0.6);
    let args: Vec<String> = vec!["--threshold".to_owned(), "1.5".to_owned()];
    assert!(
        Plugin::of::<Evaluate>()
            .check(&args)
            .unwrap_err()
            .to_string()
            .contains("threshold is 1.5")
    );
}

#[test]
fn what_folds_selected_is_counted() {
    let row = |repeat, fold, feature: &str, importance: f64| json!({"repeat": repeat, "fold": fold, "rank": 1, "feature": feature, "importance": importance});
    let selection = [
        row(0, 0, "a", 0.5),
        row(0, 1, "a", 0.7),
        row(1, 0, "a", 0.6),
        row(1, 1, "b", 0.9),
    ];
    let folder = tempfile::tempdir().unwrap();
    run_with(
        Ok(table(&predictions())),
        Some(table(&selection)),
        folder.path(),
        &["--bootstrap", "0"],
    )
    .unwrap();
    let metrics: Json =
        serde_json::from_slice(&std::fs::read(folder.path().join("metrics.json")).unwrap())
            .unwrap();
    let selected = metrics["selected_features"].as_array().unwrap();
    assert_eq!(
        (&selected[0]["feature"], &selected[0]["folds"]),
        (&json!("a"), &json!(3))
    );
    close(&selected[0]["frequency"], 0.75);
    close(&selected[0]["mean_importance"], 0.6);
    assert_eq!(selected[1]["feature"], json!("b"));
}

#[test]
fn predictions_of_others_need_only_case_truth_and_probability() {
    let rows: Vec<Json> = predictions()
        .into_iter()
        .take(10)
        .map(|row| json!({"case_id": row["case_id"], "truth": row["truth"], "probability": row["probability"]}))
        .collect();
    let metrics = metrics(&rows, &["--bootstrap", "10"]);
    close(&metrics["classifier"]["auc"]["value"], 23.0 / 24.0);
    close(&metrics["baseline_majority"]["pooled"]["accuracy"], 0.6);
    assert!(metrics["baseline_volume"].is_null() && metrics["raw_volume_auc"].is_null());
    let summary = metrics["summary"].as_array().unwrap();
    assert!(
        summary.contains(&json!("tumour volume not known")),
        "{summary:?}"
    );
}

#[test]
fn a_patient_with_two_cases_is_one_patient() {
    let mut rows = predictions();
    for row in &mut rows {
        if row["case_id"] == "case_9" {
            row["patient_id"] = json!("p0");
        }
    }
    let metrics = metrics(&rows, &["--bootstrap", "10"]);
    assert_eq!(
        metrics["patients"],
        json!({"total": 9, "positive": 3, "negative": 5, "both": 1})
    );
}

#[test]
fn predictions_that_do_not_fit_are_refused_by_case() {
    let changed = |row: usize, column: &str, value: Json| {
        let mut rows = predictions();
        rows[row][column] = value;
        problem(&rows)
    };
    assert!(changed(2, "probability", json!(1.2)).contains("case_2: `probability` is 1.2"));
    assert!(changed(2, "probability", Json::Null).contains("case_2: `probability` is NaN"));
    assert!(changed(12, "truth", json!(false)).contains("case_2: `truth`"));
    assert!(changed(12, "truth", Json::Null).contains("case_2: `truth`"));
    assert!(changed(12, "repeat", json!(0)).contains("case_2 has two predictions in repeat 0"));
    assert!(
        changed(12, "status", json!("excluded")).contains("case_2 has no prediction in repeat 1")
    );
    let nameless: Vec<Json> = predictions()
        .iter()
        .map(|row| json!({"case": row["case_id"]}))
        .collect();
    assert!(problem(&nameless).contains("no column `case_id`"));
    assert!(problem(&predictions()[20..]).contains("no column `truth`"));
    let mut excluded = predictions();
    for row in &mut excluded {
        row["status"] = json!("excluded");
    }
    assert!(problem(&excluded).contains("no row with status ok"));
}

#[test]
fn a_classifier_that_failed_is_passed_on_by_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let failure = Failure {
        case_id: "cohort".to_owned(),
        node: "forest".to_owned(),
        cause: "the table has no column `malignent`".to_owned(),
        fix: "did you mean --target clinical_malignant?".to_owned(),
    };
    let message = run_with(Err(failure), None, folder.path(), &[]).unwrap_err();
    assert!(
        message.contains("no column `malignent`") && message.contains("did you mean"),
        "{message}"
    );
    assert!(!folder.path().join("metrics.json").exists());
}
