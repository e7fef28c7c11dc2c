//! From the bytes of a file to voxels, whatever type the file stores.

use std::io::{self, ErrorKind, Read};

use crate::{
    geometry::Geometry,
    volume::{Image, Volume},
};

/// Bytes that are decoded at once: they stay in the cache between inflating and converting,
/// so that the volume itself is written once.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;

/// A voxel type as files store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl StoredType {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

/// Order of the bytes of a stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// Of this machine.
    pub(crate) const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };
}

/// `value = slope * stored + intercept`, in double precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scaling {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

impl Scaling {
    pub(crate) const NONE: Self = Self {
        slope: 1.0,
        intercept: 0.0,
    };

    /// Whether integers stay integers.
    pub(crate) fn is_integral(self) -> bool {
        self.slope.fract() == 0.0 && self.intercept.fract() == 0.0
    }

    pub(crate) fn apply(self, stored: f64) -> f64 {
        self.slope * stored + self.intercept
    }
}

/// How the voxels of a file are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stored {
    pub(crate) dtype: StoredType,
    pub(crate) byte_order: ByteOrder,
    pub(crate) scaling: Scaling,
}

/// Why stored bytes are no voxels; the caller knows the file.
#[derive(Debug)]
pub(crate) enum SampleError {
    /// The stream ended after this many bytes of voxels.
    Short(u64),
    /// The stream failed.
    Stream(io::Error),
    /// The voxel at this flat index is no label.
    Label { index: usize, value: f64 },
    /// The voxel at this flat index has no exact value in double precision.
    Inexact { index: usize },
    /// No memory for this many bytes.
    Memory(u128),
}

/// A type of [`StoredType`].
pub(super) trait Sample: Copy + Default + 'static {
    const BYTES: usize;
    fn decode(bytes: &[u8], order: ByteOrder) -> Self;
    /// The value in double precision, where that is exact.
    fn exact(self) -> Option<f64>;
}

macro_rules! impl_sample {
    ($($type:ty, $exact:expr;)*) => {$(
        impl Sample for $type {
            const BYTES: usize = size_of::<$type>();

            #[inline]
            fn decode(bytes: &[u8], order: ByteOrder) -> Self {
                let mut value = [0; size_of::<$type>()];
                value.copy_from_slice(bytes);
                match order {
                    ByteOrder::Little => <$type>::from_le_bytes(value),
                    ByteOrder::Big => <$type>::from_be_bytes(value),
                }
            }

            #[inline]
            fn exact(self) -> Option<f64> {
                let exact: fn($type) -> Option<f64> = $exact;
                exact(self)
            }
        }
    )*};
}

impl_sample! {
    u8, |v| Some(f64::from(v));
    i8, |v| Some(f64::from(v));
    u16, |v| Some(f64::from(v));
    i16, |v| Some(f64::from(v));
    u32, |v| Some(f64::from(v));
    i32, |v| Some(f64::from(v));
    u64, |v| (v <= 1 << 53).then_some(v as f64);
    i64, |v| (v.unsigned_abs() <= 1 << 53).then_some(v as f64);
    f32, |v| Some(f64::from(v));
    f64, Some;
}

/// Evaluate `$body` with `$sample` bound to the Rust type of a [`StoredType`].
macro_rules! with_sample {
    ($dtype:expr, $sample:ident => $body:expr) => {
        match $dtype {
            StoredType::U8 => {
                type $sample = u8;
                $body
            }
            StoredType::I8 => {
                type $sample = i8;
                $body
            }
            StoredType::U16 => {
                type $sample = u16;
                $body
            }
            StoredType::I16 => {
                type $sample = i16;
                $body
            }
            StoredType::U32 => {
                type $sample = u32;
                $body
            }
            StoredType::I32 => {
                type $sample = i32;
                $body
            }
            StoredType::U64 => {
                type $sample = u64;
                $body
            }
            StoredType::I64 => {
                type $sample = i64;
                $body
            }
            StoredType::F32 => {
                type $sample = f32;
                $body
            }
            StoredType::F64 => {
                type $sample = f64;
                $body
            }
        }
    };
}

