//! Laplacian of Gaussian.

use rayon::prelude::*;
use renalflow_imaging::{Image, with_image};

use super::{
    Derived, Outcome, Skipped, Source,
    lines::{Block, Scratch, along_axis, room, widen},
    recursive_gaussian::{RecursiveGaussian, SLOWEST_DECAY},
};
use crate::{BoundingBox, LogSigma};

/// How far around the window a filter looks, in standard deviations of the Gaussian.
///
/// A recursion that starts there instead of at the image's border starts from the state in
/// which it would rest if the image went on with the value found there. The difference to the
/// true state, at most of the size of the image's range, decays by `exp(-1.3732)` a deviation:
/// to 2^-30 at this distance. Intermediate images have 24 bits.
const REACH_DEVIATIONS: f64 = 30.0 * std::f64::consts::LN_2 / SLOWEST_DECAY;

/// Fewest voxels along an axis that a recursion of fourth order can start on.
const FEWEST_VOXELS: usize = 4;

/// The Laplacian of the image smoothed with Gaussians, times the variance of each.
///
/// As ITK's `LaplacianRecursiveGaussianImageFilter` with `NormalizeAcrossScale`: for each axis
/// in turn the second derivative along it and smoothing along the others, each pass in double
/// precision and kept in single; the three are divided by the squared spacing and added in
/// single precision.
///
/// Widths that PyRadiomics passes over are passed over, with the reason.
pub fn laplacian_of_gaussian(source: &Source<'_>, sigmas: &[LogSigma]) -> Outcome {
    let geometry = source.image.geometry();
    let shape_zyx = geometry.shape_zyx;
    let spacing_zyx_mm = geometry.spacing_zyx_mm;
    let mut outcome = Outcome::default();
    if shape_zyx.iter().any(|&n| n < FEWEST_VOXELS) {
        outcome
            .skipped
            .push(Skipped::ImageBelowFourVoxels { shape_zyx });
        return outcome;
    }
    let mut usable = Vec::new();
    for sigma in sigmas {
        let sigma_mm = sigma.mm;
        let fits =
            |axis: usize| shape_zyx[axis] as f64 >= (sigma_mm / spacing_zyx_mm[axis]).ceil() + 1.0;
        if !(sigma_mm > 0.0 && sigma_mm.is_finite()) {
            outcome.skipped.push(Skipped::SigmaNotPositive { sigma_mm });
        } else if !(0..3).all(fits) {
            outcome.skipped.push(Skipped::ImageBelowSigma {
                sigma_mm,
                shape_zyx,
                spacing_zyx_mm,
            });
        } else {
            usable.push(sigma);
        }
    }
    outcome.derived = usable
        .par_iter()
        .map(|sigma| Derived {
            name: sigma.image_name(),
            values: filter(source.image, source.window, sigma.mm),
        })
        .collect();
    outcome
}

fn filter(image: &Image, window: &BoundingBox, sigma_mm: f64) -> Vec<f64> {
    let geometry = image.geometry();
    let spacing_zyx_mm = geometry.spacing_zyx_mm;
    // ITK counts axes from x.
    let orders_zyx = [[2, 1, 0], [1, 2, 0], [0, 2, 1]];
    let terms: Vec<Vec<f32>> = orders_zyx
        .par_iter()
        .map_init(Buffers::default, |buffers, &order| {
            with_image!(image, volume => {
                let whole = Block {
                    window: BoundingBox {
                        start_zyx: [0; 3],
                        shape_zyx: geometry.shape_zyx,
                    },
                    values: volume.voxels(),
                };
                second_derivative(whole, window, sigma_mm, spacing_zyx_mm, order, buffers)
            })
        })
        .collect();

    let inverse = orders_zyx.map(|[axis, ..]| {
        let spacing_mm = spacing_zyx_mm[axis];
        1.0 / (spacing_mm * spacing_mm)
    });
    let [along_x, along_y, along_z] = [&terms[0], &terms[1], &terms[2]];
    along_x
        .iter()
        .zip(along_y)
        .zip(along_z)
        .map(|((&x, &y), &z)| {
            let mut sum = 0f32;
            for (term, inverse) in [x, y, z].into_iter().zip(inverse) {
                sum = (f64::from(sum) + f64::from(term) * inverse) as f32;
            }
            f64::from(sum)
        })
        .collect()
}

/// What passes leave behind for the next.
#[derive(Default)]
struct Buffers {
    lines: Scratch,
    first: Vec<f32>,
    second: Vec<f32>,
}

/// The second derivative along the first axis of `order`, smoothed along the two others in
/// turn, on the window.
fn second_derivative<T: Copy + Into<f64>>(
    image: Block<'_, T>,
    window: &BoundingBox,
    sigma_mm: f64,
    spacing_zyx_mm: [f64; 3],
    order: [usize; 3],
    buffers: &mut Buffers,
) -> Vec<f32> {
    let margin_zyx = spacing_zyx_mm
        .map(|mm| ((REACH_DEVIATIONS * sigma_mm / mm).ceil() as usize).max(FEWEST_VOXELS));
    let wide = widen(window, margin_zyx, image.window.shape_zyx);
    let line = |axis: usize| wide.start_zyx[axis]..wide.start_zyx[axis] + wide.shape_zyx[axis];
    // Each pass leaves only the window along its axis; those to come need their margins.
    let mut narrowed = wide;
    let mut narrow = |axis: usize| {
        narrowed.start_zyx[axis] = window.start_zyx[axis];
        narrowed.shape_zyx[axis] = window.shape_zyx[axis];
        narrowed
    };
    let smoothing = |axis: usize| RecursiveGaussian::smoothing(sigma_mm, spacing_zyx_mm[axis]);

    let [axis, then, last] = order;
    let derivative = RecursiveGaussian::second_derivative(sigma_mm, spacing_zyx_mm[axis]);
    let size = |window: &BoundingBox| window.shape_zyx.iter().product::<usize>();
    let Buffers {
        lines,
        first,
        second,
    } = buffers;

    let first_box = narrow(axis);
    let first = room(first, size(&first_box), 0.0);
    along_axis(
        image,
        axis,
        line(axis),
        &derivative,
        lines,
        &first_box,
        first,
    );

    let second_box = narrow(then);
    let second = room(second, size(&second_box), 0.0);
    let block = Block {
        window: first_box,
        values: first,
    };
    along_axis(
        block,
        then,
        line(then),
        &smoothing(then),
        lines,
        &second_box,
        second,
    );

    let block = Block {
        window: second_box,
        values: second,
    };
    let mut values = vec![0.0; size(window)];
    along_axis(
        block,
        last,
        line(last),
        &smoothing(last),
        lines,
        window,
        &mut values,
    );
    values
}
