//! The torso around the kidneys: wall, bones, vessels, organs, bowel.
//!
//! Coordinates are LPS millimetres about the middle of the body at the kidneys' height: x to
//! the patient's left, y to the back, z to the head. Sizes are those of an average adult at
//! `scale` 1.

use super::{
    kidney::Kidney,
    paint::{Label, Layer, Paint, Part},
    random::Stream,
    shape::{Point, Shape, add_scaled, norm, sub, turned},
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

    /// The abdominal cavity, inside the wall's muscle.
    fn cavity(&self) -> Shape {
        self.wall().inset(11.0)
    }
}

/// Paints the parts of one torso.
pub(crate) struct Torso<'a> {
    habitus: &'a Habitus,
    phase: Phase,
    stream: Stream,
    parts: Vec<Part>,
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
    fn at(&self, x: f32, y: f32, z: f32) -> Point {
        [x * self.habitus.scale, y * self.habitus.scale, z]
    }

    fn push(&mut self, shape: Shape, tissue: Tissue, sd_hu: f32) {
        let seed = self.stream.word() as u32;
        self.parts
            .push(Part::unlabelled(shape, tissue, self.phase, sd_hu, seed));
    }

    /// A part of one tissue with another from a depth on.
    fn push_filled(&mut self, shape: Shape, rind: Tissue, depth_mm: f32, core: (Tissue, f32)) {
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
            upright(0.0, 25.0, 23.0, 17.0, 0.25),
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

    /// Small vessels in the visceral fat.
    fn mesentery(&mut self) {
        let root = self.at(4.0, -22.0, 5.0);
        for _ in 0..46 {
            let mut p = add_scaled(
                root,
                [
                    self.stream.between(-14.0, 14.0) as f32,
                    self.stream.between(-8.0, 4.0) as f32,
                    self.stream.between(-70.0, 30.0) as f32,
                ],
                1.0,
            );
            let mut heading = [
                self.stream.between(-1.0, 1.0) as f32,
                self.stream.between(-1.0, 0.25) as f32,
                self.stream.between(-0.5, 0.4) as f32,
            ];
            let mut radius = self.stream.between(1.3, 2.2) as f32;
            for _ in 0..4 {
                for h in &mut heading {
                    *h += self.stream.between(-0.45, 0.45) as f32;
                }
                let next = add_scaled(p, heading, 19.0 / norm(heading).max(0.1));
                let vessel = Shape::tube(p, next, radius, 0.85 * radius);
                self.push(vessel, Tissue::SmallVessel, 0.0);
                p = next;
                radius *= 0.85;
            }
        }
    }

    /// Liver, gallbladder, spleen, stomach, pancreas. Returns what bowel must not enter.
    fn organs(&mut self) -> Vec<Shape> {
        let s = self.habitus.scale;
        let phase = self.phase;
        let cavity = self.habitus.cavity().inset(1.5);
        let mut jitter = |sd: f64| self.stream.normal_within(0.0, sd, 1.8) as f32;

        // The liver's right lobe reaches below the kidney's upper pole.
        let tip = jitter(8.0);
        let right_lobe = Shape::turned_ellipsoid(
            [-76.0 * s, -10.0 * s, 78.0 + tip],
            [62.0 * s, 84.0 * s, 98.0],
            turned(0.25, 0.0, 0.12),
        );
        let left_lobe = Shape::turned_ellipsoid(
            [6.0 * s, -52.0 * s, 104.0 + tip],
            [72.0 * s, 30.0 * s, 52.0],
            turned(-0.15, 0.0, 0.2),
        );
        // The hollows that the kidney and the retroperitoneum press into it.
        let hollow = Shape::ellipsoid([-48.0 * s, 42.0 * s, 0.0], [42.0 * s, 40.0 * s, 76.0]);
        let midline = Shape::tube(
            [-8.0 * s, 28.0 * s, -60.0],
            [-8.0 * s, 30.0 * s, 200.0],
            38.0 * s,
            34.0 * s,
        );
        let right_lobe = right_lobe
            .without(hollow)
            .without(midline)
            .common(cavity.clone())
            .lumpy(1.5, 24.0, 11);
        let left_lobe = left_lobe.common(cavity.clone()).lumpy(1.5, 24.0, 12);

        let spleen_z = 62.0 + jitter(8.0);
        let spleen = Shape::turned_ellipsoid(
            [106.0 * s, 30.0 * s, spleen_z],
            [24.0 * s, 44.0 * s, 50.0],
            turned(0.35, 0.25, 0.1),
        )
        .common(cavity.clone())
        .lumpy(1.5, 22.0, 13);

        let stomach = Shape::turned_ellipsoid(
            [56.0 * s, -44.0 * s, 66.0 + jitter(6.0)],
            [44.0 * s, 30.0 * s, 46.0],
            turned(0.3, 0.2, -0.5),
        )
        .common(cavity.clone())
        .lumpy(1.8, 20.0, 14);
        let gas_height = -58.0 * s + jitter(5.0);

        for lobe in [&right_lobe, &left_lobe] {
            let seed = 77;
            self.parts.push(Part::unlabelled(
                lobe.clone(),
                Tissue::Liver,
                phase,
                4.5,
                seed,
            ));
        }
        // Portal and hepatic veins branch inside the liver.
        for _ in 0..16 {
            let start = [
                -40.0 * s + self.stream.between(-18.0, 10.0) as f32,
                -12.0 * s + self.stream.between(-25.0, 15.0) as f32,
                55.0 + self.stream.between(-25.0, 45.0) as f32,
            ];
            let end = add_scaled(
                start,
                [
                    self.stream.between(-60.0, -8.0) as f32,
                    self.stream.between(-45.0, 45.0) as f32,
                    self.stream.between(-25.0, 40.0) as f32,
                ],
                1.0,
            );
            let branch = Shape::tube(start, end, 3.8, 1.4).common(right_lobe.clone().inset(2.0));
            self.push(branch, Tissue::PortalVein, 0.0);
        }
        let gallbladder = Shape::turned_ellipsoid(
            [-58.0 * s, -56.0 * s, 8.0 + tip],
            [13.0, 15.0, 24.0],
            turned(0.2, 0.3, 0.0),
        );
        self.push_filled(
            gallbladder.clone(),
            Tissue::BowelWall,
            1.5,
            (Tissue::Gallbladder, 0.0),
        );

        // The arterial spleen is striped.
        let stripes = if phase == Phase::Corticomedullary {
            16.0
        } else {
            4.0
        };
        self.push(spleen.clone(), Tissue::Spleen, stripes);

        self.push_filled(
            stomach.clone(),
            Tissue::BowelWall,
            4.5,
            (Tissue::BowelContent, 9.0),
        );
        self.push(
            stomach.clone().inset(4.5).common(in_front_of(gas_height)),
            Tissue::BowelGas,
            0.0,
        );

        let mut pancreas = Vec::new();
        let path = [
            [-26.0, -26.0, 10.0],
            [-18.0, -28.0, 22.0],
            [2.0, -33.0, 30.0],
            [26.0, -24.0, 34.0],
            [50.0, -8.0, 40.0],
            [70.0, 4.0, 46.0],
        ];
        for (i, pair) in path.windows(2).enumerate() {
            let [a, b] = [pair[0], pair[1]].map(|p: Point| self.at(p[0], p[1], p[2]));
            let width = [14.0, 12.0, 10.0, 9.5, 8.5, 7.5];
            pancreas.push(Shape::tube(a, b, width[i], width[i + 1]).lumpy(1.8, 7.0, 15));
        }
        for piece in &pancreas {
            self.push(piece.clone(), Tissue::Pancreas, 9.0);
        }
        let mut solid = vec![right_lobe, left_lobe, spleen, stomach, gallbladder];
        solid.extend(pancreas);
        solid
    }

    /// Colon and small bowel, kept off the organs and the kidneys' surroundings.
    fn bowel(&mut self, solid: &[Shape], kidneys: &[Keep]) {
        let s = self.habitus.scale;
        let cavity = self.habitus.cavity();
        let mut taken: Vec<Shape> = Vec::new();

        // Ascending and descending colon lie in the flanks, the transverse one in front.
        let flank = |side: f32, x: f32, y: f32, top: f32| {
            vec![[side * x * s, y * s, -140.0], [side * x * s, y * s, top]]
        };
        let transverse = vec![
            [-92.0 * s, -20.0 * s, -38.0],
            [-58.0 * s, -62.0 * s, -30.0],
            [0.0, -72.0 * s, -24.0],
            [54.0 * s, -64.0 * s, -10.0],
            [92.0 * s, -30.0 * s, 24.0],
        ];
        let colon = [
            (flank(-1.0, 103.0, 6.0, -44.0), 21.0),
            (flank(1.0, 107.0, 14.0, 10.0), 14.0),
            (transverse, 17.0),
        ];
        for (path, radius) in colon {
            let seed = self.stream.word() as u32;
            let colon = Shape::Chain { path, radius }
                .lumpy(0.13 * radius, 13.0, seed)
                .common(cavity.clone().inset(1.0));
            let gas_level = colon.middle()[1] - 0.25 * radius;
            self.hollow(&colon, 2.2, (Tissue::Stool, 60.0, 5.0), Some(gas_level));
            taken.push(colon);
        }

        // Loops of small bowel wander where there is room.
        let mut loops = 0;
        for _ in 0..2500 {
            if loops == 40 {
                break;
            }
            let radius = self.stream.between(9.0, 13.5) as f32;
            let mut path = vec![[
                self.stream.between(-88.0, 92.0) as f32 * s,
                self.stream.between(-72.0, 16.0) as f32 * s,
                self.stream.between(-105.0, 45.0) as f32,
            ]];
            let mut heading = [0.0f32; 3];
            for h in &mut heading {
                *h = self.stream.between(-1.0, 1.0) as f32;
            }
            for _ in 0..6 {
                for h in &mut heading {
                    *h += self.stream.between(-0.6, 0.6) as f32;
                }
                let last = path[path.len() - 1];
                path.push(add_scaled(
                    last,
                    heading,
                    1.3 * radius / norm(heading).max(0.1),
                ));
            }
            let free = |p: &Point| {
                let margin = radius + 2.5;
                cavity.distance_mm(*p) < -margin
                    && p[1] < 22.0 * s
                    && solid
                        .iter()
                        .chain(&taken)
                        .all(|o| o.distance_mm(*p) > margin)
                    && kidneys
                        .iter()
                        .all(|k| k.shape.distance_mm(*p) > margin + 4.0)
                    && norm(sub([p[0], p[1], 0.0], [0.0, -6.0 * s, 0.0])) > radius + 22.0
            };
            let length = path.iter().take_while(|p| free(p)).count();
            if length < 3 {
                continue;
            }
            let seed = self.stream.word() as u32;
            path.truncate(length);
            let gut = Shape::Chain { path, radius }.lumpy(1.2, 8.0, seed);
            let gas_level = gut.middle()[1] - 0.3 * radius;
            let gas = (self.stream.uniform() < 0.3).then_some(gas_level);
            self.hollow(&gut, 2.4, (Tissue::BowelContent, 12.0, 8.0), gas);
            taken.push(gut);
            loops += 1;
        }
    }

    /// A hollow organ: wall, content (with its mottle in HU and its wavelength in mm), and
    /// gas in front of a level, where it collects in a patient on the back.
    fn hollow(
        &mut self,
        organ: &Shape,
        wall_mm: f32,
        content: (Tissue, f32, f32),
        gas_level: Option<f32>,
    ) {
        let seed = self.stream.word() as u32;
        let (tissue, mottle_hu, wavelength_mm) = content;
        let lumen = Paint::of(tissue, self.phase, mottle_hu, wavelength_mm, seed);
        let wall = Part::unlabelled(organ.clone(), Tissue::BowelWall, self.phase, 5.0, seed);
        self.parts.push(wall.then(wall_mm, lumen));
        if let Some(level) = gas_level {
            let bubble = organ
                .clone()
                .inset(wall_mm + 0.3)
                .common(in_front_of(level));
            self.push(bubble, Tissue::BowelGas, 0.0);
        }
    }

    fn great_vessels(&mut self, kidneys: &[Keep]) {
        let aorta = [self.at(7.0, -2.0, 160.0), self.at(8.0, -3.0, -160.0)];
        let cava = [self.at(-20.0, -4.0, 160.0), self.at(-19.0, 1.0, -160.0)];
        for keep in kidneys {
            let Some(hilum) = keep.hilum else { continue };
            let leftward = hilum[0] > 0.0;
            let from_cava = [if leftward { 2.0 } else { -24.0 }, -15.0, hilum[2] + 4.0];
            let vein_start = self.at(from_cava[0], from_cava[1], from_cava[2]);
            if leftward {
                // The left vein crosses in front of the aorta.
                let join = self.at(-18.0, -9.0, hilum[2] + 6.0);
                self.push(
                    Shape::tube(join, vein_start, 5.0, 5.0),
                    Tissue::RenalVein,
                    0.0,
                );
            }
            self.push(
                Shape::tube(vein_start, hilum, 5.2, 4.6),
                Tissue::RenalVein,
                0.0,
            );
            let artery_start = self.at(7.0, -1.0, hilum[2] + 10.0);
            self.push(
                Shape::tube(artery_start, hilum, 3.0, 2.6),
                Tissue::RenalArtery,
                0.0,
            );
            // The ureter runs down on the psoas.
            let side = if leftward { 1.0 } else { -1.0 };
            let knee = self.at(side * 40.0, 13.0, hilum[2] - 45.0);
            let foot = self.at(side * 36.0, 9.0, -170.0);
            self.push(Shape::tube(hilum, knee, 3.0, 2.0), Tissue::Urine, 0.0);
            self.push(Shape::tube(knee, foot, 2.0, 2.0), Tissue::Urine, 0.0);
        }
        let s = self.habitus.scale;
        self.push(
            Shape::tube(cava[0], cava[1], 11.5 * s, 11.0 * s),
            Tissue::VenaCava,
            5.0,
        );
        self.push(
            Shape::tube(aorta[0], aorta[1], 10.5 * s, 9.0 * s),
            Tissue::Aorta,
            3.0,
        );
        // Superior mesenteric artery and vein; portal and splenic vein.
        let sma = [
            self.at(7.0, -12.0, 32.0),
            self.at(4.0, -22.0, 8.0),
            self.at(6.0, -26.0, -110.0),
        ];
        self.push(Shape::tube(sma[0], sma[1], 3.6, 3.4), Tissue::Aorta, 0.0);
        self.push(Shape::tube(sma[1], sma[2], 3.4, 2.6), Tissue::Aorta, 0.0);
        let smv = [
            self.at(-8.0, -27.0, -110.0),
            self.at(-10.0, -24.0, 22.0),
            self.at(-38.0, -18.0, 62.0),
        ];
        self.push(
            Shape::tube(smv[0], smv[1], 4.2, 5.8),
            Tissue::PortalVein,
            0.0,
        );
        self.push(
            Shape::tube(smv[1], smv[2], 6.4, 6.2),
            Tissue::PortalVein,
            0.0,
        );
        let hilum = self.at(82.0, 14.0, 52.0);
        self.push(
            Shape::tube(self.at(2.0, -22.0, 31.0), hilum, 4.2, 3.6),
            Tissue::PortalVein,
            0.0,
        );
    }
}

