//! Gabor filters.

use std::{f64::consts::TAU, ops::Range};

use rayon::prelude::*;
use rustfft::num_complex::Complex64;

use super::{
    Boundary, Derived, MAX_FOURIER_VOXELS, Name, Pooling, Source,
    block::Block,
    check_positive, checked_radius,
    fourier::{ComplexTransform, next_fast_len},
    refused, slice_axis,
    transfer::stack,
    window_of,
};
use crate::RadiomicsError;

/// IBSI 2: modulus of the response to a 2D Gabor filter (`Q88H`).
///
/// `g(x, y) = exp(-(x'² + γ² y'²) / 2σ² + j 2π x' / λ)` with `x' = x cos θ + y sin θ` and
/// `y' = y cos θ - x sin θ`, `x` and `y` in mm along the slice's columns and rows. The kernel
/// ends after six standard deviations of its envelope, where that is down to 1.5e-8.
#[derive(Debug, Clone, PartialEq)]
pub struct Gabor {
    /// Standard deviation `σ` of the Gaussian envelope (`41LN`).
    pub sigma_mm: f64,
    /// Wavelength `λ` (`S4N6`).
    pub lambda_mm: f64,
    /// Aspect ratio `γ` of the envelope (`GDR5`).
    pub gamma: f64,
    /// Orientation `θ` (`FQER`), clockwise from x towards y, in radians.
    pub theta_rad: f64,
    /// Pool the responses to all orientations that are this far apart, in radians; it divides
    /// a full turn.
    pub theta_step_rad: Option<f64>,
    /// Pool the responses in the three orthogonal planes, instead of one kind of slices only.
    pub orthogonal_planes: bool,
    /// How the responses become one.
    pub pooling: Pooling,
    /// How the image goes on beyond its border.
    pub boundary: Boundary,
}

/// Standard deviations of the envelope after which the kernel ends.
const REACH: f64 = 6.0;

/// The finest steps of orientation.
const MAX_ORIENTATIONS: f64 = 3600.0;

impl Gabor {
    /// Filter an image.
    ///
    /// Memory: the window with the kernel's reach around it, two windows, and a slice of that
    /// size for each orientation, in `f64`.
    ///
    /// # Shapes
    /// Returns `source.window` in C order.
    ///
    /// # Errors
    /// A parameter that is not positive and finite, a step that does not divide a full turn, a
    /// kernel that reaches farther than [`MAX_RADIUS_VOXELS`](super::MAX_RADIUS_VOXELS); NaN or
    /// infinity where the filter reads; more than [`MAX_FOURIER_VOXELS`] in all orientations of
    /// a slice together.
    pub fn derive(&self, source: &Source<'_>) -> Result<Derived, RadiomicsError> {
        let window = window_of(source)?;
        let thetas = self.orientations()?;
        let name = self.name();
        let planes = if self.orthogonal_planes {
            vec![0, 1, 2]
        } else {
            vec![slice_axis(source)]
        };
        let shape_zyx = window.each_ref().map(Range::len);
        let mut pooled: Option<Vec<f64>> = None;
        for &across in &planes {
            let plane = Plane::new(self, source, &thetas, across, &window, &name)?;
            let slices: Vec<Vec<f64>> = window[across]
                .clone()
                .into_par_iter()
                .map(|slice| plane.respond(slice, self.pooling))
                .collect();
            let response = stack(&slices, across, shape_zyx);
            match &mut pooled {
                None => pooled = Some(response),
                Some(pooled) => pool(pooled, response.into_iter(), self.pooling),
            }
        }
        let mut values = pooled.unwrap_or_default();
        if self.pooling == Pooling::Average {
            let count = (planes.len() * thetas.len()) as f64;
            values.iter_mut().for_each(|value| *value /= count);
        }
        Ok(Derived { name, values })
    }

    pub(super) fn name(&self) -> String {
        let degrees = |rad: f64| (rad.to_degrees() * 1e6).round() / 1e6;
        let name = Name::of("gabor")
            .number("sigma", self.sigma_mm)
            .word("mm")
            .number("lambda", self.lambda_mm)
            .word("mm")
            .number("gamma", self.gamma)
            .number("theta", degrees(self.theta_rad));
        let name = match self.theta_step_rad {
            Some(step) => name.number("step", degrees(step)),
            None => name,
        };
        let name = name.word(if self.orthogonal_planes { "3D" } else { "2D" });
        let several = self.orthogonal_planes || self.theta_step_rad.is_some();
        name.rotations(several.then_some(self.pooling))
            .boundary(self.boundary)
            .0
    }

