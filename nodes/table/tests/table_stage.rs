//! The stage on scripted messages: every case a row, in the cohort's order, whatever arrives.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use renalflow_frames::read_parquet;
use renalflow_sdk::{
    Context, Failure, Plugin, Table, Value, journal::Journal, replay::Replay, table::Row,
};
use renalflow_stage_table::TableStage;
use serde_json::{Value as Json, json};

fn table(rows: Json) -> Value {
    let rows: Vec<Row> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_object().unwrap().clone())
        .collect();
    Value::Table(Table::from_rows(&rows).unwrap())
}

fn failure(case_id: &str) -> Failure {
    Failure {
        case_id: case_id.to_owned(),
        node: "resample".to_owned(),
        cause: "spacing is zero".to_owned(),
        fix: "correct the header".to_owned(),
    }
}

fn run(replay: &mut Replay, folder: &Path, args: &[&str]) -> Result<(), String> {
    let context = Context {
        node_id: "join".to_owned(),
        run_dir: folder.to_owned(),
        strict: false,
        inputs: Vec::new(),
        outputs: vec!["table".to_owned()],
    };
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    Plugin::of::<TableStage>()
        .run_on(replay, &args, &context, &mut Journal::none())
        .map_err(|error| error.to_string())
}

fn replay(inputs: &[&str]) -> Replay {
    Replay::new(inputs.iter().copied().chain(["ack"]), ["table", "ack"]).acknowledging()
}

/// The table that was written, which must be the one that was sent.
fn written(replay: &Replay, folder: &Path) -> Table {
    let (batch, _) = read_parquet(&folder.join("features.parquet")).unwrap();
    let written = Table::from_batch(batch).unwrap();
    let Value::Table(sent) = replay.received("table").remove("cohort").unwrap().unwrap() else {
        panic!()
    };
    assert_eq!(written.rows(), sent.rows());
    assert_eq!(written.names(), sent.names());
    written
}

fn texts(table: &Table, name: &str) -> Vec<String> {
    table
        .texts(name)
        .unwrap()
        .into_iter()
        .map(|text| text.unwrap_or_else(|| "-".to_owned()))
        .collect()
}

const INDEX: [&str; 7] = [
    "case_id",
    "patient_id",
    "roi",
    "status",
    "failed_node",
    "cause",
    "fix",
];

#[test]
fn rows_are_in_the_cohorts_order_with_columns_in_theirs() {
    let script = |order: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        let mut replay = replay(&["features", "record"]);
        replay.begin("record", &["z", "a", "m"]);
        replay.begin("features", &["z", "a", "m"]);
        for (input, case_id) in order {
            let value = match *input {
                "features" if *case_id == "m" => {
                    replay.failure(input, &failure(case_id));
                    continue;
                }
                "features" => {
                    json!([{"original_shape_MeshVolume": case_id.len() as f64 + 0.5, "n": 3}])
                }
                _ => {
                    json!([{"patient_id": format!("p-{case_id}"), "malignant": *case_id == "z", "age": 50}])
                }
            };
            replay.value(input, case_id, table(value));
        }
        replay.end("features");
        replay.end("record");
        run(&mut replay, folder.path(), &[]).unwrap();
        let bytes = std::fs::read(folder.path().join("features.parquet")).unwrap();
        (
            written(&replay, folder.path()),
            bytes,
            replay
                .acknowledged()
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    };
    let (one, bytes, acknowledged) = script(&[
        ("features", "z"),
        ("record", "z"),
        ("features", "a"),
        ("record", "a"),
        ("features", "m"),
        ("record", "m"),
    ]);
    let mut names: Vec<_> = INDEX.to_vec();
    names.extend([
        "clinical_malignant",
        "clinical_age",
        "original_shape_MeshVolume",
        "n",
        "lineage",
    ]);
    assert_eq!(one.names(), names);
    assert_eq!(texts(&one, "case_id"), ["z", "a", "m"]);
    assert_eq!(texts(&one, "patient_id"), ["p-z", "p-a", "p-m"]);
    assert_eq!(texts(&one, "status"), ["ok", "ok", "failed"]);
    assert_eq!(texts(&one, "failed_node"), ["-", "-", "resample"]);
    assert_eq!(texts(&one, "cause")[2], "spacing is zero");
    assert_eq!(texts(&one, "fix")[2], "correct the header");
    assert_eq!(
        texts(&one, "clinical_malignant"),
        ["true", "false", "false"]
    );
    assert_eq!(one.rows()[1]["n"], json!(3));
    assert!(one.rows()[2]["n"].is_null() && one.rows()[2]["lineage"].is_null());
    assert_eq!(acknowledged, ["z", "a", "m", ""]);

    let (_, other_bytes, _) = script(&[
        ("record", "m"),
        ("record", "a"),
        ("features", "m"),
        ("record", "z"),
        ("features", "a"),
        ("features", "z"),
    ]);
    assert_eq!(bytes, other_bytes, "the order of arrival does not show");
}

