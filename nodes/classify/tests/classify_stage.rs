//! The stage on scripted tables: what counts, what does not and why, and the same answer twice.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use renalflow_frames::read_parquet;
use renalflow_sdk::{
    Context, Failure, Plugin, Table, Value, journal::Journal, replay::Replay, table::Row,
};
use renalflow_stage_classify::Classify;
use serde_json::{Value as Json, json};

/// Settings under which a validation takes milliseconds.
const QUICK: [&str; 6] = [
    "--target",
    "malignant",
    "--model",
    "logistic-regression",
    "--repeats",
    "2",
];

fn table(rows: &[Json]) -> Value {
    let rows: Vec<Row> = rows
        .iter()
        .map(|row| row.as_object().unwrap().clone())
        .collect();
    Value::Table(Table::from_rows(&rows).unwrap())
}

/// Twenty cases of ten patients: one feature tells the classes apart, one does not, and volume
/// does a little.
fn cohort() -> Vec<Json> {
    (0..20)
        .map(|case| {
            let malignant = case / 2 % 2 == 0;
            let wobble = f64::from(case * 7 % 11) / 11.0;
            json!({
                "case_id": format!("case_{case:02}"),
                "patient_id": format!("p{}", case / 2),
                "roi": "tumour",
                "status": "ok",
                "cause": null,
                "clinical_malignant": malignant,
                "clinical_age": 40 + case,
                "diagnostics_voxels": 1000 + case,
                "original_shape_MeshVolume": 20.0 + wobble * 9.0 + f64::from(u8::from(malignant)) * 3.0,
                "original_firstorder_Mean": wobble + f64::from(u8::from(malignant)) * 2.0,
                "original_firstorder_Noise": f64::from(case * 13 % 17),
                "lineage": "00",
            })
        })
        .collect()
}

fn run_with(
    value: Result<Value, Failure>,
    folder: &Path,
    args: &[&str],
) -> (Result<(), String>, Replay) {
    let mut replay =
        Replay::new(["table", "ack"], ["predictions", "selection", "ack"]).acknowledging();
    replay.begin("table", &["cohort"]);
    match value {
        Ok(value) => replay.value("table", "cohort", value),
        Err(failure) => replay.failure("table", &failure),
    }
    replay.end("table");
    let context = Context {
        node_id: "forest".to_owned(),
        run_dir: folder.to_owned(),
        strict: false,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let result =
        Plugin::of::<Classify>().run_on(&mut replay, &args, &context, &mut Journal::none());
    (result.map_err(|error| error.to_string()), replay)
}

/// Predictions and selection of a run that must succeed.
fn run(rows: &[Json], args: &[&str]) -> (Table, Table) {
    let folder = tempfile::tempdir().unwrap();
    let (result, replay) = run_with(Ok(table(rows)), folder.path(), &[&QUICK, args].concat());
    result.unwrap();
    let read = |file: &str, output: &str| {
        let (batch, metadata) = read_parquet(&folder.path().join(file)).unwrap();
        assert!(
            metadata
                .iter()
                .any(|(key, value)| key == "renalflow.stage" && value == "classify 1")
        );
        let read = Table::from_batch(batch).unwrap();
        let Value::Table(sent) = replay.received(output).remove("cohort").unwrap().unwrap() else {
            panic!()
        };
        assert_eq!(read.rows(), sent.rows());
        read
    };
    (
        read("predictions.parquet", "predictions"),
        read("selection.parquet", "selection"),
    )
}

fn problem(rows: &[Json], args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (result, _) = run_with(Ok(table(rows)), folder.path(), args);
    assert!(!folder.path().join("predictions.parquet").exists());
    result.unwrap_err()
}

fn texts(table: &Table, name: &str) -> Vec<String> {
    table
        .texts(name)
        .unwrap()
        .into_iter()
        .map(|text| text.unwrap_or_else(|| "-".to_owned()))
        .collect()
}

#[test]
fn every_case_is_predicted_once_a_repeat_by_models_that_did_not_see_its_patient() {
    let (predictions, selection) = run(&cohort(), &[]);
    assert_eq!(
        predictions.names(),
        [
            "case_id",
            "patient_id",
            "roi",
            "status",
            "cause",
            "repeat",
            "fold",
            "truth",
            "probability",
            "probability_majority",
            "probability_volume",
            "volume",
            "model",
            "target",
            "positive",
            "validation",
            "seed"
        ]
    );
    assert_eq!(predictions.len(), 40);
    let (patients, folds, repeats) = (
        texts(&predictions, "patient_id"),
        texts(&predictions, "fold"),
        texts(&predictions, "repeat"),
    );
    for pair in (0..40).step_by(2) {
        let key = |row: usize| (&patients[row], &repeats[row], &folds[row]);
        assert_eq!(
            key(pair),
            key(pair + 1),
            "the two cases of a patient share their folds"
        );
    }
    assert_eq!(
        predictions.f64s("probability_majority").unwrap(),
        vec![0.5; 40]
    );
    assert_eq!(texts(&predictions, "validation")[0], "5-fold, 2 repeats");
    assert_eq!(
        (
            &*texts(&predictions, "target")[0],
            &*texts(&predictions, "positive")[0]
        ),
        ("clinical_malignant", "true")
    );
    let (truth, probability) = (
        predictions.f64s("truth").unwrap(),
        predictions.f64s("probability").unwrap(),
    );
    let right = truth
        .iter()
        .zip(&probability)
        .filter(|(truth, p)| (**p >= 0.5) == (**truth == 1.0))
        .count();
    assert!(right >= 38, "{right} of 40");

    assert_eq!(
        selection.names(),
        ["repeat", "fold", "rank", "feature", "importance"]
    );
    let first = texts(&selection, "feature")
        .into_iter()
        .zip(texts(&selection, "rank"))
        .filter(|(feature, rank)| rank == "1" && feature == "original_firstorder_Mean");
    assert_eq!(
        first.count(),
        10,
        "the telling feature is first in every fold"
    );
    let used: std::collections::BTreeSet<_> = texts(&selection, "feature").into_iter().collect();
    assert!(
        used.iter().all(|name| name.starts_with("original_")),
        "no clinical column is learnt from: {used:?}"
    );
}

#[test]
fn the_same_table_gives_the_same_folds_and_bytes() {
    let bytes = |args: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        run_with(
            Ok(table(&cohort())),
            folder.path(),
            &[&QUICK, args].concat(),
        )
        .0
        .unwrap();
        std::fs::read(folder.path().join("predictions.parquet")).unwrap()
    };
    assert_eq!(bytes(&[]), bytes(&[]));
    assert_ne!(bytes(&["--seed", "1"]), bytes(&["--seed", "2"]));
    assert_eq!(texts(&run(&cohort(), &["--seed", "5"]).0, "seed")[0], "5");
    let folds = |args: &[&str]| texts(&run(&cohort(), args).0, "fold");
    assert_eq!(
        folds(&[]),
        folds(&["--variance-min", "0.002"]),
        "folds depend on the table, not on the classifier"
    );
}

