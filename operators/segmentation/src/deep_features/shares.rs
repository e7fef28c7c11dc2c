//! Which part of each voxel of a layer a region fills.

/// A box in input voxels, from face to face: `[low, high)` along `z, y, x`.
pub(super) type Bounds = [[f64; 2]; 3];

/// The box around a mask, `None` without a voxel.
pub(super) fn bounds(mask: &[bool], shape_zyx: [usize; 3]) -> Option<Bounds> {
    let [_, rows, columns] = shape_zyx;
    let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 3];
    for at in (0..mask.len()).filter(|&at| mask[at]) {
        let place = [at / (rows * columns), at / columns % rows, at % columns];
        for (bound, place) in bounds.iter_mut().zip(place) {
            bound[0] = bound[0].min(place as f64);
            bound[1] = bound[1].max(place as f64 + 1.0);
        }
    }
    bounds[0][0].is_finite().then_some(bounds)
}

/// The whole box, or one of its octants: bits `z, y, x` from the highest, 0 for the lower half.
pub(super) fn part(bounds: Bounds, octant: Option<usize>) -> Bounds {
    let Some(octant) = octant else {
        return bounds;
    };
    std::array::from_fn(|axis| {
        let [low, high] = bounds[axis];
        let middle = (low + high) / 2.0;
        if octant >> (2 - axis) & 1 == 0 {
            [low, middle]
        } else {
            [middle, high]
        }
    })
}

/// For each layer voxel along an axis, the input voxels within it and `[low, high)`, each
/// with the part of the layer voxel that it fills.
fn overlaps(input: usize, layer: usize, [low, high]: [f64; 2]) -> Vec<Vec<(usize, f64)>> {
    let size = input as f64 / layer as f64;
    (0..layer)
        .map(|cell| {
            // Multiplied before divided, so that whole strides have whole faces.
            let face = |cell: usize| (cell * input) as f64 / layer as f64;
            let (start, end) = (face(cell).max(low), face(cell + 1).min(high));
            if start >= end {
                return Vec::new();
            }
            let voxels = start.floor() as usize..(end.ceil() as usize).min(input);
            voxels
                .map(|voxel| {
                    let within = end.min(voxel as f64 + 1.0) - start.max(voxel as f64);
                    (voxel, within / size)
                })
                .filter(|&(_, share)| share > 0.0)
                .collect()
        })
        .collect()
}

/// The layer voxels that a region fills at least in part.
pub(super) struct Shares {
    /// Index into a channel, and share, in C order.
    filled: Vec<(usize, f64)>,
    sum: f64,
    largest: f64,
}

impl Shares {
    /// Of the part of a mask within a box.
    ///
    /// # Shapes
    /// `mask`: the first of the grids, the input's; shares are on the second, the layer's.
    pub fn of_mask(mask: &[bool], part: Bounds, (input, layer): ([usize; 3], [usize; 3])) -> Self {
        let [along_z, along_y, along_x] = axes(part, input, layer);
        Self::new(layer, |z, y, x| {
            let mut share = 0.0;
            for &(at_z, share_z) in &along_z[z] {
                for &(at_y, share_y) in &along_y[y] {
                    let row = (at_z * input[1] + at_y) * input[2];
                    let filled: f64 = along_x[x]
                        .iter()
                        .filter(|&&(at_x, _)| mask[row + at_x])
                        .map(|&(_, share_x)| share_x)
                        .sum();
                    share += share_z * share_y * filled;
                }
            }
            share
        })
    }

    /// Of a box.
    ///
    /// # Shapes
    /// As [`Self::of_mask`].
    pub fn of_box(part: Bounds, (input, layer): ([usize; 3], [usize; 3])) -> Self {
        let sums = axes(part, input, layer).map(|axis| {
            axis.iter()
                .map(|voxels| voxels.iter().map(|&(_, share)| share).sum::<f64>())
                .collect::<Vec<f64>>()
        });
        Self::new(layer, |z, y, x| sums[0][z] * sums[1][y] * sums[2][x])
    }

    fn new(layer: [usize; 3], share: impl Fn(usize, usize, usize) -> f64) -> Self {
        let [depth, rows, columns] = layer;
        let mut filled = Vec::new();
        for z in 0..depth {
            for y in 0..rows {
                for x in 0..columns {
                    let share = share(z, y, x);
                    if share > 0.0 {
                        filled.push(((z * rows + y) * columns + x, share));
                    }
                }
            }
        }
        Self {
            sum: filled.iter().map(|&(_, share)| share).sum(),
            largest: filled.iter().map(|&(_, share)| share).fold(0.0, f64::max),
            filled,
        }
    }

    /// Mean, maximum and standard deviation of a channel; `None` where nothing is filled.
    pub fn pool(&self, values: &[f32]) -> Option<[f64; 3]> {
        let value = |at: usize| f64::from(values[at]);
        let &(first, _) = self.filled.first()?;
        // Around the first value, so that a flat region is flat to the last bit.
        let origin = value(first);
        let weighted = |f: &dyn Fn(f64) -> f64| {
            let terms = self.filled.iter().map(|&(at, share)| share * f(value(at)));
            terms.sum::<f64>() / self.sum
        };
        let mean = origin + weighted(&|x| x - origin);
        let sd = weighted(&|x| (x - mean).powi(2)).sqrt();
        // A voxel that the region merely grazes is not where its maximum is.
        let most = self
            .filled
            .iter()
            .filter(|(_, share)| *share >= self.largest / 2.0);
        let max = most
            .map(|&(at, _)| value(at))
            .fold(f64::NEG_INFINITY, f64::max);
        Some([mean, max, sd])
    }
}

fn axes(part: Bounds, input: [usize; 3], layer: [usize; 3]) -> [Vec<Vec<(usize, f64)>>; 3] {
    std::array::from_fn(|axis| overlaps(input[axis], layer[axis], part[axis]))
}
