//! A graph as read: nodes with their options and edges, each with its place in the file.

use std::path::{Path, PathBuf};

use renalflow_findings::{Finding, Place};
use renalflow_sdk::harness::is_ack;

use crate::source::{Source, Spot, Text};

/// `path:` of a node that runs a stage of this command.
pub const COMMAND: &str = "renalflow";

/// A dataflow graph with every `--set` applied.
#[derive(Debug, Clone)]
pub struct Graph {
    pub(crate) source: Source,
    pub(crate) folder: PathBuf,
    pub(crate) nodes: Vec<Node>,
    pub(crate) document: serde_yaml::Value,
}

/// One node of a graph.
#[derive(Debug, Clone)]
pub struct Node {
    pub(crate) id: Text,
    pub(crate) path: Option<Text>,
    pub(crate) args: Vec<Arg>,
    pub(crate) args_spot: Option<Spot>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<Text>,
    /// Names of the keys that the node has.
    pub(crate) keys: Vec<String>,
    /// Outputs on which dora, not the stage, sends logs.
    pub(crate) log_outputs: Vec<String>,
}

/// One argument of a node.
#[derive(Debug, Clone)]
pub(crate) struct Arg {
    pub text: String,
    pub origin: Origin,
}

/// Where an argument was written.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    File(Spot),
    Set(String),
}

/// One input of a node.
#[derive(Debug, Clone)]
pub struct Input {
    pub(crate) name: Text,
    pub(crate) source: Text,
    pub(crate) queue_size: Option<(usize, Spot)>,
    pub(crate) queue_policy: Option<Text>,
}

/// A connection from an output to an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge<'a> {
    /// Index of the sender in [`Graph::nodes`].
    pub from: usize,
    /// Name of the output.
    pub output: &'a str,
    /// Index of the receiver in [`Graph::nodes`].
    pub to: usize,
    /// Name of the input.
    pub input: &'a str,
    /// Whether it carries acknowledgements.
    pub ack: bool,
}

impl Graph {
    /// The folder of the graph file, against which relative paths are read.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file as the user named it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.file
    }

    /// The nodes, in the order of the file.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of an id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id() == id)
    }

    /// Every edge between two nodes that exist.
    #[must_use]
    pub fn edges(&self) -> Vec<Edge<'_>> {
        let index = |id: &str| self.nodes.iter().position(|node| node.id() == id);
        let mut edges = Vec::new();
        for (to, node) in self.nodes.iter().enumerate() {
            for input in &node.inputs {
                let Some((sender, output)) = input.sender() else {
                    continue;
                };
                if let Some(from) = index(sender) {
                    edges.push(Edge {
                        from,
                        output,
                        to,
                        input: input.name(),
                        ack: input.is_ack(),
                    });
                }
            }
        }
        edges
    }

    /// The edges that carry values.
    #[must_use]
    pub fn value_edges(&self) -> Vec<Edge<'_>> {
        self.edges().into_iter().filter(|edge| !edge.ack).collect()
    }

    /// The edges that carry acknowledgements.
    #[must_use]
    pub fn ack_edges(&self) -> Vec<Edge<'_>> {
        self.edges().into_iter().filter(|edge| edge.ack).collect()
    }

    /// The nodes into which no value goes.
    #[must_use]
    pub fn sources(&self) -> Vec<&Node> {
        self.nodes
            .iter()
            .filter(|node| node.inputs.iter().all(Input::is_ack))
            .collect()
    }

    /// The graph with every `--set` applied, as a dora descriptor.
    #[must_use]
    pub fn to_descriptor_yaml(&self) -> String {
        // A document that was read from YAML has no map with keys that YAML cannot write.
        serde_yaml::to_string(&self.document).unwrap_or_default()
    }

    pub(crate) fn place(&self, spot: Spot) -> Place {
        self.source.place(spot)
    }

    pub(crate) fn place_of(&self, arg: &Arg) -> Place {
        match &arg.origin {
            Origin::File(spot) => self.place(*spot),
            Origin::Set(text) => Place::named(text),
        }
    }

    /// An error at a place of a node.
    pub(crate) fn error(&self, node: &Node, spot: Spot, message: impl Into<String>) -> Finding {
        Finding::error(message).at(self.place(spot)).of(node.id())
    }
}

impl Node {
    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id.value
    }

    /// The executable, as the graph names it.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_ref().map(|path| path.value.as_str())
    }

    /// All arguments, with every `--set` applied.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        self.args.iter().map(|arg| arg.text.clone()).collect()
    }

    /// Whether the executable is this command.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.path().is_some_and(|path| {
            Path::new(path)
                .file_stem()
                .is_some_and(|stem| stem == COMMAND)
        })
    }

    /// The stage of this command that it runs: `resample` of `node resample --spacing-mm 1`.
    #[must_use]
    pub fn stage(&self) -> Option<&str> {
        match self.args.as_slice() {
            [node, stage, ..] if self.is_ours() && node.text == "node" => Some(&stage.text),
            _ => None,
        }
    }

    /// The options of the stage: what follows its name, or all arguments of another executable.
    #[must_use]
    pub fn options(&self) -> Vec<String> {
        self.option_args()
            .iter()
            .map(|arg| arg.text.clone())
            .collect()
    }

    /// The inputs, in the order of the file.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Names of the outputs, in the order of the file.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|output| output.value.as_str())
    }

    pub(crate) fn option_args(&self) -> &[Arg] {
        &self.args[self.first_option()..]
    }

    pub(crate) fn first_option(&self) -> usize {
        if self.stage().is_some() { 2 } else { 0 }
    }

    pub(crate) fn has_output(&self, name: &str) -> bool {
        self.outputs().any(|output| output == name)
    }

    pub(crate) fn has_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key == name)
    }
}

impl Input {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name.value
    }

    /// Id and output of the sender; none for dora's own inputs, such as timers.
    #[must_use]
    pub fn sender(&self) -> Option<(&str, &str)> {
        self.source
            .value
            .split_once('/')
            .filter(|(node, _)| *node != "dora")
    }

    /// Whether it takes acknowledgements.
    #[must_use]
    pub fn is_ack(&self) -> bool {
        is_ack(self.name()) && self.sender().is_some_and(|(_, output)| is_ack(output))
    }
}
