//! Counting which grey levels are neighbours.

use crate::{
    Region, Roi, Settings, Slice, WeightingNorm, error::RadiomicsError, statistics::sum_of,
};

/// The most memory that the matrices of all directions may take together.
pub const MAX_MATRIX_BYTES: u64 = 256 << 20;

/// How often two grey levels are neighbours, by direction.
///
/// # Shapes
/// `counts`: `[direction][first][second]`, each matrix with one row and column more than there
/// are levels: place 0 takes the neighbours outside the region and is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cooccurrences {
    /// Steps from the first voxel of a pair to the second, in voxels.
    pub directions_zyx: Vec<[isize; 3]>,
    /// Number of grey levels that occur.
    pub level_count: usize,
    counts: Vec<u32>,
}

/// The steps from a voxel to the neighbours at the given distances (infinity norm, in voxels),
/// one of each pair of opposite steps: 13 for distance 1. Steps that no two voxels of the
/// bounding box are apart are left out.
#[must_use]
pub fn directions(region: &Region, settings: &Settings) -> Vec<[isize; 3]> {
    let longest = settings.distances_voxels.iter().max().copied().unwrap_or(0);
    let reach: [isize; 3] = std::array::from_fn(|axis| {
        let within_box = region.bounding_box.shape_zyx[axis] - 1;
        if settings.slice_axis() == Some(axis) {
            0
        } else {
            longest.min(within_box) as isize
        }
    });
    let mut steps = Vec::new();
    // From the farthest corner down, until the steps turn round.
    for z in (0..=reach[0]).rev() {
        for y in (-reach[1]..=reach[1]).rev() {
            for x in (-reach[2]..=reach[2]).rev() {
                let step = [z, y, x];
                let distance = step.iter().map(|d| d.unsigned_abs()).max().unwrap_or(0);
                if step > [0; 3] && settings.distances_voxels.contains(&distance) {
                    steps.push(step);
                }
            }
        }
    }
    steps
}

impl Cooccurrences {
    /// Count the pairs of a region, all directions in one pass.
    ///
    /// # Errors
    /// [`RadiomicsError::GlcmTooLarge`] over [`MAX_MATRIX_BYTES`], [`RadiomicsError::Setting`]
    /// where a distance is longer than the region was found for.
    pub fn count(roi: &Roi, settings: &Settings) -> Result<Self, RadiomicsError> {
        Self::count_within(roi, None, settings)
    }

    /// Count the pairs whose first voxel lies in a slice, or all.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn count_within(
        roi: &Roi,
        slice: Option<Slice>,
        settings: &Settings,
    ) -> Result<Self, RadiomicsError> {
        let region = &roi.region;
        region.refuse_longer_distances(settings)?;
        let directions_zyx = directions(region, settings);
        let level_count = roi.grey_levels.values.len();
        let stride = level_count + 1;
        let bytes = directions_zyx.len() as u64 * (stride as u64).pow(2) * size_of::<u32>() as u64;
        if bytes > MAX_MATRIX_BYTES {
            return Err(RadiomicsError::GlcmTooLarge {
                levels: level_count,
                directions: directions_zyx.len(),
                mebibytes: bytes.div_ceil(1 << 20),
                bound_mebibytes: MAX_MATRIX_BYTES >> 20,
            });
        }
        let [_, ny, nx] = region.padded_shape_zyx().map(|n| n as isize);
        let offsets: Vec<isize> = directions_zyx
            .iter()
            .map(|[z, y, x]| (z * ny + y) * nx + x)
            .collect();
        let mut counts = vec![0u32; directions_zyx.len() * stride * stride];
        let places = &roi.grey_levels.places;
        for (run, _) in region.runs_within(slice) {
            let start = region.padded_index(run.start_zyx);
            for voxel in start..start + run.len {
                let row = places[voxel] as usize * stride;
                let matrices = counts.chunks_exact_mut(stride * stride);
                for (matrix, offset) in matrices.zip(&offsets) {
                    // The margin is as wide as the longest step.
                    let second = places[voxel.wrapping_add_signed(*offset)] as usize;
                    matrix[row + second] += 1;
                }
            }
        }
        Ok(Self {
            directions_zyx,
            level_count,
            counts,
        })
    }

    /// The matrices to compute features on: one a direction that has a pair, or one in all
    /// where directions are weighted or merged.
    ///
    /// # Shapes
    /// Each is `[first][second]` over the levels that occur, and adds up to 1.
    #[must_use]
    pub fn matrices(&self, settings: &Settings, spacing_zyx_mm: [f64; 3]) -> Vec<Vec<f64>> {
        let mut matrices: Vec<Vec<f64>> = (0..self.directions_zyx.len())
            .map(|direction| self.matrix(direction, settings.symmetric_glcm))
            .collect();
        let merged = settings.aggregation().merges_directions();
        let unweighted = merged.then_some(WeightingNorm::NoWeighting);
        if let Some(norm) = settings.weighting_norm.or(unweighted) {
            let mut pooled = vec![0.0; self.level_count * self.level_count];
            for (matrix, step) in matrices.iter().zip(&self.directions_zyx) {
                let weight = weight(*step, spacing_zyx_mm, norm);
                for (sum, pairs) in pooled.iter_mut().zip(matrix) {
                    *sum += weight * pairs;
                }
            }
            matrices = vec![pooled];
        }
        matrices.retain_mut(|matrix| {
            let pairs = sum_of(matrix, |share| share);
            for share in matrix.iter_mut() {
                *share /= pairs;
            }
            pairs > 0.0
        });
        matrices
    }

    fn matrix(&self, direction: usize, symmetric: bool) -> Vec<f64> {
        let n = self.level_count;
        let stride = n + 1;
        let counts = &self.counts[direction * stride * stride..][..stride * stride];
        let count = |i: usize, j: usize| f64::from(counts[(i + 1) * stride + j + 1]);
        let mut matrix = Vec::with_capacity(n * n);
        for i in 0..n {
            if symmetric {
                matrix.extend((0..n).map(|j| count(i, j) + count(j, i)));
            } else {
                matrix.extend((0..n).map(|j| count(i, j)));
            }
        }
        matrix
    }
}

/// The weight of a direction where directions are pooled.
pub(crate) fn weight(step_zyx: [isize; 3], spacing_zyx_mm: [f64; 3], norm: WeightingNorm) -> f64 {
    let mm: [f64; 3] =
        std::array::from_fn(|axis| step_zyx[axis].unsigned_abs() as f64 * spacing_zyx_mm[axis]);
    let squared_length_mm2 = match norm {
        WeightingNorm::Manhattan => mm.iter().sum::<f64>().powi(2),
        WeightingNorm::Euclidean => mm.iter().map(|mm| mm * mm).sum(),
        WeightingNorm::Infinity => mm.iter().copied().fold(0.0, f64::max).powi(2),
        WeightingNorm::NoWeighting => 0.0,
    };
    (-squared_length_mm2).exp()
}