/// Decode `count` values and hand them on in chunks, with the index of each chunk's first.
fn for_each_chunk<S: Sample>(
    reader: &mut dyn Read,
    count: usize,
    order: ByteOrder,
    mut take: impl FnMut(usize, &[S]) -> Result<(), SampleError>,
) -> Result<(), SampleError> {
    let per_chunk = CHUNK_BYTES / S::BYTES;
    let mut bytes = vec![0u8; CHUNK_BYTES];
    let mut samples = vec![S::default(); per_chunk];
    let mut done = 0;
    while done < count {
        let now = per_chunk.min(count - done);
        let bytes = &mut bytes[..now * S::BYTES];
        let filled = fill(reader, bytes).map_err(SampleError::Stream)?;
        if filled < bytes.len() {
            return Err(SampleError::Short((done * S::BYTES + filled) as u64));
        }
        decode(bytes, order, &mut samples);
        take(done, &samples[..now])?;
        done += now;
    }
    Ok(())
}

/// Decode as many values as `bytes` hold.
pub(super) fn decode<S: Sample>(bytes: &[u8], order: ByteOrder, samples: &mut [S]) {
    // One loop for each order, so that neither tests the order at every voxel.
    let pairs = samples.iter_mut().zip(bytes.chunks_exact(S::BYTES));
    match order {
        ByteOrder::Little => pairs.for_each(|(s, b)| *s = S::decode(b, ByteOrder::Little)),
        ByteOrder::Big => pairs.for_each(|(s, b)| *s = S::decode(b, ByteOrder::Big)),
    }
}

/// Read until the buffer is full or the stream ends; returns how much was read.
pub(crate) fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

pub(crate) fn reserve<T>(count: usize) -> Result<Vec<T>, SampleError> {
    let mut voxels = Vec::new();
    voxels
        .try_reserve_exact(count)
        .map_err(|_| SampleError::Memory(count as u128 * size_of::<T>() as u128))?;
    ask_for_huge_pages(&mut voxels);
    Ok(voxels)
}

/// Ask for large pages where a volume will be written: each page costs a fault, and a volume of
/// a CT has tens of thousands of small ones.
pub(super) fn ask_for_huge_pages<T>(voxels: &mut Vec<T>) {
    const PAGE_BYTES: usize = 4096;
    const WORTH_BYTES: usize = 4 << 20;
    let start = voxels.as_mut_ptr().cast::<u8>();
    let first = start.align_offset(PAGE_BYTES);
    let all = voxels.capacity() * size_of::<T>();
    let bytes = all.saturating_sub(first) / PAGE_BYTES * PAGE_BYTES;
    if bytes < WORTH_BYTES {
        return;
    }
    // SAFETY: the pages lie within the vector's own allocation, and the advice changes neither
    // what they hold nor who may use them. A kernel that does not know it says so, which is no
    // reason to stop.
    let _ = unsafe {
        rustix::mm::madvise(
            start.add(first).cast(),
            bytes,
            rustix::mm::Advice::LinuxHugepage,
        )
    };
}

/// Do the work that fills this memory while another thread, where there is one, has the system
/// provide its pages, each of which costs a fault otherwise.
pub(super) fn while_pages_come<R: Send>(
    memory: &mut [u8],
    work: impl FnOnce(&mut [u8]) -> R + Send,
) -> R {
    let pages = Pages::of(memory);
    if rayon::current_num_threads() < 2 {
        pages.provide();
        return work(memory);
    }
    rayon::join(|| work(memory), || pages.provide()).0
}

/// Have the system provide pages that will be written, which is cheaper than a fault for each.
pub(super) fn provide_pages(memory: &mut [u8]) {
    Pages::of(memory).provide();
}

