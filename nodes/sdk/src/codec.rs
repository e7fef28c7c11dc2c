//! Values to messages and back.
//!
//! A volume travels as slabs of whole axial slices of at most [`SLAB_BYTES`], because every
//! path of the daemon carries those; a slice larger than that is cut inside. Within one slab
//! nothing is copied here in either direction: the array borrows the volume's memory when it
//! leaves, the volume reads the message's memory when it arrives.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, StringArray, StructArray,
    },
    buffer::ScalarBuffer,
    datatypes::{Float32Type, Float64Type, Int16Type, UInt8Type, UInt16Type},
    error::ArrowError,
};
use renalflow_imaging::{Geometry, GeometryError, Image, LabelMap, Volume, Voxels};
use thiserror::Error;

use crate::{
    envelope::{Envelope, EnvelopeError, MessageKind},
    lineage::Key,
    table::Table,
    value::{Failure, Kind, Value, Weights},
};

/// The most bytes that one message carries.
pub const SLAB_BYTES: usize = 32 << 20;

/// The most slabs that one value may have: 64 of them are 2 GiB. Queues are sized for it.
pub const MAX_SLABS: usize = 64;

/// A message: metadata and an Arrow array.
#[derive(Debug, Clone)]
pub struct Message {
    /// Typed metadata.
    pub envelope: Envelope,
    /// Payload.
    pub payload: ArrayRef,
}

/// Why messages do not make a value.
#[derive(Debug, Error)]
pub enum CodecError {
    /// Metadata that cannot be read.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A grid that cannot be computed with.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// A table with a column type that tables do not have.
    #[error(transparent)]
    Table(#[from] ArrowError),
    /// A payload of another type than the metadata says.
    #[error("{case_id}: a {kind} message carries {found} values; expected {expected}")]
    Payload {
        /// The case.
        case_id: String,
        /// Kind in the metadata.
        kind: String,
        /// Type in the payload.
        found: String,
        /// Types that the kind allows.
        expected: &'static str,
    },
    /// A slab out of turn, or slabs that do not add up to the volume.
    #[error(
        "{case_id}: slab {found} of {of} arrived where slab {expected} was due; a message was lost on the way"
    )]
    Slab {
        /// The case.
        case_id: String,
        /// Index that came.
        found: usize,
        /// Number of slabs.
        of: usize,
        /// Index that was due.
        expected: usize,
    },
    /// A value too large for the protocol.
    #[error(
        "{case_id}: {bytes} bytes are more than the {limit} that one value may have; crop or resample it first"
    )]
    TooLarge {
        /// The case.
        case_id: String,
        /// Bytes of the value.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// The messages that carry a value.
///
/// # Errors
/// A value of more than [`MAX_SLABS`] slabs.
pub fn encode(case_id: &str, value: Value, lineage: &Key) -> Result<Vec<Message>, CodecError> {
    let mut envelope = Envelope::mark(MessageKind::Value(value.kind()), case_id);
    envelope.lineage = Some(lineage.clone());
    match value {
        Value::Image(Image::I16(volume)) => volume_messages::<Int16Type>(envelope, volume),
        Value::Image(Image::F32(volume)) => volume_messages::<Float32Type>(envelope, volume),
        Value::Image(Image::F64(volume)) => volume_messages::<Float64Type>(envelope, volume),
        Value::Labels(LabelMap { volume, names }) => {
            envelope.label_names = names;
            volume_messages::<UInt16Type>(envelope, volume)
        }
        Value::Weights(Weights { safetensors, card }) => {
            envelope.card = Some(card);
            let parts = split(safetensors.len(), SLAB_BYTES);
            slabs::<UInt8Type>(&envelope, safetensors, &parts)
        }
        Value::Table(table) => {
            let array = table.to_struct_array();
            let row_bytes = (array.get_array_memory_size() / table.len().max(1)).max(1);
            let parts = split(table.len(), (SLAB_BYTES / row_bytes).max(1));
            let array: ArrayRef = Arc::new(array);
            number(
                &envelope,
                parts
                    .into_iter()
                    .map(|rows| array.slice(rows.start, rows.len()))
                    .collect(),
            )
        }
    }
}

/// The message that stands in for a value that could not be computed.
#[must_use]
pub fn encode_failure(failure: &Failure) -> Message {
    let field = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text.to_owned()])) };
    let payload = StructArray::try_from(vec![
        ("case_id", field(&failure.case_id)),
        ("node", field(&failure.node)),
        ("cause", field(&failure.cause)),
        ("fix", field(&failure.fix)),
    ])
    .expect("four columns of one row each make a struct array");
    Message {
        envelope: Envelope::mark(MessageKind::Failure, &failure.case_id),
        payload: Arc::new(payload),
    }
}

