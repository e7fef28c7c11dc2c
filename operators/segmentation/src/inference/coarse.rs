//! From a coarse network's labels to the boxes of the kidneys.
//!
//! A patient has two kidneys, one of them cut in pieces by a tumour that the coarse network
//! missed, and a coarse network takes a piece of spleen or liver for a third. So:
//!
//! 1. Components of kidney and masses under `smallest_ml` are left out.
//! 2. The largest is the first kidney. The second is the largest of those whose centres lie
//!    on the other side of the grid's sagittal middle, or, if none does (an off-centre
//!    scan), the largest of the rest that does not join the first.
//! 3. Any other component joins the kidney whose box it comes within `joined_within_mm` of,
//!    the nearer of two; what joins neither is left out, and reported.
//!
//! A stranger that is larger than the kidney on its side takes that kidney's place; what was
//! left out then has the volume of a kidney, which is worth a look.

use renalflow_imaging::{
    Geometry, GeometryError, LabelMap,
    boxes::{BoundingBox, BoxError},
    components::{ComponentsError, Connectivity, connected_components, label_mask},
    geometry::IDENTITY,
};
use thiserror::Error;

/// How boxes are put around kidneys.
#[derive(Debug, Clone, PartialEq)]
pub struct CoarseBoxes {
    /// Labels of kidney and masses in the coarse map.
    pub labels: Vec<u16>,
    /// Components under this are no kidneys, in mL.
    pub smallest_ml: f64,
    /// Components whose boxes are no farther apart belong to one kidney, in mm.
    pub joined_within_mm: f64,
    /// What is added on each side, in mm.
    pub margin_zyx_mm: [f64; 3],
}

impl CoarseBoxes {
    /// Components of 10 mL, joined within 15 mm, 20 mm on each side.
    #[must_use]
    pub fn new(labels: &[u16]) -> Self {
        Self {
            labels: labels.to_vec(),
            smallest_ml: 10.0,
            joined_within_mm: 15.0,
            margin_zyx_mm: [20.0; 3],
        }
    }
}

/// Why there are no boxes.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CoarseError {
    /// Nothing that is large enough.
    #[error(
        "no kidney was found: of the labels {labels:?} the largest component has {largest_ml:.2} mL, \
         and {smallest_ml} mL are needed. Look at the coarse segmentation: the scan may not \
         show kidneys, or its intensities may not be those the network learnt"
    )]
    NoKidney {
        /// Labels that were looked for.
        labels: Vec<u16>,
        /// The largest component; 0 without any.
        largest_ml: f64,
        /// What would have been enough.
        smallest_ml: f64,
    },
    /// A size or distance that is none.
    #[error("{name} is {value}: it must be a finite number, 0 or more")]
    Number {
        /// Which.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// A crop without voxels.
    #[error(
        "a crop of {size_zyx_mm:?} mm at {spacing_zyx_mm:?} mm is no grid: sizes and spacings \
         must be positive, finite numbers of mm, and a size at least a voxel"
    )]
    Crop {
        /// Its size.
        size_zyx_mm: [f64; 3],
        /// Its spacing.
        spacing_zyx_mm: [f64; 3],
    },
    /// Too many voxels.
    #[error(transparent)]
    Components(#[from] ComponentsError),
    /// A margin that is none.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// A grid that is none.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
}

/// A side of the patient, not of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The patient's right, at lower `x`.
    Right,
    /// The patient's left.
    Left,
}

impl Side {
    /// `right` or `left`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Left => "left",
        }
    }
}

/// One kidney of a coarse map.
#[derive(Debug, Clone, PartialEq)]
pub struct KidneyBox {
    /// Against the other kidney, or against the grid's middle if there is one kidney only.
    pub side: Side,
    /// Kidney and masses, without margin.
    pub tight: BoundingBox,
    /// With margin, cut off at the grid's border.
    pub with_margin: BoundingBox,
    /// Volume of all its components.
    pub volume_ml: f64,
    /// The components that it is made of, from 1, the largest first.
    pub components: Vec<usize>,
}

/// What was found in a coarse map.
#[derive(Debug, Clone, PartialEq)]
pub struct Kidneys {
    /// One or two, the patient's right first.
    pub kidneys: Vec<KidneyBox>,
    /// Number and volume in mL of the components that belong to no kidney, the small ones
    /// among them.
    pub left_out: Vec<(usize, f64)>,
}

impl Kidneys {
    /// One box around all kidneys, with their margins.
    #[must_use]
    pub fn one_box(&self) -> Option<BoundingBox> {
        self.kidneys
            .iter()
            .map(|kidney| kidney.with_margin)
            .reduce(|all, region| all.union(&region))
    }
}

/// A component, while kidneys are put together.
struct Part {
    number: usize,
    volume_ml: f64,
    region: BoundingBox,
    centre_x_mm: f64,
}

