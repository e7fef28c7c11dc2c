//! The grid that a volume is resampled to when only a spacing is asked for.

use crate::{boxes::BoundingBox, geometry::Geometry};

use super::{ResampleError, check_target};

/// Where the new voxels lie and how many there are.
///
/// All three keep the axes' directions. `n`, `s`: the source's voxels and spacing along an
/// axis; `n'`, `s'`: the target's; `o`: the continuous source index of the target's first
/// voxel centre. They agree where `n s` is a whole number of `s'`, apart from [`Self::Itk`],
/// which covers half a voxel less at one end and more at the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GridRule {
    /// Outer corners of the first voxels aligned: `n' = ⌈n s / s'⌉`,
    /// `o = (s' - s) / (2 s)`. The grid that PyRadiomics' `resampleImage` lays over the whole
    /// volume before it cuts out the region of interest; see [`pyradiomics_grid_around`].
    PyRadiomics,
    /// Centres of the first voxels aligned (the origin is kept): `n' = round(n s / s')`,
    /// halves away from zero, at least 1; `o = 0`. ITK itself has no rule; this is the one
    /// of its examples and of SimpleITK's notebooks.
    Itk,
    /// Centres of the two grids aligned: `n' = ⌈n s / s'⌉`,
    /// `o = ((n - 1) - (n' - 1) s' / s) / 2` (IBSI reference manual 0.0.9, section 2.4).
    /// A quotient within 1e-6 above a whole number counts as that number, so that the
    /// rounding of decimal spacings adds no voxel.
    Ibsi,
}

impl GridRule {
    /// The grid over the whole of `source` at a new spacing.
    ///
    /// # Errors
    /// A spacing that is not positive and finite; a grid beyond
    /// [`LARGEST_TARGET_VOXELS`](super::LARGEST_TARGET_VOXELS).
    pub fn grid(
        self,
        source: &Geometry,
        spacing_zyx_mm: [f64; 3],
    ) -> Result<Geometry, ResampleError> {
        check_spacing(spacing_zyx_mm)?;
        let mut count = [0.0; 3];
        let mut first = [0.0; 3];
        for axis in 0..3 {
            let n = source.shape_zyx[axis] as f64;
            let ratio = source.spacing_zyx_mm[axis] / spacing_zyx_mm[axis];
            (count[axis], first[axis]) = match self {
                Self::PyRadiomics => (
                    (n * ratio).ceil(),
                    corner_aligned(source, spacing_zyx_mm, axis),
                ),
                Self::Itk => ((n * ratio).round().max(1.0), 0.0),
                Self::Ibsi => {
                    let count = (n * ratio - 1e-6).ceil().max(1.0);
                    (count, ((n - 1.0) - (count - 1.0) / ratio) / 2.0)
                }
            };
        }
        grid_at(source, spacing_zyx_mm, first, count)
    }
}

/// The grid that PyRadiomics' `resampleImage` makes around a region of interest: the part of
/// [`GridRule::PyRadiomics`] from `⌊(start - ½) s / s' - pad⌋` to
/// `⌈(start + size - ½) s / s' + pad⌉`, both included, within the whole grid.
///
/// `pad_voxels` counts voxels of the new spacing (PyRadiomics' `padDistance`, 5 by default).
/// An axis along which the region is one voxel thick keeps its spacing, as there.
///
/// # Errors
/// As [`GridRule::grid`].
pub fn pyradiomics_grid_around(
    source: &Geometry,
    spacing_zyx_mm: [f64; 3],
    region: &BoundingBox,
    pad_voxels: usize,
) -> Result<Geometry, ResampleError> {
    check_spacing(spacing_zyx_mm)?;
    let spacing: [f64; 3] = std::array::from_fn(|axis| {
        if region.shape_zyx[axis] == 1 {
            source.spacing_zyx_mm[axis]
        } else {
            spacing_zyx_mm[axis]
        }
    });
    let mut count = [0.0; 3];
    let mut first = [0.0; 3];
    for axis in 0..3 {
        let ratio = source.spacing_zyx_mm[axis] / spacing[axis];
        let start = region.start_zyx[axis] as f64;
        let size = region.shape_zyx[axis] as f64;
        let pad = pad_voxels as f64;
        let whole = (source.shape_zyx[axis] as f64 * ratio).ceil() - 1.0;
        let lower = ((start - 0.5) * ratio - pad).floor().max(0.0);
        let upper = ((start + size - 0.5) * ratio + pad).ceil().min(whole);
        count[axis] = upper - lower + 1.0;
        first[axis] = corner_aligned(source, spacing, axis) + lower / ratio;
    }
    grid_at(source, spacing, first, count)
}

fn corner_aligned(source: &Geometry, spacing_zyx_mm: [f64; 3], axis: usize) -> f64 {
    let spacing = source.spacing_zyx_mm[axis];
    0.5 * (spacing_zyx_mm[axis] - spacing) / spacing
}

fn check_spacing(spacing_zyx_mm: [f64; 3]) -> Result<(), ResampleError> {
    if spacing_zyx_mm.iter().all(|s| s.is_finite() && *s > 0.0) {
        Ok(())
    } else {
        Err(ResampleError::Spacing(spacing_zyx_mm))
    }
}

fn grid_at(
    source: &Geometry,
    spacing_zyx_mm: [f64; 3],
    first_zyx: [f64; 3],
    count_zyx: [f64; 3],
) -> Result<Geometry, ResampleError> {
    let grid = Geometry {
        // A count beyond usize saturates and is refused as too large.
        shape_zyx: count_zyx.map(|count| count as usize),
        spacing_zyx_mm,
        origin_xyz_mm: source.world_from_voxel(first_zyx),
        direction: source.direction,
    };
    check_target(&grid)?;
    Ok(grid)
}