    /// The orientations to pool. Half a turn makes of the kernel its complex conjugate, with
    /// the same modulus, so that of an even number the first half will do.
    pub(super) fn orientations(&self) -> Result<Vec<f64>, RadiomicsError> {
        check_positive("sigma_mm", self.sigma_mm)?;
        check_positive("lambda_mm", self.lambda_mm)?;
        check_positive("gamma", self.gamma)?;
        if !self.theta_rad.is_finite() {
            return Err(refused(
                "theta_rad",
                self.theta_rad,
                "it must be a finite number of radians",
            ));
        }
        let Some(step) = self.theta_step_rad else {
            return Ok(vec![self.theta_rad]);
        };
        let count = (TAU / step).round();
        let divides = (count * step - TAU).abs() < 1e-6;
        if !divides || !(1.0..=MAX_ORIENTATIONS).contains(&count) {
            return Err(refused(
                "theta_step_rad",
                step,
                "it must divide a full turn, 2π, into whole steps of 0.1° or more",
            ));
        }
        let count = count as usize;
        let different = if count.is_multiple_of(2) {
            count / 2
        } else {
            count
        };
        let turned = |k: usize| self.theta_rad + TAU * k as f64 / count as f64;
        Ok((0..different).map(turned).collect())
    }

    /// The kernel at a place in mm.
    fn kernel(&self, theta: f64, y_mm: f64, x_mm: f64) -> Complex64 {
        let (sin, cos) = theta.sin_cos();
        let along = x_mm * cos + y_mm * sin;
        let across = y_mm * cos - x_mm * sin;
        let envelope = along.powi(2) + (self.gamma * across).powi(2);
        let height = (-0.5 * envelope / self.sigma_mm.powi(2)).exp();
        Complex64::from_polar(height, TAU * along / self.lambda_mm)
    }

    /// How far the kernel reaches along y and x, in mm.
    fn reach_mm(&self, theta: f64) -> [f64; 2] {
        let (sin, cos) = theta.sin_cos();
        let [along, across] = [self.sigma_mm, self.sigma_mm / self.gamma];
        let extent = |a: f64, b: f64| REACH * (along * a).hypot(across * b);
        [extent(sin, cos), extent(cos, sin)]
    }
}

fn pool(pooled: &mut [f64], response: impl Iterator<Item = f64>, pooling: Pooling) {
    let voxels = pooled.iter_mut().zip(response);
    match pooling {
        Pooling::Average => voxels.for_each(|(sum, r)| *sum += r),
        Pooling::Maximum => voxels.for_each(|(max, r)| *max = max.max(r)),
    }
}

/// One kind of slices, and the filters on them.
struct Plane<'a> {
    across: usize,
    /// The rows' and the columns' array axis.
    axes: [usize; 2],
    /// What the filters read, and where in it the padded slice's rows and columns are; `None`
    /// for zeros.
    input: Block,
    places: [Vec<Option<usize>>; 2],
    transform: ComplexTransform,
    padded: [usize; 2],
    radius: [usize; 2],
    window: &'a [Range<usize>; 3],
    /// One an orientation: the kernel's transform, which is real because the kernel's two
    /// halves are each other's conjugates, over the number of samples.
    spectra: Vec<Vec<f64>>,
}

