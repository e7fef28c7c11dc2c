//! The voxels of one label, cropped to their bounding box.

use rayon::prelude::*;
use renalflow_imaging::{LabelMap, boxes::BoundingBox};

use crate::{Settings, error::RadiomicsError};

/// Neighbouring voxels of the region along x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Index of the first voxel in the bounding box.
    pub start_zyx: [usize; 3],
    /// Number of voxels.
    pub len: usize,
}

/// A slice of the bounding box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The array axis across which it lies; 0 is z.
    pub axis: usize,
    /// Its place along that axis, in the bounding box.
    pub index: usize,
}

/// Where a label is.
///
/// # Shapes
/// `mask` is the bounding box with `margin_zyx` voxels of background on both sides of each
/// axis, in C order, so that neighbours can be read without checking for borders.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Distance between voxel centres, in mm.
    pub spacing_zyx_mm: [f64; 3],
    /// The smallest box that holds the region.
    pub bounding_box: BoundingBox,
    /// Background around the bounding box, at least 1 voxel.
    pub margin_zyx: [usize; 3],
    /// 1 inside, 0 outside.
    pub mask: Vec<u8>,
    /// The region row by row, in C order.
    pub runs: Vec<Run>,
    /// Number of voxels of the region.
    pub voxel_count: usize,
}

impl Region {
    /// Find a label in a mask.
    ///
    /// # Shapes
    /// `mask`: `[z, y, x]`, any grid.
    ///
    /// # Errors
    /// Label 0, a mask without the label (says which labels there are), a region with fewer
    /// dimensions or voxels than the settings ask for.
    pub fn new(mask: &LabelMap, label: u16, settings: &Settings) -> Result<Self, RadiomicsError> {
        let [_, ny, nx] = mask.geometry().shape_zyx;
        let voxels = mask.volume.voxels();
        let bounding_box = bounding_box_of(mask, label)?;

        let longest = settings.distances_voxels.iter().max().copied().unwrap_or(1);
        let spacing_zyx_mm = mask.geometry().spacing_zyx_mm;
        let [z0, y0, x0] = bounding_box.start_zyx;
        let region = Self::fill(bounding_box, spacing_zyx_mm, longest, |z, y, row| {
            let from = ((z0 + z) * ny + y0 + y) * nx + x0;
            for (cell, &value) in row.iter_mut().zip(&voxels[from..]) {
                *cell = u8::from(value == label);
            }
        });
        region.refuse_too_small(label, settings)?;
        Ok(region)
    }

    /// A region in a box, row by row.
    ///
    /// # Shapes
    /// `write_row(z, y, row)` puts 1 into the cells of a row of the box that are inside.
    pub(crate) fn fill(
        bounding_box: BoundingBox,
        spacing_zyx_mm: [f64; 3],
        longest_distance: usize,
        write_row: impl Fn(usize, usize, &mut [u8]),
    ) -> Self {
        let margin_zyx = margin_zyx(&bounding_box, longest_distance);
        let mut region = Self {
            spacing_zyx_mm,
            bounding_box,
            margin_zyx,
            mask: Vec::new(),
            runs: Vec::new(),
            voxel_count: 0,
        };
        let mut inside = vec![0u8; region.padded_shape_zyx().iter().product()];
        let [bz, by, bx] = bounding_box.shape_zyx;
        for z in 0..bz {
            for y in 0..by {
                let to = region.padded_index([z, y, 0]);
                let row = &mut inside[to..to + bx];
                write_row(z, y, row);
                region.add_runs(row, z, y);
            }
        }
        region.mask = inside;
        region
    }

    /// The part of the region that a predicate keeps, in its own smallest box; `None` where
    /// nothing is kept.
    ///
    /// # Shapes
    /// `keep(voxel, index_zyx)`: the voxel's place in the order of `runs`, and its index in the
    /// volume.
    #[must_use]
    pub fn retain(&self, keep: impl Fn(usize, [usize; 3]) -> bool) -> Option<Self> {
        let mut kept = Vec::new();
        let mut bounds: Option<[[usize; 2]; 3]> = None;
        let mut voxel = 0;
        for run in &self.runs {
            for x in run.start_zyx[2]..run.start_zyx[2] + run.len {
                let [z, y, _] = run.start_zyx;
                let index: [usize; 3] = [z, y, x];
                let in_volume: [usize; 3] =
                    std::array::from_fn(|axis| self.bounding_box.start_zyx[axis] + index[axis]);
                if keep(voxel, in_volume) {
                    kept.push(index);
                    let widened = bounds.unwrap_or(index.map(|i| [i, i]));
                    bounds = Some(std::array::from_fn(|axis| {
                        union(widened[axis], [index[axis]; 2])
                    }));
                }
                voxel += 1;
            }
        }
        let bounds = bounds?;
        let bounding_box = BoundingBox {
            start_zyx: std::array::from_fn(|axis| {
                self.bounding_box.start_zyx[axis] + bounds[axis][0]
            }),
            shape_zyx: bounds.map(|[first, last]| last - first + 1),
        };
        let [_, by, bx] = bounding_box.shape_zyx;
        let mut inside = vec![0u8; bounding_box.shape_zyx.iter().product()];
        for index in kept {
            let [z, y, x]: [usize; 3] = std::array::from_fn(|axis| index[axis] - bounds[axis][0]);
            inside[(z * by + y) * bx + x] = 1;
        }
        let longest = self.margin_zyx.into_iter().max().unwrap_or(1);
        Some(Self::fill(
            bounding_box,
            self.spacing_zyx_mm,
            longest,
            |z, y, row| row.copy_from_slice(&inside[(z * by + y) * bx..][..bx]),
        ))
    }

