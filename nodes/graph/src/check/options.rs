//! Options of every node, as the stage's own parser and the stage itself see them.

use renalflow_sdk::{
    CheckError,
    clap::{
        self,
        error::{ContextKind, ContextValue, ErrorKind},
    },
};

use super::{Note, Report};
use renalflow_findings::{Finding, Place, did_you_mean, nearest};

use crate::{
    graph::{Graph, Node},
    stage::{Known, Spec},
};

pub(super) fn check(graph: &Graph, known: &[Known<'_>], report: &mut Report) {
    for (node, known) in graph.nodes.iter().zip(known) {
        let (Some(plugin), Some(spec)) = (known.plugin, &known.spec) else {
            continue;
        };
        let inputs: Vec<_> = node
            .inputs()
            .iter()
            .map(|input| input.name().to_owned())
            .collect();
        let checked = plugin.check(&node.options()).and_then(|checked| {
            plugin
                .check_wiring(&node.options(), &inputs)
                .map(|()| checked)
        });
        match checked {
            Ok((options, notes)) => {
                report.nodes.insert(node.id().to_owned(), options);
                let notes = notes.into_iter().map(|text| Note {
                    node: node.id().to_owned(),
                    text,
                });
                report.notes.extend(notes);
            }
            Err(CheckError::Options(error)) => {
                report.findings.push(refused(graph, node, spec, &error))
            }
            Err(CheckError::Stage(problem)) => {
                let spot = node.args_spot.unwrap_or(node.id.spot);
                let message = format!("node `{}`: {}", node.id(), problem.cause);
                let place =
                    mentioned(graph, node, &problem.cause).unwrap_or_else(|| graph.place(spot));
                report.findings.push(
                    Finding::error(message)
                        .at(place)
                        .of(node.id())
                        .fix(problem.fix),
                );
            }
        }
    }
}

/// The argument whose value a message speaks of.
fn mentioned(graph: &Graph, node: &Node, message: &str) -> Option<Place> {
    node.option_args()
        .iter()
        .find(|arg| {
            let value = match arg.text.split_once('=') {
                Some((_, value)) => value,
                None if arg.text.starts_with("--") => "",
                None => &arg.text,
            };
            value.len() > 3 && message.contains(value)
        })
        .map(|arg| graph.place_of(arg))
}

/// A refusal of the parser in the words of a graph.
fn refused(graph: &Graph, node: &Node, spec: &Spec, error: &clap::Error) -> Finding {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let first = |kind| text(kind).into_iter().next().unwrap_or_default();
    let given = first(ContextKind::InvalidArg);
    // clap writes `--spacing-mm <MM>`; the graph has the first word of that.
    let name = given
        .split([' ', '='])
        .next()
        .unwrap_or_default()
        .to_owned();
    let value = first(ContextKind::InvalidValue);
    let names = spec.options.iter().map(|option| option.name.as_str());
    let stage = &spec.name;
    let (message, fix) = match error.kind() {
        ErrorKind::UnknownArgument if name.starts_with("--") => {
            let bare = name.trim_start_matches('-');
            let fix = match nearest(bare, names.clone()) {
                Some(near) => format!("did you mean `--{near}`?"),
                None => did_you_mean(bare, "options", names),
            };
            (format!("stage `{stage}` has no option `{name}`"), fix)
        }
        ErrorKind::UnknownArgument => (
            format!("stage `{stage}` does not know what `{given}` is for"),
            "every value follows the name of its option, as in `--name value`".to_owned(),
        ),
        ErrorKind::InvalidValue if value.is_empty() => (
            format!("option `{name}` of stage `{stage}` has no value"),
            format!("write `{given}`"),
        ),
        ErrorKind::InvalidValue => {
            let valid = text(ContextKind::ValidValue);
            let fix = did_you_mean(&value, "values", valid.iter().map(String::as_str));
            (
                format!("option `{name}` of stage `{stage}` cannot be `{value}`"),
                fix,
            )
        }
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error)
                .map(|why| format!(": {why}"))
                .unwrap_or_default();
            // A file that is not there is no matter of how the option is written.
            let fix = if why.contains("(os error") {
                "look at the path; relative paths start at the folder of the graph".to_owned()
            } else {
                format!("write `{given}`; `renalflow nodes {stage}` says what it takes")
            };
            (
                format!("option `{name}` of stage `{stage}` cannot be `{value}`{why}"),
                fix,
            )
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = text(ContextKind::InvalidArg).join("`, `");
            (
                format!("stage `{stage}` needs `{missing}`"),
                "add it to `args`".to_owned(),
            )
        }
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg).join("`, `");
            let message = match other.as_str() {
                other if other.is_empty() || other == given => {
                    format!("option `{name}` is given twice")
                }
                other => format!("option `{name}` does not go with `{other}`"),
            };
            (message, "keep one of them".to_owned())
        }
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => (
            format!(
                "node `{}` would print its help instead of running",
                node.id()
            ),
            "take `--help` out of `args`".to_owned(),
        ),
        _ => {
            let text = error.to_string();
            let line = text
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned();
            (
                format!("stage `{stage}`: {line}"),
                format!("see `renalflow node {stage} --help`"),
            )
        }
    };
    // The value if there is one, else the option, else all of `args`.
    let place = node
        .option_args()
        .iter()
        .find(|arg| {
            !value.is_empty() && (arg.text == value || arg.text == format!("{name}={value}"))
        })
        .or_else(|| {
            let named = |text: &str| text == name || text.starts_with(&format!("{name}="));
            node.option_args()
                .iter()
                .find(|arg| !name.is_empty() && named(&arg.text))
        })
        .map_or_else(
            || graph.place(node.args_spot.unwrap_or(node.id.spot)),
            |arg| graph.place_of(arg),
        );
    Finding::error(message).at(place).of(node.id()).fix(fix)
}
