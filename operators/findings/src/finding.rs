//! One thing that is wrong, and its picture.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Must be corrected.
    Error,
    /// Worth knowing.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file as the user named it, or the `--set` that is to blame.
    pub file: String,
    /// Line, from 1; 0 where there is none.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters to underline.
    pub width: usize,
    /// The line, empty where there is none.
    pub text: String,
}

impl Place {
    /// A place that is not in a file, such as an argument of the command.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            file: name.into(),
            line: 0,
            column: 0,
            width: 0,
            text: String::new(),
        }
    }
}

/// One thing that is wrong: what, where, and what to do about it.
///
/// Prints as at most ten lines, in the manner of rustc:
///
/// ```text
/// error: stage `resample` has no option `--spacng-mm`
///   --> study.yml:12:26
///    |
/// 12 |     args: node resample --spacng-mm 1.25
///    |                         ^^^^^^^^^^^
///   fix: did you mean `--spacing-mm`?
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where, if it is at one place.
    pub place: Option<Box<Place>>,
    /// Id of the node that it is about.
    pub node: Option<String>,
    /// What to do about it; empty where that is plain from the message.
    pub fix: String,
}

/// The most lines that a finding prints.
const MAX_LINES: usize = 10;

impl Finding {
    /// Something that must be corrected.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            place: None,
            node: None,
            fix: String::new(),
        }
    }

    /// Something worth knowing.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    /// Say where.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self {
            place: Some(Box::new(place)),
            ..self
        }
    }

    /// Say of which node.
    #[must_use]
    pub fn of(self, node: &str) -> Self {
        Self {
            node: Some(node.to_owned()),
            ..self
        }
    }

    /// Say what to do.
    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: fix.into(),
            ..self
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut picture = Vec::new();
        if let Some(place) = &self.place {
            let gutter = place.line.to_string().len();
            if place.line == 0 {
                picture.push(format!("  --> {}", place.file));
            } else {
                picture.push(format!(
                    "{:gutter$}--> {}:{}:{}",
                    "", place.file, place.line, place.column
                ));
            }
            if !place.text.is_empty() {
                let (before, marked, after) = shown(place);
                // A tab is as wide as the terminal likes: repeat it under itself.
                let margin: String = before
                    .chars()
                    .map(|c| if c == '\t' { '\t' } else { ' ' })
                    .collect();
                let carets = "^".repeat(marked.chars().count().max(1));
                picture.push(format!("{:gutter$} |", ""));
                picture.push(format!("{} | {before}{marked}{after}", place.line));
                picture.push(format!("{:gutter$} | {margin}{carets}", ""));
            }
        }
        let fix: Vec<_> = self
            .fix
            .lines()
            .enumerate()
            .map(|(i, line)| {
                if i == 0 {
                    format!("  fix: {line}")
                } else {
                    format!("       {line}")
                }
            })
            .collect();
        let room = MAX_LINES.saturating_sub(picture.len() + fix.len()).max(1);
        let mut message: Vec<_> = self.message.lines().collect();
        if message.len() > room {
            message.truncate(room.saturating_sub(1).max(1));
            message.push("  ...");
        }
        write!(f, "{}: {}", self.severity, message.join("\n"))?;
        picture
            .iter()
            .chain(&fix)
            .take(MAX_LINES - 1)
            .try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// The line before, at and after a place; of a long line the part around it.
fn shown(place: &Place) -> (String, String, String) {
    const BEFORE: usize = 60;
    const WIDTH: usize = 110;
    let line: Vec<char> = place.text.chars().collect();
    let from = (place.column.saturating_sub(1)).min(line.len());
    let to = (from + place.width).min(line.len());
    let first = if line.len() > WIDTH {
        from.saturating_sub(BEFORE)
    } else {
        0
    };
    let to = to.min(first + WIDTH);
    let last = line.len().min(first + WIDTH).max(to);
    let text = |range: std::ops::Range<usize>| line[range].iter().collect::<String>();
    let dots = |cut: bool| if cut { "..." } else { "" };
    (
        format!("{}{}", dots(first > 0), text(first..from)),
        text(from..to),
        format!("{}{}", text(to..last), dots(last < line.len())),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn never_more_than_ten_lines() {
        let place = Place {
            file: "g.yml".into(),
            line: 3,
            column: 2,
            width: 4,
            text: "\tsome text".into(),
        };
        let finding = Finding::error("one\ntwo\nthree\nfour\nfive\nsix\nseven")
            .at(place)
            .fix("a\nb\nc");
        let text = finding.to_string();
        assert_eq!(text.lines().count(), 10, "{text}");
        assert!(text.contains("  fix: a\n       b\n       c"), "{text}");
        assert!(text.contains("  | \t^^^^"), "{text}");
    }
}
