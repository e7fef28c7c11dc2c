//! How far each voxel is from the average of its neighbours.

use super::tally::{Boxes, Layers, Tally};
use crate::{
    Roi, Settings,
    error::RadiomicsError,
    simd::{Kernel, run_widest},
};

/// The difference between the grey level of each voxel and the average level of its neighbours
/// within the region: the voxels at the distances of the settings (infinity norm), within the
/// slice where the settings have slices.
///
/// # Shapes
/// Returns one value a voxel, in the order of `region.runs`; NaN for a voxel without a
/// neighbour.
///
/// # Errors
/// [`RadiomicsError::Setting`] where a distance is longer than the region was found for.
pub fn differences(roi: &Roi, settings: &Settings) -> Result<Vec<f64>, RadiomicsError> {
    roi.region.refuse_longer_distances(settings)?;
    let farthest = settings.distances_voxels.iter().max().copied().unwrap_or(1);
    // At most 125 voxels, of levels up to 100,000, fit the smaller tally.
    Ok(if farthest <= 2 {
        run_widest(Differences::<u32>::new(roi, settings))
    } else {
        run_widest(Differences::<u64>::new(roi, settings))
    })
}

struct Differences<'a, T> {
    roi: &'a Roi,
    layers: Layers<'a, T>,
    /// The neighbours at some distances are boxes less smaller boxes.
    added: Vec<Boxes<T>>,
    taken: Vec<Boxes<T>>,
}

impl<'a, T: Tally> Differences<'a, T> {
    fn new(roi: &'a Roi, settings: &Settings) -> Self {
        let distances = &settings.distances_voxels;
        let boxes = |radii: Vec<usize>| -> Vec<Boxes<T>> {
            let radii = radii.into_iter();
            radii
                .map(|radius| Boxes::new(&roi.region, radius, settings.slice_axis()))
                .collect()
        };
        // Of distances in a row, the box of the last and the hole in the first remain.
        let ends = distances.iter().filter(|&&d| !distances.contains(&(d + 1)));
        let holes = distances.iter().filter(|&&d| !distances.contains(&(d - 1)));
        Self {
            roi,
            layers: Layers::new(roi),
            added: boxes(ends.copied().collect()),
            taken: boxes(holes.map(|d| d - 1).collect()),
        }
    }
}

impl<T: Tally> Kernel for Differences<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(mut self) -> Vec<f64> {
        let region = &self.roi.region;
        let [_, ny, nx] = region.padded_shape_zyx();
        let mut sums = vec![T::NONE; ny * nx];
        let mut differences = vec![0.0; region.voxel_count];
        let mut done = 0;
        let mut runs = region.runs.as_slice();
        for z in 0..region.bounding_box.shape_zyx[0] {
            sums.fill(T::NONE);
            for boxes in &mut self.added {
                for layer in boxes.around(z, &mut self.layers) {
                    for (sum, &tally) in sums.iter_mut().zip(layer) {
                        *sum = sum.plus(tally);
                    }
                }
            }
            for boxes in &mut self.taken {
                for layer in boxes.around(z, &mut self.layers) {
                    for (sum, &tally) in sums.iter_mut().zip(layer) {
                        *sum = sum.minus(tally);
                    }
                }
            }
            let own = self.layers.at(z);
            while let Some((run, rest)) = runs.split_first()
                && run.start_zyx[0] == z
            {
                runs = rest;
                let start = region.padded_index(run.start_zyx) % (ny * nx);
                let within = start..start + run.len;
                let differences = &mut differences[done..done + run.len];
                done += run.len;
                let tallies = sums[within.clone()].iter().zip(&own[within]);
                for (difference, (sum, own)) in differences.iter_mut().zip(tallies) {
                    let [neighbours, levels] = sum.parts();
                    let [_, level] = own.parts();
                    // Without a neighbour 0/0, which is NaN.
                    *difference = (level - levels / neighbours).abs();
                }
            }
        }
        differences
    }
}
