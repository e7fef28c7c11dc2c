//! The torso around the kidneys: wall, muscles of the back, bones.
//!
//! Coordinates are LPS millimetres about the middle of the body at the kidneys' height: x to
//! the patient's left, y to the back, z to the head. Sizes are those of an average adult at
//! `scale` 1.

use super::{
    kidney::Kidney,
    paint::{Label, Layer, Paint, Part},
    random::Stream,
    shape::{Point, Shape, turned},
    tissue::{Phase, Tissue},
};

/// What differs from patient to patient.
#[derive(Debug, Clone)]
pub(crate) struct Habitus {
    /// Width against the average.
    pub scale: f32,
    /// Subcutaneous fat in front and behind, mm.
    pub fat_mm: f32,
    /// Height of a vertebral body's middle, mm.
    pub spine_phase_mm: f32,
}

impl Habitus {
    pub fn draw(stream: &mut Stream) -> Self {
        Self {
            scale: stream.normal_within(1.0, 0.05, 2.0) as f32,
            fat_mm: (16.0 * libm::exp(stream.normal_within(0.0, 0.40, 1.6))) as f32,
            spine_phase_mm: stream.between(-17.0, 17.0) as f32,
        }
    }

    /// Half the body's width and depth, mm.
    pub fn half_size_mm(&self) -> [f32; 2] {
        [
            139.0 * self.scale + 0.8 * self.fat_mm,
            96.0 * self.scale + self.fat_mm,
        ]
    }

    fn wall(&self) -> Shape {
        Shape::Torso {
            center: [0.0, -3.0 * self.scale],
            radii: [138.0 * self.scale, 94.0 * self.scale],
            squareness: 0.42,
        }
    }

    /// Grow the patient until points lie inside the wall, 5 mm of fat between.
    pub fn make_room_for(&mut self, points: impl Iterator<Item = Point>) {
        const LARGEST: f32 = 1.7;
        for p in points {
            while self.scale < LARGEST && self.cavity().distance_mm(p) > -5.0 {
                self.scale += 0.01;
            }
        }
    }

    /// The column that the vertebral bodies and discs fill.
    fn vertebral_body(&self) -> Shape {
        Shape::Torso {
            center: [0.0, 25.0 * self.scale],
            radii: [23.0 * self.scale, 17.0 * self.scale],
            squareness: 0.25,
        }
    }

    /// The abdominal cavity, inside the wall's muscle.
    pub(super) fn cavity(&self) -> Shape {
        self.wall().inset(11.0)
    }
}

/// Paints the parts of one torso.
pub(crate) struct Torso<'a> {
    pub(super) habitus: &'a Habitus,
    pub(super) phase: Phase,
    pub(super) stream: Stream,
    pub(super) parts: Vec<Part>,
}

impl<'a> Torso<'a> {
    /// All parts but the kidneys, in painting order.
    pub fn build(habitus: &'a Habitus, phase: Phase, kidneys: &[Keep], seed: u64) -> Vec<Part> {
        let mut torso = Self {
            habitus,
            phase,
            stream: Stream::new(seed, "torso"),
            parts: Vec::new(),
        };
        torso.table();
        torso.wall();
        torso.back();
        torso.spine();
        torso.ribs();
        torso.mesentery();
        let solid = torso.organs();
        torso.bowel(&solid, kidneys);
        torso.great_vessels(kidneys);
        torso.parts
    }

    /// A point given at average size.
    pub(super) fn at(&self, x: f32, y: f32, z: f32) -> Point {
        [x * self.habitus.scale, y * self.habitus.scale, z]
    }

    pub(super) fn push(&mut self, shape: Shape, tissue: Tissue, sd_hu: f32) {
        let seed = self.stream.word() as u32;
        self.parts
            .push(Part::unlabelled(shape, tissue, self.phase, sd_hu, seed));
    }

    /// A part of one tissue with another from a depth on.
    pub(super) fn push_filled(
        &mut self,
        shape: Shape,
        rind: Tissue,
        depth_mm: f32,
        core: (Tissue, f32),
    ) {
        let seed = self.stream.word() as u32;
        let core = Paint::of(core.0, self.phase, core.1, 8.0, seed);
        let part = Part::unlabelled(shape, rind, self.phase, 0.0, seed).then(depth_mm, core);
        self.parts.push(part);
    }

    fn table(&mut self) {
        let [width, back] = self.habitus.half_size_mm();
        let plate = Shape::ellipsoid([0.0, back + 11.0, 0.0], [0.9 * width, 5.0, 1e5]);
        self.push(plate, Tissue::Table, 0.0);
    }

