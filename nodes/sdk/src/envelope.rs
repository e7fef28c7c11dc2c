//! The metadata of a message: what it is part of, and where it stands in the stream.
//!
//! | key | type | on | meaning |
//! |---|---|---|---|
//! | `renalflow` | integer | all | version of this protocol |
//! | `kind` | string | all | `image`, `labels`, `table`, `weights`, `failure`, `ack`, `begin`, `end` |
//! | `case_id` | string | all but marks | the case |
//! | `seq` | integer | all | position in the output's stream, from 0 without a gap |
//! | `lineage` | string | values | what it was computed from |
//! | `slab`, `slabs` | integer | values | this part, number of parts |
//! | `shape_zyx` | 3 integers | volumes | grid of the whole volume |
//! | `spacing_zyx_mm`, `origin_xyz_mm`, `direction` | 3, 3, 9 floats | volumes | LPS grid; direction row-major |
//! | `label_names` | JSON string | labels | `{"1": "kidney"}` |
//! | `card` | JSON string | weights | what the weights fit |

use std::collections::BTreeMap;

use dora_node_api::{MetadataParameters, Parameter};
use renalflow_imaging::{Geometry, LabelNames};
use thiserror::Error;

use crate::{lineage::Key, value::Kind};

/// Version of the protocol; a node that speaks another refuses the message.
pub const PROTOCOL: i64 = 1;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Part of a value.
    Value(Kind),
    /// A failure in place of a value.
    Failure,
    /// Acknowledgement of a case.
    Ack,
    /// First message of a stream: the names of all cases that will follow.
    Begin,
    /// Last message of a stream.
    End,
}

impl MessageKind {
    fn name(self) -> &'static str {
        match self {
            Self::Value(kind) => kind.name(),
            Self::Failure => "failure",
            Self::Ack => "ack",
            Self::Begin => "begin",
            Self::End => "end",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "image" => Self::Value(Kind::Image),
            "labels" => Self::Value(Kind::Labels),
            "table" => Self::Value(Kind::Table),
            "weights" => Self::Value(Kind::Weights),
            "failure" => Self::Failure,
            "ack" => Self::Ack,
            "begin" => Self::Begin,
            "end" => Self::End,
            _ => return None,
        })
    }
}

/// The metadata of one message, typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// What the message is.
    pub kind: MessageKind,
    /// The case; empty on marks.
    pub case_id: String,
    /// Position in the output's stream, set by the sender when it sends.
    pub seq: u64,
    /// What the value was computed from.
    pub lineage: Option<Key>,
    /// Index of this slab and number of slabs.
    pub slab: (usize, usize),
    /// Grid of the whole volume.
    pub grid: Option<Geometry>,
    /// Names of labels.
    pub label_names: LabelNames,
    /// Card of weights.
    pub card: Option<serde_json::Value>,
}

/// Why metadata cannot be read.
#[derive(Debug, Error)]
pub enum EnvelopeError {
    /// A key that every such message has is absent or of another type.
    #[error(
        "message metadata `{key}` is missing or not {expected}; the sender does not speak renalflow's protocol {PROTOCOL}"
    )]
    Key {
        /// The key.
        key: &'static str,
        /// Its type.
        expected: &'static str,
    },
    /// Another version of the protocol.
    #[error(
        "message speaks renalflow protocol {0}, this node speaks {PROTOCOL}; build both from one version"
    )]
    Protocol(i64),
    /// A kind that this version does not know.
    #[error("message kind `{0}` is not known; build sender and receiver from one version")]
    Kind(String),
}

impl Envelope {
    /// A message without a value.
    #[must_use]
    pub fn mark(kind: MessageKind, case_id: &str) -> Self {
        Self {
            kind,
            case_id: case_id.to_owned(),
            seq: 0,
            lineage: None,
            slab: (0, 1),
            grid: None,
            label_names: BTreeMap::new(),
            card: None,
        }
    }

