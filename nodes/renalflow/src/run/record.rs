//! `run.json`: everything that is needed to say what a run was and to do it again.

use std::{collections::BTreeMap, fs, time::UNIX_EPOCH};

use renalflow_graph::Graph;
use serde_json::{Map, Value as Json, json};

use super::{Outcome, account::Account, folder::RunFolder, path_in, watch::NodeState};

/// Write `run.json`.
///
/// # Errors
/// The file cannot be written.
pub fn write(
    graph: &Graph,
    options_by_node: &Map<String, Json>,
    folder: &RunFolder,
    outcome: &Outcome,
    account: &Account,
) -> Result<(), String> {
    let nodes: BTreeMap<_, _> = outcome
        .watch
        .nodes
        .iter()
        .map(|(id, state)| (id.clone(), node(state, options_by_node.get(id))))
        .collect();
    let seconds_since_epoch = outcome
        .started
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |elapsed| elapsed.as_secs_f64());
    let record = json!({
        "renalflow": env!("CARGO_PKG_VERSION"),
        "dora": "1.1",
        "protocol": renalflow_sdk::envelope::PROTOCOL,
        "graph": graph.file(),
        "graph_resolved": graph.to_descriptor_yaml(),
        "started_unix_s": seconds_since_epoch,
        "seconds": outcome.seconds,
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
        "complete": account.is_complete(),
        "stopped": account.stopped,
        "cases": {
            "total": account.cases.len(),
            "ok": account.ok(),
            "failed": account.failed,
            "missing": account.missing,
        },
        "broken_nodes": account.broken.iter().cloned().collect::<BTreeMap<_, _>>(),
        "nodes": nodes,
    });
    let path = path_in(folder, "run.json");
    let text = serde_json::to_string_pretty(&record).map_err(|error| error.to_string())?;
    fs::write(&path, text + "\n").map_err(|error| {
        format!("cannot write {}: {error}\n  fix: free space on that disk, or choose another with `--out`", path.display())
    })
}

fn node(state: &NodeState, options: Option<&Json>) -> Json {
    let (stage, version, resolved) = state.started.clone().unwrap_or_default();
    let end = state.end.clone().unwrap_or_default();
    let lineage: BTreeMap<_, _> = state
        .done
        .iter()
        .filter(|(_, (_, keys))| keys.as_object().is_some_and(|keys| !keys.is_empty()))
        .map(|(case, (_, keys))| (case, keys))
        .collect();
    let seconds_by_case: BTreeMap<_, _> = state
        .done
        .iter()
        .map(|(case, (seconds, _))| (case, seconds))
        .collect();
    json!({
        "stage": stage,
        "version": version,
        "options": if resolved.is_null() { options.cloned().unwrap_or_default() } else { resolved },
        "cases_done": state.cases_done(),
        "cases_failed": state.failed.len(),
        "ended": state.end.is_some(),
        "error": end.error,
        "seconds": end.seconds,
        "busy_seconds": end.busy_seconds,
        "peak_memory_mib": end.peak_memory_mib,
        "files": state.wrote,
        "results": state.results,
        "seconds_by_case": seconds_by_case,
        "lineage": lineage,
    })
}
