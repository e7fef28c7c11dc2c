//! What the edges make together: streams from a stage that starts one to the collecting stages
//! that end it, the acknowledgements that come back, and queues that hold what is under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry};

use dora_message::config::DEFAULT_QUEUE_SIZE;
use renalflow_findings::Finding;
use renalflow_sdk::{
    Kind, Role,
    codec::MAX_SLABS,
    declare::{ACK, MAIN_GROUP, ack_output},
};

use crate::{
    graph::{Edge, Graph, Input},
    source::Spot,
    stage::Known,
};

/// `wired` says that every connection is there and right; only then can streams be followed to
/// their end.
pub(super) fn check(graph: &Graph, known: &[Known<'_>], wired: bool, findings: &mut Vec<Finding>) {
    let flow = Flow::new(graph, known);
    flow.policies(findings);
    flow.queues(findings);
    if flow.cycles(findings) == 0 && wired {
        flow.mixed(findings);
        flow.dead_ends(findings);
        flow.two_groups(findings);
        flow.missing_acks(findings);
        flow.strange_acks(findings);
    }
}

/// The cases that one stage sends, and where they go.
struct Stream {
    starter: usize,
    /// Cases under way at one time.
    window: usize,
    /// Whether its one case is the whole cohort.
    cohort: bool,
    /// Nodes that it reaches through nodes whose role is known.
    certain: BTreeSet<usize>,
    /// Nodes that it reaches if the others pass cases on.
    possible: BTreeSet<usize>,
}

struct Flow<'a> {
    graph: &'a Graph,
    known: &'a [Known<'a>],
    values: Vec<Edge<'a>>,
    acks: Vec<Edge<'a>>,
    streams: Vec<Stream>,
}

impl<'a> Flow<'a> {
    fn new(graph: &'a Graph, known: &'a [Known<'a>]) -> Self {
        let (values, acks) = (graph.value_edges(), graph.ack_edges());
        let mut flow = Self {
            graph,
            known,
            values,
            acks,
            streams: Vec::new(),
        };
        flow.streams = (0..known.len())
            .filter_map(|node| flow.stream(node))
            .collect();
        flow
    }

    fn role(&self, node: usize) -> Option<Role> {
        self.known[node].spec.as_ref().map(|spec| spec.role)
    }

    fn id(&self, node: usize) -> &'a str {
        self.graph.nodes[node].id()
    }

    fn stream(&self, node: usize) -> Option<Stream> {
        let cohort = match self.role(node)? {
            Role::Source => false,
            // Nobody waits for a collecting stage that nobody reads.
            Role::Collecting if self.values.iter().any(|edge| edge.from == node) => true,
            _ => return None,
        };
        Some(Stream {
            starter: node,
            window: if cohort { 1 } else { self.window(node) },
            cohort,
            certain: self.reached(node, false),
            possible: self.reached(node, true),
        })
    }

    fn window(&self, node: usize) -> usize {
        let (known, options) = (&self.known[node], self.graph.nodes[node].options());
        if let Some(plugin) = known.plugin {
            return plugin.window(&options);
        }
        let given =
            options
                .iter()
                .enumerate()
                .find_map(|(i, text)| match text.strip_prefix("--window") {
                    Some("") => options.get(i + 1).cloned(),
                    Some(rest) => rest.strip_prefix('=').map(str::to_owned),
                    None => None,
                });
        let options = known.spec.iter().flat_map(|spec| &spec.options);
        let default = options
            .filter(|option| option.name == "window")
            .find_map(|option| option.default.first());
        given
            .as_ref()
            .or(default)
            .and_then(|text| text.parse().ok())
            .unwrap_or(1)
    }

    /// Whether a node hands on the cases that it takes in.
    fn passes(&self, node: usize, unknown_too: bool) -> bool {
        self.role(node)
            .map_or(unknown_too, |role| role == Role::PerCase)
    }

