//! From solids to slices: every part is blended over what lies beneath by its coverage of
//! the voxel, so edges carry partial volume.

use super::{
    noise::lattice,
    shape::{Bounds, Point, Shape},
    tissue::{Phase, Tissue},
    tumour::TumourPaint,
    warp::Warp,
};

/// What a part contributes to the ground truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Background,
    Kidney,
    Tumour,
}

/// The HU inside a part.
#[derive(Debug, Clone)]
pub(crate) enum Paint {
    Flat(f32),
    Mottled {
        hu: f32,
        sd_hu: f32,
        wavelength_mm: f32,
        seed: u32,
    },
    Tumour(TumourPaint),
}

impl Paint {
    pub fn of(tissue: Tissue, phase: Phase, sd_hu: f32, wavelength_mm: f32, seed: u32) -> Self {
        let hu = tissue.hounsfield(phase);
        if sd_hu > 0.0 {
            Self::Mottled {
                hu,
                sd_hu,
                wavelength_mm,
                seed,
            }
        } else {
            Self::Flat(hu)
        }
    }

    /// HU at a point that lies `distance` mm from the surface, without the mottle.
    fn hounsfield(&self, p: Point, distance: f32) -> f32 {
        match self {
            Self::Flat(hu) | Self::Mottled { hu, .. } => *hu,
            Self::Tumour(tumour) => tumour.hounsfield(p, distance),
        }
    }

    /// Whether the HU without the mottle is the same everywhere.
    fn is_even(&self) -> bool {
        !matches!(self, Self::Tumour(_))
    }

    /// The mottle at a point, HU.
    fn mottle(&self, p: Point) -> f32 {
        match self {
            Self::Mottled {
                sd_hu,
                wavelength_mm,
                seed,
                ..
            } => sd_hu * lattice(p, *wavelength_mm, *seed),
            Self::Flat(_) | Self::Tumour(_) => 0.0,
        }
    }
}

/// What begins at a depth under a part's surface.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub depth_mm: f32,
    pub paint: Paint,
}

/// A solid with its layers, outermost first.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub shape: Shape,
    pub layers: Vec<Layer>,
    pub label: Label,
}

impl Part {
    pub fn labelled(
        shape: Shape,
        tissue: Tissue,
        phase: Phase,
        label: Label,
        sd_hu: f32,
        seed: u32,
    ) -> Self {
        Self {
            shape,
            layers: vec![Layer {
                depth_mm: 0.0,
                paint: Paint::of(tissue, phase, sd_hu, 9.0, seed),
            }],
            label,
        }
    }

    pub fn unlabelled(shape: Shape, tissue: Tissue, phase: Phase, sd_hu: f32, seed: u32) -> Self {
        Self::labelled(shape, tissue, phase, Label::Background, sd_hu, seed)
    }

    /// Let another tissue begin at a depth.
    pub fn then(mut self, depth_mm: f32, paint: Paint) -> Self {
        self.layers.push(Layer { depth_mm, paint });
        self
    }
}

/// A slice of the patient, noise-free.
///
/// # Shapes
/// Each field holds `[y, x]` values.
pub(crate) struct Slice {
    /// HU.
    pub hu: Vec<f32>,
    /// Share of the voxel that is kidney, 0 to 1.
    pub kidney: Vec<f32>,
    /// Share of the voxel that is tumour, 0 to 1.
    pub tumour: Vec<f32>,
}

/// The pixel positions of a plane in the scene, mm.
pub(crate) struct Plane {
    pub xs: Vec<f32>,
    pub ys: Vec<f32>,
    pub pixel_mm: f32,
}

impl Plane {
    /// The index range whose pixels may lie within `[min, max]` mm, one pixel to spare.
    fn range(at: &[f32], min: f32, max: f32, pixel_mm: f32) -> std::ops::Range<usize> {
        let first = at.first().copied().unwrap_or(0.0);
        let index = |mm: f32| ((mm - first) / pixel_mm).clamp(-1.0, at.len() as f32);
        let low = (index(min).floor() as isize).max(0) as usize;
        let high = ((index(max).ceil() as isize + 1).max(0) as usize).min(at.len());
        low.min(high)..high
    }

    /// The rows and columns that a box may touch once the body is warped.
    fn window(&self, bounds: &Bounds, reach: Point) -> [std::ops::Range<usize>; 2] {
        [(1, &self.ys), (0, &self.xs)].map(|(axis, at)| {
            let spare = reach[axis] + self.pixel_mm;
            Self::range(
                at,
                bounds.min[axis] - spare,
                bounds.max[axis] + spare,
                self.pixel_mm,
            )
        })
    }
}

/// Parts in painting order with their boxes.
pub(crate) struct Scene {
    parts: Vec<(Part, Bounds)>,
    /// So many parts at the beginning look the same at every height.
    endless: usize,
    warp: Warp,
}

/// Share of the distance to a surface that is passed over without looking; well under 1,
/// because distances are first-order.
const STRIDE: f32 = 0.4;

/// No texture: the pixel's tissue is flat.
const FLAT: u32 = u32::MAX;

