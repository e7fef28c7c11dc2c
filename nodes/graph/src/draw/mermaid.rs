//! A graph as a Mermaid flowchart, which Markdown on code hosts shows as a picture.

use super::{escape, kind, options, runs, short};
use crate::{
    graph::Graph,
    stage::{Registry, declared},
};

/// The graph as a Mermaid flowchart: values solid, acknowledgements dashed.
#[must_use]
pub fn mermaid(graph: &Graph, plugins: &Registry) -> String {
    let known = declared(graph, plugins);
    let mut text = "flowchart LR\n".to_owned();
    for (index, (node, known)) in graph.nodes().iter().zip(&known).enumerate() {
        let mut lines = vec![format!("<b>{}</b>", escape(node.id()))];
        if runs(node) != node.id() {
            lines.push(escape(runs(node)));
        }
        lines.extend(
            options(node, known.spec.as_ref())
                .iter()
                .map(|option| escape(&short(option, 40))),
        );
        // Numbers, because a word such as `end` has a meaning as the name of a node.
        text.push_str(&format!("  n{index}[\"{}\"]\n", lines.join("<br/>")));
    }
    for edge in graph.edges() {
        let (from, to) = (edge.from, edge.to);
        let line = match (edge.ack, kind(&known, &edge)) {
            (true, _) => format!("  n{from} -. ack .-> n{to}\n"),
            (false, Some(kind)) => format!("  n{from} -- {kind} --> n{to}\n"),
            (false, None) => format!("  n{from} --> n{to}\n"),
        };
        text.push_str(&line);
    }
    text
}
