//! What a stage says of itself: ports, role and options, as one declaration that runs it,
//! checks graphs against it and prints as JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::value::Kind;

/// How a stage meets the cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Names the cases and sends them, a bounded window at a time.
    Source,
    /// Takes the inputs of one case, gives the outputs of that case.
    PerCase,
    /// Takes in every case and acknowledges it; may give outputs of the whole cohort at the end.
    Collecting,
}

/// One input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The name in the graph.
    pub name: &'static str,
    /// The type of what it carries.
    pub kind: Kind,
    /// An input that must be connected.
    pub required: bool,
    /// An input that may be connected several times, as `name` and `name-anything`.
    pub many: bool,
    /// An output that exists only where this input is connected.
    pub needs_input: Option<&'static str>,
    /// The inputs of a collecting stage that are joined by case with each other and with no
    /// other; empty for those that name no group. See [`Port::group`].
    #[serde(skip_serializing_if = "is_main_group")]
    pub group: &'static str,
    /// What it carries, in one line.
    pub about: &'static str,
}

/// The group of inputs that name none.
pub const MAIN_GROUP: &str = "";

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_main_group(group: &&'static str) -> bool {
    *group == MAIN_GROUP
}

impl Port {
    /// A required input, or an output that is always there.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            required: true,
            many: false,
            needs_input: None,
            group: MAIN_GROUP,
            about,
        }
    }

    /// An input that may stay unconnected.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self {
            required: false,
            ..self
        }
    }

    /// An input that may be connected several times.
    #[must_use]
    pub const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    /// An input of a collecting stage that takes other cases than the inputs without this group:
    /// cases are joined over the connected inputs of one group. A group may be left out as a
    /// whole; where one of its inputs is connected, all that are not optional must be. Its cases
    /// are acknowledged on the output `ack-GROUP`, because whoever sends them waits for those and
    /// no others.
    #[must_use]
    pub const fn group(self, group: &'static str) -> Self {
        Self { group, ..self }
    }

    /// An output that exists only where `input` is connected.
    #[must_use]
    pub const fn needs(self, input: &'static str) -> Self {
        Self {
            needs_input: Some(input),
            ..self
        }
    }

    /// Whether the graph's `name` means this port.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        name == self.name
            || (self.many
                && name
                    .strip_prefix(self.name)
                    .is_some_and(|rest| rest.len() > 1 && rest.starts_with('-')))
    }
}

/// Name of the output on which a collecting stage acknowledges cases, and of the input on
/// which a source, or a collecting stage with readers, takes acknowledgements.
pub const ACK: &str = "ack";

/// The output on which a collecting stage acknowledges the cases of a group of inputs.
#[must_use]
pub fn ack_output(group: &str) -> String {
    if group == MAIN_GROUP {
        ACK.to_owned()
    } else {
        format!("{ACK}-{group}")
    }
}

const ACK_INPUT: Port = Port::new(
    ACK,
    Kind::Ack,
    "acknowledgements from every collecting stage that this stage's outputs reach",
)
.optional()
.many();
const ACK_OUTPUT: Port = Port::new(
    ACK,
    Kind::Ack,
    "names of the cases taken in, for the stage that sends them",
);

/// What a stage says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// The name in `renalflow node NAME`.
    pub name: &'static str,
    /// Version of what the stage computes: part of every lineage key, so raise it whenever
    /// the same options give other bytes.
    pub version: &'static str,
    /// One line.
    pub about: &'static str,
    /// How it meets the cohort.
    pub role: Role,
    /// Inputs; the acknowledgement port is implied by the role.
    pub inputs: &'static [Port],
    /// Outputs; the acknowledgement port is implied by the role.
    pub outputs: &'static [Port],
}

impl Declaration {
    /// Groups of inputs, in the order of the declaration; one for a stage that has no groups.
    #[must_use]
    pub fn groups(&self) -> Vec<&'static str> {
        let mut groups = Vec::new();
        for port in self.inputs {
            if !groups.contains(&port.group) {
                groups.push(port.group);
            }
        }
        if groups.is_empty() {
            groups.push(MAIN_GROUP);
        }
        groups
    }

    /// All inputs, the acknowledgement port included.
    #[must_use]
    pub fn all_inputs(&self) -> Vec<Port> {
        let mut ports = self.inputs.to_vec();
        if self.starts_stream() {
            ports.push(ACK_INPUT);
        }
        ports
    }

    /// All outputs, the acknowledgement port included.
    #[must_use]
    pub fn all_outputs(&self) -> Vec<Port> {
        let mut ports = self.outputs.to_vec();
        if self.role == Role::Collecting {
            ports.push(if self.groups().len() > 1 {
                ACK_OUTPUT.many()
            } else {
                ACK_OUTPUT
            });
        }
        ports
    }

    /// Whether what it sends must be acknowledged to it: sources, and collecting stages with
    /// outputs of their own.
    #[must_use]
    pub fn starts_stream(&self) -> bool {
        match self.role {
            Role::Source => true,
            Role::PerCase => false,
            Role::Collecting => !self.outputs.is_empty(),
        }
    }

    /// Ports and options as JSON.
    #[must_use]
    pub fn describe(&self, options: &clap::Command) -> Json {
        json!({
            "name": self.name,
            "version": self.version,
            "about": self.about,
            "role": self.role,
            "inputs": self.all_inputs(),
            "outputs": self.all_outputs(),
            "options": options.get_arguments().filter(|arg| !is_help(arg)).map(describe_option).collect::<Vec<_>>(),
        })
    }
}

fn is_help(arg: &clap::Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

fn describe_option(arg: &clap::Arg) -> Json {
    let texts = |values: &[clap::builder::OsStr]| {
        values
            .iter()
            .map(|value| value.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
    };
    json!({
        "name": arg.get_long().unwrap_or(arg.get_id().as_str()),
        "help": arg.get_help().map(ToString::to_string),
        "value": arg.get_value_names().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "takes_value": arg.get_action().takes_values(),
        "required": arg.is_required_set(),
        "default": texts(arg.get_default_values()),
        "possible": arg
            .get_possible_values()
            .iter()
            .map(|value| value.get_name().to_owned())
            .collect::<Vec<_>>(),
    })
}
