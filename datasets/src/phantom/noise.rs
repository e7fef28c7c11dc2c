//! Two kinds of randomness in space: tissue texture, which belongs to the patient, and
//! quantum noise, which belongs to the scanner.
//!
//! Quantum noise is white noise through small separable kernels. A Fourier transform would
//! shape the same spectrum, but its libraries choose instructions by processor, and the
//! last bits with them.

use rayon::prelude::*;

use super::{random::Stream, shape::Point};

/// Smooth texture of about unit standard deviation within ±2: value noise on a lattice of
/// `wavelength_mm`, and a second octave at half of it.
pub(crate) fn lattice(p: Point, wavelength_mm: f32, seed: u32) -> f32 {
    let coarse = p.map(|v| v / wavelength_mm);
    // The second octave runs along turned axes, which hides the lattice.
    let fine = [
        (coarse[0] + coarse[1]) * 1.414 + 17.3,
        (coarse[1] - coarse[0]) * 1.414 + 5.1,
        coarse[2] * 2.0 + 9.7,
    ];
    ((octave(coarse, seed) + 0.5 * octave(fine, seed ^ 0x9e37_79b9)) * 2.3).clamp(-2.0, 2.0)
}

/// One octave: uniform values in [-1, 1) at the corners, smoothly interpolated.
fn octave(p: Point, seed: u32) -> f32 {
    let floor = p.map(f32::floor);
    let corner = floor.map(|v| v as i32);
    let weight: Point = std::array::from_fn(|i| {
        let t = p[i] - floor[i];
        t * t * (3.0 - 2.0 * t)
    });
    let value =
        |dx: i32, dy: i32, dz: i32| hashed([corner[0] + dx, corner[1] + dy, corner[2] + dz], seed);
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let row = |dy: i32, dz: i32| mix(value(0, dy, dz), value(1, dy, dz), weight[0]);
    let plane = |dz: i32| mix(row(0, dz), row(1, dz), weight[1]);
    mix(plane(0), plane(1), weight[2])
}

/// A value in [-1, 1) that depends on nothing but its arguments.
fn hashed(corner: [i32; 3], seed: u32) -> f32 {
    let mut h = seed
        .wrapping_add((corner[0] as u32).wrapping_mul(0x8da6_b343))
        .wrapping_add((corner[1] as u32).wrapping_mul(0xd816_3841))
        .wrapping_add((corner[2] as u32).wrapping_mul(0xcb1a_b31f));
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^= h >> 16;
    h as f32 * (2.0 / 4_294_967_296.0) - 1.0
}

/// A sampled Gaussian that sums to 1, out to three standard deviations.
pub(crate) fn gaussian_kernel(sigma: f64) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil().max(1.0) as i32;
    let raw: Vec<f64> = (-radius..=radius)
        .map(|i| libm::exp(-0.5 * (f64::from(i) / sigma.max(1e-3)).powi(2)))
        .collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|w| (w / sum) as f32).collect()
}

/// Convolve a plane with a separable kernel.
///
/// # Shapes
/// `plane`: `[ny + 2 r, nx + 2 r]`, where `r = kernel.len() / 2`. Returns `[ny, nx]`.
pub(crate) fn convolve(plane: &[f32], ny: usize, nx: usize, kernel: &[f32]) -> Vec<f32> {
    let width = nx + kernel.len() - 1;
    let mut rows = vec![0.0f32; (ny + kernel.len() - 1) * nx];
    for (source, row) in plane.chunks_exact(width).zip(rows.chunks_exact_mut(nx)) {
        for (k, &w) in kernel.iter().enumerate() {
            for (out, &v) in row.iter_mut().zip(&source[k..]) {
                *out += w * v;
            }
        }
    }
    let mut result = vec![0.0f32; ny * nx];
    for (y, out_row) in result.chunks_exact_mut(nx).enumerate() {
        for (k, &w) in kernel.iter().enumerate() {
            let source = &rows[(y + k) * nx..(y + k + 1) * nx];
            for (out, &v) in out_row.iter_mut().zip(source) {
                *out += w * v;
            }
        }
    }
    result
}

/// The spectrum of a scanner's noise: a band-pass in the plane (a ramp filter that rolls
/// off), and a correlation between neighbouring slices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoiseSpectrum {
    /// Standard deviation of the finished noise, HU.
    pub sd_hu: f64,
    /// Width of the reconstruction kernel, mm: grain size.
    pub grain_sigma_mm: f64,
    /// How much of the low frequencies is taken out again, 0 to 1.
    pub low_cut: f64,
    /// Weight of each neighbouring slice against 1 for the slice itself.
    pub neighbour: f64,
}

