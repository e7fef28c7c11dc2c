//! Pictures of a graph.

mod layout;
mod mermaid;
mod svg;

pub use mermaid::mermaid;
pub use svg::svg;

use crate::{
    graph::{Edge, Node},
    stage::{Known, Spec},
};

/// The options of a node that differ from their defaults, as `name value`.
fn options(node: &Node, spec: Option<&Spec>) -> Vec<String> {
    let mut options: Vec<(String, Vec<String>)> = Vec::new();
    for text in node.options() {
        match text
            .strip_prefix("--")
            .map(|name| name.split_once('=').unwrap_or((name, "")))
        {
            Some((name, "")) => options.push((name.to_owned(), Vec::new())),
            Some((name, value)) => options.push((name.to_owned(), vec![value.to_owned()])),
            None => match options.last_mut() {
                Some((_, values)) => values.push(text),
                None => options.push((text, Vec::new())),
            },
        }
    }
    let is_default = |name: &str, values: &[String]| {
        spec.and_then(|spec| spec.options.iter().find(|option| option.name == name))
            .is_some_and(|option| option.takes_value && option.default == values)
    };
    options
        .into_iter()
        .filter(|(name, values)| !is_default(name, values))
        .map(|(name, values)| format!("{name} {}", values.join(" ")).trim_end().to_owned())
        .collect()
}

/// What a node runs, in a word or two.
fn runs(node: &Node) -> &str {
    node.stage().or(node.path()).unwrap_or("not an executable")
}

/// The type of what travels on an edge, where either end tells.
fn kind(known: &[Known<'_>], edge: &Edge<'_>) -> Option<&'static str> {
    let sent = known[edge.from]
        .spec
        .as_ref()
        .and_then(|spec| spec.output(edge.output));
    let taken = known[edge.to]
        .spec
        .as_ref()
        .and_then(|spec| spec.input(edge.input));
    sent.or(taken).map(|port| port.kind.name())
}

/// At most `limit` characters of a text.
fn short(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['\u{2026}']).collect()
}

/// Text for XML and HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
