//! Acknowledgements, groups, queues: what would lose a case or never end.

use renalflow_graph::{CheckOptions, check};

use crate::{
    common::{GOOD, TWO_GROUPS, bad, one, plugins, read, said, text},
    errors, wrong,
};

#[test]
fn no_acknowledgement_loop() {
    let yaml = GOOD
        .replace("    inputs:\n      ack: table/ack\n", "")
        .replace("      - table\n      - ack\n", "      - table\n");
    let expected = [
        "no acknowledgement loop: node `table` collects what node `load` sends",
        "add under `inputs:` of node `load`\n         ack: table/ack\n",
        "and under `outputs:` of node `table`\n         - ack",
    ];
    one(&errors(&yaml), 2, &expected);
    let expected = [
        "node `classify` collects what node `table` sends",
        "of node `table`\n         ack: classify/ack",
    ];
    wrong("      ack: classify/ack\n", "", 28, &expected);
    // A second collecting stage acknowledges on an input of its own.
    let two = format!(
        "{GOOD}
  - id: export
    path: renalflow
    args: node export
    inputs:
      image-resampled: {{source: resample/image, queue_size: 194}}
    outputs: [ack]
"
    );
    one(
        &errors(&two),
        2,
        &[
            "node `export` collects what node `load` sends",
            "ack-export: export/ack",
        ],
    );
    let looped = two.replacen(
        "      ack: table/ack",
        "      ack: table/ack\n      ack-export: export/ack",
        1,
    );
    assert!(errors(&looped).is_empty(), "{}", text(&errors(&looped)));
}

#[test]
fn acknowledgements_of_nothing() {
    let shown = [
        "node `classify` acknowledges to node `load`, but gets nothing from it",
        "take `ack-2` out",
    ];
    wrong(
        "      ack: table/ack\n",
        "      ack: table/ack\n      ack-2: classify/ack\n",
        7,
        &shown,
    );
}

#[test]
fn groups_of_inputs_have_sources_of_their_own() {
    let of = |old: &str, new: &str| {
        assert!(TWO_GROUPS.contains(old), "no `{old}`");
        errors(&TWO_GROUPS.replacen(old, new, 1))
    };
    let good = errors(TWO_GROUPS);
    assert!(good.is_empty(), "{}", text(&good));
    let alone = TWO_GROUPS
        .replace(
            "      more-image: {source: load-more/image, queue_size: 194}\n",
            "",
        )
        .replace(
            "      more-labels: {source: load-more/labels, queue_size: 194}\n",
            "",
        )
        .replace("[ack, ack-more]", "[ack]");
    let load_more = alone.find("  - id: load-more").unwrap();
    let learn = alone.find("  - id: learn").unwrap();
    let alone = format!("{}{}", &alone[..load_more], &alone[learn..]);
    assert!(errors(&alone).is_empty(), "{}", text(&errors(&alone)));
    one(
        &of(
            "      more-labels: {source: load-more/labels, queue_size: 194}\n",
            "",
        ),
        16,
        &[
            "input `more-labels` (labels) of node `learn` is not connected",
            "`more-image` of the same cases is",
            "more-labels: load-more/labels",
        ],
    );
    let wrong_group = text(&of("ack: learn/ack-more", "ack: learn/ack"));
    for phrase in [
        "learn/ack-more",
        "acknowledges to node `load-more`, but gets nothing from it",
    ] {
        assert!(wrong_group.contains(phrase), "{phrase}:\n{wrong_group}");
    }
    let same_cases = text(&errors(
        &TWO_GROUPS
            .replace("load-more/image", "load/image")
            .replace("load-more/labels", "load/labels"),
    ));
    assert!(
        same_cases.contains("sends the same to both"),
        "{same_cases}"
    );
    one(
        &of(
            "load-more/labels, queue_size: 194",
            "load-more/labels, queue_size: 100",
        ),
        23,
        &["holds 100 messages", "2 cases under way can be 130"],
    );
}

#[test]
fn cases_that_nobody_collects() {
    let yaml = format!(
        "{GOOD}
  - id: spare
    path: renalflow
    args: node resample
    inputs:
      image: {{source: load/image, queue_size: 194}}
    outputs: [image]
"
    );
    one(
        &errors(&yaml),
        46,
        &[
            "nothing collects what node `spare` sends",
            "to a collecting stage",
        ],
    );
    let alone = "nodes:\n  - {id: load, path: renalflow, args: node load, outputs: [image]}\n";
    one(
        &errors(alone),
        2,
        &["nothing collects what node `load` sends"],
    );
}

#[test]
fn single_cases_and_the_cohort_do_not_join() {
    let yaml = GOOD.replace(
        "      features: radiomics/features\n",
        "      features: radiomics/features\n      features-2: table2/table\n",
    ) + "
  - id: table2
    path: renalflow
    args: node table
    inputs:
      features: radiomics/features
      ack: table/ack
    outputs: [table, ack]
";
    let yaml = yaml.replacen(
        "      ack: table/ack",
        "      ack: table/ack\n      ack-2: table2/ack",
        1,
    );
    one(
        &errors(&yaml),
        34,
        &["single cases on input `features` and the whole cohort on input `features-2`"],
    );
}

#[test]
fn queues_that_are_too_short() {
    let shown = [
        "input `image` of node `resample` holds 10 messages (dora's default), but 3 cases under way can be 194",
        "write\n         image: {source: load/image, queue_size: 194}",
    ];
    wrong(
        "image: {source: load/image, queue_size: 194}",
        "image: load/image",
        15,
        &shown,
    );
    wrong(
        "queue_size: 194",
        "queue_size: 193",
        15,
        &["holds 193 messages, but", "write `queue_size: 194`"],
    );
    // The window of the source decides, also one from the command line.
    let graph = read(GOOD, &["load.window=9"]).unwrap();
    let findings = check(&graph, &plugins(), &CheckOptions::default()).findings;
    assert_eq!(findings.len(), 6, "{}", text(&findings));
    said(
        &findings[0],
        6,
        &[
            "input `ack` of node `load` holds 10 messages",
            "9 cases under way can be 11",
            "queue_size: 11}",
        ],
    );
    said(&findings[1], 15, &["can be 578", "write `queue_size: 578`"]);
    said(
        &findings[5],
        32,
        &["input `features` of node `table`", "can be 20"],
    );
    let graph = read(GOOD, &["load.window=1"]).unwrap();
    assert!(check(&graph, &plugins(), &CheckOptions::default()).passes());
}

#[test]
fn policies_and_timers_that_lose_data_or_never_end() {
    wrong(
        "queue_size: 194}",
        "queue_size: 194, queue_policy: backpressure}",
        15,
        &["loses what is under way", "take it out"],
    );
    let yaml = bad(
        "      features: radiomics/features",
        "      features: radiomics/features\n      clinical: dora/timer/secs/1",
    );
    one(&errors(&yaml), 33, &["is a timer, which never ends"]);
    let yaml = bad("features: radiomics/features", "features: dora/logs");
    let shown = [
        "input `features` of stage `table` takes values of cases",
        "node/output",
    ];
    said(&errors(&yaml)[0], 32, &shown);
}
