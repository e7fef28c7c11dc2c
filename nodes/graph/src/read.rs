//! From the text of a file to a [`Graph`]: YAML with positions, the keys that dora knows, and
//! the options from the command line.

use std::path::Path;

use dora_message::{config::InputMapping, descriptor::Descriptor};
use renalflow_findings::{Finding, Place, did_you_mean, nearest};
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use crate::{
    graph::{Arg, Graph, Input, Node, Origin},
    set::Set,
    source::{Source, Spot, Text, find_tokens, mark, spot},
    stage::{self, Registry, Spec},
    yaml::{Pair, Reader, is_number, too_deep},
};

/// Keys of an input. dora ignores any other without a word, so they are refused here.
const INPUT_KEYS: [&str; 4] = ["source", "queue_size", "input_timeout", "queue_policy"];

const QUEUE_POLICIES: [&str; 2] = ["drop_oldest", "backpressure"];

/// Keys of a node, one of which must be there.
pub(crate) const EXECUTABLE_KEYS: [&str; 6] =
    ["path", "operator", "operators", "module", "hub", "ros2"];

impl Graph {
    /// Read a graph file and apply options from the command line. `plugins` tell which options
    /// take a value.
    ///
    /// # Errors
    /// Whatever prevents a graph from being made of the file: it cannot be read, it is not YAML,
    /// keys or values are not those of a dora descriptor, two nodes have one id, or an option is
    /// set of a node that is not there.
    pub fn read(path: &Path, sets: &[Set], plugins: &Registry) -> Result<Self, Vec<Finding>> {
        let text = load(path).map_err(|finding| vec![finding])?;
        let source = Source::new(path.display().to_string(), &text);
        let mut reader = Reader {
            source,
            findings: Vec::new(),
        };
        let nodes = reader.graph(&text).unwrap_or_default();
        let document = reader
            .findings
            .is_empty()
            .then(|| reader.descriptor(&text))
            .flatten();
        let (Some(document), true) = (document, reader.findings.is_empty()) else {
            return Err(reader.findings);
        };
        let folder = std::path::absolute(path)
            .ok()
            .and_then(|path| path.parent().map(Path::to_owned))
            .unwrap_or_default();
        let mut graph = Self {
            source: reader.source,
            folder,
            nodes,
            document,
        };
        let findings: Vec<_> = sets
            .iter()
            .filter_map(|set| graph.set(set, plugins).err())
            .collect();
        if findings.is_empty() {
            Ok(graph)
        } else {
            Err(findings)
        }
    }

    fn set(&mut self, set: &Set, plugins: &Registry) -> Result<(), Finding> {
        let Some(index) = self.nodes.iter().position(|node| node.id() == set.node) else {
            let ids = self.nodes.iter().map(Node::id);
            return Err(set
                .error(format!("the graph has no node `{}`", set.node))
                .fix(did_you_mean(&set.node, "nodes", ids)));
        };
        let node = &mut self.nodes[index];
        let spec = stage::plugin(node, plugins).and_then(Spec::of);
        set.apply(node, spec.as_ref().map(|spec| spec.options.as_slice()))?;
        let args = node.args();
        let line = shlex::try_join(args.iter().map(String::as_str)).map_err(|error| {
            set.error(format!("the value cannot be passed to a process: {error}"))
        })?;
        let target = self
            .document
            .get_mut("nodes")
            .and_then(|nodes| nodes.get_mut(index));
        if let Some(map) = target.and_then(serde_yaml::Value::as_mapping_mut) {
            map.insert("args".into(), line.into());
        }
        Ok(())
    }
}

fn load(path: &Path) -> Result<String, Finding> {
    let here = || Place::named(path.display().to_string());
    if path.is_dir() {
        return Err(
            Finding::error(format!("{} is a folder, not a graph", path.display()))
                .at(here())
                .fix(siblings(path, "").unwrap_or_else(|| "name a YAML file".to_owned())),
        );
    }
    std::fs::read_to_string(path).map_err(|error| {
        let finding = Finding::error(format!("cannot read {}: {error}", path.display())).at(here());
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let folder = path
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty());
                let near = siblings(folder.unwrap_or(Path::new(".")), &name);
                finding.fix(near.unwrap_or_else(|| "check the path".to_owned()))
            }
            std::io::ErrorKind::InvalidData => {
                finding.fix("a graph is YAML in UTF-8; is this another kind of file?")
            }
            _ => finding,
        }
    })
}

