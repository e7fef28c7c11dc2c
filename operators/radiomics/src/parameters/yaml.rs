//! A text in YAML or JSON as a tree with positions.
//!
//! The text comes from anywhere, so its size, its depth and what it refers to are bounded:
//! aliases share what they name instead of copying it, and nothing here calls itself.

use std::{collections::HashMap, rc::Rc};

use renalflow_findings::Spot;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::report::{Report, quoted};

/// Longest text that is read.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Deepest nesting that is read; a parameter file needs four.
const MAX_DEPTH: usize = 32;

/// Most entries that `<<` may bring in.
const MAX_MERGED: usize = 10_000;

/// A piece of the text.
#[derive(Debug)]
pub(super) struct Node {
    pub spot: Spot,
    pub data: Data,
}

#[derive(Debug)]
pub(super) enum Data {
    /// The text without quotes, and whether it stood without them.
    Scalar { text: String, is_plain: bool },
    /// `[a, b]`
    List(Vec<Rc<Node>>),
    /// `{a: b}`
    Map(Vec<Pair>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub name: Rc<str>,
    pub spot: Spot,
    pub value: Rc<Node>,
}

/// What a scalar means by YAML 1.2's core schema, with underscores between digits as in Python.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(&'a str),
}

impl Node {
    /// The scalar that this is, `None` for lists and maps.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.data {
            Data::Scalar { text, is_plain } => Some(if *is_plain {
                plain(text)
            } else {
                Scalar::Text(text)
            }),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    /// What this is, in words.
    pub fn what(&self) -> String {
        match (&self.data, self.scalar()) {
            (Data::Map(_), _) => "a map".to_owned(),
            (Data::List(items), _) if items.is_empty() => "an empty list".to_owned(),
            (Data::List(_), _) => "a list".to_owned(),
            (_, Some(Scalar::Null) | None) => "nothing".to_owned(),
            (Data::Scalar { text, .. }, Some(Scalar::Text(_))) => {
                format!("the text {}", quoted(text))
            }
            (Data::Scalar { text, .. }, _) => quoted(text),
        }
    }
}

fn plain(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Number(f64::NAN),
        _ => {}
    }
    let (sign, digits) = match text.as_bytes()[0] {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if let ".inf" | ".Inf" | ".INF" = digits {
        return Scalar::Number(f64::from(sign) * f64::INFINITY);
    }
    // So that neither `infinity` nor a second sign passes below.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || digits.len() > 400 {
        return Scalar::Text(text);
    }
    let digits = digits.replace('_', "");
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, radix)));
    let (whole, radix) = radix.unwrap_or((&digits, 10));
    let is_whole = !whole.is_empty() && whole.chars().all(|c| c.is_digit(radix));
    if is_whole && let Ok(integer) = i64::from_str_radix(whole, radix) {
        return Scalar::Integer(i64::from(sign) * integer);
    }
    match digits.parse::<f64>() {
        Ok(number) if radix == 10 => Scalar::Number(f64::from(sign) * number),
        _ => Scalar::Text(text),
    }
}

/// The tree of a text, `None` where it has none; why is in the report.
pub(super) fn parse(text: &str, report: &mut Report<'_>) -> Option<Rc<Node>> {
    // The parser takes NUL for the end of the text.
    if let Some(at) = text.find('\0') {
        let before = text[..at].rsplit('\n').next().unwrap_or_default();
        let spot = Spot {
            line: text[..at].matches('\n').count() + 1,
            column: before.chars().count() + 1,
            width: 1,
        };
        report.error(
            spot,
            "the text has a NUL character",
            "save the file as UTF-8 text",
        );
        return None;
    }
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                refuse_syntax(*error.marker(), error.info(), report);
                return None;
            }
        };
        builder.take(event, span, report)?;
    }
    builder.root
}

fn refuse_syntax(at: Marker, info: &str, report: &mut Report<'_>) {
    let line = report.source.line(at.line());
    let indent = &line[..line.len() - line.trim_start().len()];
    if info.contains("recursion") {
        return refuse_depth(spot_of(at), report);
    }
    let fix = if indent.contains('\t') {
        "YAML is indented with spaces: put them instead of the tab"
    } else {
        "look for a missing colon, quote or bracket, or for an indent unlike its neighbours'"
    };
    report.error(spot_of(at), format!("this is not YAML: {info}"), fix);
}

fn refuse_depth(spot: Spot, report: &mut Report<'_>) {
    report.error(
        spot,
        format!("this nests deeper than {MAX_DEPTH} levels"),
        "no parameter needs more than four; look for a bracket too many",
    );
}

/// A list or map that is not complete yet.
#[derive(Debug)]
struct Open {
    spot: Spot,
    anchor: usize,
    kind: OpenKind,
}

#[derive(Debug)]
enum OpenKind {
    List(Vec<Rc<Node>>),
    Map {
        pairs: Vec<Pair>,
        merged: Vec<Pair>,
        places: HashMap<Rc<str>, usize>,
        key: Option<Key>,
    },
}

#[derive(Debug)]
enum Key {
    Name(Rc<str>, Spot),
    Merge,
    /// Was complained about; its value is passed over.
    Bad,
}

#[derive(Debug, Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    merged: usize,
    root: Option<Rc<Node>>,
    documents: usize,
}

