//! Pictures of a graph.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use renalflow_graph::{mermaid, svg};

/// Pictures are for eyes: they stay in the target folder.
fn keep(name: &str, picture: &str) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("graph");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), picture).unwrap();
}

#[test]
fn mermaid_shows_stages_options_types_and_the_way_back() {
    let text = mermaid(&read(GOOD, &["resample.order=linear"]).unwrap(), &plugins());
    let expected = "\
flowchart LR
  n0[\"<b>load</b>\"]
  n1[\"<b>resample</b><br/>spacing-mm 2.5\"]
  n2[\"<b>radiomics</b>\"]
  n3[\"<b>table</b>\"]
  n4[\"<b>classify</b>\"]
  n3 -. ack .-> n0
  n0 -- image --> n1
  n0 -- labels --> n1
  n1 -- image --> n2
  n1 -- labels --> n2
  n2 -- table --> n3
  n4 -. ack .-> n3
  n3 -- table --> n4
";
    assert_eq!(text, expected);
}

#[test]
fn svg_is_xml_with_every_node_edge_and_label() {
    let yaml = bad("node load", "node load --manifest 'a<b>&\\\"c\\\".yml'");
    let graph = read(&yaml, &[]).unwrap();
    let picture = svg(&graph, &plugins());
    keep("good.svg", &picture);
    for id in [
        "load",
        "resample",
        "radiomics",
        "table",
        "classify",
        "spacing-mm 2.5",
        "order cubic",
    ] {
        assert!(
            picture.contains(&format!(">{id}</text>")),
            "{id} is not in\n{picture}"
        );
    }
    assert!(picture.contains("a&lt;b&gt;&amp;"), "{picture}");
    assert_eq!(picture.matches("stroke-dasharray").count(), 2);
    assert_eq!(picture.matches("stroke-width=\"1.8\"").count(), 6);
    assert!(!picture.contains("NaN") && !picture.contains("inf"));
    assert_eq!(
        picture.matches("<g").count(),
        picture.matches("</g>").count()
    );
}

/// Branches, long edges, several collecting stages, an executable that is not ours.
const WIDE: &str = "\
nodes:
  - id: kits19
    path: renalflow
    args: node load --manifest ../datasets/kits19.yml --window 2
    inputs: {ack-table: table/ack, ack-export: volumes/ack}
    outputs: [image, labels, clinical]
  - id: coarse
    path: renalflow
    args: node resample --spacing-mm 2.5 --order linear
    inputs: {image: kits19/image, labels: kits19/labels}
    outputs: [image, labels]
  - id: fine
    path: renalflow
    args: node resample --spacing-mm=0.8 --order cubic --pad-hu -500 --keep-grid
    inputs: {image: kits19/image, labels: kits19/labels}
    outputs: [image, labels]
  - id: texture
    path: renalflow
    args: node radiomics
    inputs: {image: fine/image, labels: fine/labels}
    outputs: [features]
  - id: shape
    path: renalflow
    args: node radiomics
    inputs: {image: coarse/image, labels: coarse/labels}
    outputs: [features]
  - id: deep
    path: my-network
    args: --weights unet.safetensors
    inputs: {image: coarse/image}
    outputs: [features]
  - id: table
    path: renalflow
    args: node table
    inputs:
      features-texture: texture/features
      features-shape: shape/features
      features-deep: deep/features
      clinical: kits19/clinical
      ack: classify/ack
    outputs: [table, ack]
  - id: volumes
    path: renalflow
    args: node export
    inputs: {image: fine/image, labels: fine/labels, labels-original: kits19/labels}
    outputs: [ack]
  - id: classify
    path: renalflow
    args: node classify
    inputs: {table: table/table}
    outputs: [ack]
";

#[test]
fn a_wide_graph_has_no_two_boxes_in_one_place() {
    let graph = read(WIDE, &[]).unwrap();
    let picture = svg(&graph, &plugins());
    keep("wide.svg", &picture);
    let mut places: Vec<_> = picture
        .lines()
        .filter(|line| line.starts_with("<g transform"))
        .collect();
    assert_eq!(places.len(), 10, "nine boxes and the page");
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 10);
    assert_eq!(
        picture,
        svg(&graph, &plugins()),
        "the same graph gives the same picture"
    );
}
