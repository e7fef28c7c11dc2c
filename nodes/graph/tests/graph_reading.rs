//! What a file must be to be a graph.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use dora_message::descriptor::Descriptor;
use renalflow_graph::{Graph, Set};

#[track_caller]
fn refused(yaml: &str, line: usize, phrases: &[&str]) {
    match read(yaml, &[]) {
        Ok(_) => panic!("read:\n{yaml}"),
        Err(findings) => one(&findings, line, phrases),
    }
}

#[test]
fn a_good_graph_is_read_as_dora_reads_it() {
    let graph = read(GOOD, &[]).unwrap();
    assert_eq!(graph.nodes().len(), 5);
    let resample = graph.node("resample").unwrap();
    assert_eq!(resample.stage(), Some("resample"));
    assert_eq!(
        resample.options(),
        ["--spacing-mm", "2.5", "--order", "cubic"]
    );
    assert_eq!((graph.value_edges().len(), graph.ack_edges().len()), (6, 2));
    assert_eq!(
        graph
            .sources()
            .iter()
            .map(|node| node.id())
            .collect::<Vec<_>>(),
        ["load"]
    );
    let ours: serde_json::Value = serde_json::to_value(
        serde_yaml::from_str::<Descriptor>(&graph.to_descriptor_yaml()).unwrap(),
    )
    .unwrap();
    let doras = serde_json::to_value(serde_yaml::from_str::<Descriptor>(GOOD).unwrap()).unwrap();
    assert_eq!(ours, doras);
}

#[test]
fn yaml_that_is_not() {
    refused(
        &bad("    path: renalflow", "    path: [renalflow"),
        4,
        &["not YAML"],
    );
    refused(
        &bad("    args: node load", "   args: node load"),
        4,
        &["not YAML"],
    );
    refused(
        &bad(
            "    args: node load",
            "    args: node load\n    args: node load",
        ),
        5,
        &["not YAML", "duplicate"],
    );
}

#[test]
fn nothing_to_run() {
    refused("", 1, &["0", "a graph looks like this"]);
    refused("nodes: []\n", 1, &["no nodes"]);
    refused("nodes:\n", 1, &["no nodes"]);
    refused("env: {}\n", 1, &["no `nodes:`"]);
    refused("hello\n", 1, &["must be a map"]);
}

#[test]
fn files_that_are_not_graphs() {
    let disk = on_disk(GOOD);
    let read = |path: &std::path::Path| Graph::read(path, &[], &plugins()).unwrap_err();
    one(
        &read(&disk.folder.path().join("studdy.yml")),
        0,
        &["cannot read", "did you mean", "study.yml"],
    );
    one(&read(disk.folder.path()), 0, &["is a folder", "study.yml"]);
    let binary = disk.folder.path().join("image.yml");
    std::fs::write(&binary, [0xff, 0xfe, 0x00, 0xff]).unwrap();
    one(&read(&binary), 0, &["cannot read", "UTF-8"]);
}

#[test]
fn keys_that_dora_does_not_know() {
    refused(
        &bad("    args: node load", "    arg: node load"),
        4,
        &["no key `arg`", "did you mean `args`?", "^^^"],
    );
    refused(
        &format!("nodez: 1\n{GOOD}"),
        1,
        &["no key `nodez`", "did you mean `nodes`?"],
    );
    // dora takes this one without a word, and keeps its default of ten messages.
    let yaml = bad("queue_size: 194", "queue_sise: 194");
    refused(
        &yaml,
        15,
        &["no key `queue_sise`", "did you mean `queue_size`?"],
    );
    refused(
        &bad("queue_size: 194", "queue_size: many"),
        15,
        &["must be a number of messages", "this is text"],
    );
    refused(
        &bad("queue_size: 194", "queue_policy: drop_newest"),
        15,
        &["no queue policy `drop_newest`"],
    );
}

#[test]
fn values_of_the_wrong_kind() {
    refused(
        &bad("    args: node load", "    args: [node, load]"),
        4,
        &["`args` must be text, this is a list"],
    );
    refused(
        &bad("    path: renalflow", "    restart_policy: 7"),
        2,
        &["node `load` has no `path:`"],
    );
    refused(
        &bad("    args: node load", "    restart_policy: often"),
        4,
        &["dora refuses", "often"],
    );
    refused(&bad("  - id: load\n    path", "  - path"), 2, &["no `id:`"]);
    refused(
        &bad("table/ack", "table"),
        6,
        &["cannot be connected to `table`", "node/output"],
    );
    refused(
        &bad("node load", "node load --manifest 'a b"),
        4,
        &["quotes"],
    );
}

#[test]
fn two_nodes_of_one_id() {
    refused(
        &bad("id: resample", "id: load"),
        11,
        &["two nodes have the id `load`", "line 2", "load-2"],
    );
}

#[test]
fn options_from_the_command_line() {
    let graph = read(
        GOOD,
        &[
            "resample.spacing-mm=1.25",
            "resample.pad-hu=-500",
            "resample.keep-grid=true",
            "load.manifest=my cohort.yml",
        ],
    )
    .unwrap();
    let options = graph.node("resample").unwrap().options();
    assert_eq!(
        options,
        [
            "--spacing-mm=1.25",
            "--order",
            "cubic",
            "--pad-hu=-500",
            "--keep-grid"
        ]
    );
    assert_eq!(
        graph.node("load").unwrap().options(),
        ["--manifest=my cohort.yml"]
    );
    let descriptor: Descriptor = serde_yaml::from_str(&graph.to_descriptor_yaml()).unwrap();
    let args = descriptor.nodes[0].args.as_deref().unwrap();
    assert_eq!(
        shlex::split(args).unwrap(),
        ["node", "load", "--manifest=my cohort.yml"]
    );

    let on = bad("--order cubic", "--keep-grid --order cubic");
    let graph = read(&on, &["resample.keep-grid=false"]).unwrap();
    assert_eq!(
        graph.node("resample").unwrap().options(),
        ["--spacing-mm", "2.5", "--order", "cubic"]
    );
}

#[test]
fn options_from_the_command_line_that_are_not_there() {
    let refused = |set: &str, phrases: &[&str]| one(&read(GOOD, &[set]).unwrap_err(), 0, phrases);
    refused(
        "resampel.order=cubic",
        &[
            "no node `resampel`",
            "did you mean `resample`?",
            "--set resampel.order=cubic",
        ],
    );
    refused(
        "resample.odrer=cubic",
        &[
            "node `resample` has no option `odrer`",
            "did you mean `order`?",
        ],
    );
    refused("resample.keep-grid=maybe", &["on or off"]);
    for text in [
        "resample",
        "resample=1",
        "order=cubic",
        ".order=1",
        "resample.=1",
    ] {
        let finding = Set::parse(text).unwrap_err();
        assert!(
            finding.to_string().contains("--set node.option=value"),
            "{finding}"
        );
    }
}

#[test]
fn hostile_text_is_an_error_and_not_a_panic() {
    for yaml in [
        "[".repeat(5000),
        "- ".repeat(3000),
        "nodes: &a [*a]".to_owned(),
        "\u{0}".to_owned(),
        "!!x y: z".to_owned(),
    ] {
        assert!(read(&yaml, &[]).is_err());
    }
}
