//! Gaussian blur.

/// Blur with a Gaussian of a deviation in voxels, cut at 4 deviations and normed to 1; beyond
/// the border the values are mirrored (`d c b a | a b c d`). At 0 nothing changes.
///
/// # Shapes
/// `[z, y, x]`; a length that does not fit the shape is left as it is.
pub fn blur(values: &mut [f32], shape_zyx: [usize; 3], sigma_voxels: f64) {
    if sigma_voxels.is_nan()
        || sigma_voxels <= 0.0
        || values.is_empty()
        || values.len() != shape_zyx.iter().product::<usize>()
    {
        return;
    }
    let kernel = kernel(sigma_voxels.min(1e3));
    let mut line = Vec::new();
    let mut rows = Vec::new();
    for axis in 0..3 {
        let extent = shape_zyx[axis];
        let inner: usize = shape_zyx[axis + 1..].iter().product();
        let radius = kernel.len() - 1;
        for block in values.chunks_exact_mut(extent * inner) {
            if inner == 1 {
                line.clear();
                let reach = radius as isize;
                line.extend((-reach..extent as isize + reach).map(|at| block[reflect(at, extent)]));
                for (x, value) in block.iter_mut().enumerate() {
                    let mut sum = kernel[0] * line[x + radius];
                    for (k, weight) in kernel.iter().enumerate().skip(1) {
                        sum += weight * (line[x + radius - k] + line[x + radius + k]);
                    }
                    *value = sum;
                }
            } else {
                // Whole rows at a time, so that the innermost loop runs along memory.
                rows.clear();
                rows.extend_from_slice(block);
                let row = |at: isize| {
                    let at = reflect(at, extent);
                    &rows[at * inner..(at + 1) * inner]
                };
                for (at, out) in block.chunks_exact_mut(inner).enumerate() {
                    let at = at as isize;
                    for (value, here) in out.iter_mut().zip(row(at)) {
                        *value = kernel[0] * here;
                    }
                    for (k, weight) in kernel.iter().enumerate().skip(1) {
                        let (before, after) = (row(at - k as isize), row(at + k as isize));
                        for ((value, b), a) in out.iter_mut().zip(before).zip(after) {
                            *value += weight * (b + a);
                        }
                    }
                }
            }
        }
    }
}

/// The weights at distance 0, 1, 2...
fn kernel(sigma: f64) -> Vec<f32> {
    let radius = (4.0 * sigma).ceil() as usize;
    let weights: Vec<f64> = (0..=radius)
        .map(|d| (-0.5 * (d as f64 / sigma).powi(2)).exp())
        .collect();
    let total = 2.0 * weights.iter().sum::<f64>() - weights[0];
    weights.iter().map(|w| (w / total) as f32).collect()
}

fn reflect(at: isize, extent: usize) -> usize {
    let period = 2 * extent as isize;
    let at = at.rem_euclid(period) as usize;
    if at < extent { at } else { 2 * extent - 1 - at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_a_point_as_the_gaussian_does_and_keeps_its_sum() {
        let shape = [17, 19, 21];
        let centre = [8, 9, 10];
        let mut values = vec![0.0f32; 17 * 19 * 21];
        values[(8 * 19 + 9) * 21 + 10] = 1.0;
        let sigma = 1.0f64;
        blur(&mut values, shape, sigma);
        let total: f64 = values.iter().map(|v| f64::from(*v)).sum();
        assert!((total - 1.0).abs() < 1e-5, "{total}");
        for axis in 0..3 {
            let mut variance = 0.0;
            for z in 0..17 {
                for y in 0..19 {
                    for x in 0..21 {
                        let d = [z, y, x][axis] as f64 - centre[axis] as f64;
                        variance += d * d * f64::from(values[(z * 19 + y) * 21 + x]);
                    }
                }
            }
            // A sampled Gaussian of deviation 1 cut at 4 has variance 0.9993.
            assert!((variance - 1.0).abs() < 2e-3, "axis {axis}: {variance}");
        }
    }

    #[test]
    fn a_constant_stays_and_zero_strength_changes_no_bit() {
        let mut constant = vec![3.5f32; 2 * 3 * 4];
        blur(&mut constant, [2, 3, 4], 2.0);
        assert!(constant.iter().all(|v| (v - 3.5).abs() < 1e-5));
        let values: Vec<f32> = (0..24).map(|v| v as f32 * 0.1).collect();
        for sigma in [0.0, f64::NAN, -1.0] {
            let mut same = values.clone();
            blur(&mut same, [2, 3, 4], sigma);
            assert_eq!(same, values);
        }
    }
}
