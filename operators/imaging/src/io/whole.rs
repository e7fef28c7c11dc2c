//! A gzip stream decoded at once, into the memory that its voxels will have.
//!
//! A decoder that sees the whole stream and the whole result inflates two to four times as fast
//! as one that stops at every buffer. It needs the compressed bytes in memory, and here nothing
//! else: the stream is decoded into the end of the voxels' own memory, and the voxels are
//! converted from there to its beginning.
//!
//! The decoder is asked only where one member of gzip holds the header and the voxels, no more,
//! and where a stored value is converted to a voxel that is as wide or wider and cannot be
//! refused. All else is left to the reader that streams: geometry alone, scaled or narrowed
//! values, labels that must be checked, channels, several members, and whatever is damaged, so
//! that there is one place that says what is wrong with a file.

use std::{any::TypeId, fs::File, os::unix::fs::FileExt};

use bytemuck::Pod;
use libdeflater::Decompressor;

use super::stored::{
    ByteOrder, CHUNK_BYTES, Narrowest, Sample, Scaling, Stored, StoredType, ask_for_huge_pages,
    decode, provide_pages, while_pages_come,
};

/// Beyond this share of the voxels' memory the compressed bytes are not read at once, unless
/// they are few: such a file hardly shrank, and streaming it needs less memory.
const LARGEST_SHARE: u64 = 2;
const FEW_BYTES: u64 = 1 << 20;

/// More before the voxels than any header and its extensions: memory would be spent on it.
const LARGEST_HEADER_BYTES: u64 = 1 << 20;

/// The least that gzip takes: header, an empty block, checksum and size.
const SHORTEST_GZIP_BYTES: u64 = 20;

/// Where a gzip stream lies: from `start` to the end of a file.
pub(crate) struct GzipFile {
    file: File,
    start: u64,
    length: u64,
}

impl GzipFile {
    /// `None` where the system gives no second handle.
    pub(super) fn of(file: &File, start: u64, length: u64) -> Option<Self> {
        let file = file.try_clone().ok()?;
        Some(Self {
            file,
            start,
            length,
        })
    }

    /// The voxels of an image, `before` bytes into the stream, or `None` where the reader that
    /// streams must answer.
    pub(super) fn image(&self, before: u64, count: usize, stored: Stored) -> Option<Narrowest> {
        if stored.scaling != Scaling::NONE {
            return None;
        }
        let order = stored.byte_order;
        match stored.dtype {
            StoredType::U8 => self
                .voxels::<u8, _>(before, count, order)
                .map(Narrowest::I16),
            StoredType::I8 => self
                .voxels::<i8, _>(before, count, order)
                .map(Narrowest::I16),
            StoredType::I16 => self
                .voxels::<i16, _>(before, count, order)
                .map(Narrowest::I16),
            StoredType::F32 => self
                .voxels::<f32, _>(before, count, order)
                .map(Narrowest::F32),
            StoredType::F64 => self
                .voxels::<f64, _>(before, count, order)
                .map(Narrowest::F64),
            _ => None,
        }
    }

    /// The labels of a label map, likewise.
    pub(super) fn labels(&self, before: u64, count: usize, stored: Stored) -> Option<Vec<u16>> {
        if stored.scaling != Scaling::NONE {
            return None;
        }
        let order = stored.byte_order;
        match stored.dtype {
            StoredType::U8 => self.voxels::<u8, _>(before, count, order),
            StoredType::U16 => self.voxels::<u16, _>(before, count, order),
            _ => None,
        }
    }

    /// `S` is no wider than `T`.
    fn voxels<S: Sample, T: Pod + From<S>>(
        &self,
        before: u64,
        count: usize,
        order: ByteOrder,
    ) -> Option<Vec<T>> {
        let voxel_bytes = count.checked_mul(size_of::<T>())?;
        if before > LARGEST_HEADER_BYTES
            || self.length < SHORTEST_GZIP_BYTES
            || self.length > (voxel_bytes as u64 / LARGEST_SHARE).max(FEW_BYTES)
        {
            return None;
        }
        let decoded_bytes = usize::try_from(before)
            .ok()?
            .checked_add(count * S::BYTES)?;
        // Gzip ends in the size of its last member, modulo 2^32: another than is needed, and no
        // memory is taken.
        let mut size = [0; 4];
        let end = self.start.checked_add(self.length)?;
        self.file.read_exact_at(&mut size, end - 4).ok()?;
        if u32::from_le_bytes(size) != decoded_bytes as u32 {
            return None;
        }
        let compressed = self.read()?;

        // Never less than `count`, so that voxel i ends before value i + 1 begins.
        let length = count.max(decoded_bytes.div_ceil(size_of::<T>()));
        let mut voxels: Vec<T> = bytemuck::allocation::try_zeroed_vec(length).ok()?;
        ask_for_huge_pages(&mut voxels);
        let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut voxels);
        let start = memory.len() - decoded_bytes;
        let decoded = while_pages_come(memory.get_mut(start..)?, |memory| {
            Decompressor::new().gzip_decompress(&compressed, memory)
        });
        drop(compressed);
        if decoded != Ok(decoded_bytes) {
            return None;
        }

        let first_value = length * size_of::<T>() - count * S::BYTES;
        // Nothing to convert: one move in place of two through a buffer.
        if TypeId::of::<S>() == TypeId::of::<T>() && order == ByteOrder::NATIVE {
            let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut voxels);
            memory.copy_within(first_value.., 0);
            voxels.truncate(count);
            return Some(voxels);
        }
        let per_chunk = CHUNK_BYTES / S::BYTES;
        let mut samples = vec![S::default(); per_chunk.min(count)];
        for done in (0..count).step_by(per_chunk) {
            let samples = &mut samples[..per_chunk.min(count - done)];
            let memory: &[u8] = bytemuck::cast_slice(&voxels);
            let at = first_value + done * S::BYTES;
            let bytes = &memory[at..at + size_of_val(samples)];
            // Zeros stand there already, in pages that the system need not even provide: the
            // decoded bytes begin behind them, and most of a label map is background.
            let is_fresh = (done + samples.len()) * size_of::<T>() <= start;
            if is_fresh && bytes.iter().fold(0, |all, &byte| all | byte) == 0 {
                continue;
            }
            decode(bytes, order, samples);
            for (voxel, &sample) in voxels[done..].iter_mut().zip(samples.iter()) {
                *voxel = T::from(sample);
            }
        }
        voxels.truncate(count);
        Some(voxels)
    }

    /// The compressed bytes; `None` where there is no memory or the file changed.
    fn read(&self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.length).ok()?;
        // Zeros from the system, which a fresh vector filled with zeros would be written twice for.
        let mut bytes: Vec<u8> = bytemuck::allocation::try_zeroed_vec(length).ok()?;
        ask_for_huge_pages(&mut bytes);
        provide_pages(&mut bytes);
        self.file.read_exact_at(&mut bytes, self.start).ok()?;
        Some(bytes)
    }
}