    fn wall(&mut self) {
        let [width, depth] = self.habitus.half_size_mm();
        let body = Shape::Torso {
            center: [0.0, -3.0 * self.habitus.scale],
            radii: [width, depth],
            squareness: 0.32,
        };
        // Air outside, so nothing of the table shows through.
        self.push_filled(body, Tissue::Skin, 2.0, (Tissue::SubcutaneousFat, 0.0));
        let seed = self.stream.word() as u32;
        let muscle = Paint::of(Tissue::Muscle, self.phase, 7.0, 6.0, seed);
        let visceral = Paint::of(Tissue::VisceralFat, self.phase, 0.0, 14.0, seed);
        let fat = Paint::Flat(Tissue::VisceralFat.hounsfield(self.phase) + 25.0);
        let wall = Part {
            shape: self.habitus.wall(),
            layers: vec![
                Layer {
                    depth_mm: 0.0,
                    paint: muscle.clone(),
                },
                // The fat planes between the oblique muscles.
                Layer {
                    depth_mm: 4.0,
                    paint: fat,
                },
                Layer {
                    depth_mm: 4.8,
                    paint: muscle,
                },
                Layer {
                    depth_mm: 11.0,
                    paint: visceral,
                },
            ],
            label: Label::Background,
        };
        self.parts.push(wall);
        // Linea alba: the recti part in the middle.
        let front = -(94.0 + 3.0) * self.habitus.scale;
        let gap = Shape::tube([0.0, front + 5.0, -2e3], [0.0, front + 5.0, 2e3], 5.0, 5.0);
        self.push(gap, Tissue::SubcutaneousFat, 0.0);
    }

    fn back(&mut self) {
        // The back muscles on their pad of fat first: they run through every slice.
        for side in [-1.0f32, 1.0] {
            let pad = self.at(side * 38.0, 66.0, 0.0);
            let erector = |grow: f32| {
                Shape::turned_ellipsoid(
                    pad,
                    [34.0 + grow, 21.0 + grow, 1e4],
                    turned(f64::from(side) * -0.25, 0.0, 0.0),
                )
            };
            self.push(erector(2.0), Tissue::VisceralFat, 0.0);
            self.push(erector(0.0).lumpy(1.2, 12.0, 3), Tissue::Muscle, 13.0);
        }
        for side in [-1.0f32, 1.0] {
            let quadratus = Shape::turned_ellipsoid(
                self.at(side * 74.0, 55.0, -60.0),
                [20.0, 9.0, 95.0],
                turned(f64::from(side) * 0.35, 0.0, 0.0),
            );
            self.push(quadratus, Tissue::Muscle, 10.0);
            let psoas = Shape::tube(
                self.at(side * 27.0, 30.0, 75.0),
                self.at(side * 43.0, 31.0, -120.0),
                5.0,
                23.0,
            );
            self.push(psoas, Tissue::Muscle, 8.0);
            // The crus of the diaphragm.
            let crus = Shape::tube(
                self.at(side * 11.0, 6.0, 120.0),
                self.at(side * 12.0, 10.0, 5.0),
                5.5,
                2.5,
            );
            self.push(crus, Tissue::Muscle, 6.0);
        }
    }