    /// As dora metadata.
    #[must_use]
    pub fn to_parameters(&self) -> MetadataParameters {
        let mut parameters = MetadataParameters::default();
        let mut put = |key: &str, value| {
            parameters.insert(key.to_owned(), value);
        };
        let text = |text: &str| Parameter::String(text.to_owned());
        let integer = |n: usize| Parameter::Integer(n as i64);
        put("renalflow", Parameter::Integer(PROTOCOL));
        put("kind", text(self.kind.name()));
        put("case_id", text(&self.case_id));
        put("seq", Parameter::Integer(self.seq as i64));
        put("slab", integer(self.slab.0));
        put("slabs", integer(self.slab.1));
        if let Some(key) = &self.lineage {
            put("lineage", text(key.as_str()));
        }
        if let Some(grid) = &self.grid {
            put(
                "shape_zyx",
                Parameter::ListInt(grid.shape_zyx.map(|n| n as i64).to_vec()),
            );
            put(
                "spacing_zyx_mm",
                Parameter::ListFloat(grid.spacing_zyx_mm.to_vec()),
            );
            put(
                "origin_xyz_mm",
                Parameter::ListFloat(grid.origin_xyz_mm.to_vec()),
            );
            put(
                "direction",
                Parameter::ListFloat(grid.direction.as_flattened().to_vec()),
            );
        }
        if !self.label_names.is_empty() {
            // Integer keys and strings always serialise.
            put(
                "label_names",
                Parameter::String(serde_json::to_string(&self.label_names).unwrap_or_default()),
            );
        }
        if let Some(card) = &self.card {
            put("card", Parameter::String(card.to_string()));
        }
        parameters
    }

    /// From dora metadata.
    ///
    /// # Errors
    /// A missing or ill-typed key, another protocol version, an unknown kind.
    pub fn from_parameters(parameters: &MetadataParameters) -> Result<Self, EnvelopeError> {
        let integer = |key| match parameters.get(key) {
            Some(Parameter::Integer(n)) => Ok(*n),
            _ => Err(EnvelopeError::Key {
                key,
                expected: "an integer",
            }),
        };
        let count = |key| {
            usize::try_from(integer(key)?).map_err(|_| EnvelopeError::Key {
                key,
                expected: "a count",
            })
        };
        let text = |key| match parameters.get(key) {
            Some(Parameter::String(text)) => Ok(text.as_str()),
            _ => Err(EnvelopeError::Key {
                key,
                expected: "text",
            }),
        };
        let json = |key| match parameters.get(key) {
            None => Ok(None),
            Some(Parameter::String(text)) => serde_json::from_str::<serde_json::Value>(text)
                .map(Some)
                .map_err(|_| EnvelopeError::Key {
                    key,
                    expected: "JSON",
                }),
            Some(_) => Err(EnvelopeError::Key {
                key,
                expected: "JSON text",
            }),
        };
        let protocol = integer("renalflow")?;
        if protocol != PROTOCOL {
            return Err(EnvelopeError::Protocol(protocol));
        }
        let kind = text("kind")?;
        let kind =
            MessageKind::from_name(kind).ok_or_else(|| EnvelopeError::Kind(kind.to_owned()))?;
        let label_names = match json("label_names")? {
            None => BTreeMap::new(),
            Some(names) => serde_json::from_value(names).map_err(|_| EnvelopeError::Key {
                key: "label_names",
                expected: "a map of label to name",
            })?,
        };
        Ok(Self {
            kind,
            case_id: text("case_id").unwrap_or_default().to_owned(),
            seq: count("seq")? as u64,
            lineage: text("lineage").ok().map(Key::from_text),
            slab: (count("slab")?, count("slabs")?),
            grid: if parameters.contains_key("shape_zyx") {
                Some(grid(parameters)?)
            } else {
                None
            },
            label_names,
            card: json("card")?,
        })
    }
}

fn grid(parameters: &MetadataParameters) -> Result<Geometry, EnvelopeError> {
    let floats = |key| match parameters.get(key) {
        Some(Parameter::ListFloat(values)) => Ok(values.as_slice()),
        _ => Err(EnvelopeError::Key {
            key,
            expected: "a list of floats",
        }),
    };
    let three = |key| {
        <[f64; 3]>::try_from(floats(key)?).map_err(|_| EnvelopeError::Key {
            key,
            expected: "three floats",
        })
    };
    let shape = match parameters.get("shape_zyx") {
        Some(Parameter::ListInt(shape)) => shape.iter().map(|&n| usize::try_from(n).ok()).collect(),
        _ => None,
    };
    let shape_zyx = shape
        .and_then(|shape: Vec<usize>| <[usize; 3]>::try_from(shape).ok())
        .ok_or(EnvelopeError::Key {
            key: "shape_zyx",
            expected: "three counts",
        })?;
    let direction = floats("direction")?;
    let direction = <[f64; 9]>::try_from(direction).map_err(|_| EnvelopeError::Key {
        key: "direction",
        expected: "nine floats",
    })?;
    Ok(Geometry {
        shape_zyx,
        spacing_zyx_mm: three("spacing_zyx_mm")?,
        origin_xyz_mm: three("origin_xyz_mm")?,
        direction: std::array::from_fn(|row| {
            std::array::from_fn(|column| direction[3 * row + column])
        }),
    })
}
