//! Headers with any bytes changed: an answer, never a panic, and no memory beyond the file's.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    path::Path,
};

use proptest::prelude::*;
use renalflow_imaging::{
    LabelNames,
    dicom::{RtStruct, SeriesSelector, read_series},
    nifti, nrrd,
};

use crate::build::{Folder, Nifti, gzip, ramp_i16};

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// Remembers the largest single request of each thread.
struct Watched;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// The largest request that `action` made on this thread.
fn largest_request(action: impl FnOnce()) -> usize {
    LARGEST.set(0);
    action();
    LARGEST.get()
}

fn mutated(mut bytes: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    let length = bytes.len();
    for &(at, value) in changes {
        bytes[at % length] = value;
    }
    bytes
}

/// What a file of so many bytes can be asked to hold: deflate's ratio, 8 bytes a voxel, and
/// the reader's buffers.
fn bound(bytes: &[u8]) -> usize {
    bytes.len() * 1032 * 8 + (1 << 20)
}

/// What comes before the data set: preamble, magic and meta information.
fn meta(file: &[u8]) -> &[u8] {
    let group_length = u32::from_le_bytes(file[140..144].try_into().unwrap());
    &file[..144 + group_length as usize]
}

/// Why a series of this one file is refused, and the largest request on the way.
fn refused_series(file: &Path) -> (String, usize) {
    let mut said = String::new();
    let largest = largest_request(|| {
        let folder = file.parent().unwrap();
        said = read_series(folder, &SeriesSelector::Only)
            .unwrap_err()
            .to_string();
    });
    (said, largest)
}

/// An element that promises 2 GiB in a file of some hundred bytes: in the data set, within an
/// item of a sequence, and after meta information that repeats its length.
#[test]
fn dicom_promises_cost_no_memory() {
    let whole = include_bytes!("../golden/dicom/seg_binary.dcm");
    let meta = meta(whole);
    let group_length = (meta.len() - 144) as u32;
    let repeated = b"\x02\x00\x00\x00UL\0\0";
    let longer = group_length + repeated.len() as u32;
    let meta_repeated = [&meta[..140], &longer.to_le_bytes(), &meta[144..], repeated].concat();
    let sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff";
    let long = b"\x09\x00\x10\x00UN\0\0\0\0\0\x7f";
    let folder = Folder::new();
    let nested = [meta, sequence].concat();
    for start in [meta, &nested[..], &meta_repeated[..]] {
        let path = folder.file("a.dcm", &[start, long].concat());
        let mut said = String::new();
        let largest = largest_request(|| said = RtStruct::open(&path).unwrap_err().to_string());
        assert!(largest < 1 << 20, "{largest}");
        assert!(
            said.contains("promises 2130706432 bytes where 0 are left"),
            "{said}"
        );
    }
}

/// The parser reads on behind pixels that stand within an item, and so do the lengths.
#[test]
fn dicom_promises_behind_nested_pixels_are_refused() {
    let meta = meta(include_bytes!("../golden/dicom/slice_1.dcm"));
    let sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff";
    let pixels = b"\xe0\x7f\x10\x00OW\0\0\x02\0\0\0ab";
    let long = b"\x09\x00\x10\x00UN\0\0\0\0\0\x7f";
    let folder = Folder::new();
    let bytes = [meta, sequence, pixels, long].concat();
    let path = folder.file("a.dcm", &bytes);
    let (said, largest) = refused_series(&path);
    assert!(largest < 1 << 20, "{largest}");
    assert!(said.contains("promises 2130706432 bytes"), "{said}");
}

/// A slice of the golden series in run lengths is the slice; one that is cut is refused.
#[test]
fn dicom_run_lengths_hold_their_pixels_or_are_refused() {
    let golden = |i: usize| {
        let of_repository = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/dicom");
        std::fs::read(format!("{of_repository}/slice_{i}.dcm")).unwrap()
    };
    let folder = Folder::new();
    let mut path = None;
    for i in (1..=5).rev() {
        path = Some(folder.file(&format!("{i}.dcm"), &golden(i)));
    }
    let path = path.unwrap();
    let read = || read_series(path.parent().unwrap(), &SeriesSelector::Only);
    let (whole, _) = read().unwrap();

    let mut plain = golden(1);
    let find = |bytes: &[u8], what: &[u8]| {
        let found = bytes.windows(what.len()).position(|window| window == what);
        found.unwrap()
    };
    let syntax = find(&plain, b"1.2.840.10008.1.2.1\0");
    plain[syntax..syntax + 20].copy_from_slice(b"1.2.840.10008.1.2.5\0");
    let at = find(&plain, b"\xe0\x7f\x10\0OW");
    let (header, pixels) = (&plain[..at], &plain[at + 12..]);
    // The upper bytes of all pixels, then the lower, as they are.
    let packed = |first: usize| {
        let bytes: Vec<u8> = pixels.iter().copied().skip(first).step_by(2).collect();
        [&[bytes.len() as u8 - 1], &bytes[..]].concat()
    };
    let (upper, lower) = (packed(1), packed(0));
    let in_run_lengths = |lower: &[u8]| {
        let mut fragment = vec![0; 64];
        for (i, number) in [2, 64, 64 + upper.len() as u32].into_iter().enumerate() {
            fragment[4 * i..4 * i + 4].copy_from_slice(&number.to_le_bytes());
        }
        fragment.extend(&upper);
        fragment.extend(lower);
        fragment.resize(fragment.len().next_multiple_of(2), 128);
        let length = (fragment.len() as u32).to_le_bytes();
        let start = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0";
        let end = b"\xfe\xff\xdd\xe0\0\0\0\0";
        [header, start, &length, &fragment, end].concat()
    };
    folder.file("1.dcm", &in_run_lengths(&lower));
    assert!(read().unwrap().0 == whole);
    for cut in [0, 1, lower.len() - 2] {
        folder.file("1.dcm", &in_run_lengths(&lower[..cut]));
        let said = read().unwrap_err().to_string();
        assert!(said.contains("does not hold 2 segments"), "{said}");
    }
}

