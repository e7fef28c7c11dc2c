//! Filters turned by right angles.

use super::separable::{Chain, Kernel};

/// The orientations of a separable filter under rotations by right angles: the 24 of a cube,
/// or the 4 of a square across `slice_axis`.
///
/// A rotation puts the chain of one axis on another, reversed where the axis is turned round;
/// reversals and swaps together keep the handedness. Orientations that happen to be the same
/// are all listed.
pub(super) fn orientations(filter_zyx: &[Chain; 3], slice_axis: Option<usize>) -> Vec<[Chain; 3]> {
    const PERMUTATIONS: [([usize; 3], bool); 6] = [
        ([0, 1, 2], false),
        ([1, 2, 0], false),
        ([2, 0, 1], false),
        ([0, 2, 1], true),
        ([2, 1, 0], true),
        ([1, 0, 2], true),
    ];
    let mut all = Vec::new();
    for (permutation, swapped) in PERMUTATIONS {
        for reversals in 0..8u32 {
            let turned = |axis: usize| reversals >> axis & 1 == 1;
            let proper = (reversals.count_ones() % 2 == 1) == swapped;
            let in_slice = slice_axis.is_none_or(|axis| permutation[axis] == axis && !turned(axis));
            if proper && in_slice {
                all.push(std::array::from_fn(|axis| {
                    let chain = &filter_zyx[permutation[axis]];
                    if turned(axis) {
                        chain.iter().map(Kernel::reversed).collect()
                    } else {
                        chain.clone()
                    }
                }));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cube_has_24_orientations_and_a_square_4() {
        let filter: [Chain; 3] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
            .map(|taps| vec![Kernel::new(taps.to_vec())]);
        for (slice_axis, count) in [(None, 24), (Some(0), 4), (Some(1), 4), (Some(2), 4)] {
            let all = orientations(&filter, slice_axis);
            assert_eq!(all.len(), count);
            assert!(all.contains(&filter));
            for (i, a) in all.iter().enumerate() {
                assert!(!all[..i].contains(a), "listed twice");
                if let Some(axis) = slice_axis {
                    assert_eq!(a[axis], filter[axis]);
                }
            }
        }
        // A mirrored filter is no rotated one.
        let mut mirrored = filter.clone();
        mirrored[0] = mirrored[0].iter().map(Kernel::reversed).collect();
        assert!(!orientations(&filter, None).contains(&mirrored));
    }
}