/// A fix that names the graph files of a folder.
fn siblings(folder: &Path, name: &str) -> Option<String> {
    const MOST_LISTED: usize = 12;
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|file| file.ends_with(".yml") || file.ends_with(".yaml"))
        .collect();
    files.sort();
    let shown = |file: &str| folder.join(file).display().to_string();
    match nearest(name, files.iter().map(String::as_str)) {
        Some(near) if !name.is_empty() => Some(format!("did you mean {}?", shown(near))),
        _ if files.is_empty() => None,
        _ => {
            let listed: Vec<_> = files
                .iter()
                .take(MOST_LISTED)
                .map(|file| shown(file))
                .collect();
            let more = match files.len().saturating_sub(MOST_LISTED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Some(format!("graphs there: {}{more}", listed.join(", ")))
        }
    }
}

impl Reader {
    fn graph(&mut self, text: &str) -> Option<Vec<Node>> {
        if let Some(line) = too_deep(text) {
            self.report(
                Spot {
                    line,
                    column: 1,
                    width: 1,
                },
                "nested too deeply for a graph",
                "check the brackets",
            );
            return None;
        }
        let documents = match MarkedYaml::load_from_str(text) {
            Ok(documents) => documents,
            Err(error) => {
                let fix = "check indentation, colons and quotes on this line and the one before";
                self.report(
                    mark(*error.marker()),
                    format!("not YAML: {}", error.info()),
                    fix,
                );
                return None;
            }
        };
        let nothing = Spot {
            line: 1,
            column: 1,
            width: 1,
        };
        let [document] = documents.as_slice() else {
            let fix = if documents.is_empty() {
                EXAMPLE
            } else {
                "put one graph in a file"
            };
            self.report(
                nothing,
                format!(
                    "a graph is one YAML document, this file has {}",
                    documents.len()
                ),
                fix,
            );
            return None;
        };
        let pairs = self.mapping(document, "a graph")?;
        self.known(&pairs, &known_keys("zz: 0"), "a graph");
        let Some((_, _, list)) = pairs.iter().find(|(key, ..)| *key == "nodes") else {
            self.report(spot(document), "the graph has no `nodes:`", EXAMPLE);
            return None;
        };
        let items: &[MarkedYaml<'_>] = match &list.data {
            YamlData::Sequence(items) => items,
            YamlData::Value(Scalar::Null) => &[],
            _ => {
                self.wrong(list, "`nodes`", "a list");
                return None;
            }
        };
        if items.is_empty() {
            self.report(spot(list), "the graph has no nodes", EXAMPLE);
        }
        let node_keys = known_keys("nodes: [{id: a, zz: 0}]");
        let mut nodes: Vec<Node> = Vec::new();
        for item in items {
            let Some(node) = self.node(item, &node_keys) else {
                continue;
            };
            if let Some(first) = nodes.iter().find(|other| other.id() == node.id()) {
                let (id, line) = (node.id(), first.id.spot.line);
                let message = format!("two nodes have the id `{id}`; the first is on line {line}");
                self.report(
                    node.id.spot,
                    message,
                    format!("give this one another id, such as `{id}-2`"),
                );
            }
            nodes.push(node);
        }
        Some(nodes)
    }

    fn node(&mut self, yaml: &MarkedYaml<'_>, known: &[String]) -> Option<Node> {
        let pairs = self.mapping(yaml, "a node")?;
        self.known(&pairs, known, "a node");
        let find = |name: &str| {
            pairs
                .iter()
                .find(|(key, ..)| *key == name)
                .map(|(_, _, value)| *value)
        };
        let Some(id) = find("id") else {
            self.report(spot(yaml), "this node has no `id:`", "add `id: a-name`");
            return None;
        };
        let id = self.text(id, "`id`")?;
        if !EXECUTABLE_KEYS.iter().any(|key| find(key).is_some()) {
            let message = format!("node `{}` has no `path:`", id.value);
            self.report(
                id.spot,
                message,
                "add `path: renalflow` and `args: node STAGE`",
            );
        }
        let path = find("path").and_then(|yaml| self.text(yaml, "`path`"));
        let (args, args_spot) = match find("args") {
            Some(yaml) => (self.args(yaml), Some(spot(yaml))),
            None => (Vec::new(), None),
        };
        let inputs = match find("inputs") {
            Some(yaml) => self.mapping(yaml, "`inputs`").unwrap_or_default(),
            None => Vec::new(),
        };
        let inputs = inputs
            .into_iter()
            .filter_map(|pair| self.input(pair))
            .collect();
        let outputs = find("outputs")
            .map(|yaml| self.texts(yaml, "`outputs`"))
            .unwrap_or_default();
        let log_outputs = ["send_stdout_as", "send_logs_as"]
            .into_iter()
            .filter_map(|key| find(key)?.data.as_str().map(str::to_owned))
            .collect();
        let keys = pairs.iter().map(|(key, ..)| (*key).to_owned()).collect();
        Some(Node {
            id,
            path,
            args,
            args_spot,
            inputs,
            outputs,
            keys,
            log_outputs,
        })
    }