    /// 1 inside, 0 outside.
    ///
    /// # Shapes
    /// Returns `window` in C order, which may be any box of the region's volume.
    #[must_use]
    pub fn mask_in(&self, window: &BoundingBox) -> Vec<u8> {
        let [nz, ny, nx] = window.shape_zyx;
        let mut inside = vec![0u8; nz * ny * nx];
        for run in &self.runs {
            let at: [isize; 3] = std::array::from_fn(|axis| {
                (self.bounding_box.start_zyx[axis] + run.start_zyx[axis]) as isize
                    - window.start_zyx[axis] as isize
            });
            let within = |i: isize, n: usize| (0..n as isize).contains(&i);
            if !(within(at[0], nz) && within(at[1], ny)) {
                continue;
            }
            let first = at[2].clamp(0, nx as isize) as usize;
            let last = (at[2] + run.len as isize).clamp(0, nx as isize) as usize;
            let row = (at[0] as usize * ny + at[1] as usize) * nx;
            inside[row + first..row + last].fill(1);
        }
        inside
    }

    /// Shape of the bounding box with its margins.
    #[must_use]
    pub fn padded_shape_zyx(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.bounding_box.shape_zyx[axis] + 2 * self.margin_zyx[axis])
    }

    /// Where a voxel of the bounding box is in arrays with margins, such as [`Self::mask`].
    #[must_use]
    pub fn padded_index(&self, index_zyx: [usize; 3]) -> usize {
        let [_, ny, nx] = self.padded_shape_zyx();
        let [z, y, x]: [usize; 3] =
            std::array::from_fn(|axis| index_zyx[axis] + self.margin_zyx[axis]);
        (z * ny + y) * nx + x
    }

    /// The slices across an axis.
    #[must_use]
    pub fn slices(&self, axis: usize) -> Vec<Slice> {
        (0..self.bounding_box.shape_zyx[axis])
            .map(|index| Slice { axis, index })
            .collect()
    }

    /// The region within a slice, or all of it, as runs; with each, the place of its first
    /// voxel among the voxels of the region.
    pub fn runs_within(&self, slice: Option<Slice>) -> impl Iterator<Item = (Run, usize)> {
        let mut next = 0;
        self.runs.iter().filter_map(move |run| {
            let first = next;
            next += run.len;
            let Some(Slice { axis, index }) = slice else {
                return Some((*run, first));
            };
            let [z, y, x] = run.start_zyx;
            if axis < 2 {
                return (run.start_zyx[axis] == index).then_some((*run, first));
            }
            // Across x, a run has one voxel in the slice, if any.
            (x..x + run.len).contains(&index).then(|| {
                let voxel = Run {
                    start_zyx: [z, y, index],
                    len: 1,
                };
                (voxel, first + index - x)
            })
        })
    }

    /// Volume of one voxel, in mm³.
    #[must_use]
    pub fn voxel_volume_mm3(&self) -> f64 {
        self.spacing_zyx_mm.iter().product()
    }

    /// Number of voxels times the volume of one, in mm³.
    #[must_use]
    pub fn volume_mm3(&self) -> f64 {
        self.voxel_count as f64 * self.voxel_volume_mm3()
    }

    /// Refuse settings with distances that lead out of the margins.
    ///
    /// # Errors
    /// [`RadiomicsError::Setting`] where a distance is longer than those of the settings that
    /// the region was found with.
    pub(crate) fn refuse_longer_distances(
        &self,
        settings: &Settings,
    ) -> Result<(), RadiomicsError> {
        let longest = settings.distances_voxels.iter().max().copied().unwrap_or(1);
        let needed = margin_zyx(&self.bounding_box, longest);
        if (0..3).any(|axis| needed[axis] > self.margin_zyx[axis]) {
            return Err(RadiomicsError::Setting {
                name: "distances_voxels",
                value: format!("{:?}", settings.distances_voxels),
                rule: "it must name no longer distance than the settings that the region was \
                       found with",
            });
        }
        Ok(())
    }

    fn add_runs(&mut self, row: &[u8], z: usize, y: usize) {
        let mut x = 0;
        while let Some(gap) = row[x..].iter().position(|&inside| inside != 0) {
            let start = x + gap;
            let len = row[start..]
                .iter()
                .position(|&inside| inside == 0)
                .unwrap_or(row.len() - start);
            self.runs.push(Run {
                start_zyx: [z, y, start],
                len,
            });
            self.voxel_count += len;
            x = start + len;
        }
    }

    /// Refuse a region that is smaller than the settings allow.
    ///
    /// # Errors
    /// Fewer dimensions or voxels than the settings ask for.
    pub fn refuse_too_small(&self, label: u16, settings: &Settings) -> Result<(), RadiomicsError> {
        let shape_zyx = self.bounding_box.shape_zyx;
        let found = shape_zyx.iter().filter(|&&n| n > 1).count();
        if found < settings.minimum_roi_dimensions {
            return Err(RadiomicsError::TooFewDimensions {
                label,
                voxel_count: self.voxel_count,
                shape_zyx,
                found,
                required: settings.minimum_roi_dimensions,
            });
        }
        if self.voxel_count < settings.minimum_roi_voxels {
            return Err(RadiomicsError::TooFewVoxels {
                label,
                voxel_count: self.voxel_count,
                required: settings.minimum_roi_voxels,
            });
        }
        Ok(())
    }
}

