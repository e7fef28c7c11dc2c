//! Lower resolution.

/// Keep about `scale` of the voxels along each axis (the nearest ones) and fill in between them
/// linearly, as of an image that was taken on a coarser grid. At 1 nothing changes.
///
/// # Shapes
/// `[z, y, x]`; a length that does not fit the shape is left as it is.
pub fn low_resolution(values: &mut [f32], shape_zyx: [usize; 3], scale: f64) {
    if scale.is_nan()
        || scale <= 0.0
        || values.is_empty()
        || values.len() != shape_zyx.iter().product::<usize>()
    {
        return;
    }
    for axis in 0..3 {
        // Nearest and linear are both separable, so down and up along one axis after another is
        // the same as down along all and up along all.
        let extent = shape_zyx[axis];
        let coarse = ((extent as f64 * scale).round() as usize).clamp(1, extent);
        if coarse == extent {
            continue;
        }
        let inner: usize = shape_zyx[axis + 1..].iter().product();
        let kept: Vec<usize> = (0..coarse)
            .map(|c| ((c as f64 + 0.5) * extent as f64 / coarse as f64) as usize)
            .collect();
        let between: Vec<(usize, usize, f32)> = (0..extent)
            .map(|at| {
                // Grids with common borders, not common first centres.
                let place = ((at as f64 + 0.5) * coarse as f64 / extent as f64 - 0.5)
                    .clamp(0.0, (coarse - 1) as f64);
                let low = place.floor() as usize;
                (
                    kept[low],
                    kept[(low + 1).min(coarse - 1)],
                    (place - place.floor()) as f32,
                )
            })
            .collect();
        let mut old = Vec::new();
        for block in values.chunks_exact_mut(extent * inner) {
            old.clear();
            old.extend_from_slice(block);
            for (out, &(low, high, weight)) in block.chunks_exact_mut(inner).zip(&between) {
                let (low, high) = (&old[low * inner..][..inner], &old[high * inner..][..inner]);
                for ((value, l), h) in out.iter_mut().zip(low).zip(high) {
                    *value = l + weight * (h - l);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_changes_no_bit_and_a_half_matches_a_table() {
        let values: Vec<f32> = [0.0, 1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0].to_vec();
        let mut same = values.clone();
        low_resolution(&mut same, [1, 1, 8], 1.0);
        assert_eq!(same, values);
        // PyTorch 2.15: interpolate(size=4, mode="nearest-exact"), then
        // interpolate(size=8, mode="linear").
        let mut half = values;
        low_resolution(&mut half, [1, 1, 8], 0.5);
        assert_eq!(half, [1.0, 3.0, 7.0, 13.0, 21.0, 31.0, 43.0, 49.0]);
    }

    #[test]
    fn only_values_between_the_old_ones_appear() {
        let mut values: Vec<f32> = (0..5 * 6 * 7).map(|v| ((v * 37) % 101) as f32).collect();
        let old = values.clone();
        low_resolution(&mut values, [5, 6, 7], 0.6);
        assert_ne!(values, old);
        assert!(values.iter().all(|v| (0.0..=100.0).contains(v)));
    }
}