impl Builder {
    /// Take an event in; `None` where it makes no sense to go on.
    fn take(&mut self, event: Event<'_>, span: Span, report: &mut Report<'_>) -> Option<()> {
        let spot = spot(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    report.error(
                        spot,
                        "a second document starts here",
                        "keep one set of parameters a file, without `---` below the first",
                    );
                    return None;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.is_some(), spot, report);
                let data = Data::Scalar {
                    text: text.into_owned(),
                    is_plain: style == ScalarStyle::Plain,
                };
                self.put(Node { spot, data }, anchor, report)?;
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.is_some(), spot, report);
                self.start(spot, anchor, OpenKind::List(Vec::new()), report)?;
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.is_some(), spot, report);
                let kind = OpenKind::Map {
                    pairs: Vec::new(),
                    merged: Vec::new(),
                    places: HashMap::new(),
                    key: None,
                };
                self.start(spot, anchor, kind, report)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { spot, anchor, kind } = self.open.pop()?;
                let data = match kind {
                    OpenKind::List(items) => Data::List(items),
                    OpenKind::Map {
                        pairs,
                        merged,
                        places,
                        ..
                    } => {
                        let mut all: Vec<Pair> = Vec::new();
                        let mut names: HashMap<Rc<str>, ()> = HashMap::new();
                        for pair in merged {
                            let is_new = names.insert(Rc::clone(&pair.name), ()).is_none();
                            if is_new && !places.contains_key(&pair.name) {
                                all.push(pair);
                            }
                        }
                        all.extend(pairs);
                        Data::Map(all)
                    }
                };
                self.put(Node { spot, data }, anchor, report)?;
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let node = Rc::clone(node);
                    self.put_shared(node, report)?;
                }
                None => {
                    report.error(
                        spot,
                        "this refers to a piece that it is part of",
                        "write the value instead of `*`",
                    );
                    return None;
                }
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn start(
        &mut self,
        spot: Spot,
        anchor: usize,
        kind: OpenKind,
        report: &mut Report<'_>,
    ) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            refuse_depth(spot, report);
            return None;
        }
        self.open.push(Open { spot, anchor, kind });
        Some(())
    }

    fn put(&mut self, node: Node, anchor: usize, report: &mut Report<'_>) -> Option<()> {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.put_shared(node, report)
    }

    fn put_shared(&mut self, node: Rc<Node>, report: &mut Report<'_>) -> Option<()> {
        let Some(Open { kind, .. }) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map {
                pairs,
                merged,
                places,
                key,
            } => match key.take() {
                None => *key = Some(read_key(&node, pairs, places, report)),
                Some(Key::Bad) => {}
                Some(Key::Merge) => {
                    let brought = merge(&node, report);
                    self.merged += brought.len();
                    if self.merged > MAX_MERGED {
                        report.error(
                            node.spot,
                            format!("`<<` brings in more than {MAX_MERGED} entries"),
                            "write the values instead",
                        );
                        return None;
                    }
                    merged.extend(brought);
                }
                Some(Key::Name(name, spot)) => {
                    places.insert(Rc::clone(&name), pairs.len());
                    pairs.push(Pair {
                        name,
                        spot,
                        value: node,
                    });
                }
            },
        }
        Some(())
    }
}

fn read_key(
    node: &Node,
    pairs: &[Pair],
    places: &HashMap<Rc<str>, usize>,
    report: &mut Report<'_>,
) -> Key {
    let Data::Scalar { text, is_plain } = &node.data else {
        report.error(
            node.spot,
            format!("a key must be text, this is {}", node.what()),
            "write `key: value`",
        );
        return Key::Bad;
    };
    if *is_plain && text == "<<" {
        return Key::Merge;
    }
    if let Some(first) = places
        .get(text.as_str())
        .and_then(|&place| pairs.get(place))
    {
        report.error(
            node.spot,
            format!("{} is here a second time", quoted(text)),
            format!("keep this one or that of line {}", first.spot.line),
        );
        return Key::Bad;
    }
    Key::Name(text.as_str().into(), node.spot)
}

/// The entries that `<<` brings in: of a map, or of several, the first having precedence.
fn merge(node: &Rc<Node>, report: &mut Report<'_>) -> Vec<Pair> {
    let maps = match &node.data {
        Data::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut pairs = Vec::new();
    for map in maps {
        match &map.data {
            Data::Map(of_map) => pairs.extend(of_map.iter().take(MAX_MERGED + 1).cloned()),
            _ => report.error(
                map.spot,
                format!("`<<` must name a map, this is {}", map.what()),
                "write `<<: *name` with the anchor of a map",
            ),
        }
        if pairs.len() > MAX_MERGED {
            break;
        }
    }
    pairs
}

fn refuse_tag(is_tagged: bool, spot: Spot, report: &mut Report<'_>) {
    if is_tagged {
        report.error(
            spot,
            "this has a tag, which no parameter needs",
            "remove the word that begins with `!`",
        );
    }
}

fn spot_of(mark: Marker) -> Spot {
    Spot {
        line: mark.line().max(1),
        column: mark.col() + 1,
        width: 1,
    }
}

/// Where a piece starts, as wide as it is on that line.
fn spot(span: Span) -> Spot {
    let width = if span.end.line() == span.start.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        1
    };
    Spot {
        width: width.max(1),
        ..spot_of(span.start)
    }
}
