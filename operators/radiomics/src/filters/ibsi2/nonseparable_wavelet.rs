//! Isotropic wavelets, defined in the Fourier domain.

use super::{
    Boundary, Derived, Dimensions, Name, Source, filtered_axes, refused,
    riesz::Riesz,
    transfer::{Transfer, filter_spectrum, frequencies},
    window_of,
};
use crate::RadiomicsError;

/// IBSI 2: a band of an isotropic wavelet (`LODD`), or its Riesz transform.
///
/// At level `j` the band ends at `ν_j = 2^(1-j)`, with 1 the highest frequency along an axis:
/// - Simoncelli (`PRT7`): `cos(π/2 log2(2 ‖ν‖ / ν_j))` for `ν_j/4 ≤ ‖ν‖ ≤ ν_j`, 0 elsewhere;
/// - Shannon: 1 for `ν_j/2 ≤ ‖ν‖ ≤ ν_j`, 0 elsewhere.
///
/// The frequencies along an axis with `n` samples run from -1 to 1 in `n` steps, both ends
/// included, so that an even `n` has no frequency 0. The standard's reference maps are made
/// that way: map 8.a.2 is met to 1e-5 of its range with these frequencies and missed by 2.5 %
/// with `2 k / n`. Such frequencies are not the same both ways, so that of the response, which
/// is then complex, the real part is taken, and a mirrored image has not quite the mirrored
/// response.
#[derive(Debug, Clone, PartialEq)]
pub struct NonseparableWavelet {
    /// Which wavelet (`389V`).
    pub family: NonseparableFamily,
    /// Level of the decomposition (`GCEK`), from 1.
    pub level: usize,
    /// In slices or in the volume.
    pub dimensions: Dimensions,
    /// Riesz transform of the wavelet (`AYRS`): orders along x, y, z; in slices the last is 0.
    pub riesz_order_xyz: Option<[u32; 3]>,
    /// How the image goes on beyond its border: for half its length on either side, and
    /// [`Boundary::Periodic`] for ever.
    pub boundary: Boundary,
}

/// Isotropic wavelets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NonseparableFamily {
    /// Simoncelli's.
    Simoncelli,
    /// Shannon's.
    Shannon,
}

/// Bands beyond this level are narrower than the frequencies of any image are apart.
const MAX_LEVEL: usize = 30;

impl NonseparableWavelet {
    pub(super) fn name(&self) -> String {
        Name::of(match self.family {
            NonseparableFamily::Simoncelli => "simoncelli",
            NonseparableFamily::Shannon => "shannon",
        })
        .word("level")
        .word(self.level.to_string())
        .dimensions(self.dimensions)
        .riesz(self.riesz_order_xyz)
        .boundary(self.boundary)
        .0
    }

    /// Filter an image: the whole of it, or those of its slices that the window touches,
    /// because the bands are defined on the frequencies of the whole.
    ///
    /// Memory: the whole image in `f64`, eight times that (four in slices, one slice a thread)
    /// unless the boundary is periodic.
    ///
    /// # Shapes
    /// Returns `source.window` in C order.
    ///
    /// # Errors
    /// Level 0 or one beyond 30; a Riesz order that cannot be used; NaN or infinity in the
    /// image; a Fourier domain beyond [`MAX_FOURIER_VOXELS`](super::MAX_FOURIER_VOXELS).
    pub fn derive(&self, source: &Source<'_>) -> Result<Derived, RadiomicsError> {
        window_of(source)?;
        if !(1..=MAX_LEVEL).contains(&self.level) {
            return Err(refused("level", self.level, "it must be between 1 and 30"));
        }
        let axes = filtered_axes(self.dimensions, source);
        let riesz = match self.riesz_order_xyz {
            None => None,
            Some(order_xyz) => Some(Riesz::new(order_xyz, &axes)?),
        };
        let name = self.name();
        let band = Band {
            family: self.family,
            highest: 2.0f64.powi(1 - self.level as i32),
        };
        let values = filter_spectrum(
            source,
            self.dimensions,
            [0; 3],
            &band,
            riesz,
            self.boundary,
            &name,
        )?;
        Ok(Derived { name, values })
    }
}

/// A band of the wavelet.
struct Band {
    family: NonseparableFamily,
    highest: f64,
}

impl Transfer for Band {
    fn tables(&self, shape_zyx: [usize; 3]) -> [Vec<[f64; 2]>; 3] {
        shape_zyx.map(|n| frequencies(n).iter().map(|nu| [nu * nu, 0.0]).collect())
    }

    fn gain(&self, parts_zyx: [[f64; 2]; 3]) -> f64 {
        let radius = parts_zyx
            .iter()
            .map(|[squared, _]| squared)
            .sum::<f64>()
            .sqrt();
        let highest = self.highest;
        match self.family {
            NonseparableFamily::Simoncelli if (highest / 4.0..=highest).contains(&radius) => {
                (std::f64::consts::FRAC_PI_2 * (2.0 * radius / highest).log2()).cos()
            }
            NonseparableFamily::Shannon if (highest / 2.0..=highest).contains(&radius) => 1.0,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain(family: NonseparableFamily, radius: f64) -> f64 {
        let band = Band {
            family,
            highest: 1.0,
        };
        band.gain([[0.0; 2], [0.0; 2], [radius * radius, 0.0]])
    }

    #[test]
    fn bands_end_where_they_should() {
        use NonseparableFamily::{Shannon, Simoncelli};
        for radius in [0.0, 0.2, 1.01] {
            assert_eq!(gain(Simoncelli, radius), 0.0);
            assert_eq!(gain(Shannon, radius), 0.0);
        }
        assert_eq!(gain(Simoncelli, 0.5), 1.0);
        assert!(gain(Simoncelli, 0.25).abs() < 1e-15 && gain(Simoncelli, 1.0).abs() < 1e-15);
        // Neighbouring bands share their energy: the squares sum to 1.
        let radius = 0.4;
        let next = gain(Simoncelli, 2.0 * radius);
        assert!((gain(Simoncelli, radius).powi(2) + next.powi(2) - 1.0).abs() < 1e-15);
        assert_eq!(gain(Shannon, 0.75), 1.0);
    }
}
