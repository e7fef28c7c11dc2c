//! Filters that are products in the Fourier domain of a whole image.

use std::ops::Range;

use rayon::prelude::*;
use renalflow_imaging::with_image;
use rustfft::num_complex::Complex64;

use super::{
    Boundary, Dimensions, Source, block::Block, fourier::RealTransform, riesz::Riesz, slice_axis,
    window_of,
};
use crate::RadiomicsError;

/// The largest padded image, or slice, whose Fourier domain is worked in: 2²⁸ voxels, 2 GiB.
pub const MAX_FOURIER_VOXELS: usize = 1 << 28;

/// A real transfer function, put together from tables along the axes.
pub(super) trait Transfer: Sync {
    /// What the function needs to know of each frequency along z, y, x.
    fn tables(&self, shape_zyx: [usize; 3]) -> [Vec<[f64; 2]>; 3];

    /// The function from one entry of each table.
    fn gain(&self, parts_zyx: [[f64; 2]; 3]) -> f64;
}

/// Frequencies along an axis with `n` samples in the order of the discrete Fourier transform:
/// `n` numbers from -1 to 1, both included, and 0 for a single sample.
pub(super) fn frequencies(n: usize) -> Vec<f64> {
    let centre = (n as f64 - 1.0) / 2.0;
    (0..n)
        .map(|k| match n {
            1 => 0.0,
            _ => (((k + n / 2) % n) as f64 - centre) / centre,
        })
        .collect()
}

/// Multiply the spectrum of an image, or of its slices, and return the window.
///
/// Unless it is periodic the image goes on for half its length, or `padding_zyx` voxels if
/// that is more, on either side of each filtered axis.
///
/// # Errors
/// NaN or infinity in the image; a padded image beyond [`MAX_FOURIER_VOXELS`].
pub(super) fn filter_spectrum(
    source: &Source<'_>,
    dimensions: Dimensions,
    padding_zyx: [usize; 3],
    transfer: &impl Transfer,
    riesz: Option<Riesz>,
    boundary: Boundary,
    name: &str,
) -> Result<Vec<f64>, RadiomicsError> {
    let window = window_of(source)?;
    let shape_zyx = source.image.geometry().shape_zyx;
    let slices = match dimensions {
        Dimensions::Three => None,
        Dimensions::Two => Some(slice_axis(source)),
    };
    let padding: [usize; 3] = std::array::from_fn(|axis| match boundary {
        _ if slices == Some(axis) => 0,
        Boundary::Periodic => 0,
        _ => (shape_zyx[axis] / 2).max(padding_zyx[axis]),
    });
    let mut read = shape_zyx.map(|n| 0..n);
    let mut padded: [usize; 3] =
        std::array::from_fn(|axis| shape_zyx[axis].saturating_add(2 * padding[axis]));
    if let Some(axis) = slices {
        read[axis] = window[axis].clone();
        padded[axis] = 1;
    }
    let voxels = padded
        .iter()
        .try_fold(1usize, |product, &n| product.checked_mul(n));
    if voxels.is_none_or(|n| n > MAX_FOURIER_VOXELS) {
        return Err(RadiomicsError::FilterTooLarge {
            filter: name.to_owned(),
            padded_zyx: padded,
            bound_voxels: MAX_FOURIER_VOXELS,
        });
    }
    refuse_non_finite(source, read, name)?;

    let spectrum = Spectrum::new(padded, transfer, riesz);
    let filter = |slice: Option<usize>| {
        let place = |axis: usize, index: usize| match slice {
            Some(at) if slices == Some(axis) => Some(at),
            _ => boundary.source(index as isize - padding[axis] as isize, shape_zyx[axis]),
        };
        let within: [Range<usize>; 3] = std::array::from_fn(|axis| match slices {
            Some(across) if across == axis => 0..1,
            _ => window[axis].start + padding[axis]..window[axis].end + padding[axis],
        });
        spectrum.respond(|z, y, row| read_row(source, z, y, row, &place), &within)
    };
    let Some(across) = slices else {
        return Ok(filter(None));
    };
    let responses: Vec<Vec<f64>> = window[across]
        .clone()
        .into_par_iter()
        .map(|slice| filter(Some(slice)))
        .collect();
    Ok(stack(&responses, across, window.each_ref().map(Range::len)))
}

