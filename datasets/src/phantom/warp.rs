//! A smooth displacement of the whole body.

use super::{random::Stream, shape::Point};

/// A smooth displacement of the whole body, so that nothing is an exact ellipse.
pub(crate) struct Warp {
    modes: Vec<Mode>,
    /// No point moves further along an axis, mm.
    pub reach: Point,
}

struct Mode {
    amplitude: Point,
    wave: Point,
    phase: Point,
}

impl Warp {
    const MODES: usize = 3;
    const AMPLITUDE_MM: f64 = 2.8;

    pub fn draw(seed: u64) -> Self {
        let mut stream = Stream::new(seed, "warp");
        let modes: Vec<Mode> = (0..Self::MODES)
            .map(|_| Mode {
                amplitude: std::array::from_fn(|_| {
                    stream.between(-Self::AMPLITUDE_MM, Self::AMPLITUDE_MM) as f32
                }),
                wave: std::array::from_fn(|_| {
                    (std::f64::consts::TAU / stream.between(110.0, 260.0)) as f32
                }),
                phase: std::array::from_fn(|_| stream.between(0.0, std::f64::consts::TAU) as f32),
            })
            .collect();
        let reach = std::array::from_fn(|i| modes.iter().map(|m| m.amplitude[i].abs()).sum());
        Self { modes, reach }
    }

    /// No displacement.
    pub fn none() -> Self {
        Self {
            modes: Vec::new(),
            reach: [0.0; 3],
        }
    }

    /// Where each pixel of a plane lies in the unwarped body.
    ///
    /// # Shapes
    /// Returns `[y, x]`, as many as `ys` times `xs`.
    pub fn plane(&self, xs: &[f32], ys: &[f32], z: f32) -> Vec<Point> {
        // Each mode is a product of three sines, so two tables and a number per mode do.
        let table = |mode: &Mode, axis: usize, at: &[f32]| -> Vec<f32> {
            at.iter()
                .map(|v| libm::sinf(mode.wave[axis] * v + mode.phase[axis]))
                .collect()
        };
        let tables: Vec<(Vec<f32>, Vec<f32>, Point)> = self
            .modes
            .iter()
            .map(|mode| {
                let along_z = libm::sinf(mode.wave[2] * z + mode.phase[2]);
                (
                    table(mode, 0, xs),
                    table(mode, 1, ys),
                    mode.amplitude.map(|a| a * along_z),
                )
            })
            .collect();
        let mut points = Vec::with_capacity(xs.len() * ys.len());
        for (row, &y) in ys.iter().enumerate() {
            for (column, &x) in xs.iter().enumerate() {
                let mut p = [x, y, z];
                for (along_x, along_y, amplitude) in &tables {
                    let product = along_x[column] * along_y[row];
                    for i in 0..3 {
                        p[i] += amplitude[i] * product;
                    }
                }
                points.push(p);
            }
        }
        points
    }
}
