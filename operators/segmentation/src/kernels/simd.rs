//! Vectors of `f32` behind one trait, and the choice of instructions at run time.
//!
//! An algorithm is a `Kernel` written once over `Vector`. `Isa::run` compiles it inside a
//! function that enables the instructions, so everything a kernel calls is `inline(always)`.

/// Instructions that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// 16 lanes, 32 registers.
    Avx512,
    /// 8 lanes with fused multiply-add, 16 registers.
    Avx2,
    /// What the compiler makes of arrays.
    Portable,
    /// The shape of [`Isa::Avx512`] in arrays, for tests on machines without it.
    #[cfg(test)]
    Wide,
}

impl Isa {
    /// The widest instructions of this machine.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// All that this machine can run, widest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let all = [Self::Avx512, Self::Avx2, Self::Portable];
        let widest = Self::detect();
        let available = all.into_iter().skip_while(|&isa| isa != widest);
        #[cfg(test)]
        let available = available.chain([Self::Wide]);
        available.collect()
    }

    /// Numbers in one of its vectors.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self {
            Self::Avx512 => 16,
            Self::Avx2 | Self::Portable => 8,
            #[cfg(test)]
            Self::Wide => 16,
        }
    }

    /// Those for vectors of eight numbers.
    pub(crate) fn of_eight_lanes(self) -> Self {
        match self {
            Self::Avx512 => Self::Avx2,
            #[cfg(test)]
            Self::Wide => Self::Portable,
            isa => isa,
        }
    }

    /// Runs a kernel with these instructions.
    ///
    /// # Safety
    /// The machine has them (see [`Isa::available`]), and the kernel's own conditions hold.
    pub(crate) unsafe fn run<K: Kernel>(self, kernel: K) {
        match self {
            // SAFETY: the caller vouches for the instructions and for the kernel.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { x86::avx512(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { x86::avx2(kernel) },
            // SAFETY: no instruction beyond the target's; the caller vouches for the kernel.
            #[cfg(test)]
            Self::Wide => unsafe { kernel.run::<[f32; 16]>() },
            // SAFETY: as above.
            _ => unsafe { kernel.run::<[f32; 8]>() },
        }
    }
}

/// An algorithm over vectors of any width.
pub(crate) trait Kernel {
    /// Runs it.
    ///
    /// # Safety
    /// The machine has the instructions of `V`, and the kernel's pointers are what it says.
    unsafe fn run<V: Vector>(self);
}

/// A vector of `f32`.
///
/// # Safety
/// Of every method: the machine has the instructions, and pointers are good for the lanes
/// that are read or written. No alignment is asked for.
pub(crate) trait Vector: Copy {
    /// Numbers in one vector.
    const LANES: usize;
    /// Whether 24 accumulators fit beside their operands.
    const MANY_REGISTERS: bool;
    /// One number in every lane.
    unsafe fn splat(value: f32) -> Self;
    /// All lanes from memory.
    unsafe fn load(from: *const f32) -> Self;
    /// The first `lanes` lanes from memory, zeros in the others.
    unsafe fn load_part(from: *const f32, lanes: usize) -> Self;
    /// All lanes to memory.
    unsafe fn store(self, to: *mut f32);
    /// The first `lanes` lanes to memory.
    unsafe fn store_part(self, to: *mut f32, lanes: usize);
    /// The first `lanes` lanes, zeros in the others.
    unsafe fn keep(self, lanes: usize) -> Self;
    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;
    /// `self - other`.
    unsafe fn sub(self, other: Self) -> Self;
    /// `self * other`.
    unsafe fn mul(self, other: Self) -> Self;
    /// `self * factor + term`.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
    /// The larger, lane by lane.
    unsafe fn max(self, other: Self) -> Self;
    /// The sum of the lanes.
    unsafe fn sum(self) -> f32;
    /// Turns a block of as many rows as lanes, one at every `pitch`, into one of as many columns,
    /// one at every `to_pitch`.
    unsafe fn transpose(rows: *const f32, pitch: usize, to: *mut f32, to_pitch: usize);
}

