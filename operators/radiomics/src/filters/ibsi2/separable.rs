//! Convolutions that run along one axis after the other.

use std::ops::Range;

use rayon::prelude::*;

use super::{Boundary, Source, block::Block};
use crate::RadiomicsError;

/// A 1D kernel with an odd number of taps, the middle one its centre.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kernel(Vec<f64>);

impl Kernel {
    /// A kernel from its taps. One with an even number of them gets a zero at the end, so that
    /// its centre is the tap after the middle.
    pub fn new(mut taps: Vec<f64>) -> Self {
        if taps.len().is_multiple_of(2) {
            taps.push(0.0);
        }
        Self(taps)
    }

    /// `size` taps (odd) that sum to 1.
    pub fn mean(size: usize) -> Self {
        Self::new(vec![1.0 / size as f64; size])
    }

    pub fn radius(&self) -> usize {
        self.0.len() / 2
    }

    pub fn reversed(&self) -> Self {
        Self(self.0.iter().rev().copied().collect())
    }

    /// Taps `step` voxels apart, zeros between them (à trous).
    pub fn spread(&self, step: usize) -> Self {
        let mut taps = vec![0.0; (self.0.len() - 1) * step + 1];
        for (k, &tap) in self.0.iter().enumerate() {
            taps[k * step] = tap;
        }
        Self(taps)
    }

    /// The kernel's discrete Fourier transform at place `k` of `n`, for an even kernel:
    /// `g(0) + 2 Σ g(m) cos(2π k m / n)`.
    pub fn spectrum(&self, k: usize, n: usize) -> f64 {
        let radius = self.radius();
        let beyond = self.0[radius + 1..].iter().zip(1..).map(|(tap, m)| {
            // The product modulo n keeps the angle exact.
            let turns = (k * m % n) as f64 / n as f64;
            2.0 * tap * (std::f64::consts::TAU * turns).cos()
        });
        self.0[radius] + beyond.sum::<f64>()
    }

    /// Those taps that are not 0, with the place of the voxel they weigh, seen from the result.
    fn taps(&self) -> Vec<(isize, f64)> {
        let radius = self.radius() as isize;
        (0..)
            .zip(&self.0)
            .filter(|&(_, &tap)| tap != 0.0)
            .map(|(k, &tap): (isize, _)| (radius - k, tap))
            .collect()
    }

    fn is_negative_of(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| *a == -*b)
    }
}

/// Kernels one after another along an axis; none leaves it as it is.
pub(super) type Chain = Vec<Kernel>;

/// How the responses of several filters become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Combination {
    Sum,
    Average,
    Maximum,
}

/// Filter by each set of chains (in the order z, y, x) and combine the responses.
///
/// What several filters have in common is computed once: the same chains along z, then along
/// y; filters that differ in sign only are one convolution.
///
/// Memory: the box that is read, its image under a chain along z and along y, one response and
/// the result.
///
/// # Errors
/// NaN or infinity where the filters read.
pub(super) fn respond(
    source: &Source<'_>,
    wanted: [Range<usize>; 3],
    filters_zyx: &[[Chain; 3]],
    combination: Combination,
    boundary: Boundary,
    name: &str,
) -> Result<Block, RadiomicsError> {
    let shape = source.image.geometry().shape_zyx;
    let (chains, terms) = terms_of(filters_zyx);
    let read = std::array::from_fn(|axis| {
        let reaches = chains[axis]
            .iter()
            .map(|chain| reaches(chain, &wanted[axis], shape[axis], boundary)[0].clone());
        reaches.fold(wanted[axis].clone(), |a, b| {
            a.start.min(b.start)..a.end.max(b.end)
        })
    });
    let input = Block::read(source.image, read, name)?;
    let along = |block: &Block, axis: usize, id: usize| {
        let chain = &chains[axis][id];
        run(block, axis, chain, &wanted[axis], shape[axis], boundary)
    };

    let mut pooled = match combination {
        Combination::Maximum => vec![f64::NEG_INFINITY; wanted.iter().map(Range::len).product()],
        _ => vec![0.0; wanted.iter().map(Range::len).product()],
    };
    for of_z in terms.chunk_by(|a, b| a.ids[0] == b.ids[0]) {
        let along_z = along(&input, 0, of_z[0].ids[0]);
        for of_y in of_z.chunk_by(|a, b| a.ids[1] == b.ids[1]) {
            let along_y = along(&along_z, 1, of_y[0].ids[1]);
            for term in of_y {
                let response = along(&along_y, 2, term.ids[2]);
                term.pool(&mut pooled, &response.values, combination);
            }
        }
    }
    if combination == Combination::Average {
        let count = filters_zyx.len() as f64;
        pooled.iter_mut().for_each(|value| *value /= count);
    }
    Ok(Block {
        ranges: wanted,
        values: pooled,
    })
}

