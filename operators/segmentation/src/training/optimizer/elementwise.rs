//! One pass over three tensors of a shape that rewrites the first in place.
//!
//! An update written as tensor expressions allocates and walks memory five to ten times for each
//! parameter; this walks it once. Elements do not meet, so threads do not change a bit.

use candle_core::{CpuStorage, Error, InplaceOp3, Layout, Result, Tensor, Var};
use rayon::prelude::*;

/// The arithmetic that `f32` and `f64` share.
pub(super) trait Real:
    Copy
    + Send
    + Sync
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
{
    fn of(value: f64) -> Self;
    fn root(self) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }
    fn root(self) -> Self {
        self.sqrt()
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn root(self) -> Self {
        self.sqrt()
    }
}

/// A new first value from the three old ones.
pub(super) trait Rule: Sync {
    fn name(&self) -> &'static str;
    /// One element.
    fn apply<T: Real>(&self, first: T, second: T, third: T) -> T;
    /// The same as tensor expressions, for devices without a kernel of ours.
    fn tensors(&self, first: &Tensor, second: &Tensor, third: &Tensor) -> Result<Tensor>;
}

/// Rewrite `first`.
///
/// # Shapes
/// All three the same.
pub(super) fn rewrite(
    first: &Var,
    second: &Tensor,
    third: &Tensor,
    rule: &impl Rule,
) -> Result<()> {
    if first.device().is_cpu() && first.is_contiguous() {
        let (second, third) = (second.contiguous()?, third.contiguous()?);
        first.inplace_op3(&second, &third, &Pass(rule))
    } else {
        first.set(&rule.tensors(first, second, third)?)
    }
}

struct Pass<'a, R>(&'a R);

impl<R: Rule> InplaceOp3 for Pass<'_, R> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        s1: &mut CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<()> {
        match (s1, s2, s3) {
            (CpuStorage::F32(a), CpuStorage::F32(b), CpuStorage::F32(c)) => {
                walk(self.0, (a, l1), (b, l2), (c, l3))
            }
            (CpuStorage::F64(a), CpuStorage::F64(b), CpuStorage::F64(c)) => {
                walk(self.0, (a, l1), (b, l2), (c, l3))
            }
            _ => Err(Error::Msg(format!(
                "{}: parameters, gradients and states must all be f32 or all f64",
                self.name()
            ))),
        }
    }
}

/// Elements a thread takes at a time.
const CHUNK: usize = 1 << 14;

fn walk<T: Real>(
    rule: &impl Rule,
    (a, la): (&mut [T], &Layout),
    (b, lb): (&[T], &Layout),
    (c, lc): (&[T], &Layout),
) -> Result<()> {
    let part = |layout: &Layout, len: usize| {
        layout
            .contiguous_offsets()
            .filter(|&(start, end)| start <= end && end <= len)
            .ok_or_else(|| Error::Msg(format!("{}: a tensor with gaps", rule.name())))
    };
    let (start, end) = part(la, a.len())?;
    let a = &mut a[start..end];
    let (start, end) = part(lb, b.len())?;
    let b = &b[start..end];
    let (start, end) = part(lc, c.len())?;
    let c = &c[start..end];
    if a.len() != b.len() || a.len() != c.len() {
        return Err(Error::Msg(format!(
            "{}: {}, {} and {} elements",
            rule.name(),
            a.len(),
            b.len(),
            c.len()
        )));
    }
    a.par_chunks_mut(CHUNK)
        .zip(b.par_chunks(CHUNK))
        .zip(c.par_chunks(CHUNK))
        .for_each(|((a, b), c)| {
            for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
                *a = rule.apply(*a, *b, *c);
            }
        });
    Ok(())
}
