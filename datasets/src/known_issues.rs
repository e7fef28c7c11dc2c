//! Cases whose problems are publicly known, with the thread that says so.

use std::{collections::BTreeMap, fmt, path::Path};

use serde::Deserialize;

use crate::{
    error::{DatasetError, Location},
    yaml,
};

/// What is done about a case with a known problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Keep it and say so.
    Note,
    /// Leave it out.
    Exclude,
}

/// A case with a known problem.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownIssue {
    /// The case.
    pub case: String,
    /// What is, or was, wrong.
    pub what: String,
    /// What is done about it.
    pub action: Action,
    /// Where it was reported.
    pub sources: Vec<String>,
}

impl KnownIssue {
    /// Read a list of known issues: a YAML list with `case`, `what`, `action`, `sources`.
    ///
    /// # Errors
    /// No such list, or a case that is listed twice.
    pub fn read(path: &Path) -> Result<Vec<Self>, DatasetError> {
        let issues: Vec<Self> = yaml::read(path)?;
        let mut seen = BTreeMap::new();
        for issue in &issues {
            if seen.insert(&issue.case, ()).is_some() {
                return Err(DatasetError::Table {
                    at: Location::new(path, None),
                    cause: format!("{} is listed twice", issue.case),
                    fix: "join the two entries".to_owned(),
                });
            }
        }
        Ok(issues)
    }
}

impl fmt::Display for KnownIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            Action::Note => "kept",
            Action::Exclude => "left out",
        };
        write!(
            f,
            "{} ({action}): {} [{}]",
            self.case,
            self.what,
            self.sources.join(", ")
        )
    }
}
