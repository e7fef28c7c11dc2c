//! Stationary (undecimated) wavelet transform.

mod bank;
mod convolve;
mod level;

pub use bank::{FilterBank, wavelet_names};

use std::collections::VecDeque;

use renalflow_imaging::Image;

use super::{Derived, Source};
use crate::error::RadiomicsError;
use level::{Array, Extent, Level, Real};

/// Levels beyond which intensities grow out of single precision.
const MAX_LEVELS: usize = 100;

/// The sub-bands of a stationary wavelet transform, in the order of PyRadiomics' columns: level
/// by level the detail bands, at the end the approximation of the last level.
///
/// A level is PyWavelets' `swtn(level=1)` of the approximation of the one before, the image
/// padded to even lengths by its first voxels and periodic beyond. Letters of a name are the
/// filters along x, y and z (along the two axes of a slice where the source is in 2D), `L` low
/// and `H` high. Single-precision images are transformed in single precision, all others in
/// double; sums have PyWavelets' order, so that the bits are its.
///
/// # Errors
/// [`RadiomicsError::UnknownWavelet`]; [`RadiomicsError::Setting`] for more than 100 levels.
pub fn stationary_wavelet(
    source: &Source<'_>,
    wavelet: &str,
    start_level: usize,
    levels: usize,
) -> Result<Vec<Derived>, RadiomicsError> {
    let bank = FilterBank::of(wavelet)?;
    if start_level.saturating_add(levels) > MAX_LEVELS {
        return Err(RadiomicsError::Setting {
            name: "start_level + level",
            value: start_level.saturating_add(levels).to_string(),
            rule: "it must be at most 100",
        });
    }
    let shape_zyx = source.image.geometry().shape_zyx;
    Ok(match source.image {
        Image::I16(volume) => {
            let image = Array::whole(volume.voxels(), shape_zyx);
            transform::<f64, _>(source, &image, &bank, start_level, levels)
        }
        Image::F32(volume) => {
            let image = Array::whole(volume.voxels(), shape_zyx);
            transform::<f32, _>(source, &image, &bank, start_level, levels)
        }
        Image::F64(volume) => {
            let image = Array::whole(volume.voxels(), shape_zyx);
            transform::<f64, _>(source, &image, &bank, start_level, levels)
        }
    })
}

fn transform<T: Real, V: Copy + Into<T> + Sync>(
    source: &Source<'_>,
    image: &Array<'_, V>,
    bank: &FilterBank,
    start_level: usize,
    levels: usize,
) -> Vec<Derived> {
    let shape_zyx = source.image.geometry().shape_zyx;
    let is_filtered: [bool; 3] =
        std::array::from_fn(|axis| source.force_2d_across_axis != Some(axis));
    let axis_count = is_filtered.iter().filter(|&&filtered| filtered).count();
    let window: [Extent; 3] = std::array::from_fn(|axis| Extent {
        start: source.window.start_zyx[axis],
        len: source.window.shape_zyx[axis],
        period: shape_zyx[axis] + shape_zyx[axis] % 2,
    });

    // What each level must give for the next one to give what it must.
    let mut extents = VecDeque::from([window]);
    for _ in 1..start_level.saturating_add(levels) {
        let mut wider = extents[0];
        for axis in (0..3).filter(|&axis| is_filtered[axis]) {
            wider[axis] = wider[axis].support(bank.low.len());
        }
        // Further levels need no more once this one needs everything.
        if wider == extents[0] {
            break;
        }
        extents.push_front(wider);
    }
    let extent_of = |level: usize, total: usize| {
        let from_end = total - 1 - level;
        extents[(extents.len() - 1).saturating_sub(from_end)]
    };

    let mut derived = Vec::new();
    let mut approximation: Option<(Vec<T>, [Extent; 3])> = None;
    let total = start_level.saturating_add(levels);
    for index in 0..total {
        let is_wanted = index >= start_level;
        let level = Level {
            bank,
            is_filtered,
            output: extent_of(index, total),
        };
        let bands = match &approximation {
            None => level.transform(image, is_wanted),
            Some((values, extents)) => {
                level.transform::<T, T>(&Array::of(values, extents), is_wanted)
            }
        };
        let mut bands = VecDeque::from(bands);
        approximation = bands.pop_front().map(|band| (band, level.output));
        let number = index.saturating_sub(start_level) + 1;
        for (band, values) in bands.into_iter().enumerate() {
            derived.push(Derived {
                name: name(number, band + 1, axis_count),
                values: level::cut(&values, &level.output, &window),
            });
        }
    }
    let values = match &approximation {
        Some((values, extents)) => level::cut(values, extents, &window),
        None => level::cut_array::<T, V>(image, &window),
    };
    derived.push(Derived {
        name: name(levels, 0, axis_count),
        values,
    });
    derived
}

/// `wavelet-LLH`, `wavelet2-HH`; the bits of `band`, highest first, are the letters.
fn name(level: usize, band: usize, axis_count: usize) -> String {
    let letters: String = (0..axis_count)
        .rev()
        .map(|bit| if band >> bit & 1 == 0 { 'L' } else { 'H' })
        .collect();
    match level {
        1 => format!("wavelet-{letters}"),
        _ => format!("wavelet{level}-{letters}"),
    }
}
