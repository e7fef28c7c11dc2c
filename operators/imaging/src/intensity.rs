//! Windows, clipping and normalisation of intensities.
//!
//! Not-a-number stays what it is and takes no part in any statistic; infinities take no part
//! either, are clipped like other values, and stay infinite where nothing clips. Results are
//! `f32` (`f64` for `f64` images) except where clipping leaves 16-bit integers integers.

use rayon::prelude::*;
use thiserror::Error;

use crate::{
    same_grid::{GridMismatch, check_same_grid},
    volume::{Image, Volume},
    with_image,
};

/// Why intensities cannot be mapped as asked.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum IntensityError {
    /// A range without extent.
    #[error(
        "the intensity range {lower}..{upper} is empty: its ends must be finite, the lower one smaller"
    )]
    Range {
        /// Lower end.
        lower: f64,
        /// Upper end.
        upper: f64,
    },
    /// Percentiles outside 0..100 or in the wrong order.
    #[error("percentiles {lower} and {upper} are no range: 0 <= lower < upper <= 100")]
    Percentiles {
        /// Lower percentile.
        lower: f64,
        /// Upper percentile.
        upper: f64,
    },
    /// Nothing to compute a statistic of.
    #[error(
        "there is no finite voxel {0}: no statistic can be computed; check the mask and the image"
    )]
    NoVoxels(&'static str),
    /// Image and mask do not lie on one grid.
    #[error(transparent)]
    Grid(#[from] GridMismatch),
}

/// An intensity range: what a CT window shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    lower: f64,
    upper: f64,
}

impl Range {
    /// A range from end to end.
    ///
    /// # Errors
    /// Ends that are not finite, or a lower end that is not below the upper.
    pub fn new(lower: f64, upper: f64) -> Result<Self, IntensityError> {
        if lower.is_finite() && upper.is_finite() && lower < upper {
            Ok(Self { lower, upper })
        } else {
            Err(IntensityError::Range { lower, upper })
        }
    }

    /// A window as the console states it: `center_hu ± width_hu / 2`.
    ///
    /// The interval is the mathematical one; DICOM's (PS3.3 C.11.2.1.2) differs by half a grey
    /// level, which matters to displays only.
    ///
    /// # Errors
    /// A width that is not positive, or anything not finite.
    pub fn window(center_hu: f64, width_hu: f64) -> Result<Self, IntensityError> {
        Self::new(center_hu - width_hu / 2.0, center_hu + width_hu / 2.0)
    }

    /// The lower end.
    #[must_use]
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// The upper end.
    #[must_use]
    pub fn upper(&self) -> f64 {
        self.upper
    }
}

/// Values below the range become its lower end, values above its upper end.
///
/// 16-bit images stay 16-bit if both ends are whole numbers, and become `f32` otherwise.
#[must_use]
pub fn clip(image: &Image, range: Range) -> Image {
    let Range { lower, upper } = range;
    match image {
        Image::I16(volume) if lower.fract() == 0.0 && upper.fract() == 0.0 => {
            // The casts saturate, which is what clipping to a range beyond 16 bits means. A
            // range that holds no 16-bit value at all has an end that none can take.
            if lower > f64::from(i16::MAX) || upper < f64::from(i16::MIN) {
                return Image::F32(map(volume, |v| f64::from(v).clamp(lower, upper) as f32));
            }
            let (lower, upper) = (lower as i16, upper as i16);
            Image::I16(map(volume, |v| v.clamp(lower, upper)))
        }
        Image::I16(volume) => Image::F32(map(volume, |v| f64::from(v).clamp(lower, upper) as f32)),
        Image::F32(volume) => {
            let (lower, upper) = (lower as f32, upper as f32);
            Image::F32(map(volume, |v| v.clamp(lower, upper)))
        }
        Image::F64(volume) => Image::F64(map(volume, |v| v.clamp(lower, upper))),
    }
}

/// Clip to a range and map it to 0..1.
#[must_use]
pub fn clip_to_unit(image: &Image, range: Range) -> Image {
    let Range { lower, upper } = range;
    let unit = move |v: f64| (v.clamp(lower, upper) - lower) / (upper - lower);
    map_real(image, unit)
}

/// Mean and standard deviation of finite voxels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the population (divided by n, as `numpy.std`).
    pub standard_deviation: f64,
    /// Number of finite voxels.
    pub voxels: usize,
}

/// Mean and standard deviation of an image, or of the part of it inside a mask.
///
/// # Errors
/// A mask on another grid; no finite voxel.
pub fn moments(image: &Image, mask: Option<&Volume<bool>>) -> Result<Moments, IntensityError> {
    let total = |f: &(dyn Fn(f64) -> f64 + Sync)| sum_finite(image, mask, f);
    if let Some(mask) = mask {
        check_same_grid(
            ("the image", image.geometry()),
            ("the mask", mask.geometry()),
        )?;
    }
    let (count, sum) = total(&|v| v);
    if count == 0 {
        return Err(no_voxels(mask));
    }
    let mean = sum / count as f64;
    let (_, squares) = total(&|v| (v - mean) * (v - mean));
    Ok(Moments {
        mean,
        standard_deviation: (squares / count as f64).sqrt(),
        voxels: count,
    })
}

