//! Run lengths (PS3.5, annex G) that the decoder may be given.
//!
//! The decoder believes the header of a fragment, and that its segments hold all pixels: where
//! they do not, it panics. So both are looked at first.

use dicom_dictionary_std::{tags, uids};
use dicom_object::DefaultDicomObject;

use super::attributes::Attributes;
use crate::io::ReadError;

/// Number of segments and where each begins.
const HEADER_BYTES: usize = 64;
const MOST_SEGMENTS: usize = 15;

/// Refuse run lengths that do not hold the pixels that the attributes promise; any other
/// transfer syntax passes.
pub(super) fn check(root: Attributes<'_>, object: &DefaultDicomObject) -> Result<(), ReadError> {
    if object.meta().transfer_syntax() != uids::RLE_LOSSLESS {
        return Ok(());
    }
    let rows: u16 = root.need_integer(tags::ROWS)?;
    let columns: u16 = root.need_integer(tags::COLUMNS)?;
    let samples: u16 = root.need_integer(tags::SAMPLES_PER_PIXEL)?;
    let allocated: u16 = root.need_integer(tags::BITS_ALLOCATED)?;
    let pixels = usize::from(rows) * usize::from(columns);
    let segments = usize::from(samples) * usize::from(allocated).div_ceil(8);
    let fragments = object
        .get(tags::PIXEL_DATA)
        .and_then(|element| element.fragments())
        .unwrap_or_default();
    match fragments
        .iter()
        .position(|fragment| !holds(fragment, segments, pixels))
    {
        Some(fragment) => Err(root.header(format!(
            "frame {} in run lengths does not hold {segments} segments of {pixels} bytes",
            fragment + 1
        ))),
        None => Ok(()),
    }
}

/// Whether a fragment holds so many segments, of so many bytes or more.
fn holds(fragment: &[u8], segments: usize, bytes: usize) -> bool {
    let Some(header) = fragment.first_chunk::<HEADER_BYTES>() else {
        return false;
    };
    let (numbers, _) = header.as_chunks::<4>();
    let number = |i: usize| u32::from_le_bytes(numbers[i]) as usize;
    let found = number(0);
    if found > MOST_SEGMENTS || found < segments {
        return false;
    }
    (1..=segments).all(|i| {
        let end = if i < found {
            number(i + 1)
        } else {
            fragment.len()
        };
        fragment
            .get(number(i)..end)
            .is_some_and(|segment| unpacked_bytes(segment) >= bytes)
    })
}

/// How many bytes a segment unpacks to.
fn unpacked_bytes(segment: &[u8]) -> usize {
    let mut bytes = 0;
    let mut at = 0;
    while let Some(&header) = segment.get(at) {
        at += 1;
        match header {
            // Bytes as they are.
            0..=127 => {
                let count = usize::from(header) + 1;
                bytes += count.min(segment.len() - at);
                at = segment.len().min(at + count);
            }
            128 => {}
            // A byte repeated.
            129.. => {
                bytes += if at < segment.len() {
                    257 - usize::from(header)
                } else {
                    0
                };
                at += 1;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fragment of segments.
    fn fragment(segments: &[&[u8]]) -> Vec<u8> {
        let mut header = vec![segments.len() as u32];
        let mut at = HEADER_BYTES as u32;
        for segment in segments {
            header.push(at);
            at += segment.len() as u32;
        }
        header.resize(HEADER_BYTES / 4, 0);
        let mut bytes: Vec<u8> = header.iter().flat_map(|n| n.to_le_bytes()).collect();
        segments.iter().for_each(|segment| bytes.extend(*segment));
        bytes
    }

    #[test]
    fn segments_hold_their_pixels() {
        // 3 as they are, nothing, 5 of one value.
        let segment = [2, 7, 8, 9, 128, 252, 1];
        assert_eq!(unpacked_bytes(&segment), 8);
        let whole = fragment(&[&segment, &segment]);
        assert!(holds(&whole, 2, 8));
        assert!(!holds(&whole, 2, 9));
        assert!(!holds(&whole, 3, 8));
        assert!(!holds(&whole[..whole.len() - 1], 2, 8));
        assert!(!holds(&whole[..60], 2, 8));
        // Cut before the bytes, or the byte to repeat.
        assert_eq!(unpacked_bytes(&[5, 1, 2]), 2);
        assert_eq!(unpacked_bytes(&[200]), 0);
    }

    #[test]
    fn a_header_that_lies_is_no_panic() {
        let mut many = fragment(&[&[0, 1]]);
        many[0] = 200;
        assert!(!holds(&many, 1, 1));
        let mut far = fragment(&[&[0, 1], &[0, 1]]);
        far[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(!holds(&far, 2, 1));
    }
}
