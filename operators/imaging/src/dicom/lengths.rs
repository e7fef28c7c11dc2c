//! Lengths that a DICOM file promises and cannot keep.
//!
//! An element says how many bytes its value has, up to 4 GiB, and the parser takes that memory
//! before it reads them. A file of a few hundred bytes must not cost gigabytes, so the headers
//! of the elements are walked first, without their values.

use std::{
    fs::File,
    io::{BufReader, Cursor, Read, Seek, SeekFrom},
    path::Path,
};

use dicom_core::{Tag, VR, header::Header};
use dicom_dictionary_std::tags;
use dicom_encoding::{
    Codec, TransferSyntaxIndex,
    decode::{Decode, file_header_decoder},
};
use dicom_parser::{
    dataset::{LazyDataToken, lazy_read::LazyDataSetReader},
    stateful::decode::StatefulDecode,
};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use crate::io::{
    ReadError,
    source::{DEFLATE_RATIO, io_error},
};

/// Refuse a file of which an element, up to `until`, is longer than what is left of the file, or
/// has a length that would lead the parser astray, or of which the sequences cannot be walked.
///
/// Whatever else is wrong is left to the parser, which says so better.
pub(super) fn check(path: &Path, until: Option<Tag>) -> Result<(), ReadError> {
    let file = File::open(path).map_err(|error| io_error(path, error))?;
    let length = file
        .metadata()
        .map_err(|error| io_error(path, error))?
        .len();
    match longest_promise(BufReader::new(file), length, until) {
        Some(broken) => Err(ReadError::Dicom {
            path: path.to_owned(),
            cause: match broken {
                Promise::Long {
                    tag,
                    bytes,
                    available_bytes,
                } => format!("{tag} promises {bytes} bytes where {available_bytes} are left"),
                Promise::Odd { tag, bytes, unit } => {
                    format!("{tag} has {bytes} bytes, no multiple of the {unit} of a value")
                }
                Promise::Stray => "an item or a sequence ends where none began".to_owned(),
                Promise::Deep => {
                    format!("more than {MOST_SEQUENCES} sequences stand within each other")
                }
            },
            fix: "copy or export it again, or move it out of the folder",
        }),
        None => Ok(()),
    }
}

/// Sequences within sequences: the parser calls itself for each, and its stack has an end.
const MOST_SEQUENCES: usize = 64;

/// A length, or an end, that cannot be right.
enum Promise {
    /// A value longer than what is left.
    Long {
        tag: Tag,
        bytes: u64,
        available_bytes: u64,
    },
    /// Numbers whose last one is cut. The parser reads the whole ones and takes what is left of
    /// the last for the next element's header, of which it believes any length.
    Odd { tag: Tag, bytes: u64, unit: u32 },
    /// The end of what was not begun. The parser takes it for the end of something else.
    Stray,
    /// More than [`MOST_SEQUENCES`].
    Deep,
}

/// What was begun and has not ended.
#[derive(PartialEq)]
enum Open {
    Sequence,
    Item,
}

impl Promise {
    fn broken(tag: Tag, bytes: u64, available_bytes: u64) -> Option<Self> {
        (bytes > available_bytes).then_some(Self::Long {
            tag,
            bytes,
            available_bytes,
        })
    }
}

/// Bytes of one of the numbers that a value is made of.
fn unit(vr: VR) -> u32 {
    match vr {
        VR::US | VR::SS | VR::OW => 2,
        VR::AT | VR::FL | VR::OF | VR::SL | VR::UL | VR::OL => 4,
        VR::FD | VR::OD | VR::SV | VR::UV | VR::OV => 8,
        _ => 1,
    }
}

