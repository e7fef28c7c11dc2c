//! What a key is: which values it takes, what it means and who reads it. The keys themselves
//! are in `keys`; reading, error messages and the reference page all come from there.

use renalflow_findings::did_you_mean;

use crate::filters::wavelet_names;

use super::{
    report::{Report, quoted},
    yaml::{Data, Node, Scalar},
};

/// A key of a section, and all that is said of it.
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// Unit of the value; empty where it has none.
    pub unit: &'static str,
    /// The value that holds where the key is absent, as it would be written.
    pub default: &'static str,
    /// What it does, for the reference page.
    pub about: &'static str,
    pub origin: Origin,
    pub reader: Reader,
}

/// Who has such a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// PyRadiomics, with the same values.
    PyRadiomics,
    /// Only we.
    Ours,
}

/// Who reads a key, which says where it has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// The extraction, before images are derived: the same for all images.
    Preparation,
    /// Every image that features are computed on.
    Image,
    /// The filters of these image types.
    Filters(&'static [&'static str]),
    /// These feature classes.
    Classes(&'static [&'static str]),
    /// Maps.
    Maps,
}

/// Which values a key takes. Nothing (`null`) stands for the default with all of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Switch,
    Integer(Range),
    Number(Range),
    /// A number, of which `nan` and `inf` may be written as words.
    AnyNumber,
    Integers(Range, Count),
    Numbers(Range, Count),
    OneOf(&'static [&'static str]),
    /// A name of a discrete wavelet.
    Wavelet,
    /// A name or number of SimpleITK.
    Interpolator,
    /// A number or a word.
    NumberOr(Range, &'static str),
    /// Any text; what it may be is checked where it is used.
    Text,
}

/// Smallest and largest value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    low: Low,
    high: f64,
}

#[derive(Debug, Clone, Copy)]
enum Low {
    Above(f64),
    From(f64),
    /// Whatever is a number, infinities included.
    Open,
}

impl Range {
    pub const ANY: Self = Self {
        low: Low::From(f64::MIN),
        high: f64::MAX,
    };
    pub const POSITIVE: Self = Self {
        low: Low::Above(0.0),
        high: f64::MAX,
    };
    pub const OPEN: Self = Self {
        low: Low::Open,
        high: f64::INFINITY,
    };

    pub const fn of(low: f64, high: f64) -> Self {
        Self {
            low: Low::From(low),
            high,
        }
    }

    pub const fn above_zero_to(high: f64) -> Self {
        Self {
            low: Low::Above(0.0),
            high,
        }
    }

    fn contains(self, value: f64) -> bool {
        let is_high_enough = match self.low {
            Low::Above(low) => value > low,
            Low::From(low) => value >= low,
            Low::Open => !value.is_nan(),
        };
        is_high_enough && value <= self.high
    }

    fn words(self) -> String {
        let has_end = self.high < f64::MAX;
        match self.low {
            Low::Open => String::new(),
            Low::From(low) if low == f64::MIN => String::new(),
            Low::From(low) if has_end => format!(" from {low} to {}", self.high),
            Low::From(low) => format!(", {low} or more"),
            Low::Above(low) if has_end => format!(" above {low}, at most {}", self.high),
            Low::Above(low) => format!(" above {low}"),
        }
    }
}

/// Most items of a list: each width or filter is an image to derive.
pub(super) const MAX_ITEMS: usize = 1000;

/// How many values a list may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Any,
    AtLeastOne,
    OneOrTwo,
    Three,
}

impl Count {
    fn allows(self, count: usize) -> bool {
        count <= MAX_ITEMS
            && match self {
                Self::Any => true,
                Self::AtLeastOne => count >= 1,
                Self::OneOrTwo => count == 1 || count == 2,
                Self::Three => count == 3,
            }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Any => "at most 1000 ",
            Self::AtLeastOne => "one or more ",
            Self::OneOrTwo => "one or two ",
            Self::Three => "three ",
        }
    }
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Switch(bool),
    Integer(i64),
    Number(Number),
    Numbers(Vec<Number>),
    Text(String),
}

/// A number and whether it was written as a whole one, which PyRadiomics' column names show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Real(f64),
}

impl Number {
    pub fn value(self) -> f64 {
        match self {
            Self::Whole(integer) => integer as f64,
            Self::Real(number) => number,
        }
    }
}

