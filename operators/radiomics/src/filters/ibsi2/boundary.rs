//! How an image goes on beyond its border.

use std::ops::Range;

/// How an image goes on beyond its border (`GBYQ`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Boundary {
    /// With zeros (`Z3VE`, constant value padding with 0).
    Zero,
    /// With the nearest voxel's value (`SIJG`).
    Nearest,
    /// From the other end (`Z7YO`).
    Periodic,
    /// Mirrored at the border, the border voxel twice (`ZDTV`).
    #[default]
    Mirror,
}

impl Boundary {
    /// The voxel whose value stands at `index` of an axis with `n` voxels, `None` for zero.
    pub(super) fn source(self, index: isize, n: usize) -> Option<usize> {
        let len = n as isize;
        if (0..len).contains(&index) {
            return Some(index as usize);
        }
        match self {
            Self::Zero => None,
            Self::Nearest => Some(index.clamp(0, len - 1) as usize),
            Self::Periodic => Some(index.rem_euclid(len) as usize),
            Self::Mirror => {
                let place = index.rem_euclid(2 * len);
                Some(place.min(2 * len - 1 - place) as usize)
            }
        }
    }

    /// The voxels of an axis that a kernel of this radius reads for the wanted ones, all that
    /// stand in for what is beyond the border included.
    pub(super) fn reach(self, wanted: &Range<usize>, radius: usize, n: usize) -> Range<usize> {
        let over = radius > wanted.start || wanted.end + radius > n;
        if over && self == Self::Periodic {
            return 0..n;
        }
        wanted.start.saturating_sub(radius)..(wanted.end + radius).min(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_ways_to_go_on() {
        let around =
            |boundary: Boundary| (-4..7).map(|i| boundary.source(i, 3)).collect::<Vec<_>>();
        let some = |voxels: [usize; 11]| voxels.map(Some).to_vec();
        assert_eq!(
            around(Boundary::Mirror),
            some([2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0])
        );
        assert_eq!(
            around(Boundary::Periodic),
            some([2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
        );
        assert_eq!(
            around(Boundary::Nearest),
            some([0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2])
        );
        assert_eq!(
            around(Boundary::Zero)[3..8],
            [None, Some(0), Some(1), Some(2), None]
        );
        assert_eq!(Boundary::Mirror.source(-9, 1), Some(0));
    }

    #[test]
    fn whatever_stands_in_is_within_reach() {
        for boundary in [
            Boundary::Zero,
            Boundary::Nearest,
            Boundary::Periodic,
            Boundary::Mirror,
        ] {
            for n in 1..7usize {
                for (start, end) in (0..n).flat_map(|s| (s + 1..=n).map(move |e| (s, e))) {
                    for radius in 0..9usize {
                        let reach = boundary.reach(&(start..end), radius, n);
                        let read = start as isize - radius as isize..(end + radius) as isize;
                        for source in read.filter_map(|i| boundary.source(i, n)) {
                            assert!(reach.contains(&source), "{boundary:?} {n} {start}..{end}");
                        }
                    }
                }
            }
        }
    }
}