/// A mark without a value: an acknowledgement or the end.
#[must_use]
pub fn encode_mark(kind: MessageKind, case_id: &str) -> Message {
    Message {
        envelope: Envelope::mark(kind, case_id),
        payload: Arc::new(BooleanArray::from(vec![true])),
    }
}

/// The mark that opens a stream and names its cases.
#[must_use]
pub fn encode_begin(cases: &[String]) -> Message {
    Message {
        envelope: Envelope::mark(MessageKind::Begin, ""),
        payload: Arc::new(StringArray::from(cases.to_vec())),
    }
}

/// The cases that an opening mark names.
///
/// # Errors
/// A payload that is not text.
pub fn decode_begin(message: &Message) -> Result<Vec<String>, CodecError> {
    let array = message
        .payload
        .as_any()
        .downcast_ref::<StringArray>()
        .ok_or_else(|| payload_error(message, "utf8"))?;
    Ok(array.iter().flatten().map(str::to_owned).collect())
}

/// The failure that a message carries.
///
/// # Errors
/// A payload without the four text columns.
pub fn decode_failure(message: &Message) -> Result<Failure, CodecError> {
    let table = struct_array(message).and_then(|array| Ok(Table::from_struct_array(array)?))?;
    let text = |name: &str| {
        table
            .texts(name)
            .and_then(|column| column.into_iter().next().flatten())
            .ok_or_else(|| payload_error(message, "a struct of case_id, node, cause and fix"))
    };
    Ok(Failure {
        case_id: text("case_id")?,
        node: text("node")?,
        cause: text("cause")?,
        fix: text("fix")?,
    })
}

/// Collects the slabs of one value.
#[derive(Debug, Default)]
pub struct Assembler {
    slabs: Vec<Message>,
}

impl Assembler {
    /// Take the next slab; returns the value and its lineage once all are there.
    ///
    /// # Errors
    /// A slab out of turn, a payload of the wrong type, a grid that does not fit the voxels.
    pub fn push(&mut self, message: Message) -> Result<Option<(Value, Key)>, CodecError> {
        let (index, of) = message.envelope.slab;
        if index != self.slabs.len() || of == 0 || of > MAX_SLABS {
            return Err(CodecError::Slab {
                case_id: message.envelope.case_id,
                found: index,
                of,
                expected: self.slabs.len(),
            });
        }
        self.slabs.push(message);
        if self.slabs.len() < of {
            return Ok(None);
        }
        let slabs = std::mem::take(&mut self.slabs);
        let first = &slabs[0];
        let lineage = first.envelope.lineage.clone().ok_or(EnvelopeError::Key {
            key: "lineage",
            expected: "text",
        })?;
        let value = match first.envelope.kind {
            MessageKind::Value(Kind::Image) => Value::Image(image(&slabs)?),
            MessageKind::Value(Kind::Labels) => Value::Labels(LabelMap {
                names: first.envelope.label_names.clone(),
                volume: volume::<UInt16Type>(&slabs, "uint16")?,
            }),
            MessageKind::Value(Kind::Weights) => Value::Weights(Weights {
                card: first.envelope.card.clone().unwrap_or_default(),
                safetensors: voxels::<UInt8Type>(&slabs, "uint8")?,
            }),
            MessageKind::Value(Kind::Table) => {
                let parts = slabs
                    .iter()
                    .map(struct_array)
                    .collect::<Result<Vec<_>, _>>()?;
                let batches: Vec<_> = parts
                    .into_iter()
                    .map(|part| arrow::array::RecordBatch::from(part.clone()))
                    .collect();
                let batch = match batches.as_slice() {
                    [one] => one.clone(),
                    many => arrow::compute::concat_batches(&many[0].schema(), many)?,
                };
                Value::Table(Table::from_batch(batch)?)
            }
            _ => return Err(payload_error(first, "a value")),
        };
        Ok(Some((value, lineage)))
    }
}

