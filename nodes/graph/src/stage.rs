//! What a node's executable says of itself: a stage of this command from its declaration, any
//! other executable from its answer to `--describe`.

use renalflow_sdk::{Kind, Plugin, Role};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::graph::{Graph, Node};

/// The stages that this command runs.
pub type Registry = [Plugin];

/// A declaration, as `--describe` prints it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Spec {
    pub name: String,
    pub role: Role,
    pub inputs: Vec<PortSpec>,
    pub outputs: Vec<PortSpec>,
    #[serde(default)]
    pub options: Vec<OptionSpec>,
    /// What an executable that is not ours says of the arguments that the graph gives it.
    #[serde(default)]
    pub refused: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PortSpec {
    pub name: String,
    pub kind: Kind,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub many: bool,
    #[serde(default)]
    pub needs_input: Option<String>,
    /// See [`renalflow_sdk::Port::group`].
    #[serde(default)]
    pub group: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OptionSpec {
    pub name: String,
    pub takes_value: bool,
    #[serde(default)]
    pub default: Vec<String>,
}

impl PortSpec {
    /// Whether the graph's `name` means this port; see [`renalflow_sdk::Port::matches`].
    pub fn matches(&self, name: &str) -> bool {
        let suffix = name.strip_prefix(self.name.as_str());
        name == self.name
            || (self.many && suffix.is_some_and(|rest| rest.len() > 1 && rest.starts_with('-')))
    }
}

impl Spec {
    pub fn of(plugin: &Plugin) -> Option<Self> {
        serde_json::from_value(plugin.describe()).ok()
    }

    /// A declaration from its JSON text.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<Json>(text)
            .and_then(serde_json::from_value)
            .ok()
    }

    pub fn input(&self, name: &str) -> Option<&PortSpec> {
        self.inputs.iter().find(|port| port.matches(name))
    }

    pub fn output(&self, name: &str) -> Option<&PortSpec> {
        self.outputs.iter().find(|port| port.matches(name))
    }
}

/// What is known of a node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known<'a> {
    pub spec: Option<Spec>,
    pub plugin: Option<&'a Plugin>,
}

/// The stage of a node of this command.
pub(crate) fn plugin<'a>(node: &Node, plugins: &'a Registry) -> Option<&'a Plugin> {
    plugins
        .iter()
        .find(|plugin| Some(plugin.declaration().name) == node.stage())
}

/// What is known of every node without running anything.
pub(crate) fn declared<'a>(graph: &Graph, plugins: &'a Registry) -> Vec<Known<'a>> {
    graph
        .nodes
        .iter()
        .map(|node| {
            let plugin = plugin(node, plugins);
            Known {
                spec: plugin.and_then(Spec::of),
                plugin,
            }
        })
        .collect()
}
