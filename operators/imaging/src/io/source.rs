//! A file that may be compressed, and what its length promises before a byte is allocated.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read, Seek},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;

use super::{
    error::ReadError,
    stored::{self, Channel, Narrowest, SampleError, Stored},
    whole::GzipFile,
};
use crate::geometry::Geometry;

/// Deflate cannot expand by more than this (RFC 1951: 258 bytes for 2 bits).
pub(crate) const DEFLATE_RATIO: u64 = 1032;

const READ_AHEAD_BYTES: usize = 256 * 1024;

/// An open file, uncompressed on the way.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) reader: Box<dyn Read + Send>,
    /// Bytes read so far, uncompressed.
    pub(crate) position: u64,
    /// Bytes that the file holds, or can hold at most if it is compressed.
    pub(crate) available_bytes: u64,
    pub(crate) compressed: bool,
    /// The compressed bytes, where they can be decoded at once.
    whole: Option<GzipFile>,
}

impl Source {
    /// Open a regular file; gzip is told by its magic bytes, not by the file's name.
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        let (file, length) = open_regular(path)?;
        let mut file = BufReader::with_capacity(READ_AHEAD_BYTES, file);
        let mut magic = [0; 2];
        let filled = stored::fill(&mut file, &mut magic).map_err(|e| io_error(path, e))?;
        file.rewind().map_err(|e| io_error(path, e))?;
        let compressed = filled == 2 && magic == [0x1f, 0x8b];
        Ok(if compressed {
            Self::gzip(path, file, 0, length)
        } else {
            Self::plain(path, file, length)
        })
    }

    /// Read the `length` bytes that are left of a file as they are.
    pub(crate) fn plain(path: &Path, rest: BufReader<File>, length: u64) -> Self {
        Self {
            path: path.to_owned(),
            reader: Box::new(rest),
            position: 0,
            available_bytes: length,
            compressed: false,
            whole: None,
        }
    }

    /// Uncompress what is left of a file: `length` bytes from `start` on, where `rest` stands.
    pub(crate) fn gzip(path: &Path, rest: BufReader<File>, start: u64, length: u64) -> Self {
        Self {
            path: path.to_owned(),
            whole: GzipFile::of(rest.get_ref(), start, length),
            reader: Box::new(MultiGzDecoder::new(rest)),
            position: 0,
            available_bytes: length.saturating_mul(DEFLATE_RATIO),
            compressed: true,
        }
    }

    /// Read a header; a file that ends before it is an error.
    pub(crate) fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), ReadError> {
        let filled = stored::fill(&mut self.reader, buffer).map_err(|e| self.stream_error(e))?;
        self.position += filled as u64;
        if filled < buffer.len() {
            let expected = self.position + (buffer.len() - filled) as u64;
            return Err(self.short(u128::from(expected), self.position));
        }
        Ok(())
    }

    /// Skip to `offset`, having checked that `bytes` more can follow it.
    pub(crate) fn expect(&mut self, offset: u64, bytes: u128) -> Result<(), ReadError> {
        let expected = u128::from(offset) + bytes;
        if expected > u128::from(self.available_bytes) {
            return Err(ReadError::Short {
                path: self.path.clone(),
                expected_bytes: expected,
                available_bytes: self.available_bytes,
                exact: !self.compressed,
            });
        }
        let wanted = offset.saturating_sub(self.position);
        let skipped = io::copy(&mut (&mut self.reader).take(wanted), &mut io::sink())
            .map_err(|e| self.stream_error(e))?;
        self.position += skipped;
        if skipped < wanted {
            return Err(self.short(expected, self.position));
        }
        Ok(())
    }

    /// Read the voxels of an image that fill `geometry`, and check the rest of the stream.
    pub(crate) fn read_image(
        mut self,
        geometry: &Geometry,
        stored: Stored,
    ) -> Result<Narrowest, ReadError> {
        let whole = self.whole.take();
        if let Some(voxels) = whole.and_then(|w| w.image(self.position, geometry.len(), stored)) {
            return Ok(voxels);
        }
        let voxels = stored::read_image(&mut self.reader, geometry, stored);
        self.finish(geometry, stored, voxels)
    }

    /// Read a channel of the voxels of a label map that fill `geometry`, and check the rest of
    /// the stream.
    pub(crate) fn read_labels(
        mut self,
        geometry: &Geometry,
        stored: Stored,
        channel: Channel,
    ) -> Result<Vec<u16>, ReadError> {
        let whole = self.whole.take().filter(|_| channel == Channel::ONLY);
        if let Some(voxels) = whole.and_then(|w| w.labels(self.position, geometry.len(), stored)) {
            return Ok(voxels);
        }
        let voxels = stored::read_labels(&mut self.reader, geometry, stored, channel);
        self.finish(geometry, stored, voxels)
    }

    fn finish<T>(
        mut self,
        geometry: &Geometry,
        stored: Stored,
        voxels: Result<T, SampleError>,
    ) -> Result<T, ReadError> {
        let path = self.path.clone();
        let voxel_zyx = |index: usize| {
            let [_, ny, nx] = geometry.shape_zyx;
            [index / (ny * nx), index / nx % ny, index % nx]
        };
        let voxels = voxels.map_err(|error| match error {
            SampleError::Short(bytes) => self.short(
                u128::from(self.position) + (geometry.len() * stored.dtype.bytes()) as u128,
                self.position + bytes,
            ),
            SampleError::Stream(error) => self.stream_error(error),
            SampleError::Label { index, value } => ReadError::Label {
                path,
                voxel_zyx: voxel_zyx(index),
                value,
            },
            SampleError::Inexact { index } => ReadError::Inexact {
                path,
                voxel_zyx: voxel_zyx(index),
            },
            SampleError::Memory(bytes) => ReadError::Memory { path, bytes },
        })?;
        if self.compressed {
            // The checksum stands at the end of the stream.
            io::copy(&mut self.reader, &mut io::sink()).map_err(|e| self.stream_error(e))?;
        }
        Ok(voxels)
    }

    fn short(&self, expected_bytes: u128, available_bytes: u64) -> ReadError {
        ReadError::Short {
            path: self.path.clone(),
            expected_bytes,
            available_bytes,
            exact: true,
        }
    }

    fn stream_error(&self, source: io::Error) -> ReadError {
        let path = self.path.clone();
        let from_decoder = matches!(
            source.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData
        );
        if self.compressed && from_decoder {
            ReadError::Compression { path, source }
        } else {
            ReadError::Io { path, source }
        }
    }
}

/// Open a file that is a file, with its length.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64), ReadError> {
    let metadata = std::fs::metadata(path).map_err(|e| io_error(path, e))?;
    if !metadata.is_file() {
        return Err(ReadError::Kind {
            path: path.to_owned(),
            expected: "a file, not a folder or device",
        });
    }
    let file = File::open(path).map_err(|e| io_error(path, e))?;
    Ok((file, metadata.len()))
}

pub(crate) fn io_error(path: &Path, source: io::Error) -> ReadError {
    ReadError::Io {
        path: path.to_owned(),
        source,
    }
}
