//! The pixels of the slices of a series, decoded in parallel into one volume.

use std::path::Path;

use bytemuck::Zeroable;
use dicom_dictionary_std::tags;
use dicom_pixeldata::PixelDecoder;
use rayon::prelude::*;

use super::{
    attributes::{self, Attributes},
    rle,
    scan::Slice,
};
use crate::{
    geometry::Geometry,
    io::{ReadError, stored::Scaling},
    volume::{Image, Volume},
};

/// Decode slices, which lie in the order of the array's first axis.
pub(super) fn read(
    folder: &Path,
    geometry: Geometry,
    slices: &[Slice],
) -> Result<Image, ReadError> {
    let grid = |source| ReadError::Geometry {
        path: folder.to_owned(),
        source,
    };
    let fractional = slices.iter().any(|slice| !slice.scaling.is_integral());
    if fractional {
        // Sixteen stored bits, rescaled: single precision keeps them apart.
        if let Some(voxels) = decode(folder, slices, |value| Some(value as f32))? {
            return Volume::new(geometry, voxels).map(Image::F32).map_err(grid);
        }
    } else if let Some(voxels) = decode(folder, slices, exact_i16)? {
        return Volume::new(geometry, voxels).map(Image::I16).map_err(grid);
    } else if let Some(voxels) = decode(folder, slices, exact_f32)? {
        return Volume::new(geometry, voxels).map(Image::F32).map_err(grid);
    }
    let voxels = decode(folder, slices, Some)?.unwrap_or_default();
    Volume::new(geometry, voxels).map(Image::F64).map_err(grid)
}

fn exact_i16(value: f64) -> Option<i16> {
    let voxel = value as i16;
    (f64::from(voxel) == value).then_some(voxel)
}

fn exact_f32(value: f64) -> Option<f32> {
    let voxel = value as f32;
    (f64::from(voxel) == value).then_some(voxel)
}

/// Decode every slice into its place. `None` where a voxel does not convert.
fn decode<T: Zeroable + Copy + Send>(
    folder: &Path,
    slices: &[Slice],
    convert: impl Fn(f64) -> Option<T> + Sync,
) -> Result<Option<Vec<T>>, ReadError> {
    let slice_len = slices.first().map_or(0, |s| s.shape_yx[0] * s.shape_yx[1]);
    if slice_len == 0 {
        return Ok(None);
    }
    // A pixel takes a byte or more; how many is not known before the file is decoded.
    if let Some(short) = (slices.iter()).find(|slice| slice_len as u64 > slice.most_pixel_bytes) {
        return Err(ReadError::Short {
            path: short.path.clone(),
            expected_bytes: slice_len as u128,
            available_bytes: short.most_pixel_bytes,
            exact: false,
        });
    }
    let count = slice_len * slices.len();
    // Zeros that the system gives, page by page as slices are decoded into them: what a header
    // promises and its pixels do not keep is never touched.
    let mut voxels: Vec<T> =
        bytemuck::allocation::try_zeroed_vec(count).map_err(|()| ReadError::Memory {
            path: folder.to_owned(),
            bytes: count as u128 * size_of::<T>() as u128,
        })?;
    let decoded: Vec<Result<bool, ReadError>> = voxels
        .par_chunks_exact_mut(slice_len)
        .zip(slices)
        .map(|(voxels, slice)| decode_slice(slice, voxels, &convert))
        .collect();
    let mut fits = true;
    for slice in decoded {
        fits &= slice?;
    }
    Ok(fits.then_some(voxels))
}

/// Whether every voxel of the slice converted.
fn decode_slice<T>(
    slice: &Slice,
    voxels: &mut [T],
    convert: impl Fn(f64) -> Option<T>,
) -> Result<bool, ReadError> {
    let object = attributes::open(&slice.path, None)?;
    let attributes = Attributes::new(&slice.path, &object);
    let format = PixelFormat::of(attributes)?;
    rle::check(attributes, &object)?;
    let decoded = object
        .decode_pixel_data()
        .map_err(|error| attributes::decoding(&slice.path, &error, attributes::FIX_PIXELS))?;
    let bytes = decoded.data();
    let expected = voxels.len() * format.bytes;
    if bytes.len() < expected {
        return Err(ReadError::Short {
            path: slice.path.clone(),
            expected_bytes: expected as u128,
            available_bytes: bytes.len() as u64,
            exact: true,
        });
    }
    let Scaling { slope, intercept } = slice.scaling;
    let samples = bytes[..expected].chunks_exact(format.bytes);
    for (voxel, sample) in voxels.iter_mut().zip(samples) {
        match convert(slope * f64::from(format.value(sample)) + intercept) {
            Some(converted) => *voxel = converted,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// How one sample stands in its bytes (C.7.6.3.1).
struct PixelFormat {
    bytes: usize,
    /// Bits above the stored ones, to be shifted out on the left.
    above: u32,
    /// Bits that are not stored, to be shifted out on the right.
    unused: u32,
    signed: bool,
}

impl PixelFormat {
    fn of(attributes: Attributes<'_>) -> Result<Self, ReadError> {
        let unsupported = |what: String| ReadError::Unsupported {
            path: attributes.path.to_owned(),
            what,
            fix: "export the series as grey values of 8 or 16 bits",
        };
        let photometric = attributes.need_text(tags::PHOTOMETRIC_INTERPRETATION)?;
        let samples: u16 = attributes.need_integer(tags::SAMPLES_PER_PIXEL)?;
        if samples != 1 || !photometric.starts_with("MONOCHROME") {
            return Err(unsupported(format!("an image in {photometric}")));
        }
        let allocated: u32 = attributes.need_integer(tags::BITS_ALLOCATED)?;
        if allocated != 8 && allocated != 16 {
            return Err(unsupported(format!("a pixel of {allocated} bits")));
        }
        let stored: u32 = attributes.need_integer(tags::BITS_STORED)?;
        let high: u32 = attributes.need_integer(tags::HIGH_BIT)?;
        if stored == 0 || stored > high + 1 || high >= allocated {
            return Err(attributes.header(format!(
                "BitsStored is {stored}, HighBit {high}, BitsAllocated {allocated}"
            )));
        }
        let signed: u16 = attributes.need_integer(tags::PIXEL_REPRESENTATION)?;
        Ok(Self {
            bytes: allocated as usize / 8,
            above: 31 - high,
            unused: 32 - stored,
            signed: signed == 1,
        })
    }

    /// The stored value, without the bits around it.
    #[inline]
    fn value(&self, sample: &[u8]) -> i32 {
        // The decoder hands out 16-bit samples in the machine's order.
        let raw = match *sample {
            [low, high] => u32::from(u16::from_ne_bytes([low, high])),
            [byte] => u32::from(byte),
            _ => 0,
        };
        let left = raw << self.above;
        if self.signed {
            (left as i32) >> self.unused
        } else {
            (left >> self.unused) as i32
        }
    }
}