#[test]
fn cases_that_do_not_count_are_rows_with_their_reason() {
    let mut rows = cohort();
    rows[3]["clinical_malignant"] = Json::Null;
    rows[5]["status"] = json!("failed");
    rows[5]["cause"] = json!("no label `tumour` in the mask");
    rows.push(json!({"case_id": "case_20", "status": "failed", "cause": "spacing is zero"}));
    let (predictions, _) = run(&rows, &[]);
    assert_eq!(predictions.len(), 2 * 18 + 3);
    let excluded: Vec<_> = texts(&predictions, "case_id")
        .into_iter()
        .zip(texts(&predictions, "status"))
        .zip(texts(&predictions, "cause"))
        .filter(|((_, status), _)| status == "excluded")
        .map(|((case_id, _), cause)| (case_id, cause))
        .collect();
    let expected = [
        ("case_03", "no value in `clinical_malignant`"),
        ("case_05", "no label `tumour` in the mask"),
        ("case_20", "spacing is zero"),
    ];
    assert_eq!(
        excluded,
        expected.map(|(case_id, cause)| (case_id.to_owned(), cause.to_owned()))
    );
}

#[test]
fn an_infinite_value_excludes_its_case_and_a_missing_one_does_not() {
    let mut rows = cohort();
    rows[0]["original_firstorder_Mean"] = Json::Null;
    let Value::Table(finite) = table(&rows) else {
        panic!()
    };
    let batch = finite.batch();
    let at = finite
        .names()
        .iter()
        .position(|name| *name == "original_firstorder_Noise")
        .unwrap();
    let mut columns = batch.columns().to_vec();
    let mut noise = finite.f64s("original_firstorder_Noise").unwrap();
    noise[4] = f64::INFINITY;
    columns[at] = std::sync::Arc::new(renalflow_sdk::arrow::array::Float64Array::from(noise));
    let batch = renalflow_sdk::arrow::array::RecordBatch::try_new(batch.schema(), columns).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let value = Value::Table(Table::from_batch(batch).unwrap());
    let (result, replay) = run_with(Ok(value), folder.path(), &QUICK);
    result.unwrap();
    let Value::Table(predictions) = replay
        .received("predictions")
        .remove("cohort")
        .unwrap()
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(predictions.len(), 2 * 19 + 1);
    assert_eq!(
        texts(&predictions, "cause")[38],
        "`original_firstorder_Noise` is infinite"
    );
}

