//! Intensities as grey levels.

use crate::{Discretisation, Region, error::RadiomicsError};

/// The largest grey level that a discretisation may give. Beyond it nearly every voxel has a
/// level of its own and texture says nothing.
pub const MAX_GREY_LEVELS: u32 = 100_000;

/// The grey levels of a region.
///
/// Grey levels count from 1; those that do not occur are left out of every table, so a level is
/// known by its place among those that do.
///
/// # Shapes
/// `values` and `counts`: one entry a level that occurs, ascending. `places`: the padded grid
/// of the region.
#[derive(Debug, Clone, PartialEq)]
pub struct GreyLevels {
    /// The grey levels that occur.
    pub values: Vec<u32>,
    /// How many voxels have each.
    pub counts: Vec<usize>,
    /// 0 outside the region; inside, 1 more than the place of the voxel's level in `values`.
    pub places: Vec<u32>,
}

impl GreyLevels {
    /// Discretise the intensities of a region.
    ///
    /// With a bin width `w`, an intensity `x` has level `⌊x/w⌋ - ⌊min/w⌋ + 1`; with a bin
    /// count `n`, `⌊n (x - min)/(max - min)⌋ + 1`, the maximum belonging to the last bin.
    /// Both are evaluated against the bin edges that PyRadiomics computes, rounding included,
    /// so that an intensity on an edge falls on the same side.
    ///
    /// # Shapes
    /// `intensities`: one finite value a voxel, in the order of `region.runs`.
    ///
    /// # Errors
    /// [`RadiomicsError::TooManyGreyLevels`] over [`MAX_GREY_LEVELS`], and
    /// [`RadiomicsError::BinWidthBelowPrecision`] where the edges are not distinct numbers.
    pub fn new(
        region: &Region,
        intensities: &[f64],
        discretisation: Discretisation,
    ) -> Result<Self, RadiomicsError> {
        let edges = Edges::new(intensities, discretisation)?;
        let levels: Vec<u32> = intensities.iter().map(|&x| edges.level(x)).collect();

        let mut count_of = vec![0usize; levels.iter().max().map_or(0, |&m| m as usize + 1)];
        for &level in &levels {
            count_of[level as usize] += 1;
        }
        let mut place_of = vec![0u32; count_of.len()];
        let mut values = Vec::new();
        let mut counts = Vec::new();
        for (level, &count) in count_of.iter().enumerate() {
            if count > 0 {
                values.push(level as u32);
                counts.push(count);
                place_of[level] = values.len() as u32;
            }
        }

        let mut places = vec![0u32; region.mask.len()];
        let mut read = 0;
        for run in &region.runs {
            let start = region.padded_index(run.start_zyx);
            for (place, &level) in places[start..start + run.len]
                .iter_mut()
                .zip(&levels[read..read + run.len])
            {
                *place = place_of[level as usize];
            }
            read += run.len;
        }
        Ok(Self {
            values,
            counts,
            places,
        })
    }

    /// The largest grey level, `N_g` in the formulas.
    #[must_use]
    pub fn maximum(&self) -> u32 {
        self.values.last().copied().unwrap_or(0)
    }
}

/// Half-open bins: edge `k` is `start + k * step`.
struct Edges {
    start: f64,
    step: f64,
    /// The last level; intensities beyond its upper edge belong to it.
    last: u32,
}

impl Edges {
    fn new(intensities: &[f64], discretisation: Discretisation) -> Result<Self, RadiomicsError> {
        let (mut minimum, mut maximum) = (f64::INFINITY, f64::NEG_INFINITY);
        for &x in intensities {
            minimum = minimum.min(x);
            maximum = maximum.max(x);
        }
        let (start, step, width, last) = match discretisation {
            Discretisation::BinWidth(bin_width)
            | Discretisation::BinWidthFrom {
                width: bin_width, ..
            } => {
                let start = match discretisation {
                    // Nothing lies below a start that the region was resegmented to.
                    Discretisation::BinWidthFrom { start, .. } => {
                        start.map_or(minimum, |start| start.min(minimum))
                    }
                    _ => minimum - minimum.rem_euclid(bin_width),
                };
                let levels = ((maximum - start) / bin_width).floor() + 1.0;
                if levels > f64::from(MAX_GREY_LEVELS) {
                    return Err(RadiomicsError::TooManyGreyLevels {
                        minimum,
                        maximum,
                        bin_width,
                        levels,
                        bound: MAX_GREY_LEVELS,
                        suggested: round_up((maximum - minimum) / 64.0),
                    });
                }
                // numpy.arange spaces its values by the rounded difference of the first two.
                (
                    start,
                    (start + bin_width) - start,
                    bin_width,
                    MAX_GREY_LEVELS,
                )
            }
            Discretisation::BinCount(count) => {
                let (low, high) = if minimum == maximum {
                    (minimum - 0.5, maximum + 0.5)
                } else {
                    (minimum, maximum)
                };
                let width = (high - low) / f64::from(count);
                (low, width, width, count)
            }
        };
        // Adding a step must move an edge, at both ends of the range.
        let moves = |edge: f64| edge + step > edge;
        if !(step.is_finite() && moves(start) && moves(maximum)) {
            return Err(RadiomicsError::BinWidthBelowPrecision {
                bin_width: width,
                minimum,
            });
        }
        Ok(Self { start, step, last })
    }

    fn edge(&self, k: u32) -> f64 {
        f64::from(k) * self.step + self.start
    }

    /// The bin that holds an intensity, counted from 1.
    fn level(&self, x: f64) -> u32 {
        // The quotient is right but for rounding at an edge, which the comparisons settle.
        let mut bin = (((x - self.start) / self.step).floor() as u32).min(self.last - 1);
        while bin > 0 && x < self.edge(bin) {
            bin -= 1;
        }
        while bin + 1 < self.last && x >= self.edge(bin + 1) {
            bin += 1;
        }
        bin + 1
    }
}

/// A number with one significant digit, not below `x`.
fn round_up(x: f64) -> f64 {
    let unit = 10f64.powf(x.log10().floor());
    if unit.is_finite() && unit > 0.0 {
        (x / unit).ceil() * unit
    } else {
        x
    }
}