    fn input(&mut self, (name, key, value): Pair<'_>) -> Option<Input> {
        let name = Text {
            value: name.to_owned(),
            spot: spot(key),
        };
        let (mut queue_size, mut queue_policy) = (None, None);
        let source = if matches!(value.data, YamlData::Mapping(_)) {
            let pairs = self.mapping(value, "an input")?;
            self.known(&pairs, &INPUT_KEYS.map(str::to_owned), "an input");
            let mut source = None;
            for (key, _, value) in &pairs {
                match *key {
                    "source" => source = self.text(value, "`source`"),
                    "queue_policy" => queue_policy = self.policy(value),
                    "input_timeout" if !is_number(value) => {
                        self.wrong(value, "`input_timeout`", "a number of seconds")
                    }
                    "queue_size" => match value
                        .data
                        .as_integer()
                        .and_then(|n| usize::try_from(n).ok())
                    {
                        Some(n) => queue_size = Some((n, spot(value))),
                        None => self.wrong(value, "`queue_size`", "a number of messages"),
                    },
                    _ => {}
                }
            }
            if source.is_none() {
                let message = format!("input `{}` has no `source:`", name.value);
                self.report(name.spot, message, "write `source: node/output`");
            }
            source?
        } else {
            self.text(value, "an input")?
        };
        if let Err(why) = source.value.parse::<InputMapping>() {
            let message = format!(
                "input `{}` cannot be connected to `{}`: {why}",
                name.value, source.value
            );
            self.report(source.spot, message, "write `node/output`");
        }
        Some(Input {
            name,
            source,
            queue_size,
            queue_policy,
        })
    }

    fn policy(&mut self, yaml: &MarkedYaml<'_>) -> Option<Text> {
        let policy = self.text(yaml, "`queue_policy`")?;
        if !QUEUE_POLICIES.contains(&policy.value.as_str()) {
            let fix = did_you_mean(&policy.value, "policies", QUEUE_POLICIES);
            self.report(
                policy.spot,
                format!("there is no queue policy `{}`", policy.value),
                fix,
            );
        }
        Some(policy)
    }

    fn args(&mut self, yaml: &MarkedYaml<'_>) -> Vec<Arg> {
        let Some(line) = self.text(yaml, "`args`") else {
            return Vec::new();
        };
        let Some(tokens) = shlex::split(&line.value) else {
            self.report(
                line.spot,
                "the quotes in `args` do not close",
                "close them, as in a shell",
            );
            return Vec::new();
        };
        let spots = find_tokens(&self.source, yaml, &tokens);
        tokens
            .into_iter()
            .zip(spots)
            .map(|(text, spot)| Arg {
                text,
                origin: Origin::File(spot),
            })
            .collect()
    }

    /// The document as dora reads it: the last word on keys and values that are not looked at
    /// here.
    fn descriptor(&mut self, text: &str) -> Option<serde_yaml::Value> {
        let refused = match serde_yaml::from_str::<Descriptor>(text) {
            Ok(_) => match serde_yaml::from_str(text) {
                Ok(document) => return Some(document),
                Err(error) => error,
            },
            Err(error) => error,
        };
        let (line, column) = refused
            .location()
            .map_or((1, 1), |at| (at.line(), at.column()));
        let message = refused.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let fix = "the keys of a node and their types are those of a dora descriptor";
        self.report(
            Spot {
                line,
                column,
                width: 1,
            },
            format!("dora refuses this graph: {message}"),
            fix,
        );
        None
    }
}

const EXAMPLE: &str =
    "a graph looks like this:\nnodes:\n  - id: load\n    path: renalflow\n    args: node load";

/// The keys that dora knows, read from what it answers to one that it does not know. A list kept
/// here would be wrong at dora's next minor release.
fn known_keys(probe: &str) -> Vec<String> {
    let Err(error) = serde_yaml::from_str::<Descriptor>(probe) else {
        return Vec::new();
    };
    let text = error.to_string();
    let Some((_, list)) = text.split_once("expected one of ") else {
        return Vec::new();
    };
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_read_from_doras_refusal() {
        let graph = super::known_keys("zz: 0");
        assert!(
            graph.iter().any(|key| key == "nodes") && graph.iter().any(|key| key == "env"),
            "{graph:?}"
        );
        let node = super::known_keys("nodes: [{id: a, zz: 0}]");
        for key in [
            "id",
            "path",
            "args",
            "inputs",
            "outputs",
            "env",
            "restart_policy",
            "shared_memory_pool_size",
        ] {
            assert!(
                node.iter().any(|known| known == key),
                "{key} is not in {node:?}"
            );
        }
    }
}
