//! YAML files with errors that name the line and the nearest valid word.

use std::{fs, path::Path};

use serde::de::DeserializeOwned;

use crate::error::{DatasetError, Location};

/// Read a YAML file into a type that refuses unknown keys.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, DatasetError> {
    let text = fs::read_to_string(path).map_err(|source| DatasetError::Io {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

/// As [`read`], from text that stands in `path`.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, DatasetError> {
    serde_yaml::from_str(text).map_err(|error| {
        let line = error.location().map(|l| l.line() as u64);
        let message = error.to_string();
        let fix = nearest_word(&message).map(|word| format!("did you mean `{word}`?"));
        DatasetError::Yaml {
            at: Location::new(path, line),
            // The line stands in front already.
            cause: message
                .split(" at line ")
                .next()
                .unwrap_or(&message)
                .to_owned(),
            fix,
        }
    })
}

/// The valid word nearest to the unknown one, from serde's message ("unknown field `a`,
/// expected one of `b`, `c`"), if any is near.
fn nearest_word(message: &str) -> Option<String> {
    let start = message
        .find("unknown field")
        .or_else(|| message.find("unknown variant"))?;
    let mut words = message[start..].split('`').skip(1).step_by(2);
    nearest(words.next()?, words)
}

/// The candidate nearest to a word, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&word, &known.to_lowercase()),
                known,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= 1 + known.len().max(word.len()) / 3)
        .map(|(_, known)| known.to_owned())
}
