//! First-order features of a window that moves: its intensities, kept sorted.

use std::ops::Range;

use crate::{
    Settings,
    error::RadiomicsError,
    firstorder::{FEATURES, FirstOrderTerms},
};

use super::{
    neighbourhoods::Neighbourhoods,
    window::{Follower, Window},
};

/// Intensity and place of the grey level of a voxel. Sorted by intensity they are sorted by
/// level, too.
type Sample = (f64, u32);

pub(super) struct FirstOrderFollower<'a> {
    settings: &'a Settings,
    wanted: &'a [usize],
    columns: Range<usize>,
    /// The samples of the window, ascending.
    sorted: Vec<Sample>,
    /// Room for the samples of a plane, the next window, its intensities, its level counts.
    plane: Vec<Sample>,
    next: Vec<Sample>,
    intensities: Vec<f64>,
    counts: Vec<usize>,
}

impl<'a> FirstOrderFollower<'a> {
    pub fn new(settings: &'a Settings, wanted: &'a [usize], columns: Range<usize>) -> Self {
        Self {
            settings,
            wanted,
            columns,
            sorted: Vec::new(),
            plane: Vec::new(),
            next: Vec::new(),
            intensities: Vec::new(),
            counts: Vec::new(),
        }
    }

    fn read_plane(&mut self, around: &Neighbourhoods, window: &Window, x: usize) {
        self.plane.clear();
        for z in window.z.clone() {
            for y in window.y.clone() {
                let voxel = around.index(z, y, x);
                if around.places[voxel] > 0 {
                    self.plane
                        .push((around.values[voxel], around.places[voxel]));
                }
            }
        }
        self.plane.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    }
}

impl Follower for FirstOrderFollower<'_> {
    fn enter(&mut self, around: &Neighbourhoods, window: &Window) {
        self.read_plane(around, window, window.x.end - 1);
        self.next.clear();
        let mut entering = self.plane.iter().copied().peekable();
        for &sample in &self.sorted {
            while let Some(new) = entering.next_if(|new| new.0.total_cmp(&sample.0).is_lt()) {
                self.next.push(new);
            }
            self.next.push(sample);
        }
        self.next.extend(entering);
        std::mem::swap(&mut self.sorted, &mut self.next);
    }

    fn leave(&mut self, around: &Neighbourhoods, window: &Window) {
        self.read_plane(around, window, window.x.start);
        let mut leaving = self.plane.iter().peekable();
        self.sorted.retain(|sample| {
            let same = |old: &&Sample| old.0.total_cmp(&sample.0).is_eq();
            leaving.next_if(same).is_none()
        });
    }

    fn clear(&mut self, _: &Neighbourhoods, _: &Window) {
        self.sorted.clear();
    }

    fn measure(
        &mut self,
        around: &Neighbourhoods,
        _: &Window,
        columns: &mut [f64],
    ) -> Result<(), RadiomicsError> {
        self.intensities.clear();
        self.intensities
            .extend(self.sorted.iter().map(|sample| sample.0));
        self.counts.clear();
        let levels = self.sorted.chunk_by(|a, b| a.1 == b.1);
        self.counts.extend(levels.map(<[Sample]>::len));
        let terms = FirstOrderTerms::of_values(
            &self.intensities,
            &self.counts,
            around.spacing_zyx_mm.iter().product(),
            self.settings,
        );
        let values = columns[self.columns.clone()].iter_mut();
        for (value, &feature) in values.zip(self.wanted) {
            *value = (FEATURES[feature].value)(&terms);
        }
        Ok(())
    }
}
