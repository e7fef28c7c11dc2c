//! Ports and types of every edge.

use renalflow_findings::{Finding, did_you_mean};
use renalflow_sdk::{Kind, declare::MAIN_GROUP};

use crate::{
    graph::{Graph, Input, Node},
    stage::{Known, PortSpec, Spec},
};

pub(super) fn check(graph: &Graph, known: &[Known<'_>], findings: &mut Vec<Finding>) {
    for (index, node) in graph.nodes.iter().enumerate() {
        let spec = known[index].spec.as_ref();
        for input in &node.inputs {
            if let Err(finding) = sender(graph, known, node, spec, input) {
                findings.push(finding);
            }
        }
        if let Some(spec) = spec {
            for input in &node.inputs {
                if spec.input(input.name()).is_none() {
                    let message = format!("stage `{}` has no input `{}`", spec.name, input.name());
                    let names = spec.inputs.iter().map(|port| port.name.as_str());
                    let fix = did_you_mean(input.name(), "inputs", names);
                    findings.push(graph.error(node, input.name.spot, message).fix(fix));
                }
            }
            required(graph, known, node, spec, findings);
            outputs(graph, node, spec, findings);
        }
    }
}

/// The other end of an input: there, with that output, of that type.
fn sender(
    graph: &Graph,
    known: &[Known<'_>],
    node: &Node,
    spec: Option<&Spec>,
    input: &Input,
) -> Result<(), Finding> {
    let error =
        |message: String, fix: String| Err(graph.error(node, input.source.spot, message).fix(fix));
    let Some((id, output)) = input.sender() else {
        return match (input.source.value.starts_with("dora/timer"), spec) {
            (true, _) => error(
                format!(
                    "input `{}` is a timer, which never ends, so the graph would never end",
                    input.name()
                ),
                "a graph that works through cases has no `dora/timer`; take this input out"
                    .to_owned(),
            ),
            (false, Some(spec)) => error(
                format!(
                    "input `{}` of stage `{}` takes values of cases, not dora's own messages",
                    input.name(),
                    spec.name
                ),
                "connect it to `node/output`".to_owned(),
            ),
            (false, None) => Ok(()),
        };
    };
    let Some(from) = graph.nodes.iter().position(|node| node.id() == id) else {
        let message = format!(
            "input `{}` is connected to node `{id}`, which the graph does not have",
            input.name()
        );
        return error(
            message,
            did_you_mean(id, "nodes", graph.nodes.iter().map(Node::id)),
        );
    };
    let sender = &graph.nodes[from];
    let port = known[from]
        .spec
        .as_ref()
        .and_then(|spec| spec.output(output));
    if !sender.has_output(output) {
        let message = format!("node `{id}` does not declare an output `{output}`");
        // What the stage can send is more to the point than what the graph lists so far.
        let fix = match &known[from].spec {
            Some(_) if port.is_some() => {
                format!("add `- {output}` under `outputs:` of node `{id}`")
            }
            Some(spec) => did_you_mean(
                output,
                "outputs",
                spec.outputs.iter().map(|port| port.name.as_str()),
            ),
            None => did_you_mean(output, "outputs", sender.outputs()),
        };
        return error(message, fix);
    }
    let takes = spec.and_then(|spec| spec.input(input.name()));
    if let (Some(port), Some(takes)) = (port, takes)
        && port.kind != takes.kind
    {
        let message = format!(
            "input `{}` takes {}, but output `{output}` of node `{id}` is {}",
            input.name(),
            article(takes.kind),
            article(port.kind)
        );
        let offers = offers(graph, known, node, takes.kind);
        let fix = match offers
            .iter()
            .find(|offer| offer.split('/').next() == Some(id))
        {
            Some(offer) => format!("did you mean `{offer}`?"),
            None if offers.is_empty() => format!("no node has an output of type {}", takes.kind),
            None => format!("outputs of type {}: {}", takes.kind, offers.join(", ")),
        };
        return error(message, fix);
    }
    Ok(())
}

/// Inputs that must be connected.
fn required(
    graph: &Graph,
    known: &[Known<'_>],
    node: &Node,
    spec: &Spec,
    findings: &mut Vec<Finding>,
) {
    for port in spec.inputs.iter().filter(|port| port.required) {
        if node.inputs.iter().any(|input| port.matches(input.name())) {
            continue;
        }
        // A group may be left out as a whole.
        let partner = node.inputs.iter().find(|input| {
            spec.input(input.name())
                .is_some_and(|other| other.group == port.group)
        });
        if port.group != MAIN_GROUP && partner.is_none() {
            continue;
        }
        let partner = partner.filter(|_| port.group != MAIN_GROUP);
        let why = match partner {
            Some(partner) => format!(
                "input `{}` of the same cases is, and one is nothing without the other",
                partner.name()
            ),
            None => format!("stage `{}` cannot do without it", spec.name),
        };
        let message = format!(
            "input `{}` ({}) of node `{}` is not connected; {why}",
            port.name,
            port.kind,
            node.id(),
        );
        let mut offers = offers(graph, known, node, port.kind);
        // The cases of a group come from where its other inputs do.
        if let Some((sender, _)) = partner.and_then(Input::sender) {
            offers.sort_by_key(|offer| offer.split('/').next() != Some(sender));
        }
        let fix = match offers.as_slice() {
            [] => format!(
                "add a node that has an output of type {}, and connect it",
                port.kind
            ),
            offers => {
                let rest = offers.get(1..).filter(|rest| !rest.is_empty());
                let rest = rest
                    .map(|rest| format!("\n(or {})", rest.join(", ")))
                    .unwrap_or_default();
                format!(
                    "add under `inputs:` of node `{}`\n  {}: {}{rest}",
                    node.id(),
                    port.name,
                    offers[0]
                )
            }
        };
        findings.push(graph.error(node, node.id.spot, message).fix(fix));
    }
}

/// Outputs that the stage has, and that it has something to make of.
fn outputs(graph: &Graph, node: &Node, spec: &Spec, findings: &mut Vec<Finding>) {
    for output in &node.outputs {
        if node.log_outputs.contains(&output.value) {
            continue;
        }
        let Some(port) = spec.output(&output.value) else {
            let message = format!("stage `{}` has no output `{}`", spec.name, output.value);
            let names = spec.outputs.iter().map(|port| port.name.as_str());
            let fix = did_you_mean(&output.value, "outputs", names);
            findings.push(graph.error(node, output.spot, message).fix(fix));
            continue;
        };
        if let Some(needed) = &port.needs_input {
            let matches = |input: &Input| {
                spec.input(input.name())
                    .is_some_and(|port| port.name == *needed)
            };
            if !node.inputs.iter().any(matches) {
                let message = format!(
                    "output `{}` is made from input `{needed}`, which is not connected",
                    port.name
                );
                let fix = format!(
                    "connect `{needed}`, or take `{}` out of `outputs:`",
                    port.name
                );
                findings.push(graph.error(node, output.spot, message).fix(fix));
            }
        }
    }
}

/// Outputs of other nodes with a type, as `node/output`.
fn offers(graph: &Graph, known: &[Known<'_>], node: &Node, kind: Kind) -> Vec<String> {
    let of_node = |(other, known): (&Node, &Known<'_>)| -> Vec<String> {
        let spec = known.spec.as_ref().filter(|_| other.id() != node.id());
        let ports: Vec<&PortSpec> = spec
            .map(|spec| spec.outputs.iter().collect())
            .unwrap_or_default();
        ports
            .iter()
            .filter(|port| port.kind == kind && other.has_output(&port.name))
            .map(|port| format!("{}/{}", other.id(), port.name))
            .collect()
    };
    graph.nodes.iter().zip(known).flat_map(of_node).collect()
}

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Image => "an image",
        Kind::Labels => "labels",
        Kind::Table => "a table",
        Kind::Weights => "weights",
        Kind::Ack => "acknowledgements",
    }
}
