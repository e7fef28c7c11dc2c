//! Mirroring.

/// Mirror along an axis (0 is z), in place; an axis above 2 leaves everything as it is.
///
/// # Shapes
/// `[z, y, x]`; a length that does not fit the shape is left as it is.
pub fn mirror<T: Copy>(values: &mut [T], shape_zyx: [usize; 3], axis: usize) {
    let Some(&extent) = shape_zyx.get(axis) else {
        return;
    };
    // Along the axis lie `extent` blocks of `inner` values each, again and again.
    let inner: usize = shape_zyx[axis + 1..].iter().product();
    if inner == 0 || extent == 0 || values.len() != shape_zyx.iter().product::<usize>() {
        return;
    }
    for block in values.chunks_exact_mut(extent * inner) {
        let (mut first, mut last) = (0, extent - 1);
        while first < last {
            let (low, high) = block.split_at_mut(last * inner);
            low[first * inner..(first + 1) * inner].swap_with_slice(&mut high[..inner]);
            first += 1;
            last -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_is_nothing_and_once_is_reversal() {
        let shape = [3, 4, 5];
        let values: Vec<u32> = (0..60).collect();
        for axis in 0..3 {
            let mut mirrored = values.clone();
            mirror(&mut mirrored, shape, axis);
            for z in 0..3 {
                for y in 0..4 {
                    for x in 0..5 {
                        let mut at = [z, y, x];
                        at[axis] = shape[axis] - 1 - at[axis];
                        assert_eq!(
                            mirrored[(z * 4 + y) * 5 + x],
                            values[(at[0] * 4 + at[1]) * 5 + at[2]]
                        );
                    }
                }
            }
            mirror(&mut mirrored, shape, axis);
            assert_eq!(mirrored, values);
        }
    }
}
