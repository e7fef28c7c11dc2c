//! The lines of a file, and positions in them.

use crate::Place;

/// A stretch of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In characters.
    pub width: usize,
}

/// The text of a file and its name.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file as the user named it.
    pub file: String,
    lines: Vec<String>,
}

impl Source {
    /// Keep the lines of a text.
    #[must_use]
    pub fn new(file: String, text: &str) -> Self {
        Self {
            file,
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    /// A line by its number, from 1; empty where there is none.
    #[must_use]
    pub fn line(&self, number: usize) -> &str {
        number
            .checked_sub(1)
            .and_then(|index| self.lines.get(index))
            .map_or("", String::as_str)
    }

    /// A place to show, its width cut to the line.
    #[must_use]
    pub fn place(&self, spot: Spot) -> Place {
        let text = self.line(spot.line).trim_end();
        let room = text
            .chars()
            .count()
            .saturating_sub(spot.column.saturating_sub(1));
        Place {
            file: self.file.clone(),
            line: spot.line,
            column: spot.column,
            width: spot.width.min(room).max(1),
            text: text.to_owned(),
        }
    }
}