/// `(v - mean) / standard deviation`, both of the whole image or of the part inside a mask;
/// all voxels are mapped.
///
/// A flat region has no deviation to divide by: it is only centred, so its voxels become 0.
///
/// # Errors
/// A mask on another grid; no finite voxel.
pub fn z_score(image: &Image, mask: Option<&Volume<bool>>) -> Result<Image, IntensityError> {
    let moments = moments(image, mask)?;
    let scale = if moments.standard_deviation > 0.0 {
        moments.standard_deviation
    } else {
        1.0
    };
    Ok(map_real(image, move |v| (v - moments.mean) / scale))
}

/// Percentile of the finite voxels, by numpy's default definition: linear interpolation
/// between the order statistics around `(n - 1) percent / 100`.
///
/// # Errors
/// A percentile outside 0..=100; a mask on another grid; no finite voxel.
pub fn percentiles<const N: usize>(
    image: &Image,
    mask: Option<&Volume<bool>>,
    percents: [f64; N],
) -> Result<[f64; N], IntensityError> {
    for percent in percents {
        if !(0.0..=100.0).contains(&percent) {
            return Err(IntensityError::Percentiles {
                lower: percent,
                upper: percent,
            });
        }
    }
    if let Some(mask) = mask {
        check_same_grid(
            ("the image", image.geometry()),
            ("the mask", mask.geometry()),
        )?;
    }
    let mut values = with_image!(image, volume => finite_values(volume, mask));
    if values.is_empty() {
        return Err(no_voxels(mask));
    }
    Ok(percents.map(|percent| {
        let rank = (values.len() - 1) as f64 * percent / 100.0;
        let below = rank.floor() as usize;
        let (_, &mut lower, above) = values.select_nth_unstable_by(below, f64::total_cmp);
        let upper = above
            .iter()
            .copied()
            .min_by(f64::total_cmp)
            .unwrap_or(lower);
        let fraction = rank - below as f64;
        // numpy interpolates from the nearer end.
        if fraction < 0.5 {
            lower + (upper - lower) * fraction
        } else {
            upper - (upper - lower) * (1.0 - fraction)
        }
    }))
}

/// Clip to the range between two percentiles of the image, or of the part inside a mask.
///
/// A flat region has no such range: its one value is what every finite voxel becomes.
///
/// # Errors
/// Percentiles that are no range within 0..=100; a mask on another grid; no finite voxel.
pub fn percentile_clip(
    image: &Image,
    mask: Option<&Volume<bool>>,
    lower_percent: f64,
    upper_percent: f64,
) -> Result<Image, IntensityError> {
    // Written so that NaN is refused.
    let ordered = lower_percent >= 0.0 && lower_percent < upper_percent && upper_percent <= 100.0;
    if !ordered {
        return Err(IntensityError::Percentiles {
            lower: lower_percent,
            upper: upper_percent,
        });
    }
    let [lower, upper] = percentiles(image, mask, [lower_percent, upper_percent])?;
    // Rounding may leave the ends of an almost flat range in the wrong order.
    let upper = upper.max(lower);
    Ok(clip(image, Range { lower, upper }))
}

fn no_voxels(mask: Option<&Volume<bool>>) -> IntensityError {
    IntensityError::NoVoxels(if mask.is_some() {
        "inside the mask"
    } else {
        "in the image"
    })
}

/// Voxels whose sum is taken at one go. Partial sums are added in order, so that the result
/// does not depend on the number of threads.
const CHUNK: usize = 1 << 16;

/// Number and sum of `f` over finite voxels.
fn sum_finite(
    image: &Image,
    mask: Option<&Volume<bool>>,
    f: &(dyn Fn(f64) -> f64 + Sync),
) -> (usize, f64) {
    with_image!(image, volume => partial_sums(volume, mask, f))
        .into_iter()
        .fold((0, 0.0), |(count, sum), (n, s)| (count + n, sum + s))
}

fn partial_sums<T: Copy + Into<f64> + Sync>(
    volume: &Volume<T>,
    mask: Option<&Volume<bool>>,
    f: &(dyn Fn(f64) -> f64 + Sync),
) -> Vec<(usize, f64)> {
    volume
        .voxels()
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(chunk, values)| {
            let inside = mask.map(|mask| &mask.voxels()[chunk * CHUNK..]);
            values
                .iter()
                .enumerate()
                .filter(|&(i, _)| inside.is_none_or(|inside| inside[i]))
                .map(|(_, &v)| v.into())
                .filter(|v: &f64| v.is_finite())
                .fold((0, 0.0), |(count, sum), v| (count + 1, sum + f(v)))
        })
        .collect()
}

fn finite_values<T: Copy + Into<f64>>(volume: &Volume<T>, mask: Option<&Volume<bool>>) -> Vec<f64> {
    volume
        .voxels()
        .iter()
        .enumerate()
        .filter(|&(i, _)| mask.is_none_or(|mask| mask.voxels()[i]))
        .map(|(_, &v)| v.into())
        .filter(|v: &f64| v.is_finite())
        .collect()
}

fn map<T: Copy + Sync + Send, U: Send>(volume: &Volume<T>, f: impl Fn(T) -> U + Sync) -> Volume<U> {
    let voxels: Vec<U> = volume.voxels().par_iter().map(|&v| f(v)).collect();
    Volume::new(volume.geometry().clone(), voxels).expect("as many voxels as before")
}

/// Map in double precision, and keep it for `f64` images only.
fn map_real(image: &Image, f: impl Fn(f64) -> f64 + Sync) -> Image {
    match image {
        Image::I16(volume) => Image::F32(map(volume, |v| f(f64::from(v)) as f32)),
        Image::F32(volume) => Image::F32(map(volume, |v| f(f64::from(v)) as f32)),
        Image::F64(volume) => Image::F64(map(volume, f)),
    }
}
