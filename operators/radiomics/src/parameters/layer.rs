//! What a mapping says about keys, and what holds where a mapping inside overrides one outside.

use renalflow_findings::Spot;

use super::{
    keys,
    reader::refuse_name,
    report::{Report, quoted},
    schema::{Key, Number, Value},
    yaml::Pair,
};

/// The keys of one mapping.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub key: &'static Key,
    pub spot: Spot,
    pub value: Value,
}

impl Layer {
    /// Check every entry of a mapping. Keys that are not among `keys`, and values that their
    /// keys do not take, are reported.
    pub fn read(
        pairs: &[Pair],
        what: &str,
        keys: &[&'static Key],
        report: &mut Report<'_>,
    ) -> Self {
        let mut entries = Vec::new();
        for pair in pairs {
            let Some(key) = keys.iter().find(|key| key.name == &*pair.name) else {
                let message = format!("{what} has no key {}", quoted(&pair.name));
                refuse_name(pair, message, "keys", keys.iter().map(|k| k.name), report);
                continue;
            };
            if let Some(value) = key.read(&pair.value, report) {
                entries.push(Entry {
                    key,
                    spot: pair.spot,
                    value,
                });
            }
        }
        Self { entries }
    }

    /// The entry of a key, though it may say `null`.
    pub fn entry(&self, key: &Key) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == key.name)
    }
}

/// A mapping inside another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layers<'a> {
    pub outer: &'a Layer,
    pub inner: Option<&'a Layer>,
}

impl<'a> Layers<'a> {
    pub fn of(outer: &'a Layer) -> Self {
        Self { outer, inner: None }
    }

    /// The entry that holds. `null` inside hides a value outside.
    pub fn entry(&self, key: &Key) -> Option<&'a Entry> {
        self.inner
            .and_then(|inner| inner.entry(key))
            .or_else(|| self.outer.entry(key))
            .filter(|entry| entry.value != Value::Null)
    }

    fn value(&self, key: &Key) -> Option<&'a Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub fn switch(&self, key: &Key) -> Option<bool> {
        match self.value(key)? {
            Value::Switch(switch) => Some(*switch),
            _ => None,
        }
    }

    pub fn integer(&self, key: &Key) -> Option<i64> {
        match self.value(key)? {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    pub fn count(&self, key: &Key) -> Option<usize> {
        self.integer(key).and_then(|count| count.try_into().ok())
    }

    pub fn number(&self, key: &Key) -> Option<f64> {
        match self.value(key)? {
            Value::Number(number) => Some(number.value()),
            _ => None,
        }
    }

    pub fn numbers(&self, key: &Key) -> Option<&'a [Number]> {
        match self.value(key)? {
            Value::Numbers(numbers) => Some(numbers),
            _ => None,
        }
    }

    pub fn text(&self, key: &Key) -> Option<&'a str> {
        match self.value(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The axis across which slices are taken, `None` in 3D.
    pub fn slice_axis(&self) -> Option<usize> {
        self.switch(&keys::FORCE_2D)
            .unwrap_or(false)
            .then(|| self.count(&keys::FORCE_2D_DIMENSION).unwrap_or(0))
    }
}
