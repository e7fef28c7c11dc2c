//! The kidneys and the tumour of a phantom: drawn, or taken from a real mask.

use std::{path::Path, sync::Arc};

use renalflow_imaging::{LabelNames, Volume, io::read_label_map};

use super::{
    PhantomError,
    field::DistanceField,
    kidney::{CORTEX_MM, Kidney},
    paint::{Label, Layer, Paint, Part},
    random::Stream,
    shape::{Point, Shape},
    tissue::{Phase, Tissue},
    torso::{CAPSULE_MM, Habitus, Keep, gerota, gerota_about},
    tumour::{Pole, Side, Tumour, TumourDesign, TumourPaint, pole_of},
};

/// No patient's kidneys and tumour span more, mm.
const LARGEST_SPAN_MM: f64 = 700.0;

/// Kidneys and tumour in the scene.
pub(crate) struct Anatomy {
    pub parts: Vec<Part>,
    /// What the torso makes room for.
    pub keep: Vec<Keep>,
    pub side: Side,
    pub pole: Pole,
    pub exophytic_fraction: Option<f64>,
    /// Where the scene's origin lies in the world, if the anatomy says so.
    pub origin_xyz_mm: Option<[f64; 3]>,
}

impl Anatomy {
    /// Two drawn kidneys, one of them with the designed tumour.
    pub fn synthetic(habitus: &Habitus, design: &TumourDesign, phase: Phase, seed: u64) -> Self {
        let mut stream = Stream::new(seed, "kidneys");
        let mut parts = Vec::new();
        let mut keep = Vec::new();
        let mut tumours = Vec::new();
        let mut pole = design.pole;
        let mut exophytic_fraction = None;
        for side in [Side::Left, Side::Right] {
            let kidney = Kidney::draw(side, habitus.scale, &mut stream);
            parts.push(gerota(&kidney, phase));
            keep.push(Keep {
                shape: kidney.outline(),
                hilum: Some(kidney.hilum()),
            });
            if side == design.side {
                let tumour = Tumour::on_kidney(
                    design,
                    phase,
                    kidney.center,
                    kidney.radii,
                    kidney.axes,
                    seed,
                );
                let (outside, center) = beyond(&tumour.shape, &kidney.outline(), seed);
                exophytic_fraction = Some(outside);
                pole = pole_of(center, kidney.center, kidney.axes[2], kidney.radii[2]);
                keep.push(Keep {
                    shape: tumour.shape.clone(),
                    hilum: None,
                });
                tumours.push(Part {
                    shape: tumour.shape,
                    layers: vec![Layer {
                        depth_mm: 0.0,
                        paint: Paint::Tumour(tumour.paint),
                    }],
                    label: Label::Tumour,
                });
            }
            parts.extend(kidney.parts(phase, &mut stream));
        }
        parts.extend(tumours);
        Self {
            parts,
            keep,
            side: design.side,
            pole,
            exophytic_fraction,
            origin_xyz_mm: None,
        }
    }

    /// The kidneys and the tumour of a real mask, where they are. Cortex and medulla follow
    /// from the depth under the kidney's surface; the torso grows until it holds them, and they
    /// lie in their fat capsule as drawn kidneys do.
    pub fn real(
        mask: &Path,
        habitus: &mut Habitus,
        design: &TumourDesign,
        phase: Phase,
        seed: u64,
    ) -> Result<Self, PhantomError> {
        let labels = read_label_map(mask, LabelNames::new())?;
        let missing = |label, name| PhantomError::NoLabel {
            file: mask.to_path_buf(),
            label,
            name,
        };
        let organ =
            Region::of(&labels.volume, |l| l == 1 || l == 2).ok_or_else(|| missing(1, "kidney"))?;
        let lesion = Region::of(&labels.volume, |l| l == 2).ok_or_else(|| missing(2, "tumour"))?;
        if !labels.volume.voxels().contains(&1) {
            return Err(missing(1, "kidney"));
        }

        let span_xyz_mm: [f64; 3] =
            std::array::from_fn(|i| organ.max_xyz_mm[i] - organ.min_xyz_mm[i]);
        if span_xyz_mm.iter().any(|span| *span > LARGEST_SPAN_MM) {
            return Err(PhantomError::Span {
                file: mask.to_path_buf(),
                span_xyz_mm,
            });
        }

        // The kidneys' middle goes where the synthetic kidneys have theirs.
        let middle = organ.middle_xyz_mm();
        let origin_xyz_mm = [middle[0], middle[1] - 27.0, middle[2]].map(f64::round);
        let organ_field =
            Arc::new(organ.field(&labels.volume, origin_xyz_mm, |l| l == 1 || l == 2));
        let lesion_field = Arc::new(lesion.field(&labels.volume, origin_xyz_mm, |l| l == 2));

        habitus.make_room_for(organ_field.points_inside());
        let kidneys = Shape::Field(organ_field);
        let tumour = Shape::Field(lesion_field);
        let place = lesion.middle_xyz_mm();
        let center: Point = std::array::from_fn(|i| (place[i] - origin_xyz_mm[i]) as f32);
        let radius = lesion.radius_mm as f32;
        let paint = TumourPaint::new(design, phase, &tumour, center, radius, seed);

        let mut stream = Stream::new(seed, "real kidneys");
        let texture = stream.word() as u32;
        let medulla = kidneys
            .clone()
            .inset(CORTEX_MM + 3.0)
            .lumpy(3.0, 13.0, stream.word() as u32);
        let parts = vec![
            gerota_about(kidneys.clone(), habitus, phase),
            Part::labelled(
                kidneys.clone(),
                Tissue::Cortex,
                phase,
                Label::Kidney,
                3.0,
                texture,
            ),
            Part::labelled(medulla, Tissue::Medulla, phase, Label::Kidney, 3.0, texture),
            Part {
                shape: tumour,
                layers: vec![Layer {
                    depth_mm: 0.0,
                    paint: Paint::Tumour(paint),
                }],
                label: Label::Tumour,
            },
        ];
        let side = if center[0] > 0.0 {
            Side::Left
        } else {
            Side::Right
        };
        let half_height = 0.5 * (organ.max_xyz_mm[2] - organ.min_xyz_mm[2]) as f32;
        Ok(Self {
            parts,
            keep: vec![Keep {
                shape: kidneys,
                hilum: None,
            }],
            side,
            pole: pole_of(center, [0.0; 3], [0.0, 0.0, 1.0], half_height),
            exophytic_fraction: None,
            origin_xyz_mm: Some(origin_xyz_mm),
        })
    }
}