/// SimpleITK's interpolators by number, from 1, and whether they are there.
pub(super) const INTERPOLATORS: [(&str, bool); 10] = [
    ("sitkNearestNeighbor", true),
    ("sitkLinear", true),
    ("sitkBSpline", true),
    ("sitkGaussian", false),
    ("sitkLabelGaussian", false),
    ("sitkHammingWindowedSinc", false),
    ("sitkCosineWindowedSinc", false),
    ("sitkWelchWindowedSinc", false),
    ("sitkLanczosWindowedSinc", false),
    ("sitkBlackmanWindowedSinc", false),
];

impl Kind {
    /// The values allowed, in words that follow "must be".
    pub fn words(self) -> String {
        match self {
            Self::Switch => "true or false".to_owned(),
            Self::Integer(range) => format!("a whole number{}", range.words()),
            Self::Number(range) => format!("a number{}", range.words()),
            Self::AnyNumber => "a number, `nan` or `inf`".to_owned(),
            Self::Integers(range, count) => {
                format!("a list of {}whole numbers{}", count.words(), range.words())
            }
            Self::Numbers(range, count) => {
                format!("a list of {}numbers{}", count.words(), range.words())
            }
            Self::OneOf(names) => one_of(names),
            Self::Wavelet => "the name of a discrete wavelet, such as `coif1`".to_owned(),
            Self::Interpolator => one_of(&supported_interpolators()),
            Self::NumberOr(range, word) => format!("a number{} or `{word}`", range.words()),
            Self::Text => "text".to_owned(),
        }
    }
}

fn one_of(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("one of {}", quoted.join(", "))
}

fn supported_interpolators() -> Vec<&'static str> {
    INTERPOLATORS
        .iter()
        .filter_map(|&(name, is_there)| is_there.then_some(name))
        .collect()
}

impl Key {
    /// The value of a node, `None` where it is not one that the key takes.
    pub fn read(&self, node: &Node, report: &mut Report<'_>) -> Option<Value> {
        if node.is_null() {
            return Some(Value::Null);
        }
        let scalar = node.scalar();
        let value = match (self.kind, scalar) {
            (Kind::Switch, Some(Scalar::Bool(switch))) => Some(Value::Switch(switch)),
            (Kind::Integer(range), _) => integer(scalar, range).map(Value::Integer),
            (Kind::Number(range), _) => number(scalar, range).map(Value::Number),
            (Kind::AnyNumber, _) => any_number(scalar).map(Value::Number),
            (Kind::NumberOr(range, word), _) => match scalar {
                Some(Scalar::Text(text)) if text == word => Some(Value::Text(text.to_owned())),
                _ => number(scalar, range).map(Value::Number),
            },
            (Kind::OneOf(names), Some(Scalar::Text(text))) => {
                names.contains(&text).then(|| Value::Text(text.to_owned()))
            }
            (Kind::Wavelet, Some(Scalar::Text(text))) => {
                let names = wavelet_names();
                names
                    .iter()
                    .any(|name| name == text)
                    .then(|| Value::Text(text.to_owned()))
            }
            (Kind::Text, Some(Scalar::Text(text))) => Some(Value::Text(text.to_owned())),
            (Kind::Interpolator, _) => return self.interpolator(node, report),
            (Kind::Integers(..) | Kind::Numbers(..), _) => return self.list(node, report),
            _ => None,
        };
        if value.is_none() {
            self.refuse(node, report);
        }
        value
    }

    fn list(&self, node: &Node, report: &mut Report<'_>) -> Option<Value> {
        let Data::List(items) = &node.data else {
            self.refuse(node, report);
            return None;
        };
        let (count, each) = match self.kind {
            Kind::Integers(range, count) => (count, Kind::Integer(range)),
            Kind::Numbers(range, count) => (count, Kind::Number(range)),
            _ => return None,
        };
        let mut numbers = Vec::new();
        for item in items {
            let value = match each {
                Kind::Integer(range) => integer(item.scalar(), range).map(Number::Whole),
                Kind::Number(range) => number(item.scalar(), range),
                _ => None,
            };
            if value.is_none() {
                report.error(
                    item.spot,
                    format!(
                        "each value of `{}` must be {}, this is {}",
                        self.name,
                        each.words(),
                        item.what()
                    ),
                    unquote(item).unwrap_or_else(|| self.default_words()),
                );
            }
            numbers.extend(value);
        }
        if !count.allows(items.len()) {
            report.error(
                node.spot,
                format!(
                    "`{}` must be {}, this has {}",
                    self.name,
                    self.kind.words(),
                    items.len()
                ),
                self.default_words(),
            );
            return None;
        }
        (numbers.len() == items.len()).then_some(Value::Numbers(numbers))
    }

