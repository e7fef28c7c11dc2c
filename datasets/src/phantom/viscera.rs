//! What lies in the abdominal cavity, kidneys apart: mesentery, organs, bowel, great vessels.

use super::{
    paint::{Paint, Part},
    shape::{Point, Shape, add_scaled, norm, sub, turned},
    tissue::{Phase, Tissue},
    torso::{Keep, Torso},
};

impl Torso<'_> {
    /// Small vessels in the visceral fat.
    pub(super) fn mesentery(&mut self) {
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
    pub(super) fn organs(&mut self) -> Vec<Shape> {
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
    pub(super) fn bowel(&mut self, solid: &[Shape], kidneys: &[Keep]) {
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

    pub(super) fn great_vessels(&mut self, kidneys: &[Keep]) {
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
