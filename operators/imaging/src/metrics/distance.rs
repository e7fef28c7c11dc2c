//! Exact Euclidean distance transform.

use ndarray::{ArrayViewMut3, Axis};
use rayon::prelude::*;

/// Squared distance in mm² from each point of a grid to the nearest point of a set; infinite
/// everywhere if the set is empty.
///
/// One axis after the other, each line as the lower envelope of parabolas (Felzenszwalb,
/// Huttenlocher: Distance transforms of sampled functions, Theory Comput 2012;8:415-428).
///
/// # Shapes
/// `set`: `[z, y, x]` in C order; so is the result.
pub(super) fn squared_distances_mm2(
    set: &[bool],
    shape_zyx: [usize; 3],
    spacing_zyx_mm: [f64; 3],
) -> Vec<f64> {
    let [depth, rows, columns] = shape_zyx;
    let mut squared: Vec<f64> = set
        .par_iter()
        .map(|&member| if member { 0.0 } else { f64::INFINITY })
        .collect();
    squared
        .par_chunks_mut(rows * columns)
        .for_each_init(Envelope::default, |envelope, slice| {
            for line in slice.chunks_exact_mut(columns) {
                envelope.transform(line, spacing_zyx_mm[2]);
            }
            let mut line = vec![0.0; rows];
            for x in 0..columns {
                for (y, value) in line.iter_mut().enumerate() {
                    *value = slice[y * columns + x];
                }
                envelope.transform(&mut line, spacing_zyx_mm[1]);
                for (y, value) in line.iter().enumerate() {
                    slice[y * columns + x] = *value;
                }
            }
        });
    let mut view = ArrayViewMut3::from_shape((depth, rows, columns), &mut squared)
        .expect("as many values as the shape has");
    let planes: Vec<_> = view.axis_iter_mut(Axis(1)).collect();
    planes
        .into_par_iter()
        .for_each_init(Envelope::default, |envelope, mut plane| {
            let mut line = vec![0.0; depth];
            for mut column in plane.columns_mut() {
                for (value, from) in line.iter_mut().zip(&column) {
                    *value = *from;
                }
                envelope.transform(&mut line, spacing_zyx_mm[0]);
                for (to, value) in column.iter_mut().zip(&line) {
                    *to = *value;
                }
            }
        });
    squared
}

/// The lower envelope of parabolas over one line; kept between lines for its memory.
#[derive(Default)]
struct Envelope {
    /// Index and height of each parabola's vertex.
    vertices: Vec<(usize, f64)>,
    /// Where each parabola takes over from the one before, in voxels.
    from: Vec<f64>,
}

impl Envelope {
    /// `line[i] <- min over j of line[j] + (spacing (i - j))²`.
    fn transform(&mut self, line: &mut [f64], spacing_mm: f64) {
        self.vertices.clear();
        self.from.clear();
        let square = spacing_mm * spacing_mm;
        for (i, &height) in line.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let mut from = f64::NEG_INFINITY;
            while let (Some(&(j, other)), Some(&start)) = (self.vertices.last(), self.from.last()) {
                let (a, b) = (i as f64, j as f64);
                from = ((height - other) / square + a * a - b * b) / (2.0 * (a - b));
                if from > start {
                    break;
                }
                self.vertices.pop();
                self.from.pop();
                from = f64::NEG_INFINITY;
            }
            self.vertices.push((i, height));
            self.from.push(from);
        }
        if self.vertices.is_empty() {
            return;
        }
        let mut k = 0;
        for (i, value) in line.iter_mut().enumerate() {
            while self.from.get(k + 1).is_some_and(|&from| from < i as f64) {
                k += 1;
            }
            let (j, height) = self.vertices[k];
            let apart = i as f64 - j as f64;
            *value = height + square * apart * apart;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brute_force(set: &[bool], shape: [usize; 3], spacing: [f64; 3]) -> Vec<f64> {
        let place = |i: usize| {
            [
                (i / (shape[1] * shape[2])) as f64,
                (i / shape[2] % shape[1]) as f64,
                (i % shape[2]) as f64,
            ]
        };
        (0..set.len())
            .map(|i| {
                (0..set.len())
                    .filter(|&j| set[j])
                    .map(|j| {
                        (0..3)
                            .map(|a| ((place(i)[a] - place(j)[a]) * spacing[a]).powi(2))
                            .sum::<f64>()
                    })
                    .fold(f64::INFINITY, f64::min)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn equals_brute_force(
            shape in [1usize..6, 1usize..6, 1usize..7],
            spacing in [0.3f64..5.0, 0.3f64..5.0, 0.3f64..5.0],
            seed in prop::collection::vec(0u8..12, 180),
        ) {
            let n = shape.iter().product::<usize>();
            let set: Vec<bool> = seed.iter().cycle().take(n).map(|&v| v == 0).collect();
            let got = squared_distances_mm2(&set, shape, spacing);
            for (a, b) in got.iter().zip(brute_force(&set, shape, spacing)) {
                prop_assert!(*a == b || (a - b).abs() < 1e-9 * (1.0 + b), "{a} {b}");
            }
        }
    }
}
