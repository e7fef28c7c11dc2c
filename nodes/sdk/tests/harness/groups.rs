//! Collecting stages whose inputs are of several sets of cases.

use renalflow_sdk::replay::Replay;

use crate::support::{BOTH_SETS, TwoSets, acknowledged, image, listed, run, two_sets};

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
