//! Resizing along the three axes by tables of two taps an output index: trilinear and nearest.

use rayon::prelude::*;

/// From which input indices, and with which weights, an output index is made.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tap {
    low: usize,
    high: usize,
    low_weight: f32,
    high_weight: f32,
}

impl Tap {
    /// The taps that count.
    fn used(self) -> impl Iterator<Item = (usize, f32)> {
        [(self.low, self.low_weight), (self.high, self.high_weight)]
            .into_iter()
            .filter(|tap| tap.1 != 0.0)
    }
}

/// How output indices are made of input indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// Linear along each axis, voxel centres at `index + 1/2` (`align_corners` false), the
    /// border repeated.
    Trilinear,
    /// The input voxel at `floor(index * input / output)`, as PyTorch's `nearest`.
    Nearest,
}

/// A resizing of `[D, H, W]` arrays.
#[derive(Debug, Clone, PartialEq)]
pub struct Resize {
    input: [usize; 3],
    output: [usize; 3],
    taps: [Vec<Tap>; 3],
    /// The same from the other side: for each input slice, its output slices.
    slices: Vec<Vec<(usize, f32)>>,
}

impl Resize {
    /// The tables of a resizing, or `None` where an extent is 0.
    #[must_use]
    pub fn new(input: [usize; 3], output: [usize; 3], by: Interpolation) -> Option<Self> {
        if input.contains(&0) || output.contains(&0) {
            return None;
        }
        let taps = [0, 1, 2].map(|axis| taps(input[axis], output[axis], by));
        let mut slices = vec![Vec::new(); input[0]];
        for (out, tap) in taps[0].iter().enumerate() {
            for (slice, weight) in tap.used() {
                slices[slice].push((out, weight));
            }
        }
        Some(Self {
            input,
            output,
            taps,
            slices,
        })
    }

    /// Input, then output, `[D, H, W]` each.
    #[cfg(feature = "cuda")]
    pub(crate) fn extents(&self) -> [[usize; 3]; 2] {
        [self.input, self.output]
    }

    /// Input indices and weights of every output index, the axes one after the other.
    #[cfg(feature = "cuda")]
    pub(crate) fn taps(&self) -> impl Iterator<Item = ([usize; 2], [f32; 2])> {
        self.taps
            .iter()
            .flatten()
            .map(|tap| ([tap.low, tap.high], [tap.low_weight, tap.high_weight]))
    }

    /// Voxels of one input channel.
    #[must_use]
    pub fn voxels_in(&self) -> usize {
        self.input.iter().product()
    }

    /// Voxels of one output channel.
    #[must_use]
    pub fn voxels_out(&self) -> usize {
        self.output.iter().product()
    }

    /// Resize.
    ///
    /// # Shapes
    /// `x` `[N C, input]`, `y` `[N C, output]`.
    pub fn forward(&self, x: &[f32], y: &mut [f32]) {
        let [_, rows, columns] = self.input;
        let [slices_out, _, columns_out] = self.output;
        y.par_chunks_mut(self.voxels_out() / slices_out)
            .enumerate()
            .for_each_init(
                || vec![0f32; columns],
                |row, (index, y)| {
                    let x = &x[index / slices_out * self.voxels_in()..][..self.voxels_in()];
                    let tap_z = self.taps[0][index % slices_out];
                    for (y, tap_y) in y.chunks_exact_mut(columns_out).zip(&self.taps[1]) {
                        row.fill(0.0);
                        for (z, weight_z) in tap_z.used() {
                            for (r, weight_y) in tap_y.used() {
                                let x = &x[(z * rows + r) * columns..][..columns];
                                axpy(weight_z * weight_y, x, row);
                            }
                        }
                        for (y, tap) in y.iter_mut().zip(&self.taps[2]) {
                            let low = row[tap.low] * tap.low_weight;
                            *y = if tap.high_weight == 0.0 {
                                low
                            } else {
                                low + row[tap.high] * tap.high_weight
                            };
                        }
                    }
                },
            );
    }

    /// The transpose of [`Resize::forward`], which is its gradient.
    ///
    /// # Shapes
    /// `grad_y` `[N C, output]`, `grad_x` `[N C, input]`, zero on entry.
    pub fn gradient(&self, grad_y: &[f32], grad_x: &mut [f32]) {
        let [slices, _, columns] = self.input;
        let [_, rows_out, columns_out] = self.output;
        grad_x
            .par_chunks_mut(self.voxels_in() / slices)
            .enumerate()
            .for_each_init(
                || vec![0f32; columns],
                |row, (index, grad_x)| {
                    let grad_y = &grad_y[index / slices * self.voxels_out()..][..self.voxels_out()];
                    for &(z, weight_z) in &self.slices[index % slices] {
                        for (r, tap_y) in self.taps[1].iter().enumerate() {
                            row.fill(0.0);
                            let grad_y = &grad_y[(z * rows_out + r) * columns_out..][..columns_out];
                            for (&g, tap) in grad_y.iter().zip(&self.taps[2]) {
                                row[tap.low] += g * tap.low_weight;
                                if tap.high_weight != 0.0 {
                                    row[tap.high] += g * tap.high_weight;
                                }
                            }
                            for (r, weight_y) in tap_y.used() {
                                let grad_x = &mut grad_x[r * columns..][..columns];
                                axpy(weight_z * weight_y, row, grad_x);
                            }
                        }
                    }
                },
            );
    }
}

fn axpy(weight: f32, x: &[f32], y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += weight * x;
    }
}

fn taps(input: usize, output: usize, by: Interpolation) -> Vec<Tap> {
    (0..output)
        .map(|out| match by {
            Interpolation::Nearest => {
                let low = (out * input / output).min(input - 1);
                Tap {
                    low,
                    high: low,
                    low_weight: 1.0,
                    high_weight: 0.0,
                }
            }
            Interpolation::Trilinear => {
                let scale = input as f64 / output as f64;
                let at = ((out as f64 + 0.5) * scale - 0.5).max(0.0);
                let low = (at as usize).min(input - 1);
                let high = (low + 1).min(input - 1);
                let weight = if high == low { 0.0 } else { at - low as f64 };
                Tap {
                    low,
                    high,
                    low_weight: (1.0 - weight) as f32,
                    high_weight: weight as f32,
                }
            }
        })
        .collect()
}
