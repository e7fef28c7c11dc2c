//! `--set node.option=value`: one option of one node, from the command line.
use renalflow_findings::{Finding, Place, did_you_mean};

use crate::{
    graph::{Arg, Node, Origin},
    stage::OptionSpec,
};

/// One option of one node, given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Id of the node.
    pub node: String,
    /// Name of the option, without dashes.
    pub option: String,
    /// Its value.
    pub value: String,
}

impl Set {
    /// Read `node.option=value`.
    ///
    /// # Errors
    /// A text without `.` or `=` in it.
    pub fn parse(text: &str) -> Result<Self, Finding> {
        let parts = || {
            let (name, value) = text.split_once('=')?;
            // Ids may have dots, options have none.
            let (node, option) = name.rsplit_once('.')?;
            let option = option.trim_start_matches('-');
            let set = Self {
                node: node.to_owned(),
                option: option.to_owned(),
                value: value.to_owned(),
            };
            (!node.is_empty() && !option.is_empty()).then_some(set)
        };
        parts().ok_or_else(|| {
            Finding::error(format!("cannot read `--set {text}`"))
                .fix("write `--set node.option=value`, such as `--set load.window=2`")
        })
    }

    /// The text that the user wrote.
    #[must_use]
    pub fn text(&self) -> String {
        format!("--set {}.{}={}", self.node, self.option, self.value)
    }

    /// Apply it to the arguments of its node. `known` are the options of the node's stage, where
    /// they are known.
    pub(crate) fn apply(
        &self,
        node: &mut Node,
        known: Option<&[OptionSpec]>,
    ) -> Result<(), Finding> {
        let flag = match known {
            Some(known) => match known.iter().find(|option| option.name == self.option) {
                Some(option) => !option.takes_value,
                None => return Err(self.unknown_option(known)),
            },
            None => false,
        };
        let kept = remove(node, &self.option, flag);
        let text = match (flag, self.value.as_str()) {
            (true, "false") => return Ok(()),
            (true, "true") => format!("--{}", self.option),
            (true, _) => {
                return Err(self
                    .error(format!("option `--{}` is on or off", self.option))
                    .fix(format!(
                        "write `--set {}.{}=true`, or `=false`",
                        self.node, self.option
                    )));
            }
            (false, value) => format!("--{}={value}", self.option),
        };
        node.args.insert(
            kept,
            Arg {
                text,
                origin: Origin::Set(self.text()),
            },
        );
        Ok(())
    }

    pub(crate) fn error(&self, message: String) -> Finding {
        Finding::error(message)
            .at(Place::named(self.text()))
            .of(&self.node)
    }

    fn unknown_option(&self, known: &[OptionSpec]) -> Finding {
        let names = known.iter().map(|option| option.name.as_str());
        self.error(format!(
            "node `{}` has no option `{}`",
            self.node, self.option
        ))
        .fix(did_you_mean(&self.option, "options", names))
    }
}

/// Take an option with its values out of the arguments; returns where it was, or the end.
fn remove(node: &mut Node, option: &str, flag: bool) -> usize {
    let name = format!("--{option}");
    let inline = format!("{name}=");
    let mut place = None;
    let mut at = node.first_option();
    while at < node.args.len() {
        let text = &node.args[at].text;
        let mut end = at + 1;
        if *text == name && !flag {
            // Values may be several, and negative numbers.
            while node.args.get(end).is_some_and(|arg| !is_option(&arg.text)) {
                end += 1;
            }
        } else if *text != name && !text.starts_with(&inline) {
            at += 1;
            continue;
        }
        node.args.drain(at..end);
        place.get_or_insert(at);
    }
    place.unwrap_or(node.args.len())
}

fn is_option(text: &str) -> bool {
    text.strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(|c: char| c == '-' || c.is_alphabetic()))
}