    fn reached(&self, start: usize, through_unknown: bool) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(node) = open.pop() {
            for edge in self.values.iter().filter(|edge| edge.from == node) {
                if reached.insert(edge.to)
                    && edge.to != start
                    && self.passes(edge.to, through_unknown)
                {
                    open.push(edge.to);
                }
            }
        }
        reached
    }

    /// The streams that run over an edge.
    fn streams_on(&self, edge: &Edge<'_>) -> impl Iterator<Item = &Stream> {
        let from = edge.from;
        let passes = self.passes(from, true);
        self.streams.iter().filter(move |stream| {
            stream.starter == from || (passes && stream.possible.contains(&from))
        })
    }

    fn input(&self, edge: &Edge<'_>) -> Option<&'a Input> {
        self.graph.nodes[edge.to]
            .inputs
            .iter()
            .find(|input| input.name() == edge.input)
    }

    fn kind(&self, edge: &Edge<'_>) -> Option<Kind> {
        let sent = self.known[edge.from]
            .spec
            .as_ref()
            .and_then(|spec| spec.output(edge.output));
        let taken = || {
            self.known[edge.to]
                .spec
                .as_ref()
                .and_then(|spec| spec.input(edge.input))
        };
        sent.or_else(taken).map(|port| port.kind)
    }

    fn error(&self, node: usize, spot: Spot, message: String) -> Finding {
        self.graph.error(&self.graph.nodes[node], spot, message)
    }

    fn policies(&self, findings: &mut Vec<Finding>) {
        for (index, node) in self.graph.nodes.iter().enumerate() {
            for input in &node.inputs {
                if let Some(policy) = input
                    .queue_policy
                    .as_ref()
                    .filter(|policy| policy.value == "backpressure")
                {
                    let message = format!(
                        "`queue_policy: backpressure` on input `{}` loses what is under way when its sender ends,\n\
                         moves the edge to a path ten times slower, and fails above 64 MiB",
                        input.name()
                    );
                    let fix = "take it out; the window and `queue_size` keep everything";
                    findings.push(self.error(index, policy.spot, message).fix(fix));
                }
            }
        }
    }

    /// Every queue holds all messages that can wait in it, because dora drops the oldest of more.
    fn queues(&self, findings: &mut Vec<Finding>) {
        for edge in self.values.iter().chain(&self.acks) {
            let Some(input) = self.input(edge) else {
                continue;
            };
            let windows = if edge.ack {
                self.streams
                    .iter()
                    .filter(|stream| stream.starter == edge.to)
                    .map(|stream| stream.window)
                    .max()
            } else {
                self.streams_on(edge).map(|stream| stream.window).max()
            };
            let Some(window) = windows else { continue };
            let needed = queue_needed(window, self.kind(edge));
            let (size, spot) = input
                .queue_size
                .unwrap_or((DEFAULT_QUEUE_SIZE, input.source.spot));
            if size >= needed {
                continue;
            }
            let (name, source) = (input.name(), &input.source.value);
            let default = if input.queue_size.is_none() {
                " (dora's default)"
            } else {
                ""
            };
            let cases = if window == 1 {
                "1 case"
            } else {
                &format!("{window} cases")
            };
            let message = format!(
                "input `{name}` of node `{}` holds {size} messages{default}, but {cases} under way can be {needed};\n\
                 dora would drop the oldest",
                self.id(edge.to)
            );
            let fix = match input.queue_size {
                Some(_) => format!("write `queue_size: {needed}`"),
                None => format!("write\n  {name}: {{source: {source}, queue_size: {needed}}}"),
            };
            findings.push(self.error(edge.to, spot, message).fix(fix));
        }
    }

    /// Reports every cycle of value edges once; returns how many there are.
    fn cycles(&self, findings: &mut Vec<Finding>) -> usize {
        let mut seen: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
        for start in 0..self.known.len() {
            let Some(path) = self.way_back(start) else {
                continue;
            };
            if !seen.iter().any(|cycle| cycle.contains(&start)) {
                let names: Vec<_> = path
                    .iter()
                    .chain([&start])
                    .map(|&node| self.id(node))
                    .collect();
                let last = path.last().copied().unwrap_or(start);
                let closing = self
                    .values
                    .iter()
                    .find(|edge| edge.from == last && edge.to == start);
                let spot = closing
                    .and_then(|edge| self.input(edge))
                    .map_or(self.graph.nodes[start].id.spot, |input| input.source.spot);
                let message = format!("the graph goes in a circle: {}", names.join(" -> "));
                let fix = "take one of these connections out; only acknowledgements (input `ack`) lead back";
                findings.push(self.error(start, spot, message).fix(fix));
                seen.insert(path.into_iter().collect());
            }
        }
        seen.len()
    }

    /// The shortest way from a node back to itself.
    fn way_back(&self, start: usize) -> Option<Vec<usize>> {
        let mut came_from = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(node) = open.pop_front() {
            for edge in self.values.iter().filter(|edge| edge.from == node) {
                if edge.to == start {
                    let mut path = vec![node];
                    while let Some(&before) = path
                        .last()
                        .filter(|&&node| node != start)
                        .and_then(|node| came_from.get(node))
                    {
                        path.push(before);
                    }
                    path.reverse();
                    return Some(path);
                }
                if let Entry::Vacant(entry) = came_from.entry(edge.to) {
                    entry.insert(node);
                    open.push_back(edge.to);
                }
            }
        }
        None
    }

    /// A join by case of single cases with the whole cohort never completes.
    fn mixed(&self, findings: &mut Vec<Finding>) {
        for (index, node) in self.graph.nodes.iter().enumerate() {
            let inputs = |cohort: bool| {
                self.values.iter().find(|edge| {
                    edge.to == index && self.streams_on(edge).any(|stream| stream.cohort == cohort)
                })
            };
            if let (Some(by_case), Some(of_cohort), Some(_)) =
                (inputs(false), inputs(true), self.role(index))
            {
                let message = format!(
                    "node `{}` gets single cases on input `{}` and the whole cohort on input `{}`,\n\
                     so no case ever has all its inputs",
                    node.id(),
                    by_case.input,
                    of_cohort.input
                );
                let spot = self
                    .input(of_cohort)
                    .map_or(node.id.spot, |input| input.source.spot);
                let fix =
                    "connect both to outputs of collecting stages, or both to outputs by case";
                findings.push(self.error(index, spot, message).fix(fix));
            }
        }
    }

    /// Cases that no collecting stage takes in: nobody would wait for them.
    fn dead_ends(&self, findings: &mut Vec<Finding>) {
        let collects = |node: &usize| self.role(*node).is_none_or(|role| role == Role::Collecting);
        for (index, node) in self.graph.nodes.iter().enumerate() {
            let sends = matches!(self.role(index), Some(Role::Source | Role::PerCase));
            let is_last = !self.values.iter().any(|edge| edge.from == index);
            if sends && is_last && !self.reached(index, true).iter().any(collects) {
                let message = format!(
                    "nothing collects what node `{}` sends, so the run would not wait for it",
                    node.id()
                );
                let fix = "connect an output of it, or of a node after it, to a collecting stage,\n\
                           or take the node out";
                findings.push(self.error(index, node.id.spot, message).fix(fix));
            }
        }
    }

    /// The groups of inputs of a node that a stream reaches, each with an input.
    fn groups(&self, stream: &Stream, node: usize) -> BTreeMap<&str, &'a str> {
        let spec = self.known[node].spec.as_ref();
        let of = |edge: &Edge<'a>| {
            let port = spec.and_then(|spec| spec.input(edge.input));
            let group = port.map_or(MAIN_GROUP, |port| port.group.as_str());
            (group, edge.input)
        };
        self.values
            .iter()
            .filter(|edge| edge.to == node)
            .filter(|edge| {
                self.streams_on(edge)
                    .any(|other| other.starter == stream.starter)
            })
            .map(of)
            .collect()
    }

    /// The same cases in two groups of inputs, which take different ones.
    fn two_groups(&self, findings: &mut Vec<Finding>) {
        for stream in &self.streams {
            for &node in &stream.possible {
                let inputs: Vec<_> = self.groups(stream, node).into_values().collect();
                let [first, second, ..] = inputs.as_slice() else {
                    continue;
                };
                let (id, starter) = (self.id(node), self.id(stream.starter));
                let message = format!(
                    "inputs `{first}` and `{second}` of node `{id}` take different cases, and node `{starter}` \
                     sends the same to both"
                );
                let spot = self.graph.nodes[node]
                    .inputs
                    .iter()
                    .find(|input| input.name() == *second)
                    .map_or(self.graph.nodes[node].id.spot, |input| input.source.spot);
                let fix =
                    format!("connect `{second}` to a node that loads other cases, or leave it out");
                findings.push(self.error(node, spot, message).fix(fix));
            }
        }
    }

    /// Every collecting stage that a stream reaches acknowledges to its starter.
    fn missing_acks(&self, findings: &mut Vec<Finding>) {
        for stream in &self.streams {
            let starter = &self.graph.nodes[stream.starter];
            let collecting: Vec<_> = stream
                .certain
                .iter()
                .filter(|&&node| self.role(node) == Some(Role::Collecting))
                .collect();
            for &&collector in &collecting {
                // Of a stream into two groups, that is what is said.
                let Some((&group, _)) = self.groups(stream, collector).first_key_value() else {
                    continue;
                };
                let output = ack_output(group);
                if self.acks.iter().any(|edge| {
                    edge.from == collector && edge.to == stream.starter && edge.output == output
                }) {
                    continue;
                }
                let id = self.id(collector);
                let taken = starter.inputs.iter().any(|input| input.name() == ACK);
                let input = if collecting.len() == 1 && !taken {
                    ACK.to_owned()
                } else {
                    format!("{ACK}-{id}")
                };
                let message = format!(
                    "no acknowledgement loop: node `{id}` collects what node `{}` sends, and does not tell it",
                    starter.id()
                );
                let mut fix = format!(
                    "add under `inputs:` of node `{}`\n  {input}: {id}/{output}",
                    starter.id()
                );
                if !self.graph.nodes[collector].has_output(&output) {
                    fix.push_str(&format!(
                        "\nand under `outputs:` of node `{id}`\n  - {output}"
                    ));
                }
                findings.push(
                    self.error(stream.starter, starter.id.spot, message)
                        .fix(fix),
                );
            }
        }
    }

    /// Acknowledgements of cases that the receiver never sent, for which it would wait.
    fn strange_acks(&self, findings: &mut Vec<Finding>) {
        for edge in &self.acks {
            let stream = self.streams.iter().find(|stream| stream.starter == edge.to);
            let strange = match stream {
                Some(stream) => {
                    let groups = self.groups(stream, edge.from);
                    !stream.possible.contains(&edge.from)
                        || (self.role(edge.from).is_some()
                            && !groups.keys().any(|group| ack_output(group) == edge.output))
                }
                None => self.role(edge.to).is_some(),
            };
            if !strange {
                continue;
            }
            let (from, to) = (self.id(edge.from), self.id(edge.to));
            let of_group = match edge.output {
                ACK => "",
                output => &format!(" on the inputs of `{output}`"),
            };
            let message = format!(
                "node `{from}` acknowledges to node `{to}`, but gets nothing from it{of_group}: \
                 `{to}` would wait for ever"
            );
            let spot = self
                .input(edge)
                .map_or(self.graph.nodes[edge.to].id.spot, |input| input.source.spot);
            let fix = format!("take `{}` out of the inputs of node `{to}`", edge.input);
            findings.push(self.error(edge.to, spot, message).fix(fix));
        }
    }
}

/// Messages that can wait on an input while `window` cases are under way.
///
/// A stream has a mark at its start and one at its end, and a case is one message for every
/// 32 MiB, of which a value has at most [`MAX_SLABS`]. Tables are small: two messages a case are
/// asked for, and dora's default at least, so that short graphs stay short; a table for which
/// that is not enough is noticed by its sequence numbers, and named.
fn queue_needed(window: usize, kind: Option<Kind>) -> usize {
    match kind {
        Some(Kind::Ack) => window + 2,
        Some(Kind::Table) => (2 * window + 2).max(DEFAULT_QUEUE_SIZE),
        Some(Kind::Image | Kind::Labels | Kind::Weights) | None => window * MAX_SLABS + 2,
    }
}
