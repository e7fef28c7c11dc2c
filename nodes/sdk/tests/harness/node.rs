//! What a node says of itself, and what it refuses.

use renalflow_sdk::{
    Context, Plugin,
    journal::{Entry, Journal},
    replay::Replay,
};
use serde_json::json;

use crate::support::{AddOne, Ten, run};

#[test]
fn a_port_that_the_stage_does_not_have_is_refused() {
    let error = run::<AddOne>(&mut Replay::new(["imago"], ["image"]), false)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no input `imago`") && error.contains("image, other"),
        "{error}"
    );
    let error = run::<AddOne>(&mut Replay::new(["image"], ["imago"]), false)
        .unwrap_err()
        .to_string();
    assert!(error.contains("no output `imago`"), "{error}");
}

#[test]
fn a_stage_describes_its_ports_and_options() {
    let describe = Plugin::of::<Ten>().describe();
    assert_eq!(describe["role"], "source");
    assert_eq!(describe["inputs"][0]["name"], "ack");
    assert_eq!(describe["outputs"][0]["kind"], "image");
    assert_eq!(describe["options"][0]["name"], "window");
    assert_eq!(describe["options"][0]["default"], json!(["3"]));
}

#[test]
fn progress_is_said_beside_the_journal_and_not_too_often() {
    let folder = tempfile::tempdir().unwrap();
    let context = Context {
        node_id: "slow".to_owned(),
        run_dir: folder.path().to_owned(),
        strict: false,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    let mut journal = Journal::open(folder.path(), "slow");
    let mut progress = context.progress();
    for step in 0..1000 {
        progress.say(|| format!("step {step}"), Some(f64::from(step) / 1000.0));
    }
    journal.end(None);
    let text = std::fs::read_to_string(folder.path().join("journal/slow.jsonl")).unwrap();
    let entries: Vec<Entry> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let first = Entry::Progress {
        text: "step 0".to_owned(),
        fraction: Some(0.0),
    };
    assert_eq!(entries.len(), 2, "{text}");
    assert_eq!(entries[0], first);
    assert!(matches!(entries[1], Entry::End { .. }));
}