/// A filter by the places of its chains, and how often it occurs with either sign.
#[derive(Debug, Clone, PartialEq)]
struct Term {
    ids: [usize; 3],
    as_is: usize,
    negated: usize,
}

impl Term {
    fn pool(&self, pooled: &mut [f64], response: &[f64], combination: Combination) {
        let voxels = pooled.iter_mut().zip(response);
        match combination {
            Combination::Sum | Combination::Average => {
                let weight = self.as_is as f64 - self.negated as f64;
                voxels.for_each(|(sum, r)| *sum += weight * r);
            }
            Combination::Maximum if self.as_is == 0 => {
                voxels.for_each(|(max, r)| *max = max.max(-r));
            }
            Combination::Maximum if self.negated == 0 => {
                voxels.for_each(|(max, r)| *max = max.max(*r));
            }
            Combination::Maximum => voxels.for_each(|(max, r)| *max = max.max(r.abs())),
        }
    }
}

/// The different chains along each axis, and the filters put together from them, ordered so
/// that those with chains in common are neighbours.
fn terms_of(filters_zyx: &[[Chain; 3]]) -> ([Vec<Chain>; 3], Vec<Term>) {
    let mut chains: [Vec<Chain>; 3] = Default::default();
    let mut terms: Vec<Term> = Vec::new();
    for filter in filters_zyx {
        let mut negated = false;
        let mut ids = [0; 3];
        for axis in 0..3 {
            let (id, sign) = find_or_add(&mut chains[axis], &filter[axis]);
            ids[axis] = id;
            negated ^= sign;
        }
        let count = [usize::from(!negated), usize::from(negated)];
        if let Some(term) = terms.iter_mut().find(|term| term.ids == ids) {
            term.as_is += count[0];
            term.negated += count[1];
        } else {
            terms.push(Term {
                ids,
                as_is: count[0],
                negated: count[1],
            });
        }
    }
    terms.sort_by_key(|term| term.ids);
    (chains, terms)
}

/// The place of a chain in a list, and whether it is the negative of what stands there.
fn find_or_add(known: &mut Vec<Chain>, chain: &Chain) -> (usize, bool) {
    for (id, other) in known.iter().enumerate() {
        if other == chain {
            return (id, false);
        }
        if let (Some((a, rest_a)), Some((b, rest_b))) = (chain.split_last(), other.split_last())
            && a.is_negative_of(b)
            && rest_a == rest_b
        {
            return (id, true);
        }
    }
    known.push(chain.clone());
    (known.len() - 1, false)
}

/// What each kernel of a chain reads for the wanted voxels, and last the wanted ones.
fn reaches(
    chain: &[Kernel],
    wanted: &Range<usize>,
    n: usize,
    boundary: Boundary,
) -> Vec<Range<usize>> {
    let mut ranges = vec![wanted.clone()];
    for kernel in chain.iter().rev() {
        let last = ranges.last().unwrap_or(wanted);
        ranges.push(boundary.reach(last, kernel.radius(), n));
    }
    ranges.reverse();
    ranges
}

/// Run a chain along an axis.
fn run(
    input: &Block,
    axis: usize,
    chain: &[Kernel],
    wanted: &Range<usize>,
    n: usize,
    boundary: Boundary,
) -> Block {
    let identity = [Kernel::new(vec![1.0])];
    let chain = if chain.is_empty() { &identity } else { chain };
    let ranges = reaches(chain, wanted, n, boundary);
    let mut stages = chain.iter().zip(&ranges[1..]);
    let Some((kernel, range)) = stages.next() else {
        return input.clone();
    };
    let first = convolve(input, axis, kernel, range, n, boundary);
    stages.fold(first, |block, (kernel, range)| {
        convolve(&block, axis, kernel, range, n, boundary)
    })
}

