//! The key that says what a value was computed from.
//!
//! A key is the BLAKE3 digest of the stage's name and version, its canonical options, the
//! output's name and the keys of its inputs; for a source, of the content of its files. It is
//! the cache key, the provenance column of the tables and the seed of anything random in a
//! stage: same key, same bytes.

use std::fmt;

use serde_json::Value as Json;

/// Digest of how a value came to be; prints as 32 hexadecimal digits (128 bits).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key of content that was not computed here: a file, a generator's parameters.
    #[must_use]
    pub fn of_content(content: &[u8]) -> Self {
        Self::finish(blake3::Hasher::new().update(content))
    }

    /// A key that was written down earlier.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key of output `port` of a stage, given the keys of the inputs by port.
    #[must_use]
    pub fn of_output<'a>(
        stage: &StageKey,
        port: &str,
        inputs: impl IntoIterator<Item = (&'a str, &'a Key)>,
    ) -> Self {
        let mut inputs: Vec<_> = inputs.into_iter().collect();
        inputs.sort();
        let mut hasher = blake3::Hasher::new();
        field(&mut hasher, stage.0.0.as_bytes());
        field(&mut hasher, port.as_bytes());
        for (name, key) in inputs {
            field(&mut hasher, name.as_bytes());
            field(&mut hasher, key.0.as_bytes());
        }
        Self::finish(&hasher)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A 64-bit seed for whatever is random in computing this value.
    #[must_use]
    pub fn seed(&self) -> u64 {
        let digest = blake3::hash(self.0.as_bytes());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest.as_bytes()[..8]);
        u64::from_le_bytes(bytes)
    }

    fn finish(hasher: &blake3::Hasher) -> Self {
        Self(hasher.finalize().to_hex()[..32].to_owned())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of a key that all outputs of a stage share: its name, version and options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageKey(Key);

impl StageKey {
    /// Digest a stage's name, version and options. Object keys are sorted, so that the order
    /// in which options are declared or given does not matter.
    #[must_use]
    pub fn new(name: &str, version: &str, options: &Json) -> Self {
        let mut hasher = blake3::Hasher::new();
        field(&mut hasher, name.as_bytes());
        field(&mut hasher, version.as_bytes());
        field(&mut hasher, canonical(options).as_bytes());
        Self(Key::finish(&hasher))
    }
}

/// Length-prefixed, so that `("ab", "c")` and `("a", "bc")` differ.
fn field(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn canonical(json: &Json) -> String {
    match json {
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            let body: Vec<_> = entries
                .into_iter()
                .map(|(name, value)| format!("{name:?}:{}", canonical(value)))
                .collect();
            format!("{{{}}}", body.join(","))
        }
        Json::Array(items) => {
            let body: Vec<_> = items.iter().map(canonical).collect();
            format!("[{}]", body.join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_of_options_does_not_matter_but_their_values_do() {
        let a = StageKey::new("resample", "1", &json!({"x": 1, "y": [1.5, 2.0]}));
        let b = StageKey::new("resample", "1", &json!({"y": [1.5, 2.0], "x": 1}));
        let c = StageKey::new("resample", "1", &json!({"y": [1.5, 2.5], "x": 1}));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_ne!(
            a,
            StageKey::new("resample", "2", &json!({"x": 1, "y": [1.5, 2.0]}))
        );
    }

    #[test]
    fn inputs_are_told_apart_by_port() {
        let stage = StageKey::new("crop", "1", &json!({}));
        let (p, q) = (Key::of_content(b"p"), Key::of_content(b"q"));
        let one = Key::of_output(&stage, "image", [("image", &p), ("mask", &q)]);
        let other = Key::of_output(&stage, "image", [("image", &q), ("mask", &p)]);
        let same = Key::of_output(&stage, "image", [("mask", &q), ("image", &p)]);
        assert_ne!(one, other);
        assert_eq!(one, same);
        assert_ne!(
            one,
            Key::of_output(&stage, "mask", [("image", &p), ("mask", &q)])
        );
        assert_ne!(one.seed(), other.seed());
    }
}
