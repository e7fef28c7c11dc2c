//! Zones: neighbouring voxels of one grey level, 26-connected in 3D and 8-connected in slices.
//!
//! One pass labels voxels in C order. A voxel looks at the neighbours that were labelled before
//! it (13 of 26) and joins those of its own level. Most of these touch each other and so are
//! joined already: a table tells for each of the 2¹³ sets of equal neighbours which few remain
//! to be joined.

use std::sync::LazyLock;

use super::{LevelGrid, LevelSizeMatrix, Row, Tally, Word};

/// Voxels of one grey level that hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zone {
    /// The place of its grey level among those that occur, from 1.
    pub place: u32,
    /// Number of its voxels.
    pub size: u32,
    /// The smallest distance of a voxel to the border; 0 where none was asked for.
    pub distance: u16,
}

/// Steps back to the neighbours that come first in C order: slice, row, column.
const BEFORE: [[isize; 3]; 13] = [
    [1, 0, 0],
    [1, 1, 0],
    [1, -1, 0],
    [1, 0, 1],
    [1, 0, -1],
    [1, 1, 1],
    [1, 1, -1],
    [1, -1, 1],
    [1, -1, -1],
    [0, 1, 0],
    [0, 1, 1],
    [0, 1, -1],
    [0, 0, 1],
];

/// For each set of [`BEFORE`], one of every group whose members touch each other.
static TO_JOIN: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let touching: [u16; 13] = std::array::from_fn(|a| {
        let touches = |b: &usize| (0..3).all(|i| BEFORE[a][i].abs_diff(BEFORE[*b][i]) <= 1);
        (0..13).filter(touches).map(|b| 1 << b).sum()
    });
    (0..1u16 << 13)
        .map(|equal| {
            let (mut rest, mut chosen) = (equal, 0);
            while rest != 0 {
                let mut group = rest & rest.wrapping_neg();
                chosen |= group;
                loop {
                    let members = (0..13).filter(|bit| group >> bit & 1 == 1);
                    let reach = members.fold(group, |reach, bit| reach | touching[bit]) & equal;
                    if reach == group {
                        break;
                    }
                    group = reach;
                }
                rest &= !group;
            }
            chosen
        })
        .collect()
});

/// The zones of a region.
#[derive(Debug, Clone)]
pub(crate) struct Zones {
    /// A zone at the place of its first label, and nothing, of size 0, at those of its others.
    by_label: Vec<Zone>,
    /// The label after the last of each slice, or of all.
    ends: Vec<usize>,
}

impl Zones {
    /// Find the zones of a grid of places, those of each slice or all.
    ///
    /// # Shapes
    /// `distances`: if given, one a value of the grid.
    pub fn new<W: Word>(
        grid: &LevelGrid<W>,
        in_plane: bool,
        by_slice: bool,
        distances: Option<&[u16]>,
    ) -> Self {
        let mut labelling = Labelling::new(grid, in_plane);
        let groups = grid.groups(by_slice).into_iter();
        let ends = groups
            .map(|rows| {
                for row in rows {
                    labelling.label(row, distances);
                }
                labelling.parts.len()
            })
            .collect();
        Self {
            by_label: labelling.join(),
            ends,
        }
    }

    /// Count the zones of each slice, or all, by their level and the size that `size` says.
    pub fn matrices(
        &self,
        levels: &[u32],
        usual_size: usize,
        size: impl Fn(&Zone) -> usize,
    ) -> Vec<LevelSizeMatrix> {
        let mut tally = Tally::new(levels.len(), usual_size);
        let mut start = 0;
        let by_group = self.ends.iter().filter_map(|&end| {
            let mut voxel_count = 0;
            for zone in self.by_label[start..end].iter().filter(|z| z.size > 0) {
                tally.add(zone.place as usize, size(zone));
                voxel_count += zone.size as usize;
            }
            start = end;
            tally.take(levels, voxel_count)
        });
        by_group.collect()
    }
}

struct Labelling<'a, W> {
    grid: &'a LevelGrid<W>,
    /// Number of the first steps of [`BEFORE`] that are not looked at: in slices, those between.
    skipped: usize,
    offsets: [isize; 13],
    /// Labels of this slice and the one before: even slices in the first half.
    labels: Vec<u32>,
    /// Which of the neighbours before are of the voxel's level, along a row.
    equal: Vec<u16>,
    /// The voxels that first had each label.
    parts: Vec<Zone>,
    /// A label that each label was joined with, itself or a smaller one.
    parents: Vec<u32>,
}

