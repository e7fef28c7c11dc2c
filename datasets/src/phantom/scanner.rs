//! How a domain's scanner sees a patient: grid, phase, kernel, slice profile and noise.

use serde::{Deserialize, Serialize};

use super::{noise::NoiseSpectrum, tissue::Phase};

/// Where a phantom patient was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// The large public collection: KiTS19-like corticomedullary scans, 3 mm slices, a soft
    /// kernel.
    Auxiliary,
    /// The small local collection: nephrographic scans, overlapping 2.5 mm slices, a sharper
    /// and noisier kernel.
    Primary,
}

impl Domain {
    /// The name used in manifests and case ids.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auxiliary => "auxiliary",
            Self::Primary => "primary",
        }
    }

    /// The scan protocol of the domain.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Auxiliary => Protocol {
                phase: Phase::Corticomedullary,
                shape_zyx: [64, 180, 240],
                slice_spacing_mm: 3.0,
                slice_thickness_mm: 3.0,
                kernel_sigma_mm: 0.80,
                noise: NoiseSpectrum {
                    sd_hu: 14.0,
                    grain_sigma_mm: 1.05,
                    low_cut: 0.70,
                    neighbour: 0.15,
                },
            },
            Self::Primary => Protocol {
                phase: Phase::Nephrographic,
                shape_zyx: [76, 192, 256],
                slice_spacing_mm: 2.5,
                slice_thickness_mm: 3.0,
                kernel_sigma_mm: 0.55,
                noise: NoiseSpectrum {
                    sd_hu: 20.0,
                    grain_sigma_mm: 0.75,
                    low_cut: 0.85,
                    neighbour: 0.30,
                },
            },
        }
    }
}

/// One domain's acquisition and reconstruction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    pub phase: Phase,
    /// Default number of voxels; the field of view follows the patient's width.
    pub shape_zyx: [usize; 3],
    pub slice_spacing_mm: f64,
    /// Width of the slice sensitivity profile.
    pub slice_thickness_mm: f64,
    /// Standard deviation of the in-plane point-spread function.
    pub kernel_sigma_mm: f64,
    pub noise: NoiseSpectrum,
}

impl Protocol {
    /// Where a slice is sampled along z: the middles of its two halves, mm from its centre.
    pub fn slice_samples_mm(&self) -> [f32; 2] {
        let quarter = (0.25 * self.slice_thickness_mm) as f32;
        [-quarter, quarter]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_differ_in_every_respect_that_is_promised() {
        let a = Domain::Auxiliary.protocol();
        let p = Domain::Primary.protocol();
        assert_ne!(a.phase, p.phase);
        assert_ne!(a.shape_zyx, p.shape_zyx);
        assert!((a.slice_spacing_mm - p.slice_spacing_mm).abs() > 0.1);
        assert!((a.kernel_sigma_mm - p.kernel_sigma_mm).abs() > 0.1);
        assert!((a.noise.sd_hu - p.noise.sd_hu).abs() > 1.0);
    }
}
