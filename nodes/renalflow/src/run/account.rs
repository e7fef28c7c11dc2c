//! Accounts for every case: in at the sources, out at every collecting stage.

use std::collections::{BTreeMap, BTreeSet};

use renalflow_daemon::NodeEnd;
use renalflow_graph::Graph;
use renalflow_sdk::Failure;

use super::Outcome;

/// What became of the cases and of the nodes.
#[derive(Debug, Default)]
pub struct Account {
    /// All cases, in the order of the sources.
    pub cases: Vec<String>,
    /// Cases that a stage could not do; each is a row with its status.
    pub failed: BTreeMap<String, Failure>,
    /// Cases without a row, each with the node that had it last and what is known.
    pub missing: BTreeMap<String, String>,
    /// Why the run was stopped before its end, from outside or by the command.
    pub stopped: Option<String>,
    /// Nodes that ended with an error, in the order of the graph, each with its own words.
    pub broken: Vec<(String, String)>,
}

impl Account {
    /// Compare what the sources announced with what the collecting stages took in.
    pub fn of(graph: &Graph, outcome: &Outcome) -> Self {
        let nodes = &outcome.watch.nodes;
        let mut account = Self {
            broken: broken(graph, outcome),
            ..Self::default()
        };
        let told_to_stop = |words: &str| words.starts_with(STOPPED);
        let from_outside = account.broken.iter().any(|(_, words)| told_to_stop(words));
        account.stopped = outcome
            .stopped
            .clone()
            .or_else(|| from_outside.then(|| FROM_OUTSIDE.to_owned()));
        account.broken.retain(|(_, words)| !told_to_stop(words));
        for source in graph.sources() {
            let source = source.id().to_owned();
            let Some(state) = nodes.get(&source) else {
                continue;
            };
            let path = downstream(graph, &source);
            let dead: BTreeSet<&str> = account.broken.iter().map(|(id, _)| id.as_str()).collect();
            for case in &state.cohort {
                account.cases.push(case.clone());
                for collector in path.iter().filter(|id| acknowledges(graph, id, &source)) {
                    let taken = nodes
                        .get(collector)
                        .is_some_and(|node| node.done.contains_key(case));
                    if !taken {
                        let holder = holder(&path, nodes, case).unwrap_or_else(|| source.clone());
                        let said = format!("it got as far as node `{holder}`");
                        account.missing.entry(case.clone()).or_insert(said);
                    }
                }
                let failures = path
                    .iter()
                    .chain([&source])
                    .filter_map(|id| nodes.get(id)?.failed.get(case));
                for failure in failures {
                    // A node that died owes its cases; they are missing, not failed.
                    if dead.contains(failure.node.as_str())
                        && nodes
                            .get(&failure.node)
                            .is_none_or(|node| node.end.is_none())
                    {
                        account
                            .missing
                            .entry(case.clone())
                            .or_insert_with(|| failure.cause.clone());
                    } else {
                        account
                            .failed
                            .entry(case.clone())
                            .or_insert_with(|| failure.clone());
                    }
                }
            }
        }
        account
            .failed
            .retain(|case, _| !account.missing.contains_key(case));
        account
    }

    /// Whether every case has its row and every node ended well.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.broken.is_empty() && self.stopped.is_none()
    }

    /// Number of cases that are neither failed nor missing.
    pub fn ok(&self) -> usize {
        self.cases
            .iter()
            .filter(|case| !self.failed.contains_key(*case) && !self.missing.contains_key(*case))
            .count()
    }
}

/// How a node says that it was told to stop.
const STOPPED: &str = "stopped from outside";

/// What is said of a run of which a node was told so.
const FROM_OUTSIDE: &str = "stopped from outside (Ctrl-C or a signal) before all work was done";

/// The nodes that the values of a source reach before they are collected, nearest first.
fn downstream(graph: &Graph, source: &str) -> Vec<String> {
    let nodes = graph.nodes();
    let mut reached: Vec<String> = vec![source.to_owned()];
    let mut next = 0;
    while next < reached.len() {
        let collects = next > 0 && acknowledges(graph, &reached[next], source);
        for edge in graph.value_edges() {
            let to = nodes[edge.to].id();
            if !collects
                && nodes[edge.from].id() == reached[next]
                && !reached.iter().any(|id| id == to)
            {
                reached.push(to.to_owned());
            }
        }
        next += 1;
    }
    reached.remove(0);
    reached
}

fn acknowledges(graph: &Graph, collector: &str, source: &str) -> bool {
    let nodes = graph.nodes();
    graph
        .ack_edges()
        .iter()
        .any(|edge| nodes[edge.from].id() == collector && nodes[edge.to].id() == source)
}

/// The last node on the path that had the case.
fn holder(
    path: &[String],
    nodes: &BTreeMap<String, super::watch::NodeState>,
    case: &str,
) -> Option<String> {
    path.iter()
        .rev()
        .find(|id| {
            nodes.get(*id).is_some_and(|node| {
                node.done.contains_key(case) || node.current.as_deref() == Some(case)
            })
        })
        .cloned()
}

fn broken(graph: &Graph, outcome: &Outcome) -> Vec<(String, String)> {
    let mut broken: Vec<_> = graph
        .nodes()
        .iter()
        .filter_map(|node| {
            let id = node.id().to_owned();
            let state = outcome.watch.nodes.get(&id);
            let own_words = state.and_then(|node| node.end.as_ref()?.error.clone());
            // To the daemon a process that dies while the graph is stopped has ended well. Its
            // own journal knows better.
            let cut_short = state.is_some_and(|node| node.started.is_some() && node.end.is_none());
            let end = match outcome.ends.get(&id) {
                Some(NodeEnd::Failed { how }) => Some(how.clone()),
                Some(NodeEnd::Cascade { caused_by }) => {
                    Some(format!("not started because node `{caused_by}` failed"))
                }
                _ => None,
            };
            match (own_words, end) {
                (Some(words), _) => Some((id, words)),
                (None, Some(how)) => Some((id, how)),
                (None, None) if cut_short => Some((id, STOPPED.to_owned())),
                (None, None) => None,
            }
        })
        .collect();
    // What a node says of itself explains more than what its neighbours say of it.
    broken.sort_by_key(|(id, words)| {
        let blames_another = words.contains("stopped before it");
        (blames_another, !outcome.watch.nodes.contains_key(id))
    });
    broken
}