impl<'a> Plane<'a> {
    fn new(
        filter: &Gabor,
        source: &Source<'_>,
        thetas: &[f64],
        across: usize,
        window: &'a [Range<usize>; 3],
        name: &str,
    ) -> Result<Self, RadiomicsError> {
        let axes: [usize; 2] = match across {
            0 => [1, 2],
            1 => [0, 2],
            _ => [0, 1],
        };
        let geometry = source.image.geometry();
        let spacing_mm = axes.map(|axis| geometry.spacing_zyx_mm[axis]);
        let mut radius = [0; 2];
        for &theta in thetas {
            for (side, reach_mm) in filter.reach_mm(theta).into_iter().enumerate() {
                let voxels = (reach_mm / spacing_mm[side]).ceil();
                radius[side] = radius[side].max(checked_radius("sigma_mm", voxels)?);
            }
        }
        let lens = [0, 1].map(|side| window[axes[side]].len() + 2 * radius[side]);
        let padded = lens.map(next_fast_len);
        let samples = padded[0] * padded[1];
        if samples.saturating_mul(thetas.len()) > MAX_FOURIER_VOXELS {
            return Err(RadiomicsError::FilterTooLarge {
                filter: name.to_owned(),
                padded_zyx: [thetas.len(), padded[0], padded[1]],
                bound_voxels: MAX_FOURIER_VOXELS,
            });
        }

        let shape = geometry.shape_zyx;
        let mut read = window.clone();
        for (&axis, &radius) in axes.iter().zip(&radius) {
            read[axis] = filter.boundary.reach(&window[axis], radius, shape[axis]);
        }
        let places = [0, 1].map(|side| {
            let (axis, radius) = (axes[side], radius[side]);
            let place = |i: usize| {
                let index = (window[axis].start + i) as isize - radius as isize;
                let voxel = filter.boundary.source(index, shape[axis])?;
                Some(voxel - read[axis].start)
            };
            (0..lens[side]).map(place).collect()
        });
        let transform = ComplexTransform::new(padded);
        let spectrum = |&theta: &f64| {
            let mut kernel = vec![Complex64::default(); samples];
            let [rows, columns] = radius.map(|r| -(r as isize)..=r as isize);
            for (y, x) in rows.flat_map(|y| columns.clone().map(move |x| (y, x))) {
                let at_y = y.rem_euclid(padded[0] as isize) as usize;
                let at_x = x.rem_euclid(padded[1] as isize) as usize;
                let [y_mm, x_mm] = [y as f64 * spacing_mm[0], x as f64 * spacing_mm[1]];
                kernel[at_y * padded[1] + at_x] = filter.kernel(theta, y_mm, x_mm);
            }
            transform.forward(&mut kernel);
            kernel.iter().map(|v| v.re / samples as f64).collect()
        };
        let spectra = thetas.par_iter().map(spectrum).collect();
        Ok(Self {
            across,
            axes,
            input: Block::read(source.image, read, name)?,
            places,
            transform,
            padded,
            radius,
            window,
            spectra,
        })
    }

    /// The pooled moduli in a slice, summed where the average is wanted.
    fn respond(&self, slice: usize, pooling: Pooling) -> Vec<f64> {
        let shape = self.input.shape();
        let strides = [shape[1] * shape[2], shape[2], 1];
        let start = (slice - self.input.ranges[self.across].start) * strides[self.across];
        let [row_stride, column_stride] = self.axes.map(|axis| strides[axis]);
        let columns = self.padded[1];
        let mut image = vec![Complex64::default(); self.padded[0] * columns];
        for (row, place) in image.chunks_mut(columns).zip(&self.places[0]) {
            let Some(y) = place else { continue };
            for (cell, place) in row.iter_mut().zip(&self.places[1]) {
                let Some(x) = place else { continue };
                cell.re = self.input.values[start + y * row_stride + x * column_stride];
            }
        }
        self.transform.forward(&mut image);

        let lens = self.axes.map(|axis| self.window[axis].len());
        let neutral = match pooling {
            Pooling::Average => 0.0,
            Pooling::Maximum => f64::NEG_INFINITY,
        };
        let mut pooled = vec![neutral; lens[0] * lens[1]];
        let mut response = image.clone();
        for spectrum in &self.spectra {
            for ((out, value), gain) in response.iter_mut().zip(&image).zip(spectrum) {
                *out = value * gain;
            }
            self.transform.inverse(&mut response);
            let rows = response.chunks(columns).skip(self.radius[0]);
            for (row, pooled) in rows.zip(pooled.chunks_mut(lens[1])) {
                let wanted = &row[self.radius[1]..self.radius[1] + lens[1]];
                pool(pooled, wanted.iter().map(|v| v.norm_sqr().sqrt()), pooling);
            }
        }
        pooled
    }
}
