//! Separable wavelets, undecimated.

use super::super::FilterBank;
use super::{
    Boundary, Derived, Dimensions, Name, Pooling, Source, checked_radius, filtered_axes, refused,
    rotation::orientations,
    separable::{Chain, Combination, Kernel, respond},
    slice_axis, window_of,
};
use crate::RadiomicsError;

/// IBSI 2: a sub-band of a separable wavelet, undecimated (`25BO`).
///
/// At level `j` (`GCEK`) the image is filtered by the low-pass filter of each level before,
/// along each axis, then by the sub-band's own filters; at level `i` the taps of a filter are
/// `2^(i-1)` voxels apart (à trous). A filter with an even number of taps gets a zero at the
/// end; its centre is the tap after the middle.
#[derive(Debug, Clone, PartialEq)]
pub struct SeparableWavelet {
    /// A name of PyWavelets' discrete wavelets.
    pub wavelet: String,
    /// Level of the decomposition, from 1.
    pub level: usize,
    /// Filters by axis (x, y, z): `L` and `H`, three of them, or two for slices.
    pub subband: String,
    /// Pool the responses to all right-angle rotations: 24, or 4 in slices.
    pub rotation_invariance: Option<Pooling>,
    /// How the image goes on beyond its border, at each level.
    pub boundary: Boundary,
}

impl SeparableWavelet {
    pub(super) fn name(&self) -> String {
        Name::of("wavelet")
            .word(&self.wavelet)
            .word("level")
            .word(self.level.to_string())
            .word(&self.subband)
            .rotations(self.rotation_invariance)
            .boundary(self.boundary)
            .0
    }

    /// Filter an image.
    ///
    /// Memory: about five times the window with the filters' reach around it, in `f64`.
    ///
    /// # Shapes
    /// Returns `source.window` in C order.
    ///
    /// # Errors
    /// A wavelet or sub-band that does not exist; level 0, or one whose filters reach farther
    /// than [`MAX_RADIUS_VOXELS`](super::MAX_RADIUS_VOXELS); NaN or infinity where the filters
    /// read.
    pub fn derive(&self, source: &Source<'_>) -> Result<Derived, RadiomicsError> {
        let window = window_of(source)?;
        let (dimensions, chains) = self.chains()?;
        let mut filter: [Chain; 3] = Default::default();
        for (axis, chain) in filtered_axes(dimensions, source).into_iter().zip(chains) {
            filter[axis] = chain;
        }
        let in_slices = (dimensions == Dimensions::Two).then(|| slice_axis(source));
        let (filters, combination) = match self.rotation_invariance {
            None => (vec![filter], Combination::Sum),
            Some(Pooling::Average) => (orientations(&filter, in_slices), Combination::Average),
            Some(Pooling::Maximum) => (orientations(&filter, in_slices), Combination::Maximum),
        };
        let name = self.name();
        let response = respond(source, window, &filters, combination, self.boundary, &name)?;
        Ok(Derived {
            name,
            values: response.values,
        })
    }

    /// The chains of filters in the order x, y, z.
    pub(super) fn chains(&self) -> Result<(Dimensions, Vec<Chain>), RadiomicsError> {
        let FilterBank { low, high, .. } = FilterBank::of(&self.wavelet)?;
        if self.level == 0 {
            return Err(refused("level", self.level, "levels count from 1"));
        }
        let longest = 2.0f64.powf(self.level as f64 - 1.0) * low.len() as f64;
        checked_radius("level", longest)?;
        let (low, high) = (Kernel::new(low), Kernel::new(high));
        let before: Chain = (1..self.level).map(|i| low.spread(1 << (i - 1))).collect();
        let chain = |letter: char| {
            let filter = match letter {
                'L' => &low,
                'H' => &high,
                _ => return None,
            };
            let mut chain = before.clone();
            chain.push(filter.spread(1 << (self.level - 1)));
            Some(chain)
        };
        let chains: Option<Vec<Chain>> = self.subband.chars().map(chain).collect();
        match chains {
            Some(chains) if chains.len() == 2 => Ok((Dimensions::Two, chains)),
            Some(chains) if chains.len() == 3 => Ok((Dimensions::Three, chains)),
            _ => Err(refused(
                "subband",
                &self.subband,
                "it must be two letters (slices) or three (volume) of L and H, such as LLH",
            )),
        }
    }
}
