//! Ports, types and circles.

use crate::{
    common::{GOOD, bad, one, said, text},
    errors, wrong,
};

#[test]
fn misspelt_ports() {
    let findings = errors(&bad(
        "      labels: {source: load/labels",
        "      label: {source: load/labels",
    ));
    assert_eq!(findings.len(), 2, "{}", text(&findings));
    said(
        &findings[0],
        16,
        &[
            "stage `resample` has no input `label`",
            "did you mean `labels`?",
        ],
    );
    said(
        &findings[1],
        17,
        &["output `labels` is made from input `labels`, which is not connected"],
    );
    let findings = errors(&bad(
        "outputs:\n      - features",
        "outputs:\n      - feature",
    ));
    assert_eq!(findings.len(), 2, "{}", text(&findings));
    said(
        &findings[0],
        26,
        &[
            "stage `radiomics` has no output `feature`",
            "did you mean `features`?",
        ],
    );
    said(
        &findings[1],
        32,
        &[
            "node `radiomics` does not declare an output `features`",
            "add `- features` under `outputs:`",
        ],
    );
    wrong(
        "source: load/labels",
        "source: load/lables",
        16,
        &[
            "does not declare an output `lables`",
            "did you mean `labels`?",
        ],
    );
    wrong(
        "source: load/labels",
        "source: load/clinical",
        16,
        &["does not declare an output `clinical`", "add `- clinical`"],
    );
    wrong(
        "source: load/labels",
        "source: laod/labels",
        16,
        &[
            "node `laod`, which the graph does not have",
            "did you mean `load`?",
        ],
    );
}

#[test]
fn types_that_differ() {
    let shown = [
        "input `labels` takes labels, but output `image` of node `resample` is an image",
        "`resample/labels`",
    ];
    wrong(
        "source: resample/labels",
        "source: resample/image",
        24,
        &shown,
    );
}

#[test]
fn inputs_that_are_missing() {
    let shown = [
        "input `labels` (labels) of node `radiomics` is not connected",
        "labels: load/labels",
        "(or resample/labels)",
    ];
    wrong(
        "      labels: {source: resample/labels, queue_size: 194}\n",
        "",
        19,
        &shown,
    );
    let shown = [
        "output `labels` is made from input `labels`",
        "or take `labels` out",
    ];
    wrong(
        "      labels: {source: load/labels, queue_size: 194}\n",
        "",
        16,
        &shown,
    );
}

#[test]
fn a_circle_is_named() {
    let yaml = GOOD
        .replace("image: {source: load/image", "image: {source: again/image")
        .replace("  - id: radiomics", "  - id: again\n    path: renalflow\n    args: node resample\n    inputs:\n      image: {source: resample/image, queue_size: 194}\n    outputs: [image]\n\n  - id: radiomics");
    one(
        &errors(&yaml),
        15,
        &[
            "goes in a circle: resample -> again -> resample",
            "take one of these connections out",
        ],
    );
    let own = bad(
        "image: {source: load/image",
        "image: {source: resample/image",
    );
    one(
        &errors(&own),
        15,
        &["goes in a circle: resample -> resample"],
    );
}
