//! The text of a graph file, and positions in it.

use saphyr::{MarkedYaml, Marker};

use crate::finding::Place;

/// A stretch of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In characters.
    pub width: usize,
}

/// A text with its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub value: String,
    pub spot: Spot,
}

/// The text of a graph file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file as the user named it.
    pub file: String,
    lines: Vec<String>,
}

impl Source {
    pub fn new(file: String, text: &str) -> Self {
        Self {
            file,
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    /// A place to show.
    pub fn place(&self, spot: Spot) -> Place {
        let text = self
            .lines
            .get(spot.line.saturating_sub(1))
            .map_or("", |line| line.trim_end());
        Place {
            file: self.file.clone(),
            line: spot.line,
            column: spot.column,
            width: spot
                .width
                .min(text.chars().count().saturating_sub(spot.column - 1))
                .max(1),
            text: text.to_owned(),
        }
    }

    /// Where each of `tokens` stands in a scalar, in order; a token that is written
    /// in another way there (quotes, escapes) gets the place of the scalar.
    pub fn find_tokens(&self, scalar: &MarkedYaml<'_>, tokens: &[String]) -> Vec<Spot> {
        let whole = spot(scalar);
        let (start, last_line) = (scalar.span.start, scalar.span.end.line());
        let (mut line, mut from) = (start.line(), start.col());
        tokens
            .iter()
            .map(|token| {
                let mut cursor = (line, from);
                while cursor.0 <= last_line && !token.is_empty() {
                    let text = self
                        .lines
                        .get(cursor.0.saturating_sub(1))
                        .map_or("", String::as_str);
                    let skipped: usize = text.chars().take(cursor.1).map(char::len_utf8).sum();
                    if let Some(at) = text[skipped..].find(token.as_str()) {
                        let column = text[..skipped + at].chars().count();
                        let width = token.chars().count();
                        (line, from) = (cursor.0, column + width);
                        return Spot {
                            line,
                            column: column + 1,
                            width,
                        };
                    }
                    cursor = (cursor.0 + 1, 0);
                }
                whole
            })
            .collect()
    }
}

/// Where a piece of YAML starts, as wide as it is on that line.
pub(crate) fn spot(yaml: &MarkedYaml<'_>) -> Spot {
    let (start, end) = (yaml.span.start, yaml.span.end);
    let width = if end.line() == start.line() {
        end.col().saturating_sub(start.col())
    } else {
        1
    };
    Spot {
        width: width.max(1),
        ..mark(start)
    }
}

/// A single character.
pub(crate) fn mark(mark: Marker) -> Spot {
    Spot {
        line: mark.line().max(1),
        column: mark.col() + 1,
        width: 1,
    }
}