/// Find the kidneys of a coarse map; see the module for the rule.
///
/// # Shapes
/// Boxes are on the map's grid.
///
/// # Errors
/// [`CoarseError::NoKidney`]; sizes or margins that are negative or no number.
pub fn find_kidneys(coarse: &LabelMap, how: &CoarseBoxes) -> Result<Kidneys, CoarseError> {
    for (name, value) in [
        ("smallest_ml", how.smallest_ml),
        ("joined_within_mm", how.joined_within_mm),
    ] {
        if !(value.is_finite() && value >= 0.0) {
            return Err(CoarseError::Number { name, value });
        }
    }
    let geometry = coarse.geometry();
    let mut parts = parts(coarse, &how.labels)?;
    // The largest first, and the first of equals.
    parts.sort_by(|a, b| b.volume_ml.total_cmp(&a.volume_ml));
    let largest_ml = parts.first().map_or(0.0, |part| part.volume_ml);
    let (mut large, mut left_out): (Vec<Part>, Vec<Part>) = parts
        .into_iter()
        .partition(|part| part.volume_ml >= how.smallest_ml);
    if large.is_empty() {
        return Err(CoarseError::NoKidney {
            labels: how.labels.clone(),
            largest_ml,
            smallest_ml: how.smallest_ml,
        });
    }
    let middle = geometry.shape_zyx.map(|n| (n - 1) as f64 / 2.0);
    let middle_x_mm = geometry.world_from_voxel(middle)[0];
    let mut kidneys = vec![vec![large.remove(0)]];
    let first = &kidneys[0][0];
    let is_left = |part: &Part| part.centre_x_mm > middle_x_mm;
    let joins = |part: &Part| gap_mm(&part.region, &first.region, geometry) <= how.joined_within_mm;
    let second = large
        .iter()
        .position(|part| is_left(part) != is_left(first))
        .or_else(|| large.iter().position(|part| !joins(part)));
    if let Some(second) = second {
        let second = large.remove(second);
        kidneys.push(vec![second]);
    }
    for part in large {
        let gap = |kidney: &[Part]| gap_mm(&part.region, &kidney[0].region, geometry);
        let nearest = (0..kidneys.len())
            .min_by(|&a, &b| gap(&kidneys[a]).total_cmp(&gap(&kidneys[b])))
            .filter(|&nearest| gap(&kidneys[nearest]) <= how.joined_within_mm);
        match nearest {
            Some(nearest) => kidneys[nearest].push(part),
            None => left_out.push(part),
        }
    }
    kidneys.sort_by(|a, b| a[0].centre_x_mm.total_cmp(&b[0].centre_x_mm));
    let several = kidneys.len() > 1;
    let kidneys = kidneys
        .into_iter()
        .enumerate()
        .map(|(order, parts)| {
            let tight = parts
                .iter()
                .skip(1)
                .fold(parts[0].region, |all, part| all.union(&part.region));
            let left = if several {
                order == 1
            } else {
                is_left(&parts[0])
            };
            Ok(KidneyBox {
                side: if left { Side::Left } else { Side::Right },
                tight,
                with_margin: tight.with_margin_mm(how.margin_zyx_mm, geometry)?,
                volume_ml: parts.iter().map(|part| part.volume_ml).sum(),
                components: parts.iter().map(|part| part.number).collect(),
            })
        })
        .collect::<Result<_, CoarseError>>()?;
    left_out.sort_by_key(|part| part.number);
    Ok(Kidneys {
        kidneys,
        left_out: left_out
            .iter()
            .map(|part| (part.number, part.volume_ml))
            .collect(),
    })
}

fn parts(coarse: &LabelMap, labels: &[u16]) -> Result<Vec<Part>, CoarseError> {
    let geometry = coarse.geometry();
    let found = connected_components(&label_mask(coarse, labels), Connectivity::Corners)?;
    let [_, rows, columns] = geometry.shape_zyx;
    let mut low = vec![geometry.shape_zyx; found.len()];
    let mut high = vec![[0usize; 3]; found.len()];
    let mut sums = vec![[0usize; 3]; found.len()];
    for (at, &number) in found.volume.voxels().iter().enumerate() {
        let Some(i) = (number as usize).checked_sub(1) else {
            continue;
        };
        let place = [at / (rows * columns), at / columns % rows, at % columns];
        for axis in 0..3 {
            low[i][axis] = low[i][axis].min(place[axis]);
            high[i][axis] = high[i][axis].max(place[axis]);
            sums[i][axis] += place[axis];
        }
    }
    let volumes_ml = found.volumes_ml();
    Ok((0..found.len())
        .map(|i| {
            let centre = sums[i].map(|sum| sum as f64 / found.voxels[i] as f64);
            Part {
                number: i + 1,
                volume_ml: volumes_ml[i],
                region: BoundingBox {
                    start_zyx: low[i],
                    shape_zyx: std::array::from_fn(|axis| high[i][axis] - low[i][axis] + 1),
                },
                centre_x_mm: geometry.world_from_voxel(centre)[0],
            }
        })
        .collect())
}

