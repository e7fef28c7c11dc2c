//! Values to messages and back.
//!
//! A volume travels as slabs of whole axial slices of at most [`SLAB_BYTES`], because every
//! path of the daemon carries those; a slice larger than that is cut inside. Within one slab
//! nothing is copied here in either direction: the array borrows the volume's memory when it
//! leaves, the volume reads the message's memory when it arrives.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, RecordBatch,
        StringArray, StructArray,
    },
    buffer::ScalarBuffer,
    datatypes::{DataType, Float32Type, Float64Type, Int16Type, UInt8Type, UInt16Type},
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
///
/// A slab of several is copied out as it arrives, so that the sender's shared memory is free
/// for the next; a value of one slab is read where it lies.
#[derive(Debug, Default)]
pub struct Assembler {
    value: Option<(Envelope, Gathered)>,
    received: usize,
}

/// The voxels, bytes or rows of the slabs so far.
#[derive(Debug)]
enum Gathered {
    I16(Voxels<i16>),
    U16(Voxels<u16>),
    F32(Voxels<f32>),
    F64(Voxels<f64>),
    U8(Voxels<u8>),
    Rows(Vec<RecordBatch>),
}

impl Assembler {
    /// Take the next slab; returns the value and its lineage once all are there.
    ///
    /// # Errors
    /// A slab out of turn, a payload of the wrong type, a grid that does not fit the voxels.
    pub fn push(&mut self, message: Message) -> Result<Option<(Value, Key)>, CodecError> {
        let (index, of) = message.envelope.slab;
        if index != self.received || of == 0 || of > MAX_SLABS {
            return Err(CodecError::Slab {
                case_id: message.envelope.case_id,
                found: index,
                of,
                expected: self.received,
            });
        }
        match &mut self.value {
            None => self.value = Some((message.envelope.clone(), Gathered::first(&message)?)),
            Some((_, gathered)) => gathered.append(&message)?,
        }
        self.received += 1;
        if self.received < of {
            return Ok(None);
        }
        self.received = 0;
        self.value
            .take()
            .map(|(envelope, gathered)| finish(envelope, gathered))
            .transpose()
    }
}

impl Gathered {
    fn first(message: &Message) -> Result<Self, CodecError> {
        let envelope = &message.envelope;
        let whole = match envelope.slab.1 {
            1 => None,
            // Room for all slabs at once; the grid says how much, for weights the count does.
            slabs => Some(
                envelope
                    .grid
                    .as_ref()
                    .map_or(slabs * SLAB_BYTES, Geometry::len),
            ),
        };
        let image = "int16, float32 or float64";
        match (envelope.kind, message.payload.data_type()) {
            (MessageKind::Value(Kind::Image), DataType::Int16) => {
                voxels::<Int16Type>(message, whole, image).map(Self::I16)
            }
            (MessageKind::Value(Kind::Image), DataType::Float32) => {
                voxels::<Float32Type>(message, whole, image).map(Self::F32)
            }
            (MessageKind::Value(Kind::Image), DataType::Float64) => {
                voxels::<Float64Type>(message, whole, image).map(Self::F64)
            }
            (MessageKind::Value(Kind::Image), _) => Err(payload_error(message, image)),
            (MessageKind::Value(Kind::Labels), _) => {
                voxels::<UInt16Type>(message, whole, "uint16").map(Self::U16)
            }
            (MessageKind::Value(Kind::Weights), _) => {
                voxels::<UInt8Type>(message, whole, "uint8").map(Self::U8)
            }
            (MessageKind::Value(Kind::Table), _) => Ok(Self::Rows(vec![rows(message)?])),
            _ => Err(payload_error(message, "a value")),
        }
    }

    fn append(&mut self, message: &Message) -> Result<(), CodecError> {
        match self {
            Self::I16(voxels) => append::<Int16Type>(voxels, message, "int16"),
            Self::U16(voxels) => append::<UInt16Type>(voxels, message, "uint16"),
            Self::F32(voxels) => append::<Float32Type>(voxels, message, "float32"),
            Self::F64(voxels) => append::<Float64Type>(voxels, message, "float64"),
            Self::U8(bytes) => append::<UInt8Type>(bytes, message, "uint8"),
            Self::Rows(batches) => rows(message).map(|batch| batches.push(batch)),
        }
    }
}

fn finish(envelope: Envelope, gathered: Gathered) -> Result<(Value, Key), CodecError> {
    let lineage = envelope.lineage.ok_or(EnvelopeError::Key {
        key: "lineage",
        expected: "text",
    })?;
    let grid = || {
        envelope.grid.clone().ok_or(EnvelopeError::Key {
            key: "shape_zyx",
            expected: "three counts",
        })
    };
    let value = match gathered {
        Gathered::I16(voxels) => Value::Image(Image::I16(Volume::new(grid()?, voxels)?)),
        Gathered::F32(voxels) => Value::Image(Image::F32(Volume::new(grid()?, voxels)?)),
        Gathered::F64(voxels) => Value::Image(Image::F64(Volume::new(grid()?, voxels)?)),
        Gathered::U16(voxels) => Value::Labels(LabelMap {
            volume: Volume::new(grid()?, voxels)?,
            names: envelope.label_names,
        }),
        Gathered::U8(safetensors) => Value::Weights(Weights {
            safetensors,
            card: envelope.card.unwrap_or_default(),
        }),
        Gathered::Rows(batches) => {
            let schema = batches[0].schema();
            Value::Table(Table::from_batch(arrow::compute::concat_batches(
                &schema, &batches,
            )?)?)
        }
    };
    Ok((value, lineage))
}

/// The voxels of a first slab: read in place if it is the only one, else copied into memory
/// for `whole` of them.
fn voxels<P: ArrowPrimitiveType>(
    message: &Message,
    whole: Option<usize>,
    expected: &'static str,
) -> Result<Voxels<P::Native>, CodecError> {
    let slab = primitive::<P>(message, expected)?;
    let Some(whole) = whole else {
        return Ok(Voxels::Shared(Arc::new(slab.values().clone())));
    };
    let mut voxels = Vec::with_capacity(whole.min(MAX_SLABS * SLAB_BYTES / size_of::<P::Native>()));
    voxels.extend_from_slice(slab.values());
    Ok(Voxels::Owned(voxels))
}

fn append<P: ArrowPrimitiveType>(
    voxels: &mut Voxels<P::Native>,
    message: &Message,
    expected: &'static str,
) -> Result<(), CodecError> {
    if let Voxels::Owned(voxels) = voxels {
        voxels.extend_from_slice(primitive::<P>(message, expected)?.values());
    }
    Ok(())
}

fn primitive<'a, P: ArrowPrimitiveType>(
    message: &'a Message,
    expected: &'static str,
) -> Result<&'a PrimitiveArray<P>, CodecError> {
    message
        .payload
        .as_any()
        .downcast_ref::<PrimitiveArray<P>>()
        .filter(|array| array.null_count() == 0)
        .ok_or_else(|| payload_error(message, expected))
}

fn rows(message: &Message) -> Result<RecordBatch, CodecError> {
    Ok(RecordBatch::from(struct_array(message)?.clone()))
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
