//! The largest eigenvalue of a symmetric matrix by the method of Lanczos (*J Res Natl Bur
//! Stand* 1950;45:255).

use super::terms::dot;

/// A symmetric matrix that is known by what it does to a vector.
pub(super) trait Symmetric {
    /// Number of rows.
    fn len(&self) -> usize;

    /// An eigenvector, of length 1, that is left out.
    fn known(&self) -> &[f64];

    /// The product with a vector.
    fn times(&self, x: &[f64]) -> Vec<f64>;
}

/// How far the matrix may be from having the eigenvector found; its eigenvalue is off by no
/// more, and mostly by the square of it.
const RESIDUAL: f64 = 1e-13;

/// Up to as many rows a complete basis takes less time than to see whether it need be complete.
const SMALL: usize = 24;

/// The largest eigenvalue across the known eigenvector, of a matrix without negative
/// eigenvalues whose largest is about 1.
///
/// Each step adds a vector to an orthonormal basis in which the matrix is tridiagonal. The
/// eigenvalues at the ends settle first, and by how much an eigenvector of the tridiagonal
/// matrix fails for the whole is known at each step. Basis vectors are made orthogonal to all
/// before, so that the basis is complete after as many steps as there are rows.
#[inline(always)]
pub(super) fn largest_eigenvalue(matrix: &impl Symmetric) -> f64 {
    let mut basis = vec![start(matrix.len())];
    let mut tridiagonal = Tridiagonal::default();
    let mut largest = 0.0;
    if orthonormalise(&mut basis, matrix.known()) == 0.0 {
        return largest;
    }
    for step in 1..matrix.len() {
        let last = &basis[step - 1];
        let next = matrix.times(last);
        tridiagonal.diagonal.push(dot(&next, last));
        basis.push(next);
        let beside = orthonormalise(&mut basis, matrix.known());
        let is_complete = beside <= RESIDUAL || step + 1 == matrix.len();
        if is_complete || matrix.len() > SMALL && step % 3 == 0 {
            largest = tridiagonal.largest_eigenvalue(largest);
            if is_complete || beside * tridiagonal.last_component(largest) <= RESIDUAL {
                break;
            }
        }
        tridiagonal.beside.push(beside);
    }
    largest
}

/// Numbers without a pattern, so that no eigenvector is missed.
fn start(len: usize) -> Vec<f64> {
    let mut state = 1u64;
    (0..len)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as f64 / f64::from(1u32 << 31) - 1.0
        })
        .collect()
}

/// Make the last vector orthogonal to the others and to the known one, and its length 1.
/// Returns its length before.
#[inline(always)]
fn orthonormalise(basis: &mut [Vec<f64>], known: &[f64]) -> f64 {
    let Some((last, others)) = basis.split_last_mut() else {
        return 0.0;
    };
    // Twice is enough (Parlett, *The Symmetric Eigenvalue Problem*, section 6.9).
    for _ in 0..2 {
        take_away(last, known);
        for other in others.iter() {
            take_away(last, other);
        }
    }
    let length = dot(last, last).sqrt();
    if length > 0.0 {
        last.iter_mut().for_each(|x| *x /= length);
    }
    length
}

/// Leave of a vector what is across another, of length 1.
#[inline(always)]
fn take_away(vector: &mut [f64], other: &[f64]) {
    let along = dot(vector, other);
    for (a, b) in vector.iter_mut().zip(other) {
        *a -= along * b;
    }
}

/// A symmetric tridiagonal matrix.
#[derive(Default)]
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// One number fewer.
    beside: Vec<f64>,
}

impl Tridiagonal {
    /// The largest eigenvalue, by bisection, given that it is not below `least`.
    fn largest_eigenvalue(&self, least: f64) -> f64 {
        // Gershgorin's bound.
        let n = self.diagonal.len();
        let neighbour = |i: usize| self.beside.get(i).map_or(0.0, |b| b.abs());
        let mut high = (0..n)
            .map(|i| self.diagonal[i] + neighbour(i) + if i > 0 { neighbour(i - 1) } else { 0.0 })
            .fold(least, f64::max);
        let mut low = least;
        loop {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                return high;
            }
            if self.is_above_all(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
    }

    /// Whether no eigenvalue exceeds `x`: whether every pivot of `x - T` is positive.
    fn is_above_all(&self, x: f64) -> bool {
        let mut pivot = f64::INFINITY;
        for (i, diagonal) in self.diagonal.iter().enumerate() {
            let beside = if i > 0 { self.beside[i - 1] } else { 0.0 };
            pivot = x - diagonal - beside * beside / pivot;
            if pivot <= 0.0 {
                return false;
            }
        }
        true
    }

    /// The last component of the eigenvector of length 1 to the largest eigenvalue.
    fn last_component(&self, eigenvalue: f64) -> f64 {
        // From the last up, where components grow, so that rounding errors do not.
        let (mut below, mut here, mut squares) = (0.0, 1.0f64, 1.0);
        for i in (1..self.diagonal.len()).rev() {
            let under = self.beside.get(i).copied().unwrap_or(0.0) * below;
            let above = ((eigenvalue - self.diagonal[i]) * here - under) / self.beside[i - 1];
            (below, here) = (here, above);
            squares += above * above;
        }
        1.0 / squares.sqrt()
    }
}
