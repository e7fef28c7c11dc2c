//! Gaussian noise.

use rand_chacha::ChaCha8Rng;

use crate::random::normals;

/// Add independent normal values with mean 0 and a deviation in the image's unit. At 0 nothing
/// changes.
///
/// # Shapes
/// Any.
pub fn noise(values: &mut [f32], deviation: f64, rng: &mut ChaCha8Rng) {
    if deviation == 0.0 {
        return;
    }
    let deviation = deviation as f32;
    for pair in values.chunks_mut(2) {
        for (value, normal) in pair.iter_mut().zip(normals(rng)) {
            *value += deviation * normal;
        }
    }
}