/// Delimiters of nothing, and sequences within each other too deep for a parser that calls itself
/// for each.
#[test]
fn dicom_sequences_that_cannot_be_walked_are_refused() {
    let meta = meta(include_bytes!("../golden/dicom/slice_1.dcm"));
    let sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff";
    let item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff";
    let item_end = b"\xfe\xff\x0d\xe0\0\0\0\0";
    let sequence_end = b"\xfe\xff\xdd\xe0\0\0\0\0";
    let pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff";
    let table = b"\xfe\xff\x00\xe0\0\0\0\0";
    let long = b"\x09\x00\x10\x00UN\0\0\0\0\0\x7f";
    let nested = [&sequence[..], item].concat();
    let stray = "ends where none began";
    let deep = "64 sequences stand within";
    let cases = [
        ([&item_end[..], item].concat(), stray),
        ([&sequence[..], item_end, item].concat(), stray),
        (
            [&nested[..], pixels, table, item_end, sequence_end, long].concat(),
            stray,
        ),
        (nested.repeat(65), deep),
        (nested.repeat(100_000), deep),
    ];
    let folder = Folder::new();
    for (i, (data, cause)) in cases.iter().enumerate() {
        let path = folder.file("a.dcm", &[meta, &data[..]].concat());
        let (said, largest) = refused_series(&path);
        assert!(largest < 1 << 20, "{i}: {largest}");
        assert!(said.contains(cause), "{i}: {said}");
    }
}

/// A double of which six bytes are there, so that a parser that rounds down takes these for the
/// next header, with a length of 2 GiB.
#[test]
fn dicom_numbers_cut_short_are_refused() {
    let meta = meta(include_bytes!("../golden/dicom/seg_binary.dcm"));
    let doubles = b"\x08\x00\x70\x00FD\x0e\x00";
    let values = b"12345678\x09\x00\x10\x00UN\0\0\0\0\0\x7f\0\0\0\0";
    let folder = Folder::new();
    let path = folder.file("a.dcm", &[meta, doubles, values].concat());
    let mut said = String::new();
    let largest = largest_request(|| said = RtStruct::open(&path).unwrap_err().to_string());
    assert!(largest < 1 << 20, "{largest}");
    assert!(
        said.contains("(0008,0070) has 14 bytes, no multiple of the 8 of a value"),
        "{said}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nifti_answers(
        changes in prop::collection::vec((0usize..600, any::<u8>()), 1..12),
        version in 1u8..=2,
        big_endian: bool,
        zip: bool,
    ) {
        let header = Nifti::new(4, ramp_i16()).with(|h| (h.version, h.big_endian) = (version, big_endian));
        let bytes = mutated(header.bytes(), &changes);
        let bytes = if zip { gzip(&bytes) } else { bytes };
        let folder = Folder::new();
        let path = folder.file("a.nii", &bytes);
        let largest = largest_request(|| drop(nifti::read_image(&path)));
        prop_assert!(largest <= bound(&bytes), "{largest}");
        if let Err(error) = nifti::read_label_map(&path, LabelNames::new()) {
            prop_assert!(error.to_string().lines().count() <= 4);
        }
    }

    #[test]
    fn damaged_gzip_answers(changes in prop::collection::vec((0usize..600, any::<u8>()), 1..12)) {
        let bytes = mutated(gzip(&Nifti::new(4, ramp_i16()).bytes()), &changes);
        let folder = Folder::new();
        let path = folder.file("a.nii.gz", &bytes);
        let largest = largest_request(|| drop(nifti::read_image(&path)));
        prop_assert!(largest <= bound(&bytes), "{largest}");
    }

    #[test]
    fn nrrd_answers(
        changes in prop::collection::vec((0usize..400, any::<u8>()), 1..12),
        digits in prop::collection::vec((0usize..400, b'0'..=b'9'), 0..4),
        zip: bool,
    ) {
        let encoding = if zip { "gzip" } else { "raw" };
        let header = format!(
            "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 3 2\n\
             space directions: (1,0,0) (0,2,0) (0,0,3)\nendian: little\nencoding: {encoding}\n\
             space origin: (10,20,30)\nbyte skip: 0\nline skip: 0\n\n"
        );
        let voxels = if zip { gzip(&ramp_i16()) } else { ramp_i16() };
        let bytes = mutated([header.into_bytes(), voxels].concat(), &digits);
        let bytes = mutated(bytes, &changes);
        let folder = Folder::new();
        let path = folder.file("a.nrrd", &bytes);
        let largest = largest_request(|| drop(nrrd::read_image(&path)));
        prop_assert!(largest <= bound(&bytes), "{largest}");
        if let Err(error) = nrrd::read_label_map(&path, LabelNames::new()) {
            prop_assert!(error.to_string().lines().count() <= 4);
        }
    }
}
