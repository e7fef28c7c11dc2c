//! The rules of the harness, on stages that run without a daemon.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::PathBuf;

use renalflow_imaging::{Geometry, Image, Volume};
use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, NodeError, Outputs, PerCase,
    Plugin, Port, Problem, Role, Source, Stage, Table, Value, Work, clap, envelope::MessageKind,
    journal::Journal, lineage::Key, replay::Replay, table::Row,
};
use serde::Serialize;
use serde_json::json;

#[derive(clap::Args, Serialize)]
struct NoOptions {}

/// Adds 1 to every voxel; fails on `bad`, panics on `worse`.
struct AddOne;

impl Stage for AddOne {
    type Options = NoOptions;
    const DECLARATION: Declaration = Declaration {
        name: "add-one",
        version: "1",
        about: "adds one",
        role: Role::PerCase,
        inputs: &[
            Port::new("image", Kind::Image, "voxels"),
            Port::new("other", Kind::Image, "more voxels").optional(),
        ],
        outputs: &[Port::new("image", Kind::Image, "voxels plus one")],
    };
    fn build(_: NoOptions, _: &Context) -> Result<Work, Problem> {
        Ok(Work::PerCase(Box::new(Self)))
    }
}

impl PerCase for AddOne {
    fn process(&mut self, case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        if case_id == "bad" {
            return Err(Problem::new("the case is bad").fix("leave it out"));
        }
        assert!(case_id != "worse", "the case is worse than bad");
        let Image::I16(volume) = inputs.image("image")? else {
            return Err(Problem::new("not i16"));
        };
        Ok(Outputs::none().with("image", Value::Image(Image::I16(volume.map(|v| v + 1)))))
    }
}

/// Names ten cases, of which `c03` cannot be loaded.
struct Ten;

impl Stage for Ten {
    type Options = NoOptions;
    const DECLARATION: Declaration = Declaration {
        name: "ten",
        version: "1",
        about: "ten cases",
        role: Role::Source,
        inputs: &[],
        outputs: &[Port::new("image", Kind::Image, "voxels")],
    };
    fn build(_: NoOptions, _: &Context) -> Result<Work, Problem> {
        Ok(Work::Source(Box::new(Self)))
    }
}

impl Source for Ten {
    fn cases(&self) -> Vec<String> {
        (0..10).map(|n| format!("c{n:02}")).collect()
    }
    fn load(&mut self, case_id: &str) -> Result<(Outputs, Key), Problem> {
        if case_id == "c03" {
            return Err(Problem::new("the file is truncated"));
        }
        Ok((
            Outputs::none().with("image", image(7)),
            Key::of_content(case_id.as_bytes()),
        ))
    }
}

/// Lists what it has seen, as one table of the cohort.
#[derive(Default)]
struct List(Vec<Row>);

impl Stage for List {
    type Options = NoOptions;
    const DECLARATION: Declaration = Declaration {
        name: "list",
        version: "1",
        about: "lists",
        role: Role::Collecting,
        inputs: &[Port::new("image", Kind::Image, "voxels").many()],
        outputs: &[Port::new("table", Kind::Table, "one row a case")],
    };
    fn build(_: NoOptions, _: &Context) -> Result<Work, Problem> {
        Ok(Work::Collecting(Box::<Self>::default()))
    }
}

impl Collecting for List {
    fn collect(&mut self, case_id: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        let status = inputs.map_or_else(|failure| failure.cause, |_| "ok".to_owned());
        self.0.push(
            json!({"case_id": case_id, "status": status})
                .as_object()
                .unwrap()
                .clone(),
        );
        Ok(())
    }
    fn finish(&mut self, cohort: &Cohort) -> Result<Outputs, Problem> {
        self.0.sort_by_key(|row| {
            cohort
                .cases
                .iter()
                .position(|case| row["case_id"] == **case)
        });
        Ok(Outputs::none().with("table", Value::Table(Table::from_rows(&self.0)?)))
    }
}

fn image(value: i16) -> Value {
    let grid = Geometry::upright([2, 3, 4], [3.0, 1.0, 1.0]).unwrap();
    Value::Image(Image::I16(Volume::new(grid, vec![value; 24]).unwrap()))
}

