//! Features of a region from a layer of a network.
//!
//! A layer's activation `[C, d, h, w]` covers the same field of view as the network's input,
//! in coarser voxels. The region's mask is brought onto that grid as shares: the part of each
//! layer voxel that the region fills. So a region smaller than one voxel of the layer is
//! still pooled, from the voxel that it lies in.
//!
//! | pool | over `f` with shares `w` |
//! |---|---|
//! | `mean` | `Σ w f / Σ w` |
//! | `max` | the largest `f` where `w` is at least half of the region's largest share |
//! | `sd` | `sqrt(Σ w (f - mean)² / Σ w)`; 0 for a flat region |
//! | `boxmean`, `boxmax`, `boxsd` | the same with the region's box for the region |
//!
//! Each is made over the `whole` region and over the eight octants of its box, `o000` to
//! `o111`: the digits are `z`, `y` and `x`, 0 for the half at lower indices. A box of odd
//! length is cut in the middle of a voxel, half of which counts on either side.
//!
//! An empty region has no features, and an octant that the region does not reach none for
//! its masked pools: `None`, since 0 is a value that a layer can take.
//!
//! [`Crop`] says what the network is shown of a scan, and [`Selection`] which pools are made.

mod crop;
mod selection;
mod shares;

use rayon::prelude::*;
use thiserror::Error;

pub use crop::{Crop, CropError, MOST_PATCHES};
pub use selection::{PARTS, POOLS, Selection, UnknownPool};
use shares::Shares;

/// What a layer computed for one input.
#[derive(Debug, Clone, Copy)]
pub struct Activation<'a> {
    /// The layer's name; part of each feature's.
    pub layer: &'a str,
    /// `[channels, d, h, w]` in C order.
    pub values: &'a [f32],
    /// Number of channels.
    pub channels: usize,
    /// `[d, h, w]`.
    pub shape_zyx: [usize; 3],
}

/// A region on the grid of the network's input.
#[derive(Debug, Clone, Copy)]
pub struct Region<'a> {
    /// Its name, such as `tumour`.
    pub name: &'a str,
    /// `[z, y, x]` in C order.
    pub mask: &'a [bool],
    /// Voxels of the input.
    pub shape_zyx: [usize; 3],
}

/// Why nothing was pooled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PoolError {
    /// An array of another length than its shape.
    #[error("{what} has {found} values, but its shape {shape:?} has {expected}")]
    Length {
        /// The layer's or region's name.
        what: String,
        /// Its values.
        found: usize,
        /// Its shape.
        shape: Vec<usize>,
        /// What that makes.
        expected: usize,
    },
    /// A shape with a zero.
    #[error("{what} has the shape {shape:?}: every axis needs at least one voxel")]
    Empty {
        /// The layer's or region's name.
        what: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// NaN or infinity in a layer.
    #[error(
        "channel {channel} of layer {layer} is NaN or infinite: the network's weights or its input are damaged"
    )]
    NotFinite {
        /// Which layer.
        layer: String,
        /// The first such channel.
        channel: usize,
    },
}

/// Names of the features of a layer, in the order in which [`pool`] gives them:
/// `LAYER_POOL_PART_cNNN`, channels fastest, then pools, then parts.
#[must_use]
pub fn feature_names(layer: &str, channels: usize, selection: &Selection) -> Vec<String> {
    let mut names = Vec::with_capacity(selection.len() * channels);
    for (part, pools) in selection.by_part() {
        for pool in pools {
            let name = format!("{layer}_{}_{}", POOLS[*pool], PARTS[part]);
            names.extend((0..channels).map(|channel| format!("{name}_c{channel:03}")));
        }
    }
    names
}

/// Pool a layer over a region.
///
/// # Shapes
/// Returns [`Selection::len`] values a channel, in the order of [`feature_names`].
///
/// # Errors
/// Arrays that do not fit their shapes, NaN or infinity in the layer.
pub fn pool(
    activation: &Activation<'_>,
    region: &Region<'_>,
    selection: &Selection,
) -> Result<Vec<Option<f64>>, PoolError> {
    let [d, h, w] = activation.shape_zyx;
    let layer = format!("layer {}", activation.layer);
    check(
        &layer,
        activation.values.len(),
        &[activation.channels, d, h, w],
    )?;
    let name = format!("region {}", region.name);
    check(&name, region.mask.len(), &region.shape_zyx)?;
    let voxels = d * h * w;
    let channels: Vec<&[f32]> = activation.values.chunks_exact(voxels).collect();
    let spoilt = channels
        .par_iter()
        .position_first(|values| values.iter().any(|value| !value.is_finite()));
    if let Some(channel) = spoilt {
        return Err(PoolError::NotFinite {
            layer: activation.layer.to_owned(),
            channel,
        });
    }
    let count = selection.len() * channels.len();
    let Some(bounds) = shares::bounds(region.mask, region.shape_zyx) else {
        return Ok(vec![None; count]);
    };
    let mut features = Vec::with_capacity(count);
    let grids = (region.shape_zyx, activation.shape_zyx);
    for (part, pools) in selection.by_part() {
        let part = shares::part(bounds, part.checked_sub(1));
        // The masked pools come first, then the box's.
        for (first, of_box) in [(0, false), (3, true)] {
            let wanted: Vec<usize> = pools
                .iter()
                .filter_map(|pool| pool.checked_sub(first).filter(|pool| *pool < 3))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let shares = if of_box {
                Shares::of_box(part, grids)
            } else {
                Shares::of_mask(region.mask, part, grids)
            };
            let pooled: Vec<Option<[f64; 3]>> = channels
                .par_iter()
                .map(|values| shares.pool(values))
                .collect();
            for pool in wanted {
                features.extend(pooled.iter().map(|pooled| pooled.map(|all| all[pool])));
            }
        }
    }
    Ok(features)
}

fn check(what: &str, found: usize, shape: &[usize]) -> Result<(), PoolError> {
    let expected = shape
        .iter()
        .try_fold(1usize, |all, &n| all.checked_mul(n))
        .unwrap_or(usize::MAX);
    if expected == 0 {
        return Err(PoolError::Empty {
            what: what.to_owned(),
            shape: shape.to_vec(),
        });
    }
    if found != expected {
        return Err(PoolError::Length {
            what: what.to_owned(),
            found,
            shape: shape.to_vec(),
            expected,
        });
    }
    Ok(())
}