#[test]
fn regions_are_rows_and_the_record_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = replay(&["features", "features-deep", "features-whole", "record"]);
    for input in ["features", "features-deep", "features-whole", "record"] {
        replay.begin(input, &["a"]);
    }
    replay.value(
        "features",
        "a",
        table(json!([{"roi": "kidney", "mean": 1.0}, {"roi": "tumour", "mean": 2.0}])),
    );
    replay.value(
        "features-deep",
        "a",
        table(json!([{"roi": "cyst", "deep_0": 7.0}, {"roi": "tumour", "deep_0": 8.0}])),
    );
    replay.value(
        "features-whole",
        "a",
        table(json!([{"case_id": "a", "slices": 90}])),
    );
    replay.value(
        "record",
        "a",
        table(json!([{"case_id": "a", "patient_id": 17, "side": "left"}])),
    );
    for input in ["features", "features-deep", "features-whole", "record"] {
        replay.end(input);
    }
    run(&mut replay, folder.path(), &[]).unwrap();
    let table = written(&replay, folder.path());
    assert_eq!(texts(&table, "roi"), ["kidney", "tumour", "cyst"]);
    assert_eq!(texts(&table, "status"), ["incomplete", "ok", "incomplete"]);
    assert_eq!(
        texts(&table, "cause")[0],
        "no features of this region on input `features-deep`"
    );
    assert_eq!(
        texts(&table, "cause")[2],
        "no features of this region on input `features`"
    );
    assert_eq!(texts(&table, "clinical_side"), ["left", "left", "left"]);
    assert_eq!(texts(&table, "patient_id"), ["17", "17", "17"]);
    assert_eq!(texts(&table, "slices"), ["90", "90", "90"]);
    assert_eq!(texts(&table, "mean"), ["1.0", "2.0", "-"]);
    assert_eq!(texts(&table, "deep_0"), ["-", "8.0", "7.0"]);
    let lineage = texts(&table, "lineage");
    assert!(lineage[0].len() == 32 && lineage.iter().all(|key| *key == lineage[0]));
}

