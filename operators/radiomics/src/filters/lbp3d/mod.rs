//! Local binary patterns on spheres, made independent of rotation by spherical harmonics.

mod kurtosis;
mod sampling;
mod sphere;
mod spline;

use rayon::prelude::*;
use renalflow_imaging::Image;

use super::{Derived, Source, read_row};
use crate::error::RadiomicsError;
use crate::simd::{Kernel, run_widest};
use kurtosis::{Real, Summation};
use sampling::{Scratch, Sphere};
use sphere::{Harmonics, TOGETHER, icosphere};
use spline::Coefficients;

/// Voxels that are computed side by side.
const LANES: usize = 8;

pub(crate) const MAX_LEVELS: usize = 32;
pub(crate) const MAX_SUBDIVISIONS: usize = 4;
pub(crate) const MAX_RADIUS_VOXELS: f64 = 64.0;

/// Local binary patterns in 3D: an image `lbp-3D-m<level>` a degree of spherical harmonics,
/// from degree 0 on, and `lbp-3D-k`, the kurtosis of the samples. Voxels outside the region
/// are 0.
///
/// As PyRadiomics (after Banerjee et al., *ACCV 2012 Workshops*, doi
/// 10.1007/978-3-642-37410-4_3): the image is sampled at the vertices of an icosphere around
/// each voxel, by cubic splines, 0 beyond the image; samples have the type of the image, those
/// of integers are rounded. The samples at least as large as the voxel are a pattern on the
/// sphere, and the size of its part at each degree is independent of rotation. The kurtosis is
/// NaN where all samples are equal.
///
/// # Errors
/// [`RadiomicsError::Setting`] for no levels or more than 32, more than 4 subdivisions, and a
/// radius that is not positive or over 64.
pub fn local_binary_pattern_3d(
    source: &Source<'_>,
    levels: usize,
    radius_voxels: f64,
    subdivisions: usize,
) -> Result<Vec<Derived>, RadiomicsError> {
    check(levels, radius_voxels, subdivisions)?;
    let sphere = Sphere::new(icosphere(subdivisions, radius_voxels), radius_voxels);
    let patterns = Patterns {
        harmonics: Harmonics::new(levels, &sphere.vertices_zyx, radius_voxels),
        summation: Summation::of(sphere.vertices_zyx.len()),
        coefficients: Coefficients::new(source.image, source.window, sphere.margin),
        sphere,
        source,
    };
    Ok(match source.image {
        Image::I16(_) => patterns.derive::<Rounded>(),
        Image::F32(_) => patterns.derive::<Single>(),
        Image::F64(_) => patterns.derive::<Double>(),
    })
}

fn check(levels: usize, radius_voxels: f64, subdivisions: usize) -> Result<(), RadiomicsError> {
    let refuse = |name, value, rule| Err(RadiomicsError::Setting { name, value, rule });
    if !(1..=MAX_LEVELS).contains(&levels) {
        return refuse(
            "lbp3DLevels",
            levels.to_string(),
            "it must be between 1 and 32",
        );
    }
    if !(radius_voxels > 0.0 && radius_voxels <= MAX_RADIUS_VOXELS) {
        return refuse(
            "lbp3DIcosphereRadius",
            radius_voxels.to_string(),
            "it must be a positive number of voxels, at most 64",
        );
    }
    if subdivisions > MAX_SUBDIVISIONS {
        return refuse(
            "lbp3DIcosphereSubdivision",
            subdivisions.to_string(),
            "it must be at most 4 (2562 samples)",
        );
    }
    Ok(())
}

/// What becomes of a sample in an image of some type.
trait SampleType {
    /// What moments are computed in.
    type Moments: Real;
    /// The sample as the type holds it.
    fn round(sample: f64) -> Self::Moments;
    /// Whether a sample that may be wrong by `doubt` may fall on the other side of the voxel.
    fn is_doubtful(sample: f64, voxel: f64, doubt: f64) -> bool;
}

/// Integers of 16 bits; halves away from 0.
struct Rounded;

impl SampleType for Rounded {
    type Moments = f64;

    #[inline(always)]
    fn round(sample: f64) -> f64 {
        let away = if sample > 0.0 {
            sample + 0.5
        } else {
            sample - 0.5
        };
        away.clamp(-32768.0, 32767.0).trunc()
    }

    #[inline(always)]
    fn is_doubtful(sample: f64, _: f64, doubt: f64) -> bool {
        let magnitude = sample.abs();
        (magnitude - magnitude.trunc() - 0.5).abs() <= doubt
    }
}

/// Single precision, which hides how a sample was rounded on the way, but near 0.
struct Single;

impl SampleType for Single {
    type Moments = f32;

    #[inline(always)]
    fn round(sample: f64) -> f32 {
        sample as f32
    }

    #[inline(always)]
    fn is_doubtful(sample: f64, voxel: f64, doubt: f64) -> bool {
        (sample - voxel).abs() <= doubt && voxel.abs() * f64::from(f32::EPSILON) <= doubt
    }
}

