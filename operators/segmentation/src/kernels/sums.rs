//! Sums in a fixed order: sixteen partial sums that a compiler keeps in vector registers,
//! blocks of bounded length in `f32`, everything above in `f64`.

/// Elements one task handles: parts are cut here whatever the number of threads.
pub(crate) const PART: usize = 1 << 16;

/// Partial sums, element `i` in lane `i % WIDTH`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lanes(pub(crate) [f32; 16]);

impl Lanes {
    pub(crate) const WIDTH: usize = 16;

    pub(crate) fn total(self) -> f64 {
        self.0.iter().map(|&lane| f64::from(lane)).sum()
    }
}

/// `sum f(x)` of one block: at most some thousand elements, so that `f32` lanes keep their digits.
#[inline(always)]
pub(crate) fn lane_sum(x: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut lanes = Lanes::default();
    let mut whole = x.chunks_exact(Lanes::WIDTH);
    for x in &mut whole {
        for k in 0..Lanes::WIDTH {
            lanes.0[k] += f(x[k]);
        }
    }
    for (k, &x) in whole.remainder().iter().enumerate() {
        lanes.0[k] += f(x);
    }
    lanes.total()
}

/// `sum a b` of one block, as [`lane_sum`].
#[inline(always)]
pub(crate) fn lane_dot(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = Lanes::default();
    let (mut whole_a, mut whole_b) = (a.chunks_exact(Lanes::WIDTH), b.chunks_exact(Lanes::WIDTH));
    for (a, b) in (&mut whole_a).zip(&mut whole_b) {
        for k in 0..Lanes::WIDTH {
            lanes.0[k] += a[k] * b[k];
        }
    }
    let rest = whole_a.remainder().iter().zip(whole_b.remainder());
    for (k, (&a, &b)) in rest.enumerate() {
        lanes.0[k] += a * b;
    }
    lanes.total()
}
