//! The nearest voxel's value, in the voxel's own type.

use rayon::prelude::*;

use crate::{geometry::Geometry, volume::Volume};

use super::mapping::{IndexMap, Mapping, is_inside};

/// The value of the nearest source voxel at every voxel of the target; halves go up, as in
/// ITK, and `outside` stands where the source does not reach.
pub(super) fn resample<T: Copy + Send + Sync>(
    source: &Volume<T>,
    target: &Geometry,
    outside: T,
) -> Volume<T> {
    let mut voxels = vec![outside; target.len()];
    match Mapping::new(source.geometry(), target) {
        Mapping::Parallel { turn, samples } => {
            let permuted;
            let source = if turn.source_axis == [0, 1, 2] {
                source
            } else {
                permuted = turn.volume(source);
                &permuted
            };
            let [_, rows, columns] = source.geometry().shape_zyx;
            let [_, target_rows, target_columns] = target.shape_zyx;
            let [at_z, at_y, at_x] = [0, 1, 2].map(|axis| samples[axis].nearest());
            let contiguous = at_x.windows(2).all(|pair| pair[1] == pair[0] + 1);
            voxels
                .par_chunks_mut(target_rows * target_columns)
                .skip(samples[0].inside.start)
                .zip(&at_z)
                .for_each(|(slice, &z)| {
                    let lines = slice
                        .chunks_exact_mut(target_columns)
                        .skip(samples[1].inside.start);
                    for (line, &y) in lines.zip(&at_y) {
                        let first = (z * rows + y) * columns;
                        let from = &source.voxels()[first..first + columns];
                        let line = &mut line[samples[2].inside.clone()];
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

fn oblique<T: Copy + Send + Sync>(
    source: &Volume<T>,
    target_shape: [usize; 3],
    map: &IndexMap,
    voxels: &mut [T],
) {
    let shape = source.geometry().shape_zyx;
    let [_, rows, columns] = target_shape;
    voxels
        .par_chunks_mut(rows * columns)
        .enumerate()
        .for_each(|(z, slice)| {
            for (y, line) in slice.chunks_exact_mut(columns).enumerate() {
                let row = map.row(z, y);
                for (x, voxel) in line.iter_mut().enumerate() {
                    let position = row.position(x);
                    if is_inside(position, shape) {
                        let [z, y, x] = position.map(|p| (p + 0.5).floor() as usize);
                        *voxel = source.voxels()[(z * shape[1] + y) * shape[2] + x];
                    }
                }
            }
        });
}
