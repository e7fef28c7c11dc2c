//! Every kernel and every instruction set against the portable convolution in `f64`.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::kernels::conv::{portable, source::Affine};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn noise(rng: &mut impl Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-1.0f32..1.0)).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

fn relative(a: &[f32], b: &[f64]) -> f64 {
    let norm = b.iter().map(|b| b * b).sum::<f64>();
    let off: f64 = a
        .iter()
        .zip(b)
        .map(|(&a, b)| (f64::from(a) - b).powi(2))
        .sum();
    (off / norm.max(1e-30)).sqrt()
}

/// `[N, I, D, H, W]`, O, kernel, stride, padding.
type Case = ([usize; 5], usize, [usize; 3], [usize; 3], [usize; 3]);

const CASES: [Case; 16] = [
    ([1, 16, 8, 6, 32], 16, [3; 3], [1; 3], [1; 3]),
    ([2, 5, 7, 9, 11], 7, [3; 3], [1; 3], [1; 3]),
    ([1, 8, 5, 4, 48], 3, [3; 3], [1; 3], [1; 3]),
    ([1, 7, 6, 8, 19], 9, [3; 3], [1; 3], [0; 3]),
    ([1, 4, 6, 8, 19], 9, [3; 3], [1; 3], [2, 0, 1]),
    ([1, 1, 6, 5, 33], 16, [3; 3], [1; 3], [1; 3]),
    ([2, 6, 7, 9, 11], 10, [3; 3], [2; 3], [1; 3]),
    ([1, 6, 8, 8, 40], 8, [3; 3], [2; 3], [1; 3]),
    ([1, 6, 5, 9, 20], 8, [1, 3, 3], [1, 2, 2], [0, 1, 1]),
    ([1, 6, 5, 9, 20], 8, [1, 3, 3], [1; 3], [0, 1, 1]),
    ([1, 16, 5, 9, 20], 3, [1; 3], [1; 3], [0; 3]),
    ([1, 5, 4, 6, 18], 4, [2; 3], [2; 3], [0; 3]),
    ([1, 3, 9, 8, 7], 2, [2, 1, 5], [3, 2, 1], [1, 0, 4]),
    ([1, 3, 5, 5, 5], 2, [1; 3], [2; 3], [0; 3]),
    ([1, 9, 4, 6, 6], 6, [3, 3, 5], [1; 3], [1, 1, 2]),
    ([1, 2, 1, 1, 1], 5, [3; 3], [1; 3], [1; 3]),
];

#[test]
fn every_kernel_is_the_formula() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut worst = 0f64;
    for (x, o, kernel, stride, padding) in CASES {
        let weight = [o, x[1], kernel[0], kernel[1], kernel[2]];
        let shape = ConvShape::new(x, weight, stride, padding).unwrap();
        let (x, w) = (
            noise(&mut rng, shape.len_in()),
            noise(&mut rng, shape.len_weight()),
        );
        let (b, gy) = (noise(&mut rng, o), noise(&mut rng, shape.len_out()));
        let mut y = vec![0f64; y_len(&shape)];
        portable::forward(&shape, &wide(&x), &wide(&w), Some(&wide(&b)), &mut y);
        let mut gx = vec![0f64; x.len()];
        portable::backward_input(&shape, &wide(&gy), &wide(&w), &mut gx);
        let mut gw = vec![0f64; w.len()];
        portable::backward_weight(&shape, &wide(&x), &wide(&gy), &mut gw);
        for isa in Isa::available() {
            let mut ours = [
                vec![9f32; y.len()],
                vec![9f32; gx.len()],
                vec![9f32; gw.len()],
            ];
            let sources = [Source::plain(&x, shape.channels_in)];
            let moments =
                PackedConv::with_isa(isa, &shape, &w).run(&sources, Some(&b), &mut ours[0], true);
            backward_input_with(isa, &shape, &gy, &w, None, &mut ours[1]);
            backward_weight_with(isa, &shape, &sources, &gy, &mut ours[2]);
            for (what, (ours, truth)) in ["y", "gx", "gw"]
                .iter()
                .zip(ours.iter().zip([&y, &gx, &gw]))
            {
                let off = relative(ours, truth);
                worst = worst.max(off);
                assert!(off < 3e-6, "{isa:?} {what} {off:.1e} {shape:?}");
            }
            for (moments, y) in moments.iter().zip(y.chunks(shape.voxels_out())) {
                let mean = y.iter().sum::<f64>() / y.len() as f64;
                let squares: f64 = y.iter().map(|y| (y - mean).powi(2)).sum();
                assert!((moments.mean - mean).abs() < 1e-5, "{moments:?} {mean}");
                assert!(
                    (moments.squares - squares).abs() < 1e-4 * (squares + 1e-3),
                    "{moments:?} {squares}"
                );
            }
        }
    }
    eprintln!("largest relative deviation {worst:.2e}");
}

