//! Distances between the surfaces of two masks.

use rayon::prelude::*;

use crate::{boxes::BoundingBox, same_grid::GridMismatch, volume::Volume};

use super::{check_masks, distance::squared_distances_mm2, surfels::surfel_areas_mm2};

/// A piece of one surface: how far it is from the other surface, and how large.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Surfel {
    distance_mm: f64,
    area_mm2: f64,
}

/// Distances between the surfaces of two masks, each weighted with the area it stands for.
///
/// Surfaces are made of surfels at the corners between voxels, and the distance of a surfel
/// is that to the nearest surfel of the other mask: the definition of Nikolov et al. (J Med
/// Internet Res 2021;23:e26151) and of their package `surface-distance`. A mask that reaches
/// the volume's border has a surface there.
#[derive(Debug, Clone, PartialEq)]
pub struct SurfaceDistances {
    /// Of the reference's surface to the prediction's, by distance.
    from_reference: Vec<Surfel>,
    /// Of the prediction's surface to the reference's, by distance.
    from_predicted: Vec<Surfel>,
}

impl SurfaceDistances {
    /// Measure two masks. Only the box around both is looked at.
    ///
    /// # Shapes
    /// Both masks `[z, y, x]`, on one grid.
    ///
    /// # Errors
    /// Masks on different grids.
    pub fn new(reference: &Volume<bool>, predicted: &Volume<bool>) -> Result<Self, GridMismatch> {
        check_masks(reference, predicted)?;
        let boxes = [reference, predicted].map(|mask| BoundingBox::of_mask(mask).ok());
        let region = match boxes {
            [Some(a), Some(b)] => a.union(&b),
            [Some(only), None] | [None, Some(only)] => only,
            [None, None] => {
                return Ok(Self {
                    from_reference: Vec::new(),
                    from_predicted: Vec::new(),
                });
            }
        };
        let spacing = reference.geometry().spacing_zyx_mm;
        let areas = surfel_areas_mm2(spacing);
        let shape = region.shape_zyx.map(|n| n + 1);
        let codes = [reference, predicted].map(|mask| corner_codes(mask, &region));
        let [to_reference, to_predicted] = codes.each_ref().map(|codes| {
            let surface: Vec<bool> = codes.iter().map(|&code| is_surface(code)).collect();
            squared_distances_mm2(&surface, shape, spacing)
        });
        Ok(Self {
            from_reference: surfels(&codes[0], &to_predicted, &areas),
            from_predicted: surfels(&codes[1], &to_reference, &areas),
        })
    }

    /// The part of the two surfaces that lies within `tolerance_mm` of the other: 1 if both
    /// masks are empty, 0 if one is.
    #[must_use]
    pub fn surface_dice(&self, tolerance_mm: f64) -> f64 {
        let (mut close, mut all) = (0.0, 0.0);
        for surfel in self.from_reference.iter().chain(&self.from_predicted) {
            all += surfel.area_mm2;
            if surfel.distance_mm <= tolerance_mm {
                close += surfel.area_mm2;
            }
        }
        if all > 0.0 { close / all } else { 1.0 }
    }

    /// The distance within which `percent` of a surface's area lies from the other surface,
    /// the larger of the two directions: 95 gives HD95, 100 the Hausdorff distance. 0 if both
    /// masks are empty, infinite if one is.
    #[must_use]
    pub fn hausdorff_mm(&self, percent: f64) -> f64 {
        let directed = |surfels: &[Surfel]| {
            let area: f64 = surfels.iter().map(|surfel| surfel.area_mm2).sum();
            let mut covered = 0.0;
            surfels
                .iter()
                .find(|surfel| {
                    covered += surfel.area_mm2;
                    covered / area >= percent / 100.0
                })
                .or(surfels.last())
                .map_or(0.0, |surfel| surfel.distance_mm)
        };
        directed(&self.from_reference).max(directed(&self.from_predicted))
    }

    /// Average symmetric surface distance in mm: the mean over both surfaces together, each
    /// piece weighted with its area. 0 if both masks are empty, infinite if one is.
    #[must_use]
    pub fn assd_mm(&self) -> f64 {
        let (mut sum, mut all) = (0.0, 0.0);
        for surfel in self.from_reference.iter().chain(&self.from_predicted) {
            sum += surfel.distance_mm * surfel.area_mm2;
            all += surfel.area_mm2;
        }
        if all > 0.0 { sum / all } else { 0.0 }
    }
}

fn is_surface(code: u8) -> bool {
    code != 0 && code != u8::MAX
}

/// Which of the eight voxels around each corner of a box are inside: bit `4 z + 2 y + x`.
///
/// # Shapes
/// Returns `region.shape_zyx + 1` in C order.
fn corner_codes(mask: &Volume<bool>, region: &BoundingBox) -> Vec<u8> {
    let [rows, columns] = [region.shape_zyx[1] + 1, region.shape_zyx[2] + 1];
    let mut codes = vec![0u8; (region.shape_zyx[0] + 1) * rows * columns];
    let [_, mask_rows, mask_columns] = mask.geometry().shape_zyx;
    let [first_z, first_y, first_x] = region.start_zyx;
    for z in 0..region.shape_zyx[0] {
        for y in 0..region.shape_zyx[1] {
            let first = ((first_z + z) * mask_rows + first_y + y) * mask_columns + first_x;
            let line = &mask.voxels()[first..first + region.shape_zyx[2]];
            for (x, _) in line.iter().enumerate().filter(|&(_, &inside)| inside) {
                // The corner below a voxel sees it as its upper neighbour, bit 1, and so on.
                for bit in 0..8 {
                    let [up_z, up_y, up_x] = [bit >> 2 & 1, bit >> 1 & 1, bit & 1];
                    let corner = ((z + 1 - up_z) * rows + y + 1 - up_y) * columns + x + 1 - up_x;
                    codes[corner] |= 1 << bit;
                }
            }
        }
    }
    codes
}

/// The surfels of a surface, by distance.
fn surfels(codes: &[u8], squared_mm2: &[f64], areas: &[f64; 256]) -> Vec<Surfel> {
    let mut surfels: Vec<Surfel> = codes
        .iter()
        .zip(squared_mm2)
        .filter(|&(&code, _)| is_surface(code))
        .map(|(&code, squared)| Surfel {
            distance_mm: squared.sqrt(),
            area_mm2: areas[usize::from(code)],
        })
        .collect();
    // Equal keys are equal surfels, so that the order does not depend on threads.
    surfels.par_sort_unstable_by(|a, b| {
        (a.distance_mm.total_cmp(&b.distance_mm)).then(a.area_mm2.total_cmp(&b.area_mm2))
    });
    surfels
}