/// An infinitely thin slice on the way.
#[derive(Clone)]
struct Canvas {
    hu: Vec<f32>,
    kidney: Vec<f32>,
    tumour: Vec<f32>,
    /// Part and layer that fill most of the pixel, as `part * 8 + layer`.
    owner: Vec<u32>,
}

impl Scene {
    pub fn new(parts: Vec<Part>, warp: Warp) -> Self {
        let parts: Vec<(Part, Bounds)> = parts
            .into_iter()
            .map(|part| {
                let bounds = part.shape.bounds();
                (part, bounds)
            })
            .collect();
        let endless = parts
            .iter()
            .take_while(|(_, bounds)| bounds.max[2] - bounds.min[2] > 2000.0)
            .count();
        Self {
            parts,
            endless,
            warp,
        }
    }

    /// Blend some of the parts over a canvas, at height `points[..][2]` plus `offset` mm.
    fn blend(
        &self,
        range: std::ops::Range<usize>,
        plane: &Plane,
        points: &[Point],
        z: f32,
        offset: f32,
        canvas: &mut Canvas,
    ) {
        let nx = plane.xs.len();
        let reach = self.warp.reach;
        for index in range {
            let (part, bounds) = &self.parts[index];
            let height = z + offset;
            if height < bounds.min[2] - reach[2] || height > bounds.max[2] + reach[2] {
                continue;
            }
            let [rows, columns] = plane.window(bounds, reach);
            let share_of = |label| f32::from(u8::from(part.label == label));
            let (is_kidney, is_tumour) = (share_of(Label::Kidney), share_of(Label::Tumour));
            let Some(core) = part.layers.last() else {
                continue;
            };
            let core_owner = (index * 8 + (part.layers.len() - 1).min(7)) as u32;
            for row in rows {
                let end = row * nx + columns.end;
                let mut i = row * nx + columns.start;
                while i < end {
                    let p = [points[i][0], points[i][1], points[i][2] + offset];
                    let distance = part.shape.distance_mm(p);
                    // So many pixels on, the surface is still further than a pixel away.
                    let run = |mm: f32| 1 + (STRIDE * (mm / plane.pixel_mm - 1.0)) as usize;
                    let inside = -(distance + core.depth_mm);
                    if distance > plane.pixel_mm {
                        i += run(distance);
                    } else if inside > plane.pixel_mm && core.paint.is_even() {
                        let filled = i..(i + run(inside)).min(end);
                        i = filled.end;
                        canvas.hu[filled.clone()].fill(core.paint.hounsfield(p, distance));
                        canvas.kidney[filled.clone()].fill(is_kidney);
                        canvas.tumour[filled.clone()].fill(is_tumour);
                        canvas.owner[filled].fill(core_owner);
                    } else {
                        for (depth, layer) in part.layers.iter().enumerate() {
                            let beneath = distance + layer.depth_mm;
                            let share = (0.5 - beneath / plane.pixel_mm).min(1.0);
                            if share <= 0.0 {
                                break;
                            }
                            let hu = layer.paint.hounsfield(p, distance);
                            canvas.hu[i] += share * (hu - canvas.hu[i]);
                            canvas.kidney[i] += share * (is_kidney - canvas.kidney[i]);
                            canvas.tumour[i] += share * (is_tumour - canvas.tumour[i]);
                            if share >= 0.5 {
                                canvas.owner[i] = (index * 8 + depth.min(7)) as u32;
                            }
                        }
                        i += 1;
                    }
                }
            }
        }
    }

    /// Paint a slice about height `z` mm: the mean of thin slices at some offsets (mm).
    pub fn paint(&self, plane: &Plane, z: f32, offsets: &[f32]) -> Slice {
        let n = plane.xs.len() * plane.ys.len();
        let points = self.warp.plane(&plane.xs, &plane.ys, z);
        let mut base = Canvas {
            hu: vec![Tissue::AIR_HU; n],
            kidney: vec![0.0; n],
            tumour: vec![0.0; n],
            owner: vec![FLAT; n],
        };
        self.blend(0..self.endless, plane, &points, z, 0.0, &mut base);
        let mut slice = Slice {
            hu: vec![0.0; n],
            kidney: vec![0.0; n],
            tumour: vec![0.0; n],
        };
        let mut owner = Vec::new();
        let weight = 1.0 / offsets.len().max(1) as f32;
        for &offset in offsets {
            let mut canvas = base.clone();
            let rest = self.endless..self.parts.len();
            self.blend(rest, plane, &points, z, offset, &mut canvas);
            for (into, from) in [
                (&mut slice.hu, &canvas.hu),
                (&mut slice.kidney, &canvas.kidney),
                (&mut slice.tumour, &canvas.tumour),
            ] {
                for (total, value) in into.iter_mut().zip(from) {
                    *total += weight * value;
                }
            }
            owner = canvas.owner;
        }
        // The mottle varies little over a slice's thickness: one sample stands for it.
        for ((hu, owner), p) in slice.hu.iter_mut().zip(owner).zip(points) {
            if owner != FLAT {
                let (part, _) = &self.parts[owner as usize / 8];
                *hu += part.layers[owner as usize % 8].paint.mottle(p);
            }
        }
        slice
    }
}