#[test]
fn one_region_of_several_is_chosen() {
    let mut rows = cohort();
    for case in 0..20 {
        let mut kidney = rows[case].clone();
        kidney["roi"] = json!("kidney");
        rows.push(kidney);
    }
    rows.remove(2);
    let message = problem(&rows, &QUICK);
    assert!(
        message.contains("kidney, tumour") && message.contains("--roi"),
        "{message}"
    );
    let message = problem(&rows, &[&QUICK[..], &["--roi", "cyst"]].concat());
    assert!(
        message.contains("no region `cyst`") && message.contains("kidney, tumour"),
        "{message}"
    );
    let (predictions, _) = run(&rows, &["--roi", "tumour"]);
    assert_eq!(predictions.len(), 2 * 19 + 1);
    assert_eq!(texts(&predictions, "roi")[0], "tumour");
    assert_eq!(
        (
            &*texts(&predictions, "case_id")[38],
            &*texts(&predictions, "cause")[38]
        ),
        ("case_02", "no region `tumour`")
    );
}

#[test]
fn the_volume_is_a_baseline_where_it_is_known() {
    let (predictions, selection) = run(&cohort(), &["--features", "original_firstorder_*"]);
    assert!(
        predictions
            .f64s("probability_volume")
            .unwrap()
            .iter()
            .all(|p| (0.0..=1.0).contains(p))
    );
    assert!(
        !texts(&selection, "feature")
            .iter()
            .any(|name| name.contains("Volume")),
        "a baseline, not a feature"
    );
    let mut rows = cohort();
    for row in &mut rows {
        row.as_object_mut()
            .unwrap()
            .remove("original_shape_MeshVolume");
    }
    let (predictions, _) = run(&rows, &[]);
    assert!(
        texts(&predictions, "probability_volume")
            .iter()
            .all(|text| text == "-")
    );
    let message = problem(
        &rows,
        &[&QUICK[..], &["--volume-column", "volume_ml"]].concat(),
    );
    assert!(message.contains("`volume_ml`"), "{message}");
}

#[test]
fn labels_may_be_words_or_numbers() {
    let mut rows = cohort();
    for (case, row) in rows.iter_mut().enumerate() {
        row["subtype"] = json!(["clear cell", "oncocytoma"][case / 2 % 2]);
        row["grade"] = json!(case / 2 % 2);
    }
    let args = [
        "--target",
        "subtype",
        "--positive",
        "clear cell",
        "--model",
        "naive-bayes",
        "--repeats",
        "1",
    ];
    let folder = tempfile::tempdir().unwrap();
    let (result, replay) = run_with(Ok(table(&rows)), folder.path(), &args);
    result.unwrap();
    let Value::Table(predictions) = replay
        .received("predictions")
        .remove("cohort")
        .unwrap()
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(
        texts(&predictions, "truth")[..4],
        ["true", "true", "false", "false"]
    );
    let message = problem(&rows, &["--target", "subtype"]);
    assert!(
        message.contains("clear cell, oncocytoma") && message.contains("--positive"),
        "{message}"
    );
    let folder = tempfile::tempdir().unwrap();
    run_with(
        Ok(table(&rows)),
        folder.path(),
        &["--target", "grade", "--model", "naive-bayes"],
    )
    .0
    .unwrap();
}

#[test]
fn a_target_that_is_not_there_names_the_nearest_column() {
    let message = problem(&cohort(), &["--target", "malignent"]);
    assert!(message.contains("no column `malignent`"), "{message}");
    assert!(
        message.contains("did you mean --target clinical_malignant?"),
        "{message}"
    );
}

#[test]
fn a_target_of_one_class_is_refused() {
    let mut rows = cohort();
    for row in &mut rows {
        row["clinical_malignant"] = json!(true);
    }
    let message = problem(&rows, &QUICK);
    assert!(
        message.contains("both classes") && message.contains("true in all 20 cases"),
        "{message}"
    );
    for row in &mut rows {
        row["clinical_malignant"] = json!(false);
    }
    let message = problem(&rows, &QUICK);
    assert!(message.contains("false in all 20 cases"), "{message}");
}

