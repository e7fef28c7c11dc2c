//! What each voxel of a working grid is made of along one axis of the scan.

/// Source voxels and their weights, for each target voxel of one axis; none where it lies
/// outside the source.
pub(super) struct Taps {
    /// The first source voxel of each target voxel.
    first: Vec<usize>,
    /// Where the weights of each target voxel begin, and the end of the last.
    at: Vec<usize>,
    weights: Vec<f32>,
}

/// Positions closer than this to a voxel centre are that centre, so that grids that coincide
/// but for rounding give the voxels themselves.
const ON_CENTRE_VOXELS: f64 = 1e-6;

impl Taps {
    /// Linear interpolation where the target is finer, a triangle as wide as two target voxels
    /// where it is coarser.
    ///
    /// A target voxel at `x` (in source voxels) weighs source voxel `j` with
    /// `max(0, 1 - |x - j| / max(1, r))`, `r` source voxels a target voxel, divided by their
    /// sum. For `r <= 1` that is linear interpolation; for `r > 1` linear interpolation would
    /// skip source voxels and alias noise and thin structures, while the triangle reaches all
    /// and suppresses what the coarser grid cannot hold. Voxels beyond the border count as the
    /// border's.
    pub fn new(source_len: usize, first_position: f64, step: f64, count: usize) -> Self {
        let radius = step.abs().max(1.0);
        let last = source_len as f64 - 1.0;
        let mut taps = Self {
            first: Vec::with_capacity(count),
            at: vec![0],
            weights: Vec::new(),
        };
        let mut line = Vec::new();
        for i in 0..count {
            let mut x = first_position + step * i as f64;
            if (x - x.round()).abs() <= ON_CENTRE_VOXELS {
                x = x.round();
            }
            // As far as the border voxel reaches, give or take rounding.
            if x < -0.5 - ON_CENTRE_VOXELS || x > last + 0.5 + ON_CENTRE_VOXELS {
                taps.first.push(0);
                taps.at.push(taps.weights.len());
                continue;
            }
            let (low, high) = ((x - radius).ceil(), (x + radius).floor());
            let first = low.clamp(0.0, last);
            line.clear();
            line.resize((high.clamp(0.0, last) - first) as usize + 1, 0.0f64);
            let mut sum = 0.0;
            let mut j = low;
            while j <= high {
                let weight = (1.0 - (x - j).abs() / radius).max(0.0);
                line[(j.clamp(0.0, last) - first) as usize] += weight;
                sum += weight;
                j += 1.0;
            }
            // A neighbour without weight is not read: it may be NaN.
            let skipped = line.iter().take_while(|w| **w == 0.0).count();
            let kept = line.len() - line.iter().rev().take_while(|w| **w == 0.0).count();
            taps.first.push(first as usize + skipped);
            let used = line.get(skipped..kept).unwrap_or_default();
            taps.weights.extend(used.iter().map(|w| (w / sum) as f32));
            taps.at.push(taps.weights.len());
        }
        taps
    }

    /// Number of target voxels.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// The first source voxel of a target voxel and the weights from there on.
    pub fn of(&self, i: usize) -> (usize, &[f32]) {
        (self.first[i], &self.weights[self.at[i]..self.at[i + 1]])
    }

    /// The source voxels that any target voxel reads.
    pub fn reach(&self) -> std::ops::Range<usize> {
        let used = || {
            (0..self.len())
                .map(|i| self.of(i))
                .filter(|(_, w)| !w.is_empty())
        };
        let first = used().map(|(first, _)| first).min().unwrap_or(0);
        let end = used().map(|(first, w)| first + w.len()).max().unwrap_or(0);
        first..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_a_finer_grid_are_linear_and_of_a_coarser_one_a_triangle() {
        let fine = Taps::new(4, -0.25, 0.5, 8);
        assert_eq!(fine.of(0), (0, &[1.0f32][..]));
        assert_eq!(fine.of(1), (0, &[0.75f32, 0.25][..]));
        assert_eq!(fine.of(7), (3, &[1.0f32][..]));
        // Two source voxels a target voxel, worked by hand: distances 1.5, 0.5, 0.5, 1.5 give
        // 0.25, 0.75, 0.75, 0.25 of 2; the first is beyond the border and counts as it.
        let coarse = Taps::new(4, 0.5, 2.0, 2);
        assert_eq!(coarse.of(0), (0, &[0.5f32, 0.375, 0.125][..]));
        assert_eq!(coarse.of(1), (1, &[0.125f32, 0.375, 0.5][..]));
        assert_eq!(coarse.reach(), 0..4);
    }

    #[test]
    fn outside_there_is_nothing() {
        let taps = Taps::new(2, -1.0, 1.0, 4);
        assert!(taps.of(0).1.is_empty() && taps.of(3).1.is_empty());
        assert_eq!(taps.of(1), (0, &[1.0f32][..]));
        // Against the axis.
        let reversed = Taps::new(3, 2.0, -1.0, 3);
        assert_eq!([0, 1, 2].map(|i| reversed.of(i).0), [2, 1, 0]);
    }
}