/// The share of a shape beyond another, and the shape's centre, from random points.
fn beyond(shape: &Shape, other: &Shape, seed: u64) -> (f64, Point) {
    let mut stream = Stream::new(seed, "exophytic share");
    let bounds = shape.bounds();
    let (mut inside, mut outside, mut sum) = (0u32, 0u32, [0.0f64; 3]);
    for _ in 0..12_000 {
        let p: Point = std::array::from_fn(|i| {
            stream.between(f64::from(bounds.min[i]), f64::from(bounds.max[i])) as f32
        });
        if shape.distance_mm(p) < 0.0 {
            inside += 1;
            outside += u32::from(other.distance_mm(p) > 0.0);
            for i in 0..3 {
                sum[i] += f64::from(p[i]);
            }
        }
    }
    let count = f64::from(inside.max(1));
    (f64::from(outside) / count, sum.map(|s| (s / count) as f32))
}

/// The world box around the voxels of some labels.
struct Region {
    min_xyz_mm: [f64; 3],
    max_xyz_mm: [f64; 3],
    /// Radius of the sphere of the same volume.
    radius_mm: f64,
}

impl Region {
    fn of(labels: &Volume<u16>, wanted: impl Fn(u16) -> bool) -> Option<Self> {
        let geometry = labels.geometry();
        let [_, ny, nx] = geometry.shape_zyx;
        let mut low = [usize::MAX; 3];
        let mut high = [0usize; 3];
        let mut count = 0usize;
        for (row, line) in labels.voxels().chunks_exact(nx).enumerate() {
            for (x, _) in line.iter().enumerate().filter(|(_, l)| wanted(**l)) {
                let index = [row / ny, row % ny, x];
                for axis in 0..3 {
                    low[axis] = low[axis].min(index[axis]);
                    high[axis] = high[axis].max(index[axis]);
                }
                count += 1;
            }
        }
        if count == 0 {
            return None;
        }
        let mut region = Self {
            min_xyz_mm: [f64::INFINITY; 3],
            max_xyz_mm: [f64::NEG_INFINITY; 3],
            radius_mm: libm::cbrt(
                count as f64 * geometry.voxel_volume_mm3() * 0.75 / std::f64::consts::PI,
            ),
        };
        for corner in 0..8usize {
            let index = std::array::from_fn(|axis| {
                let end = if corner >> axis & 1 == 1 { high } else { low };
                end[axis] as f64
            });
            let world = geometry.world_from_voxel(index);
            for (i, w) in world.into_iter().enumerate() {
                region.min_xyz_mm[i] = region.min_xyz_mm[i].min(w);
                region.max_xyz_mm[i] = region.max_xyz_mm[i].max(w);
            }
        }
        Some(region)
    }

    fn middle_xyz_mm(&self) -> [f64; 3] {
        std::array::from_fn(|i| 0.5 * (self.min_xyz_mm[i] + self.max_xyz_mm[i]))
    }

    /// The distance field of the labels on an upright grid about the region, in the scene.
    fn field(
        &self,
        labels: &Volume<u16>,
        scene_xyz_mm: [f64; 3],
        wanted: impl Fn(u16) -> bool,
    ) -> DistanceField {
        const SPACING_MM: f64 = 1.5;
        // The field must reach beyond the fat capsule.
        const MARGIN_MM: f64 = CAPSULE_MM as f64 + 4.0;
        let geometry = labels.geometry();
        let view = labels.view();
        let start: [f64; 3] = self.min_xyz_mm.map(|v| v - MARGIN_MM);
        let count: [usize; 3] = std::array::from_fn(|i| {
            ((self.max_xyz_mm[i] - self.min_xyz_mm[i] + 2.0 * MARGIN_MM) / SPACING_MM).ceil()
                as usize
                + 1
        });
        let mut inside = Vec::with_capacity(count.iter().product());
        for z in 0..count[2] {
            for y in 0..count[1] {
                for x in 0..count[0] {
                    let step = [x, y, z];
                    let world = std::array::from_fn(|i| start[i] + step[i] as f64 * SPACING_MM);
                    let index = geometry.voxel_from_world(world).map(f64::round);
                    let within =
                        (0..3).all(|a| index[a] >= 0.0 && index[a] < geometry.shape_zyx[a] as f64);
                    inside.push(within && wanted(view[index.map(|v| v as usize)]));
                }
            }
        }
        DistanceField::of_mask(
            &inside,
            [count[2], count[1], count[0]],
            std::array::from_fn(|i| (start[i] - scene_xyz_mm[i]) as f32),
            SPACING_MM as f32,
        )
    }
}