/// All that lies in front of a level, mm.
fn in_front_of(level: f32) -> Shape {
    Shape::Torso {
        center: [0.0, level - 2000.0],
        radii: [2000.0; 2],
        squareness: 0.0,
    }
}

/// A kidney (with its tumour) that the rest of the torso makes room for.
pub(crate) struct Keep {
    pub shape: Shape,
    /// Where its vessels and ureter meet it, if they are painted.
    pub hilum: Option<Point>,
}

/// The fat capsule and fascia about a kidney, painted before it.
pub(crate) fn gerota(kidney: &Kidney, phase: Phase) -> Vec<Part> {
    let around = |grow: f32| Shape::Ellipsoid {
        center: kidney.center,
        radii: kidney.radii.map(|r| r + grow),
        axes: kidney.axes,
        bend: 0.0,
    };
    let fascia = Paint::Flat(Tissue::VisceralFat.hounsfield(phase) + 70.0);
    let fat = Paint::Flat(Tissue::VisceralFat.hounsfield(phase));
    vec![Part {
        shape: around(11.0),
        layers: vec![
            Layer {
                depth_mm: 0.0,
                paint: fascia,
            },
            Layer {
                depth_mm: 1.0,
                paint: fat,
            },
        ],
        label: Label::Background,
    }]
}