fn run<S: Stage>(replay: &mut Replay, strict: bool) -> Result<(), NodeError> {
    let context = Context {
        node_id: "replayed".to_owned(),
        run_dir: PathBuf::from("."),
        strict,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    Plugin::of::<S>().run_on(replay, &[], &context, &mut Journal::none())
}

fn first_voxel(value: &Result<Value, Failure>) -> i16 {
    match value {
        Ok(Value::Image(Image::I16(volume))) => volume.voxels()[0],
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failed_case_and_a_panic_are_failures_and_the_cohort_goes_on() {
    let mut replay = Replay::new(["image"], ["image"]);
    replay.begin("image", &["a", "bad", "worse", "b"]);
    for case in ["a", "bad", "worse", "b"] {
        replay.value("image", case, image(4));
    }
    replay.end("image");
    run::<AddOne>(&mut replay, false).unwrap();
    let received = replay.received("image");
    assert_eq!(first_voxel(&received["a"]), 5);
    assert_eq!(first_voxel(&received["b"]), 5);
    let bad = received["bad"].as_ref().unwrap_err();
    assert_eq!(
        (bad.node.as_str(), bad.cause.as_str(), bad.fix.as_str()),
        ("replayed", "the case is bad", "leave it out")
    );
    assert!(
        received["worse"]
            .as_ref()
            .unwrap_err()
            .cause
            .contains("worse than bad")
    );
    let marks: Vec<_> = replay
        .sent
        .iter()
        .map(|(_, message)| message.envelope.kind)
        .collect();
    assert_eq!(
        (marks.first(), marks.last()),
        (Some(&MessageKind::Begin), Some(&MessageKind::End))
    );
    let seqs: Vec<_> = replay
        .sent
        .iter()
        .map(|(_, message)| message.envelope.seq)
        .collect();
    assert_eq!(seqs, (0..6).collect::<Vec<_>>());
}

#[test]
fn strict_stops_at_the_first_failure() {
    let mut replay = Replay::new(["image"], ["image"]);
    replay.begin("image", &["bad", "b"]);
    replay.value("image", "bad", image(4));
    replay.value("image", "b", image(4));
    replay.end("image");
    let error = run::<AddOne>(&mut replay, true).unwrap_err().to_string();
    assert!(
        error.contains("bad") && error.contains("--strict"),
        "{error}"
    );
}

#[test]
fn inputs_are_joined_by_case_in_whatever_order_they_come() {
    let mut replay = Replay::new(["image", "other"], ["image"]);
    replay.begin("image", &["a", "b"]);
    replay.begin("other", &["a", "b"]);
    replay.value("other", "b", image(1));
    replay.value("image", "a", image(2));
    replay.value("image", "b", image(3));
    replay.value("other", "a", image(4));
    replay.end("other");
    replay.end("image");
    run::<AddOne>(&mut replay, false).unwrap();
    let received = replay.received("image");
    assert_eq!(
        (first_voxel(&received["a"]), first_voxel(&received["b"])),
        (3, 4)
    );
}

#[test]
fn a_failure_upstream_passes_through_with_its_node() {
    let failure = Failure {
        case_id: "a".to_owned(),
        node: "load".to_owned(),
        cause: "truncated".to_owned(),
        fix: "copy it again".to_owned(),
    };
    let mut replay = Replay::new(["image", "other"], ["image"]);
    replay.begin("image", &["a"]);
    replay.begin("other", &["a"]);
    replay.failure("image", &failure);
    replay.value("other", "a", image(4));
    replay.end("image");
    replay.end("other");
    run::<AddOne>(&mut replay, false).unwrap();
    assert_eq!(
        replay.received("image")["a"].as_ref().unwrap_err(),
        &failure
    );
}

#[test]
fn a_dropped_message_is_noticed() {
    let mut replay = Replay::new(["image"], ["image"]);
    replay.begin("image", &["a", "b"]);
    replay.drop_one("image");
    replay.value("image", "b", image(4));
    let error = run::<AddOne>(&mut replay, false).unwrap_err().to_string();
    assert!(
        error.contains("lost 1 message") && error.contains("queue_size"),
        "{error}"
    );
}

#[test]
fn a_dead_sender_makes_failures_of_what_it_owed_and_an_error() {
    let mut replay = Replay::new(["image"], ["image"]);
    replay.begin("image", &["a", "b", "c"]);
    replay.value("image", "a", image(4));
    replay.close("image");
    let error = run::<AddOne>(&mut replay, false).unwrap_err().to_string();
    assert!(
        error.contains("image-sender") && error.contains("b, c"),
        "{error}"
    );
    let received = replay.received("image");
    assert_eq!(first_voxel(&received["a"]), 5);
    assert!(
        received["b"]
            .as_ref()
            .unwrap_err()
            .cause
            .contains("stopped before")
    );
    assert_eq!(received.len(), 3);
    assert_eq!(
        replay.sent.last().unwrap().1.envelope.kind,
        MessageKind::End
    );
}

#[test]
fn an_input_that_ends_without_a_case_fails_that_case() {
    let mut replay = Replay::new(["image", "other"], ["image"]);
    replay.begin("image", &["a", "b"]);
    replay.begin("other", &["a"]);
    replay.value("image", "a", image(1));
    replay.value("other", "a", image(1));
    replay.end("other");
    replay.value("image", "b", image(1));
    replay.end("image");
    run::<AddOne>(&mut replay, false).unwrap();
    let failure = replay.received("image")["b"].clone().unwrap_err();
    assert!(
        failure.cause.contains("`other-sender` gave no value"),
        "{failure}"
    );
}

#[test]
fn a_source_keeps_its_window_and_waits_for_the_last_acknowledgement() {
    let mut replay = Replay::new(["ack"], ["image"]).acknowledging();
    run::<Ten>(&mut replay, false).unwrap();
    let received = replay.received("image");
    assert_eq!(received.len(), 10);
    assert_eq!(
        received["c03"].as_ref().unwrap_err().cause,
        "the file is truncated"
    );
}

#[test]
fn a_source_says_which_cases_a_dead_collector_had() {
    let mut replay = Replay::new(["ack"], ["image"]);
    replay.ack("ack", "c00");
    replay.close("ack");
    let error = run::<Ten>(&mut replay, false).unwrap_err().to_string();
    // A window of 3: c00 is acknowledged, so c01 to c03 are in flight.
    assert!(
        error.contains("c01, c02, c03") && error.contains("ack-sender"),
        "{error}"
    );
    assert_eq!(replay.received("image").len(), 4);
}

#[test]
fn a_collecting_stage_acknowledges_each_case_and_the_end_and_keeps_the_order_of_the_source() {
    let mut replay = Replay::new(["image", "ack"], ["table", "ack"]).acknowledging();
    replay.begin("image", &["a", "b", "c"]);
    for case in ["c", "a", "b"] {
        replay.value("image", case, image(1));
    }
    replay.end("image");
    run::<List>(&mut replay, false).unwrap();
    assert_eq!(replay.acknowledged(), ["c", "a", "b", ""]);
    let received = replay.received("table");
    let Ok(Value::Table(table)) = &received["cohort"] else {
        panic!("{received:?}")
    };
    let cases: Vec<_> = table
        .texts("case_id")
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(cases, ["a", "b", "c"]);
}

#[test]
fn a_collecting_stage_still_finishes_when_its_sender_dies() {
    let mut replay = Replay::new(["image", "ack"], ["table", "ack"]).acknowledging();
    replay.begin("image", &["a", "b"]);
    replay.value("image", "b", image(1));
    replay.close("image");
    let error = run::<List>(&mut replay, false).unwrap_err().to_string();
    assert!(
        error.contains("image-sender") && error.contains('a'),
        "{error}"
    );
    let received = replay.received("table");
    let Ok(Value::Table(table)) = &received["cohort"] else {
        panic!("{received:?}")
    };
    assert_eq!(table.len(), 2);
}

#[test]
fn a_port_that_the_stage_does_not_have_is_refused() {
    let error = run::<AddOne>(&mut Replay::new(["imago"], ["image"]), false)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no input `imago`") && error.contains("image, other"),
        "{error}"
    );
    let error = run::<AddOne>(&mut Replay::new(["image"], ["imago"]), false)
        .unwrap_err()
        .to_string();
    assert!(error.contains("no output `imago`"), "{error}");
}

#[test]
fn a_stage_describes_its_ports_and_options() {
    let describe = Plugin::of::<Ten>().describe();
    assert_eq!(describe["role"], "source");
    assert_eq!(describe["inputs"][0]["name"], "ack");
    assert_eq!(describe["outputs"][0]["kind"], "image");
    assert_eq!(describe["options"][0]["name"], "window");
    assert_eq!(describe["options"][0]["default"], json!(["3"]));
}

#[test]
fn lineage_depends_on_the_inputs_and_not_on_the_order_of_arrival() {
    let keys = |cases: [&str; 2]| {
        let mut replay = Replay::new(["image"], ["image"]);
        replay.begin("image", &["a", "b"]);
        for case in cases {
            replay.value("image", case, image(1));
        }
        replay.end("image");
        run::<AddOne>(&mut replay, false).unwrap();
        let mut keys: Vec<_> = replay
            .sent
            .iter()
            .filter_map(|(_, message)| {
                Some((
                    message.envelope.case_id.clone(),
                    message.envelope.lineage.clone()?,
                ))
            })
            .collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(["a", "b"]), keys(["b", "a"]));
    let keys = keys(["a", "b"]);
    assert_ne!(keys[0].1, keys[1].1);
}

#[test]
fn a_message_that_was_overtaken_is_waited_for() {
    let mut replay = Replay::new(["image"], ["image"]);
    replay.begin("image", &["a", "b"]);
    replay.value("image", "a", image(4));
    replay.value("image", "b", image(5));
    replay.swap_last_two();
    replay.end("image");
    run::<AddOne>(&mut replay, false).unwrap();
    let received = replay.received("image");
    assert_eq!(
        (first_voxel(&received["a"]), first_voxel(&received["b"])),
        (5, 6)
    );
}