fn y_len(shape: &ConvShape) -> usize {
    shape.len_out()
}

#[test]
fn two_sources_and_an_affine_on_the_way_in_are_what_they_replace() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for (stride, kernel, padding) in [(1, 3, 1), (2, 3, 1), (1, 1, 0)] {
        let shape = ConvShape::new(
            [2, 9, 6, 7, 21],
            [5, 9, kernel, kernel, kernel],
            [stride; 3],
            [padding; 3],
        )
        .unwrap();
        let voxels = shape.voxels_in();
        let (a, b) = (
            noise(&mut rng, 2 * 4 * voxels),
            noise(&mut rng, 2 * 5 * voxels),
        );
        let (scale, shift) = (noise(&mut rng, 8), noise(&mut rng, 8));
        let weight = noise(&mut rng, shape.len_weight());
        let mut together = Vec::new();
        for n in 0..2 {
            for c in 0..4 {
                let values = &a[(n * 4 + c) * voxels..(n * 4 + c + 1) * voxels];
                together.extend(values.iter().map(|x| {
                    let y = x.mul_add(scale[n * 4 + c], shift[n * 4 + c]);
                    if y > 0.0 { y } else { y * 0.01 }
                }));
            }
            together.extend_from_slice(&b[n * 5 * voxels..(n + 1) * 5 * voxels]);
        }
        let affine = Some(Affine {
            scale: &scale,
            shift: &shift,
            slope: 0.01,
        });
        let sources = [
            Source {
                data: &a,
                channels: 4,
                affine,
            },
            Source::plain(&b, 5),
        ];
        let mut truth = vec![0f64; shape.len_out()];
        portable::forward(&shape, &wide(&together), &wide(&weight), None, &mut truth);
        let mut y = vec![0f32; shape.len_out()];
        PackedConv::new(&shape, &weight).run(&sources, None, &mut y, false);
        assert!(relative(&y, &truth) < 3e-6, "{}", relative(&y, &truth));
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for (channels, stride) in [(16, 1), (16, 2), (128, 1)] {
        let shape = ConvShape::new(
            [1, channels, 8, 12, 20],
            [16, channels, 3, 3, 3],
            [stride; 3],
            [1; 3],
        )
        .unwrap();
        let (x, w) = (
            noise(&mut rng, shape.len_in()),
            noise(&mut rng, shape.len_weight()),
        );
        let gy = noise(&mut rng, shape.len_out());
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let mut all = [
                    vec![0f32; shape.len_out()],
                    vec![0f32; x.len()],
                    vec![0f32; w.len()],
                ];
                let sources = [Source::plain(&x, channels)];
                let moments = PackedConv::new(&shape, &w).run(&sources, None, &mut all[0], true);
                backward_input(&shape, &gy, &w, None, &mut all[1]);
                backward_weight(&shape, &x, &gy, &mut all[2]);
                (all, moments)
            })
        };
        let one = run(1);
        assert!((2..5).all(|threads| run(threads) == one));
    }
}
