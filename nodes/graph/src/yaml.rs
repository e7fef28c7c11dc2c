//! YAML with positions, and complaints where it is not what was expected.

use renalflow_findings::{Finding, did_you_mean};
use saphyr::{MarkedYaml, Scalar, YamlData};

use crate::source::{Source, Spot, Text, spot};

/// Reads pieces of YAML and collects what is wrong with them.
pub(crate) struct Reader {
    pub source: Source,
    pub findings: Vec<Finding>,
}

/// Name, key and value.
pub(crate) type Pair<'a> = (&'a str, &'a MarkedYaml<'a>, &'a MarkedYaml<'a>);

impl Reader {
    pub fn mapping<'a>(&mut self, yaml: &'a MarkedYaml<'a>, what: &str) -> Option<Vec<Pair<'a>>> {
        let map = match &yaml.data {
            YamlData::Mapping(map) => map,
            YamlData::Value(Scalar::Null) => return Some(Vec::new()),
            _ => {
                self.wrong(yaml, what, "a map of `key: value`");
                return None;
            }
        };
        let mut pairs = Vec::new();
        for (key, value) in map {
            match key.data.as_str() {
                Some(name) => pairs.push((name, key, value)),
                None => self.wrong(key, "a key", "text"),
            }
        }
        Some(pairs)
    }

    pub fn known(&mut self, pairs: &[Pair<'_>], known: &[String], what: &str) {
        // Nothing known means that dora words its refusals in another way than this reads; then
        // it has the last word.
        for (name, key, _) in pairs {
            if !known.is_empty() && !known.iter().any(|known| known == name) {
                let fix = did_you_mean(name, "keys", known.iter().map(String::as_str));
                self.report(spot(key), format!("{what} has no key `{name}`"), fix);
            }
        }
    }

    pub fn texts(&mut self, yaml: &MarkedYaml<'_>, what: &str) -> Vec<Text> {
        match &yaml.data {
            YamlData::Sequence(items) => items
                .iter()
                .filter_map(|item| self.text(item, what))
                .collect(),
            YamlData::Value(Scalar::Null) => Vec::new(),
            _ => {
                self.wrong(yaml, what, "a list of names");
                Vec::new()
            }
        }
    }

    pub fn text(&mut self, yaml: &MarkedYaml<'_>, what: &str) -> Option<Text> {
        let text = yaml.data.as_str().map(|value| Text {
            value: value.to_owned(),
            spot: spot(yaml),
        });
        if text.is_none() {
            self.wrong(yaml, what, "text");
        }
        text
    }

    pub fn wrong(&mut self, yaml: &MarkedYaml<'_>, what: &str, expected: &str) {
        let found = match &yaml.data {
            YamlData::Mapping(_) => "a map",
            YamlData::Sequence(_) => "a list",
            YamlData::Value(Scalar::Null) => "nothing",
            YamlData::Value(Scalar::Boolean(_)) => "true or false",
            YamlData::Value(Scalar::Integer(_) | Scalar::FloatingPoint(_)) => "a number",
            YamlData::Value(Scalar::String(_)) => "text",
            _ => "something else",
        };
        let fix = match (expected, found) {
            ("text", "a number" | "true or false") => "put it in quotes if it is a name".to_owned(),
            _ => format!("write {expected} here"),
        };
        self.report(
            spot(yaml),
            format!("{what} must be {expected}, this is {found}"),
            fix,
        );
    }

    pub fn report(&mut self, spot: Spot, message: impl Into<String>, fix: impl Into<String>) {
        self.findings
            .push(Finding::error(message).at(self.source.place(spot)).fix(fix));
    }
}

/// The first line that nests deeper than any graph does: the parser calls itself for every level,
/// and would run out of stack.
pub(crate) fn too_deep(text: &str) -> Option<usize> {
    const BRACKETS: i64 = 64;
    const COLUMNS: usize = 256;
    let mut open = 0_i64;
    text.lines().zip(1..).find_map(|(line, number)| {
        let indent = line.chars().take_while(|c| " -?".contains(*c)).count();
        for c in line.chars() {
            open += i64::from("[{".contains(c)) - i64::from("]}".contains(c));
            if open > BRACKETS {
                return Some(number);
            }
        }
        (indent > COLUMNS).then_some(number)
    })
}

pub(crate) fn is_number(yaml: &MarkedYaml<'_>) -> bool {
    yaml.data.as_integer().is_some() || yaml.data.as_floating_point().is_some()
}
