//! Local binary patterns in slices.

use rayon::prelude::*;
use renalflow_imaging::{Image, with_image};

use super::{Derived, Lbp2dMethod, Source};
use crate::error::RadiomicsError;
use crate::simd::{Kernel, run_widest};

/// Samples that fit a pattern of 64 bits.
pub(crate) const MAX_SAMPLES: usize = 64;
/// Samples whose pattern, read as a number, scikit-image's 32-bit weights can hold.
pub(crate) const MAX_SAMPLES_AS_NUMBER: usize = 31;
/// Radius that bounds the memory of a slice with its margin.
pub(crate) const MAX_RADIUS_VOXELS: f64 = 256.0;

/// Pixels that are computed side by side.
const LANES: usize = 16;

/// Local binary patterns in every slice of the window.
///
/// As scikit-image's `local_binary_pattern` (Ojala et al., *IEEE PAMI* 2002;24:971), which is
/// what PyRadiomics calls: `samples` points on a circle around a pixel, the first on its right
/// and counted against the clock, are compared with it; between pixels they are interpolated
/// linearly, beyond the border they are 0. Slices lie across the source's axis, or across z
/// where it is in 3D. The result has the type of the image, so that an image of integers cuts
/// off the decimals of [`Lbp2dMethod::Var`] and makes 0 of its NaN.
///
/// # Errors
/// [`RadiomicsError::Setting`] for no samples, for more than 64 (31 where a pattern becomes a
/// number), and for a radius that is negative, not finite or over 256.
pub fn local_binary_pattern_2d(
    source: &Source<'_>,
    radius_voxels: f64,
    samples: usize,
    method: Lbp2dMethod,
) -> Result<Derived, RadiomicsError> {
    let circle = Circle::new(radius_voxels, samples, method)?;
    let slice_axis = source.force_2d_across_axis.unwrap_or(0).min(2);
    // Rows and columns of a slice, as numpy's swapaxes leaves them.
    let (row_axis, column_axis) = match slice_axis {
        0 => (1, 2),
        1 => (0, 2),
        _ => (1, 0),
    };
    let axes = [slice_axis, row_axis, column_axis];
    let [count, rows, columns] = axes.map(|axis| source.window.shape_zyx[axis]);
    let slices: Vec<Vec<f64>> = (0..count)
        .into_par_iter()
        .map(|slice| {
            let padded = circle.slice(source, axes, slice);
            let mut values = vec![0.0; rows * columns];
            run_widest(Patterns {
                circle: &circle,
                padded: &padded,
                first: [row_axis, column_axis].map(|axis| source.window.start_zyx[axis]),
                shape: [rows, columns],
                values: &mut values,
            });
            values
        })
        .collect();

    let mut values = vec![0.0; source.inside.len()];
    let [_, ny, nx] = source.window.shape_zyx;
    let strides_zyx = [ny * nx, nx, 1];
    let [slice_stride, row_stride, column_stride] = axes.map(|axis| strides_zyx[axis]);
    let cast = cast_of(source.image);
    for (slice, pixels) in slices.iter().enumerate() {
        for (row, pixels) in pixels.chunks_exact(columns).enumerate() {
            let start = slice * slice_stride + row * row_stride;
            for (column, &pixel) in pixels.iter().enumerate() {
                values[start + column * column_stride] = cast(pixel);
            }
        }
    }
    Ok(Derived {
        name: "lbp-2D".to_owned(),
        values,
    })
}

/// What is left of a number where numpy assigns it to an array of the image's type.
fn cast_of(image: &Image) -> fn(f64) -> f64 {
    match image {
        // Beyond 32 bits, and for NaN, x86 converts to the number whose low 16 bits are 0.
        Image::I16(_) => |value| {
            let value = value.trunc();
            if value.abs() < 2_147_483_648.0 {
                f64::from(value as i32 as i16)
            } else {
                0.0
            }
        },
        Image::F32(_) => |value| f64::from(value as f32),
        Image::F64(_) => |value| value,
    }
}

/// Where samples are taken, and what becomes of them.
struct Circle {
    /// Offsets (row, column) from the pixel.
    offsets: Vec<[f64; 2]>,
    method: Lbp2dMethod,
    /// Pixels around the window that samples may reach.
    margin: usize,
    /// The code of each pattern, where there are few patterns.
    codes: Vec<f64>,
}