/// Double precision.
struct Double;

impl SampleType for Double {
    type Moments = f64;

    #[inline(always)]
    fn round(sample: f64) -> f64 {
        sample
    }

    #[inline(always)]
    fn is_doubtful(sample: f64, voxel: f64, doubt: f64) -> bool {
        (sample - voxel).abs() <= doubt
    }
}

/// Errors of samples, by the largest coefficient: far above rounding, far below what tells
/// voxels apart.
const DOUBT: f64 = 1e-12;

struct Patterns<'a> {
    source: &'a Source<'a>,
    sphere: Sphere,
    harmonics: Harmonics,
    summation: Summation,
    coefficients: Coefficients,
}

impl Patterns<'_> {
    fn derive<S: SampleType>(&self) -> Vec<Derived> {
        let [_, ny, nx] = self.source.window.shape_zyx;
        let largest = self
            .coefficients
            .values
            .iter()
            .fold(0.0, |largest: f64, c| largest.max(c.abs()));
        let images = self.harmonics.degrees.len() + 1;
        let slices: Vec<Vec<f64>> = self
            .source
            .inside
            .par_chunks(ny * nx)
            .enumerate()
            .map_init(Scratch::default, |scratch, (z, inside)| {
                let mut values = vec![0.0; images * ny * nx];
                run_widest(Slice::<S> {
                    patterns: self,
                    z,
                    inside,
                    doubt: DOUBT * largest,
                    scratch,
                    values: &mut values,
                    of: std::marker::PhantomData,
                });
                values
            })
            .collect();
        (0..images)
            .map(|image| {
                let mut values = Vec::with_capacity(self.source.inside.len());
                for slice in &slices {
                    values.extend_from_slice(&slice[image * ny * nx..(image + 1) * ny * nx]);
                }
                let name = if image + 1 < images {
                    format!("lbp-3D-m{}", image + 1)
                } else {
                    "lbp-3D-k".to_owned()
                };
                Derived { name, values }
            })
            .collect()
    }
}

struct Slice<'a, 'b, S> {
    patterns: &'a Patterns<'b>,
    z: usize,
    inside: &'a [u8],
    doubt: f64,
    scratch: &'a mut Scratch,
    values: &'a mut [f64],
    of: std::marker::PhantomData<S>,
}

impl<S: SampleType> Kernel for Slice<'_, '_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let patterns = self.patterns;
        let sphere = &patterns.sphere;
        let window = patterns.source.window;
        let [_, ny, nx] = window.shape_zyx;
        let stretches: Vec<Option<[usize; 2]>> =
            self.inside.chunks_exact(nx).map(stretch).collect();
        let Some(yx) = bounds(&stretches) else {
            return;
        };
        self.scratch
            .combine_z(sphere, &patterns.coefficients, self.z, yx);

        let count = sphere.vertices_zyx.len();
        let mut samples = vec![[0.0; LANES]; count];
        let mut rounded = vec![[S::Moments::ZERO; LANES]; count];
        let mut centres = Vec::with_capacity(nx);
        let levels = patterns.harmonics.degrees.len();
        let mut coefficients = vec![[0.0; LANES]; patterns.harmonics.parts.len() * TOGETHER];
        for (y, stretch) in stretches.iter().enumerate() {
            let Some([start, end]) = *stretch else {
                continue;
            };
            self.scratch.combine_y(sphere, y, start, end - start);
            let [z0, y0, x0] = window.start_zyx;
            centres.clear();
            read_row(
                patterns.source.image,
                [z0 + self.z, y0 + y],
                x0 + start..x0 + end,
                &mut centres,
            );
            for (i, chunk) in centres.chunks(LANES).enumerate() {
                let x = start + i * LANES;
                let width = chunk.len();
                // Nothing compares with NaN.
                let mut centres = [f64::NAN; LANES];
                centres[..width].copy_from_slice(chunk);
                self.scratch.samples(sphere, i * LANES, &mut samples);
                let first_zyx = [z0 + self.z, y0 + y, x0 + x];
                patterns.correct::<S>(first_zyx, &centres, self.doubt, &mut samples);
                for (rounded, samples) in rounded.iter_mut().zip(&samples) {
                    for l in 0..LANES {
                        rounded[l] = S::round(samples[l]);
                    }
                }
                let mut voxels = [S::Moments::ZERO; LANES];
                for l in 0..LANES {
                    voxels[l] = S::Moments::of(centres[l]);
                }

                let inside = &self.inside[y * nx + x..][..width];
                let mut write = |image: usize, lanes: [f64; LANES]| {
                    let values = &mut self.values[(image * ny + y) * nx + x..][..width];
                    for ((value, &inside), lane) in values.iter_mut().zip(inside).zip(lanes) {
                        if inside != 0 {
                            *value = lane;
                        }
                    }
                };
                for (parts, coefficients) in patterns
                    .harmonics
                    .parts
                    .iter()
                    .zip(coefficients.chunks_exact_mut(TOGETHER))
                {
                    coefficients.copy_from_slice(&project(parts, &rounded, &voxels));
                }
                for (image, degree) in patterns.harmonics.degrees.iter().enumerate() {
                    write(
                        image,
                        size(&degree.size, &coefficients[degree.parts.clone()]),
                    );
                }
                let kurtosis = patterns.summation.kurtosis(&mut rounded);
                write(levels, kurtosis.map(Into::into));
            }
        }
    }
}

