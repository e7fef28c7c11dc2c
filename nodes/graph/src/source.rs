//! Where pieces of YAML stand in the text of a graph file.

use saphyr::{MarkedYaml, Marker};

pub(crate) use renalflow_findings::{Source, Spot};

/// A text with its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub value: String,
    pub spot: Spot,
}

/// Where each of `tokens` stands in a scalar, in order; a token that is written
/// in another way there (quotes, escapes) gets the place of the scalar.
pub(crate) fn find_tokens(
    source: &Source,
    scalar: &MarkedYaml<'_>,
    tokens: &[String],
) -> Vec<Spot> {
    let whole = spot(scalar);
    let (start, last_line) = (scalar.span.start, scalar.span.end.line());
    let (mut line, mut from) = (start.line(), start.col());
    tokens
        .iter()
        .map(|token| {
            let mut cursor = (line, from);
            while cursor.0 <= last_line && !token.is_empty() {
                let text = source.line(cursor.0);
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
