//! The nearest voxel's value, in the voxel's own type.

use std::ops::Range;

use rayon::prelude::*;

use crate::{geometry::Geometry, volume::Volume};

use super::{
    axis::Samples,
    mapping::{IndexMap, Mapping, is_inside},
};

/// A part of a volume, with the grid of the whole. Positions are computed on the whole: on
/// that of the part they would round otherwise, and halves would fall the other way.
#[derive(Clone, Copy)]
pub(super) struct Part<'a, T: 'static> {
    pub part: &'a Volume<T>,
    pub whole: &'a Geometry,
    /// Where the part lies in the whole.
    pub start_zyx: [usize; 3],
}

impl<'a, T> Part<'a, T> {
    pub(super) fn all_of(volume: &'a Volume<T>) -> Self {
        Self {
            part: volume,
            whole: volume.geometry(),
            start_zyx: [0; 3],
        }
    }
}

/// The value of the nearest source voxel at every voxel of the target; halves go up, as in
/// ITK, and `outside` stands where the source does not reach.
pub(super) fn resample<T: Copy + Send + Sync + 'static>(
    source: Part<'_, T>,
    target: &Geometry,
    outside: T,
) -> Volume<T> {
    let mut voxels = vec![outside; target.len()];
    match Mapping::new(source.whole, target) {
        Mapping::Parallel { turn, samples } => {
            let permuted;
            let part = if turn.source_axis == [0, 1, 2] {
                source.part
            } else {
                permuted = turn.volume(source.part);
                &permuted
            };
            let shape_zyx = part.geometry().shape_zyx;
            let [_, rows, columns] = shape_zyx;
            let [_, target_rows, target_columns] = target.shape_zyx;
            let [(slices, at_z), (lines, at_y), (across, at_x)] = [0, 1, 2].map(|axis| {
                let start = source.start_zyx[turn.source_axis[axis]];
                nearest_within(&samples[axis], start, shape_zyx[axis])
            });
            let contiguous = at_x.windows(2).all(|pair| pair[1] == pair[0] + 1);
            voxels
                .par_chunks_mut(target_rows * target_columns)
                .skip(slices.start)
                .zip(&at_z)
                .for_each(|(slice, &z)| {
                    let lines = slice.chunks_exact_mut(target_columns).skip(lines.start);
                    for (line, &y) in lines.zip(&at_y) {
                        let first = (z * rows + y) * columns;
                        let from = &part.voxels()[first..first + columns];
                        let line = &mut line[across.clone()];
                        if contiguous && !at_x.is_empty() {
                            line.copy_from_slice(&from[at_x[0]..at_x[0] + at_x.len()]);
                        } else {
                            for (voxel, &x) in line.iter_mut().zip(&at_x) {
                                *voxel = from[x];
                            }
                        }
                    }
                });
        }
        Mapping::Oblique(map) => oblique(source, target.shape_zyx, &map, &mut voxels),
    }
    Volume::new(target.clone(), voxels).expect("one value for each voxel of a checked grid")
}

/// The target voxels along an axis whose nearest voxel lies in the part, and that voxel's index
/// in the part. Positions are monotonic, so the voxels are neighbours.
fn nearest_within(samples: &Samples, start: usize, len: usize) -> (Range<usize>, Vec<usize>) {
    let nearest = samples.nearest();
    let within = |index: &usize| (start..start + len).contains(index);
    let first = nearest.iter().position(within).unwrap_or(nearest.len());
    let indices: Vec<usize> = nearest[first..]
        .iter()
        .copied()
        .take_while(within)
        .map(|index| index - start)
        .collect();
    let first = samples.inside.start + first;
    (first..first + indices.len(), indices)
}

fn oblique<T: Copy + Send + Sync + 'static>(
    source: Part<'_, T>,
    target_shape: [usize; 3],
    map: &IndexMap,
    voxels: &mut [T],
) {
    let whole = source.whole.shape_zyx;
    let shape = source.part.geometry().shape_zyx;
    let [_, rows, columns] = target_shape;
    voxels
        .par_chunks_mut(rows * columns)
        .enumerate()
        .for_each(|(z, slice)| {
            for (y, line) in slice.chunks_exact_mut(columns).enumerate() {
                let row = map.row(z, y);
                for (x, voxel) in line.iter_mut().enumerate() {
                    let position = row.position(x);
                    if is_inside(position, whole) {
                        // Before the part: the subtraction wraps, beyond every shape.
                        let [z, y, x]: [usize; 3] = std::array::from_fn(|axis| {
                            let index = (position[axis] + 0.5).floor() as usize;
                            index.wrapping_sub(source.start_zyx[axis])
                        });
                        if z < shape[0] && y < shape[1] && x < shape[2] {
                            *voxel = source.part.voxels()[(z * shape[1] + y) * shape[2] + x];
                        }
                    }
                }
            }
        });
}