impl Circle {
    fn new(
        radius_voxels: f64,
        samples: usize,
        method: Lbp2dMethod,
    ) -> Result<Self, RadiomicsError> {
        let is_number = matches!(method, Lbp2dMethod::Default | Lbp2dMethod::Ror);
        let most = if is_number {
            MAX_SAMPLES_AS_NUMBER
        } else {
            MAX_SAMPLES
        };
        if !(1..=most).contains(&samples) {
            return Err(RadiomicsError::Setting {
                name: "lbp2DSamples",
                value: samples.to_string(),
                rule: if is_number {
                    "it must be between 1 and 31, so that a pattern fits a 32-bit number"
                } else {
                    "it must be between 1 and 64"
                },
            });
        }
        if !(0.0..=MAX_RADIUS_VOXELS).contains(&radius_voxels) {
            return Err(RadiomicsError::Setting {
                name: "lbp2DRadius",
                value: radius_voxels.to_string(),
                rule: "it must be a number of voxels between 0 and 256",
            });
        }
        // scikit-image takes the radius in single precision and rounds to five decimals.
        let radius = f64::from(radius_voxels as f32);
        let rounded = |x: f64| (x * 1e5).round_ties_even() / 1e5;
        let offsets = (0..samples)
            .map(|i| {
                let angle = 2.0 * std::f64::consts::PI * i as f64 / samples as f64;
                [
                    rounded(-radius * angle.sin()),
                    rounded(radius * angle.cos()),
                ]
            })
            .collect();
        let mut circle = Self {
            offsets,
            method,
            margin: radius.ceil() as usize + 1,
            codes: Vec::new(),
        };
        if samples <= 12 && method != Lbp2dMethod::Var {
            circle.codes = (0..1u64 << samples).map(|bits| circle.code(bits)).collect();
        }
        Ok(circle)
    }

    /// The number that a pattern becomes; bit `i` says whether sample `i` is at least as large
    /// as the pixel.
    fn code(&self, bits: u64) -> f64 {
        let samples = self.offsets.len();
        let all = u64::MAX >> (64 - samples);
        let ones = bits.count_ones() as usize;
        match self.method {
            Lbp2dMethod::Default => bits as f64,
            Lbp2dMethod::Ror => (0..samples)
                .map(|by| ((bits >> by) | (bits << (samples - by))) & all)
                .min()
                .unwrap_or(bits) as f64,
            Lbp2dMethod::Uniform | Lbp2dMethod::NriUniform | Lbp2dMethod::Var => {
                // Between the last sample and the first no change is counted.
                let changes = ((bits ^ (bits >> 1)) & (all >> 1)).count_ones();
                match (self.method, changes <= 2) {
                    (Lbp2dMethod::NriUniform, true) => {
                        let (p, n) = (samples as f64, ones as f64);
                        if ones == 0 {
                            0.0
                        } else if ones == samples {
                            p * (p - 1.0) + 1.0
                        } else {
                            let rotation = if bits & 1 == 1 {
                                n - f64::from((!bits).trailing_zeros())
                            } else {
                                p - f64::from(bits.trailing_zeros())
                            };
                            1.0 + (n - 1.0) * p + rotation
                        }
                    }
                    (Lbp2dMethod::NriUniform, false) => (samples * (samples - 1) + 2) as f64,
                    (_, true) => ones as f64,
                    (_, false) => (samples + 1) as f64,
                }
            }
        }
    }

    /// A slice of the window with the margin around it, 0 beyond the image.
    fn slice(&self, source: &Source<'_>, axes: [usize; 3], slice: usize) -> Vec<f64> {
        let shape_zyx = source.image.geometry().shape_zyx;
        let strides_zyx = [shape_zyx[1] * shape_zyx[2], shape_zyx[2], 1];
        let [slice_axis, row_axis, column_axis] = axes;
        let window = source.window;
        let [rows, columns] =
            [row_axis, column_axis].map(|axis| window.shape_zyx[axis] + 2 * self.margin);
        let base = (window.start_zyx[slice_axis] + slice) * strides_zyx[slice_axis];
        // What of the padded rows and columns is in the image.
        let within = |axis: usize, count: usize| {
            let skip = self.margin.saturating_sub(window.start_zyx[axis]);
            let first = window.start_zyx[axis] + skip - self.margin;
            (skip, first, (count - skip).min(shape_zyx[axis] - first))
        };
        let (skip_rows, first_row, row_count) = within(row_axis, rows);
        let (skip_columns, first_column, column_count) = within(column_axis, columns);
        let mut padded = vec![0.0; rows * columns];
        for row in 0..row_count {
            let from = base
                + (first_row + row) * strides_zyx[row_axis]
                + first_column * strides_zyx[column_axis];
            let to = (skip_rows + row) * columns + skip_columns;
            let pixels = &mut padded[to..to + column_count];
            with_image!(source.image, volume => {
                copy_strided(&volume.voxels()[from..], strides_zyx[column_axis], pixels);
            });
        }
        padded
    }
}