/// The first promise that is broken; `None` too where the headers cannot be walked.
fn longest_promise(mut file: BufReader<File>, length: u64, until: Option<Tag>) -> Option<Promise> {
    let start = [128, 0].into_iter().find(|&start| {
        let mut mark = [0; 4];
        file.seek(SeekFrom::Start(start)).is_ok()
            && file.read_exact(&mut mark).is_ok()
            && mark == *b"DICM"
    })?;
    let mut position = start + 4;
    let mut end = None;
    let mut transfer_syntax = String::new();
    // The file's meta information: flat, as long as its first element says.
    while end.is_none_or(|end| position < end) {
        let (header, bytes) = file_header_decoder().decode_header(&mut file).ok()?;
        position += bytes as u64;
        let bytes = u64::from(header.len.get()?);
        if let Some(broken) = Promise::broken(header.tag(), bytes, length.saturating_sub(position))
        {
            return Some(broken);
        }
        let mut value = Vec::new();
        (&mut file).take(bytes).read_to_end(&mut value).ok()?;
        position += bytes;
        match header.tag() {
            _ if end.is_none() => {
                end = Some(position + u64::from(u32::from_le_bytes(value.try_into().ok()?)));
            }
            tags::TRANSFER_SYNTAX_UID => {
                transfer_syntax = String::from_utf8_lossy(&value)
                    .trim_end_matches(['\0', ' '])
                    .to_owned();
            }
            _ => {}
        }
    }

    let syntax = TransferSyntaxRegistry.get(&transfer_syntax)?;
    if let Codec::Dataset(adapter) = syntax.codec() {
        // Deflated: what it holds is known once it is there, and its ratio bounds that.
        let most = length
            .saturating_sub(position)
            .saturating_mul(DEFLATE_RATIO);
        let mut inflated = Vec::new();
        adapter
            .as_ref()?
            .adapt_reader(Box::new(file))
            .take(most)
            .read_to_end(&mut inflated)
            .ok()?;
        let length = inflated.len() as u64;
        let reader = LazyDataSetReader::new_with_ts(Cursor::new(inflated), syntax).ok()?;
        return in_data_set(reader, length, until);
    }
    let reader = LazyDataSetReader::new_with_ts(file, syntax).ok()?;
    in_data_set(reader, length, until)
}

fn in_data_set<S: StatefulDecode>(
    mut reader: LazyDataSetReader<S>,
    length: u64,
    until: Option<Tag>,
) -> Option<Promise> {
    // The first item of encapsulated pixels is a table of 32-bit offsets.
    let mut offsets_next = false;
    let mut open: Vec<Open> = Vec::new();
    let ends = |tag: Tag| until.is_some_and(|until| until <= tag);
    loop {
        let token = reader.advance()?.ok()?;
        let (tag, bytes, unit, position) = match &token {
            LazyDataToken::LazyValue { header, decoder } => (
                header.tag(),
                header.len.get()?,
                unit(header.vr),
                decoder.position(),
            ),
            LazyDataToken::LazyItemValue { len, decoder } => (
                Tag(0xFFFE, 0xE000),
                *len,
                if std::mem::take(&mut offsets_next) {
                    4
                } else {
                    1
                },
                decoder.position(),
            ),
            // The parser stops there in the data set itself, not within the items of a sequence.
            LazyDataToken::ElementHeader(header) if open.is_empty() && ends(header.tag()) => {
                return None;
            }
            LazyDataToken::SequenceStart { tag, .. } if open.is_empty() && ends(*tag) => {
                return None;
            }
            LazyDataToken::PixelSequenceStart if open.is_empty() && ends(tags::PIXEL_DATA) => {
                return None;
            }
            LazyDataToken::SequenceStart { .. } | LazyDataToken::PixelSequenceStart => {
                offsets_next = matches!(token, LazyDataToken::PixelSequenceStart);
                open.push(Open::Sequence);
                if open.len() > 2 * MOST_SEQUENCES {
                    return Some(Promise::Deep);
                }
                continue;
            }
            LazyDataToken::ItemStart { .. } => {
                open.push(Open::Item);
                continue;
            }
            LazyDataToken::ItemEnd => {
                // An empty table has no value.
                offsets_next = false;
                if open.pop() != Some(Open::Item) {
                    return Some(Promise::Stray);
                }
                continue;
            }
            LazyDataToken::SequenceEnd => {
                if open.pop() != Some(Open::Sequence) {
                    return Some(Promise::Stray);
                }
                continue;
            }
            _ => continue,
        };
        let left = length.saturating_sub(position);
        if let Some(broken) = Promise::broken(tag, u64::from(bytes), left) {
            return Some(broken);
        }
        // At the very end there is nothing to be misread.
        if bytes % unit != 0 && u64::from(bytes) < left {
            return Some(Promise::Odd {
                tag,
                bytes: bytes.into(),
                unit,
            });
        }
        token.skip().ok()?;
    }
}