impl NoiseSpectrum {
    /// Quantum noise on a grid.
    ///
    /// # Shapes
    /// Returns `[z, y, x]` values in HU.
    pub fn render(&self, shape_zyx: [usize; 3], pixel_mm: f64, seed: u64) -> Vec<f32> {
        let [nz, ny, nx] = shape_zyx;
        let narrow = gaussian_kernel(self.grain_sigma_mm / pixel_mm);
        let wide = gaussian_kernel(2.5 * self.grain_sigma_mm / pixel_mm);
        let margin = wide.len() / 2;
        let inner = margin - narrow.len() / 2;

        // The filter's gain on white noise, from the kernels' energies.
        let energy = |a: &[f32], b: &[f32]| {
            let offset = (b.len() - a.len()) / 2;
            let sum: f64 = a
                .iter()
                .zip(&b[offset..])
                .map(|(&x, &y)| f64::from(x) * f64::from(y))
                .sum();
            sum * sum
        };
        let in_plane = energy(&narrow, &narrow) - 2.0 * self.low_cut * energy(&narrow, &wide)
            + self.low_cut * self.low_cut * energy(&wide, &wide);
        let across = 1.0 + 2.0 * self.neighbour * self.neighbour;
        let gain = (self.sd_hu / (in_plane * across).sqrt()) as f32;

        // One slice more at either end, so that every slice has two neighbours.
        let (height, width) = (ny + 2 * margin, nx + 2 * margin);
        let slices: Vec<Vec<f32>> = (0..nz + 2)
            .into_par_iter()
            .map(|z| {
                let mut white = vec![0.0f32; height * width];
                Stream::new(seed, &format!("quantum noise {z}")).fill_white(&mut white);
                let low = convolve(&white, ny, nx, &wide);
                let cropped: Vec<f32> = white
                    .chunks_exact(width)
                    .skip(inner)
                    .take(height - 2 * inner)
                    .flat_map(|row| row[inner..width - inner].iter().copied())
                    .collect();
                let mut noise = convolve(&cropped, ny, nx, &narrow);
                for (value, &l) in noise.iter_mut().zip(&low) {
                    *value = gain * (*value - self.low_cut as f32 * l);
                }
                noise
            })
            .collect();

        let neighbour = self.neighbour as f32;
        let mut noise = vec![0.0f32; nz * ny * nx];
        noise
            .par_chunks_exact_mut(ny * nx)
            .enumerate()
            .for_each(|(z, out)| {
                let (below, here, above) = (&slices[z], &slices[z + 1], &slices[z + 2]);
                for (i, value) in out.iter_mut().enumerate() {
                    *value = here[i] + neighbour * (below[i] + above[i]);
                }
            });
        noise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_stated_sd_and_is_correlated() {
        let spectrum = NoiseSpectrum {
            sd_hu: 20.0,
            grain_sigma_mm: 0.9,
            low_cut: 0.8,
            neighbour: 0.3,
        };
        let [nz, ny, nx] = [12, 64, 64];
        let noise = spectrum.render([nz, ny, nx], 1.5, 11);
        let n = noise.len() as f64;
        let mean = noise.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = noise.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 0.5, "{mean}");
        assert!((variance.sqrt() - 20.0).abs() < 0.4, "{}", variance.sqrt());
        let lag = |step: usize| {
            noise
                .iter()
                .zip(&noise[step..])
                .map(|(&a, &b)| f64::from(a) * f64::from(b))
                .sum::<f64>()
                / n
                / variance
        };
        assert!(lag(1) > 0.1, "neighbours in x: {}", lag(1));
        assert!(lag(ny * nx) > 0.3, "neighbours in z: {}", lag(ny * nx));
        // The low frequencies are cut, so far pixels are not correlated.
        assert!(lag(8).abs() < 0.05, "{}", lag(8));
    }

    #[test]
    fn texture_is_centred_and_of_unit_size() {
        let mut sum = 0.0;
        let mut squares = 0.0;
        let mut count = 0.0;
        for x in 0..60 {
            for y in 0..60 {
                for z in 0..20 {
                    let v = lattice([x as f32 * 3.1, y as f32 * 2.9, z as f32 * 3.3], 9.0, 5);
                    sum += v;
                    squares += v * v;
                    count += 1.0;
                }
            }
        }
        let mean = sum / count;
        let sd = (squares / count - mean * mean).sqrt();
        assert!(mean.abs() < 0.08, "{mean}");
        assert!((0.8..1.1).contains(&sd), "{sd}");
    }
}
