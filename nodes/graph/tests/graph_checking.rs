//! What is wrong with a graph is found before it runs, and said with the fix.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use common::*;
use renalflow_graph::{CheckOptions, Finding, Graph, Severity, check};

fn errors(yaml: &str) -> Vec<Finding> {
    report(yaml).findings
}

#[track_caller]
fn wrong(old: &str, new: &str, line: usize, phrases: &[&str]) {
    one(&errors(&bad(old, new)), line, phrases);
}

#[test]
fn a_good_graph_passes_and_tells_every_option() {
    let report = report(GOOD);
    assert!(
        report.findings.is_empty() && report.passes(),
        "{}",
        text(&report.findings)
    );
    let ids: Vec<_> = report.nodes.keys().collect();
    assert_eq!(ids, ["load", "resample", "radiomics", "table", "classify"]);
    assert_eq!(report.nodes["resample"]["spacing_mm"], 2.5);
    assert_eq!(report.nodes["resample"]["pad_hu"], -1024.0);
    assert_eq!(report.nodes["load"]["window"], 3);
    assert_eq!(
        (report.notes[0].node.as_str(), report.notes[0].text.as_str()),
        ("load", "20 cases")
    );
}

#[test]
fn a_misspelt_option_reads_like_this() {
    let findings = errors(&bad("--spacing-mm", "--spacng-mm"));
    let shown = text(&findings);
    let file = &findings[0].place.as_ref().unwrap().file;
    let expected = "\
error: stage `resample` has no option `--spacng-mm`
  --> FILE:13:25
   |
13 |     args: node resample --spacng-mm 2.5 --order cubic
   |                         ^^^^^^^^^^^
  fix: did you mean `--spacing-mm`?";
    assert_eq!(shown.replace(file, "FILE"), expected);
}

#[test]
fn options_that_the_parser_refuses() {
    wrong(
        "cubic",
        "cubicc",
        13,
        &[
            "`--order` of stage `resample` cannot be `cubicc`",
            "did you mean `cubic`?",
            "^^^^^^\n",
        ],
    );
    wrong(
        "2.5",
        "wide",
        13,
        &[
            "`--spacing-mm` of stage `resample` cannot be `wide`",
            "invalid float",
            "write `--spacing-mm <MM>`",
        ],
    );
    wrong(
        "--order cubic",
        "--order",
        13,
        &["`--order` of stage `resample` has no value"],
    );
    wrong(
        "--order cubic",
        "--order cubic 1.0",
        13,
        &["does not know what `1.0` is for"],
    );
    wrong(
        "--order cubic",
        "--order cubic --order linear",
        13,
        &["`--order` is given twice"],
    );
    wrong(
        "node load",
        "node load --window 0",
        4,
        &["`--window` of stage `load` cannot be `0`", "1..=64"],
    );
    wrong("node load", "node load --help", 4, &["print its help"]);
    let folded = GOOD.replace(
        "args: node resample --spacing-mm 2.5",
        "args: >-\n      node resample\n      --spacng-mm 2.5",
    );
    one(
        &errors(&folded),
        15,
        &["no option `--spacng-mm`", "^^^^^^^^^^^\n"],
    );
}

#[test]
fn an_option_of_the_command_line_is_named_as_such() {
    let graph = read(GOOD, &["resample.order=cubicc"]).unwrap();
    let report = check(&graph, &plugins(), &CheckOptions::default());
    one(
        &report.findings,
        0,
        &["cannot be `cubicc`", "--> --set resample.order=cubicc"],
    );
}

#[test]
fn files_that_a_stage_misses() {
    let phrases = [
        "manifest kits.yml is not there",
        "write one, or correct the path",
        "^^^^^^^^\n",
    ];
    wrong("node load", "node load --manifest kits.yml", 4, &phrases);
}

#[test]
fn stages_that_are_not_there() {
    wrong(
        "node radiomics",
        "node radiomcs",
        21,
        &[
            "no stage `radiomcs`",
            "did you mean `radiomics`?",
            "^^^^^^^^\n",
        ],
    );
    wrong(
        "    args: node table\n",
        "",
        29,
        &[
            "runs `renalflow` without saying which stage",
            "args: node STAGE",
            "classify",
        ],
    );
    wrong(
        "args: node table",
        "args: run table",
        30,
        &["without saying which stage"],
    );
    let shown = ["runs `renaflow`, which is not there", "on the PATH"];
    wrong(
        "path: renalflow\n    args: node table",
        "path: renaflow\n    args: node table",
        29,
        &shown,
    );
}

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

/// A graph with an executable that is not ours between two stages.
fn with_executable(body: &str, mode: u32) -> (OnDisk, Graph) {
    use std::os::unix::fs::PermissionsExt;
    let yaml = GOOD.replace(
        "path: renalflow\n    args: node radiomics",
        "path: my-features\n    args: --bins 32",
    );
    let disk = on_disk(&yaml);
    let file = disk.folder.path().join("my-features");
    std::fs::write(&file, body).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let graph = Graph::read(&disk.file, &[], &plugins()).unwrap();
    (disk, graph)
}

#[test]
fn an_executable_that_describes_itself_is_checked_like_ours() {
    let describe = |labels: &str| {
        format!(
            r#"#!/bin/sh
[ "$1 $2 $3" = "--bins 32 --describe" ] || exit 1
cat <<'JSON'
{{"name": "my-features", "version": "1", "about": "", "role": "per-case",
 "inputs": [{{"name": "image", "kind": "image", "required": true}}, {{"name": "{labels}", "kind": "labels", "required": true}}],
 "outputs": [{{"name": "features", "kind": "table"}}], "options": []}}
JSON
"#
        )
    };
    let (_disk, graph) = with_executable(&describe("labels"), 0o755);
    let report = check(&graph, &plugins(), &CheckOptions::default());
    assert!(report.findings.is_empty(), "{}", text(&report.findings));
    let (_disk, graph) = with_executable(&describe("mask"), 0o755);
    let report = check(&graph, &plugins(), &CheckOptions::default());
    assert_eq!(report.findings.len(), 2, "{}", text(&report.findings));
    said(
        &report.findings[0],
        19,
        &["input `mask` (labels) of node `radiomics` is not connected"],
    );
    said(
        &report.findings[1],
        24,
        &["stage `my-features` has no input `labels`"],
    );
}

#[test]
fn an_executable_that_says_nothing_is_a_warning() {
    let warned = |body: &str, options: CheckOptions, phrase: &str| {
        let (_disk, graph) = with_executable(body, 0o755);
        let report = check(&graph, &plugins(), &options);
        assert_eq!(report.findings.len(), 1, "{}", text(&report.findings));
        assert_eq!(report.findings[0].severity, Severity::Warning);
        assert!(
            report.findings[0].to_string().contains(phrase),
            "{}",
            report.findings[0]
        );
        assert!(report.passes());
    };
    let short = CheckOptions {
        describe_timeout: Duration::from_millis(500),
    };
    warned(
        "#!/bin/sh\necho hello\n",
        CheckOptions::default(),
        "no answer to `--describe`",
    );
    warned(
        "#!/bin/sh\nexit 1\n",
        CheckOptions::default(),
        "no answer to `--describe`",
    );
    let started = Instant::now();
    warned("#!/bin/sh\nsleep 60\n", short, "within 0.5 s");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_executable_that_cannot_start() {
    let (_disk, graph) = with_executable("#!/bin/sh\n", 0o644);
    let report = check(&graph, &plugins(), &CheckOptions::default());
    one(&report.findings, 20, &["cannot be started", "chmod +x"]);
}
