//! Running a kernel with the widest vectors the machine has.

/// A computation that is worth compiling once for each vector width.
pub(crate) trait Kernel {
    /// What it returns.
    type Output;

    /// Do the work. Implementations are `#[inline(always)]`, so that the body is compiled for
    /// the vectors of each caller in [`run_widest`].
    fn run(self) -> Self::Output;
}

/// Run a kernel with AVX-512 or AVX2 where the machine has them.
///
/// The bits are the same on every machine: wider vectors do the same operations on more
/// lanes, and a multiplication and an addition are never contracted into one rounding,
/// because the compiler does so only where `mul_add` is written.
pub(crate) fn run_widest<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
        {
            // SAFETY: the machine has the features, as just asked.
            return unsafe { run_avx512(kernel) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            return unsafe { run_avx2(kernel) };
        }
    }
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