fn copy_strided<T: Copy + Into<f64>>(voxels: &[T], stride: usize, pixels: &mut [f64]) {
    for (pixel, &voxel) in pixels.iter_mut().zip(voxels.iter().step_by(stride)) {
        *pixel = voxel.into();
    }
}

struct Patterns<'a> {
    circle: &'a Circle,
    padded: &'a [f64],
    /// Row and column in the image of the first pixel.
    first: [usize; 2],
    shape: [usize; 2],
    values: &'a mut [f64],
}

/// A sample of each pixel of a row.
struct Sample<'a> {
    /// The pixels that surround the samples, in the rows above and below.
    corners: [&'a [f64]; 4],
    /// How far below the upper row the samples lie, and how far right of the left column.
    below: f64,
    right: &'a [f64],
}

impl Kernel for Patterns<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let circle = self.circle;
        let [rows, columns] = self.shape;
        let margin = circle.margin;
        let padded_columns = columns + 2 * margin;
        // The position of a sample is rounded with the index of the pixel in it, as
        // scikit-image does, because in flat regions the last bit decides the comparison.
        let fractions: Vec<f64> = circle
            .offsets
            .iter()
            .flat_map(|[_, offset]| {
                (0..columns).map(move |column| {
                    let at = (self.first[1] + column) as f64 + offset;
                    at - at.floor()
                })
            })
            .collect();
        let mut samples = Vec::with_capacity(circle.offsets.len());
        for row in 0..rows {
            samples.clear();
            for (i, &[down, right]) in circle.offsets.iter().enumerate() {
                let at = (self.first[0] + row) as f64 + down;
                let place = |down: f64, right: f64| {
                    let row = ((row + margin) as f64 + down) as usize;
                    let column = (margin as f64 + right) as usize;
                    let start = row * padded_columns + column;
                    &self.padded[start..start + columns]
                };
                samples.push(Sample {
                    corners: [
                        place(down.floor(), right.floor()),
                        place(down.floor(), right.ceil()),
                        place(down.ceil(), right.floor()),
                        place(down.ceil(), right.ceil()),
                    ],
                    below: at - at.floor(),
                    right: &fractions[i * columns..(i + 1) * columns],
                });
            }
            let start = (row + margin) * padded_columns + margin;
            let centres = &self.padded[start..start + columns];
            let values = &mut self.values[row * columns..(row + 1) * columns];
            for start in (0..columns).step_by(LANES) {
                let width = LANES.min(columns - start);
                let stretch = start..start + width;
                if circle.method == Lbp2dMethod::Var {
                    variances(&samples, start, &mut values[stretch]);
                } else {
                    let bits = patterns(&samples, &centres[stretch.clone()], start);
                    for (value, &bits) in values[stretch].iter_mut().zip(&bits) {
                        *value = match circle.codes.get(bits as usize) {
                            Some(&code) => code,
                            None => circle.code(bits),
                        };
                    }
                }
            }
        }
    }
}

impl Sample<'_> {
    /// The samples of the pixels from `start` on.
    #[inline(always)]
    fn at(&self, start: usize, width: usize) -> [f64; LANES] {
        let stretch = start..start + width;
        let corners = self.corners.map(|row| &row[stretch.clone()]);
        let right = &self.right[stretch];
        let mut values = [0.0; LANES];
        for l in 0..width {
            let top = (1.0 - right[l]) * corners[0][l] + right[l] * corners[1][l];
            let bottom = (1.0 - right[l]) * corners[2][l] + right[l] * corners[3][l];
            values[l] = (1.0 - self.below) * top + self.below * bottom;
        }
        values
    }
}

#[inline(always)]
fn patterns(samples: &[Sample<'_>], centres: &[f64], start: usize) -> [u64; LANES] {
    let mut bits = [0u64; LANES];
    let width = centres.len();
    for (i, sample) in samples.iter().enumerate() {
        // Of a known width the loops become vectors.
        let values = if width == LANES {
            sample.at(start, LANES)
        } else {
            sample.at(start, width)
        };
        for l in 0..width {
            bits[l] |= u64::from(values[l] - centres[l] >= 0.0) << i;
        }
    }
    bits
}

#[inline(always)]
fn variances(samples: &[Sample<'_>], start: usize, variances: &mut [f64]) {
    let width = variances.len();
    let count = samples.len() as f64;
    let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
    for sample in samples {
        let values = sample.at(start, width);
        for l in 0..width {
            sums[l] += values[l];
            squares[l] += values[l] * values[l];
        }
    }
    for l in 0..width {
        let variance = (squares[l] - (sums[l] * sums[l]) / count) / count;
        variances[l] = if variance == 0.0 { f64::NAN } else { variance };
    }
}