#[test]
fn provenance_stands_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = replay(&["features"]);
    replay.begin("features", &["a", "b"]);
    replay.value("features", "a", table(json!([{"v": 1.0}])));
    replay.failure("features", &failure("b"));
    replay.end("features");
    run(&mut replay, folder.path(), &["--file", "t.parquet"]).unwrap();
    let (_, metadata) = read_parquet(&folder.path().join("t.parquet")).unwrap();
    let get = |key: &str| {
        metadata
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
            .unwrap()
    };
    assert_eq!(get("renalflow.version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (get("renalflow.stage"), get("renalflow.node")),
        ("table 1", "join")
    );
    assert_eq!(get("renalflow.options"), r#"{"file":"t.parquet"}"#);
    assert_eq!(
        (get("renalflow.cases"), get("renalflow.failed_cases")),
        ("2", "1")
    );
    assert_eq!(get("renalflow.lineage").len(), 32);
}

/// One case `bad` with these inputs, and one that is fine; gives the cause of `bad`.
fn cause_of(inputs: &[(&str, Json)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = inputs.iter().map(|(name, _)| *name).collect();
    let mut replay = replay(&names);
    for (input, rows) in inputs {
        replay.begin(input, &["bad", "fine"]);
        replay.value(input, "bad", table(rows.clone()));
        replay.value(input, "fine", table(json!([{ format!("v-{input}"): 1.0 }])));
        replay.end(input);
    }
    run(&mut replay, folder.path(), &[]).unwrap();
    let table = written(&replay, folder.path());
    assert_eq!(texts(&table, "status"), ["failed", "ok"]);
    assert_eq!(texts(&table, "failed_node"), ["join", "-"]);
    assert_ne!(texts(&table, "fix")[0], "-");
    texts(&table, "cause")[0].clone()
}

#[test]
fn what_cannot_be_joined_fails_its_case_alone() {
    let clash = cause_of(&[
        ("features", json!([{"mean": 1.0}])),
        ("features-deep", json!([{"mean": 2.0}])),
    ]);
    assert_eq!(
        clash,
        "inputs `features` and `features-deep` both have a column `mean`"
    );
    let reserved = cause_of(&[("features", json!([{"status": "good"}]))]);
    assert!(reserved.contains("`status`"), "{reserved}");
    let prefixed = cause_of(&[("features", json!([{"clinical_age": 3}]))]);
    assert!(prefixed.contains("`clinical_age`"), "{prefixed}");
    let other = cause_of(&[("features", json!([{"case_id": "else", "mean": 1.0}]))]);
    assert!(
        other.contains("`else`") && other.contains("`bad`"),
        "{other}"
    );
    let nameless = cause_of(&[("features", json!([{"mean": 1.0}, {"mean": 2.0}]))]);
    assert!(
        nameless.contains("2 rows without a column `roi`"),
        "{nameless}"
    );
    let twice = cause_of(&[("features", json!([{"roi": "x"}, {"roi": "x"}]))]);
    assert!(twice.contains("region `x` has two rows"), "{twice}");
    let none = cause_of(&[("features", json!([]))]);
    assert!(none.contains("`features`"), "{none}");
    let records = cause_of(&[
        ("features", json!([{"v": 1.0}])),
        ("record", json!([{"age": 1}, {"age": 2}])),
    ]);
    assert!(records.contains("2 rows"), "{records}");
}

#[test]
fn cases_may_have_different_columns_and_types() {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = replay(&["features", "record"]);
    for input in ["features", "record"] {
        replay.begin(input, &["c", "a", "b"]);
    }
    for (case_id, features, record) in [
        (
            "b",
            json!([{"n": 0.5, "extra": 1.0}]),
            json!([{"age": "unknown"}]),
        ),
        ("a", json!([{"n": 2}]), json!([{"age": 61}])),
        ("c", json!([{"n": null}]), json!([])),
    ] {
        replay.value("features", case_id, table(features));
        replay.value("record", case_id, table(record));
    }
    replay.end("features");
    replay.end("record");
    run(&mut replay, folder.path(), &[]).unwrap();
    let table = written(&replay, folder.path());
    assert_eq!(
        table.names()[7..],
        ["clinical_age", "n", "extra", "lineage"]
    );
    assert_eq!(texts(&table, "clinical_age"), ["-", "61", "unknown"]);
    assert_eq!(texts(&table, "n"), ["-", "2.0", "0.5"]);
    assert_eq!(texts(&table, "extra"), ["-", "-", "1.0"]);
    assert_eq!(
        texts(&table, "status"),
        ["ok", "ok", "ok"],
        "a case without a record is still a case"
    );
}

#[test]
fn where_all_cases_failed_the_table_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = replay(&["features"]);
    replay.begin("features", &["a", "b"]);
    replay.failure("features", &failure("b"));
    replay.failure("features", &failure("a"));
    replay.end("features");
    let error = run(&mut replay, folder.path(), &[]).unwrap_err();
    assert!(
        error.contains("all 2 cases failed") && error.contains("spacing is zero"),
        "{error}"
    );
    assert!(replay.received("table")["cohort"].is_err());
    let (batch, _) = read_parquet(&folder.path().join("features.parquet")).unwrap();
    let table = Table::from_batch(batch).unwrap();
    assert_eq!(table.names(), [INDEX.as_slice(), &["lineage"]].concat());
    assert_eq!(texts(&table, "case_id"), ["a", "b"]);
}

#[test]
fn a_cohort_without_cases_is_an_empty_table_and_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = replay(&["features"]);
    replay.begin("features", &[]);
    replay.end("features");
    let error = run(&mut replay, folder.path(), &[]).unwrap_err();
    assert!(error.contains("no case arrived"), "{error}");
    assert_eq!(
        read_parquet(&folder.path().join("features.parquet"))
            .unwrap()
            .0
            .num_rows(),
        0
    );
}

#[test]
fn a_folder_that_is_not_there_is_told_before_the_first_case() {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = replay(&["features"]);
    let error = run(&mut replay, folder.path(), &["--file", "no/such.parquet"]).unwrap_err();
    assert!(error.contains("no/such.parquet"), "{error}");
    assert!(replay.sent.is_empty());
}

#[test]
fn a_sender_that_dies_leaves_rows_for_what_it_owed() {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = replay(&["features"]);
    replay.begin("features", &["a", "b"]);
    replay.value("features", "a", table(json!([{"v": 1.0}])));
    replay.close("features");
    assert!(run(&mut replay, folder.path(), &[]).is_err());
    let table = written(&replay, folder.path());
    assert_eq!(texts(&table, "status"), ["ok", "failed"]);
    assert_eq!(texts(&table, "failed_node"), ["-", "features-sender"]);
}