    fn spine(&mut self) {
        let scale = self.habitus.scale;
        let upright = |x: f32, y: f32, rx: f32, ry: f32, squareness: f32| Shape::Torso {
            center: [x * scale, y * scale],
            radii: [rx * scale, ry * scale],
            squareness,
        };
        self.push_filled(
            self.habitus.vertebral_body(),
            Tissue::CorticalBone,
            1.6,
            (Tissue::CancellousBone, 26.0),
        );
        for level in -4..=4 {
            let z = level as f32 * 34.0 + self.habitus.spine_phase_mm;
            let bone = |a: Point, b: Point, from: f32, to: f32| Shape::tube(a, b, from, to);
            // The disc above this vertebra.
            let disc = Shape::ellipsoid(
                self.at(0.0, 25.0, z + 17.0),
                [27.0 * scale, 21.0 * scale, 5.0],
            );
            let around = upright(0.0, 25.0, 24.0, 18.0, 0.25);
            self.push(disc.common(around), Tissue::Disc, 5.0);
            for side in [-1.0f32, 1.0] {
                let marrow = (Tissue::CancellousBone, 30.0);
                let pedicle = bone(
                    self.at(side * 14.0, 36.0, z + 4.0),
                    self.at(side * 15.0, 50.0, z + 2.0),
                    6.0,
                    7.0,
                );
                self.push_filled(pedicle, Tissue::CorticalBone, 2.0, marrow);
                let lamina = bone(
                    self.at(side * 15.0, 52.0, z),
                    self.at(0.0, 63.0, z - 8.0),
                    5.5,
                    4.5,
                );
                self.push_filled(lamina, Tissue::CorticalBone, 2.2, marrow);
                let transverse = bone(
                    self.at(side * 16.0, 49.0, z + 2.0),
                    self.at(side * 43.0, 56.0, z + 3.0),
                    5.0,
                    3.6,
                );
                self.push_filled(transverse, Tissue::CorticalBone, 2.0, marrow);
                let facet = bone(
                    self.at(side * 17.0, 53.0, z - 6.0),
                    self.at(side * 18.0, 55.0, z - 18.0),
                    6.5,
                    6.0,
                );
                self.push_filled(facet, Tissue::CorticalBone, 2.6, marrow);
            }
            let spinous = Shape::ellipsoid(self.at(0.0, 74.0, z - 12.0), [3.8, 15.0 * scale, 11.0]);
            self.push_filled(
                spinous,
                Tissue::CorticalBone,
                1.6,
                (Tissue::CancellousBone, 25.0),
            );
        }
        let canal = upright(0.0, 50.5, 10.5, 8.0, 0.0);
        self.push(canal, Tissue::VisceralFat, 0.0);
        self.push(upright(0.0, 50.0, 8.0, 6.5, 0.0), Tissue::SpinalCanal, 6.0);
    }

    /// The lower ribs, which run down and forward in the wall.
    fn ribs(&mut self) {
        for side in [-1.0f32, 1.0] {
            for (start_z, reach) in [
                (42.0f32, 1.25f64),
                (75.0, 1.9),
                (108.0, 2.3),
                (140.0, 2.5),
                (172.0, 2.6),
            ] {
                let drop = self.stream.between(34.0, 44.0) as f32;
                let steps = 7;
                let mut before: Option<Point> = None;
                for step in 0..=steps {
                    let share = step as f64 / f64::from(steps);
                    // 0 points to the back, a right angle to the flank.
                    let angle = 0.45 + share * (reach - 0.45);
                    let p = [
                        side * self.habitus.scale * 132.0 * libm::sin(angle) as f32,
                        self.habitus.scale * (88.0 * libm::cos(angle) as f32 - 3.0),
                        start_z - drop * share as f32,
                    ];
                    // The superellipse bulges at its corners, and so do the ribs.
                    let bulge = 1.0 + 0.10 * libm::sin(2.0 * angle).abs() as f32;
                    let p = [p[0] * bulge, p[1] * bulge, p[2]];
                    if let Some(last) = before {
                        let rib = Shape::tube(last, p, 5.2, 5.2);
                        self.push_filled(
                            rib,
                            Tissue::CorticalBone,
                            1.8,
                            (Tissue::CancellousBone, 25.0),
                        );
                    }
                    before = Some(p);
                }
            }
        }
    }
}

/// A kidney (with its tumour) that the rest of the torso makes room for.
pub(crate) struct Keep {
    pub shape: Shape,
    /// Where its vessels and ureter meet it, if they are painted.
    pub hilum: Option<Point>,
}

/// Thickness of the fat capsule about a kidney, its fascia included, mm.
pub(crate) const CAPSULE_MM: f32 = 11.0;

/// The fat capsule and fascia about a drawn kidney, painted before it.
pub(crate) fn gerota(kidney: &Kidney, phase: Phase) -> Part {
    let outline = Shape::Ellipsoid {
        center: kidney.center,
        radii: kidney.radii.map(|r| r + CAPSULE_MM),
        axes: kidney.axes,
        bend: 0.0,
    };
    fascia_and_fat(outline, phase)
}

/// The same about kidneys of any shape. It yields to the spine, which real kidneys may lie
/// closer to than drawn ones.
pub(crate) fn gerota_about(kidneys: Shape, habitus: &Habitus, phase: Phase) -> Part {
    fascia_and_fat(
        kidneys.inset(-CAPSULE_MM).without(habitus.vertebral_body()),
        phase,
    )
}

fn fascia_and_fat(outline: Shape, phase: Phase) -> Part {
    let fat_hu = Tissue::VisceralFat.hounsfield(phase);
    Part {
        shape: outline,
        layers: vec![
            Layer {
                depth_mm: 0.0,
                paint: Paint::Flat(fat_hu + 70.0),
            },
            Layer {
                depth_mm: 1.0,
                paint: Paint::Flat(fat_hu),
            },
        ],
        label: Label::Background,
    }
}
