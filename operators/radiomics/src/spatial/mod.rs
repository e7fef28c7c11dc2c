//! How intensities lie within a region: the morphological features of the IBSI reference
//! manual (arXiv:1612.07003) that need an image.
//!
//! Moran's I and Geary's C run over all pairs of voxels. Here they are exact, not sampled: the
//! weight of a pair depends on its offset only, so their sums are those of autocorrelations,
//! which Fourier transforms give in N log N ([`pairs`]).
//!
//! They are computed on derived images as well. The manual counts them among the morphological
//! features and has reference values for them on the image alone; on filtered images it has
//! reference values of intensity statistics only, and leaves the rest to the study.

mod features;
pub mod pairs;

pub use features::FEATURES;
pub use pairs::PairSums;

use std::{cell::OnceCell, sync::Arc};

use crate::{Compute, FeatureClass, Region, Roi, shape::MeshSize, statistics::sum_of};

/// What the features of intensities in space are computed from.
#[derive(Debug, Clone)]
pub struct SpatialTerms {
    /// Mean intensity.
    pub mean: f64,
    /// Volume of the surface mesh of the region before resegmentation.
    pub mesh_volume_mm3: f64,
    /// Distance from the centre of the region before resegmentation to the centre weighted by
    /// intensity.
    pub centre_of_mass_shift_mm: f64,
    region: Arc<Region>,
    /// Intensities less their mean, in the order of the region's runs.
    deviations: Vec<f64>,
    pairs: OnceCell<PairSums>,
}

impl SpatialTerms {
    /// Measure a region.
    #[must_use]
    pub fn of(roi: &Roi) -> Self {
        let x = &roi.intensities;
        let mean = sum_of(x, |x| x) / x.len() as f64;
        Self {
            mean,
            mesh_volume_mm3: MeshSize::of(&roi.morphological).volume_mm3,
            centre_of_mass_shift_mm: centre_of_mass_shift_mm(roi),
            region: Arc::clone(&roi.region),
            deviations: x.iter().map(|x| x - mean).collect(),
            pairs: OnceCell::new(),
        }
    }

    /// Sums over pairs; computed where they are first asked for.
    pub fn pairs(&self) -> &PairSums {
        self.pairs
            .get_or_init(|| PairSums::of(&self.region, &self.deviations))
    }

    /// Moran's I: 1 where all intensities are equal, NaN on one voxel.
    pub fn morans_i(&self) -> f64 {
        self.of_pairs(|n, pairs, squares| n / pairs.weights * pairs.products / squares)
    }

    /// Geary's C: 1 where all intensities are equal, NaN on one voxel.
    pub fn gearys_c(&self) -> f64 {
        self.of_pairs(|n, pairs, squares| {
            // Of each (xᵢ - xⱼ)² the squares count twice, once for i and once for j.
            let differences = 2.0 * (pairs.squares - pairs.products);
            (n - 1.0) / (2.0 * pairs.weights) * differences / squares
        })
    }

    fn of_pairs(&self, f: impl Fn(f64, &PairSums, f64) -> f64) -> f64 {
        if self.deviations.len() < 2 {
            return f64::NAN;
        }
        let squares = sum_of(&self.deviations, |d| d * d);
        if squares == 0.0 {
            return 1.0;
        }
        f(self.deviations.len() as f64, self.pairs(), squares)
    }
}

/// The weighted centre is taken relative to the other one, so that intensities that nearly add
/// up to 0 lose no more digits than they must.
fn centre_of_mass_shift_mm(roi: &Roi) -> f64 {
    let centre = centre(&roi.morphological);
    let mut moments = [0.0; 3];
    let mut total = 0.0;
    let mut read = 0;
    for run in &roi.region.runs {
        let [z, y, x]: [f64; 3] = std::array::from_fn(|axis| {
            (roi.region.bounding_box.start_zyx[axis] + run.start_zyx[axis]) as f64 - centre[axis]
        });
        let (mut of_run, mut moment_x) = (0.0, 0.0);
        for (i, intensity) in roi.intensities[read..read + run.len].iter().enumerate() {
            of_run += intensity;
            moment_x += intensity * (x + i as f64);
        }
        total += of_run;
        moments[0] += of_run * z;
        moments[1] += of_run * y;
        moments[2] += moment_x;
        read += run.len;
    }
    (0..3)
        .map(|axis| (moments[axis] / total * roi.region.spacing_zyx_mm[axis]).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// The mean index of a region's voxels in the volume.
fn centre(region: &Region) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for run in &region.runs {
        let n = run.len as f64;
        sums[0] += n * run.start_zyx[0] as f64;
        sums[1] += n * run.start_zyx[1] as f64;
        sums[2] += n * (run.start_zyx[2] as f64 + 0.5 * (n - 1.0));
    }
    std::array::from_fn(|axis| {
        region.bounding_box.start_zyx[axis] as f64 + sums[axis] / region.voxel_count as f64
    })
}

/// Intensities in space.
pub static SPATIAL: FeatureClass = FeatureClass {
    name: "spatial",
    title: "How the intensities lie within the region",
    docs: || FEATURES.iter().map(|feature| &feature.doc).collect(),
    compute: Compute::FromImage(|roi, _, wanted| {
        let terms = SpatialTerms::of(roi);
        Ok(wanted
            .iter()
            .map(|&feature| (FEATURES[feature].value)(&terms))
            .collect())
    }),
};
