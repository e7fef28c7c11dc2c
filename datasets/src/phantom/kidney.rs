//! A kidney: a bean with cortex, medullary pyramids, sinus fat, pelvis and calyces.

use super::{
    paint::{Label, Layer, Paint, Part},
    random::Stream,
    shape::{Axes, Point, Shape, add_scaled, turned},
    tissue::{Phase, Tissue},
    tumour::Side,
};

/// Thickness of the cortex outside the pyramids, mm.
pub(crate) const CORTEX_MM: f32 = 5.5;

/// One kidney in its own frame: local x to the flank, local y to the back, local z to the
/// upper pole.
#[derive(Debug, Clone)]
pub(crate) struct Kidney {
    pub center: Point,
    pub radii: Point,
    pub axes: Axes,
    /// How far the poles lean medially, mm.
    bend: f32,
}

impl Kidney {
    /// Draw a kidney of a side. `scale` is the patient's width against the average.
    pub fn draw(side: Side, scale: f32, stream: &mut Stream) -> Self {
        let length = stream.normal_within(1.0, 0.06, 2.0) as f32;
        let breadth = stream.normal_within(1.0, 0.06, 2.0) as f32;
        let mut axes = turned(
            stream.normal_within(0.60, 0.10, 2.0),
            stream.normal_within(-0.16, 0.05, 2.0),
            stream.normal_within(-0.22, 0.05, 2.0),
        );
        // The right kidney mirrors the left and lies lower, under the liver.
        let (mirror, drop) = match side {
            Side::Left => (1.0, 7.0),
            Side::Right => (-1.0, -9.0),
        };
        for axis in &mut axes {
            axis[0] *= mirror;
        }
        Self {
            center: [
                mirror * (69.0 * scale + stream.normal_within(0.0, 2.0, 2.0) as f32),
                27.0 * scale + stream.normal_within(0.0, 2.0, 2.0) as f32,
                drop + stream.normal_within(0.0, 4.0, 2.0) as f32,
            ],
            radii: [28.0 * breadth, 23.5 * breadth, 55.0 * length],
            axes,
            bend: 9.0,
        }
    }

    /// A point given in the kidney's frame, as shares of its radii, in the world.
    fn at(&self, share: Point) -> Point {
        let mut p = self.center;
        for ((axis, radius), share) in self.axes.iter().zip(self.radii).zip(share) {
            p = add_scaled(p, *axis, share * radius);
        }
        // The bean's axis leans medially towards the poles.
        add_scaled(p, self.axes[0], -self.bend * share[2] * share[2])
    }

    /// The outline, hilum filled.
    pub fn outline(&self) -> Shape {
        Shape::Ellipsoid {
            center: self.center,
            radii: self.radii,
            axes: self.axes,
            bend: self.bend,
        }
    }

    fn sinus(&self) -> Shape {
        let [x, y, z] = self.radii;
        Shape::turned_ellipsoid(
            self.at([-0.72, 0.0, 0.0]),
            [0.74 * x, 0.44 * y, 0.50 * z],
            self.axes,
        )
        .lumpy(1.3, 9.0, 31)
    }

    /// Where the renal vessels end and the ureter begins.
    pub fn hilum(&self) -> Point {
        self.at([-0.85, 0.0, 0.0])
    }

    /// The kidney's parts, in painting order: parenchyma, sinus, collecting system, cysts.
    pub fn parts(&self, phase: Phase, stream: &mut Stream) -> Vec<Part> {
        let outline = self.outline();
        let seed = stream.word() as u32;
        let mut parts = vec![Part::labelled(
            outline.clone().lumpy(0.7, 17.0, seed),
            Tissue::Cortex,
            phase,
            Label::Kidney,
            3.0,
            seed,
        )];

        // Two rows of pyramids, before and behind the sinus, and one at either pole.
        let mut calyces = Vec::new();
        let inner = outline.clone().inset(CORTEX_MM);
        for (row, &height) in [-0.74f32, -0.44, -0.15, 0.15, 0.44, 0.74]
            .iter()
            .enumerate()
        {
            for direction in [-1.0f32, 1.0] {
                let lateral = stream.between(0.10, 0.28) as f32;
                let center = self.at([
                    lateral,
                    0.42 * direction * (1.0 - 0.35 * height.abs()),
                    height + stream.between(-0.03, 0.03) as f32,
                ]);
                let pyramid = Shape::turned_ellipsoid(center, [13.0, 8.2, 7.8], self.axes)
                    .common(inner.clone());
                parts.push(Part::labelled(
                    pyramid,
                    Tissue::Medulla,
                    phase,
                    Label::Kidney,
                    3.0,
                    seed ^ row as u32,
                ));
                if row % 2 == usize::from(direction > 0.0) {
                    calyces.push(self.at([-0.25, 0.22 * direction, 0.85 * height]));
                }
            }
        }

        parts.push(Part::unlabelled(
            self.sinus(),
            Tissue::VisceralFat,
            phase,
            0.0,
            0,
        ));
        let pelvis = self.at([-0.78, 0.05, -0.04]);
        for calyx in calyces {
            let infundibulum = Shape::tube(pelvis, calyx, 2.6, 1.9);
            parts.push(Part::unlabelled(infundibulum, Tissue::Urine, phase, 0.0, 0));
        }
        parts.push(Part::unlabelled(
            Shape::turned_ellipsoid(pelvis, [8.0, 5.0, 10.0], self.axes),
            Tissue::Urine,
            phase,
            0.0,
            0,
        ));
        // Segmental vessels in the sinus fat.
        for direction in [-1.0f32, 1.0] {
            let target = self.at([-0.22, 0.1 * direction, 0.36 * direction]);
            parts.push(Part::unlabelled(
                Shape::tube(self.hilum(), target, 2.8, 1.8),
                Tissue::RenalVein,
                phase,
                0.0,
                0,
            ));
        }

        // Simple cysts belong to the kidney in KiTS19, and so here.
        if stream.uniform() < 0.3 {
            let radius = stream.between(3.5, 10.0) as f32;
            let place = self.at([
                stream.between(0.3, 0.85) as f32,
                stream.between(-0.4, 0.4) as f32,
                stream.between(-0.6, 0.6) as f32,
            ]);
            parts.push(Part {
                shape: Shape::ellipsoid(place, [radius; 3]),
                layers: vec![Layer {
                    depth_mm: 0.0,
                    paint: Paint::Flat(Tissue::Cyst.hounsfield(phase)),
                }],
                label: Label::Kidney,
            });
        }
        parts
    }
}