/// The background around the box that texture needs to look at neighbours without checking
/// for borders. Steps that leave the box from every voxel of it reach no neighbour at all.
fn margin_zyx(bounding_box: &BoundingBox, longest_distance: usize) -> [usize; 3] {
    bounding_box
        .shape_zyx
        .map(|n| longest_distance.min(n.saturating_sub(1)).max(1))
}

/// The smallest box around a label.
///
/// # Errors
/// Label 0, or a mask without the label (says which labels there are).
pub(crate) fn bounding_box_of(mask: &LabelMap, label: u16) -> Result<BoundingBox, RadiomicsError> {
    if label == 0 {
        return Err(RadiomicsError::BackgroundLabel);
    }
    bounding_box_where(mask, |value| value == label).ok_or_else(|| no_such_label(mask, label))
}

/// The smallest box around the voxels that a predicate holds for, `None` where there are none.
pub(crate) fn bounding_box_where(
    mask: &LabelMap,
    holds: impl Fn(u16) -> bool + Sync,
) -> Option<BoundingBox> {
    let [_, ny, nx] = mask.geometry().shape_zyx;
    let extents: Vec<_> = mask
        .volume
        .voxels()
        .par_chunks(ny * nx)
        .map(|slice| slice_extent(slice, nx, &holds))
        .collect();
    let mut bounds: Option<[[usize; 2]; 3]> = None;
    for (z, extent) in extents.into_iter().enumerate() {
        if let Some([y, x]) = extent {
            let [bz, by, bx] = bounds.unwrap_or([[z, z], y, x]);
            bounds = Some([[bz[0], z], union(by, y), union(bx, x)]);
        }
    }
    bounds.map(|bounds| BoundingBox {
        start_zyx: bounds.map(|[first, _]| first),
        shape_zyx: bounds.map(|[first, last]| last - first + 1),
    })
}

/// First and last y and x of what a predicate holds for in a slice.
fn slice_extent(
    slice: &[u16],
    nx: usize,
    predicate: &impl Fn(u16) -> bool,
) -> Option<[[usize; 2]; 2]> {
    // Without an early exit the compiler compares many voxels at a time, and most rows of a
    // mask do not hold the label.
    let holds = |row: &[u16]| {
        row.iter()
            .fold(false, |held, &value| held | predicate(value))
    };
    let mut extent: Option<[[usize; 2]; 2]> = None;
    for (y, row) in slice.chunks_exact(nx).enumerate() {
        if !holds(row) {
            continue;
        }
        let first = row.iter().position(|&value| predicate(value));
        let last = row.iter().rposition(|&value| predicate(value));
        if let (Some(first), Some(last)) = (first, last) {
            let [by, bx] = extent.unwrap_or([[y, y], [first, last]]);
            extent = Some([[by[0], y], union(bx, [first, last])]);
        }
    }
    extent
}

fn union(a: [usize; 2], b: [usize; 2]) -> [usize; 2] {
    [a[0].min(b[0]), a[1].max(b[1])]
}

fn no_such_label(mask: &LabelMap, label: u16) -> RadiomicsError {
    let counts = mask.counts();
    if counts.is_empty() {
        return RadiomicsError::EmptyMask;
    }
    let mut present: Vec<_> = counts
        .iter()
        .take(20)
        .map(|(value, count)| match mask.names.get(value) {
            Some(name) => format!("label {value} '{name}' ({count} voxels)"),
            None => format!("label {value} ({count} voxels)"),
        })
        .collect();
    if counts.len() > present.len() {
        present.push(format!("and {} more", counts.len() - present.len()));
    }
    RadiomicsError::MissingLabel {
        label,
        present: present.join(", "),
    }
}
