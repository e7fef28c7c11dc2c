//! Random streams that depend on the seed and on what is drawn, and on nothing else.
//!
//! smartcore draws the bootstrap samples and candidate features of its forests, and the order
//! in which its vector machine learns, from rand's `SmallRng`; these streams give it its seeds.
//! Those draws are the same on every 64-bit machine as long as the lock file keeps rand.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// What a stream is drawn for. Each purpose and index has a stream of its own, so that work
/// may be done in any order on any number of threads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Dealing patients to the folds of a repeat.
    Folds = 1,
    /// The selection and the classifier of one fold.
    Pipeline = 2,
    /// One bootstrap replicate.
    Bootstrap = 3,
    /// The forest that ranks features.
    Importance = 4,
    /// The classifier itself.
    Classifier = 5,
    /// The folds inside a training set that calibrate probabilities.
    Calibration = 6,
}

/// The stream for one purpose and index: ChaCha8 keyed with the three numbers.
pub(crate) fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A seed for a computation of its own.
pub(crate) fn seed(seed: u64, purpose: Purpose, index: u64) -> u64 {
    stream(seed, purpose, index).next_u64()
}

/// A whole number below `n`, each equally likely; `n` must not be 0. Written out here because
/// the library's ranges may change their draws from one release to the next.
pub(crate) fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    let n = n as u64;
    let unbiased = u64::MAX - u64::MAX % n;
    loop {
        let draw = rng.next_u64();
        if draw < unbiased {
            return (draw % n) as usize;
        }
    }
}

/// Shuffle in place (Fisher and Yates).
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_streams_apart() {
        let mut rng = stream(7, Purpose::Folds, 0);
        let mut counts = [0usize; 5];
        for _ in 0..50_000 {
            counts[below(&mut rng, 5)] += 1;
        }
        assert!(
            counts.iter().all(|c| c.abs_diff(10_000) < 400),
            "{counts:?}"
        );
        assert_ne!(seed(7, Purpose::Folds, 0), seed(7, Purpose::Folds, 1));
        assert_ne!(seed(7, Purpose::Folds, 0), seed(7, Purpose::Pipeline, 0));
    }

    #[test]
    fn the_first_draws_never_change() {
        // A change of these numbers changes every published result: it needs a new major version.
        assert_eq!(seed(0, Purpose::Folds, 0), 4_606_029_925_845_525_861);
        let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
        shuffle(&mut order, &mut stream(0, Purpose::Folds, 0));
        assert_eq!(order, [3, 7, 2, 1, 4, 0, 6, 5]);
    }
}
