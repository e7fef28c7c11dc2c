//! The one-dimensional transforms of F(2, 3) and F(4, 3) (Lavin and Gray 2016), from the
//! interpolation points 0, 1, -1 (and 2, -2) and infinity: `y = A^T ((G w) * (B^T x))`.
//!
//! `P` is the number of points, 4 or 6; it makes `P - 2` outputs from `P` inputs. Arrays have
//! room for the larger; the compiler drops what `P = 4` does not use.

use crate::kernels::simd::Vector;

/// `B^T x`.
///
/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn input<V: Vector, const P: usize>(x: [V; 6]) -> [V; 6] {
    // SAFETY: the caller's promise.
    unsafe {
        if P == 4 {
            return [
                x[0].sub(x[2]),
                x[1].add(x[2]),
                x[2].sub(x[1]),
                x[1].sub(x[3]),
                x[4],
                x[5],
            ];
        }
        let (four, minus_four, minus_five) = (V::splat(4.0), V::splat(-4.0), V::splat(-5.0));
        let even = x[2].mul_add(minus_four, x[4]);
        let odd = x[1].mul_add(minus_four, x[3]);
        let near = x[4].sub(x[2]);
        let twice = x[3].sub(x[1]);
        let twice = twice.add(twice);
        [
            x[0].mul_add(four, x[2].mul_add(minus_five, x[4])),
            even.add(odd),
            even.sub(odd),
            near.add(twice),
            near.sub(twice),
            x[1].mul_add(four, x[3].mul_add(minus_five, x[5])),
        ]
    }
}

/// `A^T m`.
///
/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn output<V: Vector, const P: usize>(m: [V; 6]) -> [V; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let (sum, difference) = (m[1].add(m[2]), m[1].sub(m[2]));
        if P == 4 {
            return [m[0].add(sum), difference.sub(m[3]), m[4], m[4]];
        }
        let (sum2, difference2) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].add(sum).add(sum2),
            difference2.mul_add(V::splat(2.0), difference),
            sum2.mul_add(V::splat(4.0), sum),
            difference2.mul_add(V::splat(8.0), difference.add(m[5])),
        ]
    }
}

/// `A g`, the transpose of [`output`], for gradients.
///
/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn gradient<V: Vector, const P: usize>(g: [V; 4]) -> [V; 6] {
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(0.0);
        if P == 4 {
            return [
                g[0],
                g[0].add(g[1]),
                g[0].sub(g[1]),
                zero.sub(g[1]),
                zero,
                zero,
            ];
        }
        let (even, odd) = (g[0].add(g[2]), g[1].add(g[3]));
        let even2 = g[2].mul_add(V::splat(4.0), g[0]);
        let odd2 = g[3].mul_add(V::splat(8.0), g[1].add(g[1]));
        [
            g[0],
            even.add(odd),
            even.sub(odd),
            even2.add(odd2),
            even2.sub(odd2),
            g[3],
        ]
    }
}

/// `G`: the weight of each tap at each point.
pub(super) fn filter(points: usize) -> [[f64; 3]; 6] {
    if points == 4 {
        let zero = [0.0; 3];
        return [
            [1.0, 0.0, 0.0],
            [0.5; 3],
            [0.5, -0.5, 0.5],
            [0.0, 0.0, 1.0],
            zero,
            zero,
        ];
    }
    let (sixth, twelfth, twenty_fourth) = (1.0 / 6.0, 1.0 / 12.0, 1.0 / 24.0);
    [
        [0.25, 0.0, 0.0],
        [-sixth; 3],
        [-sixth, sixth, -sixth],
        [twenty_fourth, twelfth, sixth],
        [twenty_fourth, -twelfth, sixth],
        [0.0, 0.0, 1.0],
    ]
}