/// The whole pages of a piece of memory, or the first of them.
#[derive(Clone, Copy)]
struct Pages {
    start: usize,
    bytes: usize,
}

impl Pages {
    /// The rest of a large volume comes in large pages, and a damaged file that promises one
    /// takes no more than this beforehand.
    const MOST_BYTES: usize = 64 << 20;

    fn of(memory: &mut [u8]) -> Self {
        const PAGE_BYTES: usize = 4096;
        let start = memory.as_mut_ptr();
        let first = start.align_offset(PAGE_BYTES);
        let bytes = memory.len().saturating_sub(first).min(Self::MOST_BYTES);
        Self {
            start: start as usize + first,
            bytes: bytes / PAGE_BYTES * PAGE_BYTES,
        }
    }

    /// The memory that these are pages of must be there still.
    fn provide(self) {
        if self.bytes == 0 {
            return;
        }
        // SAFETY: the callers above hold the memory that the pages lie in, and the advice changes
        // nothing of what they hold. A kernel that does not know it says so, and pages come when
        // they are written.
        let _ = unsafe {
            rustix::mm::madvise(
                self.start as *mut std::ffi::c_void,
                self.bytes,
                rustix::mm::Advice::LinuxPopulateWrite,
            )
        };
    }
}

/// Collect unscaled samples that convert without loss.
fn collect<S: Sample, T: From<S>>(
    reader: &mut dyn Read,
    count: usize,
    order: ByteOrder,
) -> Result<Vec<T>, SampleError> {
    let mut voxels = reserve(count)?;
    for_each_chunk::<S>(reader, count, order, |_, chunk| {
        voxels.extend(chunk.iter().map(|&v| T::from(v)));
        Ok(())
    })?;
    Ok(voxels)
}

