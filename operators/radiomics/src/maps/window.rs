//! A window that slides along a row, and what follows it.

use std::ops::Range;

use crate::{Compute, Settings, error::RadiomicsError, extract::Selection};

use super::{
    firstorder::FirstOrderFollower, general::General, glcm::GlcmFollower,
    neighbourhoods::Neighbourhoods,
};

/// Voxels of the region that follow each other along x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Index of the first in the maps.
    pub start_zyx: [usize; 3],
    /// How many.
    pub len: usize,
}

/// A box of voxels around one of them; nothing of it lies outside the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub z: Range<usize>,
    pub y: Range<usize>,
    pub x: Range<usize>,
}

/// Keeps count of a window's voxels, and measures features on it.
pub(super) trait Follower: Send {
    /// The last plane of the window (across x) has just become part of it.
    fn enter(&mut self, around: &Neighbourhoods, window: &Window);

    /// The first plane of the window is about to leave it.
    fn leave(&mut self, around: &Neighbourhoods, window: &Window);

    /// Forget the window.
    fn clear(&mut self, around: &Neighbourhoods, window: &Window);

    /// Write the features of the window to their places among the columns.
    fn measure(
        &mut self,
        around: &Neighbourhoods,
        window: &Window,
        columns: &mut [f64],
    ) -> Result<(), RadiomicsError>;
}

/// What the followers of an image start from.
#[derive(Clone, Copy)]
pub(super) struct Followers<'a> {
    pub settings: &'a Settings,
    pub selections: &'a [Selection],
    pub around: &'a Neighbourhoods,
}

impl<'a> Followers<'a> {
    /// One follower for first-order features, one for co-occurrences, and one for all other
    /// classes.
    pub fn start(&self) -> Vec<Box<dyn Follower + 'a>> {
        let mut followers: Vec<Box<dyn Follower + 'a>> = Vec::new();
        let mut general = General::new(self.settings, self.around);
        let mut column = 0;
        for (class, wanted) in self.selections {
            let Compute::FromImage(compute) = class.compute else {
                continue;
            };
            let columns = column..column + wanted.len();
            column = columns.end;
            if class.name == crate::firstorder::FIRST_ORDER.name {
                let follower = FirstOrderFollower::new(self.settings, wanted, columns);
                followers.push(Box::new(follower));
            } else if is_glcm_by_direction(class.name, self.settings) {
                let follower = GlcmFollower::new(self.settings, self.around, wanted, columns);
                followers.push(Box::new(follower));
            } else {
                general.add(compute, wanted, columns);
            }
        }
        if !general.is_empty() {
            followers.push(Box::new(general));
        }
        followers
    }
}

/// Whether co-occurrences are brought together as PyRadiomics does, which can be followed.
pub(super) fn is_glcm_by_direction(class: &str, settings: &Settings) -> bool {
    class == crate::glcm::GLCM.name && settings.aggregation.is_none()
}

/// Measure the voxels of a row.
///
/// # Shapes
/// `values`: `[voxel][column]`.
pub(super) fn along_row(
    followers: &mut [Box<dyn Follower + '_>],
    around: &Neighbourhoods,
    row: &Row,
    values: &mut [f64],
    columns: usize,
) -> Result<(), RadiomicsError> {
    let mut window = around.window(row.start_zyx);
    window.x.end = window.x.start;
    let voxels = values.chunks_exact_mut(columns).take(row.len);
    for (i, values) in voxels.enumerate() {
        let [z, y, x] = row.start_zyx;
        let target = around.window([z, y, x + i]);
        while window.x.start < target.x.start {
            for follower in followers.iter_mut() {
                follower.leave(around, &window);
            }
            window.x.start += 1;
        }
        while window.x.end < target.x.end {
            window.x.end += 1;
            for follower in followers.iter_mut() {
                follower.enter(around, &window);
            }
        }
        for follower in followers.iter_mut() {
            follower.measure(around, &window, values)?;
        }
    }
    for follower in followers.iter_mut() {
        follower.clear(around, &window);
    }
    Ok(())
}
