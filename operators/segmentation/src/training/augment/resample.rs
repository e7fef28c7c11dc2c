//! The one resampling of an image and its labels.

use super::{Interpolation, Patch, SpatialMap};
use crate::training::case::TrainingCase;

/// Cut a patch out of a case through a map. Without rotation, scaling and deformation it is a
/// copy, bit for bit.
///
/// # Shapes
/// `[channels, d, h, w]` with `patch_zyx` as `d, h, w`; outside the case the image is
/// `outside_value` and the labels are 0.
#[must_use]
pub fn cut(
    case: &TrainingCase,
    map: &SpatialMap,
    patch_zyx: [usize; 3],
    interpolation: Interpolation,
    outside_value: f32,
) -> Patch {
    let voxels: usize = patch_zyx.iter().product();
    let channels = case.channels();
    let mut patch = Patch {
        image: vec![outside_value; channels * voxels],
        channels,
        labels: vec![0; voxels],
        shape_zyx: patch_zyx,
    };
    if map.linear.is_none() && map.elastic.is_none() {
        copy(
            case.labels(),
            &mut patch.labels,
            case.shape_zyx(),
            map.start_zyx,
            patch_zyx,
        );
        for channel in 0..channels {
            let out = &mut patch.image[channel * voxels..(channel + 1) * voxels];
            copy(
                case.channel(channel),
                out,
                case.shape_zyx(),
                map.start_zyx,
                patch_zyx,
            );
        }
        return patch;
    }
    let grid = Grid::of(case.shape_zyx());
    let linear = map
        .linear
        .unwrap_or([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    let [depth, rows, columns] = patch_zyx;
    let mut shifts = Vec::new();
    let mut places = vec![[0.0f64; 3]; columns];
    let volumes: Vec<&[f32]> = (0..channels).map(|c| case.channel(c)).collect();
    for z in 0..depth {
        for y in 0..rows {
            let offset_z = z as f64 - map.half_zyx[0];
            let offset_y = y as f64 - map.half_zyx[1];
            for (x, place) in places.iter_mut().enumerate() {
                let offset_x = x as f64 - map.half_zyx[2];
                *place = [0, 1, 2].map(|axis| {
                    map.centre_zyx[axis]
                        + linear[axis][0] * offset_z
                        + linear[axis][1] * offset_y
                        + linear[axis][2] * offset_x
                });
            }
            if let Some(elastic) = &map.elastic {
                elastic.row(z, y, &mut shifts);
                for (place, shift) in places.iter_mut().zip(&shifts) {
                    for axis in 0..3 {
                        place[axis] += f64::from(shift[axis]) / map.spacing_zyx_mm[axis];
                    }
                }
            }
            let start = (z * rows + y) * columns;
            for (label, place) in patch.labels[start..start + columns].iter_mut().zip(&places) {
                *label = grid.nearest(case.labels(), *place);
            }
            for (channel, volume) in volumes.iter().enumerate() {
                let out = &mut patch.image[channel * voxels + start..][..columns];
                match interpolation {
                    Interpolation::Linear => {
                        for (value, place) in out.iter_mut().zip(&places) {
                            *value = grid.linear(volume, *place, outside_value);
                        }
                    }
                    Interpolation::Cubic => {
                        for (value, place) in out.iter_mut().zip(&places) {
                            *value = grid.cubic(volume, *place, outside_value);
                        }
                    }
                }
            }
        }
    }
    patch
}

/// Copy the part of a patch that lies in the volume.
fn copy<T: Copy>(
    from: &[T],
    to: &mut [T],
    shape: [usize; 3],
    start: [isize; 3],
    patch: [usize; 3],
) {
    // First and one after the last voxel of the patch that is inside, along each axis.
    let inside = [0, 1, 2].map(|axis| {
        let first = (-start[axis]).clamp(0, patch[axis] as isize);
        let last = (shape[axis] as isize - start[axis]).clamp(first, patch[axis] as isize);
        (first as usize, last as usize)
    });
    let [(z0, z1), (y0, y1), (x0, x1)] = inside;
    if x0 == x1 {
        return;
    }
    for z in z0..z1 {
        for y in y0..y1 {
            let source = [z, y, x0];
            let [sz, sy, sx] = [0, 1, 2].map(|axis| (start[axis] + source[axis] as isize) as usize);
            let row = &from[(sz * shape[1] + sy) * shape[2] + sx..][..x1 - x0];
            to[(z * patch[1] + y) * patch[2] + x0..][..x1 - x0].copy_from_slice(row);
        }
    }
}

struct Grid {
    shape: [isize; 3],
    strides: [isize; 2],
}

impl Grid {
    fn of(shape: [usize; 3]) -> Self {
        let shape = shape.map(|e| e as isize);
        Self {
            shape,
            strides: [shape[1] * shape[2], shape[2]],
        }
    }

    fn at(&self, [z, y, x]: [isize; 3]) -> Option<usize> {
        let inside = (0..self.shape[0]).contains(&z)
            && (0..self.shape[1]).contains(&y)
            && (0..self.shape[2]).contains(&x);
        inside.then(|| (z * self.strides[0] + y * self.strides[1] + x) as usize)
    }

    fn nearest(&self, labels: &[u8], place: [f64; 3]) -> u8 {
        self.at(place.map(|p| (p + 0.5).floor() as isize))
            .map_or(0, |at| labels[at])
    }

    fn linear(&self, volume: &[f32], place: [f64; 3], outside: f32) -> f32 {
        let floor = place.map(f64::floor);
        let [z, y, x] = floor.map(|f| f as isize);
        let [tz, ty, tx] = [0, 1, 2].map(|axis| (place[axis] - floor[axis]) as f32);
        let mix = |a: f32, b: f32, t: f32| a + t * (b - a);
        let inside = z >= 0
            && y >= 0
            && x >= 0
            && z + 1 < self.shape[0]
            && y + 1 < self.shape[1]
            && x + 1 < self.shape[2];
        let corner = |dz: isize, dy: isize, dx: isize| -> f32 {
            if inside {
                let at = (z + dz) * self.strides[0] + (y + dy) * self.strides[1] + x + dx;
                volume[at as usize]
            } else {
                self.at([z + dz, y + dy, x + dx])
                    .map_or(outside, |at| volume[at])
            }
        };
        let edge = |dz, dy| mix(corner(dz, dy, 0), corner(dz, dy, 1), tx);
        let face = |dz| mix(edge(dz, 0), edge(dz, 1), ty);
        mix(face(0), face(1), tz)
    }

    fn cubic(&self, volume: &[f32], place: [f64; 3], outside: f32) -> f32 {
        let floor = place.map(f64::floor);
        let [z, y, x] = floor.map(|f| f as isize - 1);
        let [wz, wy, wx] = [0, 1, 2].map(|axis| keys((place[axis] - floor[axis]) as f32));
        let inside = z >= 0
            && y >= 0
            && x >= 0
            && z + 3 < self.shape[0]
            && y + 3 < self.shape[1]
            && x + 3 < self.shape[2];
        let mut sum = 0.0;
        for (dz, wz) in (0..).zip(wz) {
            let mut slice = 0.0;
            for (dy, wy) in (0..).zip(wy) {
                let mut row = 0.0;
                if inside {
                    let at = (z + dz) * self.strides[0] + (y + dy) * self.strides[1] + x;
                    for (value, weight) in volume[at as usize..][..4].iter().zip(wx) {
                        row += weight * value;
                    }
                } else {
                    for (dx, weight) in (0..).zip(wx) {
                        let at = self.at([z + dz, y + dy, x + dx]);
                        row += weight * at.map_or(outside, |at| volume[at]);
                    }
                }
                slice += wy * row;
            }
            sum += wz * slice;
        }
        sum
    }
}

/// Weights of the four voxels around a place, `t` after the second of them.
fn keys(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    ]
}
