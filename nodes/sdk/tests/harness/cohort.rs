//! Sources and collecting stages: windows, acknowledgements, the end of a cohort.

use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, Outputs, Plugin, Port,
    Problem, Role, Stage, Value, Work,
    journal::{Entry, Journal},
    replay::Replay,
};

use crate::support::{List, NoOptions, Ten, image, run};

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
fn a_source_ignores_acknowledgements_of_cases_that_it_never_sent() {
    let mut replay = Replay::new(["ack"], ["image"]).acknowledging();
    for case in ["x1", "x2", "x3", "x4"] {
        replay.ack("ack", case);
    }
    run::<Ten>(&mut replay, false).unwrap();
    assert_eq!(replay.received("image").len(), 10);
}

/// Takes in every case and cannot use `b` in the end.
struct Picky;

impl Stage for Picky {
    type Options = NoOptions;
    const DECLARATION: Declaration = Declaration {
        name: "picky",
        version: "1",
        about: "takes in and leaves out",
        role: Role::Collecting,
        inputs: &[Port::new("image", Kind::Image, "voxels")],
        outputs: &[],
    };
    fn build(_: NoOptions, _: &Context) -> Result<Work, Problem> {
        Ok(Work::Collecting(Box::new(Self)))
    }
}

impl Collecting for Picky {
    fn collect(&mut self, _: &str, _: Result<Inputs, Failure>) -> Result<(), Problem> {
        Ok(())
    }
    fn finish(&mut self, _: &Cohort) -> Result<Outputs, Problem> {
        let reason = || Problem::new("it fits nothing").fix("leave it out");
        Ok(Outputs::none()
            .result("one of two")
            .lost("b", reason())
            .lost("c", reason()))
    }
}

#[test]
fn a_case_that_could_not_be_used_in_the_end_is_recorded_as_failed() {
    for strict in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut replay = Replay::new(["image"], ["ack"]);
        replay.begin("image", &["a", "b", "c"]);
        for case in ["a", "b", "c"] {
            replay.value("image", case, image(1));
        }
        replay.end("image");
        let context = Context {
            node_id: "picky".to_owned(),
            run_dir: folder.path().to_owned(),
            strict,
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        let mut journal = Journal::open(folder.path(), "picky");
        let ran = Plugin::of::<Picky>().run_on(&mut replay, &[], &context, &mut journal);
        let text = std::fs::read_to_string(folder.path().join("journal/picky.jsonl")).unwrap();
        let entries = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let failed: Vec<Entry> = entries
            .filter(|entry| matches!(entry, Entry::Failed { .. }))
            .collect();
        let of = |case: &str| Entry::Failed {
            case: case.to_owned(),
            node: "picky".to_owned(),
            cause: "it fits nothing".to_owned(),
            fix: "leave it out".to_owned(),
        };
        // Both are on record, under --strict too, which then ends the run with the first.
        assert_eq!(failed, [of("b"), of("c")]);
        assert_eq!(ran.is_err(), strict);
        if let Err(error) = ran {
            assert!(error.to_string().contains("b failed in picky"), "{error}");
        }
    }
}
