//! NRRD: one file (`.nrrd`), or a header (`.nhdr`) beside its data file.
//!
//! Standard: <https://teem.sourceforge.net/nrrd/format.html>.

mod header;

use std::{
    io::{BufRead, BufReader},
    path::Path,
};

use header::{Encoding, Header};

use crate::{
    geometry::Geometry,
    io::{
        ReadError,
        source::{Source, io_error, open_regular},
        stored::{self, Channel},
    },
    volume::{Image, LabelMap, LabelNames, Volume},
};

/// A header longer than this is no header.
const HEADER_LIMIT_BYTES: u64 = 1 << 20;

/// Read an image, encoded `raw` or `gzip`, of either byte order.
///
/// **Where it lies**: `space directions` and `space origin` in the world that `space` names
/// (left/right, anterior/posterior, superior/inferior in the standard's three combinations),
/// brought to LPS. Without `space` the array's axes are those of LPS, as in ITK; without an
/// origin, voxel 0 lies at the world's origin.
///
/// **Of which type it is**: as [`crate::nifti::read_image`], without scaling, which NRRD lacks.
///
/// # Errors
/// A file that is not there, cut short, damaged, or no NRRD; other than three axes; an encoding,
/// type or world that this crate does not read; axes that are not perpendicular.
pub fn read_image(path: impl AsRef<Path>) -> Result<Image, ReadError> {
    let path = path.as_ref();
    let (source, header) = open(path)?;
    if header.channels > 1 {
        return Err(ReadError::Unsupported {
            path: path.to_owned(),
            what: format!("an image of {} channels", header.channels),
            fix: "give an image with one value a voxel",
        });
    }
    let voxels = source.read_image(&header.geometry, header.stored)?;
    stored::into_image(header.geometry, voxels).map_err(|source| ReadError::Geometry {
        path: path.to_owned(),
        source,
    })
}

/// Read a label map and give its labels names.
///
/// # Errors
/// As [`read_image`]; a voxel that is no whole number from 0 to 65535; several channels, since
/// one of them must be chosen: see [`read_label_channel`].
pub fn read_label_map(path: impl AsRef<Path>, names: LabelNames) -> Result<LabelMap, ReadError> {
    read_labels(path.as_ref(), names, None)
}

/// Read one channel of a label map, such as a layer of 3D Slicer's `.seg.nrrd`: an array of
/// four axes, the first of which counts the channels. A file without that axis has channel 0.
///
/// # Errors
/// As [`read_label_map`]; a channel that the file does not have.
pub fn read_label_channel(
    path: impl AsRef<Path>,
    names: LabelNames,
    channel: usize,
) -> Result<LabelMap, ReadError> {
    read_labels(path.as_ref(), names, Some(channel))
}

fn read_labels(
    path: &Path,
    names: LabelNames,
    channel: Option<usize>,
) -> Result<LabelMap, ReadError> {
    let (source, header) = open(path)?;
    let channels = header.channels;
    let index = match channel {
        None if channels > 1 => {
            return Err(ReadError::Unsupported {
                path: path.to_owned(),
                what: format!("a label map of {channels} channels where none was chosen"),
                fix: "choose a channel, or export the segmentation as one label map",
            });
        }
        Some(index) if index >= channels => {
            return Err(ReadError::Unsupported {
                path: path.to_owned(),
                what: format!("channel {index} of a label map that has {channels}, from 0 on"),
                fix: "choose a channel that the file has",
            });
        }
        _ => channel.unwrap_or(0),
    };
    let chosen = Channel {
        index,
        count: channels,
    };
    let voxels = source.read_labels(&header.geometry, header.stored, chosen)?;
    let volume = Volume::new(header.geometry, voxels).map_err(|source| ReadError::Geometry {
        path: path.to_owned(),
        source,
    })?;
    Ok(LabelMap { volume, names })
}

/// Read where a volume lies, without its voxels.
///
/// # Errors
/// As [`read_image`], as far as the header shows.
pub fn read_geometry(path: impl AsRef<Path>) -> Result<Geometry, ReadError> {
    open(path.as_ref()).map(|(_, header)| header.geometry)
}

/// Open a file and go to its first voxel, knowing that the file can hold all of them.
fn open(path: &Path) -> Result<(Source, Header), ReadError> {
    let (file, mut length) = open_regular(path)?;
    let mut file = BufReader::with_capacity(256 * 1024, file);
    let (text, mut position) = header_text(path, &mut file)?;
    let header = Header::parse(path, &text)?;
    let mut data_path = path.to_owned();
    if let Some(name) = &header.data_file {
        data_path = path.with_file_name("").join(name);
        let (data, data_length) = open_regular(&data_path)?;
        file = BufReader::with_capacity(256 * 1024, data);
        (length, position) = (data_length, 0);
    }
    for _ in 0..header.line_skip {
        let skipped = file
            .skip_until(b'\n')
            .map_err(|e| io_error(&data_path, e))?;
        if skipped == 0 {
            break;
        }
        position += skipped as u64;
    }
    let values = header.geometry.len() as u128 * header.channels as u128;
    let bytes = values * header.stored.dtype.bytes() as u128;
    let left = length.saturating_sub(position);
    let mut source = match header.encoding {
        Encoding::Raw => Source::plain(&data_path, file, left),
        Encoding::Gzip => Source::gzip(&data_path, file, position, left),
    };
    let skip = match header.byte_skip {
        // The voxels are the last bytes of the file.
        None => left.saturating_sub(u64::try_from(bytes).unwrap_or(u64::MAX)),
        Some(skip) => skip,
    };
    source.expect(skip, bytes)?;
    Ok((source, header))
}

/// The lines up to the first empty one, and how many bytes they and it take.
fn header_text(path: &Path, file: &mut impl BufRead) -> Result<(Vec<String>, u64), ReadError> {
    let not_nrrd = || ReadError::Header {
        path: path.to_owned(),
        cause:
            "not an NRRD file: it does not start with NRRD000 and a digit, or its header has no end"
                .to_owned(),
        fix: "check that the name's ending is right, or copy the file again",
    };
    let mut lines = Vec::new();
    let mut position = 0;
    loop {
        let mut line = Vec::new();
        let mut limited = std::io::Read::take(&mut *file, HEADER_LIMIT_BYTES - position);
        let read = limited
            .read_until(b'\n', &mut line)
            .map_err(|e| io_error(path, e))?;
        position += read as u64;
        let ended = line.last() == Some(&b'\n');
        while line.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
            line.pop();
        }
        let first = lines.is_empty();
        if first && !(line.len() == 8 && line.starts_with(b"NRRD000")) {
            return Err(not_nrrd());
        }
        if position >= HEADER_LIMIT_BYTES {
            return Err(not_nrrd());
        }
        // A detached header may end with its file.
        if line.is_empty() || !ended {
            if !line.is_empty() {
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
            return Ok((lines, position));
        }
        lines.push(String::from_utf8_lossy(&line).into_owned());
    }
}