impl<'a, W: Word> Labelling<'a, W> {
    fn new(grid: &'a LevelGrid<W>, in_plane: bool) -> Self {
        let [_, slice] = grid.strides();
        // Hardly more than every other voxel starts a label, even where levels are noise.
        let labels = grid.rows.iter().map(|row| row.len).sum::<usize>() / 2;
        Self {
            grid,
            skipped: if in_plane { 9 } else { 0 },
            offsets: BEFORE.map(|step| -grid.offset(step)),
            labels: vec![0; 2 * slice],
            equal: vec![0; grid.shape[2]],
            parts: Vec::with_capacity(labels),
            parents: Vec::with_capacity(labels),
        }
    }

    fn label(&mut self, row: &Row, distances: Option<&[u16]>) {
        let [_, slice] = self.grid.strides();
        let here = self.grid.beside(row, 0);
        let equal = &mut self.equal[..row.len];
        equal.fill(0);
        for (bit, &offset) in self.offsets.iter().enumerate().skip(self.skipped) {
            let before = self.grid.beside(row, offset);
            for ((equal, a), b) in equal.iter_mut().zip(here).zip(before) {
                *equal |= u16::from(a == b) << bit;
            }
        }
        // Where the row starts within its slice, and where slices are among the labels.
        let in_slice = row.start % slice;
        let halves = [row.index[0] % 2 * slice, (row.index[0] + 1) % 2 * slice];
        let to_join = &*TO_JOIN;
        for (i, &place) in here.iter().enumerate() {
            if place == W::ZERO {
                continue;
            }
            let distance = distances.map_or(0, |distances| distances[row.start + i]);
            let mut rest = to_join[usize::from(self.equal[i])];
            // The label of the next neighbour to join.
            let before = |rest: &mut u16| {
                let bit = rest.trailing_zeros() as usize;
                *rest &= *rest - 1;
                let back = usize::from(BEFORE[bit][0] == 1);
                let step = self.offsets[bit].wrapping_add_unsigned(back * slice);
                self.labels[halves[back] + (in_slice + i).wrapping_add_signed(step)]
            };
            let label = if rest == 0 {
                let label = self.parts.len() as u32;
                self.parents.push(label);
                self.parts.push(Zone {
                    place: place.to_usize() as u32,
                    size: 1,
                    distance,
                });
                label
            } else {
                let label = before(&mut rest);
                while rest != 0 {
                    let other = before(&mut rest);
                    unite(&mut self.parents, label, other);
                }
                let part = &mut self.parts[label as usize];
                part.size += 1;
                part.distance = part.distance.min(distance);
                label
            };
            self.labels[halves[0] + in_slice + i] = label;
        }
    }

    /// Add up the parts of each zone at its first label.
    fn join(mut self) -> Vec<Zone> {
        for label in 0..self.parts.len() {
            let root = find(&mut self.parents, label as u32) as usize;
            if root != label {
                let part = self.parts[label];
                self.parts[label].size = 0;
                let zone = &mut self.parts[root];
                zone.size += part.size;
                zone.distance = zone.distance.min(part.distance);
            }
        }
        self.parts
    }
}

/// The smallest label that a label was joined with.
fn find(parents: &mut [u32], mut label: u32) -> u32 {
    while parents[label as usize] != label {
        let above = parents[parents[label as usize] as usize];
        parents[label as usize] = above;
        label = above;
    }
    label
}

fn unite(parents: &mut [u32], a: u32, b: u32) {
    let (a, b) = (find(parents, a), find(parents, b));
    parents[a.max(b) as usize] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_neighbours_that_touch_is_enough() {
        let bit = |step: [isize; 3]| 1u16 << BEFORE.iter().position(|s| *s == step).unwrap();
        let join = |steps: &[[isize; 3]]| {
            let equal = steps.iter().map(|&step| bit(step)).sum::<u16>();
            TO_JOIN[usize::from(equal)].count_ones()
        };
        assert_eq!(TO_JOIN[0], 0);
        assert_eq!(TO_JOIN[(1 << 13) - 1].count_ones(), 1);
        assert_eq!(join(&[[0, 0, 1], [0, 1, -1]]), 2);
        assert_eq!(join(&[[0, 0, 1], [0, 1, 0], [0, 1, -1]]), 1);
        assert_eq!(join(&[[1, -1, -1], [1, 1, 1], [1, -1, 1]]), 3);
    }
}