/// The distance between two boxes; 0 where they touch or overlap.
fn gap_mm(a: &BoundingBox, b: &BoundingBox, geometry: &Geometry) -> f64 {
    let (a_end, b_end) = (a.end_zyx(), b.end_zyx());
    (0..3)
        .map(|axis| {
            let gap = a.start_zyx[axis]
                .saturating_sub(b_end[axis])
                .max(b.start_zyx[axis].saturating_sub(a_end[axis]));
            (gap as f64 * geometry.spacing_zyx_mm[axis]).powi(2)
        })
        .sum::<f64>()
        .sqrt()
}

/// The corners of a box, from outer face to outer face, in another grid's voxels: lowest and
/// highest along each axis.
///
/// # Shapes
/// `[lowest, highest]`, each `[z, y, x]`, as positions: voxel `i` reaches from `i - 0.5` to
/// `i + 0.5`. They may lie beyond `onto`.
#[must_use]
pub fn corners_on(region: &BoundingBox, from: &Geometry, onto: &Geometry) -> [[f64; 3]; 2] {
    let (start, end) = (region.start_zyx, region.end_zyx());
    let mut bounds = [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]];
    for corner in 0..8 {
        let index = std::array::from_fn(|axis| {
            let face = if corner >> axis & 1 == 1 { end } else { start };
            face[axis] as f64 - 0.5
        });
        let there = onto.voxel_from_world(from.world_from_voxel(index));
        for axis in 0..3 {
            bounds[0][axis] = bounds[0][axis].min(there[axis]);
            bounds[1][axis] = bounds[1][axis].max(there[axis]);
        }
    }
    bounds
}

/// A box of one grid on another: all voxels that it touches there, `None` where it misses
/// the grid.
///
/// # Shapes
/// The result lies within `onto`.
#[must_use]
pub fn box_on(region: &BoundingBox, from: &Geometry, onto: &Geometry) -> Option<BoundingBox> {
    // Faces that coincide but for rounding take no further voxel.
    const SLACK_VOXELS: f64 = 1e-6;
    let [low, high] = corners_on(region, from, onto);
    let mut start_zyx = [0; 3];
    let mut shape_zyx = [0; 3];
    for axis in 0..3 {
        let start = (low[axis] + 0.5 + SLACK_VOXELS).floor().max(0.0);
        let end = (high[axis] + 0.5 - SLACK_VOXELS).ceil();
        let end = end.min(onto.shape_zyx[axis] as f64);
        if end.is_nan() || start.is_nan() || end <= start {
            return None;
        }
        start_zyx[axis] = start as usize;
        shape_zyx[axis] = (end - start) as usize;
    }
    Some(BoundingBox {
        start_zyx,
        shape_zyx,
    })
}

/// A crop of fixed size around a kidney.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedCrop {
    /// The crop's grid, along the world's axes.
    pub geometry: Geometry,
    /// How far kidney and masses reach beyond the crop along each axis, in mm: 0 where they
    /// fit, as 97 % do in 160 mm.
    pub beyond_zyx_mm: [f64; 3],
}

/// The grid of a crop of fixed size, upright in the world, around the middle of a box:
/// 160 mm at 1.25 mm are 128 voxels. It may reach beyond the scan.
///
/// # Shapes
/// `round(size_zyx_mm / spacing_zyx_mm)` voxels.
///
/// # Errors
/// Sizes or spacings that make no grid.
pub fn fixed_crop(
    region: &BoundingBox,
    geometry: &Geometry,
    size_zyx_mm: [f64; 3],
    spacing_zyx_mm: [f64; 3],
) -> Result<FixedCrop, CoarseError> {
    let voxels: [f64; 3] =
        std::array::from_fn(|axis| (size_zyx_mm[axis] / spacing_zyx_mm[axis]).round());
    // An axis of more than 2¹⁶ voxels is a mistake in the units.
    let sound =
        |axis: usize| spacing_zyx_mm[axis] > 0.0 && voxels[axis] >= 1.0 && voxels[axis] <= 65_536.0;
    if !(0..3).all(sound) {
        return Err(CoarseError::Crop {
            size_zyx_mm,
            spacing_zyx_mm,
        });
    }
    let end = region.end_zyx();
    let middle =
        std::array::from_fn(|axis| (region.start_zyx[axis] as f64 + end[axis] as f64 - 1.0) / 2.0);
    let middle_xyz_mm = geometry.world_from_voxel(middle);
    let crop = Geometry {
        shape_zyx: voxels.map(|n| n as usize),
        spacing_zyx_mm,
        origin_xyz_mm: std::array::from_fn(|i| {
            let zyx = 2 - i;
            middle_xyz_mm[i] - (voxels[zyx] - 1.0) / 2.0 * spacing_zyx_mm[zyx]
        }),
        direction: IDENTITY,
    };
    crop.validate()?;
    let [low, high] = corners_on(region, geometry, &crop);
    let beyond_zyx_mm = std::array::from_fn(|axis| {
        let below = -0.5 - low[axis];
        let above = high[axis] - (voxels[axis] - 0.5);
        let beyond = below.max(above).max(0.0) * spacing_zyx_mm[axis];
        // Rounding is no loss.
        if beyond < 1e-6 { 0.0 } else { beyond }
    });
    Ok(FixedCrop {
        geometry: crop,
        beyond_zyx_mm,
    })
}