#[test]
fn features_are_checked_by_name() {
    let with =
        |patterns: &str| problem(&cohort(), &[&QUICK[..], &["--features", patterns]].concat());
    assert!(with("wavelet_*").contains("no column of numbers matches `wavelet_*`"));
    assert!(with("original_firstorder_Maen").contains("original_firstorder_Mean"));
    assert!(with("clinical_malignant").contains("cheating"));
    assert!(with("roi").contains("no numbers"));
    // Said outright, a clinical column is learnt from; the label is not, whatever the pattern.
    let (_, selection) = run(
        &cohort(),
        &["--features", "clinical_*,original_firstorder_*"],
    );
    let used = texts(&selection, "feature");
    assert!(
        used.iter().any(|name| name == "clinical_age")
            && !used.iter().any(|name| name == "clinical_malignant")
    );
    let bare: Vec<Json> = cohort()
        .into_iter()
        .map(|row| json!({"case_id": row["case_id"], "clinical_malignant": row["clinical_malignant"]}))
        .collect();
    assert!(problem(&bare, &QUICK).contains("no feature"));
}

#[test]
fn where_no_case_is_left_the_reason_is_told() {
    let mut rows = cohort();
    for row in &mut rows {
        row["status"] = json!("failed");
        row["cause"] = json!("spacing is zero");
    }
    let message = problem(&rows, &QUICK);
    assert!(
        message.contains("20 are excluded") && message.contains("spacing is zero"),
        "{message}"
    );
}

#[test]
fn a_table_that_failed_is_passed_on_by_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let failure = Failure {
        case_id: "cohort".to_owned(),
        node: "join".to_owned(),
        cause: "all 20 cases failed".to_owned(),
        fix: "mend the masks".to_owned(),
    };
    let (result, replay) = run_with(Err(failure), folder.path(), &QUICK);
    let message = result.unwrap_err();
    assert!(
        message.contains("all 20 cases failed") && message.contains("mend the masks"),
        "{message}"
    );
    assert!(replay.received("predictions")["cohort"].is_err());
}

#[test]
fn options_are_checked_before_the_run() {
    let plugin = Plugin::of::<Classify>();
    let check = |args: &[&str]| {
        let args: Vec<String> = ["--target", "malignant"]
            .iter()
            .chain(args)
            .map(|arg| (*arg).to_owned())
            .collect();
        plugin
            .check(&args)
            .map(|(options, _)| options)
            .map_err(|error| error.to_string())
    };
    assert_eq!(check(&[]).unwrap()["model"], json!("random-forest"));
    assert!(check(&["--settings", r#"{"trees": 50}"#]).is_ok());
    assert!(
        check(&["--settings", r#"{"tress": 50}"#])
            .unwrap_err()
            .contains("tress")
    );
    assert!(
        check(&["--settings", "50"])
            .unwrap_err()
            .contains("JSON object")
    );
    assert!(
        check(&["--model", "forest"])
            .unwrap_err()
            .contains("random-forest")
    );
    assert!(
        check(&["--correlation-max", "1.5"])
            .unwrap_err()
            .contains("max_correlation")
    );
    assert!(
        check(&["--split", "no/such/file.yml"])
            .unwrap_err()
            .contains("no/such/file.yml")
    );
    assert!(plugin.check(&[]).is_err(), "a target is required");
}

#[test]
fn a_frozen_split_is_used_and_part_of_the_lineage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("split.yml");
    let names: Vec<String> = (0..10).map(|patient| format!("p{patient}")).collect();
    let write = |seed: u64| {
        let patients = names
            .iter()
            .enumerate()
            .map(|(at, name)| (name.as_str(), Some(at % 2 == 0)));
        let split = renalflow_datasets::Split::stratified(patients, 5, seed).unwrap();
        split.write(&path).unwrap();
        split
    };
    let split = write(1);
    let args = ["--split", path.to_str().unwrap()];
    let (result, replay) = run_with(
        Ok(table(&cohort())),
        folder.path(),
        &[
            &["--target", "malignant", "--model", "naive-bayes"],
            &args[..],
        ]
        .concat(),
    );
    result.unwrap();
    let Value::Table(predictions) = replay
        .received("predictions")
        .remove("cohort")
        .unwrap()
        .unwrap()
    else {
        panic!()
    };
    for (patient, fold) in texts(&predictions, "patient_id")
        .iter()
        .zip(texts(&predictions, "fold"))
    {
        assert_eq!(split.fold_of[patient].to_string(), fold);
    }
    let checked = || {
        let args: Vec<String> = ["--target", "malignant"]
            .iter()
            .chain(&args)
            .map(|arg| (*arg).to_owned())
            .collect();
        Plugin::of::<Classify>().check(&args).unwrap().0
    };
    let before = checked();
    write(2);
    assert_ne!(
        before,
        checked(),
        "options that name another split are other options"
    );
}
