//! Random streams that depend on the seed and on what is drawn, and on nothing else.
//!
//! A stream is keyed by (seed, epoch, step, sample, purpose). Work may thus be done in any
//! order on any number of threads, and a training that goes on from a checkpoint draws what it
//! would have drawn.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Where in a training something is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Seed of the training.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u64,
    /// Step of the epoch, from 0.
    pub step: u64,
    /// Sample of the step's batch, from 0.
    pub sample: u32,
}

/// What a stream is drawn for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The domain of a step.
    Domain = 1,
    /// How many samples of a step are put on foreground.
    Foreground = 2,
    /// The case and the place of a patch.
    Patch = 3,
    /// The augmentation of a patch.
    Augmentation = 4,
}

/// The stream of one key and purpose: ChaCha8 keyed with the five numbers.
pub(crate) fn stream(key: Key, purpose: Purpose) -> ChaCha8Rng {
    let mut bytes = [0u8; 32];
    bytes[..8].copy_from_slice(&key.seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&key.epoch.to_le_bytes());
    bytes[16..24].copy_from_slice(&key.step.to_le_bytes());
    bytes[24..28].copy_from_slice(&key.sample.to_le_bytes());
    bytes[28..].copy_from_slice(&(purpose as u32).to_le_bytes());
    ChaCha8Rng::from_seed(bytes)
}

/// Uniform in [0, 1). Written out because the library's ranges may change their draws from one
/// release to the next.
pub(crate) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Uniform between two ends.
pub(crate) fn between(rng: &mut ChaCha8Rng, [low, high]: [f64; 2]) -> f64 {
    low + (high - low) * unit(rng)
}

/// A factor that is below 1 as often as above, where the range allows both; uniform within
/// each half.
pub(crate) fn factor(rng: &mut ChaCha8Rng, [low, high]: [f64; 2]) -> f64 {
    let below = chance(rng, 0.5);
    if low < 1.0 && (below || high <= 1.0) {
        between(rng, [low, high.min(1.0)])
    } else {
        between(rng, [low.max(1.0), high])
    }
}

/// True with a probability. One draw whatever the probability, so that changing one option
/// leaves what the others draw as it was.
pub(crate) fn chance(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    unit(rng) < probability
}

/// A whole number below `n`, each equally likely; 0 for an `n` of 0.
pub(crate) fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    if n == 0 {
        return 0;
    }
    let n = n as u64;
    let unbiased = u64::MAX - u64::MAX % n;
    loop {
        let draw = rng.next_u64();
        if draw < unbiased {
            return (draw % n) as usize;
        }
    }
}

/// Two independent standard normal values (Marsaglia's polar method).
pub(crate) fn normals(rng: &mut ChaCha8Rng) -> [f32; 2] {
    loop {
        // 24 bits a coordinate, which is what f32 holds.
        let bits = rng.next_u64();
        let scale = 1.0 / (1u32 << 23) as f32;
        let u = (bits as u32 >> 8) as f32 * scale - 1.0;
        let v = ((bits >> 40) as u32) as f32 * scale - 1.0;
        let s = u * u + v * v;
        if s > 0.0 && s < 1.0 {
            // `libm`'s logarithm: that of the system differs from machine to machine.
            let length = (-2.0 * libm::logf(s) / s).sqrt();
            return [u * length, v * length];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key {
        seed: 7,
        epoch: 1,
        step: 2,
        sample: 3,
    };

    #[test]
    fn every_part_of_the_key_counts() {
        let draw = |key, purpose| stream(key, purpose).next_u64();
        let first = draw(KEY, Purpose::Patch);
        assert_eq!(first, draw(KEY, Purpose::Patch));
        for other in [
            Key { seed: 8, ..KEY },
            Key { epoch: 2, ..KEY },
            Key { step: 3, ..KEY },
            Key { sample: 4, ..KEY },
        ] {
            assert_ne!(first, draw(other, Purpose::Patch), "{other:?}");
        }
        assert_ne!(first, draw(KEY, Purpose::Augmentation));
    }

    #[test]
    fn the_first_draws_never_change() {
        // A change here changes every published training: it needs a new major version.
        let mut rng = stream(
            Key {
                seed: 0,
                epoch: 0,
                step: 0,
                sample: 0,
            },
            Purpose::Patch,
        );
        assert_eq!(rng.next_u64(), 12_164_722_836_633_887_081);
    }

    #[test]
    fn normal_values_have_the_normal_moments() {
        let mut rng = stream(KEY, Purpose::Augmentation);
        let values: Vec<f64> = (0..200_000)
            .flat_map(|_| normals(&mut rng))
            .map(f64::from)
            .collect();
        let n = values.len() as f64;
        let moment = |power: i32| values.iter().map(|v| v.powi(power)).sum::<f64>() / n;
        // Standard errors: 0.0016, 0.0022, 0.006, 0.015.
        assert!(moment(1).abs() < 0.008, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.011, "{}", moment(2));
        assert!(moment(3).abs() < 0.03, "{}", moment(3));
        assert!((moment(4) - 3.0).abs() < 0.08, "{}", moment(4));
    }

    #[test]
    fn factors_fall_on_both_sides_of_one() {
        let mut rng = stream(KEY, Purpose::Augmentation);
        let draws: Vec<f64> = (0..20_000).map(|_| factor(&mut rng, [0.7, 1.5])).collect();
        let smaller = draws.iter().filter(|f| **f < 1.0).count();
        assert!(smaller.abs_diff(10_000) < 400, "{smaller}");
        assert!(draws.iter().all(|f| (0.7..1.5).contains(f)));
        assert!((0..100).all(|_| (1.2..1.5).contains(&factor(&mut rng, [1.2, 1.5]))));
        assert!((0..100).all(|_| (0.5..0.8).contains(&factor(&mut rng, [0.5, 0.8]))));
    }
}
