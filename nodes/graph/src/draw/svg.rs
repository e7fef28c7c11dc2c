//! A graph as SVG: a box a node with its options and ports, a wire an edge.

use std::fmt::Write;

use renalflow_sdk::Role;

use super::{
    escape, kind,
    layout::{Layout, Size, Wire, lay_out},
    options, runs, short,
};
use crate::{
    graph::{Edge, Graph, Node},
    stage::{Known, Registry, declared},
};

const HEADER: f64 = 42.0;
const OPTION: f64 = 16.0;
const PORT: f64 = 19.0;
const PADDING: f64 = 12.0;
const MARGIN: f64 = 36.0;
/// Distance between the paths of acknowledgements to different nodes.
const LANE: f64 = 14.0;
/// Wires start straight for as long as the name of a type is wide.
const STUB: f64 = 46.0;
const ACK: &str = "ack";

// Mid tones, readable on white pages and on dark ones; boxes bring their own background.
const INK: &str = "#1f2328";
const QUIET: &str = "#59636e";
const BORDER: &str = "#8c959f";
const ACK_COLOUR: &str = "#8c959f";

/// What a box shows.
struct Card {
    title: String,
    subtitle: String,
    options: Vec<String>,
    inputs: Vec<String>,
    outputs: Vec<(String, Option<&'static str>)>,
    header: &'static str,
    size: Size,
}

/// The graph as an SVG picture: values solid and labelled with their type, acknowledgements
/// dashed.
#[must_use]
pub fn svg(graph: &Graph, plugins: &Registry) -> String {
    let known = declared(graph, plugins);
    let edges = graph.edges();
    let (acks, values): (Vec<Edge<'_>>, Vec<Edge<'_>>) =
        edges.into_iter().partition(|edge| edge.ack);
    let cards: Vec<Card> = (0..known.len())
        .map(|node| card(graph, &known, &values, &acks, node))
        .collect();
    let wires: Vec<Wire> = values
        .iter()
        .map(|edge| Wire {
            from: edge.from,
            from_y: cards[edge.from].output_y(edge.output),
            to: edge.to,
            to_y: cards[edge.to].input_y(edge.input),
        })
        .collect();
    let sizes: Vec<Size> = cards.iter().map(|card| card.size).collect();
    let layout = lay_out(&sizes, &wires);

    let mut waiting: Vec<usize> = acks.iter().map(|edge| edge.to).collect();
    waiting.sort_unstable();
    waiting.dedup();
    let lanes = LANE * waiting.len() as f64;
    let (width, height) = (
        layout.width + 2.0 * MARGIN,
        layout.height + 2.0 * MARGIN + lanes,
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif\">\n\
         <title>{}</title>\n<g transform=\"translate({MARGIN} {MARGIN})\">\n",
        escape(graph.file())
    );
    for (lane, &node) in waiting.iter().enumerate() {
        let to_node: Vec<&Edge<'_>> = acks.iter().filter(|edge| edge.to == node).collect();
        ack_wires(&mut out, &layout, &cards, &to_node, lane as f64);
    }
    for (edge, points) in values.iter().zip(&layout.wires) {
        let colour = colour(kind(&known, edge));
        let _ = writeln!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\"/>",
            curve(points)
        );
    }
    for (card, &(x, y)) in cards.iter().zip(&layout.boxes) {
        card.draw(&mut out, x, y);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn card(
    graph: &Graph,
    known: &[Known<'_>],
    values: &[Edge<'_>],
    acks: &[Edge<'_>],
    index: usize,
) -> Card {
    let node: &Node = &graph.nodes()[index];
    let spec = known[index].spec.as_ref();
    let mut inputs: Vec<String> = node
        .inputs()
        .iter()
        .filter(|input| !input.is_ack())
        .map(|input| input.name().to_owned())
        .collect();
    // However many acknowledge, they come in at one place.
    if acks.iter().any(|edge| edge.to == index) {
        inputs.push(ACK.to_owned());
    }
    let sends = |output: &str| {
        values
            .iter()
            .chain(acks)
            .any(|edge| edge.from == index && edge.output == output)
    };
    let outputs = node
        .outputs()
        .filter(|output| sends(output))
        .map(|output| {
            let edge = values
                .iter()
                .find(|edge| edge.from == index && edge.output == output);
            (output.to_owned(), edge.and_then(|edge| kind(known, edge)))
        })
        .collect();
    let mut card = Card {
        title: short(node.id(), 30),
        subtitle: short(&subtitle(node, spec.map(|spec| spec.role)), 40),
        options: options(node, spec)
            .iter()
            .map(|option| short(option, 34))
            .collect(),
        inputs,
        outputs,
        header: match spec.map(|spec| spec.role) {
            Some(Role::Source) => "#d8e3f0",
            Some(Role::PerCase) => "#e7eaee",
            Some(Role::Collecting) => "#dfe9da",
            None => "#f0e8dc",
        },
        size: Size {
            width: 0.0,
            height: 0.0,
        },
    };
    card.size = card.measure();
    card
}

/// The stage, where the id does not say it already, and how it meets the cohort.
fn subtitle(node: &Node, role: Option<Role>) -> String {
    let role = match role {
        Some(Role::Source) => Some("source"),
        Some(Role::PerCase) => Some("each case"),
        Some(Role::Collecting) => Some("all cases"),
        None => None,
    };
    let stage = Some(runs(node)).filter(|stage| role.is_none() || *stage != node.id());
    [stage, role]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" \u{b7} ")
}

impl Card {
    /// Widths are estimates: whoever shows the picture chooses the font.
    fn measure(&self) -> Size {
        let wide = |text: &str, per_character: f64| text.chars().count() as f64 * per_character;
        let options = self
            .options
            .iter()
            .map(|option| wide(option, 6.7))
            .fold(0.0, f64::max);
        let rows = self.inputs.len().max(self.outputs.len());
        let ports = (0..rows)
            .map(|row| {
                let input = self.inputs.get(row).map_or(0.0, |name| wide(name, 6.6));
                let output = self
                    .outputs
                    .get(row)
                    .map_or(0.0, |(name, _)| wide(name, 6.6));
                input + output + 22.0
            })
            .fold(0.0, f64::max);
        let width = wide(&self.title, 8.2)
            .max(wide(&self.subtitle, 6.6))
            .max(options)
            .max(ports)
            .max(96.0);
        let height = self.ports_y() + rows as f64 * PORT + 8.0;
        Size {
            width: (width + 2.0 * PADDING).round(),
            height,
        }
    }

    fn ports_y(&self) -> f64 {
        HEADER
            + 6.0
            + if self.options.is_empty() {
                0.0
            } else {
                self.options.len() as f64 * OPTION + 6.0
            }
    }

    fn port_y(&self, row: Option<usize>) -> f64 {
        self.ports_y() + row.unwrap_or(0) as f64 * PORT + PORT / 2.0
    }

    fn input_y(&self, name: &str) -> f64 {
        self.port_y(self.inputs.iter().position(|input| input == name))
    }

    fn output_y(&self, name: &str) -> f64 {
        self.port_y(self.outputs.iter().position(|(output, _)| output == name))
    }

    fn draw(&self, out: &mut String, x: f64, y: f64) {
        let Size { width, height } = self.size;
        let header = self.header;
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<g transform=\"translate({x} {y})\">\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#ffffff\" stroke=\"{BORDER}\"/>\n\
             <path d=\"M0.5 {HEADER}V6.5a6 6 0 0 1 6 -6H{}a6 6 0 0 1 6 6V{HEADER}Z\" fill=\"{header}\"/>",
            width - 6.5
        );
        let mut text = |x: f64, y: f64, style: &str, text: &str| {
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" {style}>{}</text>",
                escape(text)
            );
        };
        text(
            PADDING,
            18.0,
            &format!("font-size=\"14\" font-weight=\"600\" fill=\"{INK}\""),
            &self.title,
        );
        text(
            PADDING,
            34.0,
            &format!("font-size=\"11.5\" fill=\"{QUIET}\""),
            &self.subtitle,
        );
        for (row, option) in self.options.iter().enumerate() {
            let y = HEADER + 16.0 + row as f64 * OPTION;
            let style = format!(
                "font-size=\"11\" font-family=\"ui-monospace, 'SF Mono', Menlo, Consolas, monospace\" fill=\"{QUIET}\""
            );
            text(PADDING, y, &style, option);
        }
        let port = format!("font-size=\"11.5\" fill=\"{INK}\"");
        for (row, input) in self.inputs.iter().enumerate() {
            text(PADDING, self.port_y(Some(row)) + 4.0, &port, input);
        }
        for (row, (output, kind)) in self.outputs.iter().enumerate() {
            let y = self.port_y(Some(row));
            text(
                width - PADDING,
                y + 4.0,
                &format!("{port} text-anchor=\"end\""),
                output,
            );
            if let Some(kind) = kind {
                let style = format!("font-size=\"10.5\" fill=\"{}\"", colour(Some(kind)));
                text(width + 9.0, y - 5.0, &style, kind);
            }
        }
        for row in 0..self.inputs.len() {
            let y = self.port_y(Some(row));
            let _ = writeln!(
                out,
                "<path d=\"M-5 {}l9 4.5l-9 4.5z\" fill=\"{QUIET}\" stroke=\"#ffffff\"/>",
                y - 4.5
            );
        }
        for (row, (_, kind)) in self.outputs.iter().enumerate() {
            let (y, colour) = (self.port_y(Some(row)), colour(*kind));
            let _ = writeln!(
                out,
                "<circle cx=\"{width}\" cy=\"{y}\" r=\"3.5\" fill=\"{colour}\" stroke=\"#ffffff\"/>"
            );
        }
        out.push_str("</g>\n");
    }
}

/// Acknowledgements to one node: out to the right, down, back under everything, up, and in from
/// the left. They share the way back.
fn ack_wires(out: &mut String, layout: &Layout, cards: &[Card], edges: &[&Edge<'_>], lane: f64) {
    const R: f64 = 8.0;
    let shift = 14.0 + 5.0 * lane;
    let bottom = layout.height + LANE * (lane + 1.0);
    let turn = |edge: &Edge<'_>| {
        let right = layout.columns[edge.from].1;
        // Between columns it keeps clear of the names of types.
        right + shift + if right < layout.width { STUB } else { 0.0 }
    };
    let farthest = edges.iter().max_by(|a, b| turn(a).total_cmp(&turn(b)));
    for edge in edges {
        let (x, y) = layout.boxes[edge.from];
        let (x, y) = (
            x + cards[edge.from].size.width,
            y + cards[edge.from].output_y(edge.output),
        );
        let mut path = format!("M{x} {y}H{}q{R} 0 {R} {R}V{}", turn(edge) - R, bottom - R);
        if farthest == Some(edge) {
            let (x, y) = layout.boxes[edge.to];
            let left = layout.columns[edge.to].0 - shift;
            let y = y + cards[edge.to].input_y(ACK);
            let _ = write!(
                path,
                "q0 {R} -{R} {R}H{}q-{R} 0 -{R} -{R}V{}q0 -{R} {R} -{R}H{x}",
                left + R,
                y + R
            );
        } else {
            let _ = write!(path, "v{R}");
        }
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{ACK_COLOUR}\" stroke-width=\"1.3\" stroke-dasharray=\"5 4\"/>"
        );
    }
}

fn curve(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (i, &(x, y)) in points.iter().enumerate() {
        let _ = match i {
            0 => write!(path, "M{x} {y}h{STUB}"),
            // Between columns it bends, along a column it runs straight.
            i if i % 2 == 1 => {
                let (x0, y0) = points[i - 1];
                let x0 = if i == 1 { x0 + STUB } else { x0 };
                let bend = ((x - x0) / 2.0).abs().max(36.0);
                write!(path, "C{} {y0} {} {y} {x} {y}", x0 + bend, x - bend)
            }
            _ => write!(path, "H{x}"),
        };
    }
    path
}

fn colour(kind: Option<&str>) -> &'static str {
    match kind {
        Some("image") => "#4d7ea8",
        Some("labels") => "#6f8f4f",
        Some("table") => "#a07a45",
        Some("weights") => "#8a6aa3",
        _ => "#7d8590",
    }
}