fn image(slabs: &[Message]) -> Result<Image, CodecError> {
    let expected = "int16, float32 or float64";
    match slabs[0].payload.data_type() {
        arrow::datatypes::DataType::Int16 => volume::<Int16Type>(slabs, expected).map(Image::I16),
        arrow::datatypes::DataType::Float32 => {
            volume::<Float32Type>(slabs, expected).map(Image::F32)
        }
        arrow::datatypes::DataType::Float64 => {
            volume::<Float64Type>(slabs, expected).map(Image::F64)
        }
        _ => Err(payload_error(&slabs[0], expected)),
    }
}

fn volume<P: ArrowPrimitiveType>(
    slabs: &[Message],
    expected: &'static str,
) -> Result<Volume<P::Native>, CodecError> {
    let grid = slabs[0].envelope.grid.clone().ok_or(EnvelopeError::Key {
        key: "shape_zyx",
        expected: "three counts",
    })?;
    Ok(Volume::new(grid, voxels::<P>(slabs, expected)?)?)
}

fn voxels<P: ArrowPrimitiveType>(
    slabs: &[Message],
    expected: &'static str,
) -> Result<Voxels<P::Native>, CodecError> {
    let parts = slabs
        .iter()
        .map(|slab| {
            slab.payload
                .as_any()
                .downcast_ref::<PrimitiveArray<P>>()
                .filter(|array| array.null_count() == 0)
                .ok_or_else(|| payload_error(slab, expected))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if let [one] = parts.as_slice() {
        return Ok(Voxels::Shared(Arc::new(one.values().clone())));
    }
    let mut voxels = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        voxels.extend_from_slice(part.values());
    }
    Ok(Voxels::Owned(voxels))
}

fn volume_messages<P: ArrowPrimitiveType>(
    mut envelope: Envelope,
    volume: Volume<P::Native>,
) -> Result<Vec<Message>, CodecError> {
    let (grid, voxels) = volume.into_parts();
    let parts = slab_ranges(&grid, size_of::<P::Native>());
    envelope.grid = Some(grid);
    slabs::<P>(&envelope, voxels, &parts)
}

/// Whole axial slices where one fits, parts of a slice where it does not.
fn slab_ranges(grid: &Geometry, voxel_bytes: usize) -> Vec<Range<usize>> {
    let slice = grid.shape_zyx[1] * grid.shape_zyx[2];
    let slab = SLAB_BYTES / voxel_bytes;
    split(
        grid.len(),
        if slice <= slab {
            slab / slice * slice
        } else {
            slab
        },
    )
}

/// `0..len` in consecutive ranges of `step`; one empty range for nothing.
fn split(len: usize, step: usize) -> Vec<Range<usize>> {
    (0..len.max(1))
        .step_by(step)
        .map(|start| start..(start + step).min(len))
        .collect()
}

fn slabs<P: ArrowPrimitiveType>(
    envelope: &Envelope,
    voxels: Voxels<P::Native>,
    parts: &[Range<usize>],
) -> Result<Vec<Message>, CodecError> {
    if parts.len() > MAX_SLABS {
        return Err(CodecError::TooLarge {
            case_id: envelope.case_id.clone(),
            bytes: voxels.len() * size_of::<P::Native>(),
            limit: MAX_SLABS * SLAB_BYTES,
        });
    }
    let buffer: ScalarBuffer<P::Native> = voxels.into_vec().into();
    let arrays = parts
        .iter()
        .map(|part| -> ArrayRef {
            Arc::new(PrimitiveArray::<P>::new(
                buffer.slice(part.start, part.len()),
                None,
            ))
        })
        .collect();
    number(envelope, arrays)
}

fn number(envelope: &Envelope, payloads: Vec<ArrayRef>) -> Result<Vec<Message>, CodecError> {
    let of = payloads.len();
    if of > MAX_SLABS {
        return Err(CodecError::TooLarge {
            case_id: envelope.case_id.clone(),
            bytes: of * SLAB_BYTES,
            limit: MAX_SLABS * SLAB_BYTES,
        });
    }
    Ok(payloads
        .into_iter()
        .enumerate()
        .map(|(index, payload)| Message {
            envelope: Envelope {
                slab: (index, of),
                ..envelope.clone()
            },
            payload,
        })
        .collect())
}

fn struct_array(message: &Message) -> Result<&StructArray, CodecError> {
    message
        .payload
        .as_any()
        .downcast_ref()
        .ok_or_else(|| payload_error(message, "a struct array"))
}

fn payload_error(message: &Message, expected: &'static str) -> CodecError {
    CodecError::Payload {
        case_id: message.envelope.case_id.clone(),
        kind: format!("{:?}", message.envelope.kind),
        found: message.payload.data_type().to_string(),
        expected,
    }
}
