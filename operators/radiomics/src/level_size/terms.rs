//! What the features of one matrix have in common.

use super::LevelSizeMatrix;

/// One normalised matrix and its marginals.
///
/// # Shapes
/// Each list holds what occurs only, by level, then by size.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelSizeTerms {
    /// Number of things counted: runs, zones or voxels.
    pub count: f64,
    /// Number of voxels they are made of.
    pub voxel_count: f64,
    /// Level `i`, size `j` and the share `p(i,j)` that has both.
    pub cells: Vec<[f64; 3]>,
    /// Level `i` and the share `g(i)` that has it.
    pub by_level: Vec<[f64; 2]>,
    /// Size `j` and the share `s(j)` that has it.
    pub by_size: Vec<[f64; 2]>,
}

impl LevelSizeTerms {
    /// Take a matrix apart.
    #[must_use]
    pub fn new(matrix: &LevelSizeMatrix) -> Self {
        let count: f64 = matrix.cells.iter().map(|cell| cell.count).sum();
        let marginal = |counts: &mut dyn Iterator<Item = (u32, f64)>| {
            let mut sums: Vec<[f64; 2]> = Vec::new();
            for (key, cell_count) in counts {
                let key = f64::from(key);
                match sums.last_mut() {
                    Some([last, sum]) if *last == key => *sum += cell_count,
                    _ => sums.push([key, cell_count]),
                }
            }
            for [_, sum] in &mut sums {
                *sum /= count;
            }
            sums
        };
        let by_level = marginal(&mut matrix.cells.iter().map(|c| (c.level, c.count)));
        let mut sizes: Vec<_> = matrix.cells.iter().map(|c| (c.size, c.count)).collect();
        sizes.sort_by_key(|&(size, _)| size);
        Self {
            by_size: marginal(&mut sizes.into_iter()),
            by_level,
            cells: matrix
                .cells
                .iter()
                .map(|c| [f64::from(c.level), f64::from(c.size), c.count / count])
                .collect(),
            count,
            voxel_count: matrix.voxel_count,
        }
    }

    /// `Σ f(i, j) p(i,j)`.
    pub fn over_cells(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        self.cells.iter().map(|&[i, j, p]| f(i, j) * p).sum()
    }

    /// `Σ f(i) g(i)`.
    pub fn over_levels(&self, f: impl Fn(f64) -> f64) -> f64 {
        over(&self.by_level, f)
    }

    /// `Σ f(j) s(j)`.
    pub fn over_sizes(&self, f: impl Fn(f64) -> f64) -> f64 {
        over(&self.by_size, f)
    }

    /// Entropy of level and size, in bits, with PyRadiomics' ε.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        -self
            .cells
            .iter()
            .map(|&[_, _, p]| p * (p + f64::EPSILON).log2())
            .sum::<f64>()
    }

    /// `Σ p(i,j)²`.
    #[must_use]
    pub fn energy(&self) -> f64 {
        self.cells.iter().map(|&[_, _, p]| p * p).sum()
    }
}

/// `Σ f(k) p(k)`.
pub(super) fn over(marginal: &[[f64; 2]], f: impl Fn(f64) -> f64) -> f64 {
    marginal.iter().map(|&[k, p]| f(k) * p).sum()
}

/// `Σ p(k)²`.
pub(super) fn uniformity(marginal: &[[f64; 2]]) -> f64 {
    marginal.iter().map(|[_, p]| p * p).sum()
}

/// `Σ (k - μ)² p(k)`.
pub(super) fn variance(marginal: &[[f64; 2]]) -> f64 {
    let mean = over(marginal, |k| k);
    over(marginal, |k| (k - mean).powi(2))
}
