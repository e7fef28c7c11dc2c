//! Prints the best time of each pass of 3x3x3 layers, and the peak of fused multiply-adds as
//! the product of a matrix that never leaves the first cache shows it.
//! `cargo run --release -p renalflow-segmentation --example layer_timing`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use renalflow_segmentation::kernels::conv::{self, ConvShape, PackedConv, Source};
use std::time::Instant;

fn best(mut run: impl FnMut()) -> f64 {
    run();
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..10).map(time).fold(f64::INFINITY, f64::min)
}

fn main() {
    let noise = |len: usize| -> Vec<f32> {
        (0..len)
            .map(|i| ((i * 7919 % 1013) as f32) / 506.5 - 1.0)
            .collect()
    };
    for (c, [d, h, w]) in [
        (16, [64, 96, 96]),
        (32, [32, 48, 48]),
        (64, [16, 24, 24]),
        (128, [8, 12, 12]),
    ] {
        let shape = ConvShape::new([1, c, d, h, w], [c, c, 3, 3, 3], [1; 3], [1; 3]).unwrap();
        let (x, weight) = (noise(shape.len_in()), noise(shape.len_weight()));
        let (gy, mut y) = (noise(shape.len_out()), noise(shape.len_out()));
        let mut gw = weight.clone();
        let packed = PackedConv::new(&shape, &weight);
        let forward = best(|| drop(packed.run(&[Source::plain(&x, c)], None, &mut y, false)));
        let to_input = best(|| conv::backward_input(&shape, &gy, &weight, None, &mut y));
        let to_weight = best(|| conv::backward_weight(&shape, &x, &gy, &mut gw));
        println!(
            "{c} forward {forward:.6}\n{c} to_input {to_input:.6}\n{c} to_weight {to_weight:.6}"
        );
    }
    println!("peak GFLOP/s {:.1}", peak());
}

/// GFLOP/s of all threads on sums that stay in registers.
fn peak() -> f64 {
    let threads = rayon::current_num_threads();
    let rounds = 4_000_000usize;
    let seconds = best(|| {
        rayon::broadcast(|_| renalflow_segmentation::kernels::simd::multiply_adds(rounds));
    });
    let per_round = renalflow_segmentation::kernels::simd::FLOP_PER_ROUND;
    (threads * rounds * per_round) as f64 / seconds / 1e9
}