    fn interpolator(&self, node: &Node, report: &mut Report<'_>) -> Option<Value> {
        let found = match node.scalar() {
            Some(Scalar::Text(text)) => INTERPOLATORS.iter().find(|(name, _)| *name == text),
            Some(Scalar::Integer(number)) => usize::try_from(number - 1)
                .ok()
                .and_then(|index| INTERPOLATORS.get(index)),
            _ => None,
        };
        match found {
            Some(&(name, true)) => Some(Value::Text(name.to_owned())),
            Some(&(name, false)) => {
                report.error(
                    node.spot,
                    format!("`{name}` is an interpolator of SimpleITK that is not there"),
                    format!("use {}", one_of(&supported_interpolators())),
                );
                None
            }
            None => {
                self.refuse(node, report);
                None
            }
        }
    }

    fn refuse(&self, node: &Node, report: &mut Report<'_>) {
        report.error(
            node.spot,
            format!(
                "`{}` must be {}, this is {}",
                self.name,
                self.kind.words(),
                node.what()
            ),
            self.fix(node),
        );
    }

    /// What to write instead.
    fn fix(&self, node: &Node) -> String {
        let near = |names: &[&str], text: &str| match renalflow_findings::nearest(
            text,
            names.iter().copied(),
        ) {
            Some(near) => format!("did you mean `{near}`?"),
            None => self.default_words(),
        };
        match (self.kind, &node.data, node.scalar()) {
            (Kind::Switch, _, Some(Scalar::Text("yes" | "on" | "Yes" | "On" | "YES" | "ON"))) => {
                "write `true`".to_owned()
            }
            (Kind::Switch, _, Some(Scalar::Text("no" | "off" | "No" | "Off" | "NO" | "OFF"))) => {
                "write `false`".to_owned()
            }
            (Kind::OneOf(names), _, Some(Scalar::Text(text))) => near(names, text),
            (Kind::Interpolator, _, Some(Scalar::Text(text))) => {
                near(&supported_interpolators(), text)
            }
            (Kind::Wavelet, _, Some(Scalar::Text(text))) if is_continuous(text) => {
                "that is a continuous wavelet; the transform needs a discrete one".to_owned()
            }
            (Kind::Wavelet, _, Some(Scalar::Text(text))) => {
                let names = wavelet_names();
                did_you_mean(text, "wavelets", names.iter().map(String::as_str))
            }
            (Kind::Integers(..) | Kind::Numbers(..), Data::Scalar { text, .. }, Some(scalar))
                if !matches!(scalar, Scalar::Text(_)) =>
            {
                format!("write a list: {}", quoted(&format!("[{text}]")))
            }
            (Kind::Integer(_) | Kind::Number(_), ..) => {
                unquote(node).unwrap_or_else(|| self.default_words())
            }
            _ => self.default_words(),
        }
    }

    fn default_words(&self) -> String {
        match self.default {
            "" | "null" => "leave it out where it is not wanted".to_owned(),
            default => format!("the default is `{default}`"),
        }
    }
}

/// What to do with a number in quotes.
fn unquote(node: &Node) -> Option<String> {
    match &node.data {
        Data::Scalar {
            text,
            is_plain: false,
        } if text.parse::<f64>().is_ok() => Some("take the quotes away".to_owned()),
        _ => None,
    }
}

fn integer(scalar: Option<Scalar<'_>>, range: Range) -> Option<i64> {
    match scalar {
        Some(Scalar::Integer(integer)) if range.contains(integer as f64) => Some(integer),
        _ => None,
    }
}

fn number(scalar: Option<Scalar<'_>>, range: Range) -> Option<Number> {
    let number = match scalar {
        Some(Scalar::Integer(integer)) => Number::Whole(integer),
        Some(Scalar::Number(number)) => Number::Real(number),
        _ => return None,
    };
    range.contains(number.value()).then_some(number)
}

/// As Python's `float` of a text.
fn any_number(scalar: Option<Scalar<'_>>) -> Option<Number> {
    match scalar {
        Some(Scalar::Integer(integer)) => Some(Number::Whole(integer)),
        Some(Scalar::Number(number)) => Some(Number::Real(number)),
        Some(Scalar::Text(text)) => {
            let word = text.trim().to_ascii_lowercase();
            word.parse().ok().map(Number::Real)
        }
        _ => None,
    }
}

/// Families of wavelets that PyRadiomics' check lets pass and its transform refuses.
fn is_continuous(name: &str) -> bool {
    ["cgau", "cmor", "fbsp", "gaus", "mexh", "morl", "shan"]
        .iter()
        .any(|family| name.starts_with(family))
}
