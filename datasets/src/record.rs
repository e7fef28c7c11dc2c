//! What is known of a case beside its images: named, typed values in a fixed order.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeMap};

/// One value of a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Not known.
    Missing,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Anything else.
    Text(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Value {
    /// The value as a class: true or false, 1 or 0, or one of the words `malignant`,
    /// `positive`, `yes` and `benign`, `negative`, `no`. `None` for anything else.
    #[must_use]
    pub fn as_class(&self) -> Option<bool> {
        match self {
            Self::Bool(class) => Some(*class),
            Self::Int(1) => Some(true),
            Self::Int(0) => Some(false),
            Self::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "malignant" | "positive" => Some(true),
                "false" | "0" | "no" | "benign" | "negative" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The type that a word of a table has by its looks.
    pub(crate) fn of_word(word: &str) -> Self {
        let trimmed = word.trim();
        if is_missing(trimmed) {
            return Self::Missing;
        }
        match trimmed {
            "true" | "True" | "TRUE" => return Self::Bool(true),
            "false" | "False" | "FALSE" => return Self::Bool(false),
            _ => {}
        }
        // A leading zero or plus is part of a name, as in 007.
        let digits = trimmed.trim_start_matches('-');
        let is_name = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        if !is_name && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            if let Ok(int) = trimmed.parse() {
                return Self::Int(int);
            }
            if let Ok(float) = trimmed.parse() {
                return Self::Float(float);
            }
        }
        Self::Text(trimmed.to_owned())
    }
}

/// Words that stand for a value that is not there.
fn is_missing(word: &str) -> bool {
    matches!(
        word,
        "" | "NA" | "N/A" | "n/a" | "NaN" | "nan" | "None" | "null" | "not_applicable"
    )
}

/// Named values in the order they were put in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record(Vec<(String, Value)>);

impl Record {
    /// No values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Put a value in: at the end, or in the place of the one of that name.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Give all records the same names in the same order, and every name one type: a column of
/// whole numbers and fractions becomes fractions; one that mixes numbers with words that
/// are none becomes text; what is absent is missing.
pub(crate) fn settle(records: &mut [Record]) {
    let mut names: Vec<String> = Vec::new();
    let mut columns: BTreeMap<String, Column> = BTreeMap::new();
    for record in records.iter() {
        for (name, value) in record.iter() {
            if !columns.contains_key(name) {
                names.push(name.to_owned());
            }
            columns.entry(name.to_owned()).or_default().see(value);
        }
    }
    for record in records {
        let settled = names
            .iter()
            .map(|name| {
                let value = record.get(name).cloned().unwrap_or(Value::Missing);
                (name.clone(), columns[name].cast(value))
            })
            .collect();
        *record = Record(settled);
    }
}

/// The kinds of values that a column holds.
#[derive(Default)]
struct Column {
    bools: bool,
    ints: bool,
    floats: bool,
    /// Words that are numbers or stand for a missing value.
    number_words: bool,
    /// All other words.
    words: bool,
}

impl Column {
    fn see(&mut self, value: &Value) {
        match value {
            Value::Missing => {}
            Value::Bool(_) => self.bools = true,
            Value::Int(_) => self.ints = true,
            Value::Float(_) => self.floats = true,
            Value::Text(text) => match Value::of_word(text) {
                Value::Int(_) | Value::Float(_) | Value::Missing => self.number_words = true,
                Value::Bool(_) | Value::Text(_) => self.words = true,
            },
        }
    }

    fn cast(&self, value: Value) -> Value {
        let text = self.words || self.number_words;
        let numbers = self.ints || self.floats;
        // Words among words stay as they are: a stage written "1" beside "2a" is no number.
        let numeric = numbers && !self.words && !self.bools;
        match value {
            Value::Text(word) if numeric => match Value::of_word(&word) {
                Value::Int(int) => Value::Float(int as f64),
                number => number,
            },
            Value::Int(int) if numeric && (self.floats || text) => Value::Float(int as f64),
            Value::Bool(b) if text || numbers => Value::Text(b.to_string()),
            Value::Int(i) if self.words || self.bools => Value::Text(i.to_string()),
            Value::Float(f) if self.words || self.bools => Value::Text(f.to_string()),
            value => value,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn column(values: &[Value]) -> Vec<Value> {
        let mut records: Vec<Record> = values
            .iter()
            .map(|v| {
                let mut record = Record::new();
                record.insert("x", v.clone());
                record
            })
            .collect();
        settle(&mut records);
        records
            .iter()
            .map(|r| r.get("x").unwrap().clone())
            .collect()
    }

    #[test]
    fn a_column_has_one_type() {
        let text = |s: &str| Value::from(s);
        assert_eq!(
            column(&[Value::Int(1), Value::Float(2.5), Value::Missing]),
            [Value::Float(1.0), Value::Float(2.5), Value::Missing]
        );
        assert_eq!(
            column(&[Value::Int(1), text("20"), text("None")]),
            [Value::Float(1.0), Value::Float(20.0), Value::Missing]
        );
        assert_eq!(
            column(&[text("20"), Value::Int(1)]),
            [Value::Float(20.0), Value::Float(1.0)]
        );
        assert_eq!(
            column(&[Value::Float(77.0), text(">=90")]),
            [text("77"), text(">=90")]
        );
        assert_eq!(column(&[text("1"), text("2a")]), [text("1"), text("2a")]);
    }

    #[test]
    fn records_get_the_same_names() {
        let mut a = Record::new();
        a.insert("x", Value::Int(1));
        let mut b = Record::new();
        b.insert("y", Value::Bool(true));
        let mut records = [a, b];
        settle(&mut records);
        let names = |r: &Record| r.iter().map(|(n, _)| n.to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&records[0]), ["x", "y"]);
        assert_eq!(names(&records[1]), ["x", "y"]);
    }

    #[test]
    fn words_get_the_type_of_their_looks() {
        assert_eq!(Value::of_word("007"), Value::from("007"));
        assert_eq!(Value::of_word(" 12 "), Value::Int(12));
        assert_eq!(Value::of_word("-0.5"), Value::Float(-0.5));
        assert_eq!(Value::of_word("1e3"), Value::Float(1000.0));
        assert_eq!(Value::of_word("inf"), Value::from("inf"));
        assert_eq!(Value::of_word("True"), Value::Bool(true));
        assert_eq!(Value::from("Malignant").as_class(), Some(true));
        assert_eq!(Value::from("unknown").as_class(), None);
    }
}
