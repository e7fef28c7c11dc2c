//! Intensities as grey levels.

use crate::{
    Discretisation, Region,
    error::RadiomicsError,
    simd::{Kernel, run_widest},
    statistics::extrema,
};

/// The largest grey level that a discretisation may give. Beyond it nearly every voxel has a
/// level of its own and texture says nothing.
pub const MAX_GREY_LEVELS: u32 = 100_000;

/// The most grey levels that may occur in a region, so that their places fit 16 bits and
/// texture moves a quarter of the memory.
pub const MAX_OCCURRING_LEVELS: usize = u16::MAX as usize;

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
    pub places: Vec<u16>,
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
    /// [`RadiomicsError::TooManyGreyLevels`] over [`MAX_GREY_LEVELS`],
    /// [`RadiomicsError::TooManyOccurringLevels`] over [`MAX_OCCURRING_LEVELS`], and
    /// [`RadiomicsError::BinWidthBelowPrecision`] where the edges are not distinct numbers.
    pub fn new(
        region: &Region,
        intensities: &[f64],
        discretisation: Discretisation,
    ) -> Result<Self, RadiomicsError> {
        let levels = Edges::new(intensities, discretisation)?.levels(intensities);
        let count_of = histogram(&levels);
        let occurring = count_of.iter().filter(|&&count| count > 0).count();
        if occurring > MAX_OCCURRING_LEVELS {
            return Err(RadiomicsError::TooManyOccurringLevels {
                levels: occurring,
                bound: MAX_OCCURRING_LEVELS,
            });
        }
        let mut place_of = vec![0u16; count_of.len()];
        let mut values = Vec::with_capacity(occurring);
        let mut counts = Vec::with_capacity(occurring);
        for (level, &count) in count_of.iter().enumerate() {
            if count > 0 {
                values.push(level as u32);
                counts.push(count);
                place_of[level] = values.len() as u16;
            }
        }
        // Where every level occurs, a level is its place.
        let contiguous = values.last() == Some(&(occurring as u32));

        let mut places = vec![0u16; region.mask.len()];
        let mut read = 0;
        for run in &region.runs {
            let start = region.padded_index(run.start_zyx);
            let row = places[start..start + run.len].iter_mut();
            let row = row.zip(&levels[read..read + run.len]);
            if contiguous {
                row.for_each(|(place, &level)| *place = level as u16);
            } else {
                row.for_each(|(place, &level)| *place = place_of[level as usize]);
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
    /// Whether bins are much wider than intensities are precise, so that an edge is rounded by
    /// a small part of a bin.
    is_coarse: bool,
}

impl Edges {
    fn new(intensities: &[f64], discretisation: Discretisation) -> Result<Self, RadiomicsError> {
        let [minimum, maximum] = extrema(intensities);
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
        let is_coarse = step > 1e-6 * start.abs().max(maximum.abs());
        Ok(Self {
            start,
            step,
            last,
            is_coarse,
        })
    }

    /// The bins that hold intensities, counted from 1.
    fn levels(&self, intensities: &[f64]) -> Vec<u32> {
        let mut levels = vec![0; intensities.len()];
        if self.is_coarse {
            run_widest(Quotients {
                edges: self,
                intensities,
                levels: &mut levels,
            });
        } else {
            for (level, &x) in levels.iter_mut().zip(intensities) {
                *level = self.level(x);
            }
        }
        levels
    }

    fn edge(&self, k: f64) -> f64 {
        k * self.step + self.start
    }

    /// The bin that holds an intensity, counted from 1.
    fn level(&self, x: f64) -> u32 {
        let last = f64::from(self.last - 1);
        let mut bin = ((x - self.start) / self.step).floor().clamp(0.0, last);
        while bin > 0.0 && x < self.edge(bin) {
            bin -= 1.0;
        }
        while bin < last && x >= self.edge(bin + 1.0) {
            bin += 1.0;
        }
        bin as u32 + 1
    }
}

/// Levels several at a time, where rounding moves neither a quotient nor an edge by a whole bin.
struct Quotients<'a> {
    edges: &'a Edges,
    intensities: &'a [f64],
    levels: &'a mut [u32],
}

impl Kernel for Quotients<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        /// Adding 2^52 rounds to a whole number and leaves it in the low bits.
        const WHOLE: f64 = (1u64 << 52) as f64;
        let Edges { start, step, .. } = *self.edges;
        let last = f64::from(self.edges.last - 1);
        let per_unit = 1.0 / step;
        for (level, &x) in self.levels.iter_mut().zip(self.intensities) {
            let quotient = (x - start) * per_unit;
            let quotient = if quotient > last { last } else { quotient };
            // The nearest whole number is the bin or the next one, which the edge between them
            // tells apart.
            let nearest = (quotient + WHOLE) - WHOLE;
            let below = (x < nearest * step + start) & (nearest > 0.0);
            let bin = if below { nearest - 1.0 } else { nearest };
            *level = (bin + WHOLE).to_bits() as u32 + 1;
        }
    }
}

/// How often each level occurs.
///
/// # Shapes
/// Returns one count a level from 0 to the largest.
fn histogram(levels: &[u32]) -> Vec<usize> {
    /// Neighbours tend to have the same level, and a count is not read again before it is
    /// written: equal levels in a row go to different tables.
    const TABLES: usize = 4;
    let bins = levels.iter().max().map_or(0, |&level| level as usize + 1);
    let mut tables = vec![0usize; TABLES * bins];
    for group in levels.chunks(TABLES) {
        for (table, &level) in group.iter().enumerate() {
            tables[table * bins + level as usize] += 1;
        }
    }
    (0..bins)
        .map(|bin| (0..TABLES).map(|table| tables[table * bins + bin]).sum())
        .collect()
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