impl<const N: usize> Vector for [f32; N] {
    const LANES: usize = N;
    const MANY_REGISTERS: bool = N > 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; N]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: good for `N` lanes by the trait's contract.
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, lanes: usize) -> Self {
        // SAFETY: good for `lanes` lanes by the trait's contract.
        std::array::from_fn(|l| {
            if l < lanes {
                unsafe { *from.add(l) }
            } else {
                0.0
            }
        })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: good for `N` lanes by the trait's contract.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, lanes: usize) {
        for l in 0..lanes.min(N) {
            // SAFETY: good for `lanes` lanes by the trait's contract.
            unsafe { *to.add(l) = self[l] }
        }
    }
    #[inline(always)]
    unsafe fn keep(self, lanes: usize) -> Self {
        std::array::from_fn(|l| if l < lanes { self[l] } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        std::array::from_fn(|l| self[l] + other[l])
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        std::array::from_fn(|l| self[l] - other[l])
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        std::array::from_fn(|l| self[l] * other[l])
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        std::array::from_fn(|l| self[l] * factor[l] + term[l])
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        std::array::from_fn(|l| {
            if self[l] > other[l] {
                self[l]
            } else {
                other[l]
            }
        })
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        self.iter().sum()
    }
    #[inline(always)]
    unsafe fn transpose(rows: *const f32, pitch: usize, to: *mut f32, to_pitch: usize) {
        for r in 0..N {
            for c in 0..N {
                // SAFETY: good for `N` rows of `N` by the trait's contract.
                unsafe { *to.add(c * to_pitch + r) = *rows.add(r * pitch + c) }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The vectors of x86-64.
    use super::{Kernel, Vector};
    use std::arch::x86_64::*;

    // SAFETY of the functions and blocks here: each intrinsic needs its instructions and, where it
    // touches memory, good pointers; both are the contract of `Vector` and of `Isa::run`.

    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn avx512<K: Kernel>(kernel: K) {
        // SAFETY: the instructions are enabled here; the kernel is the caller's promise.
        unsafe { kernel.run::<__m512>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2<K: Kernel>(kernel: K) {
        // SAFETY: as above.
        unsafe { kernel.run::<__m256>() }
    }

    #[inline(always)]
    fn mask16(lanes: usize) -> u16 {
        if lanes >= 16 {
            u16::MAX
        } else {
            (1 << lanes) - 1
        }
    }

    /// One implementation of `Vector` from the names of its intrinsics.
    macro_rules! arithmetic {
        ($splat:ident $load:ident $store:ident $add:ident $sub:ident $mul:ident $fma:ident $max:ident) => {
            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                // SAFETY: see the module.
                unsafe { $splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: see the module.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: see the module.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: see the module.
                unsafe { $add(self, other) }
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                // SAFETY: see the module.
                unsafe { $sub(self, other) }
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                // SAFETY: see the module.
                unsafe { $mul(self, other) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
                // SAFETY: see the module.
                unsafe { $fma(self, factor, term) }
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                // SAFETY: see the module.
                unsafe { $max(self, other) }
            }
        };
    }

    impl Vector for __m512 {
        const LANES: usize = 16;
        const MANY_REGISTERS: bool = true;
        arithmetic!(_mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_add_ps _mm512_sub_ps
            _mm512_mul_ps _mm512_fmadd_ps _mm512_max_ps);

        #[inline(always)]
        unsafe fn load_part(from: *const f32, lanes: usize) -> Self {
            // SAFETY: see the module.
            unsafe { _mm512_maskz_loadu_ps(mask16(lanes), from) }
        }
        #[inline(always)]
        unsafe fn store_part(self, to: *mut f32, lanes: usize) {
            // SAFETY: see the module.
            unsafe { _mm512_mask_storeu_ps(to, mask16(lanes), self) }
        }
        #[inline(always)]
        unsafe fn keep(self, lanes: usize) -> Self {
            // SAFETY: see the module.
            unsafe { _mm512_maskz_mov_ps(mask16(lanes), self) }
        }
        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            // SAFETY: see the module.
            unsafe { _mm512_reduce_add_ps(self) }
        }
        #[inline(always)]
        unsafe fn transpose(rows: *const f32, pitch: usize, to: *mut f32, to_pitch: usize) {
            // Four blocks of eight by eight: what has these instructions has those of `__m256`.
            for r in [0, 8] {
                for c in [0, 8] {
                    // SAFETY: see the module.
                    unsafe {
                        let (from, to) = (rows.add(r * pitch + c), to.add(c * to_pitch + r));
                        <__m256 as Vector>::transpose(from, pitch, to, to_pitch);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn mask8(lanes: usize) -> __m256i {
        let lanes = i32::try_from(lanes.min(8)).unwrap_or(8);
        // SAFETY: see the module.
        unsafe {
            _mm256_cmpgt_epi32(
                _mm256_set1_epi32(lanes),
                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
            )
        }
    }

    impl Vector for __m256 {
        const LANES: usize = 8;
        const MANY_REGISTERS: bool = false;
        arithmetic!(_mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_add_ps _mm256_sub_ps
            _mm256_mul_ps _mm256_fmadd_ps _mm256_max_ps);

        #[inline(always)]
        unsafe fn load_part(from: *const f32, lanes: usize) -> Self {
            // SAFETY: see the module.
            unsafe { _mm256_maskload_ps(from, mask8(lanes)) }
        }
        #[inline(always)]
        unsafe fn store_part(self, to: *mut f32, lanes: usize) {
            // SAFETY: see the module.
            unsafe { _mm256_maskstore_ps(to, mask8(lanes), self) }
        }
        #[inline(always)]
        unsafe fn keep(self, lanes: usize) -> Self {
            // SAFETY: see the module.
            unsafe { _mm256_and_ps(self, _mm256_castsi256_ps(mask8(lanes))) }
        }
        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            // SAFETY: see the module.
            unsafe {
                let half = _mm_add_ps(
                    _mm256_castps256_ps128(self),
                    _mm256_extractf128_ps::<1>(self),
                );
                let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
                _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
            }
        }
        #[inline(always)]
        unsafe fn transpose(rows: *const f32, pitch: usize, to: *mut f32, to_pitch: usize) {
            // SAFETY: see the module.
            unsafe {
                let row = |r: usize| _mm256_loadu_ps(rows.add(r * pitch));
                // Of rows 4q to 4q + 3: columns c and 4 + c in the two halves.
                let mut quads = [[_mm256_setzero_ps(); 4]; 2];
                for (q, quad) in quads.iter_mut().enumerate() {
                    let [a, b, c, d] = [0, 1, 2, 3].map(|r| row(4 * q + r));
                    let pairs = [
                        _mm256_unpacklo_ps(a, b),
                        _mm256_unpacklo_ps(c, d),
                        _mm256_unpackhi_ps(a, b),
                        _mm256_unpackhi_ps(c, d),
                    ]
                    .map(|x| _mm256_castps_pd(x));
                    *quad = [
                        _mm256_unpacklo_pd(pairs[0], pairs[1]),
                        _mm256_unpackhi_pd(pairs[0], pairs[1]),
                        _mm256_unpacklo_pd(pairs[2], pairs[3]),
                        _mm256_unpackhi_pd(pairs[2], pairs[3]),
                    ]
                    .map(|x| _mm256_castpd_ps(x));
                }
                for c in 0..4 {
                    let [a, b] = quads.map(|quad| quad[c]);
                    let (low, high) = (to.add(c * to_pitch), to.add((4 + c) * to_pitch));
                    _mm256_storeu_ps(low, _mm256_permute2f128_ps::<0x20>(a, b));
                    _mm256_storeu_ps(high, _mm256_permute2f128_ps::<0x31>(a, b));
                }
            }
        }
    }
}

/// Operations of one round of [`multiply_adds`] with the widest instructions.
pub const FLOP_PER_ROUND: usize = 12 * 16 * 2;

/// Runs `rounds` of twelve independent chains of multiply-adds on 16 numbers each, with the
/// widest instructions of this machine: nothing but arithmetic, to measure its peak.
#[must_use]
pub fn multiply_adds(rounds: usize) -> f32 {
    struct Chains<'a>(usize, &'a mut f32);
    impl Kernel for Chains<'_> {
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            // SAFETY: no pointers; `Isa::detect` found the instructions.
            unsafe {
                let factor = V::splat(std::hint::black_box(0.999));
                let mut sums = [V::splat(std::hint::black_box(1.0)); 12];
                for _ in 0..self.0 * 16 / V::LANES {
                    for chain in 0..12 {
                        sums[chain] = sums[chain].mul_add(factor, factor);
                    }
                }
                *self.1 = sums.iter().fold(V::splat(0.0), |a, &b| a.add(b)).sum();
            }
        }
    }
    let mut sum = 0.0;
    // SAFETY: the instructions were found, and the kernel has no pointers.
    unsafe { Isa::detect().run(Chains(rounds, &mut sum)) };
    std::hint::black_box(sum)
}
