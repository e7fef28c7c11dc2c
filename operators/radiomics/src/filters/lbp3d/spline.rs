//! Cubic B-splines through the voxels, as scipy's `ndimage.spline_filter` and
//! `map_coordinates` with `order=3` and `mode="constant"`.

use renalflow_imaging::{Image, with_image};

use crate::{
    BoundingBox,
    filters::lines::{Block, LANES, Lanes, LineFilter, Scratch, along_axis, widen},
};

/// The pole of the filter that turns voxels into coefficients: `√3 - 2`.
const POLE: f64 = -0.267_949_192_431_122_7;

/// How far around a box coefficients are computed: what is beyond counts for `POLE^32`, 2^-60.
const REACH_VOXELS: usize = 32;

/// Coefficients on a box that may go beyond the image, where they are mirrored at the centre
/// of the border voxel.
///
/// # Shapes
/// `values`: `shape_zyx` in C order, and [`LANES`] more zeros, so that vectors may be read
/// from any voxel of the box.
pub(super) struct Coefficients {
    /// Index in the image of the first coefficient.
    pub(super) start_zyx: [isize; 3],
    pub(super) shape_zyx: [usize; 3],
    pub(super) values: Vec<f64>,
}

impl Coefficients {
    /// Coefficients of the splines in a window and `margin` voxels around it.
    pub(super) fn new(image: &Image, window: &BoundingBox, margin: usize) -> Self {
        let image_zyx = image.geometry().shape_zyx;
        // Mirrored coefficients are as far inside the image as their originals outside.
        let needed = widen(window, [margin; 3], image_zyx);
        let filtered = with_image!(image, volume => filter(volume.voxels(), image_zyx, &needed));

        let shape_zyx: [usize; 3] = std::array::from_fn(|axis| window.shape_zyx[axis] + 2 * margin);
        let start_zyx: [isize; 3] =
            std::array::from_fn(|axis| window.start_zyx[axis] as isize - margin as isize);
        let places: [Vec<usize>; 3] = std::array::from_fn(|axis| {
            (0..shape_zyx[axis])
                .map(|i| {
                    let at = mirrored(start_zyx[axis] + i as isize, image_zyx[axis]);
                    // Those out of reach of every sample that is inside the image may be
                    // anything.
                    at.saturating_sub(needed.start_zyx[axis])
                        .min(needed.shape_zyx[axis] - 1)
                })
                .collect()
        });
        let [_, ny, nx] = needed.shape_zyx;
        let mut values = Vec::with_capacity(shape_zyx.iter().product::<usize>() + LANES);
        for &z in &places[0] {
            for &y in &places[1] {
                let row = &filtered[(z * ny + y) * nx..][..nx];
                values.extend(places[2].iter().map(|&x| row[x]));
            }
        }
        values.extend([0.0; LANES]);
        Self {
            start_zyx,
            shape_zyx,
            values,
        }
    }
}

/// The index within an axis of `len` voxels that a mirror at its ends leads to.
fn mirrored(index: isize, len: usize) -> usize {
    if len <= 1 {
        return 0;
    }
    let period = 2 * (len - 1);
    let at = index.rem_euclid(period as isize) as usize;
    at.min(period - at)
}

fn filter<T: Copy + Into<f64>>(
    voxels: &[T],
    image_zyx: [usize; 3],
    needed: &BoundingBox,
) -> Vec<f64> {
    let wide = widen(needed, [REACH_VOXELS; 3], image_zyx);
    let line = |axis: usize| wide.start_zyx[axis]..wide.start_zyx[axis] + wide.shape_zyx[axis];
    let of = |axis: usize| SplineFilter {
        length: image_zyx[axis],
        is_whole: wide.shape_zyx[axis] == image_zyx[axis],
    };
    let mut narrowed = wide;
    let mut narrow = |axis: usize| {
        narrowed.start_zyx[axis] = needed.start_zyx[axis];
        narrowed.shape_zyx[axis] = needed.shape_zyx[axis];
        narrowed
    };
    let whole = Block {
        window: BoundingBox {
            start_zyx: [0; 3],
            shape_zyx: image_zyx,
        },
        values: voxels,
    };
    let size = |window: &BoundingBox| window.shape_zyx.iter().product::<usize>();
    let mut scratch = Scratch::default();

    let window = narrow(0);
    let mut along_z = vec![0.0; size(&window)];
    along_axis(
        whole,
        0,
        line(0),
        &of(0),
        &mut scratch,
        &window,
        &mut along_z,
    );
    let block = Block {
        window,
        values: along_z.as_slice(),
    };

    let window = narrow(1);
    let mut along_y = vec![0.0; size(&window)];
    along_axis(
        block,
        1,
        line(1),
        &of(1),
        &mut scratch,
        &window,
        &mut along_y,
    );
    let block = Block {
        window,
        values: along_y.as_slice(),
    };

    let mut along_x = vec![0.0; size(needed)];
    along_axis(
        block,
        2,
        line(2),
        &of(2),
        &mut scratch,
        needed,
        &mut along_x,
    );
    along_x
}

