//! Whole cases, for tests that look at what a stage makes of them and not at messages.

use std::path::Path;

use super::Replay;
use crate::{
    journal::Journal,
    plugin::{NodeError, Plugin},
    stage::Context,
    value::{Failure, Value},
};

/// What arrives for one case: a value or a failure on each input.
#[derive(Debug, Clone)]
pub struct Case {
    case_id: String,
    inputs: Vec<(String, Result<Value, Failure>)>,
}

impl Case {
    /// A case of which nothing arrives yet.
    #[must_use]
    pub fn new(case_id: &str) -> Self {
        Self {
            case_id: case_id.to_owned(),
            inputs: Vec::new(),
        }
    }

    /// Let a value arrive.
    #[must_use]
    pub fn with(mut self, input: &str, value: Value) -> Self {
        self.inputs.push((input.to_owned(), Ok(value)));
        self
    }

    /// Let the failure of an earlier node arrive.
    #[must_use]
    pub fn failed(mut self, input: &str, failure: Failure) -> Self {
        self.inputs.push((input.to_owned(), Err(failure)));
        self
    }
}

/// Run a stage over cases, with all inputs connected that any of them has and all outputs, and
/// give what it sent.
///
/// # Errors
/// As of a node in a graph.
pub fn play(
    plugin: &Plugin,
    args: &[&str],
    run_dir: &Path,
    cases: &[Case],
) -> Result<Replay, NodeError> {
    let mut inputs: Vec<&str> = Vec::new();
    for (input, _) in cases.iter().flat_map(|case| &case.inputs) {
        if !inputs.contains(&input.as_str()) {
            inputs.push(input);
        }
    }
    let outputs = plugin.declaration().all_outputs();
    let outputs: Vec<&str> = outputs.iter().map(|port| port.name).collect();
    let mut replay = Replay::new(inputs.iter().copied(), outputs.iter().copied());
    let ids: Vec<&str> = cases.iter().map(|case| case.case_id.as_str()).collect();
    for input in &inputs {
        replay.begin(input, &ids);
    }
    for case in cases {
        for (input, arrives) in &case.inputs {
            match arrives {
                Ok(value) => replay.value(input, &case.case_id, value.clone()),
                Err(failure) => replay.failure(input, failure),
            }
        }
    }
    for input in &inputs {
        replay.end(input);
    }
    let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let context = Context {
        node_id: plugin.declaration().name.to_owned(),
        run_dir: run_dir.to_owned(),
        strict: false,
        inputs: named(&inputs),
        outputs: named(&outputs),
    };
    let args: Vec<String> = named(args);
    plugin.run_on(&mut replay, &args, &context, &mut Journal::none())?;
    Ok(replay)
}

/// Run a stage over one case, and give what it sent for that on an output.
///
/// # Errors
/// The failure that it sent.
///
/// # Panics
/// A stage that ends with an error or sends nothing.
#[allow(clippy::panic, reason = "for tests, like the script beside it")]
pub fn play_one(
    plugin: &Plugin,
    args: &[&str],
    run_dir: &Path,
    case: Case,
    output: &str,
) -> Result<Value, Failure> {
    let case_id = case.case_id.clone();
    let replay = play(plugin, args, run_dir, &[case]).unwrap_or_else(|error| panic!("{error}"));
    replay
        .received(output)
        .remove(&case_id)
        .unwrap_or_else(|| panic!("nothing was sent on `{output}` for {case_id}"))
}