/// Put slices across an axis together.
///
/// # Shapes
/// `slices`: one an index of the axis, each in C order; returns `shape_zyx` in C order.
pub(super) fn stack(slices: &[Vec<f64>], across: usize, shape_zyx: [usize; 3]) -> Vec<f64> {
    let inner: usize = shape_zyx[across + 1..].iter().product();
    let outer: usize = shape_zyx[..across].iter().product();
    let mut values = Vec::with_capacity(shape_zyx.iter().product());
    for block in 0..outer {
        for slice in slices {
            values.extend_from_slice(&slice[block * inner..(block + 1) * inner]);
        }
    }
    values
}

/// Fill a row along x of the padded image, zeros where nothing stands in.
fn read_row(
    source: &Source<'_>,
    z: usize,
    y: usize,
    row: &mut [f64],
    place: &impl Fn(usize, usize) -> Option<usize>,
) {
    let [_, ny, nx] = source.image.geometry().shape_zyx;
    let (Some(z), Some(y)) = (place(0, z), place(1, y)) else {
        row.fill(0.0);
        return;
    };
    let start = (z * ny + y) * nx;
    with_image!(source.image, volume => fill(row, &volume.voxels()[start..start + nx], place));
}

fn fill<T: Copy + Into<f64>>(
    row: &mut [f64],
    voxels: &[T],
    place: &impl Fn(usize, usize) -> Option<usize>,
) {
    for (x, cell) in row.iter_mut().enumerate() {
        *cell = place(2, x).map_or(0.0, |x| voxels[x].into());
    }
}

fn refuse_non_finite(
    source: &Source<'_>,
    read: [Range<usize>; 3],
    name: &str,
) -> Result<(), RadiomicsError> {
    // Slice by slice, so that no copy of the whole image is made.
    for z in read[0].clone() {
        let slice = [z..z + 1, read[1].clone(), read[2].clone()];
        Block::read(source.image, slice, name)?;
    }
    Ok(())
}

/// A filter on the half of the Fourier domain that a real image needs.
///
/// `H(k) = (-j)^L (ρ(k) + (-1)^L ρ(-k)) / 2`: the part of the transfer function with which
/// real images have real responses.
struct Spectrum<'a, T: Transfer> {
    transform: RealTransform,
    transfer: &'a T,
    riesz: Option<Riesz>,
    tables_zyx: [Vec<[f64; 2]>; 3],
    nu_zyx: [Vec<f64>; 3],
}

impl<'a, T: Transfer> Spectrum<'a, T> {
    fn new(shape_zyx: [usize; 3], transfer: &'a T, riesz: Option<Riesz>) -> Self {
        Self {
            transform: RealTransform::new(shape_zyx),
            transfer,
            riesz,
            tables_zyx: transfer.tables(shape_zyx),
            nu_zyx: shape_zyx.map(frequencies),
        }
    }

    /// `ρ` at a place of the Fourier domain.
    fn gain(&self, place_zyx: [usize; 3]) -> f64 {
        let gain = self.transfer.gain(std::array::from_fn(|axis| {
            self.tables_zyx[axis][place_zyx[axis]]
        }));
        match &self.riesz {
            Some(riesz) if gain != 0.0 => {
                gain * riesz.gain(std::array::from_fn(|axis| {
                    self.nu_zyx[axis][place_zyx[axis]]
                }))
            }
            _ => gain,
        }
    }

    fn respond(
        &self,
        fill_row: impl Fn(usize, usize, &mut [f64]) + Sync,
        within: &[Range<usize>; 3],
    ) -> Vec<f64> {
        let shape = self.transform.shape_zyx();
        let order = self.riesz.map_or(0, |riesz| riesz.order());
        let (sign, phase) = match order % 4 {
            0 => (1.0, Complex64::new(1.0, 0.0)),
            1 => (-1.0, Complex64::new(0.0, -1.0)),
            2 => (1.0, Complex64::new(-1.0, 0.0)),
            _ => (-1.0, Complex64::new(0.0, 1.0)),
        };
        let mut values = self.transform.forward(fill_row);
        self.transform.multiply(&mut values, |place_zyx| {
            let mirrored =
                std::array::from_fn(|axis| (shape[axis] - place_zyx[axis]) % shape[axis]);
            phase * (0.5 * (self.gain(place_zyx) + sign * self.gain(mirrored)))
        });
        self.transform.inverse(values, within)
    }
}
