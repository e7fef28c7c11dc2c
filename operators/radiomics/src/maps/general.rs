//! Any class on a window: the window becomes a region of its own.

use std::{ops::Range, sync::Arc};

use crate::{BoundingBox, ComputeFrom, GreyLevels, Region, Roi, Settings, error::RadiomicsError};

use super::{
    neighbourhoods::Neighbourhoods,
    window::{Follower, Window},
};

struct Class<'a> {
    compute: ComputeFrom<Roi>,
    wanted: &'a [usize],
    columns: Range<usize>,
}

/// The classes that compute every window anew.
pub(super) struct General<'a> {
    settings: &'a Settings,
    classes: Vec<Class<'a>>,
    longest_distance: usize,
    /// 1 more than the place of a level among those of the window; all 0 between windows.
    local_places: Vec<u32>,
}

impl<'a> General<'a> {
    pub fn new(settings: &'a Settings, around: &Neighbourhoods) -> Self {
        let longest = settings.distances_voxels.iter().max().copied();
        Self {
            settings,
            classes: Vec::new(),
            longest_distance: longest.unwrap_or(1),
            local_places: vec![0; around.levels.len() + 1],
        }
    }

    pub fn add(&mut self, compute: ComputeFrom<Roi>, wanted: &'a [usize], columns: Range<usize>) {
        self.classes.push(Class {
            compute,
            wanted,
            columns,
        });
    }

    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The voxels of the window that take part, in the smallest box that holds them, with the
    /// levels that occur among them; `None` where none does.
    fn roi(&mut self, around: &Neighbourhoods, window: &Window) -> Option<Roi> {
        let bounding_box = smallest_box(around, window)?;
        let start: [usize; 3] =
            std::array::from_fn(|axis| bounding_box.start_zyx[axis] - around.start_zyx[axis]);
        let row = |z: usize, y: usize, len: usize| {
            let first = around.index(start[0] + z, start[1] + y, start[2]);
            first..first + len
        };
        let region = Region::fill(
            bounding_box,
            around.spacing_zyx_mm,
            self.longest_distance,
            |z, y, cells| {
                let places = &around.places[row(z, y, cells.len())];
                for (cell, &place) in cells.iter_mut().zip(places) {
                    *cell = u8::from(place > 0);
                }
            },
        );

        let mut intensities = Vec::with_capacity(region.voxel_count);
        let mut read = Vec::with_capacity(region.voxel_count);
        for run in &region.runs {
            let [z, y, x] = run.start_zyx;
            let first = around.index(start[0] + z, start[1] + y, start[2] + x);
            let voxels = first..first + run.len;
            intensities.extend_from_slice(&around.values[voxels.clone()]);
            read.extend_from_slice(&around.places[voxels]);
        }
        let grey_levels = self.grey_levels(around, &region, &read);
        let region = Arc::new(region);
        Some(Roi {
            morphological: Arc::clone(&region),
            region,
            intensities,
            grey_levels,
            surroundings: None,
        })
    }

    /// Levels keep their numbers; those that do not occur in the window are left out.
    fn grey_levels(
        &mut self,
        around: &Neighbourhoods,
        region: &Region,
        read: &[u32],
    ) -> GreyLevels {
        let mut occurring = read.to_vec();
        occurring.sort_unstable();
        let counts = occurring.chunk_by(|a, b| a == b).map(<[u32]>::len);
        let counts = counts.collect();
        occurring.dedup();
        for (i, &place) in occurring.iter().enumerate() {
            self.local_places[place as usize] = i as u32 + 1;
        }
        let mut places = vec![Default::default(); region.mask.len()];
        let mut read = read.iter();
        for run in &region.runs {
            let first = region.padded_index(run.start_zyx);
            let cells = places[first..first + run.len].iter_mut();
            for (cell, &place) in cells.zip(&mut read) {
                *cell = self.local_places[place as usize] as _;
            }
        }
        for &place in &occurring {
            self.local_places[place as usize] = 0;
        }
        GreyLevels {
            values: occurring
                .iter()
                .map(|&place| around.levels[place as usize - 1])
                .collect(),
            counts,
            places,
        }
    }
}

impl Follower for General<'_> {
    fn enter(&mut self, _: &Neighbourhoods, _: &Window) {}

    fn leave(&mut self, _: &Neighbourhoods, _: &Window) {}

    fn clear(&mut self, _: &Neighbourhoods, _: &Window) {}

    fn measure(
        &mut self,
        around: &Neighbourhoods,
        window: &Window,
        columns: &mut [f64],
    ) -> Result<(), RadiomicsError> {
        let Some(roi) = self.roi(around, window) else {
            return Ok(());
        };
        for class in &self.classes {
            let values = (class.compute)(&roi, self.settings, class.wanted)?;
            columns[class.columns.clone()].copy_from_slice(&values);
        }
        Ok(())
    }
}

/// The smallest box, in the image, that holds the voxels of a window that take part.
fn smallest_box(around: &Neighbourhoods, window: &Window) -> Option<BoundingBox> {
    let mut low = [usize::MAX; 3];
    let mut high = [0; 3];
    for z in window.z.clone() {
        for y in window.y.clone() {
            for x in window.x.clone() {
                if around.places[around.index(z, y, x)] > 0 {
                    for (axis, i) in [z, y, x].into_iter().enumerate() {
                        low[axis] = low[axis].min(i);
                        high[axis] = high[axis].max(i);
                    }
                }
            }
        }
    }
    (low[0] <= high[0]).then(|| BoundingBox {
        start_zyx: std::array::from_fn(|axis| around.start_zyx[axis] + low[axis]),
        shape_zyx: std::array::from_fn(|axis| high[axis] - low[axis] + 1),
    })
}
