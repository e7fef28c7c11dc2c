//! Random numbers that are the same on every machine: ChaCha8 and, above it, only
//! arithmetic that IEEE 754 defines and `libm`, whose results do not depend on the
//! platform's C library.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A named stream of random numbers.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream that belongs to `purpose` under `seed`. Streams of different purposes are
    /// independent, so adding a draw to one changes nothing in another.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A 64-bit word.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `[0, 1)`, with 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Standard normal (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        // 1 - u lies in (0, 1], where the logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// Normal, with draws beyond `limit` standard deviations taken again.
    pub fn normal_within(&mut self, mean: f64, sd: f64, limit: f64) -> f64 {
        loop {
            let draw = self.normal();
            if draw.abs() <= limit {
                return mean + sd * draw;
            }
        }
    }

    /// An index below `n`, uniform. `n` is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        // The bias of the multiplication is under n / 2^64.
        ((u128::from(self.word()) * n as u128) >> 64) as usize
    }

    /// An index drawn with the given weights.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut rest = self.uniform() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            rest -= weight;
            if rest < 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }

    /// Put a slice in random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Fill with white noise of mean 0 and variance 1: the sum of four uniform 16-bit
    /// numbers, which any filter over it turns into a normal variable to good accuracy.
    pub fn fill_white(&mut self, out: &mut [f32]) {
        // Four uniform numbers on 0..=65535 have variance 4 (2^32 - 1) / 12.
        const MEAN: f32 = 2.0 * 65535.0;
        const SCALE: f32 = 1.0 / 37_837.227;
        for value in out {
            let word = self.word();
            let sum =
                (word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) + (word >> 48);
            *value = (sum as f32 - MEAN) * SCALE;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn white_noise_has_mean_0_and_variance_1() {
        let mut white = vec![0.0f32; 200_000];
        Stream::new(1, "test").fill_white(&mut white);
        let n = white.len() as f64;
        let mean = white.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = white.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.01, "{variance}");
    }

    #[test]
    fn streams_are_pinned_and_independent() {
        assert_ne!(Stream::new(1, "a").word(), Stream::new(1, "b").word());
        assert_ne!(Stream::new(1, "a").word(), Stream::new(2, "a").word());
        let mut order: Vec<usize> = (0..8).collect();
        Stream::new(7, "order").shuffle(&mut order);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn normal_draws_have_the_stated_moments() {
        let mut stream = Stream::new(3, "normal");
        let draws: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|d| d * d).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02);
        assert_eq!(Stream::new(5, "w").weighted(&[0.0, 1.0, 0.0]), 1);
    }
}
