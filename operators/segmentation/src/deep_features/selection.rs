//! Which of the pools of which parts are made.

use thiserror::Error;

/// Names of pools, in the order of features.
pub const POOLS: [&str; 6] = ["mean", "max", "sd", "boxmean", "boxmax", "boxsd"];

/// Names of the parts of a region, in the order of features.
pub const PARTS: [&str; 9] = [
    "whole", "o000", "o001", "o010", "o011", "o100", "o101", "o110", "o111",
];

/// All eight octants by one name.
const OCTANTS: &str = "octants";

/// Pools and parts, in the order of [`POOLS`] and [`PARTS`] however they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pools: Vec<usize>,
    parts: Vec<usize>,
}

/// A name of no pool or part.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no {what} `{name}`; there are: {known}")]
pub struct UnknownPool {
    /// `pool` or `part`.
    what: &'static str,
    /// The name; empty where none was given.
    name: String,
    known: String,
}

impl Selection {
    /// All of them: 54 values a channel.
    #[must_use]
    pub fn all() -> Self {
        Self {
            pools: (0..POOLS.len()).collect(),
            parts: (0..PARTS.len()).collect(),
        }
    }

    /// Some of them; `octants` stands for all eight.
    ///
    /// # Errors
    /// A name that is none, or no name.
    pub fn named<S: AsRef<str>>(pools: &[S], parts: &[S]) -> Result<Self, UnknownPool> {
        let known = |names: &[&str]| names.join(", ");
        let pools = chosen(pools, |name| {
            let at = POOLS.iter().position(|pool| *pool == name)?;
            Some(vec![at])
        });
        let parts = chosen(parts, |name| {
            if name == OCTANTS {
                return Some((1..PARTS.len()).collect());
            }
            let at = PARTS.iter().position(|part| *part == name)?;
            Some(vec![at])
        });
        Ok(Self {
            pools: pools.map_err(|name| UnknownPool {
                what: "pool",
                name,
                known: known(&POOLS),
            })?,
            parts: parts.map_err(|name| UnknownPool {
                what: "part",
                name,
                known: format!("{}, and {OCTANTS} for the last eight", known(&PARTS)),
            })?,
        })
    }

    /// Values a channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pools.len() * self.parts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The parts, each with its pools, as indices into [`PARTS`] and [`POOLS`].
    pub(super) fn by_part(&self) -> impl Iterator<Item = (usize, &[usize])> {
        self.parts.iter().map(|part| (*part, self.pools.as_slice()))
    }
}

/// The indices that names stand for, in order and once each; or the name that stands for none.
fn chosen<S: AsRef<str>>(
    names: &[S],
    find: impl Fn(&str) -> Option<Vec<usize>>,
) -> Result<Vec<usize>, String> {
    if names.is_empty() {
        return Err(String::new());
    }
    let mut found = Vec::new();
    for name in names {
        found.extend(find(name.as_ref()).ok_or_else(|| name.as_ref().to_owned())?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
