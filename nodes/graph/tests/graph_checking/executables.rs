//! Executables that are not ours.

use std::time::{Duration, Instant};

use renalflow_graph::{CheckOptions, Graph, Severity, check};

use crate::common::{GOOD, OnDisk, on_disk, one, plugins, report, said, text};

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
