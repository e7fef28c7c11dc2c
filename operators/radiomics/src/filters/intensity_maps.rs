//! Square, square root, logarithm and exponential of intensities, scaled so that the largest
//! magnitude of the image stays what it is.

use renalflow_imaging::Image;

use super::{Derived, Source, columns, read_row, rows};
use crate::simd::{Kernel, run_widest};

/// A function of intensities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntensityMap {
    /// `x² / m`; negative intensities become positive.
    Square,
    /// `sign(x) √(m |x|)`.
    SquareRoot,
    /// `sign(x) ln(|x| + 1) m / ln(m + 1)`.
    Logarithm,
    /// `exp(x ln(m) / m)`.
    Exponential,
}

impl IntensityMap {
    /// The first part of the columns' names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Square => "square",
            Self::SquareRoot => "squareroot",
            Self::Logarithm => "logarithm",
            Self::Exponential => "exponential",
        }
    }
}

/// The largest magnitude in a whole image, which is `m` in the maps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntensityScale {
    /// `m`; NaN where the image has NaN.
    pub largest_magnitude: f64,
}

impl IntensityScale {
    /// Search an image.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        let largest_magnitude = match image {
            Image::I16(volume) => run_widest(LargestI16(volume.voxels())),
            Image::F32(volume) => run_widest(LargestFloat(volume.voxels())),
            Image::F64(volume) => run_widest(LargestFloat(volume.voxels())),
        };
        Self { largest_magnitude }
    }
}

/// Map the intensities inside the region; the rest of the window is 0.
///
/// An image of zeros, or with NaN or infinity anywhere, gives NaN, as in PyRadiomics.
#[must_use]
pub fn map_intensities(source: &Source<'_>, map: IntensityMap, scale: IntensityScale) -> Derived {
    let m = scale.largest_magnitude;
    // Operations in PyRadiomics' order, so that the bits are its.
    let values = match map {
        IntensityMap::Square => {
            let c = 1.0 / m.sqrt();
            inside(source, |x| (c * x) * (c * x))
        }
        IntensityMap::SquareRoot => inside(source, |x| {
            if x > 0.0 {
                (x * m).sqrt()
            } else if x < 0.0 {
                -(-x * m).sqrt()
            } else {
                x
            }
        }),
        IntensityMap::Logarithm => {
            let c = m / (m + 1.0).ln();
            inside(source, |x| {
                if x > 0.0 {
                    (x + 1.0).ln() * c
                } else if x < 0.0 {
                    -(1.0 - x).ln() * c
                } else {
                    x * c
                }
            })
        }
        IntensityMap::Exponential => {
            let c = m.ln() / m;
            inside(source, |x| (c * x).exp())
        }
    };
    Derived {
        name: map.name().to_owned(),
        values,
    }
}

fn inside(source: &Source<'_>, f: impl Fn(f64) -> f64) -> Vec<f64> {
    let nx = source.window.shape_zyx[2];
    let mut values = vec![0.0; source.inside.len()];
    let mut row = Vec::with_capacity(nx);
    for (zy, (values, inside)) in rows(source.window).zip(
        values
            .chunks_exact_mut(nx)
            .zip(source.inside.chunks_exact(nx)),
    ) {
        row.clear();
        read_row(source.image, zy, columns(source.window), &mut row);
        for ((value, &voxel), &inside) in values.iter_mut().zip(&row).zip(inside) {
            if inside != 0 {
                *value = f(voxel);
            }
        }
    }
    values
}

struct LargestI16<'a>(&'a [i16]);

impl Kernel for LargestI16<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let (mut low, mut high) = (0i16, 0i16);
        for &x in self.0 {
            low = low.min(x);
            high = high.max(x);
        }
        f64::from(high).max(-f64::from(low))
    }
}

struct LargestFloat<'a, T>(&'a [T]);

/// What [`LargestFloat`] asks of floating-point numbers.
trait Magnitude: Copy + PartialOrd + Into<f64> {
    const ZERO: Self;
    fn magnitude(self) -> Self;
}

impl Magnitude for f32 {
    const ZERO: Self = 0.0;
    #[inline(always)]
    fn magnitude(self) -> Self {
        self.abs()
    }
}

impl Magnitude for f64 {
    const ZERO: Self = 0.0;
    #[inline(always)]
    fn magnitude(self) -> Self {
        self.abs()
    }
}

impl<T: Magnitude> Kernel for LargestFloat<'_, T> {
    type Output = f64;

    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn run(self) -> f64 {
        const LANES: usize = 64;
        let mut largest = [T::ZERO; LANES];
        let mut is_nan = [false; LANES];
        let chunks = self.0.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for l in 0..LANES {
                let x = chunk[l].magnitude();
                largest[l] = if x > largest[l] { x } else { largest[l] };
                is_nan[l] |= x != x;
            }
        }
        for (l, &x) in rest.iter().enumerate() {
            let x = x.magnitude();
            largest[l] = if x > largest[l] { x } else { largest[l] };
            is_nan[l] |= x != x;
        }
        if is_nan.contains(&true) {
            return f64::NAN;
        }
        largest.into_iter().fold(0.0, |a, b| a.max(b.into()))
    }
}