/// Voxels in the narrowest of the three types of an [`Image`] that holds all seen so far.
pub(crate) enum Narrowest {
    I16(Vec<i16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Narrowest {
    /// Append integers, in the memory of `count` voxels altogether.
    fn extend(&mut self, chunk: &[f64], count: usize) -> Result<(), SampleError> {
        let fits_i16 = |v: &f64| (-32768.0..=32767.0).contains(v);
        let fits_f32 = |v: &f64| f64::from(*v as f32) == *v;
        if let Self::I16(narrow) = self
            && !chunk.iter().all(fits_i16)
        {
            let mut wider = reserve(count)?;
            wider.extend(narrow.iter().map(|&v| f32::from(v)));
            *self = Self::F32(wider);
        }
        if let Self::F32(narrow) = self
            && !chunk.iter().all(fits_f32)
        {
            let mut wider = reserve(count)?;
            wider.extend(narrow.iter().map(|&v| f64::from(v)));
            *self = Self::F64(wider);
        }
        match self {
            Self::I16(voxels) => voxels.extend(chunk.iter().map(|&v| v as i16)),
            Self::F32(voxels) => voxels.extend(chunk.iter().map(|&v| v as f32)),
            Self::F64(voxels) => voxels.extend_from_slice(chunk),
        }
        Ok(())
    }
}

/// Read the voxels of an image.
///
/// The type of the result follows from the stored type, the scaling and, for integers, the
/// values:
/// - integers that stay integers (no scaling, or a whole slope and intercept) become the
///   first of `i16`, `f32`, `f64` that holds every voxel exactly; a 64-bit integer beyond
///   2^53 is an error;
/// - floats without scaling keep their width;
/// - everything else is computed in double precision and kept as `f32` where the file stores
///   16 bits or fewer (which then carry no more than 16 bits of information), else as `f64`.
pub(crate) fn read_image(
    reader: &mut dyn Read,
    geometry: &Geometry,
    stored: Stored,
) -> Result<Narrowest, SampleError> {
    let Stored {
        dtype,
        byte_order: order,
        scaling,
    } = stored;
    let count = geometry.len();
    if scaling == Scaling::NONE {
        match dtype {
            StoredType::U8 => return collect::<u8, _>(reader, count, order).map(Narrowest::I16),
            StoredType::I8 => return collect::<i8, _>(reader, count, order).map(Narrowest::I16),
            StoredType::I16 => return collect::<i16, _>(reader, count, order).map(Narrowest::I16),
            StoredType::F32 => return collect::<f32, _>(reader, count, order).map(Narrowest::F32),
            StoredType::F64 => return collect::<f64, _>(reader, count, order).map(Narrowest::F64),
            _ => {}
        }
    }
    let mut voxels = if !dtype.is_float() && scaling.is_integral() {
        Narrowest::I16(reserve(count)?)
    } else if dtype.bytes() <= 2 {
        Narrowest::F32(reserve(count)?)
    } else {
        Narrowest::F64(reserve(count)?)
    };
    let rounded = !scaling.is_integral() || dtype.is_float();
    let mut values = Vec::with_capacity(CHUNK_BYTES);
    with_sample!(dtype, S => for_each_chunk::<S>(reader, count, order, |start, chunk| {
        values.clear();
        for (i, sample) in chunk.iter().enumerate() {
            let exact = sample.exact().ok_or(SampleError::Inexact { index: start + i })?;
            values.push(scaling.apply(exact));
        }
        match &mut voxels {
            Narrowest::F32(voxels) if rounded => {
                voxels.extend(values.iter().map(|&v| v as f32));
                Ok(())
            }
            voxels => voxels.extend(&values, count),
        }
    }))?;
    Ok(voxels)
}

/// One of several values that a file stores a voxel, next to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) index: usize,
    pub(crate) count: usize,
}

impl Channel {
    /// The one channel of a file without channels.
    pub(crate) const ONLY: Self = Self { index: 0, count: 1 };
}

/// Read a channel of the voxels of a label map: whole numbers from 0 to 65535 after scaling.
pub(crate) fn read_labels(
    reader: &mut dyn Read,
    geometry: &Geometry,
    stored: Stored,
    channel: Channel,
) -> Result<Vec<u16>, SampleError> {
    let Stored {
        dtype,
        byte_order: order,
        scaling,
    } = stored;
    let count = geometry.len();
    if scaling == Scaling::NONE && channel == Channel::ONLY {
        match dtype {
            StoredType::U8 => return collect::<u8, _>(reader, count, order),
            StoredType::U16 => return collect::<u16, _>(reader, count, order),
            _ => {}
        }
    }
    let mut voxels = reserve(count)?;
    let values = count * channel.count;
    with_sample!(dtype, S => for_each_chunk::<S>(reader, values, order, |start, chunk| {
        for (i, sample) in chunk.iter().enumerate() {
            if (start + i) % channel.count != channel.index {
                continue;
            }
            let index = (start + i) / channel.count;
            let exact = sample.exact().ok_or(SampleError::Inexact { index })?;
            voxels.push(label(scaling.apply(exact)).map_err(|value| SampleError::Label { index, value })?);
        }
        Ok(())
    }))?;
    Ok(voxels)
}

/// A value as a label, or the value back if it is none.
fn label(value: f64) -> Result<u16, f64> {
    if value.fract() == 0.0 && (0.0..=65535.0).contains(&value) {
        Ok(value as u16)
    } else {
        Err(value)
    }
}

/// Put voxels on their grid.
pub(crate) fn into_image(
    geometry: Geometry,
    voxels: Narrowest,
) -> Result<Image, crate::geometry::GeometryError> {
    Ok(match voxels {
        Narrowest::I16(voxels) => Image::I16(Volume::new(geometry, voxels)?),
        Narrowest::F32(voxels) => Image::F32(Volume::new(geometry, voxels)?),
        Narrowest::F64(voxels) => Image::F64(Volume::new(geometry, voxels)?),
    })
}