/// `out[i] = Σ_k taps[k] in[i + radius - k]` along one axis.
///
/// # Shapes
/// `input` holds what the kernel reaches along `axis`; `wanted`: the range of the result there,
/// of an axis with `n` voxels.
pub(super) fn convolve(
    input: &Block,
    axis: usize,
    kernel: &Kernel,
    wanted: &Range<usize>,
    n: usize,
    boundary: Boundary,
) -> Block {
    let shape = input.shape();
    let first = input.ranges[axis].start;
    let radius = kernel.radius();
    let taps = kernel.taps();
    let mut ranges = input.ranges.clone();
    ranges[axis] = wanted.clone();
    let mut values = vec![0.0; ranges.iter().map(Range::len).product()];

    // The places in the input of the wanted voxels and of `radius` more at either end.
    let places: Vec<Option<usize>> = (0..wanted.len() + 2 * radius)
        .map(|i| (wanted.start + i) as isize - radius as isize)
        .map(|index| boundary.source(index, n).map(|voxel| voxel - first))
        .collect();
    let at = |i: usize, offset: isize| (i + radius).wrapping_add_signed(offset);

    let (from, to) = (shape[axis], wanted.len());
    if axis == 2 {
        let rows = values.par_chunks_mut(to).enumerate().with_min_len(64);
        rows.for_each_init(
            || vec![0.0; places.len()],
            |padded, (row, out)| {
                let read = &input.values[row * from..(row + 1) * from];
                for (cell, place) in padded.iter_mut().zip(&places) {
                    *cell = place.map_or(0.0, |place| read[place]);
                }
                let terms = |&(offset, tap)| (tap, &padded[at(0, offset)..at(to, offset)]);
                accumulate(out, &taps.iter().map(terms).collect::<Vec<_>>());
            },
        );
    } else {
        let inner: usize = shape[axis + 1..].iter().product();
        let rows = values.par_chunks_mut(inner).enumerate().with_min_len(4);
        rows.for_each(|(row, out)| {
            let (outer, i) = (row / to, row % to);
            let terms = |&(offset, tap)| {
                let start = (outer * from + places[at(i, offset)]?) * inner;
                Some((tap, &input.values[start..start + inner]))
            };
            accumulate(out, &taps.iter().filter_map(terms).collect::<Vec<_>>());
        });
    }
    Block { ranges, values }
}

/// Add weighted rows to a row, four at a time, in pieces that stay in the nearest cache.
fn accumulate(out: &mut [f64], rows: &[(f64, &[f64])]) {
    const PIECE: usize = 1024;
    for start in (0..out.len()).step_by(PIECE) {
        let end = (start + PIECE).min(out.len());
        let out = &mut out[start..end];
        let (fours, rest) = rows.as_chunks::<4>();
        for [(w0, a), (w1, b), (w2, c), (w3, d)] in fours {
            let (a, b) = (&a[start..end], &b[start..end]);
            let (c, d) = (&c[start..end], &d[start..end]);
            for i in 0..out.len() {
                out[i] += (w0 * a[i] + w1 * b[i]) + (w2 * c[i] + w3 * d[i]);
            }
        }
        for (weight, row) in rest {
            for (sum, value) in out.iter_mut().zip(&row[start..end]) {
                *sum += weight * value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rotation::orientations;
    use super::*;

    fn chain(taps: &[f64]) -> Chain {
        vec![Kernel::new(taps.to_vec())]
    }

    #[test]
    fn orientations_that_differ_in_sign_are_one_convolution() {
        let (even, odd) = (chain(&[1.0, 4.0, 1.0]), chain(&[-1.0, 0.0, 1.0]));
        let (chains, terms) = terms_of(&orientations(&[even.clone(), odd.clone(), odd], None));
        assert_eq!(chains.each_ref().map(Vec::len), [2, 2, 2]);
        assert_eq!(
            terms.len(),
            3,
            "one for each axis that the even kernel may lie along"
        );
        for term in terms {
            assert_eq!([term.as_is, term.negated], [4, 4]);
        }
        let (_, terms) = terms_of(&orientations(&[even.clone(), even.clone(), even], None));
        assert_eq!((terms.len(), terms[0].as_is), (1, 24));
    }

    #[test]
    fn a_chain_meets_the_border_at_each_kernel() {
        // Mean of 3 twice, by hand: 0 and 9 become 3 and 6 where the border is mirrored.
        let input = Block {
            ranges: [0..1, 0..1, 0..2],
            values: vec![0.0, 9.0],
        };
        let twice = vec![Kernel::mean(3), Kernel::mean(3)];
        let out = run(&input, 2, &twice, &(0..2), 2, Boundary::Mirror);
        assert_eq!(out.values, [4.0, 5.0]);
        let out = run(&input, 2, &twice, &(0..2), 2, Boundary::Zero);
        assert_eq!(out.values, [2.0, 2.0]);
    }

    #[test]
    fn an_even_number_of_taps_is_centred_after_the_middle() {
        let input = Block {
            ranges: [0..1, 0..1, 0..5],
            values: vec![0.0, 0.0, 1.0, 0.0, 0.0],
        };
        let kernel = Kernel::new(vec![1.0, 2.0, 3.0, 4.0]);
        let out = convolve(&input, 2, &kernel, &(0..5), 5, Boundary::Zero);
        assert_eq!(out.values, [1.0, 2.0, 3.0, 4.0, 0.0]);
        let spread = Kernel::new(vec![1.0, 2.0]).spread(2);
        let out = convolve(&input, 2, &spread, &(0..5), 5, Boundary::Zero);
        assert_eq!(out.values, [1.0, 0.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn the_spectrum_of_an_even_kernel() {
        let kernel = Kernel::new(vec![0.25, 0.5, 0.25]);
        assert_eq!(kernel.spectrum(0, 8), 1.0);
        assert!(kernel.spectrum(4, 8).abs() < 1e-15);
        assert!(
            (kernel.spectrum(1, 8) - 0.5 - 0.5 * std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-15
        );
    }
}
