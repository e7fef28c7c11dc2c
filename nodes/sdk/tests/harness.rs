//! The rules of the harness, on stages that run without a daemon.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::PathBuf;

use renalflow_imaging::{Geometry, Image, Volume};
use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, NodeError, Outputs, PerCase,
    Plugin, Port, Problem, Role, Source, Stage, Table, Value, Work, clap,
    envelope::MessageKind,
    journal::{Entry, Journal},
    lineage::Key,
    replay::Replay,
    table::Row,
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

/// Lists what it has seen of two sets of cases.
#[derive(Default)]
struct TwoSets(List);

impl Stage for TwoSets {
    type Options = NoOptions;
    const DECLARATION: Declaration = Declaration {
        name: "two-sets",
        version: "1",
        about: "lists two sets",
        role: Role::Collecting,
        inputs: &[
            Port::new("image", Kind::Image, "voxels"),
            Port::new("mask", Kind::Image, "more voxels"),
            Port::new("another-image", Kind::Image, "voxels").group("another"),
            Port::new("another-mask", Kind::Image, "more voxels").group("another"),
        ],
        outputs: &[Port::new("table", Kind::Table, "one row a case")],
    };
    fn build(_: NoOptions, _: &Context) -> Result<Work, Problem> {
        Ok(Work::Collecting(Box::<Self>::default()))
    }
}

impl Collecting for TwoSets {
    fn collect(&mut self, case_id: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        if let Ok(inputs) = &inputs {
            let expected = if case_id.starts_with('p') {
                ["image", "mask"]
            } else {
                ["another-image", "another-mask"]
            };
            assert_eq!(inputs.ports(), expected);
        }
        self.0.collect(case_id, inputs)
    }
    fn finish(&mut self, cohort: &Cohort) -> Result<Outputs, Problem> {
        self.0.finish(cohort)
    }
}

const BOTH_SETS: [&str; 4] = ["another-image", "another-mask", "image", "mask"];

fn two_sets() -> Replay {
    let outputs = ["table", "ack", "ack-another"];
    Replay::new(BOTH_SETS.into_iter().chain(["ack"]), outputs).acknowledging()
}

fn acknowledged<'a>(replay: &'a Replay, output: &str) -> Vec<&'a str> {
    let of_output = replay.sent.iter().filter(|(name, _)| name == output);
    of_output
        .map(|(_, message)| message.envelope.case_id.as_str())
        .collect()
}

fn listed(replay: &Replay) -> Vec<(String, String)> {
    let received = replay.received("table");
    let Ok(Value::Table(table)) = &received["cohort"] else {
        panic!("{received:?}")
    };
    let column = |name: &str| table.texts(name).unwrap().into_iter().flatten();
    let rows = column("case_id").zip(column("status"));
    rows.map(|(case, status)| (case.to_owned(), status.to_owned()))
        .collect()
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

#[test]
fn groups_of_inputs_are_joined_and_acknowledged_apart() {
    let mut replay = two_sets();
    replay.begin("another-image", &["a1", "a2"]);
    replay.begin("another-mask", &["a1", "a2"]);
    replay.value("another-image", "a2", image(1));
    replay.value("another-mask", "a2", image(1));
    replay.begin("image", &["p1"]);
    replay.begin("mask", &["p1"]);
    replay.value("mask", "p1", image(1));
    replay.value("another-mask", "a1", image(1));
    replay.value("another-image", "a1", image(1));
    replay.end("another-image");
    replay.end("another-mask");
    replay.value("image", "p1", image(1));
    replay.end("image");
    replay.end("mask");
    run::<TwoSets>(&mut replay, false).unwrap();
    assert_eq!(acknowledged(&replay, "ack-another"), ["a2", "a1", ""]);
    assert_eq!(acknowledged(&replay, "ack"), ["p1", ""]);
    // The end of a group is acknowledged while another goes on.
    let order = replay.acknowledged();
    assert_eq!(order, ["a2", "a1", "", "p1", ""]);
    let cases: Vec<_> = listed(&replay).into_iter().map(|(case, _)| case).collect();
    assert_eq!(cases, ["p1", "a1", "a2"], "groups in declared order");
}

#[test]
fn a_dead_sender_of_one_group_takes_no_case_of_another() {
    let mut replay = two_sets();
    for input in ["image", "mask"] {
        replay.begin(input, &["p1", "p2"]);
    }
    for input in ["another-image", "another-mask"] {
        replay.begin(input, &["a1", "a2"]);
        replay.value(input, "a1", image(1));
    }
    replay.close("another-image");
    replay.close("another-mask");
    for input in ["image", "mask"] {
        replay.value(input, "p1", image(1));
        replay.value(input, "p2", image(1));
        replay.end(input);
    }
    let error = run::<TwoSets>(&mut replay, false).unwrap_err().to_string();
    assert!(
        error.contains("another-image-sender") && error.contains("a2") && !error.contains("p1"),
        "{error}"
    );
    let listed = listed(&replay);
    let bad: Vec<_> = listed.iter().filter(|(_, status)| status != "ok").collect();
    assert_eq!(listed.len(), 4);
    assert_eq!((bad.len(), bad[0].0.as_str()), (1, "a2"), "{listed:?}");
}

#[test]
fn a_group_may_be_left_out() {
    let mut replay = Replay::new(["image", "mask", "ack"], ["table", "ack"]).acknowledging();
    for input in ["image", "mask"] {
        replay.begin(input, &["p1"]);
        replay.value(input, "p1", image(1));
        replay.end(input);
    }
    run::<TwoSets>(&mut replay, false).unwrap();
    assert_eq!(listed(&replay), [("p1".to_owned(), "ok".to_owned())]);
}

#[test]
fn one_name_in_two_groups_is_refused_with_both_inputs() {
    let mut replay = two_sets();
    for input in BOTH_SETS {
        replay.begin(input, &["p1"]);
    }
    let error = run::<TwoSets>(&mut replay, false).unwrap_err().to_string();
    for phrase in [
        "case p1",
        "`another-image`",
        "`image`",
        "image-sender",
        "fix:",
    ] {
        assert!(error.contains(phrase), "{phrase} is not in {error}");
    }
}

#[test]
fn a_source_ignores_acknowledgements_of_cases_that_it_never_sent() {
    let mut replay = Replay::new(["ack"], ["image"]).acknowledging();
    for case in ["x1", "x2", "x3", "x4"] {
        replay.ack("ack", case);
    }
    run::<Ten>(&mut replay, false).unwrap();
    assert_eq!(replay.received("image").len(), 10);
}

#[test]
fn progress_is_said_beside_the_journal_and_not_too_often() {
    let folder = tempfile::tempdir().unwrap();
    let context = Context {
        node_id: "slow".to_owned(),
        run_dir: folder.path().to_owned(),
        strict: false,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    let mut journal = Journal::open(folder.path(), "slow");
    let mut progress = context.progress();
    for step in 0..1000 {
        progress.say(|| format!("step {step}"), Some(f64::from(step) / 1000.0));
    }
    journal.end(None);
    let text = std::fs::read_to_string(folder.path().join("journal/slow.jsonl")).unwrap();
    let entries: Vec<Entry> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let first = Entry::Progress {
        text: "step 0".to_owned(),
        fraction: Some(0.0),
    };
    assert_eq!(entries.len(), 2, "{text}");
    assert_eq!(entries[0], first);
    assert!(matches!(entries[1], Entry::End { .. }));
}
