//! A stage that does one case at a time: joins, failures, losses, lineage.

use renalflow_sdk::{Failure, envelope::MessageKind, replay::Replay};

use crate::support::{AddOne, first_voxel, image, run};

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