/// The recursive filter along a line of an image, mirrored at both ends. Operations come in
/// scipy's order, so that the bits are its.
struct SplineFilter {
    /// Length of the image's axis.
    length: usize,
    /// Whether lines are as long.
    is_whole: bool,
}

impl LineFilter for SplineFilter {
    #[inline(always)]
    fn filter(&self, data: &mut [Lanes], first: usize, out: &mut [Lanes]) {
        if self.length > 1 {
            self.apply(data);
        }
        out.copy_from_slice(&data[first..first + out.len()]);
    }
}

impl SplineFilter {
    #[inline(always)]
    fn apply(&self, data: &mut [Lanes]) {
        let gain = (1.0 - POLE) * (1.0 - 1.0 / POLE);
        let last = data.len() - 1;
        for lanes in data.iter_mut() {
            for l in 0..LANES {
                lanes.0[l] *= gain;
            }
        }

        // Pole to the length of the line: what of the far end is seen at the near one. Where
        // the line was cut it is too small to be seen.
        let far = if self.is_whole {
            POLE.powf((self.length - 1) as f64)
        } else {
            0.0
        };
        let mut start = data[0];
        for l in 0..LANES {
            start.0[l] += far * data[last].0[l];
        }
        let mut power = POLE;
        for i in 1..last.min(2 * REACH_VOXELS) {
            for l in 0..LANES {
                start.0[l] += power * (data[i].0[l] + far * data[last - i].0[l]);
            }
            power *= POLE;
        }
        for l in 0..LANES {
            start.0[l] /= 1.0 - far * far;
        }
        data[0] = start;
        let mut before = start;
        for lanes in &mut data[1..] {
            for l in 0..LANES {
                lanes.0[l] += POLE * before.0[l];
            }
            before = *lanes;
        }

        let mut after = Lanes::ZERO;
        for l in 0..LANES {
            after.0[l] =
                (POLE * data[last - 1].0[l] + data[last].0[l]) * POLE / (POLE * POLE - 1.0);
        }
        data[last] = after;
        for lanes in data[..last].iter_mut().rev() {
            for l in 0..LANES {
                lanes.0[l] = POLE * (after.0[l] - lanes.0[l]);
            }
            after = *lanes;
        }
    }
}

/// The weights of the four coefficients around a point that lies `at` after the second.
pub(super) fn weights(at: f64) -> [f64; 4] {
    let (y, z) = (at, 1.0 - at);
    let mut weights = [
        z * z * z / 6.0,
        (y * y * (y - 2.0) * 3.0 + 4.0) / 6.0,
        (z * z * (z - 2.0) * 3.0 + 4.0) / 6.0,
        1.0,
    ];
    for i in 0..3 {
        weights[3] -= weights[i];
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_repeats_no_border_voxel() {
        let at: Vec<usize> = (-5..8).map(|i| mirrored(i, 4)).collect();
        assert_eq!(at, [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!(mirrored(-3, 1), 0);
    }

    #[test]
    fn weights_add_up_to_one_and_give_back_a_line() {
        for at in [0.0, 0.25, 0.9] {
            let w = weights(at);
            assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-15);
            assert!((-w[0] + w[2] + 2.0 * w[3] - at).abs() < 1e-15);
        }
    }
}