/// First and one past the last voxel of a row that are inside.
fn stretch(row: &[u8]) -> Option<[usize; 2]> {
    let first = row.iter().position(|&inside| inside != 0)?;
    let last = row.iter().rposition(|&inside| inside != 0)?;
    Some([first, last + 1])
}

/// First and number of rows and columns of a slice that hold all stretches.
fn bounds(stretches: &[Option<[usize; 2]>]) -> Option<[[usize; 2]; 2]> {
    let first = stretches.iter().position(Option::is_some)?;
    let last = stretches.iter().rposition(Option::is_some)?;
    let start = stretches.iter().flatten().map(|s| s[0]).min()?;
    let end = stretches.iter().flatten().map(|s| s[1]).max()?;
    Some([[first, last - first + 1], [start, end - start]])
}

/// Sums of harmonics over the vertices where samples are at least as large as voxels.
#[inline(always)]
fn project<T: Real>(
    harmonics: &[[f64; TOGETHER]],
    samples: &[[T; LANES]],
    voxels: &[T; LANES],
) -> [[f64; LANES]; TOGETHER] {
    let mut sums = [[0.0; LANES]; TOGETHER];
    for (samples, harmonics) in samples.iter().zip(harmonics) {
        let mut bits = [false; LANES];
        for l in 0..LANES {
            bits[l] = samples[l] >= voxels[l];
        }
        for (sums, &harmonic) in sums.iter_mut().zip(harmonics) {
            for l in 0..LANES {
                sums[l] += if bits[l] { harmonic } else { 0.0 };
            }
        }
    }
    sums
}

/// The length of a triangular matrix times coefficients.
#[inline(always)]
fn size(matrix: &[f64], coefficients: &[[f64; LANES]]) -> [f64; LANES] {
    let parts = coefficients.len();
    let mut squares = [0.0; LANES];
    for (row, matrix) in matrix.chunks_exact(parts).enumerate() {
        let mut sum = [0.0; LANES];
        for (coefficients, &r) in coefficients[row..].iter().zip(&matrix[row..]) {
            for l in 0..LANES {
                sum[l] += r * coefficients[l];
            }
        }
        for l in 0..LANES {
            squares[l] += sum[l] * sum[l];
        }
    }
    squares.map(f64::sqrt)
}

impl Patterns<'_> {
    /// Put right what the fast way to the samples leaves wrong or open: samples beyond the
    /// image are 0, and where the last bit decides it must be scipy's.
    ///
    /// `first_zyx` is the index in the image of the first of the voxels, whose values are
    /// `centres`.
    #[inline(always)]
    fn correct<S: SampleType>(
        &self,
        first_zyx: [usize; 3],
        centres: &[f64; LANES],
        doubt: f64,
        samples: &mut [[f64; LANES]],
    ) {
        let shape_zyx = self.source.image.geometry().shape_zyx;
        let margin = self.sphere.margin;
        let [z, y, x] = first_zyx;
        let is_near_border = (0..3).any(|axis| {
            let last = first_zyx[axis] + if axis == 2 { LANES } else { 1 };
            first_zyx[axis] < margin || last + margin > shape_zyx[axis]
        });
        for (v, samples) in samples.iter_mut().enumerate() {
            if is_near_border {
                let vertex = &self.sphere.vertices_zyx[v];
                for (l, sample) in samples.iter_mut().enumerate() {
                    let at_zyx = [z, y, x + l];
                    let is_beyond = (0..3).any(|axis| {
                        let at = at_zyx[axis] as f64 + vertex[axis];
                        at < 0.0 || at > (shape_zyx[axis] - 1) as f64
                    });
                    if is_beyond {
                        *sample = 0.0;
                    }
                }
            }
            let mut is_any_doubtful = false;
            for l in 0..LANES {
                is_any_doubtful |= S::is_doubtful(samples[l], centres[l], doubt);
            }
            if is_any_doubtful {
                for (l, &centre) in centres.iter().enumerate() {
                    let is_beyond = is_near_border && samples[l] == 0.0;
                    if S::is_doubtful(samples[l], centre, doubt) && !is_beyond {
                        samples[l] =
                            self.sphere
                                .sample_as_scipy(v, [z, y, x + l], &self.coefficients);
                    }
                }
            }
        }
    }
}
