//! Stages, options and files.

use renalflow_graph::{CheckOptions, check};

use crate::{
    common::{GOOD, bad, one, plugins, read, report, text},
    errors, wrong,
};

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
