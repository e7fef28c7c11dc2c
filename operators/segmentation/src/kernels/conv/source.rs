//! What a convolution reads: one or several tensors side by side in the channels, each as it is
//! or normalised and activated on the way in; and the moments of what it writes.

use crate::kernels::simd::Vector;

/// `leaky(x * scale + shift)`, an instance norm and its activation, applied when a channel is read.
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a> {
    /// Factor of each sample and channel, `[N, C]`.
    pub scale: &'a [f32],
    /// Term of each sample and channel, `[N, C]`.
    pub shift: &'a [f32],
    /// Slope of the activation below zero, from 0 (rectifier) to 1 (none).
    pub slope: f32,
}

/// Some of the input channels of a convolution.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// `[N, C, D, H, W]`.
    pub data: &'a [f32],
    /// C.
    pub channels: usize,
    /// What to do with values on the way in; padding stays zero.
    pub affine: Option<Affine<'a>>,
}

impl<'a> Source<'a> {
    /// A tensor as it is.
    #[must_use]
    pub fn plain(data: &'a [f32], channels: usize) -> Self {
        Self {
            data,
            channels,
            affine: None,
        }
    }
}

/// One channel of one sample, found among the sources.
#[derive(Clone, Copy)]
pub(crate) struct Channel<'a> {
    pub values: &'a [f32],
    pub affine: Option<[f32; 3]>,
}

/// Channel `c` of sample `n` of `sources` laid side by side.
pub(crate) fn channel<'a>(
    sources: &[Source<'a>],
    n: usize,
    mut c: usize,
    voxels: usize,
) -> Option<Channel<'a>> {
    for source in sources {
        if c < source.channels {
            let at = n * source.channels + c;
            return Some(Channel {
                values: source.data.get(at * voxels..(at + 1) * voxels)?,
                affine: match source.affine {
                    Some(a) => Some([*a.scale.get(at)?, *a.shift.get(at)?, a.slope]),
                    None => None,
                },
            });
        }
        c -= source.channels;
    }
    None
}

/// [`Affine`] of one channel, in vectors.
#[derive(Clone, Copy)]
pub(crate) struct Activation<V> {
    scale: V,
    shift: V,
    slope: V,
    pub on: bool,
}

impl<V: Vector> Activation<V> {
    /// # Safety
    /// The machine has the instructions of `V`.
    #[inline(always)]
    pub unsafe fn new(affine: Option<[f32; 3]>) -> Self {
        let [scale, shift, slope] = affine.unwrap_or_default();
        // SAFETY: the caller's promise.
        unsafe {
            Self {
                scale: V::splat(scale),
                shift: V::splat(shift),
                slope: V::splat(slope),
                on: affine.is_some(),
            }
        }
    }

    /// # Safety
    /// The machine has the instructions of `V`.
    #[inline(always)]
    pub unsafe fn of(self, x: V) -> V {
        // SAFETY: the caller's promise.
        unsafe {
            let y = x.mul_add(self.scale, self.shift);
            y.max(y.mul(self.slope))
        }
    }
}

/// Count, mean and sum of squared deviations of a set of numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// How many.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// The sum of squared deviations from the mean.
    pub squares: f64,
}

impl Moments {
    /// The moments of both sets together (Chan, Golub and LeVeque 1979).
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let step = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + step * other.count / count,
            squares: self.squares + other.squares + step * step * self.count * other.count / count,
        }
    }

    /// The moments from sums over `x - origin` and its square. An origin among the numbers keeps
    /// a large mean from drowning the spread.
    #[must_use]
    pub(crate) fn from_sums(count: f64, origin: f64, sum: f64, squares: f64) -> Self {
        if count == 0.0 {
            return Self::default();
        }
        Self {
            count,
            mean: origin + sum / count,
            squares: (squares - sum * sum / count).max(0.0),
        }
    }

    /// The mean and `1 / sqrt(variance + epsilon)` of an instance norm (variance over `count`).
    #[must_use]
    pub fn mean_and_rstd(&self, epsilon: f64) -> (f32, f32) {
        let variance = if self.count > 0.0 {
            self.squares / self.count
        } else {
            0.0
        };
        (self.mean as f32, (1.0 / (variance + epsilon).sqrt()) as f32)
    }
}

/// Joins the moments of blocks, in their order.
pub(crate) fn join(
    partial: &[Moments],
    batch: usize,
    blocks: usize,
    channels: usize,
    wanted: bool,
) -> Vec<Moments> {
    let mut all = vec![Moments::default(); if wanted { batch * channels } else { 0 }];
    for (at, all) in all.iter_mut().enumerate() {
        let (n, o) = (at / channels, at % channels);
        for block in 0..blocks {
            *all = all.with(partial[(n * blocks + block) * channels + o]);
        }
    }
    all
}

/// A pointer that tasks share, each writing places of its own.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(pub *mut T);

// SAFETY: who uses it writes disjoint places from different tasks, as each use says.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// The pointer; a method so that closures take the whole, which may be sent.
    pub fn get(self) -> *mut T {
        self.0
    }
}

/// Adds rows of results to sums over `x - origin` and its square.
pub(crate) struct RowSums<V> {
    origin: V,
    sum: V,
    squares: V,
    count: usize,
    first: f32,
}

impl<V: Vector> RowSums<V> {
    /// # Safety
    /// The machine has the instructions of `V`.
    #[inline(always)]
    pub unsafe fn new(first: f32) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            Self {
                origin: V::splat(first),
                sum: V::splat(0.0),
                squares: V::splat(0.0),
                count: 0,
                first,
            }
        }
    }

    /// # Safety
    /// As in [`RowSums::new`], and `row` is good for `width` floats.
    #[inline(always)]
    pub unsafe fn add(&mut self, row: *const f32, width: usize) {
        let mut w = 0;
        while w < width {
            let lanes = (width - w).min(V::LANES);
            // SAFETY: the caller's promise.
            unsafe {
                let x = if lanes == V::LANES {
                    V::load(row.add(w)).sub(self.origin)
                } else {
                    V::load_part(row.add(w), lanes).sub(self.origin).keep(lanes)
                };
                self.sum = self.sum.add(x);
                self.squares = x.mul_add(x, self.squares);
            }
            w += V::LANES;
        }
        self.count += width;
    }

    /// # Safety
    /// As in [`RowSums::new`].
    #[inline(always)]
    pub unsafe fn moments(self) -> Moments {
        // SAFETY: the caller's promise.
        let (sum, squares) = unsafe { (self.sum.sum(), self.squares.sum()) };
        Moments::from_sums(
            self.count as f64,
            f64::from(self.first),
            f64::from(sum),
            f64::from(squares),
        )
    }
}
