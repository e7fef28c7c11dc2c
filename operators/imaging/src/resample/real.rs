//! The two precisions that interpolation computes in, and the voxels it reads.

use std::ops::{Add, Mul, Range, Sub};

use rayon::prelude::*;

/// `f32` or `f64`.
pub(super) trait Real:
    Copy
    + Default
    + Send
    + Sync
    + PartialEq
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Readable
{
    /// The nearest value of this precision.
    fn from_f64(value: f64) -> Self;

    /// The nearest value of this precision.
    fn from_f32(value: f32) -> Self;

    /// The same value.
    fn from_i16(value: i16) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn from_i16(value: i16) -> Self {
        f32::from(value)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        f64::from(value)
    }

    #[inline(always)]
    fn from_i16(value: i16) -> Self {
        f64::from(value)
    }
}

/// A voxel type that can be interpolated.
pub(super) trait Readable: Copy + Send + Sync + 'static {
    /// Voxels of this type, to be read.
    fn values(voxels: &[Self]) -> Values<'_>;
}

macro_rules! readable {
    ($($voxel:ty => $values:ident),*) => {$(
        impl Readable for $voxel {
            fn values(voxels: &[Self]) -> Values<'_> {
                Values::$values(voxels)
            }
        }
    )*};
}

readable!(i16 => I16, f32 => F32, f64 => F64);

/// The voxels to read. They are told apart where a line is read, not where code is generated:
/// each type parameter of a kernel would be compiled for each vector width.
#[derive(Clone, Copy)]
pub(super) enum Values<'a> {
    I16(&'a [i16]),
    F32(&'a [f32]),
    F64(&'a [f64]),
}

impl<'a> Values<'a> {
    /// A part of the values.
    pub fn part(self, range: Range<usize>) -> Self {
        match self {
            Self::I16(values) => Self::I16(&values[range]),
            Self::F32(values) => Self::F32(&values[range]),
            Self::F64(values) => Self::F64(&values[range]),
        }
    }

    /// Read neighbouring values from `start` on into `line`.
    #[inline(always)]
    pub fn read<F: Real>(&self, start: usize, line: &mut [F]) {
        let range = start..start + line.len();
        match self {
            Self::I16(values) => convert(&values[range], line, F::from_i16),
            Self::F32(values) => convert(&values[range], line, F::from_f32),
            Self::F64(values) => convert(&values[range], line, F::from_f64),
        }
    }

    /// All values in the precision of the computation.
    pub fn to_vec<F: Real>(self) -> Vec<F> {
        match self {
            Self::I16(values) => values.par_iter().map(|&v| F::from_i16(v)).collect(),
            Self::F32(values) => values.par_iter().map(|&v| F::from_f32(v)).collect(),
            Self::F64(values) => values.par_iter().map(|&v| F::from_f64(v)).collect(),
        }
    }
}

#[inline(always)]
fn convert<T: Copy, F>(values: &[T], line: &mut [F], from: impl Fn(T) -> F) {
    for (lane, &value) in line.iter_mut().zip(values) {
        *lane = from(value);
    }
}
